"""Metrics: how good the predictions are in terms that people use, beside the loss; as scikit-learn defines them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.catalog.record import Record

Array = Any


@dataclass(frozen=True)
class Metric(Record):
    """A metric.

    Parameters
    ----------
    compute
        ``f(predicted, true) -> float``. Classes: both are class numbers (rows,) or 0/1 labels (rows, labels).
        Regression: both are values in the data's units (rows, outputs).
    percent
        Whether people read it in percent.
    larger_is_better
        Direction of improvement.
    """

    compute: Callable[[Array, Array], float]
    percent: bool
    larger_is_better: bool


def accuracy(predicted: Array, true: Array) -> float:
    """Share of rows that are right, 0 … 1; with several labels a row counts only if all of them are."""
    equal = predicted == true
    return float(equal.all(axis=1).mean() if equal.ndim == 2 else equal.mean()) if len(true) else float("nan")


def rmse(predicted: Array, true: Array) -> float:
    """Root of the mean squared error in the data's units; with several outputs the mean of theirs."""
    return float(np.sqrt(((predicted - true) ** 2).mean(axis=0)).mean()) if len(true) else float("nan")


def r2(predicted: Array, true: Array) -> float:
    """Share of the variance explained: 1 is perfect, 0 is no better than the mean; outputs count alike.

    An output that never varies counts 1 if it is met exactly and 0 otherwise, as in scikit-learn.
    """
    if len(true) < 2:
        return float("nan")
    residual = ((predicted - true) ** 2).sum(axis=0)
    total = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    varies = total > 0
    explained = 1 - residual / np.where(varies, total, 1.0)
    return float(np.where(varies, explained, np.where(residual == 0, 1.0, 0.0)).mean())


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy",
            "Accuracy",
            "Share of rows predicted right; with several labels, a row counts only if all of them are.",
            compute=accuracy,
            percent=True,
            larger_is_better=True,
        ),
        Metric(
            "rmse",
            "RMSE",
            "Typical error in the data's own units: the root of the mean squared error.",
            compute=rmse,
            percent=False,
            larger_is_better=False,
        ),
        Metric(
            "r2",
            "R²",
            "Share of the variance explained: 1 is perfect, 0 is no better than always saying the mean.",
            compute=r2,
            percent=False,
            larger_is_better=True,
        ),
    )
}
