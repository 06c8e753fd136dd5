"""Features of a point of the plane: what a network may get beside, or instead of, its two coordinates; one record each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from playground.arrays import Array


@dataclass(frozen=True)
class Feature:
    """A feature.

    Parameters
    ----------
    name, symbol
        Name in files, and how it is written for people: ``x1_squared``, ``x₁²``.
    value
        The function of the two coordinates, elementwise on arrays.
    """

    name: str
    symbol: str
    value: Callable[[Array, Array], Array]


FEATURES: dict[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature("x1", "x₁", lambda x1, x2: x1),
        Feature("x2", "x₂", lambda x1, x2: x2),
        Feature("x1_squared", "x₁²", lambda x1, x2: x1 * x1),
        Feature("x2_squared", "x₂²", lambda x1, x2: x2 * x2),
        Feature("x1_times_x2", "x₁x₂", lambda x1, x2: x1 * x2),
        Feature("sin_x1", "sin x₁", lambda x1, x2: np.sin(x1)),
        Feature("sin_x2", "sin x₂", lambda x1, x2: np.sin(x2)),
    )
}
