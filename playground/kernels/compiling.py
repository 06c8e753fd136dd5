"""How kernels are compiled: one set of options, and the catalog's scalar functions made callable from kernels."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from playground.catalog import activations, elementary, losses, optimizers
from playground.kernels import shuffling
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


def inlined_kernel(function: Function) -> Function:
    """A kernel that is put into the kernels that call it: for steps so short that a call would take longer."""
    compiled: Function = njit(nogil=True, cache=True, boundscheck=False, forceinline=True, **_OPTIONS)(function)
    return compiled


def _catalog_functions() -> list[Callable[..., Any]]:
    """The scalar functions that kernels call, in the catalog's records and dispatch chains; the optimizers' aside."""
    functions: list[Any] = [elementary.maximum, elementary.minimum, *elementary.ELEMENTARY]
    for activation in activations.ACTIVATIONS.values():
        functions += [activation.value, activation.slope]
    for loss in losses.LOSSES.values():
        functions += [loss.value, loss.slope]
    functions += [activations.activate, activations.activation_slope]
    functions += [losses.loss_value, losses.loss_slope, losses.binary_cross_entropy_on_logit]
    functions += [shuffling.next_random, shuffling.shuffle]
    return [function for function in functions if function is not None]


# LLVM must put all of them into the loops that call them: only then does it see plain arithmetic that it can vectorize.
# (Numba's own inline="always" gives the same speed, but takes three times as long to compile.)
_INLINED: dict[str, Any] = {"forceinline": True, **_OPTIONS}
vectors.add_primitives(_INLINED)
for _function in _catalog_functions():
    register_jitable(**_INLINED)(_function)
# Running means must add up as they are written: β·s + (1 − β)·g² regrouped to g² + β·(s − g²) loses what is small in s.
for _function in [*(record.update for record in optimizers.OPTIMIZERS.values()), optimizers.update]:
    register_jitable(**{**_INLINED, "fastmath": {"contract"}})(_function)
