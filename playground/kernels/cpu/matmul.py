"""The ladder: one matrix product six times, from a loop a child can read to one as fast as the machine.

A layer is a matrix product: each row of A is a sample, each column of B a neuron's weights, each number of the result one
neuron's weighted sum for one sample. All rungs give the same result; what changes is the order of the work, and with it how
often a number has to travel between memory and the processor.

Every rung takes ``(a, b, out, form, accumulate)``:

a, b, out
    float32 matrices, views with any strides included; ``out`` must not overlap the others.
form
    ``AB``: out = A·B, a layer forward. ``ATB``: out = Aᵀ·B, the gradient of its weights. ``ABT``: out = A·Bᵀ, the gradient
    of its inputs.
accumulate
    Add to ``out`` instead of overwriting it.

A ValueError names shapes that don't fit and numbers that aren't float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from playground.arrays import Float32
from playground.kernels.compiling import kernel
from playground.kernels.cpu.packed import AB, ABT, ATB, WORKSPACE_FLOATS
from playground.kernels.cpu.team import Members, Team
from playground.kernels.cpu.team import multiply as multiply_shared
from playground.kernels.simd.memory import call_product
from playground.kernels.state import available_cores
from playground.network.parameters import aligned_zeros

Matrix = Float32
ZERO = np.float32(0.0)
# Terms and columns of a block of B that stay in the first-level cache: 64 · 128 · 4 bytes = 32 KB.
INNER_BLOCK, COLUMN_BLOCK = 64, 128


def neuron_by_neuron(a: Matrix, b: Matrix, out: Matrix, form: int = AB, accumulate: bool = False) -> None:
    """The definition, in plain Python: for each sample and each neuron, inputs times weights, added up."""
    left, right = _operands(a, b, out, form)
    # Infinity and what is no number pass, as they do in the compiled rungs.
    with np.errstate(all="ignore"):
        for sample in range(out.shape[0]):
            for neuron in range(out.shape[1]):
                total = out[sample, neuron] if accumulate else ZERO
                for term in range(left.shape[1]):
                    total += left[sample, term] * right[term, neuron]
                out[sample, neuron] = total


def naive(a: Matrix, b: Matrix, out: Matrix, form: int = AB, accumulate: bool = False) -> None:
    """The same loops, compiled: no interpreter, but each sum waits for its last addition, and B is read down its columns."""
    _naive(*_operands(a, b, out, form), out, accumulate)


@kernel
def _naive(left, right, out, accumulate):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = out[i, j] if accumulate else ZERO
            for k in range(left.shape[1]):
                total += left[i, k] * right[k, j]
            out[i, j] = total


def reordered(a: Matrix, b: Matrix, out: Matrix, form: int = AB, accumulate: bool = False) -> None:
    """The inner loop runs along rows of B and of the result: neighbors in memory, several in one instruction."""
    _reordered(*_operands(a, b, out, form), out, accumulate)


@kernel
def _reordered(left, right, out, accumulate):
    for i in range(out.shape[0]):
        row = out[i]
        if not accumulate:
            row[:] = ZERO
        for k in range(left.shape[1]):
            weight, other = left[i, k], right[k]
            for j in range(row.size):
                row[j] += weight * other[j]


def blocked(a: Matrix, b: Matrix, out: Matrix, form: int = AB, accumulate: bool = False) -> None:
    """A block of B stays in the cache while all rows of A pass by, four terms of the sums at a time."""
    _blocked(*_operands(a, b, out, form), out, accumulate)


@kernel
def _blocked(left, right, out, accumulate):
    rows, columns = out.shape
    inner = left.shape[1]
    if not accumulate:
        out[:] = ZERO
    for k0 in range(0, inner, INNER_BLOCK):
        k1 = min(inner, k0 + INNER_BLOCK)
        for j0 in range(0, columns, COLUMN_BLOCK):
            j1 = min(columns, j0 + COLUMN_BLOCK)
            for i in range(rows):
                row = out[i, j0:j1]
                k = k0
                while k + 4 <= k1:
                    b0, b1, b2, b3 = right[k, j0:j1], right[k + 1, j0:j1], right[k + 2, j0:j1], right[k + 3, j0:j1]
                    a0, a1, a2, a3 = left[i, k], left[i, k + 1], left[i, k + 2], left[i, k + 3]
                    for j in range(row.size):
                        row[j] += a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j]
                    k += 4
                while k < k1:
                    a0, b0 = left[i, k], right[k, j0:j1]
                    for j in range(row.size):
                        row[j] += a0 * b0[j]
                    k += 1


def packed(a: Matrix, b: Matrix, out: Matrix, form: int = AB, accumulate: bool = False) -> None:
    """Tiles of the result stay in vector registers, blocks in caches, copied into reading order: see `packed.product`."""
    workspace = aligned_zeros(WORKSPACE_FLOATS)
    product, result, _kept_alive = by_address(a, b, out, form, accumulate)
    _packed(product, workspace.ctypes.data)
    if result is not out:
        out[:] = result


@kernel
def _packed(product, workspace):
    form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate = product
    call_product(form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate, workspace)


def parallel(a: Matrix, b: Matrix, out: Matrix, form: int = AB, accumulate: bool = False) -> None:
    """The same on all cores: rows or columns of the result are dealt out to a team of threads."""
    product, result, _kept_alive = by_address(a, b, out, form, accumulate)
    with Team(available_cores()) as members:
        _parallel(members, product)
    if result is not out:
        out[:] = result


@kernel
def _parallel(members, product):
    form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate = product
    multiply_shared(members, form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate)


LADDER: dict[str, Callable[..., None]] = {
    "neuron by neuron": neuron_by_neuron,
    "naive": naive,
    "reordered": reordered,
    "blocked": blocked,
    "packed": packed,
    "parallel": parallel,
}


def _operands(a: Matrix, b: Matrix, out: Matrix, form: int) -> tuple[Matrix, Matrix]:
    """Views in which every form is (rows, inner) times (inner, columns)."""
    if not a.dtype == b.dtype == out.dtype == np.float32:
        raise ValueError(f"all matrices must be float32, not {a.dtype}, {b.dtype} and {out.dtype}.")
    left = a.T if form == ATB else a
    right = b.T if form == ABT else b
    if left.shape[1] != right.shape[0] or out.shape != (left.shape[0], right.shape[1]):
        raise ValueError(f"shapes {a.shape} and {b.shape} in form {form} don't give {out.shape}.")
    return left, right


def by_address(a: Matrix, b: Matrix, out: Matrix, form: int, accumulate: bool) -> tuple[Any, Matrix, tuple[Matrix, ...]]:
    """A product as `packed.product` takes it, the matrix it writes to, and all matrices, to be kept alive meanwhile.

    A matrix whose rows aren't contiguous is copied first; so the result is copied back if it isn't ``out`` itself.
    """
    left, _ = _operands(a, b, out, form)
    matrices = tuple(_with_contiguous_rows(matrix) for matrix in (a, b, out))
    places = [number for matrix in matrices for number in (matrix.ctypes.data, matrix.strides[0] // matrix.itemsize)]
    return (form, *places, *out.shape, left.shape[1], int(accumulate)), matrices[2], matrices


def _with_contiguous_rows(matrix: Matrix) -> Matrix:
    fits = matrix.shape[1] <= 1 or matrix.strides[1] == matrix.itemsize
    # A row that isn't a whole number of float32 numbers away can't be told in strides.
    return matrix if fits and matrix.strides[0] % matrix.itemsize == 0 else np.ascontiguousarray(matrix)


def repeat(members: Members, product: Any, times: int) -> None:
    """The same product several times in one call, as training does it; for benchmarks."""
    _repeat(members, product, times)


@kernel
def _repeat(members, product, times):
    form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate = product
    for _ in range(times):
        multiply_shared(members, form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate)
