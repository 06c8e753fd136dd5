"""Process time from nothing to the first trained epoch, kernels compiled before: ``python tests/benchmarks/first_epoch.py``.

Beside it, in turns: what Python, NumPy and Numba take by themselves until a single compiled function of one line, loaded
from its cache, has run. No program that uses Numba can start sooner.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TRAIN = """
import time
from playground.experiment.presets import preset
from playground.training.trainer import Trainer

Trainer(preset("circle")).train_epochs(1)
print(time.process_time())
"""
LEAST_MODULE = """
from numba import njit

@njit(cache=True)
def add_one(x):
    return x + 1.0
"""
LEAST = """
import time
import least

least.add_one(1.0)
print(time.process_time())
"""
ROUNDS = 9


def seconds(script, **environment):
    """Process time that a script reports."""
    result = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return float(result.stdout)


def main():
    from playground.kernels.cpu import warm

    if not warm.is_warm():
        warm.warm()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "least.py").write_text(LEAST_MODULE)
        least = {"PYTHONPATH": folder, "NUMBA_CACHE_DIR": folder}
        seconds(LEAST, **least)
        rounds = [(seconds(TRAIN), seconds(LEAST, **least)) for _ in range(ROUNDS)]
    trained, floor = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"first epoch of circle trained after {trained:.2f} s of process time")
    print(f"Numba with one compiled line of its own: {floor:.2f} s; ratio {trained / floor:.2f}")


if __name__ == "__main__":
    main()
