"""The fast matrix product: blocks that fit the caches, copied into the order in which the inner loop reads them.

Three forms are all that a network needs: A·B forward, Aᵀ·B for the gradient of the weights, A·Bᵀ for the gradient of the
inputs. Matrices are row-major and given by address and stride, so a part of a matrix is a matrix too.

A large product is cut three times (K. Goto, R. van de Geijn: Anatomy of High-Performance Matrix Multiplication, 2008):
``INNER_BLOCK`` terms of the sums, so that a panel of B stays in the first-level cache; ``ROW_BLOCK`` rows, so that the
block of A stays in the second; ``COLUMN_BLOCK`` columns, so that the block of B stays in the third. Small products fit
anyway: copying would cost more than it gains.
"""

from __future__ import annotations

from numba import cfunc, types

from playground.kernels.compiling import kernel
from playground.kernels.simd.host import TILE_COLUMNS, TILE_ROWS, WIDTH
from playground.kernels.simd.memory import (
    FLOAT_BYTES,
    PRODUCT_SYMBOL,
    copy_tile_row,
    copy_vector,
    load_number,
    register_symbol,
    store_number,
    transpose_block,
)
from playground.kernels.simd.microkernel import tile_of_columns, tile_of_rows

# The forms: A·B, Aᵀ·B, A·Bᵀ.
AB, ATB, ABT = 0, 1, 2

INNER_BLOCK = 256
ROW_BLOCK = 24 * TILE_ROWS
COLUMN_BLOCK = 1024
# B needn't be copied while it is smaller than the first-level cache, nor where few rows would use the copy.
LARGE_MATRIX = 32768
ROWS_WORTH_A_COPY = 28
# Rows of a transposed A that are copied at once.
ROWS_AT_ONCE = 16

# Room for a block of B and one of A, each with the overhang of a last tile and of vectors written past the end.
_B_FLOATS = (COLUMN_BLOCK + TILE_COLUMNS) * (INNER_BLOCK + WIDTH)
WORKSPACE_FLOATS = _B_FLOATS + (ROW_BLOCK + WIDTH) * (INNER_BLOCK + WIDTH)

_ZERO = types.float32(0.0)


@kernel
def at(start, index):
    """Address of a number at an index from an address."""
    return start + FLOAT_BYTES * index


@kernel
def pieces(total, size):
    """How many pieces of a size it takes to cover a total."""
    return (total + size - 1) // size


@kernel
def _copy_b(b, b_stride, panels, inner, columns, transposed):
    """Copy B (inner, columns), or its transpose, into panels TILE_COLUMNS wide: (inner, TILE_COLUMNS) one after the other.

    The last panel is filled with zeros, or with copies of its last column, whose products land past the edge.
    """
    whole = inner // WIDTH * WIDTH
    for j in range(0, columns, TILE_COLUMNS):
        width = min(TILE_COLUMNS, columns - j)
        if transposed:
            for first in range(0, width, WIDTH):
                source = at(b, (j + first) * b_stride)
                count = min(WIDTH, width - first)
                for k in range(0, whole, WIDTH):
                    transpose_block(at(source, k), b_stride, at(panels, k * TILE_COLUMNS + first), TILE_COLUMNS, count)
                for k in range(whole, inner):
                    for i in range(WIDTH):
                        number = load_number(source, min(i, count - 1) * b_stride + k)
                        store_number(panels, k * TILE_COLUMNS + first + i, number)
        elif width == TILE_COLUMNS:
            for k in range(inner):
                copy_tile_row(at(b, k * b_stride + j), at(panels, k * TILE_COLUMNS))
        else:
            for k in range(inner):
                for i in range(width):
                    store_number(panels, k * TILE_COLUMNS + i, load_number(b, k * b_stride + j + i))
                for i in range(width, TILE_COLUMNS):
                    store_number(panels, k * TILE_COLUMNS + i, _ZERO)
        panels = at(panels, inner * TILE_COLUMNS)


@kernel
def _copy_a(a, a_stride, panels, rows, inner):
    """Copy A (rows, inner) into panels a tile high: (inner, tile's rows) one after the other."""
    whole = inner // WIDTH * WIDTH
    tiles = pieces(rows, TILE_ROWS)
    i = 0
    for tile in range(tiles):
        height = rows // tiles + (tile < rows % tiles)
        source = at(a, i * a_stride)
        # What a block writes past its rows is the start of the next column, so the lowest rows come first.
        for first in range((height - 1) // WIDTH * WIDTH, -1, -WIDTH):
            count = min(WIDTH, height - first)
            for k in range(0, whole, WIDTH):
                transpose_block(at(source, first * a_stride + k), a_stride, at(panels, k * height + first), height, count)
        for k in range(whole, inner):
            for row in range(height):
                store_number(panels, k * height + row, load_number(source, row * a_stride + k))
        panels = at(panels, height * inner)
        i += height


@kernel
def _copy_a_transposed(a, a_stride, panels, rows, inner):
    """Copy the transpose of A (inner, rows) into the same panels, some rows of A at a time.

    A few numbers of a row go to each panel. Several rows at once fill whole cache lines of a panel, and find the lines of
    A still there that the panel before has begun.
    """
    tiles = pieces(rows, TILE_ROWS)
    lowest, higher = rows // tiles, rows % tiles
    for start in range(0, inner, ROWS_AT_ONCE):
        end = min(inner, start + ROWS_AT_ONCE)
        i = 0
        for tile in range(tiles):
            height = lowest + (tile < higher)
            panel = at(panels, i * inner)
            whole = i + WIDTH <= rows and height <= WIDTH
            for k in range(start, end):
                source, target = at(a, k * a_stride + i), at(panel, k * height)
                # A whole vector also writes the start of the panel's next column, which comes later; the last has none.
                if whole and k + 1 < inner:
                    copy_vector(source, target)
                else:
                    for row in range(height):
                        store_number(target, row, load_number(source, row))
            i += height


@kernel
def _without_copies(form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate):
    """A·B or Aᵀ·B straight from where the matrices lie."""
    tiles = pieces(rows, TILE_ROWS)
    for k in range(0, inner, INNER_BLOCK):
        terms = min(INNER_BLOCK, inner - k)
        adds = accumulate if k == 0 else 1
        for j in range(0, columns, TILE_COLUMNS):
            right = at(b, k * b_stride + j)
            i = 0
            for tile in range(tiles):
                # Near-equal tiles: 18 rows are 9 + 9, never 14 + 4, because a low tile wastes the loads of B.
                height = rows // tiles + (tile < rows % tiles)
                out = at(c, i * c_stride + j)
                if form == ATB:
                    left = at(a, k * a_stride + i)
                    tile_of_columns(height, left, a_stride, right, b_stride, out, c_stride, terms, columns - j, adds)
                else:
                    left = at(a, i * a_stride + k)
                    tile_of_rows(height, left, a_stride, right, b_stride, out, c_stride, terms, columns - j, adds)
                i += height


@kernel
def _block(a, a_stride, a_copied, panels_of_b, c, c_stride, rows, columns, terms, accumulate):
    """One block: every tile of C, from a copied block of B and a block of A, copied or not."""
    tiles = pieces(rows, TILE_ROWS)
    for j in range(0, columns, TILE_COLUMNS):
        right = at(panels_of_b, j * terms)
        i = 0
        for tile in range(tiles):
            height = rows // tiles + (tile < rows % tiles)
            out = at(c, i * c_stride + j)
            if a_copied:
                left = at(a, i * terms)
                tile_of_columns(height, left, height, right, TILE_COLUMNS, out, c_stride, terms, columns - j, accumulate)
            else:
                left = at(a, i * a_stride)
                tile_of_rows(height, left, a_stride, right, TILE_COLUMNS, out, c_stride, terms, columns - j, accumulate)
            i += height


@kernel
def _fill_with_zeros(c, c_stride, rows, columns):
    """C = 0: a sum without terms."""
    for i in range(rows):
        for j in range(columns):
            store_number(c, i * c_stride + j, _ZERO)


@cfunc(types.void(*[types.int64] * 12), cache=True)
def product(form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate, workspace):
    """C (rows, columns) = [C +] A·B, Aᵀ·B or A·Bᵀ, summed over ``inner`` terms; kernels call it as `call_product`.

    Parameters
    ----------
    form
        AB: A (rows, inner), B (inner, columns). ATB: A (inner, rows). ABT: B (columns, inner).
    a, b, c
        Addresses of the first numbers; C must not overlap the others.
    a_stride, b_stride, c_stride
        Numbers from one row in memory to the next.
    accumulate
        1 adds to C, 0 overwrites it, whatever it holds.
    workspace
        Address of WORKSPACE_FLOATS numbers that the call may overwrite.
    """
    if rows == 0 or columns == 0:
        return
    if inner == 0:
        if accumulate == 0:
            _fill_with_zeros(c, c_stride, rows, columns)
        return
    if form == AB:
        small = inner * columns < LARGE_MATRIX or rows < ROWS_WORTH_A_COPY
    elif form == ATB:
        small = rows * columns < LARGE_MATRIX or inner < ROWS_WORTH_A_COPY or columns < 4 * WIDTH
    else:
        small = False
    if small:
        _without_copies(form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate)
        return
    # A is read once per panel of B: copying pays where there are many, or where its rows are far apart.
    copies_a = form == ATB or rows >= 200 or (columns >= 128 and rows >= 64)
    if form == ABT and inner * columns <= 2048 and inner <= INNER_BLOCK:
        copies_a = False
    panels_of_a = at(workspace, _B_FLOATS)
    # Near-equal blocks of terms, whole registers long.
    blocks = pieces(inner, INNER_BLOCK)
    block = pieces(pieces(inner, blocks), WIDTH) * WIDTH
    for j in range(0, columns, COLUMN_BLOCK):
        width = min(COLUMN_BLOCK, columns - j)
        for k in range(0, inner, block):
            terms = min(block, inner - k)
            adds = accumulate if k == 0 else 1
            right = at(b, j * b_stride + k) if form == ABT else at(b, k * b_stride + j)
            _copy_b(right, b_stride, workspace, terms, width, form == ABT)
            for i in range(0, rows, ROW_BLOCK):
                height = min(ROW_BLOCK, rows - i)
                left = at(a, k * a_stride + i) if form == ATB else at(a, i * a_stride + k)
                if copies_a:
                    if form == ATB:
                        _copy_a_transposed(left, a_stride, panels_of_a, height, terms)
                    else:
                        _copy_a(left, a_stride, panels_of_a, height, terms)
                    left = panels_of_a
                _block(left, a_stride, copies_a, workspace, at(c, i * c_stride + j), c_stride, height, width, terms, adds)


register_symbol(PRODUCT_SYMBOL, product.address)
