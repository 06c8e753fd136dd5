"""Faults of the program in the window: slots, painting, timers, threads and training all come to one banner, and it goes on."""

import re
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer, QtMsgType, qInstallMessageHandler, qWarning
from PySide6.QtWidgets import QApplication, QWidget

from playground import log
from playground.gui import unexpected
from playground.gui.background import Background
from playground.gui.banner import UNEXPECTED, Banner
from playground.gui.status_line import StatusLine
from playground.gui.unexpected import Unexpected
from playground.gui.widgets.theme import Theme
from playground.training import session as sessions
from playground.training.protocol import Status


@pytest.fixture(autouse=True)
def watched(tmp_path, monkeypatch):
    """A log of its own, and Python's hooks as they are outside of pytest, which has its own there."""
    monkeypatch.setenv("PLAYGROUND_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(log, "_times", type(log._times)())
    for module, name in ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(module, name, getattr(module, f"__{name}__"))
    log.watch()


@pytest.fixture(autouse=True)
def forgets(shared_window):
    """What another test has told of is told again."""
    yield
    shared_window.unexpected._mishaps.clear()
    shared_window.banner.dismiss()


def text_of_the_log():
    path = log.log_file()
    return path.read_text() if path.exists() else ""


def fails_in_a_slot(driver, monkeypatch):
    connection = driver.window.bar.help_clicked.connect(lambda: 1 / 0)
    driver.window.bar.help_clicked.emit()
    # Other tests have the same window.
    driver.window.bar.help_clicked.disconnect(connection)


def fails_in_an_action(driver, monkeypatch):
    monkeypatch.setattr(driver.window.player, "step", lambda: 1 / 0)
    monkeypatch.setattr(driver.window.files, "new", lambda: 1 / 0)
    driver.window.actions_by_name["new"].trigger()


def fails_in_painting(driver, monkeypatch):
    class Broken(QWidget):
        def paintEvent(self, event):
            raise ZeroDivisionError("division by zero")

    widget = Broken(driver.window)
    widget.show()
    driver.qtbot.wait(50)
    widget.deleteLater()


def fails_in_a_timer(driver, monkeypatch):
    QTimer.singleShot(0, driver.window, lambda: 1 / 0)


def fails_in_a_job(driver, monkeypatch):
    Background("report", driver.window).run(lambda: 1 / 0, print)


def fails_in_a_result(driver, monkeypatch):
    Background("report", driver.window).run(lambda: 1, lambda result: result / 0)


def fails_in_training(driver, monkeypatch):
    monkeypatch.setattr(sessions, "Trainer", lambda *_, **__: 1 / 0)
    driver.window.new_weights()


@pytest.mark.parametrize(
    "fail",
    [
        fails_in_a_slot,
        fails_in_an_action,
        fails_in_painting,
        fails_in_a_timer,
        fails_in_a_job,
        fails_in_a_result,
        fails_in_training,
    ],
    ids=lambda fail: fail.__name__,
)
def test_no_exception_is_silent_and_the_window_goes_on(driver, monkeypatch, fail):
    window = driver.window
    fail(driver, monkeypatch)
    driver.until(lambda: window.banner.kind == UNEXPECTED)
    assert window.banner.text == "Something went wrong here; your work is kept."
    assert [button.text() for button in window.banner.offers] == ["Copy report"]
    assert "ZeroDivisionError: division by zero" in text_of_the_log()
    monkeypatch.undo()
    driver.qtbot.wait(100)
    assert window.banner.kind == UNEXPECTED, "nothing takes its place"
    window.new_weights()
    driver.settle()
    window.player.play_or_pause()
    driver.until(lambda: driver.status_is(Status.RUNNING))
    window.player.play_or_pause()
    driver.until(lambda: driver.status_is(Status.PAUSED))


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def test_many_faults_are_one_banner_and_one_report(driver, monkeypatch):
    window = driver.window
    shown, show = [], window.banner.show_message
    monkeypatch.setattr(window.banner, "show_message", lambda *words: (shown.append(words), show(*words)))
    for number in range(40):
        log.unexpected(raised(ValueError(f"fault {number}")), "painting")
    for kind in (KeyError, TypeError, OSError, IndexError, NameError, EOFError):
        log.unexpected(raised(kind("another")), "a slot")
    driver.until(lambda: len(window.unexpected._mishaps) == 7)
    assert len(shown) == 1
    assert window.unexpected.report().count("Traceback") == unexpected.MOST_TRACES


def test_a_banner_that_was_closed_stays_closed_for_the_same_fault(driver):
    window = driver.window
    error = raised(ValueError("in every frame"))
    log.unexpected(error, "painting")
    driver.until(lambda: window.banner.kind == UNEXPECTED)
    window.banner.close_button.click()
    log.unexpected(error, "painting")
    driver.qtbot.wait(50)
    assert window.banner.kind == ""
    log.unexpected(raised(ValueError("elsewhere")) and raised(KeyError("elsewhere")), "painting")
    driver.until(lambda: window.banner.kind == UNEXPECTED)


def test_the_report_has_what_is_needed_and_nothing_private(driver, monkeypatch, tmp_path):
    window = driver.window
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    window.document.edit("learning rate", {"training.optimizer.learning_rate": 0.0123})
    window.actions_by_name["undo"].trigger()
    window.player.play_or_pause()
    window.open_path(tmp_path / "my patients.csv")
    log.unexpected(raised(ValueError("could not convert 'Ada Lovelace'")), "reading")
    driver.until(lambda: window.banner.kind == UNEXPECTED)
    window.banner.offers[0].click()
    report = QApplication.clipboard().text()
    assert window.banner.kind == ""
    for title in (
        "Neural Playground",
        "Python",
        "Qt",
        "NumPy",
        "Numba",
        "System",
        "Processor",
        "GPU",
        "Training",
        "Window",
        "Log",
    ):
        assert re.search(rf"^{title}: \S", report, re.MULTILINE), title
    assert "edit: learning rate (training.optimizer.learning_rate)" in report
    assert "action: undo" in report
    assert re.search(r"\d\d:\d\d:\d\d (play|pause)$", report, re.MULTILINE)
    assert f"asked to open: ~{Path('/').anchor}my patients.csv" in report
    assert "ValueError: could not convert" in report
    assert "Lovelace" not in report
    assert str(tmp_path) not in report
    window.player.play_or_pause()


def test_a_window_that_is_gone_hears_nothing(qtbot, qapp):
    theme, parent = Theme("light"), QWidget()
    before = len(log.listeners)
    Unexpected(Banner(theme, parent), StatusLine(theme, parent), parent)
    assert len(log.listeners) == before + 1
    parent.deleteLater()
    qtbot.waitUntil(lambda: len(log.listeners) == before)


def test_qt_complains_into_the_log(capsys, monkeypatch):
    monkeypatch.setattr(unexpected, "_times", {})
    before = qInstallMessageHandler(None)
    try:
        unexpected.log_qt_messages()
        for _ in range(9):
            qWarning("painter not active")
        unexpected._take(QtMsgType.QtDebugMsg, None, "chatter")
    finally:
        qInstallMessageHandler(before)
    assert text_of_the_log().count("WARNING Qt (default): painter not active") == unexpected.MOST_TIMES
    assert "chatter" not in text_of_the_log()
    assert capsys.readouterr().err.count("painter not active") == 9
