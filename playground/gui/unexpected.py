"""Shows that something nobody expected went wrong: one quiet banner, and a report to copy. Qt's own messages go into the log."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable
from functools import partial

import shiboken6
from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication

from playground import log
from playground.gui.background import mailbox
from playground.gui.banner import UNEXPECTED, Banner
from playground.gui.screen import screen_facts
from playground.gui.status_line import StatusLine
from playground.log import Mishap
from playground.words import tr

# Tracebacks in a report.
MOST_TRACES = 5
LEVELS = {
    QtMsgType.QtWarningMsg: "WARNING",
    QtMsgType.QtCriticalMsg: "ERROR",
    QtMsgType.QtFatalMsg: "CRITICAL",
}
# A message that comes with every frame would fill the disk.
MOST_TIMES = 3
_times: dict[str, int] = {}


class Unexpected(QObject):
    """Hears of each exception that nobody expected, from whatever thread, and shows one banner for all of them.

    An exception comes again with every frame if it is one of painting: each place in the code is told of once.

    Parameters
    ----------
    banner, status
        Where it is told, and where it is said that the report was copied.
    """

    def __init__(self, banner: Banner, status: StatusLine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._banner = banner
        self._status = status
        self._mishaps: dict[str, Mishap] = {}
        bring = mailbox().bring

        def hears(mishap: Mishap) -> None:
            bring(partial(self._show, mishap))

        log.listeners.append(hears)
        self.destroyed.connect(lambda: log.listeners.remove(hears))

    def report(self) -> str:
        """What to send to those who can mend it: versions and machine, the last actions, the tracebacks; no content of files."""
        from playground import machine

        facts = machine.versions() | machine.hardware()
        facts[tr("Training")] = f"{self._status.state.text()}, {self._status.backend.text()}"
        facts |= {tr("Window"): screen_facts(), tr("Log"): str(log.log_file())}
        traces = [f"{mishap.place}:\n{log.for_report(mishap.trace)}" for mishap in list(self._mishaps.values())[:MOST_TRACES]]
        parts = {
            tr("A fault of Neural Playground, reported at {time}").format(time=time.strftime("%Y-%m-%d %H:%M:%S")): [
                f"{title}: {value}" for title, value in facts.items()
            ],
            tr("What was done last"): log.last_actions(),
            tr("What went wrong"): traces,
        }
        return log.without_home("\n\n".join("\n".join([f"# {title}", *lines]) for title, lines in parts.items()) + "\n")

    def copy_report(self) -> None:
        """Put the report on the clipboard."""
        QApplication.clipboard().setText(self.report())
        self._status.show_notice(tr("The report is copied: paste it where you report the fault"))

    def _show(self, mishap: Mishap) -> None:
        if mishap.key in self._mishaps or not shiboken6.isValid(self):
            return
        self._mishaps[mishap.key] = mishap
        if self._banner.kind != UNEXPECTED:
            words = tr("Something went wrong here; your work is kept.")
            self._banner.show_message(UNEXPECTED, words, (tr("Copy report"), self.copy_report))


def note_actions(actions: Iterable[QAction]) -> None:
    """Note for a report when one of these is carried out."""
    for action in actions:
        action.triggered.connect(partial(_note, action.objectName()))


def _note(name: str, _checked: bool = False) -> None:
    log.did(f"action: {name}")


def log_qt_messages() -> None:
    """Log warnings and worse from now on, from any thread."""
    qInstallMessageHandler(_take)


def _take(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    # An exception has nowhere to go from here.
    with contextlib.suppress(Exception):
        sys.stderr.write(f"{message}\n")
    with contextlib.suppress(Exception):
        _times[message] = _times.get(message, 0) + 1
        if kind in LEVELS and _times[message] <= MOST_TIMES:
            log.write(LEVELS[kind], f"Qt ({context.category or 'default'}): {message}")
