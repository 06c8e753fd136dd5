"""TrainingState: every buffer a run needs, allocated once; backends read and write it, nothing is allocated in a step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground.catalog import optimizers, schedules
from playground.kernels.shuffling import seeded
from playground.network.parameters import aligned_zeros, padded
from playground.network.plan import Plan

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec

# Indices into ``TrainingState.counters``.
STEP = 0  # mini-batches done since the weights were drawn
POSITION = 1  # rows of the present epoch done
EPOCH = 2  # whole epochs done

# Indices into ``TrainingState.hyper``.
(
    RATE,  # the learning rate of the present step
    HYPER_1,  # the optimizer's further settings; see `catalog.optimizers`
    HYPER_2,
    HYPER_3,
    L1,
    L2,
    CORRECTION_1,  # bias corrections of the present step
    CORRECTION_2,
    DECAY,  # weight decay apart from the gradient
    CLIP_NORM,  # longest gradient, 0 for any
    CLIP_VALUE,  # largest slope of one parameter, 0 for any
    FULL_RATE,  # the learning rate that the schedule's factor acts on
    SCHEDULE,  # code of the schedule, and its settings; see `catalog.schedules`
    SCHEDULE_1,
    SCHEDULE_2,
    SCHEDULE_3,
    EPOCHS,  # length of the whole training
    EPOCH_STEPS,  # mini-batches in an epoch
    BROKEN,  # 1 after a step whose gradient wasn't finite
) = range(19)
HYPER_SIZE = 32


def available_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Trace:
    """What a batch left behind: values and slopes (rows, width) under the unit where their region starts, and gradients."""

    values: dict[int, NDArray[Any]]
    deltas: dict[int, NDArray[Any]]
    gradients: NDArray[Any]


def hyper_numbers(training: TrainingSpec, rows: int, dtype: Any = np.float32) -> NDArray[Any]:
    """The numbers of a training that steps need, (HYPER_SIZE,), for so many training rows."""
    hyper = np.zeros(HYPER_SIZE, dtype)
    hyper[: HYPER_3 + 1] = optimizers.settings_of(training.optimizer)
    hyper[FULL_RATE] = training.optimizer.learning_rate
    hyper[L1], hyper[L2] = training.l1, training.l2
    hyper[DECAY] = training.weight_decay + optimizers.weight_decay_of(training.optimizer)
    hyper[CLIP_NORM], hyper[CLIP_VALUE] = training.clip_norm, training.clip_value
    hyper[SCHEDULE] = schedules.record_of(training.schedule).code
    hyper[SCHEDULE_1 : SCHEDULE_3 + 1] = schedules.settings_of(training.schedule)
    hyper[EPOCHS] = training.epochs
    hyper[EPOCH_STEPS] = -(-max(1, rows) // training.batch_size)
    return hyper


class TrainingState:
    """Buffers and counters of one run.

    Parameters
    ----------
    plan
        The network.
    training
        Batch size, optimizer, penalties and seed.
    parameters
        Start values, float32 (plan.parameter_size,); copied.
    rows
        Number of training rows.
    dtype
        float32 for compiled backends, float64 for the reference.
    """

    def __init__(self, plan: Plan, training: TrainingSpec, parameters: NDArray[Any], rows: int, dtype: Any = np.float32) -> None:
        self.plan = plan
        self.dtype = np.dtype(dtype)
        self.parameters = self.zeros(plan.parameter_size)
        self.parameters[:] = parameters
        self.gradients = self.zeros(plan.parameter_size)
        # Memory slots of the optimizer; a slot it doesn't use stays empty.
        self.first_moment = self.zeros(0)
        self.second_moment = self.zeros(0)
        self.order = np.arange(rows, dtype=np.int64)
        # How much each row counts for each output; empty where all count alike.
        self.weights = aligned_zeros(0, dtype).reshape(0, plan.widths[-1])
        self.random = seeded(training.seed)
        self.seed = training.seed
        self.counters = np.zeros(3, np.int64)
        self.hyper = np.zeros(HYPER_SIZE, dtype)
        self.stop = np.zeros(1, np.int64)
        # How many threads compute; backends with one ignore it.
        self.threads = 1
        self.capacity = 0
        self.values = aligned_zeros(0, dtype)
        self.configure(plan, training)

    def configure(self, plan: Plan, training: TrainingSpec) -> None:
        """Take over changed settings between two steps; weights and counters stay.

        A new optimizer starts with empty memory, a new batch size from the next batch on.
        """
        self.plan, self.training = plan, training
        record = optimizers.record_of(training.optimizer)
        if getattr(self, "optimizer", None) is not record:
            self.optimizer: optimizers.OptimizerRecord = record
            size = self.parameters.size
            self.first_moment = self.zeros(size if record.slots > 0 else 0)
            self.second_moment = self.zeros(size if record.slots > 1 else 0)
            # Bias correction counts the steps since the memory was empty.
            self.moments_start = int(self.counters[STEP])
        for view in plan.parameters:
            if not view.trainable:
                # What a frozen parameter gathered while it learned must not move it on.
                for buffer in (self.gradients, self.first_moment, self.second_moment):
                    buffer[view.offset : view.offset + view.size] = 0
        self.batch_size = min(training.batch_size, max(1, self.order.size))
        self.hyper[:] = hyper_numbers(training, self.order.size, self.dtype)
        capacity = padded(self.batch_size)
        if (capacity, plan.units * capacity) != (self.capacity, self.values.size):
            self.capacity = capacity
            self.make_room(plan.units * capacity, plan.widths[-1] * capacity)

    def zeros(self, size: int) -> NDArray[Any]:
        """So many numbers of the parameter buffer's kind."""
        return aligned_zeros(size, self.dtype)

    def make_room(self, size: int, outputs: int) -> None:
        """Buffers for a batch: so many values, and so many outputs."""
        self.values = aligned_zeros(size, self.dtype)
        self.deltas = aligned_zeros(size, self.dtype)
        self.targets = aligned_zeros(outputs, self.dtype)
        self.batch_weights = aligned_zeros(outputs, self.dtype)

    def put(self, parameters: NDArray[Any]) -> None:
        """Go on from these parameters."""
        self.parameters[:] = parameters

    def forget_moments(self) -> None:
        """Empty the optimizer's memory."""
        self.first_moment[:] = 0
        self.second_moment[:] = 0
        self.moments_start = self.step

    def take_over(self, other: TrainingState) -> None:
        """Continue where another state of the same plan stands, as when a run moves to another backend."""
        self.parameters[:] = other.parameters
        self.weights = other.weights.astype(self.dtype)
        self.first_moment[:] = other.first_moment
        self.second_moment[:] = other.second_moment
        self.order[:] = other.order
        self.random[:] = other.random
        self.counters[:] = other.counters
        self.moments_start = other.moments_start

    @property
    def step(self) -> int:
        """Mini-batches done."""
        return int(self.counters[STEP])

    @property
    def epoch(self) -> float:
        """Epochs done, with the part of the present one."""
        rows = max(1, self.order.size)
        return float(self.counters[EPOCH] + self.counters[POSITION] / rows)
