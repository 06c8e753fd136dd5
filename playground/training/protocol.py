"""What goes into a training session and what comes out: commands, and snapshots that never change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np

from playground.arrays import Float32
from playground.data.preprocessing import Preprocessing
from playground.experiment import Experiment
from playground.kernels.cuda.target import GpuFacts
from playground.training.diagnosis import Trouble
from playground.training.history import History, history_columns
from playground.training.rate_finder import RateTest
from playground.training.run import RunInfo
from playground.training.trainer import Trainer


class Status(StrEnum):
    """What the session is doing."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    DIVERGED = "diverged"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether a run has come to an end; it may be played on."""
        return self in (Status.FINISHED, Status.DIVERGED, Status.FAILED)


@dataclass(frozen=True)
class Use:
    """Train this experiment from now on.

    The run goes on where `keeps_weights` says so, unless ``restart`` asks for the initial weights again or ``parameters``
    (flat, in the plan's layout) gives others. While running, the new run is running too. Where the data can't be loaded,
    ``preprocessing``, which came with a model's ``parameters``, lets the network and its weights be looked at all the same.
    """

    experiment: Experiment
    parameters: Float32 | None = None
    restart: bool = False
    preprocessing: Preprocessing | None = None


@dataclass(frozen=True)
class Train:
    """Train on: ``steps`` mini-batches, or on and on; at most ``epochs_per_frame`` epochs in 1/60 s, None for no limit."""

    steps: int | None = None
    epochs_per_frame: float | None = None


@dataclass(frozen=True)
class Pause:
    """Stop after the present mini-batches; weights and place in the epoch stay."""


@dataclass(frozen=True)
class TestRates:
    """Try learning rates on a copy of the run, from tiny to far too large; the result is in later snapshots."""


# Works out one part of a snapshot; see ``training.parts``.
Part = Callable[[Trainer, "Watch"], Any]


@dataclass(frozen=True)
class Watch:
    """What snapshots shall hold, see `Snapshot.parts`; equal ones ask for the same.

    Parameters
    ----------
    parts
        Functions of ``training.parts``, or others of their kind; the same object stands for the same part.
    probe
        The raw row whose way through the network is watched, if any.
    """

    parts: frozenset[Part] = frozenset()
    probe: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Close:
    """End the thread."""


Command = Use | Train | Pause | TestRates | Watch | Close


@dataclass(frozen=True)
class Snapshot:
    """State of the run at one moment; nothing in it changes afterwards.

    Parameters
    ----------
    generation
        Number of `Use` commands the session had been given; an older one than the newest is out of date.
    status
        What the session is doing.
    step, epoch
        Mini-batches and epochs done.
    history
        What was measured so far.
    measurement
        Losses and metrics of these parameters by the history's columns, gradients left out; empty where a failed run
        couldn't be measured any more.
    parameters
        float32, flat; the plan has the views.
    parts
        What is watched, by the function that worked it out: ``snapshot.parts[parts.surface]``; only what exists for the data.
    error
        One sentence where the status is diverged or failed.
    trouble
        Where and why the run diverged.
    stopped
        One sentence where early stopping has gone back to the best weights, else empty.
    rates
        The result of the last `TestRates` of this run.
    run
        What the run is about; None before there is one.
    backend
        What computes: ``cpu``, ``cuda``, or ``reference`` while kernels are being compiled.
    device
        What the GPU is, where it computes.
    reason
        Why that backend: one sentence, or empty.
    speed
        Floating-point operations a second of the last calls' matrix products, by the rows that they trained on; 0 before
        there are any.
    threads
        How many threads compute.
    notice
        One line if compiled kernels can't be kept where they should be, or the run had to leave the GPU; else empty.
    """

    generation: int
    status: Status
    step: int = 0
    epoch: float = 0.0
    history: History = field(default_factory=lambda: History(history_columns("binary"), np.zeros((0, 5)), 0))
    measurement: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    parameters: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))
    parts: Mapping[Part, Any] = field(default_factory=lambda: MappingProxyType({}))
    error: str | None = None
    trouble: Trouble | None = None
    stopped: str = ""
    rates: RateTest | None = None
    run: RunInfo | None = None
    backend: str = ""
    device: GpuFacts | None = None
    reason: str = ""
    speed: float = 0.0
    threads: int = 1
    notice: str = ""
