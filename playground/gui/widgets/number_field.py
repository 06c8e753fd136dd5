"""A number to type or to step with the arrow keys, held to its range."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from playground.experiment.fields import Number
from playground.gui.widgets.style import polish
from playground.gui.widgets.theme import Theme
from playground.words import plain_number

WIDTH = 84


class NumberField(QLineEdit):
    """One number of a form.

    What isn't a number, or lies out of range, is marked while it is typed and never leaves the field.

    Signals
    -------
    chosen(int or float)
        Another number was typed or stepped to.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme, kind: Number) -> None:
        super().__init__(objectName="number", alignment=Qt.AlignmentFlag.AlignRight)
        self.setProperty("wrong", False)
        self._kind = kind
        self._value: Any = None
        self.setFont(theme.font(12, 600, tabular=True))
        self.setFixedSize(WIDTH, 28)
        self.editingFinished.connect(self._typed)
        self.textEdited.connect(lambda _text: self._mark())

    def show_value(self, value: float) -> None:
        """Show a number; nothing is emitted, and what is being typed stays."""
        changed = value != self._value
        self._value = value
        if changed or not self.hasFocus():
            self.setText(self._text(value))
            self.setCursorPosition(0)
            self._mark()

    def show_none(self, words: str) -> None:
        """Show that there is no number yet, in a few words that stand in its place."""
        self._value = None
        self.setPlaceholderText(words)
        self.setFixedWidth(max(WIDTH, self.fontMetrics().horizontalAdvance(words) + 30))
        self.clear()
        self._mark()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._step(1 if key == Qt.Key.Key_Up else -1)
        elif key == Qt.Key.Key_Escape and self.text() != self._text(self._value):
            self.setText(self._text(self._value))
            self._mark()
        else:
            super().keyPressEvent(event)

    def _step(self, direction: int) -> None:
        """By one, or by a tenth of the first figure's place: from 0.003 to 0.0031, from 0 to 0.01; from nothing as from 0."""
        value = float(self._value or 0)
        if self._kind.whole:
            stepped = value + direction
        else:
            size = 10.0 ** math.floor(math.log10(abs(value))) if value else 0.1
            stepped = float(f"{value + direction * 0.1 * size:.6g}")
        if self._kind.admits(stepped):
            self._take(stepped)

    def _typed(self) -> None:
        value = self._parsed()
        if value is None:
            self.setText(self._text(self._value))
            self._mark()
        elif self.text() != self._text(self._value):
            self._take(value)

    def _text(self, value: float | None) -> str:
        """Thousands are grouped in whole numbers alone: elsewhere a comma is read as a decimal one."""
        if value is None:
            return ""
        text = plain_number(value)
        return text if self._kind.whole else text.replace(",", "")

    def _take(self, value: float) -> None:
        taken = int(value) if self._kind.whole else value
        self.setText(self._text(taken))
        if taken != self._value:
            self._value = taken
            self.chosen.emit(taken)
        self._mark()

    def _parsed(self) -> float | None:
        """The number in the field, if it is one and in range."""
        value = number_of(self.text(), self._kind.whole)
        if value is None or not self._kind.admits(value) or (self._kind.whole and value != int(value)):
            return None
        return value

    def _mark(self) -> None:
        """Mark what is no number, or none that can be."""
        wrong = bool(self.text()) and self._parsed() is None
        if wrong != self.property("wrong"):
            self.setProperty("wrong", wrong)
            polish(self)


def number_of(text: str, whole: bool = False) -> float | None:
    """Read a number as people write it: ``0.5``, ``0,5``, ``−1``, ``1e-8``, a whole one also as ``4,096``; None if it is none."""
    text = text.strip().replace("−", "-").replace(" ", "").replace(",", "" if whole else ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
