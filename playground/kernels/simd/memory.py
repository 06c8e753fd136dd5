"""Reading and writing float32 numbers by address, for kernels that walk through matrices of any stride.

An address is an int64; indices and strides count numbers, not bytes. Nothing here checks bounds.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from numba import types
from numba.np.arrayobj import populate_array

from playground.kernels.simd.emit import INT64, VOID, at, external, intrinsic, load, pointer, store, transposed
from playground.kernels.simd.host import REGISTERS, WIDTH

FLOAT_BYTES = 4


@intrinsic
def address(typing_context, array):
    """Address of an array's first number; the caller keeps the array alive."""

    def generate(context, builder, signature, arguments):
        structure = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(structure.data, INT64)

    return types.int64(array), generate


@intrinsic
def load_number(typing_context, place, index):
    """The number at an index from an address."""

    def generate(context, builder, signature, arguments):
        return builder.load(at(builder, pointer(builder, arguments[0]), arguments[1]))

    return types.float32(types.int64, types.int64), generate


@intrinsic
def store_number(typing_context, place, index, value):
    """Write a number at an index from an address."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[2], at(builder, pointer(builder, arguments[0]), arguments[1]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.float32), generate


def _copy(vectors: int) -> Any:
    @intrinsic
    def copy(typing_context, source, target):
        def generate(context, builder, signature, arguments):
            source, target = (pointer(builder, place) for place in arguments)
            values = [load(builder, at(builder, source, INT64(index * WIDTH)), WIDTH) for index in range(vectors)]
            for index, value in enumerate(values):
                store(builder, value, at(builder, target, INT64(index * WIDTH)))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return copy


# copy(source, target): as many numbers as a tile is wide, or as one register holds.
copy_tile_row = _copy(REGISTERS.tile_vectors)
copy_vector = _copy(1)


@intrinsic
def transpose_block(typing_context, source, source_stride, target, target_stride, rows):
    """Transpose WIDTH × WIDTH numbers: target[k][i] = source[i][k].

    Where the source has fewer than WIDTH rows, its last one is read again instead of what lies behind it. Whole vectors
    are written, in ascending order of k: with a target stride under WIDTH each write overlaps the end of the one before.
    """

    def generate(context, builder, signature, arguments):
        source, source_stride, target, target_stride, count = arguments
        source, target = pointer(builder, source), pointer(builder, target)
        last = builder.sub(count, INT64(1))
        rows = []
        for row in range(WIDTH):
            present = builder.select(builder.icmp_signed("<", INT64(row), count), INT64(row), last)
            rows.append(load(builder, at(builder, source, builder.mul(source_stride, present)), WIDTH))
        for index, column in enumerate(transposed(builder, rows)):
            store(builder, column, at(builder, target, builder.mul(target_stride, INT64(index))))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


def register_symbol(name: str, function_address: int | None) -> None:
    """Let compiled code call a function by name; needed once a process, before the code that calls it is loaded."""
    assert function_address
    llvmlite.binding.add_symbol(name, function_address)


PRODUCT_SYMBOL = "playground_product"


@intrinsic
def call_product(typing_context, form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate, workspace):
    """Call the matrix product of `packed`, which registers itself under a name.

    Calling across such a border keeps LLVM from compiling all of it again inside each caller.
    """

    def generate(context, builder, signature, arguments):
        builder.call(external(builder, PRODUCT_SYMBOL, VOID, [INT64] * 12), arguments)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 12), generate


def _array_at(item: Any) -> Any:
    @intrinsic
    def array_at(typing_context, place, size):
        kind = types.Array(item, 1, "C")

        def generate(context, builder, signature, arguments):
            start, size = arguments
            array = context.make_array(kind)(context, builder)
            data = builder.inttoptr(start, context.get_data_type(item).as_pointer())
            bytes_each = context.get_constant(types.intp, item.bitwidth // 8)
            populate_array(array, data, [size], [bytes_each], bytes_each, None)
            return array._getvalue()

        return kind(types.int64, types.int64), generate

    return array_at


# floats_at(address, size), integers_at(address, size): the numbers there as an array that doesn't keep them alive.
floats_at = _array_at(types.float32)
integers_at = _array_at(types.int64)
