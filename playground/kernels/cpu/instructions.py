"""Forward and backward of each instruction of a Plan, side by side, on flat float32 buffers.

``values`` holds what every layer answers for a batch, ``deltas`` the slope of the loss at the same places. The region that
starts at unit u begins at index u × capacity; see `network.plan`. Here are the affine maps and activations; images are in
``windows.py``, normalizations, dropout, embeddings and sums in ``layers.py``.
"""

from __future__ import annotations

from playground.catalog.activations import IDENTITY
from playground.catalog.elementary import ZERO, exp, maximum
from playground.kernels.compiling import SLOPES, VALUES, dispatch, inlined, kernel
from playground.kernels.cpu.layers import (
    add_backward,
    add_forward,
    batch_norm_backward,
    batch_norm_forward,
    drop,
    embedding_backward,
    embedding_forward,
    layer_norm_backward,
    layer_norm_forward,
)
from playground.kernels.cpu.packed import AB, ABT, ATB, at
from playground.kernels.cpu.stepping import copy_numbers
from playground.kernels.cpu.team import multiply
from playground.kernels.cpu.windows import (
    average_pool_backward,
    average_pool_forward,
    max_pool_backward,
    max_pool_forward,
    rows_to_windows,
    windows_to_rows,
)
from playground.kernels.purposes import PREDICT
from playground.kernels.simd.memory import address
from playground.network import table


def _over_numbers(value):
    """The loop of one activation: with a single array LLVM sees that nothing overlaps."""

    def activate_numbers(a, p):
        for i in range(a.size):
            a[i] = value(a[i], p)

    return inlined(activate_numbers)


def _over_slopes(slope):
    def scale_numbers(d, z, a, p):
        for i in range(d.size):
            d[i] *= slope(z[i], a[i], p)

    return inlined(scale_numbers)


_activate = dispatch({code: _over_numbers(value) for code, value in VALUES.items()})
_scale = dispatch({code: _over_slopes(slope) for code, slope in SLOPES.items()})


@kernel
def activate_all(values, start, count, code, parameter):
    """a = activation(a), number by number, on ``count`` numbers from an index."""
    _activate(code, values[start : start + count], parameter)


@kernel
def scale_by_slope(deltas, start, values, sums, results, count, code, parameter):
    """deltas ·= slope of the activation: the chain rule through it; ``sums`` and ``results`` say where its z and a lie."""
    d = deltas[start : start + count]
    _scale(code, d, values[sums : sums + count], values[results : results + count], parameter)


@kernel
def affine_forward(members, row, parameter, parameters, values, x, out, rows):
    """a (rows, units) = activation(x (rows, inputs) · W (inputs, units) + b (units,)), from one index to another."""
    inputs, units = row[table.INPUTS], row[table.UNITS]
    place = address(values)
    w = at(address(parameters), row[table.WEIGHT])
    multiply(members, AB, at(place, x), inputs, w, units, at(place, out), units, rows, units, inputs, 0)
    bias = parameters[row[table.BIAS] : row[table.BIAS] + units]
    for i in range(rows):
        sums = values[out + i * units : out + (i + 1) * units]
        for j in range(units):
            sums[j] += bias[j]
    if row[table.CODE] != IDENTITY:
        activate_all(values, out, rows * units, row[table.CODE], parameter)


@kernel
def affine_backward(members, row, parameter, parameters, gradients, values, deltas, x, dx, out, rows):
    """dW (inputs, units) = xᵀ·dz, db (units,) = Σ rows of dz, dx (rows, inputs) = dz·Wᵀ, with dz = da · slope."""
    inputs, units = row[table.INPUTS], row[table.UNITS]
    if row[table.CODE] != IDENTITY:
        scale_by_slope(deltas, out, values, out, out, rows * units, row[table.CODE], parameter)
    dz = at(address(deltas), out)
    if row[table.TRAINABLE] != 0:
        dw = at(address(gradients), row[table.WEIGHT])
        multiply(members, ATB, at(address(values), x), inputs, dz, units, dw, units, inputs, units, rows, 0)
        bias = gradients[row[table.BIAS] : row[table.BIAS] + units]
        bias[:] = ZERO
        for i in range(rows):
            delta = deltas[out + i * units : out + (i + 1) * units]
            for j in range(units):
                bias[j] += delta[j]
    if row[table.PASSES_BACK] != 0:
        w = at(address(parameters), row[table.WEIGHT])
        multiply(members, ABT, dz, units, w, units, at(address(deltas), dx), inputs, rows, inputs, units, 0)


@kernel
def softmax_forward(row, values, capacity, rows):
    """Each row of ``units`` logits becomes probabilities; its largest logit is taken out first."""
    units = row[table.UNITS]
    start, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    for i in range(rows):
        z = values[start + i * units : start + (i + 1) * units]
        a = values[out + i * units : out + (i + 1) * units]
        largest = z[0]
        for j in range(1, units):
            largest = maximum(largest, z[j])
        total = ZERO
        for j in range(units):
            a[j] = exp(z[j] - largest)
            total += a[j]
        for j in range(units):
            a[j] /= total


@kernel
def softmax_backward(row, values, deltas, capacity, rows):
    """dz = a · (da − Σ da·a): softmax mixes the whole row."""
    units = row[table.UNITS]
    start, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    for i in range(rows):
        a = values[out + i * units : out + (i + 1) * units]
        da = deltas[out + i * units : out + (i + 1) * units]
        dz = deltas[start + i * units : start + (i + 1) * units]
        mixed = ZERO
        for j in range(units):
            mixed += da[j] * a[j]
        for j in range(units):
            dz[j] = a[j] * (da[j] - mixed)


@kernel
def forward(members, instructions, settings, parameters, values, capacity, rows, purpose, drop_seed):
    """Run the instructions on the rows that lie in the input region of ``values``.

    Unless they are to PREDICT, an output activation that is fused with the loss is left to the loss.
    """
    for index in range(instructions.shape[0] - 1):
        row = instructions[index]
        kind = row[table.OPERATION]
        if purpose != PREDICT and row[table.FUSED] != 0:
            continue
        x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
        parameter = settings[index, table.PARAMETER]
        if kind == table.DENSE:
            affine_forward(members, row, parameter, parameters, values, x, out, rows)
        elif kind == table.ACTIVATION:
            copy_numbers(at(address(values), x), at(address(values), out), rows * row[table.UNITS])
            activate_all(values, out, rows * row[table.UNITS], row[table.CODE], parameter)
        elif kind == table.SOFTMAX:
            softmax_forward(row, values, capacity, rows)
        elif kind == table.CONVOLUTION:
            windows = row[table.SECOND] * capacity
            windows_to_rows(row, values, x, windows, rows)
            places = rows * row[table.OUT_HEIGHT] * row[table.OUT_WIDTH]
            affine_forward(members, row, parameter, parameters, values, windows, out, places)
        elif kind == table.MAX_POOL:
            max_pool_forward(row, values, x, out, rows)
        elif kind == table.AVERAGE_POOL:
            average_pool_forward(row, values, x, out, rows)
        elif kind == table.BATCH_NORM:
            batch_norm_forward(row, settings[index], parameters, values, capacity, rows, purpose)
        elif kind == table.LAYER_NORM:
            layer_norm_forward(row, settings[index], parameters, values, capacity, rows)
        elif kind == table.DROPOUT:
            rate = parameter if purpose != PREDICT else ZERO
            drop(values, x, out, rows * row[table.UNITS], rate, drop_seed, index)
        elif kind == table.EMBEDDING:
            embedding_forward(row, parameters, values, x, out, rows)
        elif kind == table.ADD:
            add_forward(values, x, row[table.SECOND] * capacity, out, rows * row[table.UNITS])


@kernel
def backward(members, instructions, settings, parameters, gradients, values, deltas, capacity, rows, drop_seed):
    """Walk the instructions backward from the loss's slope; fills ``gradients``."""
    for index in range(instructions.shape[0] - 2, -1, -1):
        row = instructions[index]
        kind = row[table.OPERATION]
        if row[table.FUSED] != 0 or (row[table.PASSES_BACK] == 0 and row[table.TRAINABLE] == 0):
            continue
        parameter = settings[index, table.PARAMETER]
        x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
        # Where the input's slope has another part already, this part goes to a place of its own first.
        dx = x if row[table.SPARE] < 0 else row[table.SPARE] * capacity
        if kind == table.DENSE:
            affine_backward(members, row, parameter, parameters, gradients, values, deltas, x, dx, out, rows)
        elif kind == table.ACTIVATION:
            count = rows * row[table.UNITS]
            copy_numbers(at(address(deltas), out), at(address(deltas), dx), count)
            scale_by_slope(deltas, dx, values, x, out, count, row[table.CODE], parameter)
        elif kind == table.SOFTMAX:
            softmax_backward(row, values, deltas, capacity, rows)
        elif kind == table.CONVOLUTION:
            windows, places = row[table.SECOND] * capacity, rows * row[table.OUT_HEIGHT] * row[table.OUT_WIDTH]
            affine_backward(members, row, parameter, parameters, gradients, values, deltas, windows, windows, out, places)
            if row[table.PASSES_BACK] != 0:
                rows_to_windows(row, deltas, windows, dx, rows)
        elif kind == table.MAX_POOL:
            max_pool_backward(row, values, deltas, x, dx, out, rows)
        elif kind == table.AVERAGE_POOL:
            average_pool_backward(row, deltas, dx, out, rows)
        elif kind == table.BATCH_NORM:
            batch_norm_backward(row, parameters, gradients, values, deltas, capacity, dx, rows)
        elif kind == table.LAYER_NORM:
            layer_norm_backward(row, parameters, gradients, values, deltas, capacity, dx, rows)
        elif kind == table.DROPOUT:
            drop(deltas, out, dx, rows * row[table.UNITS], parameter, drop_seed, index)
        elif kind == table.EMBEDDING:
            embedding_backward(row, gradients, values, deltas, x, out, rows)
        elif kind == table.ADD:
            add_backward(deltas, x, dx, row[table.SECOND] * capacity, out, rows * row[table.UNITS])
        if row[table.SPARE] >= 0:
            width = row[table.HEIGHT] * row[table.WIDTH] * row[table.CHANNELS] if kind == table.CONVOLUTION else row[table.INPUTS]
            add_forward(deltas, dx, x, x, rows * width)
