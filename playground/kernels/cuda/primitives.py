"""The few moves that kernels for the GPU make and Numba has no word for: four numbers at once, bit moves, fences, tensor cores.

Each is an ``@intrinsic`` that emits the instruction, and beside it, for Numba's simulator, a Python function that does
the same. Indices are counted in numbers from the array's start and never negative, so nothing is checked or wrapped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from playground.kernels.cuda.target import SIMULATED

if SIMULATED:

    def load(array, index):
        """The number at an index."""
        return array[index]

    def load4(array, index):
        """Four float32 numbers from an index that is a multiple of four."""
        return array[index], array[index + 1], array[index + 2], array[index + 3]

    def store4(array, index, numbers):
        """Write four float32 numbers from an index that is a multiple of four on."""
        for i in range(4):
            array[index + i] = numbers[i]

    def load_fresh(array, index):
        """An int32 as it is in memory now, whoever wrote it, also the host."""
        return int(array[index])

    def quotient(a, b):
        """a // b for 0 ≤ a, b < 2³¹: many times faster than a division of 64-bit numbers."""
        return int(a) // int(b)

    def floor(x):
        return np.floor(x)

    def sqrt(x):
        return np.sqrt(x)

    def bits_of(x):
        return np.float32(x).view(np.int32)

    def from_bits(bits):
        return np.int32(bits).view(np.float32)

    def rounded_to_tf32(x):
        """The nearest number with 10 bits after the point, ties away from zero, as the tensor cores take it."""
        return np.uint32((int(np.float32(x).view(np.uint32)) + 0x1000) & 0xFFFFE000).view(np.float32)

    def multiply_fragments(a, b, quad):
        """Takes a whole warp, which the simulator has not; see `tensor_cores`."""
        raise NotImplementedError

else:
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.cuda.extending import intrinsic

    _FLOAT, _INT, _LONG = ir.FloatType(), ir.IntType(32), ir.IntType(64)

    def _place(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
        """Pointer to an array's number at an index."""
        data = context.make_array(array_type)(context, builder, array).data
        return builder.gep(data, [index])

    def _quad(builder: Any, place: Any) -> Any:
        return builder.bitcast(place, ir.VectorType(_FLOAT, 4).as_pointer(place.type.addrspace))

    @intrinsic
    def load(typingctx, array, index):
        """The number at an index."""

        def emit(context, builder, signature, arguments):
            return builder.load(_place(context, builder, signature.args[0], *arguments))

        return array.dtype(array, types.int64), emit

    @intrinsic
    def load4(typingctx, array, index):
        """Four float32 numbers from an index that is a multiple of four."""

        def emit(context, builder, signature, arguments):
            place = _quad(builder, _place(context, builder, signature.args[0], *arguments))
            quad = builder.load(place, align=16)
            numbers = [builder.extract_element(quad, _INT(i)) for i in range(4)]
            return context.make_tuple(builder, signature.return_type, numbers)

        return types.UniTuple(types.float32, 4)(array, types.int64), emit

    @intrinsic
    def store4(typingctx, array, index, numbers):
        """Write four float32 numbers from an index that is a multiple of four on."""

        def emit(context, builder, signature, arguments):
            place = _quad(builder, _place(context, builder, signature.args[0], *arguments[:2]))
            quad = ir.Constant(ir.VectorType(_FLOAT, 4), ir.Undefined)
            for i in range(4):
                quad = builder.insert_element(quad, builder.extract_value(arguments[2], i), _INT(i))
            builder.store(quad, place, align=16)
            return context.get_dummy_value()

        return types.void(array, types.int64, types.UniTuple(types.float32, 4)), emit

    @intrinsic
    def load_fresh(typingctx, array, index):
        """An int32 as it is in memory now, whoever wrote it, also the host."""

        def emit(context, builder, signature, arguments):
            place = _place(context, builder, signature.args[0], *arguments)
            kind = ir.FunctionType(_INT, [place.type])
            volatile = ir.InlineAsm(kind, "ld.volatile.s32 $0, [$1];", "=r,l,~{memory}", side_effect=True)
            return builder.call(volatile, [place])

        return types.int32(array, types.int64), emit

    @intrinsic
    def quotient(typingctx, a, b):
        """a // b for 0 ≤ a, b < 2³¹: many times faster than a division of 64-bit numbers."""

        def emit(context, builder, signature, arguments):
            short = [builder.trunc(argument, _INT) for argument in arguments]
            return builder.zext(builder.udiv(*short), _LONG)

        return types.int64(types.int64, types.int64), emit

    def _one_instruction(name: str) -> Any:
        @intrinsic
        def call(typingctx, x):
            def emit(context, builder, signature, arguments):
                kind = ir.FunctionType(_FLOAT, [_FLOAT])
                return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)

            return types.float32(types.float32), emit

        return call

    # NVVM before CUDA 12.5 knows no "llvm.floor".
    floor = _one_instruction("llvm.nvvm.floor.f")
    sqrt = _one_instruction("llvm.sqrt.f32")

    @intrinsic
    def bits_of(typingctx, x):
        """The bits of a float32 as an int32."""

        def emit(context, builder, signature, arguments):
            return builder.bitcast(arguments[0], _INT)

        return types.int32(types.float32), emit

    @intrinsic
    def from_bits(typingctx, bits):
        """The float32 with these bits."""

        def emit(context, builder, signature, arguments):
            return builder.bitcast(arguments[0], _FLOAT)

        return types.float32(types.int32), emit

    @intrinsic
    def rounded_to_tf32(typingctx, x):
        """The nearest number with 10 bits after the point, ties away from zero, as the tensor cores take it."""

        def emit(context, builder, signature, arguments):
            kind = ir.FunctionType(_INT, [_FLOAT])
            convert = ir.InlineAsm(kind, "cvt.rna.tf32.f32 $0, $1;", "=r,f")
            return builder.bitcast(builder.call(convert, arguments), _FLOAT)

        return types.float32(types.float32), emit

    _MMA = "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {$0,$1,$2,$3}, {$4,$5,$6,$7}, {$8,$9}, {$10,$11,$12,$13};"

    @intrinsic
    def multiply_fragments(typingctx, a, b, quad):
        """The tensor cores' instruction: what this thread brings of A (4 numbers) and B (2), and its sums so far (4)."""

        def emit(context, builder, signature, arguments):
            brought = [builder.extract_value(arguments[0], i) for i in range(4)]
            brought += [builder.extract_value(arguments[1], i) for i in range(2)]
            sums = [builder.extract_value(arguments[2], i) for i in range(4)]
            kind = ir.FunctionType(ir.LiteralStructType([_FLOAT] * 4), [_INT] * 6 + [_FLOAT] * 4)
            product = ir.InlineAsm(kind, _MMA, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f", side_effect=True)
            result = builder.call(product, [builder.bitcast(x, _INT) for x in brought] + sums)
            return context.make_tuple(builder, signature.return_type, [builder.extract_value(result, i) for i in range(4)])

        return types.UniTuple(types.float32, 4)(a, b, quad), emit


# What stands for `min` and `max`, which not every compiler has for two numbers, and for the primitives of
# `catalog.elementary`.


def smaller(a, b):
    """The smaller of two numbers."""
    return a if a < b else b


def larger(a, b):
    """The larger of two numbers."""
    return a if a > b else b


def power_of_two(x):
    """2ˣ for a whole number −126 … 127, written straight into the exponent bits."""
    return from_bits((np.int32(x) + np.int32(127)) << np.int32(23))


def exponent(x):
    """e of x = m · 2ᵉ with m in [½, 1), for x from 2⁻¹²⁶ on."""
    return np.float32((bits_of(x) >> np.int32(23)) - np.int32(126))


def mantissa(x):
    """m of x = m · 2ᵉ with m in [½, 1), for x from 2⁻¹²⁶ on."""
    return from_bits((bits_of(x) & np.int32(0x007FFFFF)) | np.int32(0x3F000000))
