"""Matrix tiles on the GPU: a block computes a square of the product, 16 × 16 threads with 4 × 4 or 8 × 8 numbers each.

The numbers of a thread stay in registers. Per slab of the inner dimension the block copies a strip of A and one of B into
shared memory, where each number is used 64 or 128 times; while it multiplies with one pair of strips, the next is already
on its way from global memory. This is the classic scheme of V. Volkov, J. Demmel: Benchmarking GPUs to Tune Dense Linear
Algebra, 2008.

A matrix is an array, the index of its first number, and two strides: from row to row and from column to column. So A·B,
Aᵀ·B and A·Bᵀ are one code; what differs is the direction in which four numbers lie side by side.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from playground.catalog.elementary import ZERO
from playground.kernels.cuda.primitives import load4, quotient, store4
from playground.kernels.cuda.target import load

cuda = load()

# Threads along each side of a tile.
SIDE = 16
# Of the large tile, 128 × 128 with slabs of 8, and of the small one, 64 × 64 with slabs of 16: 1,024 numbers a strip, four a
# thread.
LARGE, LARGE_DEPTH = 128, 8
SMALL, SMALL_DEPTH = 64, 16
HALF = LARGE // 2
# Steps into the depth that are written out, so that the loop around them costs little.
AT_ONCE = 4
# Numbers that a row of a strip is longer than it must be: neighbors then lie in different banks of the memory.
GAP = 4
# float32 numbers that a tile's product needs in shared memory: two pairs of strips.
SHARED = 4 * SMALL_DEPTH * (SMALL + GAP)
assert SHARED >= 4 * LARGE_DEPTH * (LARGE + GAP)


class Matrix(NamedTuple):
    """A matrix in a flat array: where it starts, and how far it is to the next row and to the next column."""

    array: Any
    start: Any
    row: Any
    column: Any


def matrix(array, start, row, column):
    """A `Matrix`, its places of one type, whatever they were computed from."""
    return Matrix(array, np.int64(start), np.int64(row), np.int64(column))


def no_numbers():
    """Four rows of four zeros."""
    row = (ZERO, ZERO, ZERO, ZERO)
    return row, row, row, row


def plus_multiple(row, factor, numbers):
    """A row of four plus a multiple of another one."""
    return (
        row[0] + factor * numbers[0],
        row[1] + factor * numbers[1],
        row[2] + factor * numbers[2],
        row[3] + factor * numbers[3],
    )


def plus_outer(quad, a, b):
    """Four rows of four plus the outer product of four numbers and four numbers: 16 multiplications for 8 numbers read."""
    return (
        plus_multiple(quad[0], a[0], b),
        plus_multiple(quad[1], a[1], b),
        plus_multiple(quad[2], a[2], b),
        plus_multiple(quad[3], a[3], b),
    )


def plus_four_quads(quads, shared, from_row, from_column):
    """8 × 8 numbers, as four quads HALF a tile apart, plus an outer product: 64 multiplications for 16 numbers read."""
    upper, lower = load4(shared, from_row), load4(shared, from_row + HALF)
    left, right = load4(shared, from_column), load4(shared, from_column + HALF)
    return (
        plus_outer(quads[0], upper, left),
        plus_outer(quads[1], upper, right),
        plus_outer(quads[2], lower, left),
        plus_outer(quads[3], lower, right),
    )


def fetch(source, along_depth, first, limit, depth, depth_limit, size, slab, thread):
    """This thread's four numbers of a strip of A (or of B, turned): ``size`` along it and ``slab`` deep, zeros beyond limits.

    ``along_depth`` says whether the four lie side by side in the direction of the depth or along the strip; ``row`` of
    the source is the way along the strip, ``column`` the way into the depth.
    """
    if along_depth:
        place = quotient(thread, slab // 4)
        inward = (thread - place * (slab // 4)) * 4
        i, k = first + place, depth + inward
        whole = k + 3 < depth_limit
        inside = i < limit
    else:
        inward = quotient(thread, size // 4)
        place = (thread - inward * (size // 4)) * 4
        i, k = first + place, depth + inward
        whole = i + 3 < limit
        inside = k < depth_limit
    start = source.start + i * source.row + k * source.column
    if not inside:
        return ZERO, ZERO, ZERO, ZERO
    if whole and start & 3 == 0:
        return load4(source.array, start)
    # A ragged edge, or rows that don't start at a multiple of four.
    step = source.column if along_depth else source.row
    left = depth_limit - k if along_depth else limit - i
    one = source.array[start] if left > 0 else ZERO
    two = source.array[start + step] if left > 1 else ZERO
    three = source.array[start + 2 * step] if left > 2 else ZERO
    four = source.array[start + 3 * step] if left > 3 else ZERO
    return one, two, three, four


def put(shared, strip, along_depth, size, slab, width, thread, numbers):
    """Write what `fetch` brought into a strip: ``slab`` rows of ``size`` numbers, ``width`` apart, whichever way it came."""
    if along_depth:
        place = quotient(thread, slab // 4)
        inward = (thread - place * (slab // 4)) * 4
        start = strip + inward * width + place
        shared[start] = numbers[0]
        shared[start + width] = numbers[1]
        shared[start + 2 * width] = numbers[2]
        shared[start + 3 * width] = numbers[3]
    else:
        inward = quotient(thread, size // 4)
        place = (thread - inward * (size // 4)) * 4
        store4(shared, strip + inward * width + place, numbers)


def store_quad(c, row, column, rows, columns, quad):
    """Write a thread's 4 × 4 numbers into C, as far as C goes; C's columns lie side by side."""
    store_row(c, row, column, rows, columns, quad[0])
    store_row(c, row + 1, column, rows, columns, quad[1])
    store_row(c, row + 2, column, rows, columns, quad[2])
    store_row(c, row + 3, column, rows, columns, quad[3])


def store_row(c, row, column, rows, columns, numbers):
    """Write four numbers of one row."""
    if row < rows:
        start = c.start + row * c.row + column
        if column + 3 < columns and start & 3 == 0:
            store4(c.array, start, numbers)
        else:
            for j in range(4):
                # Written out, since a tuple has no place that a variable could name.
                number = numbers[0] if j == 0 else (numbers[1] if j == 1 else (numbers[2] if j == 2 else numbers[3]))
                if column + j < columns:
                    c.array[start + j] = number


def store_pair(c, row, column, rows, columns, one, two):
    """Write two numbers of one row, as far as C goes."""
    if row < rows:
        start = c.start + row * c.row + column
        if column < columns:
            c.array[start] = one
        if column + 1 < columns:
            c.array[start + 1] = two


def small_tile(shared, thread, a, b, c, first_row, first_column, rows, columns, depth_from, depth_to, ways):
    """C[first_row + 0…63, first_column + 0…63] = A·B over part of the inner dimension; 4 × 4 numbers a thread.

    ``a`` has its rows along the tile, ``b`` is turned so that its columns do; ``ways`` says of each whether four numbers
    lie side by side along the inner dimension.
    """
    strip = SMALL_DEPTH * (SMALL + GAP)
    width = SMALL + GAP
    down, right = quotient(thread, SIDE) * 4, (thread & (SIDE - 1)) * 4
    quad = no_numbers()
    from_a = fetch(a, ways[0], first_row, rows, depth_from, depth_to, SMALL, SMALL_DEPTH, thread)
    from_b = fetch(b, ways[1], first_column, columns, depth_from, depth_to, SMALL, SMALL_DEPTH, thread)
    side = 0
    for depth in range(depth_from, depth_to, SMALL_DEPTH):
        strip_a, strip_b = side * strip, (2 + side) * strip
        put(shared, strip_a, ways[0], SMALL, SMALL_DEPTH, width, thread, from_a)
        put(shared, strip_b, ways[1], SMALL, SMALL_DEPTH, width, thread, from_b)
        cuda.syncthreads()
        following = depth + SMALL_DEPTH
        if following < depth_to:
            from_a = fetch(a, ways[0], first_row, rows, following, depth_to, SMALL, SMALL_DEPTH, thread)
            from_b = fetch(b, ways[1], first_column, columns, following, depth_to, SMALL, SMALL_DEPTH, thread)
        for k in range(0, SMALL_DEPTH, AT_ONCE):
            from_row, from_column = strip_a + k * width + down, strip_b + k * width + right
            quad = plus_outer(quad, load4(shared, from_row), load4(shared, from_column))
            quad = plus_outer(quad, load4(shared, from_row + width), load4(shared, from_column + width))
            quad = plus_outer(quad, load4(shared, from_row + 2 * width), load4(shared, from_column + 2 * width))
            quad = plus_outer(quad, load4(shared, from_row + 3 * width), load4(shared, from_column + 3 * width))
        # The other pair of strips may be written at once: who still multiplies reads this one.
        side = 1 - side
    store_quad(c, first_row + down, first_column + right, rows, columns, quad)
    cuda.syncthreads()


def large_tile(shared, thread, a, b, c, first_row, first_column, rows, columns, depth_from, depth_to, ways):
    """As `small_tile` for 128 × 128: 8 × 8 numbers a thread, in four quads 64 apart, so that reads meet no bank twice."""
    strip = LARGE_DEPTH * (LARGE + GAP)
    width = LARGE + GAP
    down, right = quotient(thread, SIDE) * 4, (thread & (SIDE - 1)) * 4
    quads = no_numbers(), no_numbers(), no_numbers(), no_numbers()
    from_a = fetch(a, ways[0], first_row, rows, depth_from, depth_to, LARGE, LARGE_DEPTH, thread)
    from_b = fetch(b, ways[1], first_column, columns, depth_from, depth_to, LARGE, LARGE_DEPTH, thread)
    side = 0
    for depth in range(depth_from, depth_to, LARGE_DEPTH):
        strip_a, strip_b = side * strip, (2 + side) * strip
        put(shared, strip_a, ways[0], LARGE, LARGE_DEPTH, width, thread, from_a)
        put(shared, strip_b, ways[1], LARGE, LARGE_DEPTH, width, thread, from_b)
        cuda.syncthreads()
        following = depth + LARGE_DEPTH
        if following < depth_to:
            from_a = fetch(a, ways[0], first_row, rows, following, depth_to, LARGE, LARGE_DEPTH, thread)
            from_b = fetch(b, ways[1], first_column, columns, following, depth_to, LARGE, LARGE_DEPTH, thread)
        for k in range(0, LARGE_DEPTH, AT_ONCE):
            from_row, from_column = strip_a + k * width + down, strip_b + k * width + right
            quads = plus_four_quads(quads, shared, from_row, from_column)
            quads = plus_four_quads(quads, shared, from_row + width, from_column + width)
            quads = plus_four_quads(quads, shared, from_row + 2 * width, from_column + 2 * width)
            quads = plus_four_quads(quads, shared, from_row + 3 * width, from_column + 3 * width)
        side = 1 - side
    row, column = first_row + down, first_column + right
    store_quad(c, row, column, rows, columns, quads[0])
    store_quad(c, row, column + HALF, rows, columns, quads[1])
    store_quad(c, row + HALF, column, rows, columns, quads[2])
    store_quad(c, row + HALF, column + HALF, rows, columns, quads[3])
    cuda.syncthreads()
