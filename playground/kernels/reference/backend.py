"""The reference backend: a Plan run with plain NumPy in float64. Slow, short, and what to read first.

Every other backend has these functions and must agree with them. What each instruction does is in
``layers.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playground.arrays import Array
from playground.catalog.losses import LOSSES
from playground.catalog.schedules import SCHEDULES
from playground.kernels.dropping import drop_key
from playground.kernels.misfits import refuse_misfits, refuse_no_rows, refuse_other_parameters
from playground.kernels.reference.layers import Batch, backward, forward
from playground.kernels.shuffling import shuffle
from playground.kernels.state import (
    CLIP_NORM,
    CLIP_VALUE,
    DECAY,
    EPOCH,
    EPOCH_STEPS,
    EPOCHS,
    FULL_RATE,
    HYPER_1,
    HYPER_2,
    HYPER_3,
    L1,
    L2,
    POSITION,
    RATE,
    SCHEDULE,
    SCHEDULE_1,
    SCHEDULE_2,
    SCHEDULE_3,
    STEP,
    Trace,
    TrainingState,
)
from playground.network import table
from playground.network.plan import Plan

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec

NAME = "reference"

_LOSS_BY_CODE = {record.code: record for record in LOSSES.values()}
_SCHEDULE_BY_CODE = {record.code: record for record in SCHEDULES.values()}


def new_state(plan: Plan, training: TrainingSpec, parameters: Array, rows: int) -> TrainingState:
    """Buffers for a run on this backend; see `TrainingState`."""
    return TrainingState(plan, training, parameters, rows, np.float64)


def train(state: TrainingState, inputs: Array, targets: Array, steps: int) -> float:
    """Do up to ``steps`` mini-batches, going on where the last call stopped, over as many epochs as that takes.

    Parameters
    ----------
    state
        The run; parameters, memory and counters move on.
    inputs, targets
        float32 (rows, inputs) and (rows, outputs).
    steps
        Mini-batches to do.

    Returns
    -------
    loss
        Mean loss over the rows seen, each with the weights before its step; NaN or infinity as soon as the loss or a
        gradient of a batch is, and then nothing more is done: the counters still point at that batch.
    """
    rows = state.order.size
    refuse_misfits(state.plan, rows, inputs, targets, state.weights if state.weights.size else None)
    total, seen = 0.0, 0
    for _ in range(steps):
        if state.stop[0]:
            break
        if state.counters[POSITION] == 0:
            shuffle(state.order, state.random)
        start = int(state.counters[POSITION])
        batch = state.order[start : start + state.batch_size]
        weights = state.weights[batch] if state.weights.size else None
        loss = _gradients(state, inputs[batch], targets[batch], weights, updates_statistics=True)
        if not (np.isfinite(loss) and np.isfinite(state.gradients).all()):
            return loss if not np.isfinite(loss) else float("nan")
        _update(state)
        state.counters[STEP] += 1
        state.counters[POSITION] += batch.size
        if state.counters[POSITION] >= rows:
            state.counters[POSITION] = 0
            state.counters[EPOCH] += 1
        total += loss * batch.size
        seen += batch.size
    return total / max(1, seen)


def gradients(state: TrainingState, inputs: Array, targets: Array, weights: Array | None = None) -> float:
    """Fill ``state.gradients`` with the slope of the mean loss of one batch; penalties are not part of it.

    Parameters
    ----------
    inputs, targets
        float32 (rows, inputs) and (rows, outputs).
    weights
        How much each row counts for each output, (rows, outputs); None where all count alike.

    Returns
    -------
    loss
        Mean loss of the batch.
    """
    refuse_misfits(state.plan, len(inputs), inputs, targets, weights)
    refuse_no_rows(len(inputs))
    return _gradients(state, inputs, targets, weights, updates_statistics=False)


def _gradients(state: TrainingState, inputs: Array, targets: Array, weights: Array | None, updates_statistics: bool) -> float:
    return _run(state, inputs, targets, weights, updates_statistics)[0]


def _run(
    state: TrainingState, inputs: Array, targets: Array, weights: Array | None, updates_statistics: bool
) -> tuple[float, Batch]:
    """Forward, loss, backward of one batch: its loss, and all that it left behind."""
    plan = state.plan
    keys = [drop_key(state.seed, state.step, index) for index in range(len(plan.instructions))]
    batch = Batch(np.asarray(inputs, np.float64), training=True, updates_statistics=updates_statistics, drop_keys=keys)
    forward(plan, state.parameters, batch)
    loss, slope = _loss(plan, batch.values, np.asarray(targets, np.float64), weights)
    last = plan.instructions[-1]
    batch.deltas[int(last[table.OUTPUT] if last[table.FUSED] else last[table.INPUT])] = slope
    backward(plan, state.parameters, state.gradients, batch)
    return loss, batch


def trace(state: TrainingState, inputs: Array, targets: Array, weights: Array | None = None) -> Trace:
    """What a batch leaves behind, to find out where it broke: values, slopes and gradients."""
    refuse_misfits(state.plan, len(inputs), inputs, targets, weights)
    refuse_no_rows(len(inputs))
    batch = _run(state, inputs, targets, weights, updates_statistics=False)[1]
    return Trace(batch.values, batch.deltas, state.gradients)


def evaluate(state: TrainingState, inputs: Array, targets: Array, outputs: Array) -> float:
    """Run rows forward, write their outputs, and return their mean loss.

    Parameters
    ----------
    inputs, targets
        float32 (rows, inputs) and (rows, outputs).
    outputs
        float32 (rows, outputs); overwritten with the outputs after the output activation.
    """
    if not len(inputs):
        return float("nan")
    refuse_misfits(state.plan, len(inputs), inputs, targets, outputs=outputs)
    values = _predict(state.plan, state.parameters, inputs)
    with np.errstate(over="ignore"):
        outputs[:] = values[int(state.plan.instructions[-1, table.INPUT])]
    return _loss(state.plan, values, np.asarray(targets, np.float64), None)[0]


def activations(plan: Plan, parameters: Array, inputs: Array) -> tuple[Array, ...]:
    """Values of every stage for some rows.

    Returns
    -------
    layers
        float32 (rows, width) each: inputs, layers, outputs after the output activation.
    """
    if not len(inputs):
        refuse_misfits(plan, 0, inputs)
        return tuple(np.zeros((0, width), np.float32) for width in plan.widths)
    values = _predict(plan, parameters, inputs)
    # What is too large for a float32 is infinite there, as in the compiled kernels.
    with np.errstate(over="ignore"):
        return tuple(np.ascontiguousarray(values[region], np.float32) for region in plan.regions)


def outputs(plan: Plan, parameters: Array, inputs: Array) -> Array:
    """Values of the last layer for some rows, after the output activation: float32 (rows, outputs)."""
    return activations(plan, parameters, inputs)[-1]


def logits(plan: Plan, parameters: Array, inputs: Array) -> Array:
    """Outputs before the output activation, float64 (rows, outputs)."""
    return _predict(plan, parameters, inputs)[int(plan.instructions[-1, table.OUTPUT])]


def _predict(plan: Plan, parameters: Array, inputs: Array) -> dict[int, Array]:
    """Values of every region, with nothing dropped and with running statistics."""
    refuse_misfits(plan, len(inputs), inputs)
    refuse_other_parameters(plan, parameters)
    batch = Batch(np.asarray(inputs, np.float64), training=False)
    forward(plan, np.asarray(parameters, np.float64), batch)
    return batch.values


def _loss(plan: Plan, values: dict[int, Array], targets: Array, weights: Array | None) -> tuple[float, Array]:
    """Mean loss, and its slope with respect to the outputs (fused: the logits); a weighted mean where there are weights."""
    row, setting = plan.instructions[-1], float(plan.settings[-1, table.SETTING])
    record = _LOSS_BY_CODE[int(row[table.CODE])]
    a, z = values[int(row[table.INPUT])], values[int(row[table.OUTPUT])]
    with np.errstate(all="ignore"):
        if row[table.FUSED]:
            assert record.logit_array is not None
            terms, slope = record.logit_array(z, targets), _fused_slope(record.name, a, targets)
        else:
            assert record.array is not None and record.array_slope is not None
            terms, slope = record.array(a, targets, setting), record.array_slope(a, targets, setting)
        if weights is None:
            count = len(a) if row[table.OVER_ROWS] else a.size
            return float(terms.sum() / count), slope / count
        # One weight a row where one row is one loss; a mean over rows has as many terms as rows.
        total = weights.sum() / (a.shape[1] if row[table.OVER_ROWS] else 1)
        own = weights[:, 0] if terms.ndim == 1 else weights
        return float((terms * own).sum() / total), slope * weights / total


def _fused_slope(loss: str, a: Array, targets: Array) -> Array:
    """a − t for both standard pairs; for softmax times the row's target sum, which is 1 unless there are several labels."""
    if loss == "categorical_cross_entropy":
        return a * targets.sum(axis=1, keepdims=True) - targets
    return a - targets


def scheduled_rate(state: TrainingState) -> float:
    """The learning rate of the present step."""
    hyper = state.hyper
    record = _SCHEDULE_BY_CODE[int(hyper[SCHEDULE])]
    epoch = state.counters[EPOCH] + state.counters[POSITION] / (state.batch_size * hyper[EPOCH_STEPS])
    return float(hyper[FULL_RATE] * record.factor(epoch, hyper[EPOCHS], hyper[SCHEDULE_1], hyper[SCHEDULE_2], hyper[SCHEDULE_3]))


def _update(state: TrainingState) -> None:
    """One optimizer step over every parameter: clip, decay, penalties, update."""
    hyper, t = state.hyper, state.step - state.moments_start + 1
    hyper[RATE] = scheduled_rate(state)
    h1, h2, h3 = hyper[HYPER_1], hyper[HYPER_2], hyper[HYPER_3]
    c1 = 1.0 / (1.0 - h1**t) if 0 < h1 < 1 else 1.0
    c2 = 1.0 / (1.0 - h2**t) if 0 < h2 < 1 else 1.0
    if hyper[CLIP_VALUE]:
        np.clip(state.gradients, -hyper[CLIP_VALUE], hyper[CLIP_VALUE], out=state.gradients)
    if hyper[CLIP_NORM]:
        # torch.nn.utils.clip_grad_norm_ adds the same 10⁻⁶.
        state.gradients *= min(1.0, hyper[CLIP_NORM] / (np.sqrt((state.gradients**2).sum()) + 1e-6))
    for view in state.plan.parameters:
        if not view.trainable:
            continue
        span = slice(view.offset, view.offset + view.size)
        w, g = state.parameters[span], state.gradients[span]
        if view.decays:
            w *= 1 - hyper[RATE] * hyper[DECAY]
            g = g + hyper[L1] * np.sign(w) + hyper[L2] * w
        m = state.first_moment[span] if state.optimizer.slots > 0 else w
        s = state.second_moment[span] if state.optimizer.slots > 1 else w
        new_w, new_m, new_s = state.optimizer.update(w, g, m, s, hyper[RATE], h1, h2, h3, c1, c2)
        if state.optimizer.slots > 0:
            m[:] = new_m
        if state.optimizer.slots > 1:
            s[:] = new_s
        w[:] = new_w
