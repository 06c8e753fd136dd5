"""Compiles every kernel of the CUDA backend into the disk cache: ``python -m playground.kernels.cuda.warm``.

That takes a minute or so, once for each kind of GPU; done in a process of its own it delays nothing.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np

from playground.kernels import cache
from playground.kernels.cuda import target as cuda_target
from playground.storage import FileError, atomic_write


def _mark() -> Path:
    """The file that says that all is compiled for this GPU."""
    major, minor = cuda_target.facts().capability
    return cache.cuda_folder() / f"complete-{cuda_target.package()}-{major}{minor}"


def is_warm() -> bool:
    """Whether the kernels of this version lie compiled in the cache."""
    return cuda_target.SIMULATED or _mark().exists()


def start_warming() -> subprocess.Popen[bytes]:
    """Start a process that fills the cache."""
    cache.prepare_cache()
    return subprocess.Popen(
        [sys.executable, "-m", "playground.kernels.cuda.warm"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def warm() -> None:
    """Run each kernel once on a small network, which compiles it.

    Raises
    ------
    GpuError
        If the GPU fails.
    """
    from playground.experiment import DataSpec, Dense, Experiment, NetworkSpec, SyntheticSource, TrainingSpec, build_plan
    from playground.kernels.cuda import backend as cuda

    experiment = Experiment(
        data=DataSpec(source=SyntheticSource(name="circle")),
        network=NetworkSpec(layers=(Dense(units=2, activation="tanh"),)),
        training=TrainingSpec(task="binary", loss="binary_cross_entropy", batch_size=2),
    )
    plan = build_plan(experiment, 2, 1)
    inputs, targets = np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32)
    state = cuda.new_state(plan, experiment.training, np.zeros(plan.parameter_size, np.float32), 4)
    for in_a_block in (True, False):
        state.block_bytes *= in_a_block
        cuda.train(state, inputs, targets, 2)
    cuda.evaluate(state, inputs, targets, np.zeros_like(targets))
    # Without the mark the kernels are compiled again next time: slow, but right.
    with contextlib.suppress(FileError):
        atomic_write(_mark(), b"")


if __name__ == "__main__":
    warm()
