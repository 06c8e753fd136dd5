"""A window with settings of its own, paused unless the test starts it."""

import pytest
from PySide6.QtWidgets import QDialog

from playground.experiment.presets import preset
from playground.gui.panels import SWITCHED
from playground.gui.preferences import Preferences
from playground.gui.window import Window
from playground.training import parts
from playground.training.protocol import Status
from playground.training.session import TrainingSession

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
        """What the window shows: the session may be further already."""
        return self.window.loop.shown_snapshot

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
                and window.loop.newest is self.snapshot
                and parts.probe in self.snapshot.parts
                and len(self.snapshot.parts[parts.probe]) == len(self.canvas.lanes)
                and self.canvas.edges is not None
            )
        )

    def status_is(self, status):
        return self.snapshot is not None and self.snapshot.status is status

    def train_some(self):
        """Train until there are a few epochs, then hold still."""
        self.window.player.play_or_pause()
        self.until(lambda: self.snapshot is not None and self.snapshot.epoch >= 3)
        # As the button does: what is shown may run on the screen and have ended since.
        if self.window.loop.newest.status is Status.RUNNING:
            self.window.player.play_or_pause()
        self.until(lambda: not self.status_is(Status.RUNNING))
        self.settle()


def fresh(window, experiment, size):
    """Make a used window like a new one; building one takes a second, and there are hundreds of tests."""
    window.resize(*size)
    for panel in SWITCHED:
        window.actions_by_name[panel.action].setChecked(True)
    window.actions_by_name["settings"].setChecked(False)
    window.set_theme("light")
    window.player.reset()
    window.bar.show_speed(1.0)
    window.banner.dismiss()
    window.status.clear_notice()
    window.panels.canvas.setFocus()
    window.panels.reset()
    window.loop.probe = None
    window.preferences._settings.remove("recent_files")
    window.document.load(experiment)


@pytest.fixture(scope="session")
def shared_window(qapp, tmp_path_factory):
    """One window for all tests of a process."""
    window = Window(
        preferences=Preferences(tmp_path_factory.mktemp("settings") / "settings.ini"),
        session=TrainingSession("cpu"),
        running=False,
    )
    window.show()
    yield window
    window.document.undo_stack.setClean()
    window.close()
    assert window.session.close()


@pytest.fixture
def open_window(qtbot, shared_window):
    """Shows a preset in the window."""

    def make(name="circle", size=(1280, 760)):
        fresh(shared_window, preset(name), size)
        driver = Driver(qtbot, shared_window)
        driver.settle()
        return driver

    yield make
    for dialog in shared_window.findChildren(QDialog):
        dialog.reject()


@pytest.fixture
def driver(open_window):
    return open_window()
