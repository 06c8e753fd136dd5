"""What an activation's record holds, and how one is registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

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
    saturates: str = "nowhere"
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
