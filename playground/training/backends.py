"""What computes: the backends by name, which of them can be used here, and which is the fastest for a run, measured."""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from playground.arrays import Array
from playground.experiment import ExperimentError, TrainingSpec
from playground.kernels import BACKEND_CHOICES, BACKENDS
from playground.kernels.cuda import target as cuda_target
from playground.network.plan import Plan
from playground.words import duration, tr

# Seconds of a step on the CPU below which no GPU can be faster: the barriers of a step alone take about as long there.
TOO_SHORT = 20e-6
# Seconds that one measurement may take; the best of a few counts, as other programs only ever make a run slower.
BUDGET = 0.02
ROUNDS, MOST_STEPS = 3, 100_000
GPU_CANNOT_BE_COMPILED_FOR = tr(
    "Training on the CPU: the GPU's kernels couldn't be compiled; `python -m playground.kernels.cuda.warm` says why."
)


@dataclass(frozen=True)
class BackendChoice:
    """A backend, and why it was chosen.

    Parameters
    ----------
    name
        Of the backend.
    reason
        One sentence for people.
    waits
        Whether the GPU may be faster, but its kernels must be compiled first.
    """

    name: str
    reason: str
    waits: bool = False


@dataclass(frozen=True)
class Work:
    """A run, as far as its speed depends on it.

    Parameters
    ----------
    plan, training
        The network, and how it is trained.
    parameters
        float32: where it starts.
    inputs, targets, weights
        float32: the training rows; no weights where all count alike.
    threads
        How many threads may compute.
    """

    plan: Plan
    training: TrainingSpec
    parameters: Array
    inputs: Array
    targets: Array
    weights: Array
    threads: int


def load_backend(name: str) -> ModuleType:
    """Import a backend by name.

    Raises
    ------
    ExperimentError
        If there is no such backend, or it can't be used here: one sentence with the mend.
    """
    if name not in BACKENDS:
        raise ExperimentError(
            tr("there is no backend {name!r}; choose one of {names}.").format(name=name, names=", ".join(BACKEND_CHOICES))
        )
    if name == "cuda" and cuda_target.problem():
        raise ExperimentError(
            tr("the GPU can't be used: {problem} Take another backend; auto finds the fastest.").format(
                problem=cuda_target.problem()
            )
        )
    if name == "cpu":
        _have_kernels_compiled()
    return importlib.import_module(BACKENDS[name])


@functools.cache
def _have_kernels_compiled() -> None:
    """Compile the CPU's kernels in a process of its own where they aren't yet: so all processes run the same machine code.

    Kernels that share a function have a copy of it each, optimized for its place. Read from the disk, each runs its own; in the
    process that compiles them, the first copy serves them all, and sums may be grouped, and rounded, in another way.
    """
    from playground.kernels.cpu import warm

    if not warm.is_warm():
        warm.start_warming().wait()


def nothing_to_measure() -> BackendChoice | None:
    """The choice where it doesn't depend on the run: the CPU on machines without a GPU. Answers at once."""
    if not cuda_target.has_driver():
        return BackendChoice("cpu", tr("Training on the CPU: {problem}").format(problem=cuda_target.problem()))
    return None


def pick(work: Work, before_compiling: Callable[[], None] = lambda: None, may_compile: bool = True) -> BackendChoice:
    """The backend on which a step of this run takes the least time. Whatever goes wrong with a GPU, the CPU is left.

    Parameters
    ----------
    work
        The run.
    before_compiling
        Called if the GPU's kernels must be compiled first, which takes about a minute.
    may_compile
        Whether to wait for that; else the CPU is taken, with a choice that ``waits``.
    """
    settled = nothing_to_measure()
    if settled is not None:
        return settled
    on_cpu = seconds_a_step("cpu", work)
    if on_cpu < TOO_SHORT:
        return BackendChoice(
            "cpu",
            tr("Training on the CPU: a step takes {on_cpu} here, too short for a GPU to be faster.").format(
                on_cpu=duration(on_cpu)
            ),
        )
    if cuda_target.problem():
        return BackendChoice("cpu", tr("Training on the CPU: {problem}").format(problem=cuda_target.problem()))
    try:
        from playground.kernels.cuda import warm as cuda_warm

        if not cuda_warm.is_warm():
            if not may_compile:
                return BackendChoice("cpu", tr("Training on the CPU while the GPU's kernels are compiled, once."), waits=True)
            before_compiling()
            if cuda_warm.start_warming().wait():
                return BackendChoice("cpu", GPU_CANNOT_BE_COMPILED_FOR)
        gpu, on_gpu = cuda_target.facts().sentence, seconds_a_step("cuda", work)
    except Exception as error:
        return BackendChoice("cpu", tr("Training on the CPU: {error}").format(error=cuda_target.explain(error)))
    if on_cpu <= on_gpu:
        return BackendChoice(
            "cpu",
            tr("Training on the CPU: a step takes {on_cpu} here and {on_gpu} on the {gpu}.").format(
                on_cpu=duration(on_cpu), on_gpu=duration(on_gpu), gpu=gpu
            ),
        )
    reason = tr("Training on the GPU: {gpu}; a step takes {on_gpu} there and {on_cpu} on the CPU.").format(
        gpu=gpu, on_gpu=duration(on_gpu), on_cpu=duration(on_cpu)
    )
    return BackendChoice("cuda", reason)


def seconds_a_step(name: str, work: Work) -> float:
    """How long a mini-batch takes on a backend: the best of a few short runs from the start values."""
    backend = load_backend(name)
    state = backend.new_state(work.plan, work.training, work.parameters, len(work.inputs))
    state.threads, state.weights = work.threads, work.weights
    best, steps = float("inf"), 1
    with np.errstate(all="ignore"):
        # The first call compiles, uploads and fills caches.
        backend.train(state, work.inputs, work.targets, 1)
        for _ in range(ROUNDS):
            while True:
                start, before = time.perf_counter(), state.step
                backend.train(state, work.inputs, work.targets, steps)
                elapsed, done = time.perf_counter() - start, state.step - before
                if done < steps:
                    # A run that blows up ends its calls at once.
                    return min(best, elapsed / max(1, done))
                if elapsed >= BUDGET / 4 or steps > MOST_STEPS:
                    break
                steps *= 4
            best = min(best, elapsed / steps)
    return best
