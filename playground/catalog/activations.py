"""Activations: what a neuron does with its weighted sum, each beside its slope; one block adds one everywhere.

Scalar forms take ``z`` (the weighted sum), ``a`` (the activation's value) and ``p`` (the one parameter, 0 where there
is none) as ``np.float32``; the CPU and CUDA backends compile them. They choose with `where` instead of ``if``, so that the
compiled code can work on several numbers at once. ``array`` and ``array_slope`` are the same functions
on NumPy arrays, for the reference backend and for plots; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from playground.catalog.elementary import ONE, ZERO, exp, tanh, where
from playground.catalog.record import Parameter, Record, spec_type

Array = Any
ScalarFunction = Callable[..., Any]


@dataclass(frozen=True)
class Activation(Record):
    """An activation function.

    Parameters
    ----------
    formula
        The function, written as in a textbook.
    code
        Number by which compiled code knows it; never stored in a file.
    value, slope
        Scalar forms ``f(z, p)`` and ``f'(z, a, p)``; None for softmax, which works on whole rows.
    array, array_slope
        NumPy forms ``f(z, p)`` and ``f'(z, a, p)`` on arrays of any shape.
    range
        Least and largest value.
    parameter
        Its one parameter, or None.
    hidden
        Whether hidden layers may use it.
    torch, keras, onnx
        Its name there; empty where there is none.
    """

    formula: str
    code: int
    value: ScalarFunction | None
    slope: ScalarFunction | None
    array: Callable[..., Array]
    array_slope: Callable[..., Array] | None
    range: tuple[float, float]
    parameter: Parameter | None = None
    spec: type[msgspec.Struct] | None = None
    hidden: bool = True
    torch: str = ""
    keras: str = ""
    onnx: str = ""


ACTIVATIONS: dict[str, Activation] = {}


def activation(name: str, **fields: Any) -> Callable[[ScalarFunction], ScalarFunction]:
    """Register the decorated scalar function as an activation; the fields are those of `Activation`."""

    def register(value: ScalarFunction) -> ScalarFunction:
        record = Activation(name=name, code=len(ACTIVATIONS), value=value, **fields)
        if record.parameter is not None:
            record = replace(record, spec=spec_type(name, (record.parameter,)))
        ACTIVATIONS[name] = record
        return value

    return register


def identity_slope(z, a, p):
    return ONE


@activation(
    "identity",
    title="Identity",
    description="Passes the weighted sum on unchanged; layers of it alone collapse into one linear layer.",
    formula="z",
    slope=identity_slope,
    array=lambda z, p: z,
    array_slope=lambda z, a, p: np.ones_like(z),
    range=(-np.inf, np.inf),
    torch="Identity",
    keras="linear",
    onnx="Identity",
)
def identity(z, p):
    return z


def sigmoid_slope(z, a, p):
    return a * (ONE - a)


def sigmoid_array(z: Array, p: float) -> Array:
    """1 / (1 + e⁻ᶻ) in the form that can't overflow: only e^−|z| is ever computed."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


@activation(
    "sigmoid",
    title="Sigmoid",
    description="Squeezes any number into 0 … 1; nearly flat for large values, so deep stacks of it learn slowly.",
    formula="1 / (1 + e^−z)",
    slope=sigmoid_slope,
    array=sigmoid_array,
    array_slope=lambda z, a, p: a * (1 - a),
    range=(0.0, 1.0),
    torch="Sigmoid",
    keras="sigmoid",
    onnx="Sigmoid",
)
def sigmoid(z, p):
    return ONE / (ONE + exp(-z))


def tanh_slope(z, a, p):
    return ONE - a * a


@activation(
    "tanh",
    title="Tanh",
    description="Squeezes any number into −1 … 1, centered on zero; smooth, and a good start for small networks.",
    formula="(e^z − e^−z) / (e^z + e^−z)",
    slope=tanh_slope,
    array=lambda z, p: np.tanh(z),
    array_slope=lambda z, a, p: 1 - a * a,
    range=(-1.0, 1.0),
    torch="Tanh",
    keras="tanh",
    onnx="Tanh",
)
def hyperbolic_tangent(z, p):
    return tanh(z)


def relu_slope(z, a, p):
    return where(a > ZERO, ONE, ZERO)


@activation(
    "relu",
    title="ReLU",
    description="Keeps positive sums and sets negative ones to zero; fast, and its slope doesn't fade in deep networks.",
    formula="max(z, 0)",
    slope=relu_slope,
    array=lambda z, p: np.where(z <= 0, 0.0, z),
    array_slope=lambda z, a, p: np.where(a > 0, 1.0, 0.0),
    range=(0.0, np.inf),
    torch="ReLU",
    keras="relu",
    onnx="Relu",
)
def relu(z, p):
    # Written so that NaN passes: comparisons with NaN are false, so it is handed on.
    return where(z <= ZERO, ZERO, z)


def leaky_relu_slope(z, a, p):
    return where(a > ZERO, ONE, p)


@activation(
    "leaky_relu",
    title="Leaky ReLU",
    description="ReLU with a small slope below zero, so that no neuron can go silent for good.",
    formula="z where z > 0, else p·z",
    parameter=Parameter("negative_slope", 0.1, 0.0, 1.0, "Slope for negative sums; 0 is plain ReLU, 1 the identity."),
    slope=leaky_relu_slope,
    array=lambda z, p: np.where(z > 0, z, p * z),
    array_slope=lambda z, a, p: np.where(a > 0, 1.0, p),
    range=(-np.inf, np.inf),
    torch="LeakyReLU",
    keras="LeakyReLU",
    onnx="LeakyRelu",
)
def leaky_relu(z, p):
    return where(z > ZERO, z, p * z)


def softmax_array(z: Array, p: float) -> Array:
    """e^z_i / Σ e^z_j along the last axis; the row's largest z is subtracted first, so nothing overflows."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# Softmax mixes a whole row, so it has no scalar form: the backends run it as an instruction of its own.
ACTIVATIONS["softmax"] = Activation(
    name="softmax",
    title="Softmax",
    description="Turns a row of numbers into probabilities that add up to 1: one choice out of several classes.",
    formula="e^zᵢ / Σⱼ e^zⱼ",
    code=len(ACTIVATIONS),
    value=None,
    slope=None,
    array=softmax_array,
    array_slope=None,
    range=(0.0, 1.0),
    hidden=False,
    torch="Softmax",
    keras="softmax",
    onnx="Softmax",
)

IDENTITY = ACTIVATIONS["identity"].code
SIGMOID = ACTIVATIONS["sigmoid"].code
TANH = ACTIVATIONS["tanh"].code
RELU = ACTIVATIONS["relu"].code
LEAKY_RELU = ACTIVATIONS["leaky_relu"].code
SOFTMAX = ACTIVATIONS["softmax"].code


def activate(code, z, p):
    """Value of the activation with this code; LLVM moves the choice out of the loop that calls it."""
    if code == SIGMOID:
        return sigmoid(z, p)
    if code == TANH:
        return hyperbolic_tangent(z, p)
    if code == RELU:
        return relu(z, p)
    if code == LEAKY_RELU:
        return leaky_relu(z, p)
    return identity(z, p)


def activation_slope(code, z, a, p):
    """Slope of the activation with this code at weighted sum ``z``, where its value is ``a``."""
    if code == SIGMOID:
        return sigmoid_slope(z, a, p)
    if code == TANH:
        return tanh_slope(z, a, p)
    if code == RELU:
        return relu_slope(z, a, p)
    if code == LEAKY_RELU:
        return leaky_relu_slope(z, a, p)
    return identity_slope(z, a, p)


def resolve(choice: str | msgspec.Struct) -> tuple[Activation, float]:
    """Return the record and the parameter's value of an activation as an experiment holds it.

    ``"leaky_relu"`` gives the default slope, ``LeakyRelu(negative_slope=0.2)`` its own; without a parameter, 0.
    """
    if isinstance(choice, str):
        record = ACTIVATIONS[choice]
        return record, record.parameter.default if record.parameter else 0.0
    record = ACTIVATIONS[str(choice.__struct_config__.tag)]
    assert record.parameter is not None
    return record, float(getattr(choice, record.parameter.name))
