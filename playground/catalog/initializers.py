"""Initializers: the weights a layer starts from; one block adds one everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np

from playground.catalog.record import Record

Draw = Callable[..., "np.ndarray[Any, np.dtype[np.float64]]"]


class Uniform(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="uniform"):
    """Uniform weights between two numbers."""

    low: Annotated[float, msgspec.Meta(ge=-100, le=100, description="Least weight.")] = -0.5
    high: Annotated[float, msgspec.Meta(ge=-100, le=100, description="Largest weight.")] = 0.5


@dataclass(frozen=True)
class Initializer(Record):
    """An initializer.

    Parameters
    ----------
    draw
        ``f(random, fan_in, fan_out, spec) -> float64 (fan_in, fan_out)``.
    spec
        The struct that holds its numbers, or None.
    """

    draw: Draw
    spec: type[msgspec.Struct] | None = None


INITIALIZERS: dict[str, Initializer] = {}


def initializer(name: str, **fields: Any) -> Callable[[Draw], Draw]:
    """Register the decorated function as an initializer; the fields are those of `Initializer`."""

    def register(draw: Draw) -> Draw:
        INITIALIZERS[name] = Initializer(name=name, draw=draw, **fields)
        return draw

    return register


@initializer(
    "glorot_uniform",
    title="Glorot uniform",
    description="Uniform with variance 2 / (in + out): keeps signals of tanh and sigmoid layers from fading or growing.",
)
def glorot_uniform(random, fan_in, fan_out, spec):
    # X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural networks, 2010, eq. 16.
    limit = np.sqrt(6.0 / (fan_in + fan_out))
    return random.uniform(-limit, limit, (fan_in, fan_out))


@initializer(
    "glorot_normal",
    title="Glorot normal",
    description="Normal with variance 2 / (in + out): keeps signals of tanh and sigmoid layers from fading or growing.",
)
def glorot_normal(random, fan_in, fan_out, spec):
    return random.normal(0.0, np.sqrt(2.0 / (fan_in + fan_out)), (fan_in, fan_out))


@initializer(
    "he_uniform",
    title="He uniform",
    description="Uniform with variance 2 / in: makes up for the half of the signal that ReLU cuts away.",
)
def he_uniform(random, fan_in, fan_out, spec):
    # K. He et al.: Delving Deep into Rectifiers, 2015, eq. 10.
    limit = np.sqrt(6.0 / fan_in)
    return random.uniform(-limit, limit, (fan_in, fan_out))


@initializer(
    "he_normal",
    title="He normal",
    description="Normal with variance 2 / in: makes up for the half of the signal that ReLU cuts away.",
)
def he_normal(random, fan_in, fan_out, spec):
    return random.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out))


@initializer(
    "uniform",
    title="Uniform",
    description="Uniform between two numbers of your choice, whatever the layer's size.",
    spec=Uniform,
)
def uniform(random, fan_in, fan_out, spec):
    spec = spec or Uniform()
    return random.uniform(spec.low, spec.high, (fan_in, fan_out))


@initializer(
    "zeros",
    title="Zeros",
    description="All weights zero: every neuron of a layer stays equal to its neighbors, which shows why chance is needed.",
)
def zeros(random, fan_in, fan_out, spec):
    return np.zeros((fan_in, fan_out))


def resolve(choice: str | msgspec.Struct) -> tuple[Initializer, msgspec.Struct | None]:
    """Return the record and the numbers of an initializer as an experiment holds it."""
    if isinstance(choice, str):
        return INITIALIZERS[choice], None
    return INITIALIZERS[str(choice.__struct_config__.tag)], choice
