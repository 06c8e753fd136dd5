"""The script of a call to the GPU: which rows each step sees, at which learning rate. The host writes it beforehand.

Shuffling is one long chain, and schedules need more digits than a GPU likes to compute with; a processor core does both
in a fraction of the time that the steps themselves take. So the device is left with arithmetic, and every backend sees
the same rows in the same order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playground.arrays import Array
from playground.kernels.compiling import kernel
from playground.kernels.rates import correction, rate_at
from playground.kernels.shuffling import shuffle
from playground.kernels.state import EPOCH, HYPER_1, HYPER_2, POSITION, STEP, TrainingState

# Rows and steps of one launch at most: 8 MB of row numbers, and well under the seconds that drivers grant a computation.
MOST_ROWS = 1 << 21
MOST_STEPS = 1 << 14
MOST_OPERATIONS, MOST_INSTRUCTIONS = 1 << 39, 1 << 18
# Drivers end a computation that keeps a screen waiting for two seconds; a launch shall take a tenth of that. The first one
# does a few steps, to see how long they take.
LAUNCH_SECONDS, FIRST_STEPS = 0.2, 32
# Columns of the table of steps: where a step's rows begin in the order, and how many they are.
STEP_FIRST, STEP_ROWS = range(2)
# Columns of each step's numbers: its learning rate and bias corrections.
STEP_RATE, STEP_CORRECTION_1, STEP_CORRECTION_2 = range(3)


class Script(NamedTuple):
    """What a call does.

    Parameters
    ----------
    order
        int32: the rows of all steps, one after the other.
    steps
        int32 (steps, 2): STEP_FIRST and STEP_ROWS of each step.
    numbers
        float32 (steps, 3): STEP_RATE, STEP_CORRECTION_1 and STEP_CORRECTION_2 of each step.
    """

    order: Array
    steps: Array
    numbers: Array


@kernel
def _write(order, random, counters, hyper, batch_size, moments_start, rows, steps, numbers):
    """Fill in a script, and move order, random numbers and counters on as `cpu.train` does; returns how many rows it has."""
    filled = 0
    for step in range(steps.shape[0]):
        start = counters[POSITION]
        if start == 0:
            shuffle(order, random)
        batch = min(batch_size, order.size - start)
        for i in range(batch):
            rows[filled + i] = order[start + i]
        steps[step, STEP_FIRST], steps[step, STEP_ROWS] = filled, batch
        filled += batch
        done = counters[STEP] - moments_start + 1
        numbers[step, STEP_RATE] = rate_at(hyper, counters[EPOCH], start, batch_size)
        numbers[step, STEP_CORRECTION_1] = correction(hyper[HYPER_1], done)
        numbers[step, STEP_CORRECTION_2] = correction(hyper[HYPER_2], done)
        counters[STEP] += 1
        counters[POSITION] += batch
        if counters[POSITION] >= order.size:
            counters[POSITION] = 0
            counters[EPOCH] += 1
    return filled


def steps_at_once(state: TrainingState, steps: int) -> int:
    """How many of so many steps fit into one launch."""
    operations = max(1, state.batch_size * state.plan.operations)
    # Each instruction has a few barriers, at which up to some hundred blocks are counted in 32 bits.
    most = min(MOST_STEPS, MOST_INSTRUCTIONS // len(state.plan.instructions))
    return max(1, min(steps, most, MOST_ROWS // state.batch_size, MOST_OPERATIONS // operations))


def write_script(state: TrainingState, steps: int) -> Script:
    """The script of the next steps of a run, whose order, random numbers and counters move on as if they were done."""
    order = np.empty(steps * state.batch_size, np.int32)
    table, numbers = np.empty((steps, 2), np.int32), np.empty((steps, 3), np.float32)
    hyper, start = state.hyper, state.moments_start
    filled = _write(state.order, state.random, state.counters, hyper, state.batch_size, start, order, table, numbers)
    return Script(order[:filled], table, numbers)


class Mark:
    """Where a run stands in its data, to go back to."""

    def __init__(self, state: TrainingState) -> None:
        self._kept = state.order.copy(), state.random.copy(), state.counters.copy()

    def restore(self, state: TrainingState) -> None:
        """Go back."""
        state.order[:], state.random[:], state.counters[:] = self._kept
