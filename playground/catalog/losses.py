"""Losses: how wrong the outputs are, each beside its slope; one block adds one everywhere.

Scalar forms take an output ``a`` and its target ``t`` as ``np.float32``; the compiled backends use them. The array forms
are the same on NumPy arrays. Two standard pairs are fused: sigmoid with binary cross-entropy, softmax with categorical
cross-entropy. There the slope with respect to the logit is simply ``a − t`` (C. Bishop, Pattern Recognition and Machine
Learning, 2006, section 4.3), and the value is computed from the logits, where nothing can overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.catalog.elementary import HALF, ONE, TWO, ZERO, exp, log, maximum
from playground.catalog.record import Record

Array = Any
ScalarFunction = Callable[..., Any]

# torch keeps the denominators of these slopes above this (torch.nn.functional.binary_cross_entropy).
SMALLEST = np.float32(1e-12)


@dataclass(frozen=True)
class Loss(Record):
    """A loss function.

    Parameters
    ----------
    formula
        The function for one output, written as in a textbook.
    code
        Number by which compiled code knows it; never stored in a file.
    value, slope
        Scalar forms ``f(a, t)`` and ``∂f/∂a (a, t)``; None where the loss exists only fused.
    array, array_slope
        NumPy forms of the two.
    logit_array
        NumPy form of the fused value, ``f(z, t)`` on logits: elementwise, or per row for categorical cross-entropy.
    fused_with
        Output activation with which it is computed on logits; empty if there is none.
    mean_over
        ``"elements"``: the mean over rows and outputs; ``"rows"``: summed over outputs, the mean over rows.
    tasks
        Names of the tasks it can be chosen for.
    outputs
        Output activations it makes sense with; empty for any.
    """

    formula: str
    code: int
    value: ScalarFunction | None
    slope: ScalarFunction | None
    array: Callable[..., Array] | None
    array_slope: Callable[..., Array] | None
    tasks: tuple[str, ...]
    mean_over: str = "elements"
    logit_array: Callable[..., Array] | None = None
    fused_with: str = ""
    outputs: tuple[str, ...] = ()
    torch: str = ""
    keras: str = ""


LOSSES: dict[str, Loss] = {}


def loss(name: str, **fields: Any) -> Callable[[ScalarFunction], ScalarFunction]:
    """Register the decorated scalar function as a loss; the fields are those of `Loss`."""

    def register(value: ScalarFunction) -> ScalarFunction:
        LOSSES[name] = Loss(name=name, code=len(LOSSES), value=value, **fields)
        return value

    return register


def binary_cross_entropy_slope(a, t):
    return (a - t) / maximum(a * (ONE - a), SMALLEST)


def binary_cross_entropy_on_logit(z, t):
    """−t·log σ(z) − (1 − t)·log(1 − σ(z)), rewritten so that only e^−|z| is computed."""
    return maximum(z, ZERO) - z * t + log(ONE + exp(-abs(z)))


@loss(
    "binary_cross_entropy",
    title="Binary cross-entropy",
    description="Charges each output by how surprised it is by the truth; made for sigmoid outputs.",
    formula="−t·log a − (1−t)·log(1−a)",
    slope=binary_cross_entropy_slope,
    array=lambda a, t: -(t * np.log(np.maximum(a, 1e-38)) + (1 - t) * np.log(np.maximum(1 - a, 1e-38))),
    array_slope=lambda a, t: (a - t) / np.maximum(a * (1 - a), 1e-12),
    logit_array=lambda z, t: np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))),
    tasks=("binary", "multiclass", "multilabel"),
    fused_with="sigmoid",
    outputs=("sigmoid", "softmax"),
    torch="BCELoss",
    keras="binary_crossentropy",
)
def binary_cross_entropy(a, t):
    return -(t * log(a) + (ONE - t) * log(ONE - a))


def log_sum_exp(z: Array) -> Array:
    """log Σ e^z along the last axis; the largest z is taken out first, so nothing overflows."""
    largest = z.max(axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.exp(z - largest).sum(axis=-1))


# One row is one loss here, so there is no scalar form; softmax is the only output whose rows add up to 1.
LOSSES["categorical_cross_entropy"] = Loss(
    name="categorical_cross_entropy",
    title="Categorical cross-entropy",
    description="Charges each row by how little probability its true class was given; made for softmax outputs.",
    formula="−Σ tᵢ·log aᵢ",
    code=len(LOSSES),
    value=None,
    slope=None,
    array=None,
    array_slope=None,
    logit_array=lambda z, t: t.sum(axis=-1) * log_sum_exp(z) - (t * z).sum(axis=-1),
    tasks=("multiclass", "multilabel"),
    mean_over="rows",
    fused_with="softmax",
    outputs=("softmax",),
    torch="CrossEntropyLoss",
    keras="categorical_crossentropy",
)


def mean_squared_error_slope(a, t):
    return TWO * (a - t)


@loss(
    "mean_squared_error",
    title="Mean squared error",
    description="The squared distance to the target, averaged; large misses count most. The usual choice for regression.",
    formula="(a − t)²",
    slope=mean_squared_error_slope,
    array=lambda a, t: (a - t) ** 2,
    array_slope=lambda a, t: 2 * (a - t),
    tasks=("binary", "multiclass", "multilabel", "regression"),
    torch="MSELoss",
    keras="mean_squared_error",
)
def mean_squared_error(a, t):
    return (a - t) * (a - t)


def half_squared_error_slope(a, t):
    return a - t


@loss(
    "half_squared_error",
    title="Half squared error",
    description="Half the squared distance, summed over outputs: what TensorFlow Playground uses for everything.",
    formula="½·(a − t)²",
    slope=half_squared_error_slope,
    array=lambda a, t: 0.5 * (a - t) ** 2,
    array_slope=lambda a, t: a - t,
    tasks=("binary", "multiclass", "multilabel", "regression"),
    mean_over="rows",
)
def half_squared_error(a, t):
    return HALF * (a - t) * (a - t)


BINARY_CROSS_ENTROPY = LOSSES["binary_cross_entropy"].code
CATEGORICAL_CROSS_ENTROPY = LOSSES["categorical_cross_entropy"].code
HALF_SQUARED_ERROR = LOSSES["half_squared_error"].code


def loss_value(code, a, t):
    """Value of the elementwise loss with this code for output ``a`` and target ``t``."""
    if code == BINARY_CROSS_ENTROPY:
        return binary_cross_entropy(a, t)
    if code == HALF_SQUARED_ERROR:
        return half_squared_error(a, t)
    return mean_squared_error(a, t)


def loss_slope(code, a, t):
    """Slope of the elementwise loss with this code with respect to the output ``a``."""
    if code == BINARY_CROSS_ENTROPY:
        return binary_cross_entropy_slope(a, t)
    if code == HALF_SQUARED_ERROR:
        return half_squared_error_slope(a, t)
    return mean_squared_error_slope(a, t)
