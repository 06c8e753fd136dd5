"""What can be pressed and dragged on the canvas: a layer's header and handle, the insert buttons, the feature switches.

They are ordinary widgets, so that keyboard, screen readers and tests reach them; the canvas paints what lies beneath.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs
from PySide6.QtCore import QPoint, QPointF, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QIntValidator, QKeyEvent, QMouseEvent, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QDoubleSpinBox, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from playground.catalog.activations import ACTIVATIONS, resolve
from playground.catalog.losses import LOSSES
from playground.catalog.tasks import TASKS
from playground.experiment import Experiment, output_activation
from playground.gui.choices import ChoiceBox
from playground.gui.controls import IconButton, TextLabel, painting
from playground.gui.theme import Theme

MOST_UNITS = 4096


class LaneHeader(QWidget):
    """Name of a hidden layer, its number of neurons between − and +, its activation, and a cross that removes it.

    Signals
    -------
    units_chosen(int), activation_chosen(spec), removed()
        What the user asks for.
    """

    units_chosen = Signal(int)
    activation_chosen = Signal(object)
    removed = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._units = 1
        self._names = [name for name, record in ACTIVATIONS.items() if record.hidden]
        self.title = TextLabel(theme, "", 12, 600, "text")
        self.remove_button = IconButton(theme, "close", self.tr("Remove this layer. Starts again."), size=18)
        self.remove_button.setStyleSheet("QToolButton { border:none; }")
        self.fewer_button = IconButton(theme, "minus", self.tr("One neuron less. Starts again."), size=24)
        self.more_button = IconButton(theme, "plus", self.tr("One neuron more. Starts again."), size=24)
        self.count = QLineEdit(alignment=Qt.AlignmentFlag.AlignCenter)
        self.count.setToolTip(self.tr("Neurons in this layer; type a number. Starts again."))
        self.count.setValidator(QIntValidator(1, MOST_UNITS, self))
        self.count.setFont(theme.font(12, 600, tabular=True))
        self.count.setFixedSize(38, 24)
        self.activation = ChoiceBox(theme, "", self.tr("What each neuron of this layer does with its sum. Keeps the weights."))
        self.activation.setFixedHeight(24)
        self.activation.setFont(theme.font(11, 500))
        self.activation.offer((ACTIVATIONS[name].title, ACTIVATIONS[name].description) for name in self._names)
        self._lay_out()
        self.fewer_button.clicked.connect(lambda: self._step(-1))
        self.more_button.clicked.connect(lambda: self._step(1))
        self.remove_button.clicked.connect(self.removed)
        self.count.editingFinished.connect(self._typed)
        self.activation.activated.connect(lambda index: self.activation_chosen.emit(self._names[index]))
        theme.changed.connect(self._restyle)
        self._restyle()

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
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addLayout(top)
        layout.addWidget(self.pill, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.activation)
        self.setFixedSize(104, 86)

    def show_layer(self, number: int, units: int, activation: Any) -> None:
        """Show a layer's settings; nothing is emitted."""
        self._units = units
        name = self.tr("Hidden {0}").format(number)
        self.title.setText(name)
        self.count.setText(str(units))
        self.count.setAccessibleName(self.tr("{0}: neurons").format(name))
        self.fewer_button.setAccessibleName(self.tr("{0}: one neuron less").format(name))
        self.more_button.setAccessibleName(self.tr("{0}: one neuron more").format(name))
        self.remove_button.setAccessibleName(self.tr("Remove {0}").format(name))
        self.activation.setAccessibleName(self.tr("{0}: activation").format(name))
        self.fewer_button.setEnabled(units > 1)
        self.more_button.setEnabled(units < MOST_UNITS)
        self.activation.setCurrentIndex(self._names.index(resolve(activation)[0].name))

    def ask_for_units(self) -> None:
        """Let the user type the number of neurons."""
        self.count.setFocus()
        self.count.selectAll()

    def _step(self, change: int) -> None:
        self.units_chosen.emit(min(MOST_UNITS, max(1, self._units + change)))

    def _typed(self) -> None:
        text = self.count.text()
        units = int(text) if text.isdigit() else 0
        if not 1 <= units <= MOST_UNITS:
            self.count.setText(str(self._units))
        elif units != self._units:
            self.units_chosen.emit(units)

    def _restyle(self) -> None:
        p = self._theme.palette
        self.pill.setStyleSheet(
            f"""#pill {{ background:{p.surface}; border:1px solid {p.border_strong}; border-radius:14px; }}
            QToolButton#icon {{ border:none; border-radius:12px; }} QToolButton#icon:focus {{ border:2px solid {p.accent}; }}
            QLineEdit {{ background:transparent; border:none; padding:0; color:{p.text}; }}
            QLineEdit:focus {{ border-bottom:2px solid {p.accent}; border-radius:0; }}"""
        )


class NumberField(QDoubleSpinBox):
    """A number on the canvas, without buttons.

    Its line is styled and not the box itself: a styled box without buttons hides its line. The canvas draws the frame.
    """

    def __init__(self, theme: Theme, parent: QWidget, **keywords: Any) -> None:
        super().__init__(parent, frame=False, **keywords)
        self._theme = theme
        self.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        theme.changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        p = self._theme.palette
        self.lineEdit().setStyleSheet(
            f"background:{p.surface}; color:{p.text}; border:none; padding:0 4px;"
            f"selection-background-color:{p.accent}; selection-color:{p.on_accent};"
        )


class ParameterField(NumberField):
    """The one number of a layer's activation, such as leaky ReLU's slope; hidden where there is none.

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
        """Show an activation's number, if it has one; nothing is emitted."""
        record, value = resolve(activation)
        parameter = record.parameter
        self.setVisible(parameter is not None)
        if parameter is None or record.spec is None:
            return
        self._spec = activation if not isinstance(activation, str) else record.spec()
        words = self.tr("{0} Keeps the weights.").format(parameter.description)
        self.setToolTip(words)
        self.setAccessibleName(f"{record.title}: {parameter.name.replace('_', ' ')}")
        with QSignalBlocker(self):
            self.setRange(parameter.minimum, parameter.maximum)
            self.setValue(value)

    def _changed(self, value: float) -> None:
        name = resolve(self._spec)[0].parameter.name  # type: ignore[union-attr]
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


class OutputActivationBox(ChoiceBox):
    """The last layer's activation: what fits the task first, then whatever else goes with task and loss.

    Signals
    -------
    chosen(name or None)
        None: what fits the task.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, "", "")
        self.setAccessibleName(self.tr("Output activation"))
        self.setToolTip(
            self.tr("What the last layer does with its sums; the usual choice follows from the task. Keeps the weights.")
        )
        self.setParent(parent)
        self.setFixedSize(96, 24)
        self.setFont(theme.font(11, 500))
        self._names: list[str | None] = []
        self.activated.connect(lambda index: self.chosen.emit(self._names[index]))

    def show_experiment(self, experiment: Experiment) -> None:
        """Offer what can be chosen and show what holds; nothing is emitted."""
        task, loss = TASKS[experiment.training.task], LOSSES[experiment.training.loss]
        usual = ACTIVATIONS[task.output_activation]
        names = [
            record.name
            for record in ACTIVATIONS.values()
            if (not loss.outputs or record.name in loss.outputs)
            and not (task.name == "binary" and record.name == "softmax")
            and record.name != usual.name
        ]
        self._names = [None, *names]
        self.offer((ACTIVATIONS[name].title, ACTIVATIONS[name].description) for name in (usual.name, *names))
        chosen = resolve(output_activation(experiment))[0].name
        self.setCurrentIndex(0 if chosen == usual.name else names.index(chosen) + 1)


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
            self.tr(
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


class InsertButton(QToolButton):
    """A dashed + between two lanes: a new layer there."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        tip = self.tr("Insert a layer here. Starts again from new weights.")
        super().__init__(parent, toolTip=tip, accessibleName=tip, cursor=Qt.CursorShape.PointingHandCursor)
        self._theme = theme
        self.setFixedSize(26, 26)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        lit = self.underMouse() or self.hasFocus()
        with painting(self) as painter:
            pen = QPen(self._theme.color("accent" if lit else "border_strong"), 1.3, Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(self._theme.color("surface"))
            painter.drawEllipse(QRectF(self.rect()).adjusted(2, 2, -2, -2))
            painter.drawPixmap(6, 6, self._theme.pixmap("plus", "accent" if lit else "text_faint", 14))


class FeatureButton(QAbstractButton):
    """An invisible switch over an input's picture."""

    def __init__(self, theme: Theme, name: str, words: str, parent: QWidget) -> None:
        super().__init__(parent, checkable=True, cursor=Qt.CursorShape.PointingHandCursor)
        self._theme = theme
        self.name = name
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(words)
        self.setToolTip(self.tr("{0}: click to switch this input on or off. Starts again from new weights.").format(words))

    def nextCheckState(self) -> None:
        """A click asks for a change; only the experiment decides (the last input stays on)."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self.hasFocus() or self.underMouse():
            with painting(self) as painter:
                painter.setPen(QPen(self._theme.color("accent"), 2))
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
