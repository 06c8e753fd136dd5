"""The inner loop of the matrix product: one tile of the result, kept in registers over the whole sum.

A tile has up to ``TILE_ROWS`` rows and ``TILE_COLUMNS`` columns. For each term k of the sum one row of B is loaded and each
number of A's column k is broadcast and multiplied into its row of the tile: a load of B serves every row, a broadcast
every column, and the result is touched once at the end. That is what lets the processor multiply without waiting for
memory (K. Goto, R. van de Geijn: Anatomy of High-Performance Matrix Multiplication, 2008).

All addresses are int64, all strides count float32 numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from playground.kernels.simd.emit import (
    BOOL,
    BYTE,
    INT32,
    INT64,
    VOID,
    Builder,
    Value,
    at,
    external,
    intrinsic,
    lane_numbers,
    load,
    pointer,
    splat,
    store,
    vector,
    zeros,
)
from playground.kernels.simd.host import REGISTERS, TILE_COLUMNS, TILE_ROWS, WIDTH

# Rows of A that share one base pointer: with more, address registers would run out.
ROWS_PER_POINTER = 5
# Below this many registers the result's lines needn't be fetched ahead.
PREFETCH_FROM = 16


@dataclass(frozen=True)
class Tile:
    """The shape of a tile and how its matrices lie.

    Parameters
    ----------
    rows
        Rows of the result.
    vectors
        Registers side by side in a row.
    lanes
        Numbers in one of them.
    columns_of_a
        Whether the tile's numbers of one column of A lie side by side (packed, or transposed), or one row apart.
    masked
        Whether the last vector reaches past the result's right edge.
    unroll
        Terms of the sum in one turn of the loop.
    """

    rows: int
    vectors: int
    lanes: int
    columns_of_a: bool
    masked: bool = False
    unroll: int = 1


def multiply_add(builder: Builder, a: Value, b: Value, c: Value) -> Value:
    """a·b + c: one instruction where the processor has it."""
    lanes = a.type.count
    name = "fma" if REGISTERS.fused else "fmuladd"
    return builder.call(external(builder, f"llvm.{name}.v{lanes}f32", a.type, [a.type] * 3), [a, b, c])


def emit_tile(
    builder: Builder,
    tile: Tile,
    a: Value,
    a_stride: Value,
    b: Value,
    b_stride: Value,
    c: Value,
    c_stride: Value,
    inner: Value,
    columns: Value | None = None,
    accumulate: Value | None = None,
) -> None:
    """Emit code for C (rows, columns) = [C +] A (rows, inner) · B (inner, columns) of one tile.

    Parameters
    ----------
    tile
        The shape.
    a, b, c
        Pointers to float32 numbers.
    a_stride
        From one row of A to the next; with ``columns_of_a`` from one column to the next.
    b_stride, c_stride
        From one row to the next.
    inner
        Terms of each sum, int64; with 0 the sums are 0.
    columns
        Columns that exist, for a masked tile.
    accumulate
        A condition: add to C instead of overwriting it. None overwrites.
    """
    edge = _Edge(builder, tile, columns)
    if tile.rows * tile.vectors >= PREFETCH_FROM:
        _prefetch(builder, tile, c, c_stride)
    left = _Left(builder, tile, a, a_stride)
    sums = [zeros(tile.lanes)] * (tile.rows * tile.vectors)
    if tile.unroll > 1:
        # Several terms at a time, then what is left.
        turns = builder.sdiv(inner, INT64(tile.unroll))
        left.pointers, b, sums = _sum_loop(builder, tile, left, b, b_stride, edge, sums, turns, tile.unroll)
        inner = builder.srem(inner, INT64(tile.unroll))
    _, _, sums = _sum_loop(builder, tile, left, b, b_stride, edge, sums, inner, 1)

    out = [at(builder, c, builder.mul(c_stride, INT64(row))) for row in range(tile.rows)]
    places = [(out[row], column) for row in range(tile.rows) for column in range(tile.vectors)]
    if accumulate is not None:
        before = builder.block
        adding, storing = builder.append_basic_block("add"), builder.append_basic_block("store")
        builder.cbranch(accumulate, adding, storing)
        builder.position_at_end(adding)
        added = [builder.fadd(value, edge.load(row, column)) for value, (row, column) in zip(sums, places, strict=True)]
        builder.branch(storing)
        builder.position_at_end(storing)
        sums = [_either(builder, (plain, before), (sum_, adding)) for plain, sum_ in zip(sums, added, strict=True)]
    for value, (row, column) in zip(sums, places, strict=True):
        edge.store(value, row, column)


class _Edge:
    """Loads and stores vectors of a row; the last one may be cut off by the right edge of the matrix."""

    def __init__(self, builder: Builder, tile: Tile, columns: Value | None) -> None:
        self.builder, self.tile, self.mask = builder, tile, None
        if tile.masked:
            lanes = tile.lanes
            left_over = builder.sub(builder.trunc(columns, INT32), INT32((tile.vectors - 1) * lanes))
            self.mask = builder.icmp_signed("<", lane_numbers(range(lanes)), splat(builder, left_over, lanes))

    def _place(self, row: Value, column: int) -> Value:
        return at(self.builder, row, INT64(column * self.tile.lanes)) if column else row

    def _is_cut(self, column: int) -> bool:
        return self.tile.masked and column == self.tile.vectors - 1

    def load(self, row: Value, column: int) -> Value:
        """Load vector number ``column`` of the row; lanes past the edge are 0 and are not touched."""
        builder, lanes, place = self.builder, self.tile.lanes, self._place(row, column)
        if not self._is_cut(column):
            return load(builder, place, lanes)
        kind, mask = vector(lanes), ir.VectorType(BOOL, lanes)
        function = external(builder, f"llvm.masked.load.v{lanes}f32.p0", kind, [kind.as_pointer(), INT32, mask, kind])
        return builder.call(function, [builder.bitcast(place, kind.as_pointer()), INT32(4), self.mask, zeros(lanes)])

    def store(self, value: Value, row: Value, column: int) -> None:
        """Store vector number ``column`` of the row; what lies past the edge stays as it is."""
        builder, lanes, place = self.builder, self.tile.lanes, self._place(row, column)
        if not self._is_cut(column):
            store(builder, value, place)
            return
        kind, mask = vector(lanes), ir.VectorType(BOOL, lanes)
        function = external(builder, f"llvm.masked.store.v{lanes}f32.p0", VOID, [kind, kind.as_pointer(), INT32, mask])
        builder.call(function, [value, builder.bitcast(place, kind.as_pointer()), INT32(4), self.mask])


class _Left:
    """The tile's rows of A: pointers that move along the sum, and where each row lies from them."""

    def __init__(self, builder: Builder, tile: Tile, a: Value, a_stride: Value) -> None:
        self.builder, self.tile, self.stride = builder, tile, a_stride
        self.pointers = [a]
        if not tile.columns_of_a:
            self.offsets = [builder.mul(a_stride, INT64(row)) for row in range(ROWS_PER_POINTER + 1)]
            while len(self.pointers) * ROWS_PER_POINTER < tile.rows:
                self.pointers.append(at(builder, self.pointers[-1], self.offsets[ROWS_PER_POINTER]))

    def number(self, pointers: list[Value], row: int, term: int) -> Value:
        """The number of A in this row, ``term`` terms after where the pointers stand, in every lane."""
        builder = self.builder
        if self.tile.columns_of_a:
            place = at(builder, at(builder, pointers[0], builder.mul(self.stride, INT64(term))), INT64(row))
        else:
            group, offset = divmod(row, ROWS_PER_POINTER)
            place = at(builder, at(builder, pointers[group], self.offsets[offset]), INT64(term))
        value = builder.load(place)
        value.align = 4
        return splat(builder, value, self.tile.lanes)

    def moved(self, pointers: list[Value], terms: int) -> list[Value]:
        """The pointers, ``terms`` terms further."""
        step = self.builder.mul(self.stride, INT64(terms)) if self.tile.columns_of_a else INT64(terms)
        return [at(self.builder, place, step) for place in pointers]


def _sum_loop(
    builder: Builder,
    tile: Tile,
    left: _Left,
    b: Value,
    b_stride: Value,
    edge: _Edge,
    sums: list[Value],
    turns: Value,
    unroll: int,
) -> tuple[list[Value], Value, list[Value]]:
    """A loop of ``turns`` turns, each adding ``unroll`` terms to every sum; returns where A and B stand, and the sums."""
    start, body, end = builder.block, builder.append_basic_block("terms"), builder.append_basic_block("summed")
    builder.cbranch(builder.icmp_signed(">", turns, INT64(0)), body, end)
    builder.position_at_end(body)

    entered = [turns, b, *left.pointers, *sums]
    carried = [builder.phi(value.type) for value in entered]
    turn, row_of_b, moving = carried[0], carried[1], carried[2:]
    pointers, totals = moving[: len(left.pointers)], moving[len(left.pointers) :]
    for term in range(unroll):
        here = at(builder, row_of_b, builder.mul(b_stride, INT64(term))) if term else row_of_b
        right = [edge.load(here, column) for column in range(tile.vectors)]
        for row in range(tile.rows):
            number = left.number(pointers, row, term)
            for column in range(tile.vectors):
                index = row * tile.vectors + column
                totals[index] = multiply_add(builder, number, right[column], totals[index])
    next_b = at(builder, row_of_b, builder.mul(b_stride, INT64(unroll)))
    next_turn = builder.sub(turn, INT64(1))
    left_behind = [next_turn, next_b, *left.moved(pointers, unroll), *totals]
    for phi, first, later in zip(carried, entered, left_behind, strict=True):
        phi.add_incoming(first, start)
        phi.add_incoming(later, builder.block)
    last = builder.block
    builder.cbranch(builder.icmp_signed(">", next_turn, INT64(0)), body, end)
    builder.position_at_end(end)

    merged = [_either(builder, (first, start), (later, last)) for first, later in zip(entered, left_behind, strict=True)]
    return merged[2 : 2 + len(left.pointers)], merged[1], merged[2 + len(left.pointers) :]


def _either(builder: Builder, *choices: tuple[Value, Any]) -> Value:
    """The value that belongs to the block from which the present one was reached."""
    phi = builder.phi(choices[0][0].type)
    for value, block in choices:
        phi.add_incoming(value, block)
    return phi


def _prefetch(builder: Builder, tile: Tile, c: Value, c_stride: Value) -> None:
    """Ask for the tile's part of C now: it is needed at the end."""
    function = external(builder, "llvm.prefetch.p0", VOID, [BYTE.as_pointer(), INT32, INT32, INT32])
    for row in range(tile.rows):
        out = at(builder, c, builder.mul(c_stride, INT64(row)))
        for column in range(tile.vectors):
            place = builder.bitcast(at(builder, out, INT64(column * tile.lanes)), BYTE.as_pointer())
            builder.call(function, [place, INT32(1), INT32(3), INT32(1)])


def _tile_function(builder: Builder, columns_of_a: bool) -> Value:
    """One function with the kernels of all shapes, never inlined: inlined, each call site would compile them anew."""
    name = "playground_tile_columns" if columns_of_a else "playground_tile_rows"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(VOID, [INT64] * 10), name)
    if function.blocks:
        return function
    function.linkage = "internal"
    function.attributes.add("noinline")
    function.attributes.add("nounwind")
    inside = ir.IRBuilder(function.append_basic_block("entry"))
    rows, a, a_stride, b, b_stride, c, c_stride, inner, columns, accumulate = function.args
    a, b, c = (pointer(inside, address) for address in (a, b, c))
    accumulate = inside.icmp_signed("!=", accumulate, INT64(0))
    end = inside.append_basic_block("end")

    # As many vectors as the columns need; the last one is masked unless the tile is full.
    full = inside.append_basic_block("full")
    shapes = [(full, REGISTERS.tile_vectors, False)]
    cut = [inside.append_basic_block(f"cut{vectors}") for vectors in range(1, REGISTERS.tile_vectors + 1)]
    shapes += [(block, vectors, True) for vectors, block in enumerate(cut, 1)]
    edge = inside.append_basic_block("edge")
    inside.cbranch(inside.icmp_signed(">=", columns, INT64(TILE_COLUMNS)), full, edge)
    inside.position_at_end(edge)
    needed = inside.sdiv(inside.add(columns, INT64(WIDTH - 1)), INT64(WIDTH))
    choice = inside.switch(needed, end)
    for vectors, block in enumerate(cut, 1):
        choice.add_case(INT64(vectors), block)
    for block, vectors, masked in shapes:
        inside.position_at_end(block)
        choice = inside.switch(rows, end)
        for count in range(1, TILE_ROWS + 1):
            case = inside.append_basic_block(f"rows{count}")
            choice.add_case(INT64(count), case)
            inside.position_at_end(case)
            # One row after the other, A takes a pointer for every few rows: with two terms more there are none left.
            tile = Tile(count, vectors, WIDTH, columns_of_a, masked, unroll=2 if columns_of_a else 1)
            emit_tile(inside, tile, a, a_stride, b, b_stride, c, c_stride, inner, columns, accumulate)
            inside.branch(end)
    inside.position_at_end(end)
    inside.ret_void()
    return function


def _tile(columns_of_a: bool) -> Callable[..., None]:
    """An intrinsic that calls the tile function."""

    @intrinsic
    def tile(typing_context, rows, a, a_stride, b, b_stride, c, c_stride, inner, columns, accumulate):
        signature = types.void(*[types.int64] * 10)

        def generate(context, builder, signature, arguments):
            builder.call(_tile_function(builder, columns_of_a), arguments)
            return context.get_dummy_value()

        return signature, generate

    return tile


# tile(rows, a, a_stride, b, b_stride, c, c_stride, inner, columns, accumulate): C [+]= A·B for one tile, by address.
tile_of_rows = _tile(columns_of_a=False)
tile_of_columns = _tile(columns_of_a=True)

# Rows of a tile in a tiny network, where a row is the LANES samples of a batch: half the registers hold sums.
LANE_ROWS = {16: 8, 8: 4, 4: 2}[WIDTH]


def _lane_tile(columns_of_a: bool) -> Callable[..., None]:
    """An intrinsic for products too small for a call: the kernels of all shapes stand where it is used."""

    @intrinsic
    def tile(typing_context, rows, vectors, a, a_stride, b, b_stride, c, c_stride, inner):
        def generate(context, builder, signature, arguments):
            rows, vectors, a, a_stride, b, b_stride, c, c_stride, inner = arguments
            a, b, c = (pointer(builder, address) for address in (a, b, c))
            end = builder.append_basic_block("end")
            widths = builder.switch(vectors, end)
            for width in range(1, MOST_LANES // WIDTH + 1):
                block = builder.append_basic_block(f"vectors{width}")
                widths.add_case(INT64(width), block)
                builder.position_at_end(block)
                heights = builder.switch(rows, end)
                for height in range(1, LANE_ROWS + 1):
                    case = builder.append_basic_block(f"rows{height}")
                    heights.add_case(INT64(height), case)
                    builder.position_at_end(case)
                    emit_tile(builder, Tile(height, width, WIDTH, columns_of_a), a, a_stride, b, b_stride, c, c_stride, inner)
                    builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), generate

    return tile


# lane_tile(rows ≤ LANE_ROWS, vectors, a, a_stride, b, b_stride, c, c_stride, inner): C = A·B, ``vectors`` registers wide.
MOST_LANES = 16
lane_tile_of_rows = _lane_tile(columns_of_a=False)
lane_tile_of_columns = _lane_tile(columns_of_a=True)
