"""The building blocks of the panels: cards, buttons, sliders, switches and choice boxes, each with a name and a tooltip."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from playground.gui.theme import Theme

Align = Qt.AlignmentFlag
# Value, title, tooltip.
Item = tuple[Any, str, str]


def number(value: float, digits: int = 3) -> str:
    """A number for people: a true minus sign, no exponent for ordinary sizes."""
    text = f"{value:.{digits}f}" if abs(value) < 10**6 else f"{value:.{digits}g}"
    return text.replace("-", "−")


@contextlib.contextmanager
def painting(widget: QWidget) -> Iterator[QPainter]:
    """A painter with smooth edges on a widget, ended in time whatever happens."""
    painter = QPainter(widget)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    try:
        yield painter
    finally:
        painter.end()


class TextLabel(QLabel):
    """A label whose size, weight and color follow the theme."""

    def __init__(
        self, theme: Theme, text: str = "", pixels: int = 12, weight: int = 400, color: str = "text_muted", **keywords: Any
    ) -> None:
        super().__init__(text, **keywords)
        self._theme = theme
        self._color = color
        self.setFont(theme.font(pixels, weight, tabular=True))
        theme.changed.connect(self._restyle)
        self._restyle()

    def set_color(self, color: str) -> None:
        if color != self._color:
            self._color = color
            self._restyle()

    def _restyle(self) -> None:
        self.setStyleSheet(f"color:{self._theme.color(self._color).name()}")


class NumberLabel(QWidget):
    """A number that changes many times a second: it keeps its width, so that nothing around it is laid out again.

    Parameters
    ----------
    widest
        A text as wide as any that will be shown.
    """

    def __init__(
        self, theme: Theme, widest: str, pixels: int = 12, weight: int = 600, align: Qt.AlignmentFlag = Align.AlignLeft
    ) -> None:
        super().__init__()
        self._theme = theme
        self._text = ""
        self._align = align | Align.AlignVCenter
        self.setFont(theme.font(pixels, weight, tabular=True))
        metrics = self.fontMetrics()
        self.setFixedSize(metrics.horizontalAdvance(widest) + 4, metrics.height() + 2)
        theme.changed.connect(self.update)

    def text(self) -> str:
        return self._text

    def setText(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.setAccessibleDescription(text)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        with painting(self) as painter:
            painter.setFont(self.font())
            painter.setPen(self._theme.color("text"))
            painter.drawText(self.rect(), self._align, self._text)


class Card(QFrame):
    """A rounded panel with a title, room for a few words or buttons beside it, and ``body`` for the content."""

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, objectName="card", accessibleName=title)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 13, 16, 16)
        self.body.setSpacing(10)
        self.header = QHBoxLayout()
        self.header.setSpacing(8)
        self.title = TextLabel(theme, title, 13, 600, "text")
        self.header.addWidget(self.title)
        self.header.addStretch(1)
        self.body.addLayout(self.header)


class IconButton(QToolButton):
    """A button with an icon alone; its tooltip is its accessible name."""

    def __init__(
        self, theme: Theme, icon: str, tip: str, size: int = 36, primary: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            parent,
            objectName="primary" if primary else "icon",
            toolTip=tip,
            accessibleName=tip,
            cursor=Qt.CursorShape.PointingHandCursor,
            focusPolicy=Qt.FocusPolicy.StrongFocus,
        )
        self._theme = theme
        self._icon_name = icon
        self._primary = primary
        self.setFixedSize(size, size)
        pixels = 22 if primary else max(14, size // 2)
        self.setIconSize(QSize(pixels, pixels))
        theme.changed.connect(self._restyle)
        self._restyle()

    def set_icon(self, name: str) -> None:
        self._icon_name = name
        self._restyle()

    def _restyle(self) -> None:
        color = "on_accent" if self._primary else "text_muted"
        self.setIcon(self._theme.icon(self._icon_name, color, self.iconSize().width()))


class ChoiceBox(QComboBox):
    """A flat choice box; with ``editable_number`` any number can be typed as well."""

    def __init__(self, theme: Theme, name: str, tip: str, editable_number: bool = False) -> None:
        super().__init__(toolTip=tip, accessibleName=name, cursor=Qt.CursorShape.PointingHandCursor)
        self._theme = theme
        self.setEditable(editable_number)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setFixedHeight(30)
        self.setFont(theme.font(12, 500, tabular=True))
        self.setMaxVisibleItems(16)
        # The wheel over a bar of boxes must not change the experiment by accident.
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        line = self.lineEdit()
        if line is not None:
            line.setFont(self.font())
            line.setStyleSheet("background:transparent; border:none; padding:0;")
            line.setAccessibleName(name)
            line.setToolTip(tip)
            line.setTextMargins(7, 0, 0, 0)
        theme.changed.connect(self.update)

    def wheelEvent(self, event: Any) -> None:
        event.ignore()

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = self._theme
        with painting(self) as painter:
            focused = self.hasFocus()
            lit = self.isEnabled() and self.underMouse()
            painter.setPen(QPen(theme.color("accent"), 1.2) if focused else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("hover" if lit else "sunken"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.6, 0.6, -0.6, -0.6), 8, 8)
            painter.drawPixmap(self.width() - 22, (self.height() - 14) // 2, theme.pixmap("chevron", "text_muted", 14))
            if not self.isEditable():
                painter.setFont(self.font())
                painter.setPen(theme.color("text" if self.isEnabled() else "text_faint"))
                room = self.rect().adjusted(10, 0, -23, 0)
                text = self.currentText() or self.placeholderText()
                text = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
                painter.drawText(room, Align.AlignLeft | Align.AlignVCenter, text)


class LabeledCombo(QWidget):
    """A small caption over a choice box.

    Signals
    -------
    chosen(value)
        The user picked an item, or typed a number.
    """

    chosen = Signal(object)

    def __init__(
        self, theme: Theme, label: str, items: Sequence[Item], tip: str, editable_number: bool = False, width: int = 0
    ) -> None:
        super().__init__()
        self._editable = editable_number
        self._values: list[Any] = []
        self._current: Any = None
        self.caption = TextLabel(theme, label, 11, 500, "text_faint", indent=2)
        self.box = ChoiceBox(theme, label, tip, editable_number)
        self.caption.setBuddy(self.box)
        self.caption.setToolTip(tip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addStretch(1)
        layout.addWidget(self.caption)
        layout.addWidget(self.box)
        layout.addStretch(1)
        self._width = width
        self.set_items(items)
        self.box.activated.connect(self._picked)
        line = self.box.lineEdit()
        if line is not None:
            line.editingFinished.connect(self._typed)

    @property
    def value(self) -> Any:
        """What is shown; None for a mixture."""
        return self._current

    def set_items(self, items: Sequence[Item]) -> None:
        """Offer other items; nothing is emitted."""
        with QSignalBlocker(self.box):
            self.box.clear()
            self._values = [value for value, _, _ in items]
            for index, (_, title, tip) in enumerate(items):
                self.box.addItem(title)
                if tip:
                    self.box.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
        # The chevron takes 24 pixels, the margins 12; every title fits.
        widest = max((self.box.fontMetrics().horizontalAdvance(title) for _, title, _ in items), default=40)
        self.box.setFixedWidth(self._width or max(56, widest + (30 if self._editable else 36)))

    def set_value(self, value: Any) -> None:
        """Show a value; None shows a dash. Nothing is emitted."""
        self._current = value
        with QSignalBlocker(self.box):
            index = next((i for i, known in enumerate(self._values) if known == value), -1)
            self.box.setPlaceholderText("—")
            self.box.setCurrentIndex(index)
            line = self.box.lineEdit()
            if line is not None:
                line.setText(self._text(value))
                line.setCursorPosition(0)
        self.box.update()

    def _text(self, value: Any) -> str:
        if value in self._values:
            return self.box.itemText(self._values.index(value))
        return "" if value is None else f"{value:g}"

    def _picked(self, index: int) -> None:
        value = self._values[index]
        if value != self._current:
            self._current = value
            self.chosen.emit(value)

    def _typed(self) -> None:
        line = self.box.lineEdit()
        text = line.text().strip().replace(",", ".").replace("−", "-")
        if text == self._text(self._current):
            return
        try:
            value = float(text)
        except ValueError:
            # Not a number: what holds comes back.
            line.setText(self._text(self._current))
            return
        if value != self._current:
            self._current = value
            self.chosen.emit(value)


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

    def wheelEvent(self, event: Any) -> None:
        # The wheel scrolls the panel; it must not change the experiment by accident.
        event.ignore()

    def position_of(self, value: int) -> float:
        """Where the handle stands for a value, in pixels."""
        span = max(1, self.maximum() - self.minimum())
        return 8 + (self.width() - 16) * (value - self.minimum()) / span

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._go_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._go_to(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setSliderDown(False)

    def _go_to(self, x: float) -> None:
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


class Segmented(QFrame):
    """A few words side by side, of which one holds.

    Signals
    -------
    chosen(str)
        The user picked one, by its name.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, items: Sequence[Item], name: str) -> None:
        super().__init__(objectName="segmented", accessibleName=name)
        self._theme = theme
        self.buttons: dict[str, QPushButton] = {}
        group = QButtonGroup(self)
        group.setExclusive(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(3, 3, 3, 3)
        layout.setSpacing(2)
        self.setFixedHeight(34)
        for value, title, tip in items:
            button = QPushButton(title, checkable=True, toolTip=tip, cursor=Qt.CursorShape.PointingHandCursor)
            button.setAccessibleName(f"{name}: {title}")
            button.setFont(theme.font(12, 500))
            button.setFixedHeight(28)
            button.clicked.connect(lambda _checked=False, value=value: self.chosen.emit(value))
            group.addButton(button)
            layout.addWidget(button, 1)
            self.buttons[value] = button
        theme.changed.connect(self._restyle)
        self._restyle()

    @property
    def value(self) -> str:
        return next((value for value, button in self.buttons.items() if button.isChecked()), "")

    def set_value(self, value: str) -> None:
        """Show a choice; nothing is emitted."""
        if value in self.buttons:
            self.buttons[value].setChecked(True)

    def _restyle(self) -> None:
        p = self._theme.palette
        raised = p.surface if p.name == "light" else p.hover
        self.setStyleSheet(
            f"""#segmented {{ background:{p.sunken}; border:none; border-radius:9px; }}
            QPushButton {{ background:transparent; color:{p.text_muted}; border:1px solid transparent; border-radius:7px; padding:0 4px; }}
            QPushButton:hover {{ color:{p.text}; background:transparent; }}
            QPushButton:checked {{ background:{raised}; color:{p.text}; border:1px solid {p.border_strong}; }}
            QPushButton:focus {{ border:1px solid {p.accent}; }}"""
        )


class ElidedLabel(TextLabel):
    """One line that ends in … where it doesn't fit; the whole text is its tooltip."""

    def __init__(self, theme: Theme, **keywords: Any) -> None:
        super().__init__(theme, **keywords)
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str) -> None:
        if text != self._whole:
            self._whole = text
            self.setToolTip(text)
            self._elide()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, max(10, self.width())))
