"""The CPU backend: a Plan run by compiled code, whole epochs in one call, without the GIL.

The same few kernels serve every network: they read the plan's table of instructions. The functions on top have the names
and meanings of ``kernels/reference.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground.catalog.activations import IDENTITY, activate, activation_slope
from playground.catalog.elementary import ONE, ZERO, exp, log
from playground.catalog.losses import CATEGORICAL_CROSS_ENTROPY, binary_cross_entropy_on_logit, loss_slope, loss_value
from playground.catalog.optimizers import update
from playground.kernels.compiling import kernel
from playground.kernels.matmul import multiply, multiply_left_transposed, multiply_right_transposed
from playground.kernels.shuffling import shuffle
from playground.kernels.state import EPOCH, H1, H2, H3, L1, L2, POSITION, RATE, STEP, TrainingState
from playground.network.parameters import aligned_zeros
from playground.network.plan import (
    ACTIVATION,
    BIAS,
    BLOCK_DECAYS,
    BLOCK_OFFSET,
    BLOCK_SIZE,
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

NAME = "cpu"
Array = NDArray[Any]
# Rows that one forward pass takes at a time: the values of common networks then stay in the second-level cache.
CHUNK = 256


@kernel
def _activate_all(values, source, target, count, code, parameter):
    """target = activation(source), number by number, on ``count`` numbers from two indices of one buffer."""
    z = values[source : source + count]
    a = values[target : target + count]
    for i in range(count):
        a[i] = activate(code, z[i], parameter)


@kernel
def _scale_by_slope(values, source, target, deltas, into, count, code, parameter, out_of):
    """deltas[into] = deltas[out_of] · slope of the activation: the chain rule through an activation."""
    z = values[source : source + count]
    a = values[target : target + count]
    d = deltas[out_of : out_of + count]
    result = deltas[into : into + count]
    for i in range(count):
        result[i] = d[i] * activation_slope(code, z[i], a[i], parameter)


@kernel
def _dense_forward(row, parameter, parameters, values, capacity, rows):
    """a (rows, units) = activation(x (rows, inputs) · W (inputs, units) + b (units,))."""
    inputs, units = row[INPUTS], row[UNITS]
    out = row[OUTPUT] * capacity
    bias = parameters[row[BIAS] : row[BIAS] + units]
    for i in range(rows):
        z = values[out + i * units : out + (i + 1) * units]
        for j in range(units):
            z[j] = bias[j]
    multiply(values, row[INPUT] * capacity, parameters, row[WEIGHT], values, out, rows, inputs, units)
    if row[CODE] != IDENTITY:
        _activate_all(values, out, out, rows * units, row[CODE], parameter)


@kernel
def _dense_backward(row, parameter, parameters, gradients, values, deltas, capacity, rows):
    """dW (inputs, units) = xᵀ·dz, db (units,) = Σ rows of dz, dx (rows, inputs) = dz·Wᵀ, with dz = da · slope."""
    inputs, units = row[INPUTS], row[UNITS]
    x, out = row[INPUT] * capacity, row[OUTPUT] * capacity
    if row[CODE] != IDENTITY:
        _scale_by_slope(values, out, out, deltas, out, rows * units, row[CODE], parameter, out)
    multiply_left_transposed(values, x, deltas, out, gradients, row[WEIGHT], inputs, rows, units)
    bias = gradients[row[BIAS] : row[BIAS] + units]
    for j in range(units):
        bias[j] = ZERO
    for i in range(rows):
        delta = deltas[out + i * units : out + (i + 1) * units]
        for j in range(units):
            bias[j] += delta[j]
    # The first layer's inputs are data: nobody asks for their gradient.
    if row[INPUT] != 0:
        multiply_right_transposed(deltas, out, parameters, row[WEIGHT], deltas, x, rows, units, inputs)


@kernel
def _softmax_forward(row, values, capacity, rows):
    """Each row of ``units`` logits becomes probabilities; its largest logit is taken out first."""
    units = row[UNITS]
    for i in range(rows):
        z = values[row[INPUT] * capacity + i * units : row[INPUT] * capacity + (i + 1) * units]
        a = values[row[OUTPUT] * capacity + i * units : row[OUTPUT] * capacity + (i + 1) * units]
        largest = z[0]
        for j in range(1, units):
            largest = max(largest, z[j])
        total = ZERO
        for j in range(units):
            a[j] = exp(z[j] - largest)
            total += a[j]
        for j in range(units):
            a[j] /= total


@kernel
def _softmax_backward(row, values, deltas, capacity, rows):
    """dz = a · (da − Σ da·a): softmax mixes the whole row."""
    units = row[UNITS]
    for i in range(rows):
        a = values[row[OUTPUT] * capacity + i * units : row[OUTPUT] * capacity + (i + 1) * units]
        da = deltas[row[OUTPUT] * capacity + i * units : row[OUTPUT] * capacity + (i + 1) * units]
        dz = deltas[row[INPUT] * capacity + i * units : row[INPUT] * capacity + (i + 1) * units]
        mixed = ZERO
        for j in range(units):
            mixed += da[j] * a[j]
        for j in range(units):
            dz[j] = a[j] * (da[j] - mixed)


@kernel
def forward(instructions, settings, parameters, values, capacity, rows):
    """Run the instructions on the rows that lie in the input region of ``values``."""
    for index in range(instructions.shape[0] - 1):
        row = instructions[index]
        if row[OPERATION] == DENSE:
            _dense_forward(row, settings[index, PARAMETER], parameters, values, capacity, rows)
        elif row[OPERATION] == ACTIVATION:
            count = rows * row[UNITS]
            parameter = settings[index, PARAMETER]
            _activate_all(values, row[INPUT] * capacity, row[OUTPUT] * capacity, count, row[CODE], parameter)
        elif row[OPERATION] == SOFTMAX:
            _softmax_forward(row, values, capacity, rows)


@kernel
def backward(instructions, settings, parameters, gradients, values, deltas, capacity, rows):
    """Walk the instructions backward from the loss's slope; fills ``gradients``."""
    for index in range(instructions.shape[0] - 2, -1, -1):
        row = instructions[index]
        if row[OPERATION] == DENSE:
            _dense_backward(row, settings[index, PARAMETER], parameters, gradients, values, deltas, capacity, rows)
        elif row[FUSED] == 0 and row[OPERATION] == ACTIVATION:
            z, a = row[INPUT] * capacity, row[OUTPUT] * capacity
            _scale_by_slope(values, z, a, deltas, z, rows * row[UNITS], row[CODE], settings[index, PARAMETER], a)
        elif row[FUSED] == 0 and row[OPERATION] == SOFTMAX:
            _softmax_backward(row, values, deltas, capacity, rows)


@kernel
def loss_sum(row, values, targets, first, capacity, rows):
    """Loss summed over rows (and averaged over outputs where the loss says so).

    ``targets`` (rows, units) is flat; row i of the batch meets the targets from ``first + i·units`` on.
    """
    units = row[UNITS]
    count = rows * units
    a = values[row[INPUT] * capacity : row[INPUT] * capacity + count]
    z = values[row[OUTPUT] * capacity : row[OUTPUT] * capacity + count]
    t = targets[first : first + count]
    # Float64 for the sum alone: a hundred thousand float32 terms would lose digits.
    total = 0.0
    if row[FUSED] == 0:
        for i in range(count):
            total += loss_value(row[CODE], a[i], t[i])
    elif row[CODE] == CATEGORICAL_CROSS_ENTROPY:
        for i in range(rows):
            largest = z[i * units]
            for j in range(1, units):
                largest = max(largest, z[i * units + j])
            exponentials = ZERO
            mass = ZERO
            dot = ZERO
            for j in range(i * units, (i + 1) * units):
                exponentials += exp(z[j] - largest)
                mass += t[j]
                dot += t[j] * (z[j] - largest)
            total += mass * log(exponentials) - dot
    else:
        for i in range(count):
            total += binary_cross_entropy_on_logit(z[i], t[i])
    return total if row[OVER_ROWS] else total / units


@kernel
def loss_backward(row, values, targets, deltas, capacity, rows):
    """Slope of the batch's mean loss, at the logits where the loss is fused and at the outputs elsewhere."""
    units = row[UNITS]
    count = rows * units
    a = values[row[INPUT] * capacity : row[INPUT] * capacity + count]
    t = targets[:count]
    scale = ONE / np.float32(rows if row[OVER_ROWS] else count)
    if row[FUSED] == 0:
        d = deltas[row[INPUT] * capacity : row[INPUT] * capacity + count]
        for i in range(count):
            d[i] = loss_slope(row[CODE], a[i], t[i]) * scale
    elif row[CODE] == CATEGORICAL_CROSS_ENTROPY:
        d = deltas[row[OUTPUT] * capacity : row[OUTPUT] * capacity + count]
        for i in range(rows):
            # 1 for a single label; with several labels a row counts once per label.
            mass = ZERO
            for j in range(i * units, (i + 1) * units):
                mass += t[j]
            for j in range(i * units, (i + 1) * units):
                d[j] = (a[j] * mass - t[j]) * scale
    else:
        d = deltas[row[OUTPUT] * capacity : row[OUTPUT] * capacity + count]
        for i in range(count):
            d[i] = (a[i] - t[i]) * scale


@kernel
def _sign(w):
    """−1, 0 or 1."""
    return np.float32(w > ZERO) - np.float32(w < ZERO)


@kernel
def _update_block(w, g, m, s, code, rate, h1, h2, h3, c1, c2, l1, l2, has_first, has_second):
    """One optimizer step over one block of parameters."""
    for i in range(w.size):
        gradient = g[i] + l1 * _sign(w[i]) + l2 * w[i]
        first = m[i] if has_first else ZERO
        second = s[i] if has_second else ZERO
        new_w, new_m, new_s = update(code, w[i], gradient, first, second, rate, h1, h2, h3, c1, c2)
        w[i] = new_w
        if has_first:
            m[i] = new_m
        if has_second:
            s[i] = new_s


@kernel
def _correction(decay, steps):
    """1 / (1 − decayᵗ): undoes the pull toward zero of a running mean that started at zero."""
    return np.float32(1.0 / (1.0 - np.float64(decay) ** steps)) if decay > ZERO else ONE


@kernel
def _update_all(blocks, parameters, gradients, first_moment, second_moment, code, hyper, steps):
    """One optimizer step over every block; penalties act on weights, not on biases."""
    h1, h2 = hyper[H1], hyper[H2]
    c1, c2 = _correction(h1, steps), _correction(h2, steps)
    has_first, has_second = first_moment.size > 0, second_moment.size > 0
    for index in range(blocks.shape[0]):
        start = blocks[index, BLOCK_OFFSET]
        end = start + blocks[index, BLOCK_SIZE]
        decays = np.float32(blocks[index, BLOCK_DECAYS])
        _update_block(
            parameters[start:end],
            gradients[start:end],
            first_moment[start:end] if has_first else first_moment,
            second_moment[start:end] if has_second else second_moment,
            code,
            hyper[RATE],
            h1,
            h2,
            hyper[H3],
            c1,
            c2,
            hyper[L1] * decays,
            hyper[L2] * decays,
            has_first,
            has_second,
        )


@kernel
def _gather(source, order, first, rows, width, target):
    """Copy the rows that ``order[first:first + rows]`` names, one after the other, into a flat buffer."""
    for i in range(rows):
        row = source[order[first + i]]
        out = target[i * width : (i + 1) * width]
        for j in range(width):
            out[j] = row[j]


@kernel
def _train(
    instructions,
    settings,
    blocks,
    inputs,
    targets,
    order,
    random,
    counters,
    stop,
    parameters,
    gradients,
    first_moment,
    second_moment,
    values,
    deltas,
    batch_targets,
    capacity,
    batch_size,
    optimizer,
    hyper,
    memory_start,
    steps,
):
    """Mini-batches one after the other, over as many epochs as ``steps`` takes; see ``reference.train``."""
    rows = order.size
    last = instructions[instructions.shape[0] - 1]
    total = 0.0
    seen = 0
    for _ in range(steps):
        if stop[0] != 0:
            break
        start = counters[POSITION]
        if start == 0:
            shuffle(order, random)
        batch = min(batch_size, rows - start)
        _gather(inputs, order, start, batch, inputs.shape[1], values)
        _gather(targets, order, start, batch, targets.shape[1], batch_targets)
        forward(instructions, settings, parameters, values, capacity, batch)
        loss = loss_sum(last, values, batch_targets, 0, capacity, batch)
        if not np.isfinite(loss):
            return loss
        loss_backward(last, values, batch_targets, deltas, capacity, batch)
        backward(instructions, settings, parameters, gradients, values, deltas, capacity, batch)
        _update_all(
            blocks,
            parameters,
            gradients,
            first_moment,
            second_moment,
            optimizer,
            hyper,
            counters[STEP] - memory_start + 1,
        )
        counters[STEP] += 1
        counters[POSITION] += batch
        if counters[POSITION] >= rows:
            counters[POSITION] = 0
            counters[EPOCH] += 1
        total += loss
        seen += batch
    return total / max(1, seen)


@kernel
def _evaluate(instructions, settings, parameters, values, capacity, inputs, targets, outputs):
    """Forward and loss, ``capacity`` rows at a time; ``outputs`` (rows, units) is overwritten. Returns the mean loss."""
    last = instructions[instructions.shape[0] - 1]
    flat_targets = targets.reshape(targets.size)
    flat_outputs = outputs.reshape(outputs.size)
    rows, width = inputs.shape
    units = last[UNITS]
    total = 0.0
    for start in range(0, rows, capacity):
        count = min(capacity, rows - start)
        values[: count * width] = inputs[start : start + count].reshape(count * width)
        forward(instructions, settings, parameters, values, capacity, count)
        total += loss_sum(last, values, flat_targets, start * units, capacity, count)
        source = last[INPUT] * capacity
        flat_outputs[start * units : (start + count) * units] = values[source : source + count * units]
    return total / rows


def new_state(plan: Plan, training: TrainingSpec, parameters: Array, rows: int) -> TrainingState:
    """Buffers for a run on this backend; see `TrainingState`."""
    return TrainingState(plan, training, parameters, rows, np.float32)


def train(state: TrainingState, inputs: Array, targets: Array, steps: int) -> float:
    """Do up to ``steps`` mini-batches; see ``reference.train``."""
    return float(
        _train(
            state.plan.instructions,
            state.plan.settings,
            state.plan.blocks,
            inputs,
            targets,
            state.order,
            state.random,
            state.counters,
            state.stop,
            state.parameters,
            state.gradients,
            state.first_moment,
            state.second_moment,
            state.values,
            state.deltas,
            state.targets,
            state.capacity,
            state.batch_size,
            state.optimizer.code,
            state.hyper,
            state.memory_start,
            steps,
        )
    )


def gradients(state: TrainingState, inputs: Array, targets: Array) -> float:
    """Fill ``state.gradients`` with the slope of the mean loss of one batch; see ``reference.gradients``."""
    plan, rows = state.plan, len(inputs)
    capacity = -(-rows // 16) * 16
    values, deltas = aligned_zeros(plan.units * capacity), aligned_zeros(plan.units * capacity)
    values[: inputs.size] = inputs.ravel()
    last = plan.instructions[-1]
    forward(plan.instructions, plan.settings, state.parameters, values, capacity, rows)
    loss = loss_sum(last, values, targets.ravel(), 0, capacity, rows) / rows
    loss_backward(last, values, targets.ravel(), deltas, capacity, rows)
    backward(plan.instructions, plan.settings, state.parameters, state.gradients, values, deltas, capacity, rows)
    return float(loss)


def evaluate(state: TrainingState, inputs: Array, targets: Array, outputs: Array) -> float:
    """Run rows forward, write their outputs, and return their mean loss; see ``reference.evaluate``."""
    if not len(inputs):
        return float("nan")
    plan = state.plan
    values = _chunk_buffer(plan)
    return float(_evaluate(plan.instructions, plan.settings, state.parameters, values, CHUNK, inputs, targets, outputs))


def activations(plan: Plan, parameters: Array, inputs: Array) -> tuple[Array, ...]:
    """Values of every layer for some rows; see ``reference.activations``."""
    rows, width = inputs.shape
    values = _chunk_buffer(plan)
    widths = [*plan.widths[:-1], plan.widths[-1]]
    layers = tuple(np.empty((rows, units), np.float32) for units in widths)
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        values[: count * width] = inputs[start : start + count].ravel()
        forward(plan.instructions, plan.settings, parameters, values, CHUNK, count)
        for layer, region, units in zip(layers, plan.regions, widths, strict=True):
            layer[start : start + count].ravel()[:] = values[region * CHUNK : region * CHUNK + count * units]
    return layers


_buffers: dict[int, Array] = {}


def _chunk_buffer(plan: Plan) -> Array:
    """A value buffer for `CHUNK` rows of this plan, kept for the next call of the same size."""
    size = plan.units * CHUNK
    if size not in _buffers:
        _buffers.clear()
        _buffers[size] = aligned_zeros(size)
    return _buffers[size]
