"""How much, and yes or no: sliders with a caption and a value, and switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from playground.gui.widgets.controls import TextLabel, painting
from playground.gui.widgets.theme import Theme

Align = Qt.AlignmentFlag


class LabeledSlider(QWidget):
    """A caption, the value in words, and a slider of whole steps.

    Signals
    -------
    moved(int)
        The value while it is dragged or stepped.
    released()
        The end of a gesture.
    """

    moved = Signal(int)
    released = Signal()

    def __init__(
        self, theme: Theme, label: str, low: int, high: int, tip: str, text: Callable[[int], str] = str, step: int = 1
    ) -> None:
        super().__init__()
        self._text = text
        self._step = step
        self.setToolTip(tip)
        caption = TextLabel(theme, label, 12, 500, "text_muted")
        self.value_label = TextLabel(theme, "", 12, 600, "text")
        top = QHBoxLayout()
        top.addWidget(caption)
        top.addStretch(1)
        top.addWidget(self.value_label)
        self.slider = FlatSlider(theme, label, tip)
        self.slider.setRange(low // step, high // step)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self.slider)
        self.slider.valueChanged.connect(self._changed)
        self.slider.sliderReleased.connect(self.released)
        self._show(self.value)

    @property
    def value(self) -> int:
        return self.slider.value() * self._step

    def set_value(self, value: int) -> None:
        """Show a value; nothing is emitted."""
        if not self.slider.isSliderDown():
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(value / self._step))
            self._show(value)
            self.slider.update()

    def _changed(self, _position: int) -> None:
        self._show(self.value)
        self.moved.emit(self.value)
        if not self.slider.isSliderDown():
            # A key or a click on the groove is a gesture of its own.
            self.released.emit()

    def _show(self, value: int) -> None:
        self.value_label.setText(self._text(value))
        self.slider.setAccessibleDescription(self._text(value))


class FlatSlider(QSlider):
    """A thin groove with a round handle; a click anywhere takes the handle there."""

    def __init__(self, theme: Theme, name: str, tip: str) -> None:
        super().__init__(Qt.Orientation.Horizontal, accessibleName=name, toolTip=tip)
        self._theme = theme
        self.setFixedHeight(22)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self.update)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # The wheel scrolls the panel; it must not change the experiment by accident.
        event.ignore()

    def position_of(self, value: int) -> float:
        """Where the handle stands for a value, in pixels."""
        span = max(1, self.maximum() - self.minimum())
        return 8 + (self.width() - 16) * (value - self.minimum()) / span

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.go_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.go_to(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setSliderDown(False)

    def go_to(self, x: float) -> None:
        """Take the value at a distance from the left edge."""
        share = min(1.0, max(0.0, (x - 8) / max(1, self.width() - 16)))
        self.setValue(round(self.minimum() + share * (self.maximum() - self.minimum())))

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, x, y = self._theme, self.position_of(self.value()), self.height() / 2
        with painting(self) as painter:
            for color, end in (("border_strong", self.width() - 3.0), ("accent", x)):
                painter.setPen(QPen(theme.color(color), 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.drawLine(QPointF(3, y), QPointF(end, y))
            if self.hasFocus():
                painter.setPen(QPen(theme.color("accent", 0.35), 3))
                painter.drawEllipse(QPointF(x, y), 8.8, 8.8)
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.setBrush(theme.color("surface"))
            painter.drawEllipse(QPointF(x, y), 6.5, 6.5)


class Switch(QCheckBox):
    """A check box drawn as a switch at the right end of its line."""

    def __init__(self, theme: Theme, label: str, tip: str) -> None:
        super().__init__(label, toolTip=tip, cursor=Qt.CursorShape.PointingHandCursor)
        self._theme = theme
        self.setFont(theme.font(12, 500))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFixedHeight(26)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 48, 26)

    def hitButton(self, position: Any) -> bool:
        return bool(self.rect().contains(position))

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, on = self._theme, self.isChecked()
        track = QRectF(self.width() - 34, 4, 32, 18)
        with painting(self) as painter:
            painter.setFont(self.font())
            painter.setPen(theme.color("text_muted" if self.isEnabled() else "text_faint"))
            painter.drawText(self.rect(), Align.AlignVCenter | Align.AlignLeft, self.text())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent" if on else "border_strong"))
            painter.drawRoundedRect(track, 9, 9)
            painter.setBrush(theme.color("on_accent" if on else "surface"))
            painter.drawEllipse(QPointF(track.right() - 9 if on else track.left() + 9, track.center().y()), 6.5, 6.5)
            if self.hasFocus():
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.color("accent", 0.45), 2))
                painter.drawRoundedRect(track.adjusted(-2, -2, 2, 2), 11, 11)
