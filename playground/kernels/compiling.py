"""How kernels are compiled: one set of options, and the catalog's scalar functions made callable from kernels."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from playground.catalog import activations, elementary, losses, optimizers, schedules
from playground.kernels import dropping, shuffling
from playground.kernels.cache import prepare_cache


def _load_numba() -> None:
    """Load Numba without SciPy's linear algebra, which it would ask for: a third of the start, for products not ours."""
    blas = "scipy.linalg.cython_blas"
    if blas in sys.modules:
        return
    # An entry None makes importing it fail at once, which Numba takes for a machine without it.
    sys.modules[blas] = None  # type: ignore[assignment]
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules[blas]


prepare_cache()
_load_numba()

from numba import njit  # noqa: E402
from numba.extending import register_jitable  # noqa: E402

from playground.kernels.simd import vectors  # noqa: E402

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be regrouped and a·b + c fused, which is what fills vector registers. NaN and infinity keep their meaning
# (no "nnan", "ninf"): a run that blows up must be seen.
FAST_MATH = {"reassoc", "contract", "arcp", "nsz"}
# error_model "numpy": a division by zero gives infinity instead of a check for an exception in every loop.
_OPTIONS: dict[str, Any] = {"fastmath": FAST_MATH, "error_model": "numpy"}


def kernel(function: Function) -> Function:
    """Compile a function to machine code on first use: it releases the GIL and is kept on disk."""
    compiled: Function = njit(nogil=True, cache=True, boundscheck=False, **_OPTIONS)(function)
    return compiled


def kernel_of_this_process(function: Function) -> Function:
    """A kernel that isn't kept on disk, as it calls a function of a library: the next process has that elsewhere."""
    compiled: Function = njit(nogil=True, boundscheck=False, **_OPTIONS)(function)
    return compiled


def inlined_kernel(function: Function) -> Function:
    """A kernel that is put into the kernels that call it: for steps so short that a call would take longer."""
    compiled: Function = njit(nogil=True, cache=True, boundscheck=False, forceinline=True, **_OPTIONS)(function)
    return compiled


# LLVM must put all of them into the loops that call them: only then does it see plain arithmetic that it can vectorize.
# (Numba's own inline="always" gives the same speed, but takes three times as long to compile.)
_INLINED: dict[str, Any] = {"forceinline": True, **_OPTIONS}
# Running means must add up as they are written: β·s + (1 − β)·g² regrouped to g² + β·(s − g²) loses what is small in s.
# A sine's remainder x − n·π, with π in three parts, likewise.
_AS_WRITTEN: dict[str, Any] = {**_INLINED, "fastmath": {"contract"}}
vectors.add_primitives(_INLINED)


def inlined(function: Function, as_written: bool = False) -> Function:
    """Make a plain function callable from kernels, which take it in whole; it may be a closure."""
    register_jitable(**(_AS_WRITTEN if as_written else _INLINED))(function)
    return function


def dispatch(functions: Mapping[int, Callable[..., Any]], as_written: bool = False) -> Callable[..., Any]:
    """One function ``f(code, …)`` for kernels that does what ``functions[code](…)`` does; the last one takes all other codes.

    A kernel can't look functions up in a table, so this writes a chain of comparisons; where the code is the same all
    along, LLVM decides once.
    """
    *others, last = functions
    # Written out, because not every compiler takes a function of any number of arguments.
    arguments = ", ".join(f"argument_{place}" for place in range(functions[last].__code__.co_argcount))
    lines = [f"    if code == {code}: return function_{code}({arguments})" for code in others]
    text = "\n".join([f"def choose(code, {arguments}):", *lines, f"    return function_{last}({arguments})"])
    names: dict[str, Any] = {f"function_{code}": function for code, function in functions.items()}
    exec(text, names)
    return inlined(names["choose"], as_written)


def _catalog_functions() -> list[Callable[..., Any]]:
    """The scalar functions of the catalog that sums may be regrouped in."""
    functions: list[Any] = [elementary.maximum, elementary.minimum, losses.binary_cross_entropy_on_logit]
    functions += [function for function in elementary.ELEMENTARY if function not in elementary.AS_WRITTEN]
    for activation in activations.ACTIVATIONS.values():
        functions += [activation.value, activation.slope]
    for loss in losses.LOSSES.values():
        functions += [loss.value, loss.slope]
    functions += [schedule.factor for schedule in schedules.SCHEDULES.values()]
    functions += [shuffling.next_random, shuffling.shuffle]
    functions += [dropping.scrambled, dropping.drop_key, dropping.threshold, dropping.is_kept]
    # Two records may share a function, and softmax has none.
    return list(dict.fromkeys(function for function in functions if function is not None))


def _careful_functions() -> list[Callable[..., Any]]:
    """Those that are computed as they are written."""
    updates: list[Any] = [record.update for record in optimizers.OPTIMIZERS.values()]
    return list(dict.fromkeys([*elementary.AS_WRITTEN, *updates]))


for _function in _catalog_functions():
    inlined(_function)
for _function in _careful_functions():
    inlined(_function, as_written=True)

# Each record's function by its code; a new record needs no line here.
VALUES = {record.code: record.value for record in activations.ACTIVATIONS.values() if record.value is not None}
SLOPES = {record.code: record.slope for record in activations.ACTIVATIONS.values() if record.slope is not None}
loss_value = dispatch({record.code: record.value for record in losses.LOSSES.values() if record.value is not None})
loss_slope = dispatch({record.code: record.slope for record in losses.LOSSES.values() if record.slope is not None})
schedule_factor = dispatch({record.code: record.factor for record in schedules.SCHEDULES.values()})
