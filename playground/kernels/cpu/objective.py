"""The loss at the end of a Plan: its value, and its slope where backward begins.

Where loss and output activation are a standard pair, training skips the output activation: value and slope come straight
from the logits, where nothing can overflow (C. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3).
"""

from __future__ import annotations

import numpy as np

from playground.catalog.activations import sigmoid
from playground.catalog.elementary import ONE, ZERO, exp, log, maximum
from playground.catalog.losses import CATEGORICAL_CROSS_ENTROPY, LOSSES, binary_cross_entropy_on_logit
from playground.kernels.compiling import dispatch, inlined, kernel, loss_slope, loss_value
from playground.network import table
from playground.network.parameters import PADDING


def _over_values(value):
    def sum_values(a, t, p):
        # Float32 for the terms of one batch, which LLVM adds up in many lanes; float64 from batch to batch.
        total = ZERO
        for i in range(a.size):
            total += value(a[i], t[i], p)
        return total

    return inlined(sum_values)


def _over_slopes(slope):
    def place_slopes(d, a, t, p, scale):
        for i in range(d.size):
            d[i] = slope(a[i], t[i], p) * scale

    return inlined(place_slopes)


_ELEMENTWISE = [record for record in LOSSES.values() if record.value is not None]
_sum_values = dispatch({record.code: _over_values(record.value) for record in _ELEMENTWISE})
_place_slopes = dispatch({record.code: _over_slopes(record.slope) for record in _ELEMENTWISE})


@kernel
def loss_sum(row, setting, values, targets, first, deltas, capacity, rows):
    """Loss summed over rows (and averaged over outputs where the loss says so), from outputs and logits.

    ``targets`` (rows, units) is flat; row i of the batch meets the targets from ``first + i·units`` on. The outputs and
    ``deltas`` are overwritten.
    """
    units = row[table.UNITS]
    count = rows * units
    t = targets[first : first + count]
    total = ZERO
    if row[table.FUSED] == 0:
        start = row[table.INPUT] * capacity
        total = _sum_values(row[table.CODE], values[start : start + count], t, setting)
    elif row[table.CODE] == CATEGORICAL_CROSS_ENTROPY:
        total = _cross_entropy(row, values, t, deltas, capacity, rows, ZERO)
    else:
        z = values[row[table.OUTPUT] * capacity : row[table.OUTPUT] * capacity + count]
        for i in range(count):
            total += binary_cross_entropy_on_logit(z[i], t[i])
    return np.float64(total) if row[table.OVER_ROWS] else np.float64(total) / units


@kernel
def loss_and_slope(row, setting, values, targets, deltas, capacity, rows):
    """`loss_sum` of a batch, and into ``deltas`` the slope of its mean: at the logits where the loss is fused, else outputs."""
    units = row[table.UNITS]
    count = rows * units
    t = targets[:count]
    scale = ONE / np.float32(rows if row[table.OVER_ROWS] else count)
    if row[table.FUSED] != 0 and row[table.CODE] == CATEGORICAL_CROSS_ENTROPY:
        return np.float64(_cross_entropy(row, values, t, deltas, capacity, rows, scale))
    place = row[table.OUTPUT] * capacity if row[table.FUSED] != 0 else row[table.INPUT] * capacity
    a = values[place : place + count]
    d = deltas[place : place + count]
    total = ZERO
    if row[table.FUSED] == 0:
        total = _sum_values(row[table.CODE], a, t, setting)
        _place_slopes(row[table.CODE], d, a, t, setting, scale)
    else:
        for i in range(count):
            total += binary_cross_entropy_on_logit(a[i], t[i])
            d[i] = (sigmoid(a[i], ZERO) - t[i]) * scale
    return np.float64(total) if row[table.OVER_ROWS] else np.float64(total) / units


@kernel
def weighted_loss_and_slope(row, setting, values, targets, weights, deltas, capacity, rows):
    """As `loss_and_slope`, where each target counts by its weight: Σ weight · loss / Σ weight. Returns that times ``rows``."""
    units = row[table.UNITS]
    count = rows * units
    place = row[table.OUTPUT] * capacity if row[table.FUSED] != 0 else row[table.INPUT] * capacity
    a, d = values[place : place + count], deltas[place : place + count]
    everything = ZERO
    for i in range(count):
        everything += weights[i]
    if row[table.OVER_ROWS] != 0:
        everything /= np.float32(units)
    total = ZERO
    if row[table.FUSED] != 0 and row[table.CODE] == CATEGORICAL_CROSS_ENTROPY:
        for i in range(rows):
            start, end = i * units, (i + 1) * units
            total += _weighted_row(a[start:end], targets[start:end], weights[start], d[start:end], everything)
    else:
        for i in range(count):
            share = weights[i] / everything
            if row[table.FUSED] != 0:
                total += weights[i] * binary_cross_entropy_on_logit(a[i], targets[i])
                d[i] = (sigmoid(a[i], ZERO) - targets[i]) * share
            else:
                total += weights[i] * loss_value(row[table.CODE], a[i], targets[i], setting)
                d[i] = loss_slope(row[table.CODE], a[i], targets[i], setting) * share
    return np.float64(total) / np.float64(everything) * rows


@kernel
def _weighted_row(z, t, weight, d, everything):
    """Weight times the cross-entropy of one row of logits, and its slope weight / everything · (softmax(z) · Σt − t)."""
    largest = z[0]
    for j in range(1, z.size):
        largest = maximum(largest, z[j])
    total, mass, dot = ZERO, ZERO, ZERO
    for j in range(z.size):
        d[j] = exp(z[j] - largest)
        total += d[j]
        mass += t[j]
        dot += t[j] * (z[j] - largest)
    for j in range(z.size):
        d[j] = (d[j] * mass / total - t[j]) * weight / everything
    return weight * (mass * log(total) - dot)


@kernel
def _cross_entropy(row, values, t, deltas, capacity, rows, scale):
    """Σ over rows of −Σ t·log softmax(z), and its slope times ``scale`` into ``deltas`` at the logits.

    Exponentials and logarithms run over flat arrays, padding included, so that they fill whole vector registers. Each
    row's sum of exponentials, and of targets, waits in the regions of the outputs, which training doesn't use.
    """
    units = row[table.UNITS]
    logits = row[table.OUTPUT] * capacity
    dot = ZERO
    for i in range(rows):
        z = values[logits + i * units : logits + (i + 1) * units]
        d = deltas[logits + i * units : logits + (i + 1) * units]
        goal = t[i * units : (i + 1) * units]
        largest = z[0]
        for j in range(1, units):
            largest = maximum(largest, z[j])
        for j in range(units):
            d[j] = z[j] - largest
            dot += goal[j] * d[j]
    flat = deltas[logits : logits + -(-rows * units // PADDING) * PADDING]
    for i in range(flat.size):
        flat[i] = exp(flat[i])
    totals = values[row[table.INPUT] * capacity : row[table.INPUT] * capacity + rows]
    masses = deltas[row[table.INPUT] * capacity : row[table.INPUT] * capacity + rows]
    for i in range(rows):
        d = deltas[logits + i * units : logits + (i + 1) * units]
        goal = t[i * units : (i + 1) * units]
        total = ZERO
        # 1 for a single label; with several labels a row counts once per label.
        mass = ZERO
        for j in range(units):
            total += d[j]
            mass += goal[j]
        factor = mass * scale / total
        for j in range(units):
            d[j] = d[j] * factor - goal[j] * scale
        totals[i], masses[i] = total, mass
    loss = -dot
    for i in range(rows):
        loss += masses[i] * log(totals[i])
    return loss
