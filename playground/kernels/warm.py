"""Compiles every kernel of the CPU backend into the disk cache: ``python -m playground.kernels.warm``.

Compiling takes seconds and holds the interpreter; done in a process of its own it never delays the window. A marker in the
cache folder, written last, says that all is there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from playground.kernels.cache import prepare_cache


def _marker() -> Path:
    return prepare_cache() / "complete"


def is_warm() -> bool:
    """Whether the kernels of this version lie compiled in the cache."""
    return _marker().exists()


def warm() -> None:
    """Run each kernel once on a tiny network, which compiles it and keeps the result."""
    from playground.experiment import (
        Adam,
        DataSpec,
        Dense,
        Experiment,
        NetworkSpec,
        SyntheticSource,
        TrainingSpec,
        build_plan,
    )
    from playground.kernels import cpu

    experiment = Experiment(
        data=DataSpec(source=SyntheticSource(name="circle")),
        network=NetworkSpec(layers=(Dense(units=2, activation="tanh"),)),
        training=TrainingSpec(task="binary", loss="binary_cross_entropy", optimizer=Adam(), batch_size=2),
    )
    plan = build_plan(experiment, 2, 1)
    inputs, targets = np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32)
    state = cpu.new_state(plan, experiment.training, np.zeros(plan.parameter_size, np.float32), 4)
    cpu.train(state, inputs, targets, 2)
    cpu.evaluate(state, inputs, targets, np.zeros_like(targets))
    cpu.activations(plan, state.parameters, inputs)
    _marker().touch()


if __name__ == "__main__":
    warm()
