"""NumPy's own OpenBLAS called through its C interface from compiled code, as a program in C would call it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from playground.arrays import Float32
from playground.bench.cases import ABT, ATB
from playground.words import tr

# What the wheels of NumPy call the function; the 64 says that sizes are int64.
SYMBOLS = ("scipy_cblas_sgemm64_", "cblas_sgemm64_")
_ROW_MAJOR, _AS_IT_IS, _TRANSPOSED = 101, 111, 112


def find() -> Any:
    """The function ``cblas_sgemm`` of the library that NumPy's wheel brings.

    Raises
    ------
    LookupError
        If this NumPy has none.
    """
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            # The library is loaded already: this finds the same one, with the same threads.
            library = ctypes.CDLL(str(path))
            for symbol in SYMBOLS:
                if hasattr(library, symbol):
                    return _declared(getattr(library, symbol))
    raise LookupError(tr("this NumPy brings no OpenBLAS of its own; its wheels from PyPI do."))


def _declared(function: Any) -> Any:
    """Say what it takes; addresses are passed as whole numbers."""
    flag, size, number = ctypes.c_int, ctypes.c_int64, ctypes.c_float
    function.argtypes = [flag, flag, flag, size, size, size, number, size, size, size, size, number, size, size]
    function.restype = None
    return function


@lru_cache(maxsize=1)
def _loop() -> Any:
    """The loop around the function, compiled once a process."""
    from playground.kernels.compiling import kernel_of_this_process

    sgemm = find()

    @kernel_of_this_process
    def loop(times, first, second, rows, columns, inner, a, a_stride, b, b_stride, c, c_stride):  # type: ignore[no-untyped-def]
        for _ in range(times):
            sgemm(_ROW_MAJOR, first, second, rows, columns, inner, 1.0, a, a_stride, b, b_stride, 0.0, c, c_stride)

    return loop


def repeater(a: Float32, b: Float32, out: Float32, form: str) -> Callable[[int], None]:
    """A function that multiplies so many times in one compiled call; the caller keeps the matrices alive."""
    loop = _loop()
    first = _TRANSPOSED if form == ATB else _AS_IT_IS
    second = _TRANSPOSED if form == ABT else _AS_IT_IS
    rows, columns = out.shape
    inner = a.shape[0] if form == ATB else a.shape[1]
    places = [number for matrix in (a, b, out) for number in (matrix.ctypes.data, matrix.shape[1])]

    def run(times: int) -> None:
        loop(times, first, second, rows, columns, inner, *places)

    return run
