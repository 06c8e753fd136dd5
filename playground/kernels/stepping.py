"""What surrounds the arithmetic of a training step: rows gathered into a batch, and parameters moved by the optimizer.

Both work by address and on a range, so that a team can share them.
"""

from __future__ import annotations

import numpy as np

from playground.catalog.elementary import ONE, ZERO, where
from playground.catalog.optimizers import update
from playground.kernels.compiling import kernel
from playground.kernels.simd.memory import FLOAT_BYTES, floats_at, integers_at
from playground.kernels.state import C1, C2, H1, H2, H3, HYPER_SIZE, L1, L2, RATE
from playground.network.plan import BLOCK_DECAYS, BLOCK_OFFSET, BLOCK_SIZE


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


@kernel
def correction(decay, steps):
    """1 / (1 − decayᵗ): undoes the pull toward zero of a running mean that started at zero."""
    return np.float32(1.0 / (1.0 - np.float64(decay) ** steps)) if decay > ZERO else ONE


@kernel
def sign(w):
    """−1, 0 or 1."""
    return where(w > ZERO, ONE, where(w < ZERO, -ONE, ZERO))


@kernel
def add_penalties(blocks, parameters, gradients, hyper):
    """Add the slopes of L1 and L2 to the gradients; they act on weights, not on biases."""
    if hyper[L1] == ZERO and hyper[L2] == ZERO:
        return
    for index in range(blocks.shape[0]):
        if blocks[index, BLOCK_DECAYS] != 0:
            start = blocks[index, BLOCK_OFFSET]
            end = start + blocks[index, BLOCK_SIZE]
            w, g = parameters[start:end], gradients[start:end]
            for i in range(w.size):
                g[i] += hyper[L1] * sign(w[i]) + hyper[L2] * w[i]


@kernel
def update_range(parameters, gradients, first_moment, second_moment, start, end, optimizer, hyper):
    """One optimizer step for the parameters from ``start`` to ``end``; all by address, 0 for a memory that isn't used.

    The padding between parameter blocks takes part: its gradients and so its steps are zero.
    """
    count = end - start
    offset = FLOAT_BYTES * start
    w = floats_at(parameters + offset, count)
    g = floats_at(gradients + offset, count)
    numbers = floats_at(hyper, HYPER_SIZE)
    rate, h1, h2, h3, c1, c2 = numbers[RATE], numbers[H1], numbers[H2], numbers[H3], numbers[C1], numbers[C2]
    if second_moment != 0:
        m = floats_at(first_moment + offset, count)
        s = floats_at(second_moment + offset, count)
        for i in range(count):
            w[i], m[i], s[i] = update(optimizer, w[i], g[i], m[i], s[i], rate, h1, h2, h3, c1, c2)
    elif first_moment != 0:
        m = floats_at(first_moment + offset, count)
        for i in range(count):
            w[i], m[i], _ = update(optimizer, w[i], g[i], m[i], ZERO, rate, h1, h2, h3, c1, c2)
    else:
        for i in range(count):
            w[i], _, _ = update(optimizer, w[i], g[i], ZERO, ZERO, rate, h1, h2, h3, c1, c2)
