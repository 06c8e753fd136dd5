"""Forward and backward of each instruction of a Plan on the GPU, side by side, but for images (``windows.py``).

This is ``cpu/layers.py`` once more in the GPU's terms, on purpose and under the same names; a change here is one there.
Numbers lie as they do there, but each function lets the threads of its team share the outputs. Where one needs what another
thread computes, a barrier stands between; after the last one, whoever calls sets a barrier.
"""

from __future__ import annotations

import numpy as np

from playground.catalog.activations import IDENTITY
from playground.catalog.elementary import ONE, ZERO, exp, maximum, sqrt, where
from playground.kernels.compiling import SLOPES, dispatch
from playground.kernels.cuda.primitives import quotient
from playground.kernels.cuda.products import Epilogue, activation_value, finish_product, start_product, way_of
from playground.kernels.cuda.team import barrier, block_sum, first_of, step_of
from playground.kernels.cuda.tiles import matrix
from playground.kernels.dropping import drop_key, is_kept
from playground.kernels.purposes import PREDICT, TRAIN
from playground.network import table
from playground.network.parameters import PADDING

# From so many rows on, a column is summed by a whole block instead of a thread.
LONG_COLUMN = 512
_2_TO_32 = np.float32(4294967296.0)

activation_slope = dispatch(SLOPES)


def activate(team, values, x, out, count, code, setting):
    """a = activation(z), number by number."""
    for i in range(first_of(team), count, step_of(team)):
        values[out + i] = activation_value(code, values[x + i], setting)


def scale_by_slope(team, deltas, start, into, values, sums, results, count, code, setting):
    """dz = da · slope of the activation; ``sums`` and ``results`` say where its z and a lie."""
    for i in range(first_of(team), count, step_of(team)):
        slope = activation_slope(code, values[sums + i], values[results + i], setting)
        deltas[into + i] = deltas[start + i] * slope


def affine_forward(team, row, setting, parameters, values, x, out, rows, sums):
    """a (rows, units) = activation(x (rows, inputs) · W (inputs, units) + b (units,)), from one index to another."""
    inputs, units = row[table.INPUTS], row[table.UNITS]
    a, b = matrix(values, x, inputs, 1), matrix(parameters, row[table.WEIGHT], 1, units)
    c = matrix(values, out, units, 1)
    epilogue = Epilogue(parameters, np.int64(row[table.BIAS]), np.int64(row[table.CODE]), setting)
    way = way_of(team, rows, units, inputs, sums.size)
    parts = matrix(sums, 0, 0, 0)
    start_product(team, way, 0, a, b, c, rows, units, inputs, (True, False), epilogue, parts)
    if way.parts > 1:
        barrier(team)
        finish_product(team, way, c, rows, units, epilogue, parts)


def affine_backward(team, row, setting, parameters, gradients, values, deltas, x, dx, out, rows, sums):
    """dW (inputs, units) = xᵀ·dz, db (units,) = Σ rows of dz, dx (rows, inputs) = dz·Wᵀ, with dz = da · slope."""
    inputs, units = row[table.INPUTS], row[table.UNITS]
    if row[table.CODE] != IDENTITY:
        scale_by_slope(team, deltas, out, out, values, out, out, rows * units, row[table.CODE], setting)
        barrier(team)
    nothing = Epilogue(parameters, np.int64(-1), np.int64(IDENTITY), setting)
    half = sums.size // 2
    way, turn = way_of(team, inputs, units, rows, half), 0
    c, parts = matrix(gradients, row[table.WEIGHT], units, 1), matrix(sums, 0, 0, 0)
    if row[table.TRAINABLE] != 0:
        a, b = matrix(values, x, 1, inputs), matrix(deltas, out, 1, units)
        turn = start_product(team, way, turn, a, b, c, inputs, units, rows, (False, False), nothing, parts)
        sum_columns(team, deltas, out, gradients, row[table.BIAS], rows, units)
    back_way = way_of(team, rows, inputs, units, half)
    back_c, back_parts = matrix(deltas, dx, inputs, 1), matrix(sums, half, 0, 0)
    if row[table.PASSES_BACK] != 0:
        a, b = matrix(deltas, out, units, 1), matrix(parameters, row[table.WEIGHT], units, 1)
        start_product(team, back_way, turn, a, b, back_c, rows, inputs, units, (True, True), nothing, back_parts)
    if way.parts > 1 or back_way.parts > 1:
        barrier(team)
        if row[table.TRAINABLE] != 0:
            finish_product(team, way, c, inputs, units, nothing, parts)
        if row[table.PASSES_BACK] != 0:
            finish_product(team, back_way, back_c, rows, inputs, nothing, back_parts)


def sum_columns(team, numbers, start, totals, first, rows, columns):
    """totals[first + column] = Σ over rows of (rows, columns) numbers."""
    if rows < LONG_COLUMN:
        # From the last thread on: the first ones are busy with a product.
        for j in range(step_of(team) - 1 - first_of(team), columns, step_of(team)):
            total = ZERO
            for i in range(rows):
                total += numbers[start + i * columns + j]
            totals[first + j] = total
    else:
        for j in range(team.block, columns, team.blocks):
            total = ZERO
            for i in range(team.thread, rows, team.threads):
                total += numbers[start + i * columns + j]
            total = block_sum(team, total)
            if team.thread == 0:
                totals[first + j] = total


def softmax_forward(team, row, values, capacity, rows):
    """Each row of ``units`` logits becomes probabilities; its largest logit is taken out first."""
    units = row[table.UNITS]
    for i in range(first_of(team), rows, step_of(team)):
        z, a = row[table.INPUT] * capacity + i * units, row[table.OUTPUT] * capacity + i * units
        largest = values[z]
        for j in range(1, units):
            largest = maximum(largest, values[z + j])
        total = ZERO
        for j in range(units):
            share = exp(values[z + j] - largest)
            values[a + j] = share
            total += share
        for j in range(units):
            values[a + j] /= total


def softmax_backward(team, row, values, deltas, capacity, rows):
    """dz = a · (da − Σ da·a): softmax mixes the whole row."""
    units = row[table.UNITS]
    for i in range(first_of(team), rows, step_of(team)):
        dz, a = row[table.INPUT] * capacity + i * units, row[table.OUTPUT] * capacity + i * units
        mixed = ZERO
        for j in range(units):
            mixed += deltas[a + j] * values[a + j]
        for j in range(units):
            deltas[dz + j] = values[a + j] * (deltas[a + j] - mixed)


def batch_norm_forward(team, row, settings, parameters, values, capacity, rows, purpose):
    """a = scale · (x − mean) / √(variance + ε) + shift; mean and variance of the batch, or running ones when predicting.

    A frozen one always uses the running statistics. A block measures a feature.
    """
    features, kept = row[table.UNITS], row[table.SECOND] * capacity
    x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    count = quotient(rows * row[table.INPUTS], features)
    running_mean = row[table.STATISTICS]
    running_variance = running_mean + quotient(features + PADDING - 1, PADDING) * PADDING
    of_batch = purpose != PREDICT and row[table.TRAINABLE] != 0
    share = ONE / np.float32(count)
    for j in range(team.block, features, team.blocks):
        mean, variance = parameters[running_mean + j], parameters[running_variance + j]
        if of_batch:
            total = ZERO
            for i in range(team.thread, count, team.threads):
                total += values[x + i * features + j]
            mean = block_sum(team, total) * share
            total = ZERO
            for i in range(team.thread, count, team.threads):
                total += (values[x + i * features + j] - mean) * (values[x + i * features + j] - mean)
            variance = block_sum(team, total) * share
        if team.thread == 0:
            # A single value has no variance to remember.
            if of_batch and purpose == TRAIN and count > 1:
                momentum = settings[table.MOMENTUM]
                # Running variances are unbiased, as in torch.
                unbiased = np.float32(count) / np.float32(count - 1)
                parameters[running_mean + j] += momentum * (mean - parameters[running_mean + j])
                parameters[running_variance + j] += momentum * (variance * unbiased - parameters[running_variance + j])
            values[kept + j] = mean
            values[kept + features + j] = ONE / sqrt(variance + settings[table.EPSILON])
    barrier(team)
    for i in range(first_of(team), count * features, step_of(team)):
        j = i - quotient(i, features) * features
        normal = (values[x + i] - values[kept + j]) * values[kept + features + j]
        values[out + i] = normal * parameters[row[table.WEIGHT] + j] + parameters[row[table.BIAS] + j]


def batch_norm_backward(team, row, parameters, gradients, values, deltas, capacity, dx, rows):
    """dx = scale / deviation · (d − mean of d − x̂ · mean of d·x̂); means of a frozen one don't depend on x."""
    features, kept = row[table.UNITS], row[table.SECOND] * capacity
    x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    count = quotient(rows * row[table.INPUTS], features)
    share = ZERO
    if row[table.TRAINABLE] != 0:
        share = ONE / np.float32(count)
        for j in range(team.block, features, team.blocks):
            mean, inverse = values[kept + j], values[kept + features + j]
            shift, scale = ZERO, ZERO
            for i in range(team.thread, count, team.threads):
                d = deltas[out + i * features + j]
                shift += d
                scale += d * (values[x + i * features + j] - mean) * inverse
            shift = block_sum(team, shift)
            scale = block_sum(team, scale)
            if team.thread == 0:
                gradients[row[table.BIAS] + j], gradients[row[table.WEIGHT] + j] = shift, scale
        barrier(team)
    if row[table.PASSES_BACK] != 0:
        for i in range(first_of(team), count * features, step_of(team)):
            j = i - quotient(i, features) * features
            inverse = values[kept + features + j]
            normal = (values[x + i] - values[kept + j]) * inverse
            shift, scale = ZERO, ZERO
            if row[table.TRAINABLE] != 0:
                shift, scale = gradients[row[table.BIAS] + j], gradients[row[table.WEIGHT] + j]
            slope = deltas[out + i] - share * (shift + normal * scale)
            deltas[dx + i] = parameters[row[table.WEIGHT] + j] * inverse * slope


def layer_norm_forward(team, row, settings, parameters, values, capacity, rows):
    """a = scale · (x − mean) / √(variance + ε) + shift, mean and variance of each row, which a block measures."""
    width, kept = row[table.INPUTS], row[table.SECOND] * capacity
    x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    share = ONE / np.float32(width)
    for i in range(team.block, rows, team.blocks):
        total = ZERO
        for j in range(team.thread, width, team.threads):
            total += values[x + i * width + j]
        mean = block_sum(team, total) * share
        total = ZERO
        for j in range(team.thread, width, team.threads):
            total += (values[x + i * width + j] - mean) * (values[x + i * width + j] - mean)
        inverse = ONE / sqrt(block_sum(team, total) * share + settings[table.EPSILON])
        if team.thread == 0:
            values[kept + 2 * i], values[kept + 2 * i + 1] = mean, inverse
        for j in range(team.thread, width, team.threads):
            normal = (values[x + i * width + j] - mean) * inverse
            values[out + i * width + j] = normal * parameters[row[table.WEIGHT] + j] + parameters[row[table.BIAS] + j]


def layer_norm_backward(team, row, parameters, gradients, values, deltas, capacity, dx, rows):
    """dx = 1 / deviation · (g − mean of g − x̂ · mean of g·x̂) with g = d · scale, the means over each row."""
    width, kept = row[table.INPUTS], row[table.SECOND] * capacity
    x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
    if row[table.TRAINABLE] != 0:
        for j in range(first_of(team), width, step_of(team)):
            shift, scale = ZERO, ZERO
            for i in range(rows):
                d = deltas[out + i * width + j]
                shift += d
                scale += d * (values[x + i * width + j] - values[kept + 2 * i]) * values[kept + 2 * i + 1]
            gradients[row[table.BIAS] + j], gradients[row[table.WEIGHT] + j] = shift, scale
    if row[table.PASSES_BACK] != 0:
        share = ONE / np.float32(width)
        for i in range(team.block, rows, team.blocks):
            mean, inverse = values[kept + 2 * i], values[kept + 2 * i + 1]
            total, mixed = ZERO, ZERO
            for j in range(team.thread, width, team.threads):
                g = deltas[out + i * width + j] * parameters[row[table.WEIGHT] + j]
                total += g
                mixed += g * (values[x + i * width + j] - mean) * inverse
            total = block_sum(team, total)
            mixed = block_sum(team, mixed)
            for j in range(team.thread, width, team.threads):
                g = deltas[out + i * width + j] * parameters[row[table.WEIGHT] + j]
                normal = (values[x + i * width + j] - mean) * inverse
                deltas[dx + i * width + j] = inverse * (g - share * (total + normal * mixed))


def drop(team, numbers, source, target, count, rate, seed, index):
    """target = source · (0 or 1 / (1 − rate)): values forward and slopes backward alike, as the hash of the place says."""
    key = drop_key(seed[0], seed[1], index)
    # A share of 2³² with float32's 24 digits: the product is exact.
    least = np.int64(rate * _2_TO_32)
    scale = ONE / (ONE - rate)
    for i in range(first_of(team), count, step_of(team)):
        number = numbers[source + i]
        if rate > ZERO:
            number = where(is_kept(key, i, least), number * scale, ZERO)
        numbers[target + i] = number


def table_row(row, number):
    """The whole number in an embedding's column, kept within its table."""
    return min(max(np.int64(number), 0), row[table.TABLE_ROWS] - 1)


def embedding_forward(team, row, parameters, values, x, out, rows):
    """Part of each output row = the row of the table that the column's number names."""
    inputs, units = row[table.INPUTS], row[table.UNITS]
    for index in range(first_of(team), rows * units, step_of(team)):
        i = quotient(index, units)
        j = index - i * units
        entry = table_row(row, values[x + i * inputs + row[table.COLUMN]])
        values[out + i * row[table.ROW_WIDTH] + row[table.FIRST] + j] = parameters[row[table.WEIGHT] + entry * units + j]


def embedding_backward(team, row, gradients, values, deltas, x, out, rows):
    """Each number of the table collects its slopes from all rows of the batch that looked it up."""
    inputs, units = row[table.INPUTS], row[table.UNITS]
    for index in range(first_of(team), row[table.TABLE_ROWS] * units, step_of(team)):
        entry = quotient(index, units)
        j = index - entry * units
        total = ZERO
        for i in range(rows):
            if table_row(row, values[x + i * inputs + row[table.COLUMN]]) == entry:
                total += deltas[out + i * row[table.ROW_WIDTH] + row[table.FIRST] + j]
        gradients[row[table.WEIGHT] + index] = total


def add_forward(team, numbers, first, second, out, count):
    """out = first + second, number by number, from three indices."""
    for i in range(first_of(team), count, step_of(team)):
        numbers[out + i] = numbers[first + i] + numbers[second + i]


def add_backward(team, deltas, x, dx, second, out, count):
    """The slope goes both ways; twice to ``dx`` where the second input is the first one, ``x``."""
    for i in range(first_of(team), count, step_of(team)):
        slope = deltas[out + i]
        if second == x:
            deltas[dx + i] = slope + slope
        else:
            deltas[dx + i], deltas[second + i] = slope, slope
