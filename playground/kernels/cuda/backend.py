"""The CUDA backend: a Plan run on an NVIDIA GPU, whole epochs in one launch. Data and weights stay there for the whole run.

The functions have the names and meanings of ``kernels/reference/backend.py``. The host only writes scripts (``script.py``)
and fetches what somebody looks at (``state.py``).
"""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.arrays import Array
from playground.kernels.cuda import buffers as cuda_buffers
from playground.kernels.cuda import kernels as cuda_kernels
from playground.kernels.cuda.buffers import BatchRoom, GridRoom, PlanTables
from playground.kernels.cuda.kernels import BROKEN as SIGNAL_BROKEN
from playground.kernels.cuda.kernels import DONE as SIGNAL_DONE
from playground.kernels.cuda.kernels import GRADIENT_BROKE, RunBuffers, Scores
from playground.kernels.cuda.script import LAUNCH_SECONDS, STEP_ROWS, Mark, Script, steps_at_once, write_script
from playground.kernels.cuda.state import State
from playground.kernels.cuda.target import OutOfMemory, sentences
from playground.kernels.misfits import refuse_misfits, refuse_no_rows, refuse_other_parameters
from playground.kernels.purposes import GRADIENTS_ONLY, TRAIN
from playground.kernels.shuffling import shuffle
from playground.kernels.state import BROKEN, POSITION, Trace
from playground.network import table
from playground.network.plan import Plan

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec

NAME = "cuda"
# Rows that a forward pass takes at a time, and numbers that their values may fill: 256 MB.
CHUNK = 8192
MOST_VALUES = 1 << 26
LEAST_CHUNK = 16
# Operations of a forward pass that one launch may do, whatever GPU it is.
MOST_OPERATIONS = 1 << 37
# Two grids at once would wait for each other's blocks for ever if neither is running whole: one at a time.
_one_grid = threading.Lock()


def new_state(plan: Plan, training: TrainingSpec, parameters: Array, rows: int) -> State:
    """Buffers for a run on this backend; see `TrainingState`."""
    return State(plan, training, parameters, rows)


def train(state: State, inputs: Array, targets: Array, steps: int) -> float:
    """Do up to ``steps`` mini-batches; see ``reference.train``.

    Raises
    ------
    GpuError
        If the GPU fails; the run then stands where its parameters were last read.
    """
    refuse_misfits(state.plan, state.order.size, inputs, targets, state.weights if state.weights.size else None)
    total, seen = 0.0, 0
    state.hyper[BROKEN] = 0
    with sentences():
        while steps > 0 and not state.stop[0]:
            part = min(steps_at_once(state, steps), state.pace)
            start = time.perf_counter()
            losses, rows, done = _train_part(state, inputs, targets, part)
            if done == part:
                # Toward launches of that length, and not too fast: the first one also compiles.
                share = LAUNCH_SECONDS / max(1e-6, time.perf_counter() - start)
                state.pace = max(1, min(max(state.pace, 4 * part), int(part * share)))
            if not np.isfinite(losses).all() or state.hyper[BROKEN]:
                return float(losses[-1]) if not np.isfinite(losses[-1]) else math.nan
            total += float((losses.astype(np.float64) * rows).sum())
            seen += int(rows.sum())
            if done < part:
                break
            steps -= part
    return total / max(1, seen)


def _train_part(state: State, inputs: Array, targets: Array, steps: int) -> tuple[Array, Array, int]:
    """One launch: the mean loss and the rows of each step done, and their number; after a step that broke, its loss last."""
    mark = Mark(state)
    before = state.step
    try:
        script = write_script(state, steps)
        state.bring()
        state.back_up()
        with _one_grid:
            losses, signals = _launch(state, script, inputs, targets, state.weights, before, TRAIN, state.room)
    except BaseException:
        # Also Ctrl+C: as if nothing had been done. A GPU that is lost can't go back, and needn't.
        mark.restore(state)
        with contextlib.suppress(Exception):
            state.go_back()
        raise
    done = int(signals[SIGNAL_DONE])
    state.device_is_newer = True
    broken = bool(signals[SIGNAL_BROKEN])
    if done < steps:
        # Back, and as many steps again as were good: the same numbers once more, and nothing of the step that broke.
        mark.restore(state)
        if broken:
            state.go_back()
            state.hyper[BROKEN] = signals[SIGNAL_BROKEN] == GRADIENT_BROKE
        if done:
            again = write_script(state, done)
            if broken:
                with _one_grid:
                    _launch(state, again, inputs, targets, state.weights, before, TRAIN, state.room, may_stop=False)
        if broken and state.counters[POSITION] == 0:
            # The batch that broke is the first one of a new order.
            shuffle(state.order, state.random)
    return losses[: done + broken], script.steps[: done + broken, STEP_ROWS], done


def _launch(
    state: State,
    script: Script,
    inputs: Array,
    targets: Array,
    weights: Array,
    before: int,
    purpose: int,
    room: Any,
    may_stop: bool = True,
) -> tuple[Array, Array]:
    """Run a script; the loss of each step, and the signals."""
    team, tables, data, stream = state.team, state.tables, state.data, state.stream
    order, steps = state.script.bring("order", script.order, stream), state.script.bring("steps", script.steps, stream)
    numbers, hyper = state.script.bring("numbers", script.numbers, stream), state.script.bring("hyper", state.hyper, stream)
    losses = state.script.take("losses", len(script.steps))
    # Somebody else's flag isn't seen from the GPU; it is looked at between launches.
    heeded = may_stop and purpose == TRAIN and state.stop is state.mapped_stop
    stop = state.stop if heeded else state.script.bring("stop", np.zeros(1, np.int32), stream)
    team.reset(stream)
    own = state.on_device
    network = tables.network(own["parameters"], own["gradients"], room, team.sums)
    run = RunBuffers(
        inputs=data.of(inputs),
        targets=data.of(targets),
        weights=data.of(weights) if weights.size else cuda_buffers.empty(0),
        batch_targets=room.targets,
        batch_weights=room.weights,
        order=order,
        steps=steps,
        numbers=numbers,
        hyper=hyper,
        first_moment=own["first_moment"],
        second_moment=own["second_moment"],
        optimizer=state.optimizer.code,
        rate=np.float32(1),
        seed=state.seed,
        done_before=before,
        stop=stop,
        signals=team.signals,
        losses=losses,
    )
    if state.block_bytes and purpose == TRAIN:
        nothing = cuda_buffers.empty(0)
        rates = state.script.bring("rate", np.ones(1, np.float32), stream)
        kernel = cuda_kernels.train_blocks[1, state.threads_in_block, stream, state.block_bytes]
        kernel(network, run, rates, Scores(nothing, nothing, nothing, nothing), state.plan.units, purpose)
    else:
        kernel = cuda_kernels.train_grid[team.blocks, cuda_buffers.GRID_THREADS, stream]
        kernel(network, run, team.arrivals, team.partial, purpose)
    return losses.copy_to_host(stream=stream), _signals(team, stream)


def _signals(team: GridRoom, stream: Any) -> Array:
    signals: Array = team.signals.copy_to_host(stream=stream)
    stream.synchronize()
    return signals


def gradients(state: State, inputs: Array, targets: Array, weights: Array | None = None) -> float:
    """Fill ``state.gradients`` with the slope of the mean loss of one batch; see ``reference.gradients``."""
    with sentences():
        return _gradients_only(state, inputs, targets, weights)[0]


def _gradients_only(state: State, inputs: Array, targets: Array, weights: Array | None) -> tuple[float, BatchRoom]:
    """Forward and backward of a batch in which nothing moves: its loss, and where its values and slopes lie."""
    rows = len(inputs)
    refuse_misfits(state.plan, rows, inputs, targets, weights)
    refuse_no_rows(rows)
    room = state.room if rows <= state.room.capacity else BatchRoom(state.plan, rows)
    order, steps = np.arange(rows, dtype=np.int32), np.array([(0, rows)], np.int32)
    script = Script(order, steps, np.ones((1, 3), np.float32))
    state.bring()
    own = np.zeros((0, 1), np.float32) if weights is None else np.asarray(weights, np.float32)
    # A batch is looked at once: it shall not take the place of data that stay.
    kept, state.data = state.data, cuda_buffers.Kept(3)
    try:
        with _one_grid:
            losses, _ = _launch(state, script, np.asarray(inputs), np.asarray(targets), own, state.step, GRADIENTS_ONLY, room)
    finally:
        state.data = kept
    _fetch_gradients(state)
    return float(losses[0]), room


def _fetch_gradients(state: State) -> None:
    """Gradients that nothing followed are on the GPU; everything else is as it was there and here."""
    state.on_device["gradients"].copy_to_host(state.host["gradients"], stream=state.stream)
    state.stream.synchronize()


def trace(state: State, inputs: Array, targets: Array, weights: Array | None = None) -> Trace:
    """What a batch leaves behind, to find out where it broke; see ``reference.trace``."""
    with sentences():
        _, room = _gradients_only(state, inputs, targets, weights)
        rows = len(inputs)
        parts = []
        for buffer in (room.values.copy_to_host(), room.deltas.copy_to_host()):
            places = ((unit, unit * room.capacity, width) for unit, width in state.plan.region_widths.items())
            parts.append({unit: buffer[start : start + rows * width].reshape(rows, width) for unit, start, width in places})
    return Trace(parts[0], parts[1], state.gradients)


def evaluate(state: State, inputs: Array, targets: Array, outputs: Array) -> float:
    """Run rows forward, write their outputs, and return their mean loss; see ``reference.evaluate``."""
    if not len(inputs):
        return float("nan")
    refuse_misfits(state.plan, len(inputs), inputs, targets, outputs=outputs)
    last = state.plan.instructions[-1]
    regions = np.array([(last[table.INPUT], last[table.UNITS])], np.int32)
    with sentences():
        state.bring()
        on_device = state.data.of(inputs), state.data.of(targets)
        collected, loss = _pass(state.tables, state.on_device["parameters"], *on_device, len(inputs), regions, state.stream)
    outputs[:] = collected.reshape(outputs.shape)
    return loss


def _pass(
    tables: PlanTables, parameters: Any, inputs: Any, targets: Any, rows: int, regions: Array, stream: Any
) -> tuple[Array, float]:
    """The chosen regions of all rows, one region after the other, and the mean loss, if there are targets.

    Where the GPU's memory doesn't hold the values of a chunk of rows, smaller ones are tried.
    """
    plan = tables.plan
    chunk = max(LEAST_CHUNK, min(CHUNK, -(-rows // 16) * 16, MOST_VALUES // plan.units // 16 * 16))
    while True:
        try:
            return _pass_in_chunks(tables, parameters, inputs, targets, rows, regions, stream, chunk)
        except Exception as error:
            full = isinstance(error, OutOfMemory) or "OUT_OF_MEMORY" in f"{error}".upper().replace(" ", "_")
            if not full or chunk <= LEAST_CHUNK:
                raise
            chunk = max(LEAST_CHUNK, chunk // 4 // 16 * 16)


def _pass_in_chunks(
    tables: PlanTables, parameters: Any, inputs: Any, targets: Any, rows: int, regions: Array, stream: Any, chunk: int
) -> tuple[Array, float]:
    """`_pass` with so many rows at a time; whole chunks, so many a launch that it doesn't take long."""
    plan = tables.plan
    room, team = cuda_buffers.own.room_for(plan, chunk)
    chunk, widths = room.capacity, regions[:, 1]
    at_once = max(1, MOST_OPERATIONS // max(1, plan.operations) // chunk) * chunk
    found = np.empty(int(widths.sum()) * rows, np.float32)
    on_device_regions = cuda_buffers.upload_table(regions, np.int32)
    network = tables.network(parameters, parameters, room, team.sums)
    total = 0.0
    for first in range(0, rows, at_once):
        count = min(at_once, rows - first)
        chunks = -(-count // chunk)
        losses = cuda_buffers.empty(chunks if targets.size else 0)
        collected = cuda_buffers.empty(int(widths.sum()) * count)
        with _one_grid:
            team.reset(stream)
            cuda_kernels.predict_grid[team.blocks, cuda_buffers.GRID_THREADS, stream](
                network,
                inputs[first * plan.widths[0] : (first + count) * plan.widths[0]],
                targets[first * plan.widths[-1] : (first + count) * plan.widths[-1]],
                on_device_regions,
                collected,
                losses,
                team.arrivals,
                team.partial,
            )
            part = collected.copy_to_host(stream=stream)
            stream.synchronize()
        starts = np.concatenate([[0], np.cumsum(widths)])
        for begin, end in itertools.pairwise(starts):
            found[begin * rows + first * (end - begin) :][: count * (end - begin)] = part[begin * count : end * count]
        if targets.size:
            sizes = np.minimum(chunk, count - chunk * np.arange(chunks))
            total += float((losses.copy_to_host().astype(np.float64) * sizes).sum())
    return found, total / rows if targets.size else math.nan


def activations(plan: Plan, parameters: Array, inputs: Array) -> tuple[Array, ...]:
    """Values of every layer for some rows; see ``reference.activations``."""
    return _layers(plan, parameters, inputs, range(len(plan.widths)))


def outputs(plan: Plan, parameters: Array, inputs: Array) -> Array:
    """Values of the last layer for some rows; see ``reference.outputs``."""
    return _layers(plan, parameters, inputs, range(len(plan.widths) - 1, len(plan.widths)))[0]


def _layers(plan: Plan, parameters: Array, inputs: Array, layers: range) -> tuple[Array, ...]:
    """Values (rows, units) of some layers."""
    rows = len(inputs)
    refuse_misfits(plan, rows, inputs)
    refuse_other_parameters(plan, parameters)
    if not rows:
        return tuple(np.zeros((0, plan.widths[layer]), np.float32) for layer in layers)
    regions = np.array([(plan.regions[layer], plan.widths[layer]) for layer in layers], np.int32)
    ends = np.cumsum(regions[:, 1]) * rows
    with sentences():
        stream = cuda_buffers.own.stream
        on_device = cuda_buffers.own.data.of(inputs)
        numbers = cuda_buffers.upload(np.asarray(parameters, np.float32))
        collected, _ = _pass(cuda_buffers.own.tables_of(plan), numbers, on_device, cuda_buffers.empty(0), rows, regions, stream)
    return tuple(part.reshape(rows, -1) for part in np.split(collected, ends[:-1]))
