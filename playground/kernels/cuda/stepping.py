"""What surrounds the arithmetic of a training step on the GPU: rows gathered into a batch, gradients limited, weights moved."""

from __future__ import annotations

import numpy as np

from playground.catalog.elementary import INFINITY, ONE, ZERO, maximum, minimum, sqrt
from playground.catalog.optimizers import OPTIMIZERS
from playground.kernels.compiling import dispatch
from playground.kernels.cuda.primitives import quotient
from playground.kernels.cuda.team import barrier, first_of, start_sum, step_of, whole_sum
from playground.kernels.rates import CLIP_EPSILON, sign
from playground.kernels.state import CLIP_NORM, CLIP_VALUE, DECAY, HYPER_1, HYPER_2, HYPER_3, L1, L2
from playground.network import table

# 2⁻³⁰.
SMALL_SHARE = np.float32(9.313225746154785e-10)

# Compiled as it is written: a running mean must add up in the order of its formula.
optimizer_step = dispatch({record.code: record.update for record in OPTIMIZERS.values()}, as_written=True)


def gather(team, source, order, first, rows, width, target):
    """Copy the rows that ``order[first:first + rows]`` names, one after the other, to the start of an array."""
    for index in range(first_of(team), rows * width, step_of(team)):
        i = quotient(index, width)
        target[index] = source[order[first + i] * width + index - i * width]


def is_no_number(x):
    """Whether a number is infinite or none at all: 0 · x is 0 for all others."""
    return x * ZERO != ZERO


def limit_gradients(team, network, hyper):
    """Cut slopes that are too large, then shorten the whole gradient if it is too long.

    Returns
    -------
    broken
        Whether this thread has seen a slope that is no number, which cutting would hide.
    """
    gradients, broken = network.gradients, False
    if hyper[CLIP_VALUE] != ZERO:
        limit = hyper[CLIP_VALUE]
        for i in range(first_of(team), gradients.size, step_of(team)):
            broken = broken or is_no_number(gradients[i])
            gradients[i] = minimum(maximum(gradients[i], -limit), limit)
    if hyper[CLIP_NORM] != ZERO:
        if hyper[CLIP_VALUE] != ZERO:
            barrier(team)
        factor = shortening(team, gradients, hyper[CLIP_NORM])
        if factor < ONE:
            for i in range(first_of(team), gradients.size, step_of(team)):
                gradients[i] *= factor
    return broken


def shortening(team, gradients, longest):
    """What the gradient is multiplied with so that it is no longer than ``longest``, the same in every thread.

    Where the sum of squares is beyond float32, it is taken again of shares.
    """
    part, largest = ZERO, ZERO
    for i in range(first_of(team), gradients.size, step_of(team)):
        part += gradients[i] * gradients[i]
        largest = maximum(largest, abs(gradients[i]))
    start_sum(team, part)
    barrier(team)
    squares = whole_sum(team)
    barrier(team)
    factor = longest / (sqrt(squares) + CLIP_EPSILON)
    if not squares < INFINITY:
        # Of the threads' largest slopes, small enough to be added up: neither a share nor its square is beyond float32.
        start_sum(team, largest * SMALL_SHARE)
        barrier(team)
        scale = whole_sum(team)
        barrier(team)
        part = ZERO
        for i in range(first_of(team), gradients.size, step_of(team)):
            part += (gradients[i] / scale) * (gradients[i] / scale)
        start_sum(team, part)
        barrier(team)
        squares = whole_sum(team)
        barrier(team)
        # The length itself may be beyond float32.
        factor = longest / scale / sqrt(squares)
    # One for a gradient that is no number any more: the update finds it.
    return factor if factor < ONE else ONE


def add_penalties(team, network, hyper, rate):
    """Shrink weights by the decay, and add the slopes of L1 and L2 to the gradients; all act on weights, not on biases."""
    if hyper[L1] != ZERO or hyper[L2] != ZERO or hyper[DECAY] != ZERO:
        # Clipping shares the gradient out otherwise.
        barrier(team)
        left = ONE - rate * hyper[DECAY]
        for index in range(network.spans.shape[0]):
            if network.spans[index, table.SPAN_DECAYS] != 0:
                start = network.spans[index, table.SPAN_OFFSET]
                for i in range(start + first_of(team), start + network.spans[index, table.SPAN_SIZE], step_of(team)):
                    w = network.parameters[i] * left
                    network.parameters[i] = w
                    network.gradients[i] += hyper[L1] * sign(w) + hyper[L2] * w
        barrier(team)


def update(team, network, first_moment, second_moment, optimizer, hyper, rate, c1, c2):
    """One optimizer step of every parameter; a memory that isn't used has no numbers.

    Returns
    -------
    broken
        Whether this thread has seen a gradient that is no number; that parameter stays.
    """
    parameters, gradients, broken = network.parameters, network.gradients, False
    h1, h2, h3 = hyper[HYPER_1], hyper[HYPER_2], hyper[HYPER_3]
    for i in range(first_of(team), gradients.size, step_of(team)):
        g = gradients[i]
        if is_no_number(g):
            broken = True
        else:
            m = first_moment[i] if first_moment.size > 0 else ZERO
            s = second_moment[i] if second_moment.size > 0 else ZERO
            w, m, s = optimizer_step(optimizer, parameters[i], g, m, s, rate, h1, h2, h3, c1, c2)
            parameters[i] = w
            if first_moment.size > 0:
                first_moment[i] = m
            if second_moment.size > 0:
                second_moment[i] = s
    return broken
