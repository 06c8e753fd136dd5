"""The loss at the end of a Plan: its value, and its slope where backward begins.

Where loss and output activation are a standard pair, training skips the output activation: value and slope come straight
from the logits, where nothing can overflow (C. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3).
"""

from __future__ import annotations

import numpy as np

from playground.catalog.activations import SIGMOID, activate
from playground.catalog.elementary import ONE, ZERO, exp, log, maximum
from playground.catalog.losses import CATEGORICAL_CROSS_ENTROPY, binary_cross_entropy_on_logit, loss_slope, loss_value
from playground.kernels.compiling import kernel
from playground.network.parameters import PADDING
from playground.network.plan import CODE, FUSED, INPUT, OUTPUT, OVER_ROWS, UNITS


@kernel
def loss_sum(row, values, targets, first, deltas, capacity, rows):
    """Loss summed over rows (and averaged over outputs where the loss says so), from outputs and logits.

    ``targets`` (rows, units) is flat; row i of the batch meets the targets from ``first + i·units`` on. The outputs and
    ``deltas`` are overwritten.
    """
    units = row[UNITS]
    count = rows * units
    t = targets[first : first + count]
    # Float32 for the terms of one batch, which LLVM adds up in many lanes; float64 from batch to batch.
    total = ZERO
    if row[FUSED] == 0:
        a = values[row[INPUT] * capacity : row[INPUT] * capacity + count]
        for i in range(count):
            total += loss_value(row[CODE], a[i], t[i])
    elif row[CODE] == CATEGORICAL_CROSS_ENTROPY:
        total = _cross_entropy(row, values, t, deltas, capacity, rows, ZERO)
    else:
        z = values[row[OUTPUT] * capacity : row[OUTPUT] * capacity + count]
        for i in range(count):
            total += binary_cross_entropy_on_logit(z[i], t[i])
    return np.float64(total) if row[OVER_ROWS] else np.float64(total) / units


@kernel
def loss_and_slope(row, values, targets, deltas, capacity, rows):
    """`loss_sum` of a batch, and into ``deltas`` the slope of its mean: at the logits where the loss is fused, else outputs."""
    units = row[UNITS]
    count = rows * units
    t = targets[:count]
    scale = ONE / np.float32(rows if row[OVER_ROWS] else count)
    if row[FUSED] != 0 and row[CODE] == CATEGORICAL_CROSS_ENTROPY:
        return np.float64(_cross_entropy(row, values, t, deltas, capacity, rows, scale))
    place = row[OUTPUT] * capacity if row[FUSED] != 0 else row[INPUT] * capacity
    a = values[place : place + count]
    d = deltas[place : place + count]
    total = ZERO
    if row[FUSED] == 0:
        for i in range(count):
            total += loss_value(row[CODE], a[i], t[i])
            d[i] = loss_slope(row[CODE], a[i], t[i]) * scale
    else:
        for i in range(count):
            total += binary_cross_entropy_on_logit(a[i], t[i])
            d[i] = (activate(SIGMOID, a[i], ZERO) - t[i]) * scale
    return np.float64(total) if row[OVER_ROWS] else np.float64(total) / units


@kernel
def _cross_entropy(row, values, t, deltas, capacity, rows, scale):
    """Σ over rows of −Σ t·log softmax(z), and its slope times ``scale`` into ``deltas`` at the logits.

    Exponentials and logarithms run over flat arrays, padding included, so that they fill whole vector registers. Each
    row's sum of exponentials, and of targets, waits in the regions of the outputs, which training doesn't use.
    """
    units = row[UNITS]
    logits = row[OUTPUT] * capacity
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
    totals = values[row[INPUT] * capacity : row[INPUT] * capacity + rows]
    masses = deltas[row[INPUT] * capacity : row[INPUT] * capacity + rows]
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
