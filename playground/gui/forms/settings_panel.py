"""The settings drawer: every field of training, network and data in forms built from the specs, and each layer's own page."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from playground.catalog.tasks import TASKS
from playground.experiment import DataSpec, Experiment, ExperimentError, NetworkSpec, SyntheticSource, TrainingSpec
from playground.experiment import warnings as warnings_about
from playground.experiment.edits import with_field
from playground.experiment.fields import Field, Layers, field_of, kind_title
from playground.experiment.paths import value_at
from playground.gui.forms.form import ChoiceEditor, Form, Row
from playground.gui.widgets.choices import Segmented
from playground.gui.widgets.controls import GUTTER, IconButton, RailCard, TextLabel, put_into, scroll_area
from playground.gui.widgets.theme import Theme
from playground.words import tr

LAYERS = "network.layers"
OUTPUTS = "network.output_activation"
FIND_RATE = "training.optimizer.learning_rate.find"
PAGES = ("training", "network", "data")
# A page is made in parts, each within a frame: on a busy machine all of it at once would stop the window for longer than people
# bear.
PART_SECONDS = 0.016


class SettingsPanel(RailCard):
    """Pages of forms: training, network, data, and one for the layer or the outputs that were asked for.

    Signals
    -------
    setting_chosen(str label, str path, value)
        A new value for a field of the experiment, and what the undo menu is to call it.
    rate_asked()
        The user wants a learning rate to be found.
    closed()
        The user wants the data panel back.
    """

    setting_chosen = Signal(str, str, object)
    rate_asked = Signal()
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, tr("Settings"), parent)
        self._theme = theme
        self._experiment: Experiment | None = None
        # What the page shows.
        self._shown: Experiment | None = None
        self.place = ""
        self.page: Page | None = None
        self.back_button = IconButton(theme, "previous", tr("Back to all layers"), size=28)
        self.close_button = IconButton(theme, "close", tr("Close the settings (Esc)"), size=28)
        self.header.insertWidget(0, self.back_button)
        self.header.addWidget(self.close_button)
        self.tabs = Segmented(
            theme,
            [
                ("training", tr("Training"), tr("How it learns: optimizer, loss, what keeps weights small.")),
                ("network", tr("Network"), tr("What learns: layers, outputs, first weights.")),
                ("data", tr("Data"), tr("What it learns from: how the rows are drawn, split and scaled.")),
            ],
            tr("Settings"),
        )
        self.area = scroll_area()
        self.add_tabs(self.tabs)
        self.body.addWidget(self.area, 1)
        self.tabs.chosen.connect(self.open_at)
        self.back_button.clicked.connect(lambda: self.open_at(LAYERS))
        self.close_button.clicked.connect(self.closed)

    # What is shown

    def open_at(self, path: str) -> None:
        """Show the page of a field, scrolled to it: ``training``, ``training.loss``, ``network.layers.0`` and so on."""
        if self._experiment is None:
            return
        place = _place_of(path)
        if place != self.place or self.page is None:
            self.place = place
            self._show_page(place)
        if self.page is not None:
            self._scroll_soon(self.page, path)

    def show_experiment(self, experiment: Experiment) -> None:
        """Show the settings that hold; nothing is emitted."""
        self._experiment = experiment
        if self.page is None or self.isHidden():
            return
        if not self._exists(self.place):
            # The layer is gone.
            self.open_at(LAYERS)
        else:
            self._show_titles()
            self.page.show_experiment(experiment)
            self._shown = experiment

    def showEvent(self, event: QShowEvent) -> None:
        # While it was hidden, nothing was brought up to date.
        super().showEvent(event)
        if self._experiment is not self._shown and self._experiment is not None:
            self.show_experiment(self._experiment)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    def describe(self) -> str:
        """Say in words which page is shown, for screen readers."""
        return self.title.text()

    def _show_page(self, place: str) -> None:
        page = self._make_page(place)
        page.edited.connect(self.setting_chosen)
        page.opened.connect(lambda path: self.rate_asked.emit() if path == FIND_RATE else self.open_at(path))
        assert self._experiment is not None
        # While it is nowhere to be seen: each widget that is shown or hidden in sight has everything laid out again.
        page.show_experiment(self._experiment)
        self._shown = self._experiment
        # The old page goes with its widgets; the area deletes it.
        self.page = page
        put_into(self.area, page)
        self.area.verticalScrollBar().setValue(0)
        self._show_titles()

    def _make_page(self, place: str) -> Page:
        experiment, theme = self._experiment, self._theme
        assert experiment is not None
        if place == "training":
            return SpecPage(theme, self._changed, [("training", TrainingSpec, ())])
        if place == "network":
            return SpecPage(theme, self._changed, [("network", NetworkSpec, ())])
        if place == "data":
            parts: list[Any] = [("data", DataSpec, ("source",))]
            source = type(experiment.data.source)
            if source is SyntheticSource:
                parts.insert(0, ("data.source", source, ("name",)))
            return SpecPage(theme, self._changed, [("", Experiment, ("data", "network", "training")), *parts])
        if place == OUTPUTS:
            return OutputsPage(theme, self._changed)
        return LayerPage(theme, place, self._changed)

    def _show_titles(self) -> None:
        place = self.place
        single = place not in PAGES
        self.tabs.setVisible(not single)
        self.back_button.setVisible(single)
        if not single:
            self.tabs.set_value(place)
        self.title.setText(self._title_of(place))

    def _title_of(self, place: str) -> str:
        if place == OUTPUTS:
            return tr("Outputs")
        if not place.startswith(LAYERS):
            return tr("Settings")
        positions = [int(part) + 1 for part in place.split(".") if part.isdecimal()]
        return tr("Layer {0}: {1}").format(
            ".".join(map(str, positions)), kind_title(value_at(self._experiment, place)).split(" ")[0]
        )

    def _exists(self, place: str) -> bool:
        if place == "data" and isinstance(self.page, SpecPage):
            assert self._experiment is not None
            return ("data.source" in self.page.forms) == isinstance(self._experiment.data.source, SyntheticSource)
        try:
            value_at(self._experiment, place)
        except ExperimentError:
            return False
        return True

    def _changed(self, path: str, value: Any) -> Experiment:
        assert self._experiment is not None
        return with_field(self._experiment, path, value)

    def _scroll_soon(self, page: Page, path: str) -> None:
        # Once the page has been given its size.
        QTimer.singleShot(0, self, lambda: self._scroll_to(page, path))

    def _scroll_to(self, page: Page, path: str) -> None:
        if page is not self.page:
            return
        if not page.is_made:
            self._scroll_soon(page, path)
            return
        row = page.row_at(path)
        if row is not None:
            if self.place in PAGES:
                # Wrapped lines find their heights only now; without them the row would be looked for too far up.
                QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
                self.area.verticalScrollBar().setValue(max(0, row.mapTo(page, row.rect().topLeft()).y() - 4))
            row.editor.setFocus(Qt.FocusReason.OtherFocusReason)


def layer_path(where: Any) -> str:
    """``(1, 0)`` → ``network.layers.1.layers.0``; a lone position will do."""
    positions = (where,) if isinstance(where, int) else where
    return "network." + ".".join(f"layers.{position}" for position in positions)


def settings_path(where: Any) -> str:
    """Where the settings of a lane of the canvas are: a layer by its positions, ``"outputs"`` and ``"inputs"`` by name."""
    return {"outputs": OUTPUTS, "inputs": "data"}[where] if isinstance(where, str) else layer_path(where)


def _place_of(path: str) -> str:
    """The page that holds a field: a layer's own, the outputs' own, or one of the three."""
    if path == OUTPUTS or (path.startswith(LAYERS) and path != LAYERS):
        return path
    part = path.split(".")[0]
    # The experiment's own name stands with the data.
    return part if part in PAGES else "data"


Changed = Callable[[str, Any], Experiment]


def _changed_below(changed: Changed, prefix: str, name: str, value: Any) -> Experiment:
    return changed(prefix + name, value)


class Page(QWidget):
    """One page of the drawer.

    Signals
    -------
    edited(str label, str path, value)
        A field was changed.
    opened(str path)
        The settings of a layer are wanted, or help to find a value.
    """

    edited = Signal(str, str, object)
    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 4, GUTTER, 8)
        self.column.setSpacing(14)

    @property
    def is_made(self) -> bool:
        """Whether all of the page is there."""
        return True

    def show_experiment(self, experiment: Experiment) -> None:
        """Show what holds; nothing is emitted."""
        raise NotImplementedError

    def row_at(self, path: str) -> Row | None:
        """The row of a field, if it is on this page."""
        return None


class SpecPage(Page):
    """The forms of some specs, each at its path: the first rows at once, the others a few in each turn of Qt's loop."""

    def __init__(self, theme: Theme, changed: Changed, parts: list[tuple[str, Any, tuple[str, ...]]]) -> None:
        super().__init__()
        self.forms: dict[str, Form] = {}
        for path, spec, leave_out in parts:
            prefix = f"{path}." if path else ""
            form = Form(theme, spec, partial(_changed_below, changed, prefix), leave_out)
            form.edited.connect(lambda label, name, value, prefix=prefix: self.edited.emit(label, prefix + name, value))
            form.opened.connect(lambda inner, prefix=prefix: self.opened.emit(prefix + inner))
            self.forms[path] = form
            self.column.addWidget(form)
        self.column.addStretch(1)
        self._next_part = QTimer(self, singleShot=True)
        self._next_part.timeout.connect(self._make_part)

    @property
    def is_made(self) -> bool:
        return all(form.make(0) for form in self.forms.values())

    def show_experiment(self, experiment: Experiment) -> None:
        until = time.perf_counter() + PART_SECONDS
        for path, form in self.forms.items():
            form.show_value(value_at(experiment, path) if path else experiment, experiment, until)
        self._make_part(until)

    def _make_part(self, until: float | None = None) -> None:
        """One form after the other, as Tab goes through them in the order in which they were made."""
        until = until or time.perf_counter() + PART_SECONDS
        if not all(form.make(until) for form in self.forms.values()):
            self._next_part.start()
        if self.isVisible():
            # The page grows before it is painted: until then all rows share the height that it had.
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)

    def row_at(self, path: str) -> Row | None:
        holder, _, name = path.rpartition(".")
        form = self.forms.get(holder)
        return form.rows.get(name) if form is not None else None


class LayerPage(Page):
    """One layer: its kind, what that does, and all its fields."""

    def __init__(self, theme: Theme, path: str, changed: Changed) -> None:
        super().__init__()
        self._path = path
        layers = field_of(NetworkSpec, "layers").kind
        assert isinstance(layers, Layers)
        field = Field("type", tr("Kind"), layers.item, "")
        self.row = Row(theme, field, partial(changed, path))
        self.row.edited.connect(lambda label, value: self.edited.emit(label, path, value))
        self.row.opened.connect(lambda inner: self.opened.emit(f"{path}.{inner}"))
        self.column.addWidget(self.row)
        self.column.addStretch(1)

    @property
    def choice(self) -> ChoiceEditor:
        """The layer's kind and its form."""
        assert isinstance(self.row.editor, ChoiceEditor)
        return self.row.editor

    def show_experiment(self, experiment: Experiment) -> None:
        self.row.show_value(value_at(experiment, self._path), experiment)

    def row_at(self, path: str) -> Row | None:
        return self.row


class OutputsPage(Page):
    """The head: why the outputs end as they do, what is probably not meant, and what else they could end in."""

    def __init__(self, theme: Theme, changed: Changed) -> None:
        super().__init__()
        self.task = TextLabel(theme, "", 12, 600, "text", wordWrap=True)
        self.reason = TextLabel(theme, "", 12, 400, "text_muted", wordWrap=True)
        self._theme = theme
        self._sign = QLabel()
        self.warnings = TextLabel(theme, "", 12, 500, "bad", wordWrap=True)
        self.form = Form(
            theme,
            NetworkSpec,
            partial(_changed_below, changed, "network."),
            [name for name in NetworkSpec.__struct_fields__ if name != "output_activation"],
        )
        self.form.edited.connect(lambda label, name, value: self.edited.emit(label, f"network.{name}", value))
        self.warning_line = QWidget()
        line = QHBoxLayout(self.warning_line)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.warnings, 1)
        for widget in (self.task, self.reason, self.warning_line, self.form):
            self.column.addWidget(widget)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.column.addStretch(1)

    def show_experiment(self, experiment: Experiment) -> None:
        task = TASKS[experiment.training.task]
        self.task.setText(task.title)
        self.reason.setText(task.reason)
        found = warnings_about(experiment)
        self.warnings.setText("\n".join(found))
        self.warning_line.setVisible(bool(found))
        self.form.show_value(experiment.network, experiment)

    def _restyle(self) -> None:
        self._sign.setPixmap(self._theme.pixmap("warning", "bad", 16))

    def row_at(self, path: str) -> Row | None:
        return self.form.rows.get("output_activation")
