"""Layer specs: what an experiment lists; each says how wide its result is and which instructions it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import msgspec

from playground.catalog.activations import ACTIVATIONS

_HIDDEN = tuple(name for name, record in ACTIVATIONS.items() if record.hidden)
_SPECS = tuple(record.spec for record in ACTIVATIONS.values() if record.spec is not None)

if TYPE_CHECKING:
    ActivationChoice = str | msgspec.Struct
    OutputActivationChoice = str | msgspec.Struct
else:
    # A name, or a struct with the activation's parameter; both come from the catalog, and so does the schema.
    ActivationChoice = Union[(Literal[_HIDDEN], *_SPECS)]
    OutputActivationChoice = Union[(Literal[tuple(ACTIVATIONS)], *_SPECS)]


class Dense(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="dense"):
    """A fully connected layer: activation(X·W + b), with X of shape (rows, in) and W of shape (in, units)."""

    units: Annotated[int, msgspec.Meta(ge=1, le=4096, description="How many neurons the layer has.")] = 8
    activation: ActivationChoice = "relu"


Layer: Any = Dense
