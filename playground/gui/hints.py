"""Lets every tooltip be a hint as well, shown at once in the line at the bottom."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QStatusTipEvent
from PySide6.QtWidgets import QWidget


class Root(QWidget):
    """Everything in the window; hears what the thing under the pointer does.

    Signals
    -------
    hinted(str)
        The sentence, or nothing once the pointer has left.

    The window itself must not override ``event``: all painting would then run inside a Python call and hold the interpreter,
    for which the training thread would have to wait.
    """

    hinted = Signal(str)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QStatusTipEvent):
            self.hinted.emit(event.tip())
            return True
        return super().event(event)


def hint_from_tooltips(window: QWidget) -> None:
    """Make status tips of tooltips; Qt sends those to the widgets' parents as the pointer moves."""
    for widget in window.findChildren(QWidget):
        if widget.toolTip() and not widget.statusTip():
            widget.setStatusTip(widget.toolTip().replace("\n", " "))
