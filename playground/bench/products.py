"""Matrix products on each engine: the rungs of our ladder, NumPy's OpenBLAS from Python and from C, and torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from playground.arrays import Float32
from playground.bench.cases import ABT, ATB, FORMS, MatmulCase
from playground.bench.job import Job, Paced, clocked
from playground.bench.libraries import import_torch
from playground.network.parameters import aligned_zeros

Matrix = Float32
# A sum of n products in float32 errs by about √n · 6e-8 of the sum of their sizes; a wrong one by much more.
TOLERANCE = 1e-5


def prepare(engine: str, threads: int, case: MatmulCase, seed: int) -> Job:
    """A product of random matrices, ready on an engine."""
    random = np.random.default_rng(seed)
    a = _random(random, *((case.inner, case.rows) if case.form == ATB else (case.rows, case.inner)))
    b = _random(random, *((case.columns, case.inner) if case.form == ABT else (case.inner, case.columns)))
    out = aligned_zeros(case.rows * case.columns).reshape(case.rows, case.columns)
    make = _ENGINES[engine] if engine in _ENGINES else _rung(engine)
    run = make(a, b, out, case.form, threads)

    # Some engines know the matrices by their addresses alone: this function keeps them alive.
    def error() -> float:
        run(1)
        left, right = _operands(a.astype(np.float64), b.astype(np.float64), case.form)
        return float((np.abs(out - left @ right) / (np.abs(left) @ np.abs(right))).max())

    return Job(error=error, tolerance=TOLERANCE, rate=Paced(run, case.flop).rate)


def _random(random: np.random.Generator, rows: int, columns: int) -> Matrix:
    matrix: Matrix = aligned_zeros(rows * columns).reshape(rows, columns)
    matrix[:] = random.uniform(-1, 1, (rows, columns))
    return matrix


def _operands(a: Any, b: Any, form: str) -> tuple[Any, Any]:
    """Views (rows, inner) and (inner, columns), of arrays or tensors."""
    return a.T if form == ATB else a, b.T if form == ABT else b


Run = Callable[[int], float]


def _rung(name: str) -> Callable[..., Run]:
    def make(a: Matrix, b: Matrix, out: Matrix, form: str, threads: int) -> Run:
        from playground.kernels.cpu.matmul import LADDER

        multiply, code = LADDER[name], FORMS.index(form)

        def run(times: int) -> None:
            for _ in range(times):
                multiply(a, b, out, code)

        return clocked(run)

    return make


def _repeated(a: Matrix, b: Matrix, out: Matrix, form: str, threads: int) -> Run:
    """Ours as training uses it: from compiled code, with a team that is there already."""
    from playground.kernels.cpu.matmul import by_address, repeat
    from playground.kernels.cpu.team import Team

    product, result, _ = by_address(a, b, out, FORMS.index(form), False)
    assert result is out
    team = Team(threads)

    def run(times: int) -> float:
        with team as members:
            start = time.perf_counter()
            repeat(members, product, times)
            return time.perf_counter() - start

    return run


def _numpy(a: Matrix, b: Matrix, out: Matrix, form: str, threads: int) -> Run:
    left, right = _operands(a, b, form)

    def run(times: int) -> None:
        for _ in range(times):
            np.matmul(left, right, out=out)

    return clocked(run)


def _torch(a: Matrix, b: Matrix, out: Matrix, form: str, threads: int) -> Run:
    torch = import_torch(threads)
    left, right = _operands(torch.from_numpy(a), torch.from_numpy(b), form)
    result = torch.from_numpy(out)

    def run(times: int) -> None:
        for _ in range(times):
            torch.mm(left, right, out=result)

    return clocked(run)


def _openblas_c(a: Matrix, b: Matrix, out: Matrix, form: str, threads: int) -> Run:
    from playground.bench.openblas import repeater

    return clocked(repeater(a, b, out, form))


# All others are rungs that are called from Python.
_ENGINES: dict[str, Callable[..., Run]] = {
    "packed": _repeated,
    "parallel": _repeated,
    "openblas": _numpy,
    "openblas-c": _openblas_c,
    "torch": _torch,
}
