"""Numbers side by side as a value of their own: kernels add, multiply and compare LANES float32 numbers at once.

A `Vector` behaves in a kernel like a float32: ``+ − × ÷``, comparisons, `elementary.where` and the other primitives, mixed
with plain float32 numbers as one likes. So the catalog's formulas work on it unchanged. LLVM cuts it into the registers
that the processor has.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typeconv.castgraph import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, lower_cast, models, overload, register_model

from playground.catalog import elementary
from playground.kernels.simd.emit import (
    BOOL,
    FLOAT,
    INT32,
    INT64,
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
)
from playground.kernels.simd.host import WIDTH
from playground.kernels.simd.microkernel import MOST_LANES, multiply_add

LANES = MOST_LANES
_FLOATS = vector(LANES)
_INTS = ir.VectorType(INT32, LANES)
# Every vector in memory begins at a multiple of its own size.
_ALIGN = 4 * LANES


class Vector(types.Type):
    """LANES float32 numbers."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")

    def can_convert_from(self, typing_context: Any, other: Any) -> Any:
        """A float32 becomes a vector where one is needed."""
        return Conversion.safe if other == types.float32 else None


class Mask(types.Type):
    """What comparing two vectors gives: LANES answers."""

    def __init__(self) -> None:
        super().__init__(name=f"boolx{LANES}")


VECTOR, MASK = Vector(), Mask()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)


@lower_cast(types.Float, Vector)
def _float_to_vector(context: Any, builder: Builder, source: Any, target: Any, value: Value) -> Value:
    return splat(builder, value, LANES)


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.VectorType(BOOL, LANES))


def _is_vector(*kinds: Any) -> bool:
    return any(isinstance(kind, Vector) for kind in kinds)


def _spread(builder: Builder, value: Value) -> Value:
    """A vector as it is, a number in every lane."""
    return value if isinstance(value.type, ir.VectorType) else splat(builder, value, LANES)


def _add_operator(function: Any, result: Any, emit: Callable[[Builder, Value, Value], Value]) -> None:
    """Let a kernel use an operator on two vectors, or on a vector and a float32."""

    class Template(AbstractTemplate):
        def generic(self, arguments: Any, keywords: Any) -> Any:
            fits = len(arguments) == 2 and _is_vector(*arguments)
            if fits and all(isinstance(kind, Vector) or kind == types.float32 for kind in arguments):
                return signature(result, *arguments)
            return None

    infer_global(function)(Template)

    def lower(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        return emit(builder, _spread(builder, arguments[0]), _spread(builder, arguments[1]))

    for kinds in ((Vector, Vector), (Vector, types.Float), (types.Float, Vector)):
        lower_builtin(function, *kinds)(lower)


def _arithmetic(name: str) -> Any:
    return lambda builder, x, y: getattr(builder, name)(x, y)


def _comparison(sign: str) -> Any:
    return lambda builder, x, y: builder.fcmp_ordered(sign, x, y)


for _operator, _inplace, _name in (
    (operator.add, operator.iadd, "fadd"),
    (operator.sub, operator.isub, "fsub"),
    (operator.mul, operator.imul, "fmul"),
    (operator.truediv, operator.itruediv, "fdiv"),
):
    for _function in (_operator, _inplace):
        _add_operator(_function, VECTOR, _arithmetic(_name))
for _operator, _sign in ((operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">=")):
    _add_operator(_operator, MASK, _comparison(_sign))


def _add_function(function: Any, emit: Callable[[Builder, Value], Value]) -> None:
    """Let a kernel use a function of one argument, given as a global name, on a vector."""

    class Template(AbstractTemplate):
        def generic(self, arguments: Any, keywords: Any) -> Any:
            return signature(VECTOR, *arguments) if len(arguments) == 1 and _is_vector(*arguments) else None

    infer_global(function)(Template)
    lower_builtin(function, Vector)(lambda context, builder, signature, arguments: emit(builder, arguments[0]))


def _call(name: str) -> Callable[[Builder, Value], Value]:
    """One of LLVM's own functions of one vector."""
    return lambda builder, x: builder.call(external(builder, f"llvm.{name}.v{LANES}f32", _FLOATS, [_FLOATS]), [x])


_add_function(operator.neg, lambda builder, x: builder.fneg(x))
_add_function(abs, _call("fabs"))


def _vector_function(emit: Callable[[Builder, Value], Value]) -> Any:
    @intrinsic
    def function(typing_context, x):
        if not _is_vector(x):
            return None
        return VECTOR(x), lambda context, builder, signature, arguments: emit(builder, arguments[0])

    return function


def _power_of_two(builder: Builder, n: Value) -> Value:
    whole = builder.add(builder.fptosi(n, _INTS), lane_numbers([127] * LANES))
    return builder.bitcast(builder.shl(whole, lane_numbers([23] * LANES)), _FLOATS)


def _exponent(builder: Builder, x: Value) -> Value:
    bits = builder.ashr(builder.bitcast(x, _INTS), lane_numbers([23] * LANES))
    return builder.sitofp(builder.sub(bits, lane_numbers([126] * LANES)), _FLOATS)


def _mantissa(builder: Builder, x: Value) -> Value:
    bits = builder.and_(builder.bitcast(x, _INTS), lane_numbers([0x007FFFFF] * LANES))
    return builder.bitcast(builder.or_(bits, lane_numbers([0x3F000000] * LANES)), _FLOATS)


@intrinsic
def _choose(typing_context, condition, a, b):
    """Lane by lane ``a`` where the condition holds, else ``b``."""

    def generate(context, builder, signature, arguments):
        condition, a, b = arguments
        return builder.select(condition, _spread(builder, a), _spread(builder, b))

    return VECTOR(condition, a, b), generate


def add_primitives(options: Any) -> None:
    """Make the catalog's primitives callable from kernels: on float32 as they are written, on vectors in their own form."""
    forms = {
        elementary.floor: _vector_function(_call("floor")),
        elementary.sqrt: _vector_function(_call("sqrt")),
        elementary.power_of_two: _vector_function(_power_of_two),
        elementary.exponent: _vector_function(_exponent),
        elementary.mantissa: _vector_function(_mantissa),
    }
    assert {*forms, elementary.where} == set(elementary.PRIMITIVES)
    for function, form in forms.items():
        _add_form(function, form, options)
    where = elementary.where

    @overload(where, jit_options=options)
    def where_in_kernels(condition, a, b):
        if isinstance(condition, Mask):
            return lambda condition, a, b: _choose(condition, a, b)
        return where


def _add_form(function: Any, form: Any, options: Any) -> None:
    @overload(function, jit_options=options)
    def in_kernels(x):
        return (lambda x: form(x)) if _is_vector(x) else function


@intrinsic
def load_vector(typing_context, place, index):
    """The LANES numbers at an index (a multiple of LANES) from an address (a multiple of 64)."""

    def generate(context, builder, signature, arguments):
        return load(builder, at(builder, pointer(builder, arguments[0]), arguments[1]), LANES, _ALIGN)

    return VECTOR(types.int64, types.int64), generate


@intrinsic
def store_vector(typing_context, place, index, value):
    """Write a vector at an index (a multiple of LANES) from an address (a multiple of 64)."""

    def generate(context, builder, signature, arguments):
        store(builder, arguments[2], at(builder, pointer(builder, arguments[0]), arguments[1]), _ALIGN)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, VECTOR), generate


@intrinsic
def spread(typing_context, number):
    """A vector with the number in every lane."""
    return VECTOR(types.float32), lambda context, builder, signature, arguments: splat(builder, arguments[0], LANES)


@intrinsic
def lane_indices(typing_context):
    """The vector 0, 1, 2, …"""
    return VECTOR(), lambda context, builder, signature, arguments: ir.Constant(_FLOATS, [float(i) for i in range(LANES)])


@intrinsic
def sum_of_lanes(typing_context, x):
    """The sum of a vector's numbers."""

    def generate(context, builder, signature, arguments):
        function = external(builder, f"llvm.vector.reduce.fadd.v{LANES}f32", FLOAT, [FLOAT, _FLOATS])
        total = builder.call(function, [ir.Constant(FLOAT, 0.0), arguments[0]])
        # In any order: pairs of halves instead of one number after the other.
        total.fastmath.add("reassoc")
        return total

    return types.float32(VECTOR), generate


@intrinsic
def dot_products(typing_context, a, d, rows_of_a, rows_of_d):
    """LANES sums at once: number p is the dot product of a row of ``a`` and a row of ``d``, each LANES numbers long.

    ``rows_of_a`` and ``rows_of_d`` are addresses of int32 indices, where row p begins. Adding up inside a register takes
    as many additions as adding vectors, so the sums are woven: two vectors of partial sums become one, half as partial,
    until every lane holds the whole sum of its own.
    """

    def generate(context, builder, signature, arguments):
        a, d = pointer(builder, arguments[0]), pointer(builder, arguments[1])
        tables = [builder.inttoptr(table, INT32.as_pointer()) for table in arguments[2:]]

        def partial_sums(number: int) -> Value:
            row_a, row_d = (
                at(builder, base, builder.sext(builder.load(at(builder, table, INT64(number))), INT64))
                for base, table in zip((a, d), tables, strict=True)
            )
            total = None
            for first in range(0, LANES, WIDTH):
                x, y = (load(builder, at(builder, row, INT64(first)), WIDTH) for row in (row_a, row_d))
                total = builder.fmul(x, y) if total is None else multiply_add(builder, x, y, total)
            return total

        def woven(numbers: list[int], bit: int) -> Value:
            """One vector; a lane whose number has ``bit`` clear or set belongs to one half of the sums or the other."""
            if len(numbers) == 1:
                return partial_sums(numbers[0])
            x = woven([number for number in numbers if not number & bit], 2 * bit)
            y = woven([number for number in numbers if number & bit], 2 * bit)
            own = lane_numbers([lane if not lane & bit else WIDTH + lane for lane in range(WIDTH)])
            other = lane_numbers([lane + bit if not lane & bit else WIDTH + lane - bit for lane in range(WIDTH)])
            return builder.fadd(builder.shuffle_vector(x, y, own), builder.shuffle_vector(x, y, other))

        parts = [woven(list(range(first, first + WIDTH)), 1) for first in range(0, LANES, WIDTH)]
        while len(parts) > 1:
            both = lane_numbers(range(2 * parts[0].type.count))
            parts = [builder.shuffle_vector(x, y, both) for x, y in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    return VECTOR(*[types.int64] * 4), generate
