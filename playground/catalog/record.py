"""What all records of the catalog share: a name, words for people, and the specs of choices with a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec


@dataclass(frozen=True)
class Parameter:
    """A number that belongs to a choice, such as leaky ReLU's slope.

    Parameters
    ----------
    name
        Field name in files, such as ``negative_slope``.
    default
        Value when nothing is given.
    minimum, maximum
        Range accepted, ends included.
    description
        One plain sentence.
    """

    name: str
    default: float
    minimum: float
    maximum: float
    description: str

    @property
    def annotation(self) -> Any:
        """The type of the field in a spec: a float with its range and description."""
        return Annotated[float, msgspec.Meta(ge=self.minimum, le=self.maximum, description=self.description)]


@dataclass(frozen=True)
class Record:
    """One choice of the catalog.

    Parameters
    ----------
    name
        Name in files and on the command line, such as ``leaky_relu``.
    title
        Name for people, such as ``Leaky ReLU``.
    description
        One plain sentence: what it does and what it is for.
    """

    name: str
    title: str
    description: str


def spec_type(name: str, parameters: tuple[Parameter, ...]) -> type[msgspec.Struct]:
    """Make the frozen struct that stands for a choice with parameters in an experiment.

    ``leaky_relu`` with one parameter becomes ``LeakyRelu(negative_slope=0.1)``, in JSON
    ``{"type": "leaky_relu", "negative_slope": 0.1}``.
    """
    return msgspec.defstruct(
        "".join(part.title() for part in name.split("_")),
        [(parameter.name, parameter.annotation, parameter.default) for parameter in parameters],
        frozen=True,
        kw_only=True,
        tag_field="type",
        tag=name,
        forbid_unknown_fields=True,
        module=__name__,
    )
