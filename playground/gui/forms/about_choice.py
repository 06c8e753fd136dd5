"""What the catalog says about a choice: a plot, the formula, where its values lie, what it is for, where it is from."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from playground.catalog import activations
from playground.catalog.activations import Activation
from playground.catalog.schedules import ScheduleRecord
from playground.experiment import Experiment
from playground.experiment.fields import LEFT_TO_DATA
from playground.gui.forms.curves import activation_picture, schedule_curve, schedule_picture
from playground.gui.widgets.controls import TextLabel
from playground.gui.widgets.theme import Theme
from playground.words import plain_number, tr

WIDTH, HEIGHT = 220, 84


class AboutChoice(QWidget):
    """Shows a record of the catalog; hidden where there is nothing to say."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: tuple[Any, Any, int] | None = None
        self.picture = QLabel()
        self.formula = TextLabel(theme, "", 12, 600, "text", wordWrap=True)
        self.words = TextLabel(theme, "", 11, 400, "text_muted", wordWrap=True)
        self.source = TextLabel(theme, "", 11, 400, "text_faint", wordWrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for label in (self.picture, self.formula, self.words, self.source):
            column.addWidget(label)
        theme.changed.connect(self._paint)

    def show_record(self, record: Any, description: str, value: Any, experiment: Experiment) -> None:
        """Show what is known about a choice.

        Parameters
        ----------
        record
            From a registry of the catalog; None where the choice is from none.
        description
            What it does, in a sentence.
        value
            The choice as the experiment holds it, with its numbers.
        """
        training = experiment.training
        self._shown = (record, value, training.epochs)
        sentences = [description]
        if isinstance(record, Activation):
            sentences.append(self._reach(record))
        if isinstance(record, ScheduleRecord):
            sentences.append(self._rates(value, training.epochs, training.optimizer.learning_rate))
        for label, text in (
            (self.formula, getattr(record, "formula", "")),
            (self.words, " ".join(filter(None, sentences))),
            (self.source, getattr(record, "source", "")),
        ):
            label.setText(text)
            label.setVisible(bool(text))
        self._paint()
        self.setVisible(any(not label.isHidden() for label in (self.picture, self.formula, self.words, self.source)))

    def _reach(self, record: Activation) -> str:
        reach = tr("Saturates {0}.").format(record.saturates)
        if record.name not in LEFT_TO_DATA:
            # The others' ends are their own, not the data's.
            low, high = (plain_number(end) for end in record.range)
            reach = tr("Range {0} … {1}.").format(low, high) + " " + reach
        return reach if record.array_slope is None else reach + " " + tr("Dotted: its slope.")

    def _rates(self, spec: Any, epochs: int, rate: float) -> str:
        _, factor = schedule_curve(spec, epochs)
        first, last, most = (plain_number(float(f"{rate * share:.3g}")) for share in (factor[0], factor[-1], factor.max()))
        return tr("Rate {0} at first, {1} at most, {2} at epoch {3}.").format(first, most, last, f"{epochs:,}")

    def _paint(self) -> None:
        picture = self._picture()
        self.picture.setVisible(picture is not None)
        if picture is not None:
            self.picture.setPixmap(picture)

    def _picture(self) -> QPixmap | None:
        if self._shown is None:
            return None
        record, value, epochs = self._shown
        if isinstance(record, Activation):
            parameter = activations.resolve(value)[1] if value is not None else 0.0
            return activation_picture(self._theme, record.name, parameter, WIDTH, HEIGHT)
        if isinstance(record, ScheduleRecord):
            return schedule_picture(self._theme, value, epochs, WIDTH, HEIGHT)
        return None
