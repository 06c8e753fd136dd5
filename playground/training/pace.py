"""Pace: how many mini-batches a call shall do, to fill about 10 ms or to keep to a chosen number of epochs a frame."""

from __future__ import annotations

import time

from playground.training.trainer import Trainer

FRAME = 1 / 60
SLICE = 0.010
# Frames' worth of steps that may be overdue before they are given up.
MOST_DEBT = 3


class Pace:
    """Reckons how many mini-batches are due, and learns from calls how many fill a slice."""

    def __init__(self) -> None:
        self.epochs_per_frame: float | None = None
        """The chosen pace; None for as fast as it goes."""
        self._slice_steps = 1
        self._start_time = 0.0
        self._start_step = 0

    def start(self, trainer: Trainer | None) -> None:
        """Count what is due from now on."""
        self._start_time = time.perf_counter()
        self._start_step = trainer.step if trainer is not None else 0

    def forget(self) -> None:
        """Another run: how many steps fill a slice is to be learned anew."""
        self._slice_steps = 1

    @property
    def slice_steps(self) -> int:
        """Mini-batches that fill a slice."""
        return self._slice_steps

    def steps_due(self, trainer: Trainer) -> int:
        """Mini-batches that are due by now at the chosen pace."""
        rate = self._steps_per_second(trainer)
        due = self._start_step + rate * (time.perf_counter() - self._start_time) - trainer.step
        if due > rate * MOST_DEBT * FRAME:
            # The network is too slow for the chosen speed: don't pile up a debt.
            self.start(trainer)
        return int(due)

    def seconds_ahead(self, trainer: Trainer | None) -> float:
        """Seconds until the next step is due, at most a frame when a snapshot is due first."""
        if trainer is None:
            return FRAME
        next_step = self._start_time + (trainer.step + 1 - self._start_step) / max(self._steps_per_second(trainer), 1e-9)
        return next_step - time.perf_counter()

    def learn(self, steps: int, seconds: float) -> None:
        """Take note of how long a call took that did all its steps."""
        if steps == self._slice_steps:
            # Toward a call of one slice, at most doubling: one slow call must not throw the pace off.
            self._slice_steps = int(min(2 * steps, max(1, steps * SLICE / seconds)))

    def _steps_per_second(self, trainer: Trainer) -> float:
        return (self.epochs_per_frame or 0.0) / FRAME * trainer.steps_per_epoch
