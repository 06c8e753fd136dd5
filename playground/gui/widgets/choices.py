"""One of several: choice boxes with a caption, and words side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPaintEvent, QPen, QPixmap, QShowEvent, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from playground.gui.widgets.controls import TextLabel, painting
from playground.gui.widgets.names import one_line
from playground.gui.widgets.style import polish
from playground.gui.widgets.theme import Theme

Align = Qt.AlignmentFlag
WIDEST_LIST = 420
# Value, title, tooltip.
Item = tuple[Any, str, str]


class ChoiceBox(QComboBox):
    """A flat choice box; with ``editable_number`` any number can be typed as well.

    Signals
    -------
    opening()
        The list is about to be shown: time to say what can't be chosen now.
    """

    opening = Signal()

    def __init__(self, theme: Theme, name: str, tip: str, editable_number: bool = False) -> None:
        super().__init__(toolTip=tip, accessibleName=name, cursor=Qt.CursorShape.PointingHandCursor)
        self._theme = theme
        self._picture: Callable[[int], QPixmap] | None = None
        self.setEditable(editable_number)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setFixedHeight(30)
        self.setFont(theme.font(12, 500, tabular=True))
        self.setMaxVisibleItems(16)
        # By Tab alone, unless there is something to type: after a choice Space still plays and pauses.
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if editable_number else Qt.FocusPolicy.TabFocus)
        line = self.lineEdit()
        if line is not None:
            line.setFont(self.font())
            # The line of a box is styled by a sheet of its own alone.
            line.setStyleSheet("background:transparent; border:none; padding:0;")
            line.setAccessibleName(name)
            line.setToolTip(tip)
            line.setTextMargins(7, 0, 0, 0)
        theme.changed.connect(self.update)

    def offer(self, titles_and_tips: Iterable[tuple[str, str]]) -> None:
        """Offer these choices, each with a sentence as its tooltip; nothing is emitted."""
        with QSignalBlocker(self):
            self.clear()
            for index, (title, tip) in enumerate(titles_and_tips):
                self.addItem(one_line(title))
                self.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)

    def set_pictures(self, picture: Callable[[int], QPixmap], width: int, height: int) -> None:
        """Show a picture beside each choice in the list; they are painted when the list opens."""
        self._picture = picture
        self.setIconSize(QSize(width, height))

    def refuse(self, index: int, reason: str) -> None:
        """Gray a choice out, with the reason as its tooltip; an empty reason allows it again."""
        model = self.model()
        if isinstance(model, QStandardItemModel):
            model.item(index).setEnabled(not reason)
            if reason:
                self.setItemData(index, reason, Qt.ItemDataRole.ToolTipRole)

    def showPopup(self) -> None:
        self.opening.emit()
        widest = max((self.fontMetrics().horizontalAdvance(self.itemText(i)) for i in range(self.count())), default=0)
        if self._picture is not None:
            with QSignalBlocker(self):
                for index in range(self.count()):
                    self.setItemIcon(index, QIcon(self._picture(index)))
            widest += self.iconSize().width() + 12
        # The list may be wider than the box: no name is cut that is no wider than a card.
        self.view().setMinimumWidth(max(self.width(), min(widest + 40, WIDEST_LIST)))
        super().showPopup()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._bare_line()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.isVisible():
            self._bare_line()

    def _bare_line(self) -> None:
        """The box hands its own palette on to the line, over what the line's sheet says."""
        line = self.lineEdit()
        if line is not None:
            polish(line)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # The wheel over a bar of boxes must not change the experiment by accident.
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


class MoreButton(QAbstractButton):
    """Words with a small arrow behind them: a click shows what else can be set there."""

    def __init__(self, theme: Theme, text: str, tip: str, pixels: int = 11, weight: int = 500, color: str = "text_faint") -> None:
        super().__init__(
            toolTip=tip,
            accessibleName=tip,
            cursor=Qt.CursorShape.PointingHandCursor,
            focusPolicy=Qt.FocusPolicy.TabFocus,
        )
        self._theme = theme
        self._color = color
        self._arrow = True
        self.setText(text)
        self.setFont(theme.font(pixels, weight, tabular=True))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        arrow = metrics.height() - 2 if self._arrow else 0
        return QSize(metrics.horizontalAdvance(self.text()) + 4 + arrow, metrics.height() + 1)

    def show_arrow(self, on: bool) -> None:
        """Leave the arrow out where there is no room."""
        self._arrow = on
        self.updateGeometry()
        self.update()

    def setText(self, text: str) -> None:
        super().setText(text)
        self.updateGeometry()

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, lit = self._theme, self.underMouse() or self.hasFocus()
        color = "accent" if lit else self._color
        arrow = self.fontMetrics().height() - 3
        with painting(self) as painter:
            painter.setFont(self.font())
            painter.setPen(theme.color(color))
            painter.drawText(self.rect().adjusted(2, 0, 0, 0), Align.AlignLeft | Align.AlignVCenter, self.text())
            x = 2 + self.fontMetrics().horizontalAdvance(self.text())
            painter.drawPixmap(
                x, (self.height() - arrow) // 2 + 1, theme.pixmap("next", "accent" if lit else "text_faint", arrow)
            )
            if self.hasFocus():
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.color("accent"), 1))
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)


class LabeledCombo(QWidget):
    """A small caption over a choice box; with ``more`` the caption is a button that leads to all the settings behind it.

    Signals
    -------
    chosen(value)
        The user picked an item, or typed a number.
    more_asked()
        The caption was clicked.
    """

    chosen = Signal(object)
    more_asked = Signal()

    def __init__(
        self,
        theme: Theme,
        label: str,
        items: Sequence[Item],
        tip: str,
        editable_number: bool = False,
        width: int = 0,
        more: str = "",
    ) -> None:
        super().__init__()
        self._editable = editable_number
        self.values: list[Any] = []
        self._current: Any = None
        self.box = ChoiceBox(theme, label, tip, editable_number)
        self.caption: QWidget
        if more:
            button = MoreButton(theme, label, more)
            button.clicked.connect(self.more_asked)
            self.caption = button
        else:
            words = TextLabel(theme, label, 11, 500, "text_faint")
            words.setIndent(2)
            words.setBuddy(self.box)
            words.setToolTip(tip)
            self.caption = words
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addStretch(1)
        layout.addWidget(self.caption)
        layout.addWidget(self.box)
        layout.addStretch(1)
        self.caption.setFixedHeight(self.caption.fontMetrics().height() + 1)
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
        self.values = [value for value, _, _ in items]
        self.box.offer((title, tip) for _, title, tip in items)
        # The chevron takes 24 pixels, the margins 12; every title fits.
        widest = max((self.box.fontMetrics().horizontalAdvance(title) for _, title, _ in items), default=40)
        self.box.setFixedWidth(self._width or max(56, widest + (30 if self._editable else 36)))

    def set_value(self, value: Any) -> None:
        """Show a value; None shows a dash. Nothing is emitted."""
        self._current = value
        with QSignalBlocker(self.box):
            index = next((i for i, known in enumerate(self.values) if known == value), -1)
            self.box.setPlaceholderText("—")
            self.box.setCurrentIndex(index)
            line = self.box.lineEdit()
            if line is not None:
                line.setText(self._text(value))
                line.setCursorPosition(0)
        self.box.update()

    def _text(self, value: Any) -> str:
        if value in self.values:
            return self.box.itemText(self.values.index(value))
        return "" if value is None else f"{value:g}"

    def _picked(self, index: int) -> None:
        value = self.values[index]
        if value != self._current:
            self._current = value
            self.chosen.emit(value)

    def _typed(self) -> None:
        line = self.box.lineEdit()
        if line is None:
            return
        text = line.text().strip().replace(",", ".").replace("−", "-")
        if text == self._text(self._current):
            return
        try:
            value = float(text)
            if not math.isfinite(value):
                raise ValueError
        except ValueError:
            # Not a number: what holds comes back.
            line.setText(self._text(self._current))
            return
        if value != self._current:
            self._current = value
            self.chosen.emit(value)


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
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _checked=False, value=value: self.chosen.emit(value))
            group.addButton(button)
            layout.addWidget(button, 1)
            self.buttons[value] = button

    @property
    def value(self) -> str:
        return next((value for value, button in self.buttons.items() if button.isChecked()), "")

    def set_value(self, value: str) -> None:
        """Show a choice; nothing is emitted."""
        if value in self.buttons:
            self.buttons[value].setChecked(True)
