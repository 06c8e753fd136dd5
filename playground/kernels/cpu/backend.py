"""The CPU backend: a Plan run by compiled code, whole epochs in one call, without the GIL.

The same few kernels serve every network: they read the plan's table of instructions. The functions at the end have the
names and meanings of ``kernels/reference/backend.py``.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from playground.arrays import Array
from playground.catalog.elementary import ZERO
from playground.kernels.compiling import kernel
from playground.kernels.cpu import tiny, tiny_layout
from playground.kernels.cpu.instructions import backward, forward
from playground.kernels.cpu.objective import loss_and_slope, loss_sum, weighted_loss_and_slope
from playground.kernels.cpu.packed import at
from playground.kernels.cpu.stepping import add_penalties, clip_gradients, copy_numbers
from playground.kernels.cpu.team import NUMBERS_WORTH_SHARING, WORTH_SHARING, Team, gather_rows, update_all
from playground.kernels.misfits import refuse_misfits, refuse_no_rows, refuse_other_parameters
from playground.kernels.purposes import GRADIENTS_ONLY, PREDICT, TRAIN
from playground.kernels.rates import correction, rate_at
from playground.kernels.shuffling import shuffle
from playground.kernels.simd.memory import address, floats_at
from playground.kernels.simd.threads import flushing, rounding, set_rounding
from playground.kernels.state import (
    BROKEN,
    CORRECTION_1,
    CORRECTION_2,
    EPOCH,
    HYPER_1,
    HYPER_2,
    POSITION,
    RATE,
    STEP,
    Trace,
    TrainingState,
)
from playground.network import table
from playground.network.parameters import aligned_zeros, padded
from playground.network.plan import Plan

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec

NAME = "cpu"
# Rows that one forward pass takes at a time: the values of common networks then stay in the second-level cache.
CHUNK = 256
MOST_VALUES = 1 << 23


class Network(NamedTuple):
    """A Plan as kernels take it; see `network.plan` and `TrainingState`."""

    instructions: Array
    settings: Array
    spans: Array
    parameters: Array


class RunBuffers(NamedTuple):
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
    weights: Array
    batch_weights: Array
    seed: int


@kernel
def _train(members, network, run, inputs, targets, capacity, batch_size, optimizer, moments_start, steps, purpose):
    """Mini-batches one after the other, over as many epochs as ``steps`` takes; see ``reference.train``.

    For GRADIENTS_ONLY, the first batch's gradients are left where they are and nothing moves.
    """
    old = rounding()
    set_rounding(flushing(old))
    instructions, settings, parameters = network.instructions, network.settings, network.parameters
    values, deltas, counters, hyper = run.values, run.deltas, run.counters, run.hyper
    last, loss_setting = instructions[instructions.shape[0] - 1], settings[instructions.shape[0] - 1, table.SETTING]
    first_moment = address(run.first_moment) if run.first_moment.size else 0
    second_moment = address(run.second_moment) if run.second_moment.size else 0
    rows = run.order.size
    total = 0.0
    seen = 0
    hyper[BROKEN] = ZERO
    for _ in range(steps):
        if run.stop[0] != 0:
            break
        start = counters[POSITION]
        if start == 0 and purpose == TRAIN:
            shuffle(run.order, run.random)
        batch = min(batch_size, rows - start)
        order = address(run.order)
        gather_rows(members, address(inputs), order, start, batch, inputs.shape[1], address(values))
        gather_rows(members, address(targets), order, start, batch, targets.shape[1], address(run.targets))
        drop_seed = (run.seed, counters[STEP])
        forward(members, instructions, settings, parameters, values, capacity, batch, purpose, drop_seed)
        if run.weights.size > 0:
            own = address(run.batch_weights)
            gather_rows(members, address(run.weights), order, start, batch, run.weights.shape[1], own)
            loss = weighted_loss_and_slope(last, loss_setting, values, run.targets, run.batch_weights, deltas, capacity, batch)
        else:
            loss = loss_and_slope(last, loss_setting, values, run.targets, deltas, capacity, batch)
        if not np.isfinite(loss):
            total, seen = loss, 1
            break
        backward(members, instructions, settings, parameters, run.gradients, values, deltas, capacity, batch, drop_seed)
        if purpose == GRADIENTS_ONLY:
            total, seen = loss, batch
            break
        hyper[RATE] = rate_at(hyper, counters[EPOCH], start, batch_size)
        clip_gradients(run.gradients, hyper)
        if hyper[BROKEN] != ZERO:
            total, seen = np.nan, 1
            break
        add_penalties(network.spans, parameters, run.gradients, hyper)
        done = counters[STEP] - moments_start + 1
        hyper[CORRECTION_1], hyper[CORRECTION_2] = correction(hyper[HYPER_1], done), correction(hyper[HYPER_2], done)
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
        if hyper[BROKEN] != ZERO:
            total, seen = np.nan, 1
            break
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
def _predict(members, network, values, deltas, capacity, inputs, targets, regions, collected):
    """Forward, ``capacity`` rows at a time, nothing dropped; returns the mean loss (0 where there are no targets).

    The chosen regions (unit, width) of all rows lie in ``collected`` one by one.
    """
    old = rounding()
    set_rounding(flushing(old))
    last = network.instructions[network.instructions.shape[0] - 1]
    loss_setting = network.settings[network.instructions.shape[0] - 1, table.SETTING]
    flat_targets = floats_at(address(targets), targets.size)
    rows, width = inputs.shape
    total = 0.0
    for start in range(0, rows, capacity):
        count = min(capacity, rows - start)
        copy_numbers(at(address(inputs), start * width), address(values), count * width)
        forward(members, network.instructions, network.settings, network.parameters, values, capacity, count, PREDICT, (0, 0))
        place = address(collected)
        for index in range(regions.shape[0]):
            unit, units = regions[index, 0], regions[index, 1]
            copy_numbers(at(address(values), unit * capacity), at(place, start * units), count * units)
            place = at(place, rows * units)
        if targets.size > 0:
            first = start * last[table.UNITS]
            total += loss_sum(last, loss_setting, values, flat_targets, first, deltas, capacity, count)
    set_rounding(old)
    return total / rows


def _numbers(array: Array) -> Array:
    """Rows of float32 numbers one after the other, as the kernels, which work by address, must find them."""
    return np.ascontiguousarray(array, np.float32)


def _network(plan: Plan, parameters: Array) -> Network:
    return Network(plan.instructions, plan.settings, plan.spans, parameters)


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
    refuse_misfits(state.plan, state.order.size, inputs, targets, state.weights if state.weights.size else None)
    inputs, targets = _numbers(inputs), _numbers(targets)
    run = _buffers(state, state.order, state.counters)
    # Rows that count differently are weighed layer by layer.
    if state.tiny is not None and not state.weights.size:
        layout, buffers = state.tiny
        code, start = state.optimizer.code, state.moments_start
        return float(
            tiny.train(layout, buffers, run, state.parameters, inputs, targets, state.batch_size, code, start, steps, TRAIN)
        )
    return _train_layers(state, run, inputs, targets, state.batch_size, steps, TRAIN)


def _buffers(state: State, order: Array, counters: Array) -> RunBuffers:
    return RunBuffers(
        order=order,
        random=state.random,
        counters=counters,
        stop=state.stop,
        hyper=state.hyper,
        gradients=state.gradients,
        first_moment=state.first_moment,
        second_moment=state.second_moment,
        values=state.values,
        deltas=state.deltas,
        targets=state.targets,
        weights=state.weights,
        batch_weights=state.batch_weights,
        seed=state.seed,
    )


def _train_layers(
    state: State, run: RunBuffers, inputs: Array, targets: Array, batch_size: int, steps: int, purpose: int
) -> float:
    """`_train` with this thread's team."""
    network = _network(state.plan, state.parameters)
    capacity = run.values.size // state.plan.units
    with _team(state.plan, batch_size, state.threads) as members:
        return float(
            _train(
                members,
                network,
                run,
                inputs,
                targets,
                capacity,
                batch_size,
                state.optimizer.code,
                state.moments_start,
                steps,
                purpose,
            )
        )


def gradients(state: State, inputs: Array, targets: Array, weights: Array | None = None) -> float:
    """Fill ``state.gradients`` with the slope of the mean loss of one batch; see ``reference.gradients``."""
    rows = len(inputs)
    refuse_misfits(state.plan, rows, inputs, targets, weights)
    refuse_no_rows(rows)
    inputs, targets = _numbers(inputs), _numbers(targets)
    run = _one_batch(state, rows, weights)
    if state.tiny is not None and not run.weights.size and rows <= state.tiny[0].samples:
        layout, buffers = state.tiny
        return float(tiny.train(layout, buffers, run, state.parameters, inputs, targets, rows, 0, 0, 1, GRADIENTS_ONLY))
    return _train_layers(state, run, inputs, targets, rows, 1, GRADIENTS_ONLY)


def _one_batch(state: State, rows: int, weights: Array | None) -> RunBuffers:
    """A run over so many rows as they come, at the state's present step, with no call to stop; with room for all of them."""
    own = np.zeros((0, state.weights.shape[1]), np.float32) if weights is None else _numbers(weights)
    run = _buffers(state, np.arange(rows), np.array([state.step, 0, 0], np.int64))
    if rows > state.capacity:
        size, outputs = padded(rows) * state.plan.units, padded(rows) * state.plan.widths[-1]
        run = run._replace(values=aligned_zeros(size), deltas=aligned_zeros(size))
        run = run._replace(targets=aligned_zeros(outputs), batch_weights=aligned_zeros(outputs))
    return run._replace(stop=np.zeros(1, np.int64), weights=own)


def trace(state: State, inputs: Array, targets: Array, weights: Array | None = None) -> Trace:
    """What a batch leaves behind, to find out where it broke; see ``reference.trace``.

    Where the gradient broke, some weights have moved on already: the buffers still hold that batch. Else it is run again.
    """
    plan, rows = state.plan, len(inputs)
    refuse_misfits(plan, rows, inputs, targets, weights)
    refuse_no_rows(rows)
    run = _one_batch(state, rows, weights)
    capacity = run.values.size // plan.units
    if not state.hyper[BROKEN] or rows > state.capacity:
        _train_layers(state, run, _numbers(inputs), _numbers(targets), rows, 1, GRADIENTS_ONLY)
    parts = [
        {
            unit: buffer[unit * capacity : unit * capacity + rows * width].reshape(rows, width)
            for unit, width in plan.region_widths.items()
        }
        for buffer in (run.values, run.deltas)
    ]
    return Trace(parts[0], parts[1], state.gradients)


def evaluate(state: State, inputs: Array, targets: Array, outputs: Array) -> float:
    """RunBuffers rows forward, write their outputs, and return their mean loss; see ``reference.evaluate``."""
    if not len(inputs):
        return float("nan")
    plan = state.plan
    refuse_misfits(plan, len(inputs), inputs, targets, outputs=outputs)
    if outputs.dtype != np.float32 or not outputs.flags.c_contiguous or not outputs.flags.writeable:
        raise ValueError("outputs must be contiguous float32 that can be written to: that is done by address.")
    last = plan.instructions[-1]
    regions = np.array([(last[table.INPUT], last[table.UNITS])], np.int64)
    return _pass(plan, state.parameters, _numbers(inputs), _numbers(targets), regions, outputs, state.threads)


def _pass(plan: Plan, parameters: Array, inputs: Array, targets: Array, regions: Array, into: Array, threads: int) -> float:
    """`_predict` with this thread's team and buffers."""
    chunk = rows_at_once(plan)
    values, deltas = _chunk_buffers(plan)
    with _team(plan, min(chunk, len(inputs)), threads) as members:
        network = _network(plan, parameters)
        return float(_predict(members, network, values, deltas, chunk, inputs, targets, regions, into.reshape(-1)))


def activations(plan: Plan, parameters: Array, inputs: Array) -> tuple[Array, ...]:
    """Values of every layer for some rows; see ``reference.activations``."""
    return _layers(plan, parameters, inputs, range(len(plan.widths)))


def outputs(plan: Plan, parameters: Array, inputs: Array) -> Array:
    """Values of the last layer for some rows; see ``reference.outputs``."""
    return _layers(plan, parameters, inputs, range(len(plan.widths) - 1, len(plan.widths)))[0]


def _layers(plan: Plan, parameters: Array, inputs: Array, layers: range) -> tuple[Array, ...]:
    """Values (rows, units) of some layers."""
    refuse_misfits(plan, len(inputs), inputs)
    refuse_other_parameters(plan, parameters)
    inputs, parameters, rows = _numbers(inputs), _numbers(parameters), len(inputs)
    regions = np.array([(plan.regions[layer], plan.widths[layer]) for layer in layers], np.int64)
    ends = np.cumsum(regions[:, 1]) * rows
    collected = np.empty(int(ends[-1]), np.float32)
    if rows:
        _pass(plan, parameters, inputs, np.zeros((0, 1), np.float32), regions, collected, 1)
    parts = zip(np.split(collected, ends[:-1]), regions[:, 1], strict=True)
    return tuple(part.reshape(rows, width) for part, width in parts)


# What a thread keeps between calls; threads share nothing, so several may train at once.
_own = threading.local()


def _team(plan: Plan, rows: int, threads: int) -> Team:
    """This thread's team for calls on so many rows: alone where no part of the work is worth sharing."""
    if rows * plan.largest_product < WORTH_SHARING and plan.parameter_size < NUMBERS_WORTH_SHARING:
        threads = 1
    teams: dict[int, Team] = _own.__dict__.setdefault("teams", {})
    if threads not in teams:
        teams[threads] = Team(threads)
    return teams[threads]


def rows_at_once(plan: Plan) -> int:
    """Rows that one forward pass takes at a time; fewer where the windows of images would fill the memory."""
    return max(16, min(CHUNK, MOST_VALUES // plan.units // 16 * 16))


def _chunk_buffers(plan: Plan) -> tuple[Array, Array]:
    """Values and deltas for a chunk of rows of this plan, kept for this thread's next call of the same size."""
    size = plan.units * rows_at_once(plan)
    if getattr(_own, "size", None) != size:
        _own.buffers = aligned_zeros(size), aligned_zeros(size)
        _own.size = size
    buffers: tuple[Array, Array] = _own.buffers
    return buffers
