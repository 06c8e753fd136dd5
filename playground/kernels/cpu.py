"""The CPU backend: a Plan run by compiled code, whole epochs in one call, without the GIL.

The same few kernels serve every network: they read the plan's table of instructions. The functions at the end have the
names and meanings of ``kernels/reference.py``.
"""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from playground.kernels import tiny, tiny_layout
from playground.kernels.compiling import kernel
from playground.kernels.instructions import backward, forward
from playground.kernels.objective import loss_and_slope, loss_sum
from playground.kernels.packed import at
from playground.kernels.shuffling import shuffle
from playground.kernels.simd.memory import address, floats_at
from playground.kernels.simd.threads import flushing, rounding, set_rounding
from playground.kernels.state import C1, C2, EPOCH, H1, H2, POSITION, STEP, TrainingState
from playground.kernels.stepping import add_penalties, copy_numbers, correction
from playground.kernels.team import NUMBERS_WORTH_SHARING, WORTH_SHARING, Team, gather_rows, update_all
from playground.network.parameters import aligned_zeros, padded
from playground.network.plan import INPUT, UNITS, Plan

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec

NAME = "cpu"
Array = NDArray[Any]
# Rows that one forward pass takes at a time: the values of common networks then stay in the second-level cache.
CHUNK = 256
WIDER_THAN_TINY = tiny_layout.MOST_UNITS + 1


class Network(NamedTuple):
    """A Plan as kernels take it; see `network.plan` and `TrainingState`."""

    instructions: Array
    settings: Array
    blocks: Array
    parameters: Array


class Run(NamedTuple):
    """Where a run stands, as kernels take it; see `TrainingState`."""

    order: Array
    random: Array
    counters: Array
    stop: Array
    hyper: Array
    gradients: Array
    first_moment: Array
    second_moment: Array
    values: Array
    deltas: Array
    targets: Array


@kernel
def _train(members, network, run, inputs, targets, capacity, batch_size, optimizer, memory_start, steps):
    """Mini-batches one after the other, over as many epochs as ``steps`` takes; see ``reference.train``."""
    old = rounding()
    set_rounding(flushing(old))
    instructions, settings, parameters = network.instructions, network.settings, network.parameters
    values, deltas, counters, hyper = run.values, run.deltas, run.counters, run.hyper
    last = instructions[instructions.shape[0] - 1]
    first_moment = address(run.first_moment) if run.first_moment.size else 0
    second_moment = address(run.second_moment) if run.second_moment.size else 0
    rows = run.order.size
    total = 0.0
    seen = 0
    for _ in range(steps):
        if run.stop[0] != 0:
            break
        start = counters[POSITION]
        if start == 0:
            shuffle(run.order, run.random)
        batch = min(batch_size, rows - start)
        order = address(run.order)
        gather_rows(members, address(inputs), order, start, batch, inputs.shape[1], address(values))
        gather_rows(members, address(targets), order, start, batch, targets.shape[1], address(run.targets))
        forward(members, instructions, settings, parameters, values, capacity, batch, True)
        loss = loss_and_slope(last, values, run.targets, deltas, capacity, batch)
        if not np.isfinite(loss):
            total, seen = loss, 1
            break
        backward(members, instructions, settings, parameters, run.gradients, values, deltas, capacity, batch)
        add_penalties(network.blocks, parameters, run.gradients, hyper)
        done = counters[STEP] - memory_start + 1
        hyper[C1], hyper[C2] = correction(hyper[H1], done), correction(hyper[H2], done)
        update_all(
            members,
            address(parameters),
            address(run.gradients),
            first_moment,
            second_moment,
            parameters.size,
            optimizer,
            address(hyper),
        )
        counters[STEP] += 1
        counters[POSITION] += batch
        if counters[POSITION] >= rows:
            counters[POSITION] = 0
            counters[EPOCH] += 1
        total += loss
        seen += batch
    set_rounding(old)
    return total / max(1, seen)


@kernel
def _gradients(members, network, gradients, values, deltas, targets, capacity, rows):
    """Slope of the mean loss of the rows that lie in ``values``; returns that loss."""
    instructions, settings, parameters = network.instructions, network.settings, network.parameters
    last = instructions[instructions.shape[0] - 1]
    forward(members, instructions, settings, parameters, values, capacity, rows, True)
    loss = loss_and_slope(last, values, targets, deltas, capacity, rows) / rows
    backward(members, instructions, settings, parameters, gradients, values, deltas, capacity, rows)
    return loss


@kernel
def _evaluate(members, network, values, deltas, capacity, inputs, targets, outputs):
    """Forward and loss, ``capacity`` rows at a time; ``outputs`` (rows, units) is overwritten. Returns the mean loss."""
    old = rounding()
    set_rounding(flushing(old))
    last = network.instructions[network.instructions.shape[0] - 1]
    flat_targets = floats_at(address(targets), targets.size)
    rows, width = inputs.shape
    units = last[UNITS]
    total = 0.0
    for start in range(0, rows, capacity):
        count = min(capacity, rows - start)
        copy_numbers(at(address(inputs), start * width), address(values), count * width)
        forward(members, network.instructions, network.settings, network.parameters, values, capacity, count, False)
        source = at(address(values), last[INPUT] * capacity)
        copy_numbers(source, at(address(outputs), start * units), count * units)
        total += loss_sum(last, values, flat_targets, start * units, deltas, capacity, count)
    set_rounding(old)
    return total / rows


@kernel
def _collect(members, network, values, capacity, inputs, regions, collected):
    """Forward, ``capacity`` rows at a time; the chosen regions (unit, width) of all rows lie in ``collected`` one by one."""
    old = rounding()
    set_rounding(flushing(old))
    rows, width = inputs.shape
    for start in range(0, rows, capacity):
        count = min(capacity, rows - start)
        copy_numbers(at(address(inputs), start * width), address(values), count * width)
        forward(members, network.instructions, network.settings, network.parameters, values, capacity, count, False)
        place = address(collected)
        for index in range(regions.shape[0]):
            unit, units = regions[index, 0], regions[index, 1]
            copy_numbers(at(address(values), unit * capacity), at(place, start * units), count * units)
            place = at(place, rows * units)
    set_rounding(old)


def _numbers(array: Array) -> Array:
    """Rows of float32 numbers one after the other, as the kernels, which work by address, must find them."""
    return np.ascontiguousarray(array, np.float32)


def _network(plan: Plan, parameters: Array) -> Network:
    return Network(plan.instructions, plan.settings, plan.blocks, parameters)


class State(TrainingState):
    """Buffers for a run on this backend; a tiny network also has its layout for the vector lanes."""

    def configure(self, plan: Plan, training: TrainingSpec) -> None:
        """See `TrainingState.configure`."""
        super().configure(plan, training)
        self.tiny: tuple[tiny_layout.Layout, tiny_layout.Buffers] | None = None
        layout = tiny_layout.lane_layout(plan, self.batch_size)
        if layout is not None:
            self.tiny = layout, tiny_layout.buffers(layout, self.optimizer.slots)


def new_state(plan: Plan, training: TrainingSpec, parameters: Array, rows: int) -> State:
    """Buffers for a run on this backend; see `TrainingState`."""
    return State(plan, training, parameters, rows, np.float32)


def train(state: State, inputs: Array, targets: Array, steps: int) -> float:
    """Do up to ``steps`` mini-batches; see ``reference.train``."""
    inputs, targets = _numbers(inputs), _numbers(targets)
    run = Run(
        state.order,
        state.random,
        state.counters,
        state.stop,
        state.hyper,
        state.gradients,
        state.first_moment,
        state.second_moment,
        state.values,
        state.deltas,
        state.targets,
    )
    if state.tiny is not None:
        layout, buffers = state.tiny
        code, start = state.optimizer.code, state.memory_start
        return float(tiny.train(layout, buffers, run, state.parameters, inputs, targets, state.batch_size, code, start, steps))
    network = _network(state.plan, state.parameters)
    with _team(state.plan, state.batch_size, state.threads) as members:
        return float(
            _train(
                members,
                network,
                run,
                inputs,
                targets,
                state.capacity,
                state.batch_size,
                state.optimizer.code,
                state.memory_start,
                steps,
            )
        )


def gradients(state: State, inputs: Array, targets: Array) -> float:
    """Fill ``state.gradients`` with the slope of the mean loss of one batch; see ``reference.gradients``."""
    inputs, targets = _numbers(inputs), _numbers(targets)
    plan, rows = state.plan, len(inputs)
    if state.tiny is not None and rows <= state.tiny[0].samples:
        return float(tiny.gradients(*state.tiny, state.parameters, inputs, targets, state.gradients))
    capacity = padded(rows)
    values, deltas = aligned_zeros(plan.units * capacity), aligned_zeros(plan.units * capacity)
    values[: inputs.size] = inputs.ravel()
    network = _network(plan, state.parameters)
    with _team(plan, rows, state.threads) as members:
        return float(_gradients(members, network, state.gradients, values, deltas, targets.ravel(), capacity, rows))


def evaluate(state: State, inputs: Array, targets: Array, outputs: Array) -> float:
    """Run rows forward, write their outputs, and return their mean loss; see ``reference.evaluate``."""
    if not len(inputs):
        return float("nan")
    if outputs.dtype != np.float32 or not outputs.flags.c_contiguous:
        raise ValueError("outputs must be contiguous float32: they are written by address.")
    inputs, targets = _numbers(inputs), _numbers(targets)
    values, deltas = _chunk_buffers(state.plan)
    network = _network(state.plan, state.parameters)
    with _team(state.plan, min(CHUNK, len(inputs)), state.threads) as members:
        return float(_evaluate(members, network, values, deltas, CHUNK, inputs, targets, outputs))


def activations(plan: Plan, parameters: Array, inputs: Array) -> tuple[Array, ...]:
    """Values of every layer for some rows; see ``reference.activations``."""
    return _layers(plan, parameters, inputs, range(len(plan.widths)))


def outputs(plan: Plan, parameters: Array, inputs: Array) -> Array:
    """Values of the last layer for some rows; see ``reference.outputs``."""
    return _layers(plan, parameters, inputs, range(len(plan.widths) - 1, len(plan.widths)))[0]


def _layers(plan: Plan, parameters: Array, inputs: Array, layers: range) -> tuple[Array, ...]:
    """Values (rows, units) of some layers."""
    inputs, rows = _numbers(inputs), len(inputs)
    regions = np.array([(plan.regions[layer], plan.widths[layer]) for layer in layers], np.int64)
    ends = np.cumsum(regions[:, 1]) * rows
    collected = np.empty(int(ends[-1]), np.float32)
    values, _ = _chunk_buffers(plan)
    with _team(plan, CHUNK, 1) as members:
        _collect(members, _network(plan, parameters), values, CHUNK, inputs, regions, collected)
    return tuple(part.reshape(rows, -1) for part in np.split(collected, ends[:-1]))


# What a thread keeps between calls; threads share nothing, so several may train at once.
_own = threading.local()


def _team(plan: Plan, rows: int, threads: int) -> Team:
    """This thread's team for calls on so many rows: alone where no part of the work is worth sharing."""
    largest = max(inputs * units for inputs, units in pairwise(plan.widths))
    if rows * largest < WORTH_SHARING and plan.parameter_size < NUMBERS_WORTH_SHARING:
        threads = 1
    teams: dict[int, Team] = _own.__dict__.setdefault("teams", {})
    if threads not in teams:
        teams[threads] = Team(threads)
    return teams[threads]


def _chunk_buffers(plan: Plan) -> tuple[Array, Array]:
    """Values and deltas for `CHUNK` rows of this plan, kept for this thread's next call of the same size."""
    size = plan.units * CHUNK
    if getattr(_own, "size", None) != size:
        _own.buffers = aligned_zeros(size), aligned_zeros(size)
        _own.size = size
    buffers: tuple[Array, Array] = _own.buffers
    return buffers
