"""What surrounds the arithmetic of a training step: rows gathered into a batch, and parameters moved by the optimizer.

Gathering and updating work by address and on a range, so that a team can share them.
"""

from __future__ import annotations

import numpy as np

from playground.catalog.elementary import INFINITY, ONE, ZERO, maximum, minimum
from playground.catalog.optimizers import OPTIMIZERS
from playground.kernels.compiling import dispatch, inlined, inlined_kernel, kernel
from playground.kernels.rates import CLIP_EPSILON, sign
from playground.kernels.simd.memory import FLOAT_BYTES, floats_at, integers_at
from playground.kernels.state import (
    BROKEN,
    CLIP_NORM,
    CLIP_VALUE,
    CORRECTION_1,
    CORRECTION_2,
    DECAY,
    HYPER_1,
    HYPER_2,
    HYPER_3,
    HYPER_SIZE,
    L1,
    L2,
    RATE,
)
from playground.network import table

# Parameters that are checked and then updated while they lie in the first-level cache.
CHECKED_AT_ONCE = 2048


@kernel
def copy_numbers(source, target, count):
    """Copy float32 numbers from one address to another."""
    numbers, copies = floats_at(source, count), floats_at(target, count)
    for i in range(count):
        copies[i] = numbers[i]


@kernel
def gather(source, order, first, rows, width, target):
    """Copy the rows that ``order[first:first + rows]`` names (int64), one after the other, to an address."""
    chosen = integers_at(order, first + rows)
    for i in range(rows):
        copy_numbers(source + FLOAT_BYTES * width * chosen[first + i], target + FLOAT_BYTES * width * i, width)


@inlined_kernel
def all_finite(numbers):
    """Whether no number is infinite or none at all: 0 · x is 0 for all others."""
    total = ZERO
    for i in range(numbers.size):
        total += numbers[i] * ZERO
    return total == ZERO


@kernel
def clip_factor(gradients, squares, longest):
    """What a gradient is multiplied with so that it is no longer than ``longest``; ``squares`` is the sum of its squares.

    Where that sum is beyond float32, it is taken again in float64.
    """
    # Most gradients are short enough: no root and no division for them.
    if squares < (longest - CLIP_EPSILON) * (longest - CLIP_EPSILON) and longest > CLIP_EPSILON:
        return ONE
    total = np.float64(squares)
    if not squares < INFINITY:
        total = np.float64(0.0)
        for i in range(gradients.size):
            total += np.float64(gradients[i]) * np.float64(gradients[i])
    factor = np.float64(longest) / (np.sqrt(total) + np.float64(CLIP_EPSILON))
    return np.float32(factor) if factor < 1.0 else ONE


@kernel
def clip_gradients(gradients, hyper):
    """Cut slopes that are too large, then shorten the whole gradient if it is too long."""
    if hyper[CLIP_VALUE] != ZERO:
        # Cutting would make a number of what is infinite.
        if not all_finite(gradients):
            hyper[BROKEN] = ONE
            return
        for i in range(gradients.size):
            gradients[i] = minimum(maximum(gradients[i], -hyper[CLIP_VALUE]), hyper[CLIP_VALUE])
    if hyper[CLIP_NORM] != ZERO:
        squares = ZERO
        for i in range(gradients.size):
            squares += gradients[i] * gradients[i]
        # One for a gradient that is no number any more: the update finds it.
        factor = clip_factor(gradients, squares, hyper[CLIP_NORM])
        if factor < ONE:
            for i in range(gradients.size):
                gradients[i] *= factor


@kernel
def add_penalties(spans, parameters, gradients, hyper):
    """Shrink weights by the decay, and add the slopes of L1 and L2 to the gradients; all act on weights, not on biases."""
    if hyper[L1] == ZERO and hyper[L2] == ZERO and hyper[DECAY] == ZERO:
        return
    left = ONE - hyper[RATE] * hyper[DECAY]
    for index in range(spans.shape[0]):
        if spans[index, table.SPAN_DECAYS] != 0:
            start = spans[index, table.SPAN_OFFSET]
            end = start + spans[index, table.SPAN_SIZE]
            w, g = parameters[start:end], gradients[start:end]
            for i in range(w.size):
                w[i] *= left
                g[i] += hyper[L1] * sign(w[i]) + hyper[L2] * w[i]


def _over_numbers(record):
    """The loop of one optimizer; a memory that it doesn't use is never touched."""
    step = record.update
    if record.slots == 2:

        def update_numbers(w, g, m, s, rate, h1, h2, h3, c1, c2):
            for i in range(w.size):
                w[i], m[i], s[i] = step(w[i], g[i], m[i], s[i], rate, h1, h2, h3, c1, c2)
    elif record.slots == 1:

        def update_numbers(w, g, m, s, rate, h1, h2, h3, c1, c2):
            for i in range(w.size):
                w[i], m[i], _ = step(w[i], g[i], m[i], ZERO, rate, h1, h2, h3, c1, c2)
    else:

        def update_numbers(w, g, m, s, rate, h1, h2, h3, c1, c2):
            for i in range(w.size):
                w[i], _, _ = step(w[i], g[i], ZERO, ZERO, rate, h1, h2, h3, c1, c2)

    return inlined(update_numbers, as_written=True)


_update_numbers = dispatch({record.code: _over_numbers(record) for record in OPTIMIZERS.values()}, as_written=True)


@kernel
def update_range(parameters, gradients, first_moment, second_moment, start, end, optimizer, hyper):
    """One optimizer step for the parameters from ``start`` to ``end``; all by address, 0 for a memory that isn't used.

    The padding between parameters takes part: its gradients and so its steps are zero. A gradient that isn't finite
    ends it with a mark in ``hyper``.
    """
    numbers = floats_at(hyper, HYPER_SIZE)
    rate, c1, c2 = numbers[RATE], numbers[CORRECTION_1], numbers[CORRECTION_2]
    h1, h2, h3 = numbers[HYPER_1], numbers[HYPER_2], numbers[HYPER_3]
    for first in range(start, end, CHECKED_AT_ONCE):
        count = min(CHECKED_AT_ONCE, end - first)
        offset = FLOAT_BYTES * first
        w = floats_at(parameters + offset, count)
        g = floats_at(gradients + offset, count)
        if not all_finite(g):
            numbers[BROKEN] = ONE
            return
        m = floats_at(first_moment + offset, count)
        s = floats_at(second_moment + offset, count)
        _update_numbers(optimizer, w, g, m, s, rate, h1, h2, h3, c1, c2)
