"""Matrix products of a team of blocks: which way is the fastest for a shape, and that way.

Few outputs are computed by one thread each. Many are cut into tiles, a block each; where there are fewer tiles than
blocks, several blocks share one tile's inner dimension, and their parts are added up after a barrier.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from playground.catalog.activations import IDENTITY
from playground.catalog.elementary import ZERO
from playground.kernels.compiling import VALUES, dispatch
from playground.kernels.cuda.primitives import load, quotient
from playground.kernels.cuda.team import THREADS, first_of, step_of
from playground.kernels.cuda.tiles import LARGE, SMALL, SMALL_DEPTH, large_tile, matrix, small_tile

# What a step of the inner dimension costs a thread that computes one output alone, and what 16 of them cost a small and a
# large tile, in processor cycles; and what adding up parts costs with its barrier. Estimates from counting instructions.
ALONE_CYCLES = 12
SMALL_CYCLES = 700
LARGE_CYCLES = 2300
PARTS_CYCLES = 3000

activation_value = dispatch(VALUES)


class Epilogue(NamedTuple):
    """What is done to each output before it is written: + bias[start + column] where start ≥ 0, then an activation."""

    biases: Any
    start: Any
    code: Any
    setting: Any


class Way(NamedTuple):
    """How a product is computed: tile size (0: one output a thread), and among how many blocks a tile's depth is shared."""

    size: Any
    parts: Any


def finished(epilogue, number, column):
    """An output after its epilogue."""
    if epilogue.start >= 0:
        number += epilogue.biases[epilogue.start + column]
    if epilogue.code != IDENTITY:
        number = activation_value(epilogue.code, number, epilogue.setting)
    return number


def shares(total, size):
    """How many pieces of a size it takes."""
    return quotient(total + size - 1, size)


def way_of(team, rows, columns, depth, room):
    """The cheapest way for a shape; parts of a shared tile must fit into ``room`` numbers.

    Tiles are cut for THREADS threads.
    """
    if team.threads != THREADS:
        return Way(0, 1)
    alone = shares(rows * columns, step_of(team)) * depth * ALONE_CYCLES
    slabs = shares(depth, SMALL_DEPTH)
    tiles = shares(rows, SMALL) * shares(columns, SMALL)
    small = shares(tiles, team.blocks) * slabs * SMALL_CYCLES
    large = shares(shares(rows, LARGE) * shares(columns, LARGE), team.blocks) * slabs * LARGE_CYCLES
    # As many parts as there are idle blocks, two slabs each at least.
    parts = max(1, min(min(quotient(team.blocks, tiles), quotient(slabs, 2)), quotient(room, rows * columns)))
    shared = shares(tiles * parts, team.blocks) * shares(slabs, parts) * SMALL_CYCLES + PARTS_CYCLES
    if parts > 1 and shared < min(min(small, large), alone):
        return Way(SMALL, parts)
    if alone <= min(small, large):
        return Way(0, 1)
    return Way(SMALL, 1) if small <= large else Way(LARGE, 1)


def start_product(team, way, turn, a, b, c, rows, columns, depth, ways, epilogue, sums):
    """C (rows, columns) = epilogue(A·B), or where it is computed in parts, only the parts, into ``sums``.

    ``a`` and ``b`` are as `tiles.small_tile` has them, ``c`` has its columns side by side. ``turn`` counts the tiles
    that were dealt since the last barrier, so that the next product begins with a block that has had none; returns it.
    """
    if way.size == 0:
        one_output_a_thread(team, a, b, c, rows, columns, depth, epilogue)
        return turn
    across, down = shares(columns, way.size), shares(rows, way.size)
    tiles = across * down
    depth_each = shares(shares(depth, SMALL_DEPTH), way.parts) * SMALL_DEPTH
    first = team.block - (turn - quotient(turn, team.blocks) * team.blocks)
    if first < 0:
        first += team.blocks
    for item in range(first, tiles * way.parts, team.blocks):
        part = quotient(item, tiles)
        tile = item - part * tiles
        line = quotient(tile, across)
        row, column = line * way.size, (tile - line * across) * way.size
        depth_from, depth_to = part * depth_each, min(depth, (part + 1) * depth_each)
        into = c
        if way.parts > 1:
            into = matrix(sums.array, sums.start + part * rows * columns, columns, 1)
        if way.size == SMALL:
            small_tile(team.shared, team.thread, a, b, into, row, column, rows, columns, depth_from, depth_to, ways)
        else:
            large_tile(team.shared, team.thread, a, b, into, row, column, rows, columns, depth_from, depth_to, ways)
        if way.parts == 1:
            finish_tile(team, into, row, column, min(rows, row + way.size), min(columns, column + way.size), epilogue)
    return turn + tiles * way.parts


def finish_tile(team, c, row, column, row_end, column_end, epilogue):
    """The epilogue of a tile that this block has just written; it still lies in the nearest cache."""
    if epilogue.start < 0 and epilogue.code == IDENTITY:
        return
    width = column_end - column
    for index in range(team.thread, (row_end - row) * width, team.threads):
        line = quotient(index, width)
        j = column + index - line * width
        place = c.start + (row + line) * c.row + j
        c.array[place] = finished(epilogue, c.array[place], j)


def finish_product(team, way, c, rows, columns, epilogue, sums):
    """After a barrier: add up the parts, where there are any."""
    if way.parts > 1:
        count = rows * columns
        for index in range(first_of(team), count, step_of(team)):
            total = ZERO
            for part in range(way.parts):
                total += load(sums.array, sums.start + part * count + index)
            row = quotient(index, columns)
            column = index - row * columns
            c.array[c.start + row * c.row + column] = finished(epilogue, total, column)


def one_output_a_thread(team, a, b, c, rows, columns, depth, epilogue):
    """Each thread walks along one row of A and one column of B."""
    for index in range(first_of(team), rows * columns, step_of(team)):
        row = quotient(index, columns)
        column = index - row * columns
        from_a, from_b = a.start + row * a.row, b.start + column * b.row
        total = ZERO
        for _ in range(depth):
            total += load(a.array, from_a) * load(b.array, from_b)
            from_a += a.column
            from_b += b.column
        c.array[c.start + row * c.row + column] = finished(epilogue, total, column)


# The same for a team that is one block: all its outputs are few.


def way_in_a_block(team, rows, columns, depth, room):
    """`way_of` in a block: one output a thread."""
    return Way(0, 1)


def product_in_a_block(team, way, turn, a, b, c, rows, columns, depth, ways, epilogue, sums):
    """`start_product` in a block."""
    one_output_a_thread(team, a, b, c, rows, columns, depth, epilogue)
    return turn


def no_parts_in_a_block(team, way, c, rows, columns, epilogue, sums):
    """`finish_product` in a block."""
