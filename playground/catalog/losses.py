"""Losses: how wrong the outputs are, each beside its slope; one block adds one everywhere.

Scalar forms take an output ``a``, its target ``t`` and the one parameter ``p`` (0 where there is none) as ``np.float32``;
the compiled backends use them. The array forms are the same on NumPy arrays. Two standard pairs are fused: sigmoid with
binary cross-entropy, softmax with categorical cross-entropy. There the slope with respect to the logit is simply ``a − t``
(C. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3), and the value is computed from the logits, where
nothing can overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from playground.catalog.elementary import HALF, ONE, TINY, TWO, ZERO, exp, log, maximum, where
from playground.catalog.record import Parameter, Record, resolved, spec_type
from playground.catalog.tasks import TASKS
from playground.words import tr

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
        Scalar forms ``f(a, t, p)`` and ``∂f/∂a (a, t, p)``; None where the loss exists only fused.
    array, array_slope
        NumPy forms of the two.
    logit_array
        NumPy form of the fused value, ``f(z, t)`` on logits: elementwise, or per row for categorical cross-entropy.
    fused_with
        Output activations with which it is computed on logits.
    mean_over
        ``"elements"``: the mean over rows and outputs; ``"rows"``: summed over outputs, the mean over rows.
    tasks
        Names of the tasks it can be chosen for.
    outputs
        Output activations it makes sense with; empty for any.
    signed
        Whether it wants classes as −1 and 1 instead of 0 and 1.
    source
        The paper or book that the formula is from.
    parameters
        The spec's numbers; the first one, if any, is ``p``.
    spec
        The struct that holds them in an experiment; None without parameters.
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
    fused_with: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    signed: bool = False
    source: str = "C. Bishop, Pattern Recognition and Machine Learning, 2006, chapter 4"
    parameters: tuple[Parameter, ...] = ()
    spec: type[msgspec.Struct] | None = None
    torch: str = ""
    keras: str = ""


LOSSES: dict[str, Loss] = {}


def loss(name: str, **fields: Any) -> Callable[[ScalarFunction], ScalarFunction]:
    """Register the decorated scalar function as a loss; the fields are those of `Loss`."""

    def register(value: ScalarFunction) -> ScalarFunction:
        record = Loss(name=name, code=len(LOSSES), value=value, **fields)
        if record.parameters:
            record = replace(record, spec=spec_type(name, record.parameters))
        LOSSES[name] = record
        return value

    return register


def binary_cross_entropy_slope(a, t, p):
    return (a - t) / maximum(a * (ONE - a), SMALLEST)


def binary_cross_entropy_on_logit(z, t):
    """−t·log σ(z) − (1 − t)·log(1 − σ(z)), rewritten so that only e^−|z| is computed."""
    return maximum(z, ZERO) - z * t + log(ONE + exp(-abs(z)))


@loss(
    "binary_cross_entropy",
    title=tr("Binary cross-entropy"),
    description=tr("Charges each output by how surprised it is by the truth; made for sigmoid outputs."),
    formula="−t·log a − (1−t)·log(1−a)",
    slope=binary_cross_entropy_slope,
    array=lambda a, t, p: -(t * np.log(np.maximum(a, TINY)) + (1 - t) * np.log(np.maximum(1 - a, TINY))),
    array_slope=lambda a, t, p: (a - t) / np.maximum(a * (1 - a), 1e-12),
    logit_array=lambda z, t: np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))),
    tasks=("binary", "multiclass", "multilabel"),
    fused_with=("sigmoid",),
    outputs=("sigmoid", "softmax", "hard_sigmoid"),
    torch="BCELoss",
    keras="binary_crossentropy",
)
def binary_cross_entropy(a, t, p):
    return -(t * log(a) + (ONE - t) * log(ONE - a))


def log_sum_exp(z: Array) -> Array:
    """log Σ e^z along the last axis; the largest z is taken out first, so nothing overflows."""
    largest = z.max(axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.exp(z - largest).sum(axis=-1))


# One row is one loss here, so there is no scalar form; softmax is the only output whose rows add up to 1.
LOSSES["categorical_cross_entropy"] = Loss(
    name="categorical_cross_entropy",
    title=tr("Categorical cross-entropy"),
    description=tr("Charges each row by how little probability its true class was given; made for softmax outputs."),
    formula="−Σ tᵢ·log aᵢ",
    code=len(LOSSES),
    value=None,
    slope=None,
    array=None,
    array_slope=None,
    logit_array=lambda z, t: t.sum(axis=-1) * log_sum_exp(z) - (t * z).sum(axis=-1),
    tasks=("binary", "multiclass", "multilabel"),
    mean_over="rows",
    fused_with=("softmax",),
    outputs=("softmax",),
    torch="CrossEntropyLoss",
    keras="categorical_crossentropy",
)


def mean_squared_error_slope(a, t, p):
    return TWO * (a - t)


@loss(
    "mean_squared_error",
    title=tr("Mean squared error"),
    description=tr("The squared distance to the target, averaged; large misses count most. The usual choice for regression."),
    formula="(a − t)²",
    source="C. Bishop, Pattern Recognition and Machine Learning, 2006, section 1.1",
    slope=mean_squared_error_slope,
    array=lambda a, t, p: (a - t) ** 2,
    array_slope=lambda a, t, p: 2 * (a - t),
    tasks=tuple(TASKS),
    torch="MSELoss",
    keras="mean_squared_error",
)
def mean_squared_error(a, t, p):
    return (a - t) * (a - t)


def half_squared_error_slope(a, t, p):
    return a - t


@loss(
    "half_squared_error",
    title=tr("Half squared error"),
    description=tr("Half the squared distance, summed over outputs: what TensorFlow Playground uses for everything."),
    formula="½·(a − t)²",
    source="C. Bishop, Pattern Recognition and Machine Learning, 2006, equation 1.2",
    slope=half_squared_error_slope,
    array=lambda a, t, p: 0.5 * (a - t) ** 2,
    array_slope=lambda a, t, p: a - t,
    tasks=tuple(TASKS),
    mean_over="rows",
)
def half_squared_error(a, t, p):
    return HALF * (a - t) * (a - t)


def mean_absolute_error_slope(a, t, p):
    return where(a > t, ONE, where(a < t, -ONE, ZERO))


@loss(
    "mean_absolute_error",
    title=tr("Mean absolute error"),
    description=tr("The distance to the target, averaged: large misses count no more than their size, so outliers pull less."),
    formula="|a − t|",
    slope=mean_absolute_error_slope,
    array=lambda a, t, p: np.abs(a - t),
    array_slope=lambda a, t, p: np.sign(a - t),
    tasks=tuple(TASKS),
    source="C. Bishop, Pattern Recognition and Machine Learning, 2006, section 1.5.5 (q = 1)",
    torch="L1Loss",
    keras="mean_absolute_error",
)
def mean_absolute_error(a, t, p):
    return abs(a - t)


def huber_slope(a, t, p):
    return maximum(-p, where(a - t > p, p, a - t))


@loss(
    "huber",
    title=tr("Huber"),
    description=tr("Squared error for small misses, absolute error for large ones: smooth at zero and calm about outliers."),
    formula="½·(a − t)² where |a − t| ≤ δ, else δ·(|a − t| − ½·δ)",
    parameters=(Parameter("delta", 1.0, 0.001, 1000.0, tr("From this distance on, a miss counts linearly.")),),
    slope=huber_slope,
    array=lambda a, t, p: np.where(np.abs(a - t) <= p, 0.5 * (a - t) ** 2, p * (np.abs(a - t) - 0.5 * p)),
    array_slope=lambda a, t, p: np.clip(a - t, -p, p),
    tasks=("regression", "bounded"),
    source="P. Huber: Robust Estimation of a Location Parameter, 1964, section 4",
    torch="HuberLoss",
    keras="huber",
)
def huber(a, t, p):
    distance = abs(a - t)
    return where(distance <= p, HALF * distance * distance, p * (distance - HALF * p))


def hinge_slope(a, t, p):
    side = where(t > ZERO, ONE, -ONE)
    return where(ONE - side * a > ZERO, -side, ZERO)


def sides(t: Array) -> Array:
    """−1 and 1 for targets that do not and do hold, whichever numbers stand for them."""
    return np.where(t > 0, 1.0, -1.0)


@loss(
    "hinge",
    title=tr("Hinge"),
    description=tr("Charges an output only while it is on the wrong side or too close to the border: the support vector loss."),
    formula="max(0, 1 − y·a), y = ±1",
    slope=hinge_slope,
    array=lambda a, t, p: np.maximum(0, 1 - sides(t) * a),
    array_slope=lambda a, t, p: np.where(1 - sides(t) * a > 0, -sides(t), 0.0),
    tasks=("binary", "multiclass", "multilabel"),
    outputs=("identity", "tanh", "softsign"),
    signed=True,
    source="C. Bishop, Pattern Recognition and Machine Learning, 2006, equation 7.44",
    keras="hinge",
)
def hinge(a, t, p):
    return maximum(ONE - where(t > ZERO, ONE, -ONE) * a, ZERO)


CATEGORICAL_CROSS_ENTROPY = LOSSES["categorical_cross_entropy"].code


def resolve(choice: str | msgspec.Struct) -> tuple[Loss, float]:
    """Return the record and the parameter's value of a loss as an experiment holds it; without a parameter, 0."""
    return resolved(LOSSES, choice)
