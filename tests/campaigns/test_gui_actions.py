"""The campaign of actions sees what it is there to see, and its actions reach what they are meant for."""

import threading
import time

import driven_window
import gui_actions
import pytest
from driven_window import driven
from PySide6.QtCore import qWarning

from playground.gui.canvas.canvas import NetworkCanvas
from playground.training import session as sessions

pytestmark = pytest.mark.window


def fails_in_a_slot(window):
    raise KeyError("planted")


def fails_in_a_thread(window):
    thread = threading.Thread(target=fails_in_a_slot, args=(window,))
    thread.start()
    thread.join()


def qt_complains(window):
    qWarning("QPainter::begin: Paint device returned engine == 0, type: 1")


def holds_the_window(window):
    end = time.thread_time() + 0.3
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (fails_in_a_slot, "KeyError at "),
        (fails_in_a_thread, "KeyError at "),
        (qt_complains, "Qt: QPainter::begin"),
        (holds_the_window, "the window was away for long: wait, "),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_planted_fault_is_found(monkeypatch, act, kind):
    monkeypatch.setitem(gui_actions.DO, "wait", lambda window, seconds: act(window))
    monkeypatch.setattr(driven_window, "MOST_SECONDS", 0.25)
    failure = gui_actions.play([["wait", 0.0]])
    assert failure is not None
    assert failure.kind.startswith(kind)


def test_a_fault_of_painting_and_one_of_training_are_found(monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("planted")

    with monkeypatch.context() as patch:
        patch.setattr(NetworkCanvas, "paintEvent", broken)
        assert gui_actions.play([["resize", 1600, 1000]]).kind.startswith("ZeroDivisionError at ")
    monkeypatch.setattr(sessions, "Trainer", broken)
    assert gui_actions.play([["trigger", "new_weights"], ["wait", 0.5]]).kind.startswith("ZeroDivisionError at ")


def test_actions_reach_the_controls():
    """Each kind does something to a new window, somewhere."""
    reached = set()
    with driven() as window:
        assert window.wait(20, window.follows)
        before = window.window.document.experiment
        for kind, words in (
            ("data", ["moons"]),
            ("trigger", ["undo"]),
            ("resize", [1600, 1000]),
            ("theme", ["dark"]),
            ("drop", ["iris.csv", []]),
            ("menu", [0.1, 0.5]),
            ("save", ["save_as", ".json"]),
        ):
            state = (window.window.document.experiment, window.window.size().toTuple(), window.window.theme.palette.name)
            gui_actions.carry_out(window, [kind, *words])
            now = (window.window.document.experiment, window.window.size().toTuple(), window.window.theme.palette.name)
            if now != state or (window.folder / "saved.json").exists():
                reached.add(kind)
        assert reached == {"data", "trigger", "resize", "theme", "drop", "menu", "save"}
        for kind in ("click", "choose", "slide", "type"):
            window.window.document.load(before)
            for place in range(40):
                gui_actions.carry_out(window, [kind, place / 40, "7" if kind == "type" else 0.9])
                if window.window.document.experiment != before:
                    break
            assert window.window.document.experiment != before, kind
        assert window.failures == []
        assert window.close()
