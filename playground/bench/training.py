"""Training on each engine: our compiled backend, the session that the window uses, and the libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from playground.bench.cases import ROWS, TrainCase
from playground.bench.job import Job, Paced, clocked
from playground.bench.problem import STEPS, TOLERANCE, Layers, Problem, make_problem
from playground.words import tr

# As the window trains small sets at full speed: several epochs in one compiled call.
EPOCHS_A_CALL = 10


def prepare(engine: str, threads: int, case: TrainCase, seed: int) -> Job:
    """A network ready to be trained on an engine."""
    if engine == "session":
        from playground.bench import sessions

        return sessions.prepare(case, seed)
    problem = make_problem(case, seed)
    return _ours(problem, threads) if engine == "playground" else _library(engine, threads, problem)


def refuse_infinity(layers: Layers) -> None:
    """Arithmetic with NaN and infinity has a speed of its own, so a run that blew up must not be timed.

    Raises
    ------
    ArithmeticError
        If a weight is no number any more.
    """
    if not all(np.isfinite(array).all() for layer in layers for array in layer):
        raise ArithmeticError(tr("the weights are no longer numbers."))


def _ours(problem: Problem, threads: int) -> Job:
    from playground.kernels.cpu import backend as cpu

    def new_state() -> Any:
        state = cpu.new_state(problem.plan, problem.experiment.training, problem.parameters, ROWS)
        state.threads = threads
        return state

    def error() -> float:
        # The same seed shuffles as in the reference, so the batches are the same.
        trained = new_state()
        cpu.train(trained, problem.inputs, problem.targets, STEPS)
        return problem.error(problem.layers(trained.parameters))

    state = new_state()
    steps_per_epoch = -(-ROWS // problem.case.batch)

    def run(epochs: int) -> None:
        for first in range(0, epochs, EPOCHS_A_CALL):
            steps = min(EPOCHS_A_CALL, epochs - first) * steps_per_epoch
            cpu.train(state, problem.inputs, problem.targets, steps)
        refuse_infinity(problem.layers(state.parameters))

    return Job(error, TOLERANCE, Paced(clocked(run), ROWS).rate)


def _library(engine: str, threads: int, problem: Problem) -> Job:
    from playground.bench.learners import LEARNERS

    def error() -> float:
        learner = LEARNERS[engine](problem, threads)
        for rows in problem.batches:
            learner.step(rows)
        return problem.error(learner.layers())

    learner = LEARNERS[engine](problem, threads)

    def run(epochs: int) -> None:
        for _ in range(epochs):
            learner.epoch()
        refuse_infinity(learner.layers())

    return Job(error, TOLERANCE, Paced(clocked(run), ROWS).rate)
