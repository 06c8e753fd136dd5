"""The reference backend: a Plan run with plain NumPy in float64. Slow, short, and what to read first.

Every other backend has these functions and must agree with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.losses import LOSSES
from playground.kernels.shuffling import shuffle
from playground.kernels.state import EPOCH, H1, H2, H3, L1, L2, POSITION, RATE, STEP, TrainingState
from playground.network.plan import (
    ACTIVATION,
    BIAS,
    CODE,
    DENSE,
    FUSED,
    INPUT,
    INPUTS,
    OPERATION,
    OUTPUT,
    OVER_ROWS,
    PARAMETER,
    SOFTMAX,
    UNITS,
    WEIGHT,
    Plan,
)

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec

NAME = "reference"
Array = NDArray[Any]

_ACTIVATION_BY_CODE = {record.code: record for record in ACTIVATIONS.values()}
_LOSS_BY_CODE = {record.code: record for record in LOSSES.values()}


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
        Mean loss over the rows seen, each with the weights before its step; NaN or infinity as soon as a batch has one,
        and then nothing more is done.
    """
    rows = state.order.size
    total, seen = 0.0, 0
    for _ in range(steps):
        if state.stop[0]:
            break
        if state.counters[POSITION] == 0:
            shuffle(state.order, state.random)
        start = int(state.counters[POSITION])
        batch = state.order[start : start + state.batch_size]
        loss = gradients(state, inputs[batch], targets[batch])
        if not np.isfinite(loss):
            return loss
        _update(state)
        state.counters[STEP] += 1
        state.counters[POSITION] += batch.size
        if state.counters[POSITION] >= rows:
            state.counters[POSITION] = 0
            state.counters[EPOCH] += 1
        total += loss * batch.size
        seen += batch.size
    return total / max(1, seen)


def gradients(state: TrainingState, inputs: Array, targets: Array) -> float:
    """Fill ``state.gradients`` with the slope of the mean loss of one batch; penalties are not part of it.

    Returns
    -------
    loss
        Mean loss of the batch.
    """
    values = _forward(state.plan, state.parameters, np.asarray(inputs, np.float64))
    loss, slope = _loss(state.plan, values, np.asarray(targets, np.float64))
    _backward(state.plan, state.parameters, state.gradients, values, slope)
    return loss


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
    values = _forward(state.plan, state.parameters, np.asarray(inputs, np.float64))
    outputs[:] = values[int(state.plan.instructions[-1, INPUT])]
    return _loss(state.plan, values, np.asarray(targets, np.float64))[0]


def activations(plan: Plan, parameters: Array, inputs: Array) -> tuple[Array, ...]:
    """Values of every layer for some rows.

    Returns
    -------
    layers
        float32 (rows, width) each: inputs, hidden layers, outputs after the output activation.
    """
    values = _forward(plan, parameters, np.asarray(inputs, np.float64))
    return tuple(np.ascontiguousarray(values[region], np.float32) for region in plan.regions)


def outputs(plan: Plan, parameters: Array, inputs: Array) -> Array:
    """Values of the last layer for some rows, after the output activation: float32 (rows, outputs)."""
    return activations(plan, parameters, inputs)[-1]


def logits(plan: Plan, parameters: Array, inputs: Array) -> Array:
    """Outputs before the output activation, float64 (rows, outputs)."""
    values = _forward(plan, parameters, np.asarray(inputs, np.float64))
    return values[int(plan.instructions[-1, OUTPUT])]


def _forward(plan: Plan, parameters: Array, inputs: Array) -> dict[int, Array]:
    """Run the instructions; the result holds each region's values under the unit where it starts."""
    parameters = np.asarray(parameters, np.float64)
    values: dict[int, Array] = {0: inputs}
    # A run that blows up is reported by its loss; NumPy's own warnings would only repeat it.
    with np.errstate(all="ignore"):
        for row, settings in zip(plan.instructions, plan.settings, strict=True):
            x = values[int(row[INPUT])]
            if row[OPERATION] == DENSE:
                w, b = _weights(row, parameters)
                z = x @ w + b
                values[int(row[OUTPUT])] = _ACTIVATION_BY_CODE[int(row[CODE])].array(z, float(settings[PARAMETER]))
            elif row[OPERATION] in (ACTIVATION, SOFTMAX):
                values[int(row[OUTPUT])] = _ACTIVATION_BY_CODE[int(row[CODE])].array(x, float(settings[PARAMETER]))
    return values


def _loss(plan: Plan, values: dict[int, Array], targets: Array) -> tuple[float, Array]:
    """Mean loss, and its slope with respect to the outputs (fused: the logits)."""
    row = plan.instructions[-1]
    record = _LOSS_BY_CODE[int(row[CODE])]
    a, z = values[int(row[INPUT])], values[int(row[OUTPUT])]
    count = len(a) if row[OVER_ROWS] else a.size
    with np.errstate(all="ignore"):
        if row[FUSED]:
            assert record.logit_array is not None
            return float(record.logit_array(z, targets).sum() / count), _fused_slope(record.name, a, targets) / count
        assert record.array is not None and record.array_slope is not None
        return float(record.array(a, targets).sum() / count), record.array_slope(a, targets) / count


def _fused_slope(loss: str, a: Array, targets: Array) -> Array:
    """a − t for both standard pairs; for softmax times the row's target sum, which is 1 unless there are several labels."""
    if loss == "categorical_cross_entropy":
        return a * targets.sum(axis=1, keepdims=True) - targets
    return a - targets


def _backward(plan: Plan, parameters: Array, gradients: Array, values: dict[int, Array], slope: Array) -> None:
    """Walk the instructions backward: the chain rule, one instruction at a time."""
    deltas = {int(plan.instructions[-1, OUTPUT if plan.instructions[-1, FUSED] else INPUT]): slope}
    with np.errstate(all="ignore"):
        for row, settings in zip(plan.instructions[-2::-1], plan.settings[-2::-1], strict=True):
            if row[OPERATION] in (ACTIVATION, SOFTMAX):
                if row[FUSED]:
                    continue
                z, a, delta = values[int(row[INPUT])], values[int(row[OUTPUT])], deltas[int(row[OUTPUT])]
                if row[OPERATION] == SOFTMAX:
                    # Softmax mixes the row: dz = a · (da − Σ da·a).
                    deltas[int(row[INPUT])] = a * (delta - (delta * a).sum(axis=1, keepdims=True))
                else:
                    deltas[int(row[INPUT])] = delta * _slope(row, settings, z, a)
            elif row[OPERATION] == DENSE:
                x, a = values[int(row[INPUT])], values[int(row[OUTPUT])]
                delta = deltas[int(row[OUTPUT])] * _slope(row, settings, a, a)
                w, _ = _weights(row, parameters)
                dw, db = _weights(row, gradients)
                dw[:] = x.T @ delta
                db[:] = delta.sum(axis=0)
                if row[INPUT] != 0:
                    deltas[int(row[INPUT])] = delta @ w.T


def _slope(row: Array, settings: Array, z: Array, a: Array) -> Array:
    """Slope of an instruction's activation."""
    slope = _ACTIVATION_BY_CODE[int(row[CODE])].array_slope
    assert slope is not None
    return slope(z, a, float(settings[PARAMETER]))


def _weights(row: Array, buffer: Array) -> tuple[Array, Array]:
    """Views (inputs, units) and (units,) of a dense instruction's weights and biases, or of their gradients."""
    inputs, units, weight, bias = int(row[INPUTS]), int(row[UNITS]), int(row[WEIGHT]), int(row[BIAS])
    return buffer[weight : weight + inputs * units].reshape(inputs, units), buffer[bias : bias + units]


def _update(state: TrainingState) -> None:
    """One optimizer step over every parameter block."""
    hyper, t = state.hyper, state.step - state.memory_start + 1
    c1 = 1.0 / (1.0 - hyper[H1] ** t) if hyper[H1] > 0 else 1.0
    c2 = 1.0 / (1.0 - hyper[H2] ** t) if hyper[H2] > 0 else 1.0
    for offset, size, decays in state.plan.blocks:
        block = slice(offset, offset + size)
        w, g = state.parameters[block], state.gradients[block]
        if decays:
            g = g + hyper[L1] * np.sign(w) + hyper[L2] * w
        m = state.first_moment[block] if state.optimizer.slots > 0 else w
        s = state.second_moment[block] if state.optimizer.slots > 1 else w
        new_w, new_m, new_s = state.optimizer.update(w, g, m, s, hyper[RATE], hyper[H1], hyper[H2], hyper[H3], c1, c2)
        if state.optimizer.slots > 0:
            m[:] = new_m
        if state.optimizer.slots > 1:
            s[:] = new_s
        w[:] = new_w
