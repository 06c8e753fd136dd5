"""What can be pressed and dragged on the canvas: a layer's header and handle, the feature switches.

They are ordinary widgets, so that keyboard, screen readers and tests reach them; the canvas paints what lies beneath.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs
from PySide6.QtCore import QLocale, QPoint, QPointF, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QIntValidator, QKeyEvent, QMouseEvent, QPaintEvent, QPen, QValidator
from PySide6.QtWidgets import QAbstractButton, QDoubleSpinBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from playground.catalog.activations import resolve
from playground.experiment.fields import Number, field_of, size_field
from playground.gui.forms.activation_boxes import ActivationBox
from playground.gui.widgets.choices import MoreButton
from playground.gui.widgets.controls import IconButton, painting
from playground.gui.widgets.theme import Theme
from playground.words import tr


class LaneTitle(MoreButton):
    """A layer's name over its lane; a click shows all its settings."""

    def __init__(self, theme: Theme, text: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, text, "", 12, 600, "text")
        self.setParent(parent)
        self.set_name(text)

    def set_name(self, name: str) -> None:
        """Show another name."""
        words = tr("{0}: all settings").format(name)
        self.setText(name)
        self.setToolTip(words)
        self.setAccessibleName(words)


class LaneHeader(QWidget):
    """A hidden layer's name, its size between − and + and its activation where it has them, and a cross that removes it.

    Signals
    -------
    units_chosen(int), activation_chosen(spec), removed(), settings_asked()
        What the user asks for; units are the filters of a convolution.
    """

    units_chosen = Signal(int)
    activation_chosen = Signal(object)
    removed = Signal()
    settings_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._units = 1
        self._most = 1
        self.title = LaneTitle(theme, "")
        self.remove_button = IconButton(theme, "close", tr("Remove this layer. Starts again."), size=18)
        self.remove_button.setProperty("bare", True)
        self.fewer_button = IconButton(theme, "minus", "", size=24)
        self.more_button = IconButton(theme, "plus", "", size=24)
        self.count = QLineEdit(alignment=Qt.AlignmentFlag.AlignCenter)
        self.count.setFont(theme.font(12, 600, tabular=True))
        self.count.setFixedSize(38, 24)
        self._validator = QIntValidator(1, 1, self)
        self.count.setValidator(self._validator)
        self.activation = ActivationBox(theme, "", tr("What each neuron of this layer does with its sum. Keeps the weights."))
        self.activation.setFixedHeight(24)
        self.activation.setFont(theme.font(11, 500))
        self._lay_out()
        self.title.clicked.connect(self.settings_asked)
        self.fewer_button.clicked.connect(lambda: self._step(-1))
        self.more_button.clicked.connect(lambda: self._step(1))
        self.remove_button.clicked.connect(self.removed)
        self.count.editingFinished.connect(self._typed)
        self.activation.chosen.connect(self.activation_chosen.emit)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(2)
        top.addStretch(1)
        top.addWidget(self.title)
        top.addWidget(self.remove_button)
        top.addStretch(1)
        self.pill = QWidget(objectName="pill")
        row = QHBoxLayout(self.pill)
        row.setContentsMargins(2, 0, 2, 0)
        row.setSpacing(0)
        for widget in (self.fewer_button, self.count, self.more_button):
            row.addWidget(widget)
        self.pill.setFixedSize(96, 28)
        layout = QVBoxLayout(self)
        # As high as the titles of inputs and outputs, which the canvas places.
        layout.setContentsMargins(0, 3, 0, 0)
        layout.setSpacing(5)
        layout.addLayout(top)
        layout.addWidget(self.pill, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.activation)
        layout.addStretch(1)
        self.setFixedSize(104, 86)

    def show_layer(self, name: str, layer: Any) -> None:
        """Show a layer's settings; nothing is emitted.

        Parameters
        ----------
        name
            What the lane is called, such as ``Hidden 1``.
        layer
            Its spec, of any kind.
        """
        self.title.set_name(name)
        self.remove_button.setAccessibleName(tr("Remove {0}").format(name))
        size, activation = size_field(layer), getattr(layer, "activation", None)
        self.pill.setVisible(size is not None)
        self.activation.setVisible(activation is not None)
        if size is not None:
            self._show_size(name, size, layer)
        if activation is not None:
            self.activation.setAccessibleName(tr("{0}: activation").format(name))
            self.activation.show_activation(activation)

    def _show_size(self, name: str, size: str, layer: Any) -> None:
        """Show how many neurons, filters or numbers the layer has."""
        field = field_of(type(layer), size)
        assert isinstance(field.kind, Number)
        self._units, self._most = getattr(layer, size), int(field.kind.high)
        self._validator.setTop(self._most)
        self.count.setText(str(self._units))
        what = tr("neurons") if size == "units" else field.title.lower()
        one = tr("neuron") if size == "units" else tr("filter")
        self.count.setToolTip(tr("{0} Type a number. Starts again.").format(field.description))
        self.count.setAccessibleName(f"{name}: {what}")
        for button, words in (
            (self.fewer_button, tr("one {0} less").format(one)),
            (self.more_button, tr("one {0} more").format(one)),
        ):
            button.setAccessibleName(f"{name}: {words}")
            button.setToolTip(tr("{0}. Starts again.").format(words[:1].upper() + words[1:]))
        self.fewer_button.setEnabled(self._units > 1)
        self.more_button.setEnabled(self._units < self._most)

    def ask_for_units(self) -> None:
        """Let the user type the number of neurons."""
        self.count.setFocus()
        self.count.selectAll()

    def _step(self, change: int) -> None:
        self.units_chosen.emit(min(self._most, max(1, self._units + change)))

    def _typed(self) -> None:
        text = self.count.text()
        units = int(text) if text.isdigit() else 0
        if not 1 <= units <= self._most:
            self.count.setText(str(self._units))
        elif units != self._units:
            self.units_chosen.emit(units)


class NumberField(QDoubleSpinBox):
    """A number on the canvas, without buttons.

    Its line is styled and not the box itself: a styled box without buttons hides its line. The canvas draws the frame.
    """

    def __init__(self, theme: Theme, parent: QWidget, **keywords: Any) -> None:
        super().__init__(parent, frame=False, **keywords)
        # Numbers have a point everywhere in the program, whatever the system's language; a comma is taken for one.
        self.setLocale(QLocale.c())
        self.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.lineEdit().setStyleSheet("background:palette(base); border:none; padding:0 4px;")

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        return super().validate(_with_point(text), position)

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(_with_point(text))


def _with_point(text: str) -> str:
    return text.replace(",", ".").replace("−", "-")


class ParameterField(NumberField):
    """The number of a layer's activation, such as leaky ReLU's slope; hidden where there is none.

    Signals
    -------
    activation_chosen(spec)
        The activation with the number that was typed or stepped to.
    """

    activation_chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent, decimals=3, singleStep=0.05, keyboardTracking=False)
        self._spec: Any = None
        self.setFont(theme.font(11, 500, tabular=True))
        self.setFixedSize(64, 26)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.valueChanged.connect(self._changed)

    def show_activation(self, activation: Any) -> None:
        """Show an activation's first number, if it has one; nothing is emitted."""
        record, value = resolve(activation)
        self.setVisible(bool(record.parameters))
        if not record.parameters or record.spec is None:
            return
        parameter = record.parameters[0]
        self._spec = activation if not isinstance(activation, str) else record.spec()
        self.setToolTip(tr("{0} Keeps the weights.").format(parameter.description))
        self.setAccessibleName(f"{record.title}: {parameter.name.replace('_', ' ')}")
        with QSignalBlocker(self):
            self.setRange(parameter.minimum, parameter.maximum)
            self.setValue(value)

    def _changed(self, value: float) -> None:
        name = resolve(self._spec)[0].parameters[0].name
        self.activation_chosen.emit(structs.replace(self._spec, **{name: round(value, 6)}))


class ValueEditor(NumberField):
    """A weight or bias to type or step; Enter or leaving takes it, Escape keeps the old one.

    Signals
    -------
    entered(), cancelled()
        The end of an edit.
    """

    entered = Signal()
    cancelled = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent, decimals=4, minimum=-1e6, maximum=1e6, singleStep=0.1)
        self.setFixedSize(120, 30)
        self.setFont(theme.font(12, 600, tabular=True))
        self.hide()
        self.editingFinished.connect(self.entered)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)


class LaneHandle(QWidget):
    """The grip at a lane's top: drag it down or up for more or fewer neurons, sideways to reorder, off the canvas to remove.

    Signals
    -------
    dragged(QPoint offset, QPoint global position), dropped(QPoint offset, QPoint global position)
        A drag by the mouse, and its end.
    cancelled()
        Escape during a drag.
    stepped(int), shifted(int), removed(), asked()
        The same by keys: + and −, Alt+Left and Alt+Right, Del; Enter asks for the number.
    """

    dragged = Signal(QPoint, QPoint)
    dropped = Signal(QPoint, QPoint)
    cancelled = Signal()
    stepped = Signal(int)
    shifted = Signal(int)
    removed = Signal()
    asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._pressed: QPoint | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setToolTip(
            tr(
                "Drag down or up: more or fewer neurons. Sideways: move the layer. Off the canvas: remove it.\n"
                "Keys: + and −, Alt+arrows, Del, Enter. Each starts again from new weights."
            )
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.globalPosition().toPoint()
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None:
            here = event.globalPosition().toPoint()
            self.dragged.emit(here - self._pressed, here)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None:
            start, here = self._pressed, event.globalPosition().toPoint()
            self._end()
            self.dropped.emit(here - start, here)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, alt = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if key == Qt.Key.Key_Escape and self._pressed is not None:
            self._end()
            self.cancelled.emit()
        elif alt and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.shifted.emit(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.stepped.emit(-1 if key == Qt.Key.Key_Minus else 1)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.asked.emit()
        else:
            super().keyPressEvent(event)

    def _end(self) -> None:
        self._pressed = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def paintEvent(self, _event: QPaintEvent) -> None:
        center = QPointF(self.rect().center()) + QPointF(0.5, 0.5)
        with painting(self) as painter:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("text_faint"))
            for x in (-5, 0, 5):
                for y in (-2.5, 2.5):
                    painter.drawEllipse(center + QPointF(x, y), 1.3, 1.3)
            if self.hasFocus():
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(self._theme.color("accent"), 2))
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(2, 2, -2, -2), 8, 8)


class FeatureButton(QAbstractButton):
    """An invisible switch over an input's picture."""

    def __init__(self, theme: Theme, name: str, words: str, parent: QWidget) -> None:
        super().__init__(parent, checkable=True, cursor=Qt.CursorShape.PointingHandCursor)
        self._theme = theme
        self.name = name
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(words)
        self.setToolTip(tr("{0}: click to switch this input on or off. Starts again from new weights.").format(words))

    def nextCheckState(self) -> None:
        """A click asks for a change; only the experiment decides (the last input stays on)."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self.hasFocus() or self.underMouse():
            with painting(self) as painter:
                painter.setPen(QPen(self._theme.color("accent"), 2))
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
