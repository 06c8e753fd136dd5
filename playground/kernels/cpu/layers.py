"""Forward and backward of each instruction of a Plan, side by side, on flat float32 buffers, but for images (``windows.py``).

``values`` holds what every layer answers for a batch, ``deltas`` the slope of the loss at the same places. The region that
starts at unit u begins at index u × capacity; see `network.plan`.

``cuda/layers.py`` says the same again in the GPU's terms, on purpose and under the same names: there threads share out what
a loop does here, and one text for both would serve neither. A change here is one there.
"""

from __future__ import annotations

import numpy as np

from playground.catalog.activations import IDENTITY
from playground.catalog.elementary import ONE, ZERO, exp, maximum, sqrt, where
from playground.kernels.compiling import SLOPES, VALUES, dispatch, inlined, inlined_kernel, kernel
from playground.kernels.cpu.packed import AB, ABT, ATB, at
from playground.kernels.cpu.stepping import copy_numbers
from playground.kernels.cpu.team import multiply
from playground.kernels.dropping import drop_key, is_kept, threshold
from playground.kernels.purposes import PREDICT, TRAIN
from playground.kernels.simd.memory import address
from playground.network import table
from playground.network.parameters import PADDING


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
def activate(values, start, count, code, setting):
    """a = activation(a), number by number, on ``count`` numbers from an index."""
    _activate(code, values[start : start + count], setting)


@kernel
def scale_by_slope(deltas, start, values, sums, results, count, code, setting):
    """deltas ·= slope of the activation: the chain rule through it; ``sums`` and ``results`` say where its z and a lie."""
    d = deltas[start : start + count]
    _scale(code, d, values[sums : sums + count], values[results : results + count], setting)


@kernel
def affine_forward(members, row, setting, parameters, values, x, out, rows):
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
        activate(values, out, rows * units, row[table.CODE], setting)


@kernel
def affine_backward(members, row, setting, parameters, gradients, values, deltas, x, dx, out, rows):
    """dW (inputs, units) = xᵀ·dz, db (units,) = Σ rows of dz, dx (rows, inputs) = dz·Wᵀ, with dz = da · slope."""
    inputs, units = row[table.INPUTS], row[table.UNITS]
    if row[table.CODE] != IDENTITY:
        scale_by_slope(deltas, out, values, out, out, rows * units, row[table.CODE], setting)
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


@inlined_kernel
def _running(row, parameters):
    """Running means and variances (features,) of a batch normalization."""
    features, start = row[table.UNITS], row[table.STATISTICS]
    next_one = start + (features + PADDING - 1) // PADDING * PADDING
    return parameters[start : start + features], parameters[next_one : next_one + features]


@inlined_kernel
def _kept_statistics(row, values, capacity):
    """Means and 1 / deviations (features,) that forward leaves for backward."""
    features, start = row[table.UNITS], row[table.SECOND] * capacity
    return values[start : start + features], values[start + features : start + 2 * features]


@kernel
def _measure(values, x, count, mean, inverse):
    """Mean, and for now variance, of each feature of (count, features) numbers."""
    features = mean.size
    share = ONE / np.float32(count)
    mean[:] = ZERO
    for i in range(count):
        numbers = values[x + i * features : x + (i + 1) * features]
        for j in range(features):
            mean[j] += numbers[j] * share
    inverse[:] = ZERO
    for i in range(count):
        numbers = values[x + i * features : x + (i + 1) * features]
        for j in range(features):
            inverse[j] += (numbers[j] - mean[j]) * (numbers[j] - mean[j]) * share


@kernel
def batch_norm_forward(row, settings, parameters, values, capacity, rows, purpose):
    """a = scale · (x − mean) / √(variance + ε) + shift; mean and variance of the batch, or running ones when predicting.

    A frozen one always uses the running statistics.
    """
    features, x, out = row[table.UNITS], row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    count = rows * row[table.INPUTS] // features
    running_mean, running_variance = _running(row, parameters)
    mean, inverse = _kept_statistics(row, values, capacity)
    if purpose != PREDICT and row[table.TRAINABLE] != 0:
        _measure(values, x, count, mean, inverse)
        # A single value has no variance to remember.
        if purpose == TRAIN and count > 1:
            momentum = settings[table.MOMENTUM]
            # Running variances are unbiased, as in torch.
            unbiased = np.float32(count) / np.float32(count - 1)
            for j in range(features):
                running_mean[j] += momentum * (mean[j] - running_mean[j])
                running_variance[j] += momentum * (inverse[j] * unbiased - running_variance[j])
    else:
        for j in range(features):
            mean[j], inverse[j] = running_mean[j], running_variance[j]
    for j in range(features):
        inverse[j] = ONE / sqrt(inverse[j] + settings[table.EPSILON])
    scale = parameters[row[table.WEIGHT] : row[table.WEIGHT] + features]
    shift = parameters[row[table.BIAS] : row[table.BIAS] + features]
    for i in range(count):
        numbers = values[x + i * features : x + (i + 1) * features]
        results = values[out + i * features : out + (i + 1) * features]
        for j in range(features):
            results[j] = (numbers[j] - mean[j]) * inverse[j] * scale[j] + shift[j]


@kernel
def batch_norm_backward(row, parameters, gradients, values, deltas, capacity, dx, rows):
    """dx = scale / deviation · (d − mean of d − x̂ · mean of d·x̂), the means over the batch; frozen: scale / deviation · d."""
    features, x, out = row[table.UNITS], row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    count = rows * row[table.INPUTS] // features
    mean, inverse = _kept_statistics(row, values, capacity)
    scale = parameters[row[table.WEIGHT] : row[table.WEIGHT] + features]
    # Sums of d and of d·x̂: gradients of shift and scale, if it learns.
    shift_slope = gradients[row[table.BIAS] : row[table.BIAS] + features]
    scale_slope = gradients[row[table.WEIGHT] : row[table.WEIGHT] + features]
    share = ZERO
    if row[table.TRAINABLE] != 0:
        share = ONE / np.float32(count)
        shift_slope[:] = ZERO
        scale_slope[:] = ZERO
        for i in range(count):
            numbers = values[x + i * features : x + (i + 1) * features]
            d = deltas[out + i * features : out + (i + 1) * features]
            for j in range(features):
                shift_slope[j] += d[j]
                scale_slope[j] += d[j] * (numbers[j] - mean[j]) * inverse[j]
    if row[table.PASSES_BACK] == 0:
        return
    for i in range(count):
        numbers = values[x + i * features : x + (i + 1) * features]
        d = deltas[out + i * features : out + (i + 1) * features]
        result = deltas[dx + i * features : dx + (i + 1) * features]
        for j in range(features):
            normal = (numbers[j] - mean[j]) * inverse[j]
            result[j] = scale[j] * inverse[j] * (d[j] - share * (shift_slope[j] + normal * scale_slope[j]))


@kernel
def layer_norm_forward(row, settings, parameters, values, capacity, rows):
    """a = scale · (x − mean) / √(variance + ε) + shift, mean and variance of each row."""
    width, x, out = row[table.INPUTS], row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    scale = parameters[row[table.WEIGHT] : row[table.WEIGHT] + width]
    shift = parameters[row[table.BIAS] : row[table.BIAS] + width]
    kept = values[row[table.SECOND] * capacity : row[table.SECOND] * capacity + 2 * rows]
    share = ONE / np.float32(width)
    for i in range(rows):
        numbers = values[x + i * width : x + (i + 1) * width]
        results = values[out + i * width : out + (i + 1) * width]
        mean, variance = ZERO, ZERO
        for j in range(width):
            mean += numbers[j]
        mean *= share
        for j in range(width):
            variance += (numbers[j] - mean) * (numbers[j] - mean)
        inverse = ONE / sqrt(variance * share + settings[table.EPSILON])
        kept[2 * i], kept[2 * i + 1] = mean, inverse
        for j in range(width):
            results[j] = (numbers[j] - mean) * inverse * scale[j] + shift[j]


@kernel
def layer_norm_backward(row, parameters, gradients, values, deltas, capacity, dx, rows):
    """dx = 1 / deviation · (g − mean of g − x̂ · mean of g·x̂) with g = d · scale, the means over each row."""
    width, x, out = row[table.INPUTS], row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    scale = parameters[row[table.WEIGHT] : row[table.WEIGHT] + width]
    kept = values[row[table.SECOND] * capacity : row[table.SECOND] * capacity + 2 * rows]
    if row[table.TRAINABLE] != 0:
        shift_slope = gradients[row[table.BIAS] : row[table.BIAS] + width]
        scale_slope = gradients[row[table.WEIGHT] : row[table.WEIGHT] + width]
        shift_slope[:] = ZERO
        scale_slope[:] = ZERO
        for i in range(rows):
            numbers = values[x + i * width : x + (i + 1) * width]
            d = deltas[out + i * width : out + (i + 1) * width]
            mean, inverse = kept[2 * i], kept[2 * i + 1]
            for j in range(width):
                shift_slope[j] += d[j]
                scale_slope[j] += d[j] * (numbers[j] - mean) * inverse
    if row[table.PASSES_BACK] == 0:
        return
    share = ONE / np.float32(width)
    for i in range(rows):
        numbers = values[x + i * width : x + (i + 1) * width]
        d = deltas[out + i * width : out + (i + 1) * width]
        result = deltas[dx + i * width : dx + (i + 1) * width]
        mean, inverse = kept[2 * i], kept[2 * i + 1]
        total, mixed = ZERO, ZERO
        for j in range(width):
            total += d[j] * scale[j]
            mixed += d[j] * scale[j] * (numbers[j] - mean) * inverse
        for j in range(width):
            normal = (numbers[j] - mean) * inverse
            result[j] = inverse * (d[j] * scale[j] - share * (total + normal * mixed))


@kernel
def drop(numbers, source, target, count, rate, seed, index):
    """target = source · (0 or 1 / (1 − rate)): values forward and slopes backward alike, as the hash of the place says."""
    x, out = numbers[source : source + count], numbers[target : target + count]
    if rate == ZERO:
        copy_numbers(address(x), address(out), count)
        return
    key, least = drop_key(seed[0], seed[1], index), threshold(rate)
    scale = ONE / (ONE - rate)
    for i in range(count):
        out[i] = where(is_kept(key, i, least), x[i] * scale, ZERO)


@inlined_kernel
def table_row(row, numbers):
    """The whole number in an embedding's column, kept within its table."""
    return min(max(np.int64(numbers[row[table.COLUMN]]), 0), row[table.TABLE_ROWS] - 1)


@kernel
def embedding_forward(row, parameters, values, x, out, rows):
    """Part of each output row = the row of the table that the column's number names."""
    inputs, units = row[table.INPUTS], row[table.UNITS]
    for i in range(rows):
        start = row[table.WEIGHT] + table_row(row, values[x + i * inputs : x + (i + 1) * inputs]) * units
        place = out + i * row[table.ROW_WIDTH] + row[table.FIRST]
        copy_numbers(at(address(parameters), start), at(address(values), place), units)


@kernel
def embedding_backward(row, gradients, values, deltas, x, out, rows):
    """Each slope goes to the table's row that was looked up, where those of all rows of the batch add up."""
    inputs, units = row[table.INPUTS], row[table.UNITS]
    gradients[row[table.WEIGHT] : row[table.WEIGHT] + row[table.TABLE_ROWS] * units] = ZERO
    for i in range(rows):
        start = row[table.WEIGHT] + table_row(row, values[x + i * inputs : x + (i + 1) * inputs]) * units
        place = out + i * row[table.ROW_WIDTH] + row[table.FIRST]
        for j in range(units):
            gradients[start + j] += deltas[place + j]


@kernel
def add_forward(values, first, second, out, count):
    """out = first + second, number by number, from three indices."""
    x, y, total = values[first : first + count], values[second : second + count], values[out : out + count]
    for i in range(count):
        total[i] = x[i] + y[i]


@kernel
def add_backward(deltas, x, dx, second, out, count):
    """The slope goes both ways; twice to ``dx`` where the second input is the first one, ``x``."""
    place = address(deltas)
    copy_numbers(at(place, out), at(place, dx), count)
    if second == x:
        add_forward(deltas, out, dx, dx, count)
    else:
        copy_numbers(at(place, out), at(place, second), count)
