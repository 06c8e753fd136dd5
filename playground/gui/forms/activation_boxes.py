"""Choice boxes of activations: of a hidden layer and of the outputs, with a small plot of each in the list."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QWidget

from playground.catalog.activations import ACTIVATIONS, resolve
from playground.catalog.tasks import TASKS
from playground.experiment import Experiment, edits, output_activation
from playground.experiment import warnings as warnings_about
from playground.gui.forms.curves import activation_picture
from playground.gui.widgets.choices import ChoiceBox
from playground.gui.widgets.theme import Theme
from playground.words import tr

PLOT_WIDTH, PLOT_HEIGHT = 44, 26
# Least width of the outputs' box, and what it takes beside the words.
OUTPUT_BOX, OUTPUT_ARROW = 96, 36
# Letters in a line of its tooltip.
TIP_LETTERS = 80


def show_plots(box: ChoiceBox, theme: Theme, name_of: Callable[[int], str]) -> None:
    """Put a plot beside each activation in a choice box's list."""

    def picture(index: int) -> QPixmap:
        record, parameter = resolve(name_of(index))
        return activation_picture(theme, record.name, parameter, PLOT_WIDTH, PLOT_HEIGHT)

    box.set_pictures(picture, PLOT_WIDTH, PLOT_HEIGHT)


class ActivationBox(ChoiceBox):
    """The activations that hidden layers can have, each with a plot of its value and slope in the list.

    Signals
    -------
    chosen(str)
        A name was picked.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, name: str, tip: str) -> None:
        super().__init__(theme, name, tip)
        self._names = [name for name, record in ACTIVATIONS.items() if record.hidden]
        self.offer((ACTIVATIONS[name].title, ACTIVATIONS[name].description) for name in self._names)
        show_plots(self, theme, lambda index: self._names[index])
        self.activated.connect(lambda index: self.chosen.emit(self._names[index]))

    def show_activation(self, activation: Any) -> None:
        """Show what holds; nothing is emitted."""
        with QSignalBlocker(self):
            self.setCurrentIndex(self._names.index(resolve(activation)[0].name))
        self.update()


class OutputActivationBox(ChoiceBox):
    """The last layer's activation: what fits the task first, then whatever else goes with it; its tooltip says why.

    Signals
    -------
    chosen(name or None)
        None: what fits the task.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, "", "")
        self.setAccessibleName(tr("Output activation"))
        self.setParent(parent)
        self.setFixedSize(OUTPUT_BOX, 24)
        self.setFont(theme.font(11, 500))
        self._names: list[str | None] = []
        self._usual = ""
        self._shown: tuple[Any, ...] = ()
        show_plots(self, theme, lambda index: self._names[index] or self._usual)
        self.activated.connect(lambda index: self.chosen.emit(self._names[index]))

    def show_experiment(self, experiment: Experiment) -> None:
        """Offer what can be chosen and show what holds; nothing is emitted."""
        training = experiment.training
        task = TASKS[training.task]
        if self._shown != (training.task, training.loss):
            self._shown = (training.task, training.loss)
            usual = ACTIVATIONS[task.output_activation]
            self._usual = usual.name
            fitting = edits.fitting_output_activations(experiment)
            self._names = [None, *(name for name in fitting if name != usual.name)]
            self.offer(
                (ACTIVATIONS[name].title, ACTIVATIONS[name].description) for name in (usual.name, *self._names[1:]) if name
            )
        chosen = resolve(output_activation(experiment))[0].name
        with QSignalBlocker(self):
            self.setCurrentIndex(0 if chosen == self._usual else self._names.index(chosen) if chosen in self._names else -1)
        self.setFixedWidth(max(OUTPUT_BOX, self.fontMetrics().horizontalAdvance(self.currentText()) + OUTPUT_ARROW))
        words = [tr("What the last layer does with its sums. Keeps the weights."), task.reason, *warnings_about(experiment)]
        self.setToolTip("\n".join(line for sentence in words for line in wrap(sentence, TIP_LETTERS)))
        self.setStatusTip(words[0])
        self.update()
