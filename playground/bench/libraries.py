"""What engines import: the libraries that are compared with, needed nowhere else, and our own kernels."""

from __future__ import annotations

import importlib
from typing import Any

from playground.bench.cases import PEAK, RUNGS

# What our own engines spend their start on.
OURS = {
    **dict.fromkeys(RUNGS, "playground.kernels.cpu.matmul"),
    PEAK: "playground.bench.peak",
    "playground": "playground.kernels.cpu.backend",
    "session": "playground.bench.sessions",
}


def import_torch(threads: int) -> Any:
    """torch, told how many threads it may use.

    Raises
    ------
    ImportError
        If it isn't installed.
    """
    import torch  # type: ignore[import-not-found, unused-ignore]

    torch.set_num_threads(threads)
    return torch


def import_scikit() -> Any:
    """``sklearn.neural_network``.

    Raises
    ------
    ImportError
        If it isn't installed.
    """
    from sklearn import neural_network

    return neural_network


def load(engine: str, threads: int) -> None:
    """Import what an engine needs: then it is known whether it is there, and engines that start together do so at once.

    Raises
    ------
    ImportError, LookupError
        If it isn't there.
    """
    if engine == "torch":
        import_torch(threads)
    elif engine == "scikit-learn":
        import_scikit()
    elif engine == "openblas-c":
        from playground.bench.openblas import find

        find()
    elif engine in OURS:
        importlib.import_module(OURS[engine])
