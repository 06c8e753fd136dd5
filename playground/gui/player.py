"""Plays, pauses and steps the training: what was asked for last counts before a snapshot shows that it happened."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from playground import log
from playground.gui.frame_loop import FrameLoop
from playground.training.protocol import Pause, Snapshot, Status, Train
from playground.training.session import TrainingSession

USUAL_SPEED = 1.0


class Player(QObject):
    """Sends a session what the buttons of the bar mean.

    Signals
    -------
    playing()
        Training is about to be asked for.
    """

    playing = Signal()

    def __init__(self, session: TrainingSession, loop: FrameLoop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._loop = loop
        # Whether training was last asked for or stopped, until a snapshot shows that it happened.
        self._asked: bool | None = None
        self.speed: float | None = USUAL_SPEED
        """Epochs per frame of 1/60 s; None is as fast as it goes."""

    @property
    def running(self) -> bool:
        """Whether training runs, or is about to."""
        snapshot = self._loop.newest
        return self._asked if self._asked is not None else snapshot is not None and snapshot.status is Status.RUNNING

    def play_or_pause(self) -> None:
        """Train, or hold still."""
        log.did("pause" if self.running else "play")
        if self.running:
            self._asked = False
            self._session.send(Pause())
        else:
            self._asked = True
            self.playing.emit()
            self.play()

    def play(self) -> None:
        """Train."""
        self._session.send(Train(epochs_per_frame=self.speed))

    def step(self) -> None:
        """Train on one batch."""
        self._session.send(Train(steps=1))

    def set_speed(self, epochs_per_frame: float | None) -> None:
        """Go at another speed, from now on if training runs."""
        self.speed = epochs_per_frame
        if self.running:
            self.play()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """See whether what was asked for has happened, or can't any more."""
        if (snapshot.status is Status.RUNNING) == self._asked or snapshot.status.ended:
            self._asked = None

    def reset(self) -> None:
        """Hold still, and forget what was asked for."""
        self._session.send(Pause())
        self._asked = None
        self.speed = USUAL_SPEED
