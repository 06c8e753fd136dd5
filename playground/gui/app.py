"""Starts the window."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from playground.ending import held
from playground.storage import resource

SWITCH_SECONDS = 0.0005


def settle() -> None:
    """Prepare the interpreter for smooth running, once all is built.

    What exists now stays until the end, so the garbage collector need not look at it again and again. Window and training
    thread take turns at the interpreter: short turns keep both smooth.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)


class Ender(QObject):
    """Carries the wish to end from whichever thread hears of it to the window's."""

    asked = Signal()


def main(file: str | None = None) -> int:
    """Open the window and run until it is closed.

    Parameters
    ----------
    file
        An experiment, a model or a table to open.

    Returns
    -------
    code
        The process's exit code.
    """
    from playground.gui.unexpected import log_qt_messages

    log_qt_messages()
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Neural Playground")
    application.setDesktopFileName("neural-playground")
    application.setWindowIcon(QIcon(str(resource("icons", "logo.svg"))))
    from playground.gui.window import Window

    window = Window()
    window.show()
    if file is not None:
        window.open_path(Path(file))
    ender = Ender()
    ender.asked.connect(window.end_at_once, Qt.ConnectionType.QueuedConnection)
    settle()
    # Ctrl+C in the terminal, TERM and HUP end the window: nobody is there to be asked.
    with held(ender.asked.emit):
        code = application.exec()
    window.loop.stop()
    window.session.close()
    return code
