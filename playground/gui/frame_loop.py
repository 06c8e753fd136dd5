"""Hands the newest snapshot to the views that can be seen, about 60 times a second, and measures how fast it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from playground.training import parts
from playground.training.protocol import Part, Snapshot, Status, Watch
from playground.training.session import TrainingSession

# Looked at more often than snapshots come (60 a second): each is shown soon after it is there, not up to a frame later.
POLL_MILLISECONDS = 5
RATE_SECONDS = 0.5
PATIENCE_POLLS = 40


class View(Protocol):
    """What the loop asks of a view."""

    def isVisible(self) -> bool: ...

    def show_snapshot(self, snapshot: Snapshot) -> None: ...

    def needs_parts(self) -> frozenset[Part]:
        """The parts of a snapshot that the view draws: functions of ``training.parts``, or others of their kind."""


class FrameLoop(QObject):
    """Polls ``session.latest``: the newest snapshot wins, missed ones are no loss, hidden views cost nothing.

    Parameters
    ----------
    session
        The training session.
    can_be_seen
        Tells whether the window is on the screen at all (not minimized).

    Signals
    -------
    shown(Snapshot)
        A snapshot has been handed to the views.
    waiting()
        A run has been asked for and isn't there yet after a moment: its data are being loaded.
    rates_measured(float steps, float frames)
        Training steps and pictures a second, twice a second.
    """

    shown = Signal(object)
    waiting = Signal()
    rates_measured = Signal(float, float)

    def __init__(
        self, session: TrainingSession, can_be_seen: Callable[[], bool] = lambda: True, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._can_be_seen = can_be_seen
        self.views: list[tuple[View, int, int]] = []
        self._turn = 0
        self._waited = 0
        self._shown: Snapshot | None = None
        self._shown_by: dict[int, Snapshot] = {}
        self.watched: Watch | None = None
        """What the session was last told to compute."""
        self.probe: tuple[float, ...] | None = None
        """Raw row whose way through the network the views want to see, if any."""
        self._started = time.perf_counter()
        self._steps_then = 0
        self._generation_then = -1
        self._frames = 0
        self.timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer)
        self.timer.setInterval(POLL_MILLISECONDS)
        self.timer.timeout.connect(self.poll)

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot of the run that holds now, if there is one yet."""
        snapshot = self._session.latest
        return snapshot if snapshot is not None and snapshot.generation >= self._session.generation else None

    @property
    def shown_snapshot(self) -> Snapshot | None:
        """The snapshot that was handed to the views last, if it is of the run that holds now."""
        snapshot = self._shown
        return snapshot if snapshot is not None and snapshot.generation >= self._session.generation else None

    def add_view(self, view: View, every: int = 1, turn: int = 0) -> None:
        """Show snapshots to a view.

        Parameters
        ----------
        every, turn
            While training runs the view gets only every so many snapshots, those whose number leaves ``turn`` over: views
            that are slow to draw take turns, so that no frame has to wait for all of them.
        """
        self.views.append((view, every, turn))

    def start(self) -> None:
        self.timer.start()

    def stop(self) -> None:
        self.timer.stop()

    def poll(self) -> None:
        """Show what is new; called by the timer."""
        seen = [entry for entry in self.views if entry[0].isVisible()] if self._can_be_seen() else []
        self._watch([view for view, _, _ in seen])
        snapshot = self.newest
        if snapshot is None:
            self._waited += 1
            if self._waited == PATIENCE_POLLS:
                self.waiting.emit()
            return
        self._waited = 0
        is_new = snapshot is not self.shown_snapshot
        if is_new:
            self._turn += 1
        running = snapshot.status is Status.RUNNING
        for view, every, turn in seen:
            last = self._shown_by.get(id(view))
            # The first snapshot of a run is for all: nobody shall look at an empty card until it is their turn.
            if running and self._turn % every != turn and last is not None and last.generation == snapshot.generation:
                continue
            # A view that comes back into sight gets the newest snapshot even if nothing has happened since.
            if last is not snapshot:
                self._shown_by[id(view)] = snapshot
                view.show_snapshot(snapshot)
        if is_new:
            self._shown = snapshot
            self._frames += 1
            self.shown.emit(snapshot)
        self._measure(snapshot)

    def _watch(self, seen: list[View]) -> None:
        """Tell the session which parts are worth computing."""
        needed: frozenset[Part] = frozenset().union(*(view.needs_parts() for view in seen))
        if self.probe is not None:
            needed |= {parts.probe}
        wanted = Watch(needed, self.probe)
        if wanted != self.watched:
            self.watched = wanted
            self._session.send(wanted)

    def _measure(self, snapshot: Snapshot) -> None:
        now = time.perf_counter()
        if snapshot.generation != self._generation_then:
            self._generation_then = snapshot.generation
            self._started, self._steps_then, self._frames = now, snapshot.step, 0
            return
        seconds = now - self._started
        if seconds >= RATE_SECONDS:
            if snapshot.status is Status.RUNNING:
                self.rates_measured.emit((snapshot.step - self._steps_then) / seconds, self._frames / seconds)
            self._started, self._steps_then, self._frames = now, snapshot.step, 0
