"""Training through a `TrainingSession` at full speed, with the snapshots that the window would show."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from playground.bench.cases import TrainCase
from playground.bench.job import Job
from playground.bench.problem import STEPS, TOLERANCE, make_experiment
from playground.training import parts
from playground.training.protocol import Pause, Snapshot, Status, Train, Use, Watch
from playground.training.session import TrainingSession
from playground.training.trainer import Trainer
from playground.words import tr

# A dozen frames are the least that shows what snapshots cost.
LEAST_SECONDS = 0.2
# The session finds its pace: how many steps fill a slice.
WARM_UP = 0.1
PATIENCE = 60.0


def prepare(case: TrainCase, seed: int) -> Job:
    """A session with the case's experiment; the data are those of the program's own source."""
    experiment = make_experiment(case, seed)
    session = TrainingSession("cpu")
    session.start()
    session.send(Watch(frozenset({parts.outputs})))

    def latest(fits: Callable[[Snapshot], bool]) -> Snapshot:
        """The first snapshot of the present run that fits."""
        deadline = time.perf_counter() + PATIENCE
        while time.perf_counter() < deadline:
            snapshot = session.latest
            if snapshot is not None and snapshot.generation == session.generation:
                if snapshot.error is not None:
                    raise RuntimeError(snapshot.error)
                if fits(snapshot):
                    return snapshot
            time.sleep(0.001)
        raise TimeoutError(tr("the session doesn't answer."))

    def error() -> float:
        trainer = Trainer(experiment, "reference")
        start = trainer.parameters.astype(np.float64)
        trainer.train_steps(STEPS)
        expected = trainer.state.parameters
        session.send(Use(experiment, restart=True))
        session.send(Train(steps=STEPS))
        found = latest(lambda snapshot: snapshot.status is Status.PAUSED).parameters
        return float(np.linalg.norm(found - expected) / np.linalg.norm(expected - start))

    def rate(seconds: float) -> float:
        session.send(Use(experiment, restart=True))
        session.send(Train())
        time.sleep(WARM_UP)
        first, start = _next(session, latest)
        time.sleep(max(seconds, LEAST_SECONDS))
        last, end = _next(session, latest)
        session.send(Pause())
        latest(lambda snapshot: snapshot.status is not Status.RUNNING)
        assert last.run is not None
        return (last.epoch - first.epoch) * len(last.run.data.train_rows) / (end - start)

    return Job(error, TOLERANCE, rate)


def _next(session: TrainingSession, latest: Callable[[Callable[[Snapshot], bool]], Snapshot]) -> tuple[Snapshot, float]:
    """The next snapshot of the running run, and when it came."""
    old = session.latest
    return latest(lambda snapshot: snapshot is not old), time.perf_counter()
