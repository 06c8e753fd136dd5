"""How functions become device code: the same Python functions as everywhere else, with what they call exchanged.

A kernel's whole call graph is copied: every function of this package that it reaches is copied too, and the moves that
need an instruction of their own (`primitives`) take the place of their NumPy forms. So the catalog is written once,
and an interpreter of Plans can be built twice, over two kinds of matrix product and of barrier.
"""

from __future__ import annotations

import builtins
import dis
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from playground.catalog import elementary
from playground.kernels.cache import cuda_cache
from playground.kernels.cuda import primitives as cuda_primitives
from playground.kernels.cuda.target import SIMULATED, load, package

PRIMITIVES: dict[Any, Any] = {
    min: cuda_primitives.smaller,
    max: cuda_primitives.larger,
    elementary.floor: cuda_primitives.floor,
    elementary.sqrt: cuda_primitives.sqrt,
    elementary.power_of_two: cuda_primitives.power_of_two,
    elementary.exponent: cuda_primitives.exponent,
    elementary.mantissa: cuda_primitives.mantissa,
}

# The packages' words for the same: put into whoever calls it; and compiled by NVVM alone, whatever else is installed.
_INLINE: dict[str, Any] = {"forceinline": True} if package() == "numba_cuda" else {"inline": True}
_KERNEL: dict[str, Any] = {"lto": False} if package() == "numba_cuda" else {}


class _Simulator:
    """``cuda`` as device functions see it in the simulator, which knows a running kernel's thread by itself."""

    def __getattr__(self, name: str) -> Any:
        from importlib import import_module

        return getattr(import_module("numba.cuda.simulator.kernel")._get_kernel_context(), name)


class Device:
    """Makes kernels and the functions that they call.

    Parameters
    ----------
    exchanged
        Functions that others take the place of, wherever they are called.
    """

    def __init__(self, exchanged: Mapping[Callable[..., Any], Callable[..., Any]] = {}) -> None:
        self._exchanged = {**PRIMITIVES, **exchanged}
        self._made: dict[Any, Any] = {}
        self._simulator = _Simulator()

    def kernel(self, function: Callable[..., Any], max_registers: int | None = None) -> Any:
        """Compile a function, on its first call, that a host can launch: ``kernel[blocks, threads, stream](…)``."""
        copy = self._copy(function)
        if SIMULATED:
            return load().jit(_with_bare_arrays(copy))
        with cuda_cache():
            return load().jit(copy, cache=True, fastmath=False, max_registers=max_registers, **_KERNEL)

    def _device(self, function: Any) -> Any:
        """What a device function calls in the place of ``function``."""
        if function in self._exchanged:
            other = self._exchanged[function]
            # Intrinsics stand as they are.
            return self._device(other) if isinstance(other, FunctionType) and other is not function else other
        if function not in self._made:
            copy = self._copy(function)
            if not SIMULATED:
                copy = load().jit(copy, device=True, fastmath=False, **_INLINE)
            self._made[function] = copy
        return self._made[function]

    def _copy(self, function: Any) -> FunctionType:
        """The same code over names that mean device functions."""
        names = dict(function.__globals__)
        for name in _names_in(function.__code__):
            if name in names:
                names[name] = self._translated(names[name])
            elif getattr(builtins, name, None) in (min, max):
                names[name] = self._device(getattr(builtins, name))
        cells = None
        if function.__closure__:
            cells = tuple(_cell(self._translated(cell.cell_contents)) for cell in function.__closure__)
        copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
        copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
        copy.__doc__ = function.__doc__
        return copy

    def _translated(self, value: Any) -> Any:
        # A CPU kernel is meant as its source.
        value = getattr(value, "py_func", value)
        if isinstance(value, FunctionType):
            return self._device(value)
        if SIMULATED and isinstance(value, ModuleType) and value is load():
            return self._simulator
        return value


def _names_in(code: CodeType) -> set[str]:
    """Global names that code, or functions within it, read."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return found.union(*(_names_in(part) for part in inner))


def _cell(content: Any) -> Any:
    return (lambda: content).__closure__[0]  # type: ignore[index]


def _with_bare_arrays(function: FunctionType) -> Callable[..., Any]:
    """The simulator wraps arrays twice, which makes each access many times slower; a kernel here gets NumPy's own."""

    def call(*arguments: Any) -> None:
        function(*(bare(argument) for argument in arguments))

    return call


def bare(argument: Any) -> Any:
    """NumPy's own array out of the simulator's, also within named tuples."""
    if isinstance(argument, tuple):
        return type(argument)(*(bare(part) for part in argument))
    return getattr(getattr(argument, "_item", argument), "_ary", argument)
