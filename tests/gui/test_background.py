"""Work off the window's thread: where results arrive, which job waits, and what may be gone by then."""

import gc
import importlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget

from playground.gui.background import Background, mailbox

SECONDS = 20


class Gate:
    """A job that says when it has begun and waits to be let on."""

    def __init__(self, result):
        self.result = result
        self.begun, self.opened = threading.Event(), threading.Event()
        self.thread = None

    def __call__(self):
        self.thread = threading.current_thread()
        self.begun.set()
        assert self.opened.wait(SECONDS)
        return self.result


@pytest.fixture
def background(qapp):
    made = Background("test")
    yield made
    made.wait(SECONDS)


def test_a_job_runs_elsewhere_and_its_result_comes_back_here(qtbot, background):
    gate, told = Gate(7), []
    background.run(gate, lambda result: told.append((result, threading.current_thread())))
    assert gate.begun.wait(SECONDS) and background.busy
    gate.opened.set()
    qtbot.waitUntil(lambda: bool(told))
    assert told == [(7, threading.main_thread())]
    assert gate.thread is not threading.main_thread() and gate.thread.name == "test"
    assert not background.busy


def test_of_the_jobs_asked_for_meanwhile_only_the_newest_is_done(qtbot, background):
    gate, done, told = Gate("first"), [], []
    background.run(gate, told.append)
    for number in range(5):
        background.run(lambda number=number: done.append(number) or number, told.append)
    assert gate.begun.wait(SECONDS) and not done
    gate.opened.set()
    qtbot.waitUntil(lambda: len(told) == 2)
    assert done == [4] and told == ["first", 4]
    assert not background.busy


def test_a_result_may_ask_for_the_next_job(qtbot, background):
    told = []

    def again(result):
        told.append(result)
        if result < 3:
            background.run(lambda: result + 1, again)

    background.run(lambda: 1, again)
    qtbot.waitUntil(lambda: told == [1, 2, 3])


def test_waiting_needs_no_events_and_hands_over_once(background):
    told = []
    background.run(lambda: 1, told.append)
    assert background.wait(SECONDS)
    assert told == [1] and not background.busy
    # The event that was on its way finds the job done; it must not end another one.
    gate = Gate(2)
    background.run(gate, told.append)
    QApplication.processEvents()
    assert background.busy and told == [1]
    assert not background.wait(0.01)
    gate.opened.set()
    assert background.wait(SECONDS) and told == [1, 2]
    QApplication.processEvents()
    assert told == [1, 2]


def test_a_widget_that_is_gone_meanwhile_is_no_error(qapp):
    failures = []
    hook, threading.excepthook = threading.excepthook, failures.append
    try:
        widget, told, gate = QWidget(), [], Gate(1)
        background = Background("test", widget)
        background.run(gate, told.append)
        assert gate.begun.wait(SECONDS)
        widget.deleteLater()
        QCoreApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)
        assert not shiboken6.isValid(background)
        gate.opened.set()
        gate.thread.join(SECONDS)
        QApplication.processEvents()
    finally:
        threading.excepthook = hook
    assert not failures and not told


def test_a_job_that_fails_tells_nobody_and_lets_the_next_one_in(qtbot, background):
    failures, told = [], []
    hook, threading.excepthook = threading.excepthook, failures.append
    try:
        background.run(lambda: 1 / 0, told.append)
        background.run(lambda: 2, told.append)
        qtbot.waitUntil(lambda: told == [2])
    finally:
        threading.excepthook = hook
    assert [failure.exc_type for failure in failures] == [ZeroDivisionError]


def test_what_is_brought_on_the_windows_own_thread_may_bring_more(qtbot):
    """A failure that is told, and whose telling fails, is told as well; nothing waits for itself."""
    told = []
    box = mailbox()
    box.bring(lambda: (told.append(1), box.bring(lambda: told.append(2))))
    assert not told, "once Qt's events run again"
    qtbot.waitUntil(lambda: told == [1, 2])


def test_what_a_job_has_imported_is_not_looked_through_again(qtbot, background, tmp_path, monkeypatch):
    (tmp_path / "brought_by_a_job.py").write_text("things = [[number] for number in range(1000)]\n")
    monkeypatch.syspath_prepend(tmp_path)
    frozen, told = gc.get_freeze_count(), []
    background.run(lambda: 1, told.append)
    qtbot.waitUntil(lambda: told == [1])
    assert gc.get_freeze_count() == frozen, "nothing was imported"
    background.run(lambda: importlib.import_module("brought_by_a_job"), told.append)
    qtbot.waitUntil(lambda: len(told) == 2)
    assert gc.get_freeze_count() >= frozen + 1000
    assert not any(thing is told[1].things for thing in gc.get_objects())


# Whoever asked is deleted just when the result comes; then the program ends while threads still work.
STORM = """
import random, sys
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from playground.gui.background import Background
application = QApplication([])
sys.setswitchinterval(1e-5)
for number in range(400):
    owners = [QObject() for _ in range(8)]
    for owner in owners:
        Background("test", owner).run(lambda: sum(range(random.randrange(300))), print)
    for owner in owners:
        shiboken6.delete(owner)
    if number % 50 == 0:
        application.processEvents()
"""


@pytest.mark.window
def test_results_for_what_is_being_deleted_never_crash_the_program():
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", STORM], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
