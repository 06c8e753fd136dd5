"""Short words for LLVM that the other files share: types, pointers, vectors, calls of LLVM's own functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils

FLOAT = ir.FloatType()
INT64 = ir.IntType(64)
INT32 = ir.IntType(32)
BOOL = ir.IntType(1)
BYTE = ir.IntType(8)
VOID = ir.VoidType()

Builder = Any
Value = Any


def intrinsic(function: Callable[..., Any]) -> Any:
    """Make a function for kernels out of one that emits LLVM: it takes the types, and returns a signature and a generator."""
    return numba.extending.intrinsic(function)


def vector(lanes: int) -> ir.VectorType:
    """The type of ``lanes`` float32 numbers side by side."""
    return ir.VectorType(FLOAT, lanes)


def lane_numbers(numbers: Sequence[int]) -> ir.Constant:
    """A constant vector of whole numbers: which lane goes where in a shuffle."""
    return ir.Constant(ir.VectorType(INT32, len(numbers)), list(numbers))


def external(builder: Builder, name: str, result: ir.Type, arguments: Sequence[ir.Type]) -> Value:
    """Declare a function by its name: LLVM's own (``llvm.…``), or one whose address was registered."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, list(arguments)), name)


def pointer(builder: Builder, address: Value) -> Value:
    """Pointer to float32 numbers at an int64 address."""
    return builder.inttoptr(address, FLOAT.as_pointer())


def at(builder: Builder, base: Value, index: Value) -> Value:
    """Pointer ``index`` numbers after ``base``."""
    return builder.gep(base, [index])


def load(builder: Builder, place: Value, lanes: int, align: int = 4) -> Value:
    """Load ``lanes`` numbers that lie side by side."""
    value = builder.load(builder.bitcast(place, vector(lanes).as_pointer()))
    value.align = align
    return value


def store(builder: Builder, value: Value, place: Value, align: int = 4) -> None:
    """Store a vector."""
    builder.store(value, builder.bitcast(place, value.type.as_pointer())).align = align


def splat(builder: Builder, scalar: Value, lanes: int) -> Value:
    """A vector with the same value in every lane."""
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, scalar, INT32(0))
    return builder.shuffle_vector(first, undefined, lane_numbers([0] * lanes))


def zeros(lanes: int) -> ir.Constant:
    """A vector of zeros."""
    return ir.Constant(vector(lanes), [0.0] * lanes)


def transposed(builder: Builder, rows: list[Value]) -> list[Value]:
    """Transpose a square of numbers that lies in registers, a row each.

    Swaps the off-diagonal halves, then the off-diagonal quarters in each half, and so on: log₂ n rounds of n shuffles.
    """
    size = len(rows)
    half = size // 2
    while half:
        upper = lane_numbers([i if not i & half else size + i - half for i in range(size)])
        lower = lane_numbers([i + half if not i & half else size + i for i in range(size)])
        swapped = list(rows)
        for row in range(size):
            if not row & half:
                swapped[row] = builder.shuffle_vector(rows[row], rows[row + half], upper)
                swapped[row + half] = builder.shuffle_vector(rows[row], rows[row + half], lower)
        rows = swapped
        half //= 2
    return rows
