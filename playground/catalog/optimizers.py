"""Optimizers: how a gradient becomes a step; one block adds one everywhere.

Each is a spec (what an experiment stores) beside the update of a single parameter, which the compiled backends run over
the whole parameter buffer. The conventions are those of ``torch.optim``. An update takes the parameter ``w``, its
gradient ``g``, two memory slots ``m`` and ``s`` that it may use, and the numbers ``settings_of`` gives; it returns the
new ``w, m, s``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from playground.catalog.elementary import ONE, sqrt
from playground.catalog.record import Record
from playground.words import tr

LearningRate = Annotated[
    float,
    msgspec.Meta(gt=0, le=1000, description=tr("Length of a step along the gradient: too small crawls, too large overshoots.")),
]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class Optimizer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """What every optimizer's spec has."""

    learning_rate: LearningRate = 0.01


@dataclass(frozen=True)
class OptimizerRecord(Record):
    """An optimizer.

    Parameters
    ----------
    spec
        The struct that an experiment stores.
    update
        ``f(w, g, m, s, rate, h1, h2, h3, c1, c2) -> (w, m, s)`` for one parameter; ``h1 … h3`` are the spec's further
        fields in order (weight decay aside), ``c1, c2`` the factors 1 / (1 − h1ᵗ) and 1 / (1 − h2ᵗ) at step t.
    slots
        How many memory slots (0 to 2) it uses per parameter; a single one is ``m``.
    source
        The paper or book that the rule is from.
    """

    spec: type[Optimizer]
    update: Callable[..., Any]
    slots: int
    code: int
    torch: str
    source: str


OPTIMIZERS: dict[str, OptimizerRecord] = {}


def optimizer(spec: type[Optimizer], **fields: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated update rule under the spec's tag; the fields are those of `OptimizerRecord`."""

    def register(update: Callable[..., Any]) -> Callable[..., Any]:
        name = str(spec.__struct_config__.tag)
        OPTIMIZERS[name] = OptimizerRecord(name=name, spec=spec, update=update, code=len(OPTIMIZERS), **fields)
        return update

    return register


class SGD(Optimizer, frozen=True, kw_only=True, tag="sgd"):
    """Stochastic gradient descent."""

    learning_rate: LearningRate = 0.03


@optimizer(
    SGD,
    title=tr("SGD"),
    description=tr("Plain gradient descent on mini-batches: one step against the gradient, nothing remembered."),
    slots=0,
    torch="SGD",
    source="H. Robbins, S. Monro: A Stochastic Approximation Method, 1951",
)
def sgd(w, g, m, s, rate, h1, h2, h3, c1, c2):
    return w - rate * g, m, s


class Momentum(Optimizer, frozen=True, kw_only=True, tag="momentum"):
    """Gradient descent with momentum."""

    learning_rate: LearningRate = 0.01
    momentum: Annotated[Share, msgspec.Meta(description=tr("Share of the last step that rolls on into this one."))] = 0.9


@optimizer(
    Momentum,
    title=tr("Momentum"),
    description=tr("Gradient descent that keeps rolling: steps add up where gradients agree, and zigzags cancel."),
    slots=1,
    torch="SGD",
    source="B. Polyak: Some methods of speeding up the convergence of iteration methods, 1964",
)
def momentum(w, g, m, s, rate, h1, h2, h3, c1, c2):
    m = h1 * m + g
    return w - rate * m, m, s


class Nesterov(Optimizer, frozen=True, kw_only=True, tag="nesterov"):
    """Gradient descent with Nesterov's momentum."""

    learning_rate: LearningRate = 0.01
    momentum: Annotated[Share, msgspec.Meta(description=tr("Share of the last step that rolls on into this one."))] = 0.9


@optimizer(
    Nesterov,
    title=tr("Nesterov"),
    description=tr("Momentum that looks ahead: the step is taken from where the rolling would lead, so it overshoots less."),
    slots=1,
    torch="SGD",
    source="I. Sutskever et al.: On the importance of initialization and momentum in deep learning, 2013",
)
def nesterov(w, g, m, s, rate, h1, h2, h3, c1, c2):
    m = h1 * m + g
    return w - rate * (g + h1 * m), m, s


class Adagrad(Optimizer, frozen=True, kw_only=True, tag="adagrad"):
    """Adagrad: adaptive gradient."""

    learning_rate: LearningRate = 0.05
    epsilon: Annotated[float, msgspec.Meta(gt=0, le=1, description=tr("Keeps the division from blowing up."))] = 1e-10


@optimizer(
    Adagrad,
    title=tr("Adagrad"),
    description=tr("Shortens each weight's steps by all the gradients it has had: rare features keep long steps, all slow down."),
    slots=1,
    torch="Adagrad",
    source="J. Duchi, E. Hazan, Y. Singer: Adaptive Subgradient Methods, 2011",
)
def adagrad(w, g, m, s, rate, h1, h2, h3, c1, c2):
    # h1 = ε; m is the sum of squared gradients.
    m = m + g * g
    return w - rate * g / (sqrt(m) + h1), m, s


class RMSprop(Optimizer, frozen=True, kw_only=True, tag="rmsprop"):
    """RMSprop: root mean square propagation."""

    learning_rate: LearningRate = 0.003
    decay: Annotated[Share, msgspec.Meta(description=tr("How long the mean of squared gradients is remembered."))] = 0.99
    momentum: Annotated[Share, msgspec.Meta(description=tr("Share of the last step that rolls on into this one."))] = 0.0
    epsilon: Annotated[float, msgspec.Meta(gt=0, le=1, description=tr("Keeps the division from blowing up."))] = 1e-8


@optimizer(
    RMSprop,
    title=tr("RMSprop"),
    description=tr("Divides each weight's step by how large its gradients were lately: Adagrad that forgets, so it goes on."),
    slots=2,
    torch="RMSprop",
    source="G. Hinton: Neural Networks for Machine Learning, lecture 6e, 2012",
)
def rmsprop(w, g, m, s, rate, h1, h2, h3, c1, c2):
    # h1 = decay, h2 = momentum, h3 = ε.
    s = h1 * s + (ONE - h1) * g * g
    m = h2 * m + g / (sqrt(s) + h3)
    return w - rate * m, m, s


class Adam(Optimizer, frozen=True, kw_only=True, tag="adam"):
    """Adam: adaptive moment estimation."""

    learning_rate: LearningRate = 0.003
    beta1: Annotated[Share, msgspec.Meta(description=tr("How long the mean of the gradients is remembered."))] = 0.9
    beta2: Annotated[Share, msgspec.Meta(description=tr("How long the mean of their squares is remembered."))] = 0.999
    epsilon: Annotated[float, msgspec.Meta(gt=0, le=1, description=tr("Keeps the division from blowing up."))] = 1e-8


@optimizer(
    Adam,
    title=tr("Adam"),
    description=tr("Gives each weight a step of its own, scaled by how large its gradients usually are; rarely needs tuning."),
    slots=2,
    torch="Adam",
    source="D. Kingma, J. Ba: Adam: A Method for Stochastic Optimization, 2015, algorithm 1",
)
def adam(w, g, m, s, rate, h1, h2, h3, c1, c2):
    # h1 = β₁, h2 = β₂, h3 = ε.
    m = h1 * m + (ONE - h1) * g
    s = h2 * s + (ONE - h2) * g * g
    return w - rate * (m * c1) / (sqrt(s * c2) + h3), m, s


class AdamW(Optimizer, frozen=True, kw_only=True, tag="adamw"):
    """Adam with weight decay apart from the gradient."""

    learning_rate: LearningRate = 0.003
    beta1: Annotated[Share, msgspec.Meta(description=tr("How long the mean of the gradients is remembered."))] = 0.9
    beta2: Annotated[Share, msgspec.Meta(description=tr("How long the mean of their squares is remembered."))] = 0.999
    epsilon: Annotated[float, msgspec.Meta(gt=0, le=1, description=tr("Keeps the division from blowing up."))] = 1e-8
    weight_decay: Annotated[
        float, msgspec.Meta(ge=0, le=10, description=tr("Share of each weight, times the rate, that a step takes away."))
    ] = 0.01


# The decay itself acts before the step, on weights only, as `training.weight_decay` does for every optimizer.
optimizer(
    AdamW,
    title=tr("AdamW"),
    description=tr("Adam whose weights also shrink a little at each step, unscaled by the gradients: the usual choice today."),
    slots=2,
    torch="AdamW",
    source="I. Loshchilov, F. Hutter: Decoupled Weight Decay Regularization, 2019, algorithm 2",
)(adam)


def record_of(spec: Optimizer) -> OptimizerRecord:
    """The record of an optimizer as an experiment holds it."""
    return OPTIMIZERS[str(spec.__struct_config__.tag)]


def settings_of(spec: Optimizer) -> list[float]:
    """The four numbers the update takes: learning rate and up to three further fields, filled with 0."""
    values = [float(getattr(spec, field)) for field in spec.__struct_fields__ if field != "weight_decay"]
    return values + [0.0] * (4 - len(values))


def weight_decay_of(spec: Optimizer) -> float:
    """The optimizer's own weight decay; 0 for those that have none."""
    return float(getattr(spec, "weight_decay", 0.0))
