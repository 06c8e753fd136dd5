"""Starts the window."""

from __future__ import annotations

import gc
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

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
    # Ctrl+C in the terminal closes the window; Python hears it only when it gets a turn.
    signal.signal(signal.SIGINT, lambda *_: application.quit())
    waker = QTimer(application, interval=200)
    waker.timeout.connect(lambda: None)
    waker.start()
    settle()
    code = application.exec()
    window.loop.stop()
    window.session.close()
    return code
