"""Initializers: the weights a layer starts from; one block adds one everywhere.

A layer's weights have the shape (inputs, units). Its fan-in is how many numbers one output sums up, its fan-out how many
outputs one input reaches; a convolution counts its whole window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np

from playground.catalog.record import Record
from playground.words import tr

Draw = Callable[..., "np.ndarray[Any, np.dtype[np.float64]]"]


class Uniform(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="uniform"):
    """Uniform weights between two numbers."""

    low: Annotated[float, msgspec.Meta(ge=-100, le=100, description=tr("Least weight."))] = -0.5
    high: Annotated[float, msgspec.Meta(ge=-100, le=100, description=tr("Largest weight."))] = 0.5


class FromFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="from_file"):
    """Weights of a model that was trained before."""

    path: Annotated[str, msgspec.Meta(min_length=1, description=tr("A model saved by this program (.safetensors)."))]


@dataclass(frozen=True)
class Initializer(Record):
    """An initializer.

    Parameters
    ----------
    draw
        ``f(random, shape, fan_in, fan_out, spec) -> float64 shape``; None where the weights aren't drawn.
    spec
        The struct that holds its numbers, or None.
    source
        The paper that it is from; empty for what needs none.
    """

    draw: Draw | None
    spec: type[msgspec.Struct] | None = None
    source: str = ""


INITIALIZERS: dict[str, Initializer] = {}


def initializer(name: str, **fields: Any) -> Callable[[Draw], Draw]:
    """Register the decorated function as an initializer; the fields are those of `Initializer`."""

    def register(draw: Draw) -> Draw:
        INITIALIZERS[name] = Initializer(name=name, draw=draw, **fields)
        return draw

    return register


@initializer(
    "glorot_uniform",
    title=tr("Glorot uniform"),
    description=tr("Uniform with variance 2 / (in + out): keeps signals of tanh and sigmoid layers from fading or growing."),
    source="X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural networks, 2010, eq. 16",
)
def glorot_uniform(random, shape, fan_in, fan_out, spec):
    limit = np.sqrt(6.0 / (fan_in + fan_out))
    return random.uniform(-limit, limit, shape)


@initializer(
    "glorot_normal",
    title=tr("Glorot normal"),
    description=tr("Normal with variance 2 / (in + out): keeps signals of tanh and sigmoid layers from fading or growing."),
    source="X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural networks, 2010, eq. 12",
)
def glorot_normal(random, shape, fan_in, fan_out, spec):
    return random.normal(0.0, np.sqrt(2.0 / (fan_in + fan_out)), shape)


@initializer(
    "he_uniform",
    title=tr("He uniform"),
    description=tr("Uniform with variance 2 / in: makes up for the half of the signal that ReLU cuts away."),
    source="K. He et al.: Delving Deep into Rectifiers, 2015, eq. 10",
)
def he_uniform(random, shape, fan_in, fan_out, spec):
    limit = np.sqrt(6.0 / fan_in)
    return random.uniform(-limit, limit, shape)


@initializer(
    "he_normal",
    title=tr("He normal"),
    description=tr("Normal with variance 2 / in: makes up for the half of the signal that ReLU cuts away."),
    source="K. He et al.: Delving Deep into Rectifiers, 2015, eq. 10",
)
def he_normal(random, shape, fan_in, fan_out, spec):
    return random.normal(0.0, np.sqrt(2.0 / fan_in), shape)


@initializer(
    "lecun_uniform",
    title=tr("LeCun uniform"),
    description=tr("Uniform with variance 1 / in: keeps the variance of the weighted sums at that of the inputs."),
    source="Y. LeCun et al.: Efficient BackProp, 1998, section 4.6",
)
def lecun_uniform(random, shape, fan_in, fan_out, spec):
    limit = np.sqrt(3.0 / fan_in)
    return random.uniform(-limit, limit, shape)


@initializer(
    "lecun_normal",
    title=tr("LeCun normal"),
    description=tr("Normal with variance 1 / in: what SELU layers need to keep mean 0 and variance 1."),
    source="Y. LeCun et al.: Efficient BackProp, 1998, section 4.6",
)
def lecun_normal(random, shape, fan_in, fan_out, spec):
    return random.normal(0.0, np.sqrt(1.0 / fan_in), shape)


@initializer(
    "orthogonal",
    title=tr("Orthogonal"),
    description=tr("Rows or columns at right angles, of length 1: a signal keeps its length through many layers."),
    source="A. Saxe, J. McClelland, S. Ganguli: Exact solutions to the nonlinear dynamics of learning, 2014",
)
def orthogonal(random, shape, fan_in, fan_out, spec):
    rows, columns = shape
    q, r = np.linalg.qr(random.normal(size=(max(shape), min(shape))))
    # With the signs of R's diagonal every orthogonal matrix is equally likely (F. Mezzadri, 2007).
    q *= np.sign(np.diag(r))
    return q if rows >= columns else q.T


@initializer(
    "uniform",
    title=tr("Uniform"),
    description=tr("Uniform between two numbers of your choice, whatever the layer's size."),
    spec=Uniform,
)
def uniform(random, shape, fan_in, fan_out, spec):
    spec = spec or Uniform()
    return random.uniform(spec.low, spec.high, shape)


@initializer(
    "zeros",
    title=tr("Zeros"),
    description=tr("All weights zero: every neuron of a layer stays equal to its neighbors, which shows why chance is needed."),
)
def zeros(random, shape, fan_in, fan_out, spec):
    return np.zeros(shape)


@initializer(
    "ones",
    title=tr("Ones"),
    description=tr("All weights one: every neuron of a layer learns the same, as with zeros, though the signal gets through."),
)
def ones(random, shape, fan_in, fan_out, spec):
    return np.ones(shape)


# The weights lie in a file: whoever starts a run reads it (``training/run.py``).
INITIALIZERS["from_file"] = Initializer(
    "from_file",
    tr("From a file"),
    tr("Goes on from the weights of a saved model with the same layers."),
    draw=None,
    spec=FromFile,
)


def resolve(choice: str | msgspec.Struct) -> tuple[Initializer, msgspec.Struct | None]:
    """Return the record and the numbers of an initializer as an experiment holds it."""
    if isinstance(choice, str):
        return INITIALIZERS[choice], None
    return INITIALIZERS[str(choice.__struct_config__.tag)], choice
