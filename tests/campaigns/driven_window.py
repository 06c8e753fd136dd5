"""A window that is driven by actions and watched: exceptions, Qt's complaints, and how long its thread is away."""

from __future__ import annotations

import collections
import contextlib
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from campaign import PACKAGE, Failure, kind_of
from PySide6.QtCore import QEventLoop, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from playground import log
from playground.gui.app import settle
from playground.gui.preferences import Preferences
from playground.gui.window import Window
from playground.training.session import TrainingSession

# Of the window's own processor time, in one go: five frames and a bit.
MOST_SECONDS = 0.1
# From one look at where the window's thread is to the next.
LOOK_SECONDS = 0.01
# What the platform without a screen says of itself, and Qt of a system without UTF-8.
NOISE = ("This plugin does not support", "Detected locale")
PATIENCE_SECONDS = 30.0


class DrivenWindow:
    """A new window whose questions are answered by ``answers``.

    Parameters
    ----------
    folder
        Where its files go.
    """

    def __init__(self, folder: Path) -> None:
        self.application = QApplication.instance() or QApplication([])
        self.folder = folder
        self.failures: list[Failure] = []
        self.stalls: list[tuple[float, Failure]] = []
        self.action: object = "opening"
        self.discard = QMessageBox.StandardButton.Discard
        self.file_name = ""
        self._longest = (0.0, "")
        self._innermost = ""
        self._stacks = Stacks(threading.get_ident())
        self.window = Window(
            preferences=Preferences(folder / "settings.ini"), session=TrainingSession("reference", threads=1), running=False
        )
        self.window.resize(1280, 760)
        self.window.show()
        self._events()
        # As the program does, whose collector would look through everything again and again.
        settle()
        self._longest = (0.0, "")

    def do(self, action: object, act: Callable[[], object]) -> None:
        """Carry an action out as an event would, and let the window draw what came of it."""
        self.action = action
        self._measured(act)
        for _ in range(3):
            self._events()
        seconds, stack = self._longest
        if seconds > MOST_SECONDS:
            kind = action[0] if isinstance(action, list) else action
            details = f"{1000 * seconds:.0f} ms in {action}; {len(self.application.allWidgets())} widgets; {self._innermost}"
            self.stalls.append((seconds, Failure(f"the window was away for long: {kind}, {stack}", details)))
        self._longest = (0.0, "")

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let the window and the session work for so long, or until something holds; whether it does."""
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            self._events()
            time.sleep(0.002)
        return until()

    def follows(self) -> bool:
        """Whether what runs is what the document says, or a failure that was told."""
        snapshot = self.window.loop.shown_snapshot
        if snapshot is None:
            return False
        return snapshot.error is not None or (
            snapshot.run is not None and snapshot.run.experiment == self.window.document.experiment
        )

    def close(self) -> bool:
        """Close the window; whether its session ended."""
        self.window.document.undo_stack.setClean()
        self.window.close()
        ended = self.window.session.close(5)
        self.window.deleteLater()
        self._events()
        self._stacks.stop()
        return ended

    def _events(self) -> None:
        self._measured(self._turn)

    def _turn(self) -> None:
        """What is due now, in a loop of Qt's own: objects to be deleted later are deleted in none but those."""
        loop = QEventLoop()
        QTimer.singleShot(0, loop.quit)
        loop.exec()

    def _measured(self, act: Callable[[], object]) -> None:
        """Call, and note how much of its own time this thread took."""
        self._stacks.begin()
        start = time.thread_time()
        try:
            act()
        except Exception as error:
            # Where a signal's slot or an event is called from here, and not from Qt's loop.
            log.unexpected(error, "action")
        seconds = time.thread_time() - start
        stack = self._stacks.end()
        if seconds > self._longest[0]:
            self._longest, self._innermost = (seconds, stack), self._stacks.innermost()


class Stacks:
    """Looks from another thread at where one is, to say where it stays for long."""

    def __init__(self, thread: int) -> None:
        self._thread = thread
        self._watching = self._stopped = False
        self._seen: collections.Counter[str] = collections.Counter()
        self._inner: collections.Counter[str] = collections.Counter()
        threading.Thread(target=self._look, name="stacks", daemon=True).start()

    def begin(self) -> None:
        self._seen.clear()
        self._inner.clear()
        self._watching = True

    def end(self) -> str:
        """The outermost function of the program's that was seen most often since `begin`: what took so long."""
        self._watching = False
        return max(self._seen, key=lambda place: self._seen[place]) if self._seen else "Qt"

    def innermost(self) -> str:
        """The innermost lines that were seen since `begin`, and how often: where to look."""
        return ", ".join(f"{count} × {place}" for place, count in self._inner.most_common(5))

    def stop(self) -> None:
        self._stopped = True

    def _look(self) -> None:
        while not self._stopped:
            time.sleep(LOOK_SECONDS)
            if self._watching and (frame := sys._current_frames().get(self._thread)) is not None:
                own = [entry for entry in traceback.extract_stack(frame) if entry.filename.startswith(str(PACKAGE))]
                named = [entry for entry in own if entry.name != "<lambda>"]
                if named:
                    self._seen[f"{Path(named[0].filename).name}: {named[0].name}"] += 1
                    self._inner[f"{Path(own[-1].filename).name}:{own[-1].lineno}"] += 1


@contextlib.contextmanager
def driven() -> Iterator[DrivenWindow]:
    """A window of its own to drive; all that goes wrong in the program meanwhile is in its ``failures``."""
    interval = sys.getswitchinterval()
    with tempfile.TemporaryDirectory(prefix="actions-", ignore_cleanup_errors=True) as folder, watched() as failures:
        window = DrivenWindow(Path(folder))
        window.failures = failures
        with answered(window):
            yield window
    sys.setswitchinterval(interval)


@contextlib.contextmanager
def watched() -> Iterator[list[Failure]]:
    """What goes wrong in the program, from now on: the log's own listeners hear it, and Qt's complaints."""
    failures: list[Failure] = []

    def hear(mishap: log.Mishap) -> None:
        failures.append(Failure(kind_of(mishap.trace), mishap.trace[-3000:]))

    def complain(kind: QtMsgType, _context: object, message: str) -> None:
        if kind is not QtMsgType.QtDebugMsg and not message.startswith(NOISE):
            failures.append(Failure(f"Qt: {message[:80]}", message))

    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    # Python's own, without those of a test's: what is heard here is told by the campaign.
    sys.excepthook, threading.excepthook, sys.unraisablehook = (
        sys.__excepthook__,
        threading.__excepthook__,
        sys.__unraisablehook__,
    )
    log.watch()
    log.listeners.append(hear)
    before = qInstallMessageHandler(complain)
    try:
        yield failures
    finally:
        qInstallMessageHandler(before)
        log.listeners.remove(hear)
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


@contextlib.contextmanager
def answered(driven_window: DrivenWindow) -> Iterator[None]:
    """Dialogs that would wait for a person are answered: unsaved changes are thrown away, files have the name that is set."""

    def file_name(*_: object) -> tuple[str, str]:
        return driven_window.file_name, ""

    saved = QMessageBox.question, QFileDialog.getOpenFileName, QFileDialog.getSaveFileName
    QMessageBox.question = lambda *_: driven_window.discard
    QFileDialog.getOpenFileName = QFileDialog.getSaveFileName = file_name
    try:
        yield
    finally:
        QMessageBox.question, QFileDialog.getOpenFileName, QFileDialog.getSaveFileName = saved
