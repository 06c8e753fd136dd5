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

LearningRate = Annotated[
    float,
    msgspec.Meta(gt=0, le=1000, description="Length of a step along the gradient: too small crawls, too large overshoots."),
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
        fields in order, ``c1, c2`` the factors 1 / (1 − h1ᵗ) and 1 / (1 − h2ᵗ) at step t.
    slots
        How many memory slots (0 to 2) it uses per parameter.
    """

    spec: type[Optimizer]
    update: Callable[..., Any]
    slots: int
    code: int
    torch: str


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
    title="SGD",
    description="Plain gradient descent on mini-batches: one step against the gradient, nothing remembered.",
    slots=0,
    torch="SGD",
)
def sgd(w, g, m, s, rate, h1, h2, h3, c1, c2):
    return w - rate * g, m, s


class Momentum(Optimizer, frozen=True, kw_only=True, tag="momentum"):
    """Gradient descent with momentum."""

    learning_rate: LearningRate = 0.01
    momentum: Annotated[Share, msgspec.Meta(description="Share of the last step that rolls on into this one.")] = 0.9


@optimizer(
    Momentum,
    title="Momentum",
    description="Gradient descent that keeps rolling: steps add up where gradients agree, and zigzags cancel.",
    slots=1,
    torch="SGD",
)
def momentum(w, g, m, s, rate, h1, h2, h3, c1, c2):
    m = h1 * m + g
    return w - rate * m, m, s


class Adam(Optimizer, frozen=True, kw_only=True, tag="adam"):
    """Adam: adaptive moment estimation."""

    learning_rate: LearningRate = 0.003
    beta1: Annotated[Share, msgspec.Meta(description="How long the mean of the gradients is remembered.")] = 0.9
    beta2: Annotated[Share, msgspec.Meta(description="How long the mean of their squares is remembered.")] = 0.999
    epsilon: Annotated[float, msgspec.Meta(gt=0, le=1, description="Keeps the division from blowing up.")] = 1e-8


@optimizer(
    Adam,
    title="Adam",
    description="Gives each weight a step of its own, scaled by how large its gradients usually are; rarely needs tuning.",
    slots=2,
    torch="Adam",
)
def adam(w, g, m, s, rate, h1, h2, h3, c1, c2):
    # D. Kingma, J. Ba: Adam: A Method for Stochastic Optimization, 2015, algorithm 1; h1 = β₁, h2 = β₂, h3 = ε.
    m = h1 * m + (ONE - h1) * g
    s = h2 * s + (ONE - h2) * g * g
    return w - rate * (m * c1) / (sqrt(s * c2) + h3), m, s


_MOMENTUM = OPTIMIZERS["momentum"].code
_ADAM = OPTIMIZERS["adam"].code


def update(code, w, g, m, s, rate, h1, h2, h3, c1, c2):
    """One parameter's step with the optimizer of this code."""
    if code == _MOMENTUM:
        return momentum(w, g, m, s, rate, h1, h2, h3, c1, c2)
    if code == _ADAM:
        return adam(w, g, m, s, rate, h1, h2, h3, c1, c2)
    return sgd(w, g, m, s, rate, h1, h2, h3, c1, c2)


def record_of(spec: Optimizer) -> OptimizerRecord:
    """The record of an optimizer as an experiment holds it."""
    return OPTIMIZERS[str(spec.__struct_config__.tag)]


def settings_of(spec: Optimizer) -> list[float]:
    """The four numbers the update takes: learning rate and up to three further fields, filled with 0."""
    values = [float(getattr(spec, field)) for field in spec.__struct_fields__]
    return values + [0.0] * (4 - len(values))
