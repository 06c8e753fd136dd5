"""A window per test, with settings of its own, paused unless the test starts it."""

import pytest

from playground.gui.file_actions import preset
from playground.gui.preferences import Preferences
from playground.gui.window import Window
from playground.session import Status, TrainingSession

PATIENCE = 20_000


class Driver:
    """A window and what tests do with it."""

    def __init__(self, qtbot, window):
        self.qtbot = qtbot
        self.window = window
        self.panels = window.panels
        self.canvas = window.panels.canvas

    @property
    def experiment(self):
        return self.window.document.experiment

    @property
    def snapshot(self):
        return self.window.loop.newest

    def until(self, condition):
        """Let the window and the session work until something holds."""
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)

    def settle(self):
        """Until the newest run is shown on the canvas, with outputs of the probed row."""
        window = self.window
        self.until(
            lambda: (
                self.snapshot is not None
                and self.snapshot.run is not None
                and self.snapshot.run.experiment == self.experiment
                and window.loop._shown is self.snapshot
                and "probe" in self.snapshot.parts
                and len(self.snapshot.parts["probe"]) == len(self.canvas.lanes)
                and self.canvas.edges is not None
            )
        )

    def status_is(self, status):
        return self.snapshot is not None and self.snapshot.status is status

    def train_some(self):
        """Train until there are a few epochs, then hold still."""
        self.window.play_or_pause()
        self.until(lambda: self.snapshot is not None and self.snapshot.epoch >= 3)
        if self.status_is(Status.RUNNING):
            self.window.play_or_pause()
        self.until(lambda: not self.status_is(Status.RUNNING))
        self.settle()


@pytest.fixture
def open_window(qtbot, tmp_path):
    """Opens windows on a preset; all are closed at the end."""
    opened = []

    def make(name="circle", experiment=None, size=(1280, 760), **keywords):
        window = Window(
            experiment or preset(name),
            preferences=Preferences(tmp_path / "settings.ini"),
            session=TrainingSession("cpu"),
            running=False,
            **keywords,
        )
        window.resize(*size)
        window.show()
        opened.append(window)
        driver = Driver(qtbot, window)
        driver.settle()
        return driver

    yield make
    for window in opened:
        window.document.undo_stack.setClean()
        window.close()
        assert window.session.close()


@pytest.fixture
def driver(open_window):
    return open_window()
