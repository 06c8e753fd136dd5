"""What threads need that Python can't say: whole operations on shared counters, waiting, and how each rounds to zero."""

from __future__ import annotations

import ctypes
import os
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from playground.kernels.simd.emit import BYTE, INT32, INT64, VOID, Builder, Value, at, external, intrinsic
from playground.kernels.simd.host import IS_ARM, IS_X86
from playground.kernels.simd.memory import register_symbol


def _place(context: Any, builder: Builder, kind: Any, array: Value, index: Value) -> Value:
    return at(builder, context.make_array(kind)(context, builder, array).data, index)


@intrinsic
def atomic_load(typing_context, array, index):
    """array[index] (int64), and everything that was written before it was stored."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(_place(context, builder, signature.args[0], *arguments), "acquire", 8)

    return types.int64(array, types.int64), generate


@intrinsic
def atomic_store(typing_context, array, index, value):
    """array[index] = value (int64); whoever loads it sees everything written before."""

    def generate(context, builder, signature, arguments):
        array, index, value = arguments
        builder.store_atomic(value, _place(context, builder, signature.args[0], array, index), "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate


@intrinsic
def atomic_add(typing_context, array, index, value):
    """array[index] += value (int64) in one piece; returns what was there."""

    def generate(context, builder, signature, arguments):
        array, index, value = arguments
        return builder.atomic_rmw("add", _place(context, builder, signature.args[0], array, index), value, "seq_cst")

    return types.int64(array, types.int64, types.int64), generate


@intrinsic
def compare_and_swap(typing_context, array, index, expected, value):
    """array[index] = value if it is still what was expected, in one piece; whether it was."""

    def generate(context, builder, signature, arguments):
        array, index, expected, value = arguments
        place = _place(context, builder, signature.args[0], array, index)
        return builder.extract_value(builder.cmpxchg(place, expected, value, "acq_rel", "acquire"), 1)

    return types.boolean(array, types.int64, types.int64, types.int64), generate


@intrinsic
def pause(typing_context):
    """Tell the processor that this is a waiting loop."""

    def generate(context, builder, signature, arguments):
        if IS_X86:
            builder.call(external(builder, "llvm.x86.sse2.pause", VOID, []), [])
        elif IS_ARM:
            builder.asm(ir.FunctionType(VOID, []), "yield", "", [], True)
        return context.get_dummy_value()

    return types.void(), generate


def _register_give_way() -> None:
    """Register the system's function that lets another thread run."""
    if os.name == "nt":
        function: Any = ctypes.WinDLL("kernel32").SwitchToThread  # type: ignore[attr-defined]
    else:
        function = ctypes.CDLL(None).sched_yield
    register_symbol("playground_give_way", ctypes.cast(function, ctypes.c_void_p).value)


_register_give_way()


@intrinsic
def give_way(typing_context):
    """Let the system run another thread on this core."""

    def generate(context, builder, signature, arguments):
        builder.call(external(builder, "playground_give_way", INT32, []), [])
        return context.get_dummy_value()

    return types.void(), generate


# Bits of the x86 control register that take numbers under 1.2e-38 for zero, as results and as operands.
_X86_FLUSH = 0x8040
# The bit of ARM's control register that does both.
_ARM_FLUSH = 1 << 24


@intrinsic
def rounding(typing_context):
    """How this thread rounds, as a number for `set_rounding`."""

    def generate(context, builder, signature, arguments):
        return _control(builder)

    return types.int64(), generate


@intrinsic
def set_rounding(typing_context, state):
    """Let this thread round as `rounding` or `flushing` described it."""

    def generate(context, builder, signature, arguments):
        _set_control(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def flushing(typing_context, state):
    """The same rounding, but with numbers under 1.2e-38 taken for zero.

    Arithmetic on such numbers takes processors ten times as long, and a converged network is full of them.
    """
    bits = _X86_FLUSH if IS_X86 else _ARM_FLUSH if IS_ARM else 0

    def generate(context, builder, signature, arguments):
        return builder.or_(arguments[0], INT64(bits))

    return types.int64(types.int64), generate


def _control(builder: Builder) -> Value:
    """The floating-point control register as int64; 0 where it is unknown."""
    if IS_X86:
        place = cgutils.alloca_once(builder, INT32)
        function = external(builder, "llvm.x86.sse.stmxcsr", VOID, [BYTE.as_pointer()])
        builder.call(function, [builder.bitcast(place, BYTE.as_pointer())])
        return builder.zext(builder.load(place), INT64)
    if IS_ARM:
        return builder.call(external(builder, "llvm.aarch64.get.fpcr", INT64, []), [])
    return INT64(0)


def _set_control(builder: Builder, value: Value) -> None:
    if IS_X86:
        place = cgutils.alloca_once(builder, INT32)
        builder.store(builder.trunc(value, INT32), place)
        function = external(builder, "llvm.x86.sse.ldmxcsr", VOID, [BYTE.as_pointer()])
        builder.call(function, [builder.bitcast(place, BYTE.as_pointer())])
    elif IS_ARM:
        builder.call(external(builder, "llvm.aarch64.set.fpcr", VOID, [INT64]), [value])
