"""Compiles every kernel of the CPU backend into the disk cache: ``python -m playground.kernels.cpu.warm``.

Compiling takes seconds and holds the interpreter; done in a process of its own it never delays the window.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from playground.kernels import cache


def is_warm() -> bool:
    """Whether the kernels of this version lie compiled in the cache."""
    return cache.is_complete()


def start_warming() -> subprocess.Popen[bytes]:
    """Start a process that fills the cache."""
    cache.prepare_cache()
    return subprocess.Popen(
        [sys.executable, "-m", "playground.kernels.cpu.warm"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


# The two ways to train: with the batch in the vector lanes, and layer by layer.
LANES, LAYERS = "lanes", "layers"


def warm() -> None:
    """Compile every kernel and keep the result; two processes share the work."""
    other = subprocess.Popen([sys.executable, "-m", "playground.kernels.cpu.warm", LANES])
    try:
        warm_part(LAYERS)
        code = other.wait()
    finally:
        other.terminate()
    if code:
        raise RuntimeError(f"compiling ended with code {code}")
    cache.mark_complete()


def warm_part(part: str) -> None:
    """Run each kernel of a part once on a small network, which compiles it."""
    from playground.experiment import Adam, DataSpec, Dense, Experiment, NetworkSpec, SyntheticSource, TrainingSpec, build_plan
    from playground.kernels.cpu import backend as cpu
    from playground.kernels.cpu.team import Team
    from playground.kernels.cpu.tiny_layout import MOST_UNITS

    units = 2 if part == LANES else MOST_UNITS + 1
    experiment = Experiment(
        data=DataSpec(source=SyntheticSource(name="circle")),
        network=NetworkSpec(layers=(Dense(units=units, activation="tanh"),)),
        training=TrainingSpec(task="binary", loss="binary_cross_entropy", optimizer=Adam(), batch_size=2),
    )
    plan = build_plan(experiment, 2, 1)
    inputs, targets = np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32)
    state = cpu.new_state(plan, experiment.training, np.zeros(plan.parameter_size, np.float32), 4)
    cpu.train(state, inputs, targets, 2)
    if part == LAYERS:
        cpu.evaluate(state, inputs, targets, np.zeros_like(targets))
        # What a helping thread runs.
        with Team(2):
            pass


def main() -> None:
    """Fill the cache; what an earlier attempt left there half done is thrown away if it can't be loaded."""
    if sys.argv[1:]:
        warm_part(sys.argv[1])
        return
    try:
        warm()
    except Exception:
        cache.clear()
        warm()


if __name__ == "__main__":
    main()
