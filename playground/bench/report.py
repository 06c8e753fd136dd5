"""The results as a JSON file: the machine, and a row for each engine in each case."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from collections.abc import Sequence
from typing import Any

from playground.bench.rounds import Measured, Result
from playground.machine import processor_name

VERSIONS = ("numpy", "numba", "llvmlite", "torch", "scikit-learn")
# FLOP/s in the unit of each suite; samples/s are what they are.
UNITS = {"gflops": 1e9, "samples/s": 1.0}


def host() -> dict[str, Any]:
    """The machine and what is installed; a library that isn't there has no version."""
    import numpy as np

    from playground.kernels.simd.host import registers, target
    from playground.kernels.state import available_cores

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[call-overload, unused-ignore]
    features = sorted(name[1:] for name in target()[2].split(",") if name.startswith("+"))
    return {
        "processor": processor_name(),
        "cores": available_cores(),
        "registers": registers().name,
        "features": features,
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version for name in VERSIONS if (version := _version(name)) is not None},
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def ratios(measured: Measured, result: Result) -> dict[str, float]:
    """How many times as fast an engine is as each of the others that people know, at its best number of threads."""
    others = {peer: measured.result(peer) for peer in measured.case.peers if peer != result.engine}
    return {peer: result.over(other)[0] for peer, other in others.items() if other is not None and other.rates}


def rows(measured: Measured) -> list[dict[str, Any]]:
    """A case's rows for the file.

    An engine that was wrong has no value, but says why; ``busy`` says that other programs were at work.
    """
    case = measured.case
    table = []
    for result in measured.results:
        row: dict[str, Any] = {"suite": case.suite, "case": case.name, "engine": result.engine, "threads": result.threads}
        if result.rates:
            compared = {peer: _rounded(ratio) for peer, ratio in ratios(measured, result).items()}
            row |= {"value": _rounded(result.value / UNITS[case.unit]), "unit": case.unit, "ratio_to": compared}
            row |= {"spread": _rounded(result.spread)}
            if case.suite == "matmul" and result.threads in measured.peaks:
                row |= {"peak_share": _rounded(result.over(measured.peaks[result.threads])[0])}
            if not measured.is_free:
                row |= {"busy": True}
        else:
            row |= {"value": None, "unit": case.unit, "ratio_to": {}, "wrong": result.wrong}
        table.append(row)
    return table


def _rounded(value: float) -> float:
    """Five digits: more than any measurement has."""
    return float(f"{value:.5g}")


def as_json(machine: dict[str, Any], results: Sequence[Measured]) -> bytes:
    """The whole file, UTF-8, indented for people."""
    cases = [row for measured in results for row in rows(measured)]
    return (json.dumps({"host": machine, "cases": cases}, ensure_ascii=False, indent=1) + "\n").encode()
