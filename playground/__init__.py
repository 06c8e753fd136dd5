"""Neural Playground: build a small network, watch it learn, take the weights away.

As a library::

    from playground import Experiment, train, train_many, load, predict
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Experiment", "__version__", "load", "predict", "train", "train_many"]

if TYPE_CHECKING:
    from playground.api import predict
    from playground.experiment import Experiment
    from playground.formats.opening import load
    from playground.training.many_runs import train_many
    from playground.training.trainer import train

_HOMES = {
    "Experiment": "experiment",
    "train": "training.trainer",
    "train_many": "training.many_runs",
    "load": "formats.opening",
    "predict": "api",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: ``import playground`` alone costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"playground.{_HOMES[name]}"), name)
