"""Activations: what a neuron does with its weighted sum, each beside its slope; one block adds one everywhere.

Scalar forms take ``z`` (the weighted sum), ``a`` (the activation's value) and ``p`` (the one parameter, 0 where there
is none) as ``np.float32``; the CPU and CUDA backends compile them. They choose with `where` instead of ``if``, so that the
compiled code can work on several numbers at once. ``array`` and ``array_slope`` are the same functions
on NumPy arrays, for the reference backend and for plots; a test holds the two together.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from playground.catalog.elementary import (
    HALF,
    ONE,
    TWO,
    ZERO,
    cos,
    exp,
    log_one_plus,
    maximum,
    minimum,
    normal_share,
    sin,
    tanh,
    where,
)
from playground.catalog.record import ACTIVATIONS, Activation, Parameter, activation, resolved
from playground.words import tr

__all__ = ["ACTIVATIONS", "IDENTITY", "SIGMOID", "Activation", "activation", "resolve"]

Array = Any


def identity_slope(z, a, p):
    return ONE


@activation(
    "identity",
    title=tr("Identity"),
    description=tr("Passes the weighted sum on unchanged; layers of it alone collapse into one linear layer."),
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
    title=tr("Sigmoid"),
    description=tr("Squeezes any number into 0 … 1; nearly flat for large values, so deep stacks of it learn slowly."),
    formula="1 / (1 + e^−z)",
    slope=sigmoid_slope,
    array=sigmoid_array,
    array_slope=lambda z, a, p: a * (1 - a),
    range=(0.0, 1.0),
    saturates=tr("below −5 and above 5"),
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
    title=tr("Tanh"),
    description=tr("Squeezes any number into −1 … 1, centered on zero; smooth, and a good start for small networks."),
    formula="(e^z − e^−z) / (e^z + e^−z)",
    slope=tanh_slope,
    array=lambda z, p: np.tanh(z),
    array_slope=lambda z, a, p: 1 - a * a,
    range=(-1.0, 1.0),
    saturates=tr("below −2.5 and above 2.5"),
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
    title=tr("ReLU"),
    description=tr("Keeps positive sums and sets negative ones to zero; fast, and its slope doesn't fade in deep networks."),
    formula="max(z, 0)",
    slope=relu_slope,
    array=lambda z, p: np.where(z <= 0, 0.0, z),
    array_slope=lambda z, a, p: np.where(a > 0, 1.0, 0.0),
    range=(0.0, np.inf),
    saturates=tr("below 0, where the slope is 0"),
    source="V. Nair, G. Hinton: Rectified Linear Units Improve Restricted Boltzmann Machines, 2010",
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
    title=tr("Leaky ReLU"),
    description=tr("ReLU with a small slope below zero, so that no neuron can go silent for good."),
    formula="z where z > 0, else p·z",
    parameters=(Parameter("negative_slope", 0.1, 0.0, 1.0, tr("Slope for negative sums; 0 is plain ReLU, 1 the identity.")),),
    slope=leaky_relu_slope,
    array=lambda z, p: np.where(z > 0, z, p * z),
    array_slope=lambda z, a, p: np.where(a > 0, 1.0, p),
    range=(-np.inf, np.inf),
    source="A. Maas, A. Hannun, A. Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models, 2013",
    torch="LeakyReLU",
    keras="LeakyReLU",
    onnx="LeakyRelu",
)
def leaky_relu(z, p):
    return where(z > ZERO, z, p * z)


def elu_slope(z, a, p):
    return where(a > ZERO, ONE, a + p)


@activation(
    "elu",
    title=tr("ELU"),
    description=tr("Like ReLU, but bends smoothly to −α below zero: means stay nearer to zero, and no neuron goes silent."),
    formula="z where z > 0, else α·(e^z − 1)",
    parameters=(Parameter("alpha", 1.0, 0.0, 10.0, tr("How far below zero it goes: −α for very negative sums.")),),
    slope=elu_slope,
    array=lambda z, p: np.where(z > 0, z, p * np.expm1(np.minimum(z, 0))),
    array_slope=lambda z, a, p: np.where(a > 0, 1.0, a + p),
    range=(-np.inf, np.inf),
    saturates="below −4",
    source="D. Clevert, T. Unterthiner, S. Hochreiter: Fast and Accurate Deep Network Learning by ELUs, 2016",
    torch="ELU",
    keras="elu",
    onnx="Elu",
)
def elu(z, p):
    return where(z > ZERO, z, p * (exp(z) - ONE))


# Fixed point of mean 0 and variance 1 of the paper below, equation 14.
SELU_ALPHA_ARRAY, SELU_SCALE_ARRAY = 1.6732632423543772, 1.0507009873554805
SELU_ALPHA, SELU_SCALE = np.float32(SELU_ALPHA_ARRAY), np.float32(SELU_SCALE_ARRAY)


def selu_slope(z, a, p):
    return where(a > ZERO, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA)


@activation(
    "selu",
    title=tr("SELU"),
    description=tr("A scaled ELU that keeps mean 0 and variance 1 from layer to layer, given LeCun normal weights."),
    formula="λ·z where z > 0, else λ·α·(e^z − 1); α = 1.6733, λ = 1.0507",
    slope=selu_slope,
    array=lambda z, p: SELU_SCALE_ARRAY * np.where(z > 0, z, SELU_ALPHA_ARRAY * np.expm1(np.minimum(z, 0))),
    array_slope=lambda z, a, p: np.where(a > 0, SELU_SCALE_ARRAY, a + SELU_SCALE_ARRAY * SELU_ALPHA_ARRAY),
    range=(-1.7580994, np.inf),
    saturates="below −4",
    source="G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter: Self-Normalizing Neural Networks, 2017",
    torch="SELU",
    keras="selu",
    onnx="Selu",
)
def selu(z, p):
    return SELU_SCALE * where(z > ZERO, z, SELU_ALPHA * (exp(z) - ONE))


# 1 / √(2π), the height of the normal density.
NORMAL_HEIGHT = np.float32(0.39894228)


def gelu_slope(z, a, p):
    return normal_share(z) + z * NORMAL_HEIGHT * exp(-HALF * z * z)


def normal_share_array(z: Array) -> Array:
    """The normal distribution's share below z, on an array: SciPy's, loaded only when it is asked for."""
    from scipy.special import ndtr

    return ndtr(z)


@activation(
    "gelu",
    title=tr("GELU"),
    description=tr("Weighs the sum by the chance that a normal number lies below it: a smooth ReLU, used in transformers."),
    formula="z·Φ(z), Φ the normal distribution's share below z",
    slope=gelu_slope,
    array=lambda z, p: z * normal_share_array(z),
    array_slope=lambda z, a, p: normal_share_array(z) + z * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi),
    range=(-0.1699713, np.inf),
    saturates="below −3",
    source="D. Hendrycks, K. Gimpel: Gaussian Error Linear Units, 2016",
    keeps_sum=True,
    torch="GELU",
    keras="gelu",
    onnx="Gelu",
)
def gelu(z, p):
    return z * normal_share(z)


def silu_slope(z, a, p):
    share = sigmoid(z, p)
    return share * (ONE + z * (ONE - share))


def silu_array_slope(z: Array, a: Array, p: float) -> Array:
    share = sigmoid_array(z, p)
    return share * (1 + z * (1 - share))


@activation(
    "silu",
    title=tr("SiLU"),
    description=tr("The sum times its own sigmoid, also called Swish: smooth, dips below zero, good in deep networks."),
    formula="z·σ(z) = z / (1 + e^−z)",
    slope=silu_slope,
    array=lambda z, p: z * sigmoid_array(z, p),
    array_slope=silu_array_slope,
    range=(-0.2784646, np.inf),
    saturates="below −6",
    source="P. Ramachandran, B. Zoph, Q. Le: Searching for Activation Functions, 2017",
    keeps_sum=True,
    torch="SiLU",
    keras="silu",
    onnx="Swish",
)
def silu(z, p):
    return z * sigmoid(z, p)


# From here on e^−z is below float32's resolution of 1, and e^2z still fits.
STEEP = np.float32(20.0)
FOUR = np.float32(4.0)


def mish_slope(z, a, p):
    e = exp(minimum(z, STEEP))
    n = e * (e + TWO)
    # 1 − tanh² = 4·(n + 1) / (n + 2)², which loses no digits where tanh is nearly 1.
    rest = ONE / (n + TWO)
    return n * rest + z * (FOUR * (n + ONE) * rest * rest) * sigmoid(z, p)


def softplus_array(z: Array) -> Array:
    """log(1 + e^z), of which only e^−|z| is computed."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def mish_array_slope(z: Array, a: Array, p: float) -> Array:
    share = np.tanh(softplus_array(z))
    return share + z * (1 - share * share) * sigmoid_array(z, p)


@activation(
    "mish",
    title=tr("Mish"),
    description=tr("The sum times tanh of its softplus: much like SiLU, a little smoother; used in image networks."),
    formula="z·tanh(log(1 + e^z))",
    slope=mish_slope,
    array=lambda z, p: z * np.tanh(softplus_array(z)),
    array_slope=mish_array_slope,
    range=(-0.3088402, np.inf),
    saturates="below −7",
    source="D. Misra: Mish: A Self Regularized Non-Monotonic Activation Function, 2019",
    keeps_sum=True,
    torch="Mish",
    keras="mish",
    onnx="Mish",
)
def mish(z, p):
    # tanh(log(1 + e)) = n / (n + 2) with n = e² + 2e: no logarithm needed.
    e = exp(minimum(z, STEEP))
    n = e * (e + TWO)
    return z * (n / (n + TWO))


def softplus_slope(z, a, p):
    return sigmoid(z, p)


@activation(
    "softplus",
    title=tr("Softplus"),
    description=tr("A rounded ReLU, always above zero: fits outputs that must be positive, such as a price or a variance."),
    formula="log(1 + e^z)",
    slope=softplus_slope,
    array=lambda z, p: softplus_array(z),
    array_slope=lambda z, a, p: sigmoid_array(z, p),
    range=(0.0, np.inf),
    saturates="below −5",
    source="C. Dugas et al.: Incorporating Second-Order Functional Knowledge for Better Option Pricing, 2001",
    keeps_sum=True,
    torch="Softplus",
    keras="softplus",
    onnx="Softplus",
)
def softplus(z, p):
    # Only e^−|z| is computed, which can't overflow.
    return maximum(z, ZERO) + log_one_plus(exp(-abs(z)))


def softsign_slope(z, a, p):
    return (ONE - abs(a)) * (ONE - abs(a))


@activation(
    "softsign",
    title=tr("Softsign"),
    description=tr("Squeezes any number into −1 … 1 like tanh, but flattens more slowly, so neurons get stuck less."),
    formula="z / (1 + |z|)",
    slope=softsign_slope,
    array=lambda z, p: z / (1 + np.abs(z)),
    array_slope=lambda z, a, p: (1 - np.abs(a)) ** 2,
    range=(-1.0, 1.0),
    saturates=tr("below −9 and above 9"),
    source="X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural networks, 2010",
    torch="Softsign",
    keras="softsign",
    onnx="Softsign",
)
def softsign(z, p):
    return z / (ONE + abs(z))


SIXTH = np.float32(1 / 6)


def hard_sigmoid_slope(z, a, p):
    return where(a > ZERO, where(a < ONE, SIXTH, ZERO), ZERO)


@activation(
    "hard_sigmoid",
    title=tr("Hard sigmoid"),
    description=tr("A sigmoid made of three straight lines: cheap to compute, and exactly 0 or 1 beyond ±3."),
    formula="z/6 + ½, kept within 0 … 1",
    slope=hard_sigmoid_slope,
    array=lambda z, p: np.clip(z / 6 + 0.5, 0, 1),
    array_slope=lambda z, a, p: np.where((a > 0) & (a < 1), 1 / 6, 0.0),
    range=(0.0, 1.0),
    saturates=tr("below −3 and above 3, where the slope is 0"),
    source="A. Howard et al.: Searching for MobileNetV3, 2019 (ReLU6(z + 3) / 6)",
    torch="Hardsigmoid",
    keras="hard_sigmoid",
    onnx="HardSigmoid",
)
def hard_sigmoid(z, p):
    return minimum(maximum(z * SIXTH + HALF, ZERO), ONE)


def sine_slope(z, a, p):
    return cos(z)


@activation(
    "sine",
    title=tr("Sine"),
    description=tr("A wave: neurons of it add up to anything periodic, and a few of them draw a spiral."),
    formula="sin z",
    slope=sine_slope,
    array=lambda z, p: np.sin(z),
    array_slope=lambda z, a, p: np.cos(z),
    range=(-1.0, 1.0),
    saturates=tr("nowhere for good: flat at the top and the bottom of each wave"),
    source="V. Sitzmann et al.: Implicit Neural Representations with Periodic Activation Functions, 2020",
    keeps_sum=True,
    keras="sin",
    onnx="Sin",
)
def sine(z, p):
    return sin(z)


@activation(
    "scaled_sigmoid",
    title=tr("Scaled sigmoid"),
    description=tr("A sigmoid stretched to low … high, for answers that must stay within a scale, such as one to five stars."),
    formula="low + (high − low) / (1 + e^−z)",
    parameters=(
        Parameter("low", 0.0, -1e9, 1e9, tr("Least answer, in the data's units.")),
        Parameter("high", 1.0, -1e9, 1e9, tr("Largest answer, in the data's units.")),
    ),
    # The network's own output is 0 … 1; targets are scaled to that, and answers back (data/preprocessing.py).
    slope=sigmoid_slope,
    array=sigmoid_array,
    array_slope=lambda z, a, p: a * (1 - a),
    range=(0.0, 1.0),
    saturates=tr("near both ends of the scale"),
    source="J. Howard, S. Gugger: Deep Learning for Coders with fastai and PyTorch, 2020, chapter 8 (sigmoid_range)",
    hidden=False,
    torch="Sigmoid",
    keras="sigmoid",
    onnx="Sigmoid",
)
def scaled_sigmoid(z, p):
    return sigmoid(z, p)


def softmax_array(z: Array, p: float) -> Array:
    """e^z_i / Σ e^z_j along the last axis; the row's largest z is subtracted first, so nothing overflows."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# Softmax mixes a whole row, so it has no scalar form: the backends run it as an instruction of its own.
ACTIVATIONS["softmax"] = Activation(
    name="softmax",
    title=tr("Softmax"),
    description=tr("Turns a row of numbers into probabilities that add up to 1: one choice out of several classes."),
    formula="e^zᵢ / Σⱼ e^zⱼ",
    code=len(ACTIVATIONS),
    value=None,
    slope=None,
    array=softmax_array,
    array_slope=None,
    range=(0.0, 1.0),
    saturates=tr("where one number is much larger than all others"),
    hidden=False,
    torch="Softmax",
    keras="softmax",
    onnx="Softmax",
)

IDENTITY = ACTIVATIONS["identity"].code
SIGMOID = ACTIVATIONS["sigmoid"].code


def resolve(choice: str | msgspec.Struct) -> tuple[Activation, float]:
    """Return the record and the first parameter's value of an activation as an experiment holds it.

    ``"leaky_relu"`` gives the default slope, ``LeakyRelu(negative_slope=0.2)`` its own; without a parameter, 0.
    """
    return resolved(ACTIVATIONS, choice)
