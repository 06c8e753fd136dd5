"""Matrix products on the GPU, as a ladder: each rung is one idea, and a kernel that can be read by itself.

1. `one_output_a_thread`: every output is somebody's job. Each number is fetched from far away again and again.
2. `shared_tiles`: a block copies a square of each factor into its fast memory and uses every number 16 times.
3. `register_tiles`: a thread computes 8 × 8 outputs, and fetches the next numbers while it multiplies; see `tiles`.
4. `tiles_in_parts`: where there are fewer tiles than multiprocessors, smaller tiles, and several blocks share the depth of
   each; their parts are added up after.
5. `tensor_cores`: 1,024 multiplications an instruction and warp, of numbers that are first rounded to 10 bits after the
   point; only where that is asked for.

All compute C (rows, columns) = activation(op(A)·op(B) + bias), float32, for the forms A·B, Aᵀ·B and A·Bᵀ, any shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32

from playground.catalog.activations import IDENTITY
from playground.catalog.elementary import ZERO
from playground.kernels.cuda import buffers as cuda_buffers
from playground.kernels.cuda import target as cuda_target
from playground.kernels.cuda.compiling import Device
from playground.kernels.cuda.primitives import load, rounded_to_tf32
from playground.kernels.cuda.products import Epilogue, finished, shares
from playground.kernels.cuda.target import GpuError
from playground.kernels.cuda.tensor_cores import plus_tensor_product
from playground.kernels.cuda.tiles import (
    LARGE,
    LARGE_DEPTH,
    SHARED,
    SMALL,
    SMALL_DEPTH,
    fetch,
    large_tile,
    matrix,
    no_numbers,
    put,
    small_tile,
    store_pair,
)
from playground.words import tr

cuda = cuda_target.load()

# Forms: A·B, Aᵀ·B, A·Bᵀ, as on the CPU.
AB, ATB, ABT = range(3)
# Side of the squares of the second rung.
SQUARE = 16
OF_BOTH = 2 * SQUARE * SQUARE
# Threads of a block of the upper rungs, and of a warp.
THREADS, WARP = 256, 32
# The tile of a warp among the tensor cores' 128 × 128: 64 × 32, in pieces of 16 × 8. Strips are 136 apart in each slab, so
# that the 32 numbers which a warp reads at once lie in 32 banks.
WARP_DOWN, WARP_RIGHT, PIECE_DOWN, PIECE_RIGHT = 64, 32, 16, 8
TENSOR_WIDTH = LARGE + 8
assert SHARED >= 4 * LARGE_DEPTH * TENSOR_WIDTH
# Registers a thread may use so that two blocks fit on a multiprocessor, and one multiplies while the other waits.
TWO_BLOCKS = 128


def factors(a, b, rows, columns, depth, form):
    """Both factors with their rows along the tile and their columns into the depth, and which way four numbers lie."""
    from_a = matrix(a, 0, 1, rows) if form == ATB else matrix(a, 0, depth, 1)
    from_b = matrix(b, 0, depth, 1) if form == ABT else matrix(b, 0, 1, columns)
    return from_a, from_b, (form != ATB, form == ABT)


def one_output_a_thread(a, b, c, bias, rows, columns, depth, form, has_bias, code, setting):
    """The first rung: blocks of 16 × 16 threads."""
    row = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
    column = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    from_a, from_b, _ = factors(a, b, rows, columns, depth, form)
    if row < rows and column < columns:
        total = ZERO
        for k in range(depth):
            total += load(a, row * from_a.row + k * from_a.column) * load(b, column * from_b.row + k * from_b.column)
        epilogue = Epilogue(bias, np.int64(0 if has_bias else -1), code, setting)
        c[row * columns + column] = finished(epilogue, total, column)


def shared_tiles(a, b, c, bias, rows, columns, depth, form, has_bias, code, setting):
    """The second rung: blocks of 16 × 16 threads walk along the depth square by square."""
    squares = cuda.shared.array(OF_BOTH, float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    row, column = cuda.blockIdx.y * SQUARE + y, cuda.blockIdx.x * SQUARE + x
    from_a, from_b, _ = factors(a, b, rows, columns, depth, form)
    of_b = SQUARE * SQUARE
    total = ZERO
    for first in range(0, depth, SQUARE):
        number_a, number_b = ZERO, ZERO
        if row < rows and first + x < depth:
            number_a = load(a, row * from_a.row + (first + x) * from_a.column)
        if column < columns and first + y < depth:
            number_b = load(b, column * from_b.row + (first + y) * from_b.column)
        squares[y * SQUARE + x] = number_a
        squares[of_b + y * SQUARE + x] = number_b
        cuda.syncthreads()
        for k in range(SQUARE):
            total += load(squares, y * SQUARE + k) * load(squares, of_b + k * SQUARE + x)
        cuda.syncthreads()
    if row < rows and column < columns:
        epilogue = Epilogue(bias, np.int64(0 if has_bias else -1), code, setting)
        c[row * columns + column] = finished(epilogue, total, column)


def finish_outputs(c, bias, row, column, rows, columns, has_bias, code, setting):
    """The epilogue of a 128 × 128 tile that the block has just written; it still lies in the nearest cache."""
    if has_bias or code != IDENTITY:
        epilogue = Epilogue(bias, np.int64(0 if has_bias else -1), code, setting)
        for index in range(cuda.threadIdx.x, LARGE * LARGE, THREADS):
            i, j = row + index // LARGE, column + index % LARGE
            if i < rows and j < columns:
                c[i * columns + j] = finished(epilogue, c[i * columns + j], j)


def register_tiles(a, b, c, bias, rows, columns, depth, form, has_bias, code, setting):
    """The third rung: blocks of 256 threads, 128 × 128 outputs each."""
    shared = cuda.shared.array(SHARED, float32)
    row, column = cuda.blockIdx.y * LARGE, cuda.blockIdx.x * LARGE
    from_a, from_b, ways = factors(a, b, rows, columns, depth, form)
    into = matrix(c, 0, columns, 1)
    large_tile(shared, cuda.threadIdx.x, from_a, from_b, into, row, column, rows, columns, 0, depth, ways)
    finish_outputs(c, bias, row, column, rows, columns, has_bias, code, setting)


def part_of_a_tile(a, b, into, rows, columns, depth, form, parts):
    """The fourth rung's first half: block (x, y, z) computes part z of a 64 × 64 tile, into place z of (parts, rows, columns)."""
    shared = cuda.shared.array(SHARED, float32)
    row, column, part = cuda.blockIdx.y * SMALL, cuda.blockIdx.x * SMALL, cuda.blockIdx.z
    from_a, from_b, ways = factors(a, b, rows, columns, depth, form)
    each = shares(shares(depth, SMALL_DEPTH), parts) * SMALL_DEPTH
    first, last = part * each, min(depth, (part + 1) * each)
    place = matrix(into, part * rows * columns, columns, 1)
    small_tile(shared, cuda.threadIdx.x, from_a, from_b, place, row, column, rows, columns, first, last, ways)


def sum_of_parts(sums, c, bias, count, columns, parts, has_bias, code, setting):
    """The fourth rung's second half: a thread adds up the parts of one output."""
    index = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if index < count:
        total = ZERO
        for part in range(parts):
            total += load(sums, part * count + index)
        epilogue = Epilogue(bias, np.int64(0 if has_bias else -1), code, setting)
        c[index] = finished(epilogue, total, index % columns)


def rounded(numbers):
    """Four numbers as the tensor cores take them."""
    return (
        rounded_to_tf32(numbers[0]),
        rounded_to_tf32(numbers[1]),
        rounded_to_tf32(numbers[2]),
        rounded_to_tf32(numbers[3]),
    )


def plus_row_of_pieces(quads, shared, at_a, at_b, lane):
    """Four pieces side by side plus their products over a slab: the same 16 rows of A, 4 × 8 columns of B."""
    return (
        plus_tensor_product(quads[0], shared, at_a, at_b, TENSOR_WIDTH, lane),
        plus_tensor_product(quads[1], shared, at_a, at_b + PIECE_RIGHT, TENSOR_WIDTH, lane),
        plus_tensor_product(quads[2], shared, at_a, at_b + 2 * PIECE_RIGHT, TENSOR_WIDTH, lane),
        plus_tensor_product(quads[3], shared, at_a, at_b + 3 * PIECE_RIGHT, TENSOR_WIDTH, lane),
    )


def store_piece(into, row, column, rows, columns, quad, lane):
    """Write a thread's four numbers of a 16 × 8 piece: two side by side, and two eight rows below."""
    line, place = row + lane // 4, column + 2 * (lane % 4)
    store_pair(into, line, place, rows, columns, quad[0], quad[1])
    store_pair(into, line + 8, place, rows, columns, quad[2], quad[3])


def store_pieces(into, row, column, rows, columns, quads, lane):
    """Write four pieces side by side."""
    store_piece(into, row, column, rows, columns, quads[0], lane)
    store_piece(into, row, column + PIECE_RIGHT, rows, columns, quads[1], lane)
    store_piece(into, row, column + 2 * PIECE_RIGHT, rows, columns, quads[2], lane)
    store_piece(into, row, column + 3 * PIECE_RIGHT, rows, columns, quads[3], lane)


def tensor_cores(a, b, c, bias, rows, columns, depth, form, has_bias, code, setting):
    """The fifth rung: blocks of eight warps, 128 × 128 outputs each, 64 × 32 a warp; needs compute capability 8.0."""
    shared = cuda.shared.array(SHARED, float32)
    thread = cuda.threadIdx.x
    warp, lane = thread // WARP, thread % WARP
    row, column = cuda.blockIdx.y * LARGE, cuda.blockIdx.x * LARGE
    down, right = warp // 4 * WARP_DOWN, warp % 4 * WARP_RIGHT
    from_a, from_b, ways = factors(a, b, rows, columns, depth, form)
    strip = LARGE_DEPTH * TENSOR_WIDTH
    one, two, three, four = no_numbers(), no_numbers(), no_numbers(), no_numbers()
    numbers_a = fetch(from_a, ways[0], row, rows, 0, depth, LARGE, LARGE_DEPTH, thread)
    numbers_b = fetch(from_b, ways[1], column, columns, 0, depth, LARGE, LARGE_DEPTH, thread)
    side = 0
    for first in range(0, depth, LARGE_DEPTH):
        strip_a, strip_b = side * strip, (2 + side) * strip
        put(shared, strip_a, ways[0], LARGE, LARGE_DEPTH, TENSOR_WIDTH, thread, rounded(numbers_a))
        put(shared, strip_b, ways[1], LARGE, LARGE_DEPTH, TENSOR_WIDTH, thread, rounded(numbers_b))
        cuda.syncthreads()
        following = first + LARGE_DEPTH
        if following < depth:
            numbers_a = fetch(from_a, ways[0], row, rows, following, depth, LARGE, LARGE_DEPTH, thread)
            numbers_b = fetch(from_b, ways[1], column, columns, following, depth, LARGE, LARGE_DEPTH, thread)
        at_a, at_b = strip_a + down, strip_b + right
        one = plus_row_of_pieces(one, shared, at_a, at_b, lane)
        two = plus_row_of_pieces(two, shared, at_a + PIECE_DOWN, at_b, lane)
        three = plus_row_of_pieces(three, shared, at_a + 2 * PIECE_DOWN, at_b, lane)
        four = plus_row_of_pieces(four, shared, at_a + 3 * PIECE_DOWN, at_b, lane)
        side = 1 - side
    into = matrix(c, 0, columns, 1)
    store_pieces(into, row + down, column + right, rows, columns, one, lane)
    store_pieces(into, row + down + PIECE_DOWN, column + right, rows, columns, two, lane)
    store_pieces(into, row + down + 2 * PIECE_DOWN, column + right, rows, columns, three, lane)
    store_pieces(into, row + down + 3 * PIECE_DOWN, column + right, rows, columns, four, lane)
    cuda.syncthreads()
    finish_outputs(c, bias, row, column, rows, columns, has_bias, code, setting)


# The rungs that are one kernel: kernel, threads of a block, outputs of a block along each side.
_device = Device()
KERNELS: dict[str, tuple[Any, Any, int]] = {
    function.__name__: (_device.kernel(function, TWO_BLOCKS), threads, side)
    for function, threads, side in (
        (one_output_a_thread, (SQUARE, SQUARE), SQUARE),
        (shared_tiles, (SQUARE, SQUARE), SQUARE),
        (register_tiles, THREADS, LARGE),
        (tensor_cores, THREADS, LARGE),
    )
}
first_half, second_half = _device.kernel(part_of_a_tile, TWO_BLOCKS), _device.kernel(sum_of_parts)
IN_PARTS = "tiles_in_parts"
# By name, lowest first; "best" takes the third or the fourth, whichever suits the shape.
RUNGS = ("one_output_a_thread", "shared_tiles", "register_tiles", IN_PARTS, "tensor_cores")
BEST = "best"


def shape_of(a: Any, b: Any, form: int) -> tuple[int, int, int]:
    """Rows and columns of the product, and the inner dimension.

    Raises
    ------
    ValueError
        If the factors don't fit together.
    """
    rows, depth = a.shape if form != ATB else a.shape[::-1]
    inner, columns = b.shape if form != ABT else b.shape[::-1]
    if inner != depth:
        raise ValueError(f"the factors don't fit together: an inner dimension of {depth} meets one of {inner}.")
    return rows, columns, depth


def multiply(
    a: Any,
    b: Any,
    out: Any,
    form: int = AB,
    rung: str = BEST,
    bias: Any = None,
    code: int = IDENTITY,
    setting: float = 0.0,
    stream: Any = 0,
) -> None:
    """out = activation(op(a)·op(b) + bias), all in the GPU's memory; returns before it is computed.

    Parameters
    ----------
    a, b, out
        Device arrays, float32, two dimensions, C-contiguous, as they were allocated: no slices, whose first number may lie
        where four can't be read at once. One thread multiplies on one stream at a time.
    form
        `AB`, `ATB` or `ABT`.
    rung
        A name of `RUNGS`, or `BEST`.
    bias
        Device array, float32 (columns,), or None.
    code, setting
        An activation's code and its setting.
    stream
        Where it runs.

    Raises
    ------
    ValueError
        If the shapes don't fit together.
    GpuError
        If the GPU has no such tensor cores.
    """
    rows, columns, depth = shape_of(a, b, form)
    if tuple(out.shape) != (rows, columns):
        raise ValueError(f"the product has {rows} × {columns} numbers, and there is room for {out.shape[0]} × {out.shape[1]}.")
    if rung == "tensor_cores" and cuda_target.facts().capability < (8, 0):
        raise GpuError(tr("tensor cores that take TF32 came with compute capability 8.0; this GPU is older."))
    if rung == BEST:
        enough = -(-rows // LARGE) * -(-columns // LARGE) >= cuda_target.facts().multiprocessors
        rung = "register_tiles" if enough else IN_PARTS
    flat_a, flat_b, flat_out = a.reshape(-1), b.reshape(-1), out.reshape(-1)
    # Without biases any array will do: it isn't looked at.
    ending = bias is not None, code, np.float32(setting)
    biases = flat_a if bias is None else bias
    if rung == IN_PARTS:
        parts = parts_for(rows, columns, depth)
        into = flat_out
        if parts > 1 or bias is not None or code != IDENTITY:
            into = cuda_buffers.own.room.take("parts of products", parts * rows * columns)
        blocks: tuple[int, ...] = -(-columns // SMALL), -(-rows // SMALL), parts
        first_half[blocks, THREADS, stream](flat_a, flat_b, into, rows, columns, depth, form, parts)
        if into is not flat_out:
            count = rows * columns
            second_half[-(-count // THREADS), THREADS, stream](into, flat_out, biases, count, columns, parts, *ending)
        return
    kernel, threads, side = KERNELS[rung]
    blocks = -(-columns // side), -(-rows // side)
    kernel[blocks, threads, stream](flat_a, flat_b, flat_out, biases, rows, columns, depth, form, *ending)


def parts_for(rows: int, columns: int, depth: int) -> int:
    """Among how many blocks the depth of each 64 × 64 tile is shared: so many that all multiprocessors are busy."""
    tiles = -(-rows // SMALL) * -(-columns // SMALL)
    slabs = -(-depth // SMALL_DEPTH)
    # Two blocks fit on a multiprocessor, and a part should be worth being added up.
    return max(1, min(2 * cuda_target.facts().multiprocessors // tiles, slabs // 2))
