"""What records of the catalog share: a name, words for people, specs of choices with numbers; and what an activation's holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol, TypeVar

import msgspec

from playground.words import tr

Array = Any
ScalarFunction = Callable[..., Any]


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


class Parameterized(Protocol):
    """A record whose choice may have numbers of its own."""

    @property
    def parameters(self) -> tuple[Parameter, ...]: ...


P = TypeVar("P", bound=Parameterized)


def resolved(records: Mapping[str, P], choice: str | msgspec.Struct) -> tuple[P, float]:
    """The record of a choice as an experiment holds it, by name or with its numbers, and the first of these; 0 without any."""
    if isinstance(choice, str):
        record = records[choice]
        return record, record.parameters[0].default if record.parameters else 0.0
    record = records[str(choice.__struct_config__.tag)]
    return record, float(getattr(choice, record.parameters[0].name))


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
    saturates
        Where its slope fades, in words.
    source
        The paper or book that the formula is from.
    keeps_sum
        Whether the slope needs ``z``. Where it follows from ``a`` alone, ``a`` may take the place of ``z`` in memory.
    parameters
        The spec's numbers; the first one, if any, is ``p``.
    spec
        The struct that holds them in an experiment; None without parameters.
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
    saturates: str = tr("nowhere")
    source: str = "C. Bishop, Pattern Recognition and Machine Learning, 2006, section 5.1"
    keeps_sum: bool = False
    parameters: tuple[Parameter, ...] = ()
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
        if record.parameters:
            record = replace(record, spec=spec_type(name, record.parameters))
        ACTIVATIONS[name] = record
        return value

    return register
