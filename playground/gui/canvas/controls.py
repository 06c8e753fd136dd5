"""The widgets on the canvas: which there are, where they stand, and what each asks for, by the lane it belongs to."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget

from playground.catalog.features import FEATURES
from playground.experiment import Experiment
from playground.experiment.fields import size_field
from playground.experiment.layer_edits import field_path
from playground.gui.canvas.insert_menu import InsertButton
from playground.gui.canvas.lane_controls import FeatureButton, LaneHandle, LaneHeader, LaneTitle, ParameterField
from playground.gui.canvas.lanes import LaneContent, shows_activation, title_of, words
from playground.gui.canvas.layout import HEADER, Lane
from playground.gui.forms.activation_boxes import OutputActivationBox
from playground.gui.widgets.controls import painting
from playground.gui.widgets.theme import Theme
from playground.words import tr

NOTE = 20
# Arrow and cross behind a title.
TITLE_BUTTONS = 44


class HealthNote(QWidget):
    """A few words under a lane's title where something is wrong with it; the whole sentence is the tooltip."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.words = ""
        self.setFont(theme.font(11, 500))
        self.hide()
        theme.changed.connect(self.update)

    def show_words(self, words: str) -> None:
        """Show a sentence; nothing hides the note."""
        if words != self.words:
            self.words = words
            self.setToolTip(words)
            self.setStatusTip(words)
            self.setAccessibleName(words)
            self.update()
        self.setVisible(bool(words))

    def paintEvent(self, _event: QPaintEvent) -> None:
        with painting(self) as painter:
            text = self.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, self.width() - 18)
            left = max(0, (self.width() - 17 - self.fontMetrics().horizontalAdvance(text)) // 2)
            painter.drawPixmap(left, 3, self._theme.pixmap("warning", "bad", 14))
            painter.setFont(self.font())
            painter.setPen(self._theme.color("text"))
            painter.drawText(self.rect().adjusted(left + 17, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)


class CanvasControls(QObject):
    """All widgets on one canvas.

    Signals
    -------
    setting_chosen(str label, str path, value)
        A field of the experiment, by its path.
    removed(int), moved(int, int), selected(int)
        A lane: take its layer out, move it by so many places, show all its settings.
    dragged(int, QPoint, QPoint), dropped(int, QPoint, QPoint), cancelled()
        A drag of a lane: how far, and where the pointer is.
    insert_asked(int), menu_asked(int)
        A layer after that lane: a dense one, or one to pick.
    feature_toggled(str, bool), output_activation_chosen(name or None)
        As the canvas hands them on.
    """

    setting_chosen = Signal(str, str, object)
    removed = Signal(int)
    moved = Signal(int, int)
    selected = Signal(int)
    dragged = Signal(int, QPoint, QPoint)
    dropped = Signal(int, QPoint, QPoint)
    cancelled = Signal()
    insert_asked = Signal(int)
    menu_asked = Signal(int)
    feature_toggled = Signal(str, bool)
    output_activation_chosen = Signal(object)

    def __init__(self, theme: Theme, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._theme = theme
        self._canvas = canvas
        self._contents: tuple[LaneContent, ...] = ()
        self.headers: list[LaneHeader] = []
        self.handles: list[LaneHandle] = []
        self.fields: list[ParameterField] = []
        self.insert_buttons: list[InsertButton] = []
        self.notes: list[HealthNote] = []
        self.feature_buttons: dict[str, FeatureButton] = {}
        for name in FEATURES:
            self._add_feature_button(name)
        self.output_title = LaneTitle(theme, tr("Output"), canvas)
        self.output_title.clicked.connect(lambda: self.selected.emit(len(self._contents) - 1))
        self.output_box = OutputActivationBox(theme, canvas)
        self.output_box.chosen.connect(self.output_activation_chosen)

    def place(self, experiment: Experiment, lanes: list[Lane], contents: tuple[LaneContent, ...], planar: bool) -> None:
        """Show what these lanes need, where they are."""
        self._contents = contents
        hidden = contents[1:-1]
        while len(self.headers) < len(hidden):
            self._add_lane_controls(len(self.headers) + 1)
        for index, widgets in enumerate(zip(self.headers, self.handles, self.fields, strict=True)):
            for widget in widgets:
                widget.setVisible(index < len(hidden))
            if index < len(hidden):
                self._place_lane_controls(*widgets, lanes[index + 1], hidden[index])
        while len(self.insert_buttons) < len(lanes) - 1:
            self._add_insert_button(len(self.insert_buttons))
        for gap, button in enumerate(self.insert_buttons):
            button.setVisible(gap < len(lanes) - 1)
            if gap < len(lanes) - 1:
                self._place_insert_button(button, lanes[gap], lanes[gap + 1])
        for name, feature in self.feature_buttons.items():
            feature.setVisible(planar)
            feature.setChecked(name in experiment.data.features)
            if planar:
                x, y, width, height = lanes[0].nodes[list(FEATURES).index(name)]
                feature.setGeometry(round(x) - 2, round(y) - 2, round(width) + 4, round(height) + 4)
        self.output_box.show_experiment(experiment)
        self.output_box.move(round(lanes[-1].center - self.output_box.width() / 2), 59)
        self.output_title.resize(self.output_title.sizeHint().width(), 18)
        self.output_title.move(round(lanes[-1].center - self.output_title.width() / 2) + 4, 3)

    def show_health(self, lanes: list[Lane], sentences: list[str]) -> None:
        """Show what is wrong with each lane; empty where all is well."""
        while len(self.notes) < len(sentences):
            self.notes.append(HealthNote(self._theme, self._canvas))
        for index, note in enumerate(self.notes):
            note.show_words(sentences[index] if index < len(sentences) else "")
            if index < len(sentences):
                width = max(lanes[index].look.slot, 84)
                note.setGeometry(round(lanes[index].center - width / 2), HEADER - 3, width, NOTE)

    # One lane

    def _place_lane_controls(
        self, header: LaneHeader, handle: LaneHandle, field: ParameterField, lane: Lane, content: LaneContent
    ) -> None:
        name = title_of(self._contents, content)
        header.show_layer(name, content.layer)
        header.activation.setVisible(shows_activation(content))
        # A long title has no room for the arrow behind it.
        roomy = header.title.fontMetrics().horizontalAdvance(name) + TITLE_BUTTONS <= lane.look.slot
        header.title.show_arrow(roomy)
        header.setFixedWidth(lane.look.slot)
        header.move(round(lane.center - header.width() / 2), 0)
        handle.setGeometry(round(lane.left), round(lane.top), round(lane.width), 24)
        handle.setAccessibleName(f"{name}: {words(content)}")
        field.move(round(lane.center - field.width() / 2), round(lane.top + lane.height) - 32)
        field.show_activation(getattr(content.layer, "activation", "identity"))

    def _add_lane_controls(self, number: int) -> None:
        header, handle = LaneHeader(self._theme, self._canvas), LaneHandle(self._theme, self._canvas)
        field = ParameterField(self._theme, self._canvas)
        header.units_chosen.connect(lambda size: self.choose_size(number, size))
        for source in (header, field):
            source.activation_chosen.connect(lambda spec: self._choose(number, tr("activation"), "activation", spec))
        header.settings_asked.connect(lambda: self.selected.emit(number))
        header.removed.connect(lambda: self.removed.emit(number))
        handle.stepped.connect(lambda change: self._step(number, change))
        handle.shifted.connect(lambda change: self.moved.emit(number, change))
        handle.removed.connect(lambda: self.removed.emit(number))
        handle.asked.connect(lambda: self._ask_for_size(number))
        handle.dragged.connect(lambda offset, here: self.dragged.emit(number, offset, here))
        handle.dropped.connect(lambda offset, here: self.dropped.emit(number, offset, here))
        handle.cancelled.connect(self.cancelled)
        self.headers.append(header)
        self.handles.append(handle)
        self.fields.append(field)

    def _choose(self, number: int, label: str, field: str, value: object) -> None:
        self.setting_chosen.emit(label, field_path(self._contents[number].path, field), value)

    def choose_size(self, number: int, size: int) -> None:
        """Ask for so many neurons, or filters; nothing where a lane has none of its own."""
        layer = self._contents[number].layer
        name = size_field(layer) if layer is not None else None
        if name is not None and size != getattr(layer, name):
            self._choose(number, tr("neurons") if name == "units" else name, name, size)

    def _step(self, number: int, change: int) -> None:
        size = self._contents[number].size
        if size is not None:
            self.choose_size(number, max(1, size + change))

    def _ask_for_size(self, number: int) -> None:
        """Enter on a lane: type its size, or see its settings where it has none."""
        if self._contents[number].size is not None:
            self.headers[number - 1].ask_for_units()
        else:
            self.selected.emit(number)

    # Between lanes

    def _add_insert_button(self, gap: int) -> None:
        button = InsertButton(self._theme, self._canvas)
        button.clicked.connect(lambda: self.insert_asked.emit(gap))
        button.menu_asked.connect(lambda: self.menu_asked.emit(gap))
        self.insert_buttons.append(button)

    def _place_insert_button(self, button: InsertButton, left: Lane, right: Lane) -> None:
        start, end = left.center + left.look.slot / 2, right.center - right.look.slot / 2
        if end - start >= button.width() + 6:
            button.move(round((start + end - button.width()) / 2), 26)
            return
        # Between two headers there is less room than between their lanes.
        x = (left.left + left.width + right.left) / 2
        button.move(round(x - button.width() / 2), round(left.top) + 4)

    def _add_feature_button(self, name: str) -> None:
        button = FeatureButton(self._theme, name, tr("Input {0}").format(FEATURES[name].symbol), self._canvas)
        button.clicked.connect(lambda: self.feature_toggled.emit(name, not button.isChecked()))
        self.feature_buttons[name] = button
