"""Inserts, removes and moves layers of any kind, at the top or within a residual block, so that the network stays whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from playground.experiment.checking import checked
from playground.experiment.fields import size_field
from playground.experiment.paths import replaced, value_at
from playground.experiment.rules import build_plan
from playground.experiment.specs import Experiment, ExperimentError
from playground.network.building import Inputs
from playground.network.layers import LAYERS, Conv2D, Dense, Flatten, Layer, Residual

# Positions in nested lists of layers: (2,) is the third layer, (2, 0) the first one within the block that it is.
Path = tuple[int, ...]


def field_path(path: Path, field: str) -> str:
    """``network.layers.2.layers.0.units``: where a layer's field stands in the experiment."""
    return ".".join(["network", *(f"layers.{position}" for position in path), field])


def layers_at(experiment: Experiment, path: Path) -> tuple[Any, ...]:
    """The list of layers in which the layer at ``path`` stands."""
    layers: tuple[Any, ...] = value_at(experiment, field_path(path[:-1], "layers"))
    return layers


def with_layers_at(experiment: Experiment, path: Path, layers: tuple[Any, ...]) -> Experiment:
    """Replace the list of layers in which the layer at ``path`` stands."""
    changed: Experiment = replaced(experiment, field_path(path[:-1], "layers"), layers)
    return changed


def without_layer(experiment: Experiment, path: Path) -> Experiment:
    """Take a layer out; a block goes with its last layer."""
    siblings = layers_at(experiment, path)
    if len(siblings) == 1 and len(path) > 1:
        return without_layer(experiment, path[:-1])
    return with_layers_at(experiment, path, (*siblings[: path[-1]], *siblings[path[-1] + 1 :]))


def with_layer_moved(experiment: Experiment, path: Path, end: int) -> Experiment:
    """Put a layer where it becomes number ``end`` of its list."""
    siblings = list(layers_at(experiment, path))
    siblings.insert(end, siblings.pop(path[-1]))
    return with_layers_at(experiment, path, tuple(siblings))


def with_layer(
    experiment: Experiment, kind: str, path: Path, shape: tuple[int, ...], inputs: Inputs | None = None, outputs: int = 1
) -> Experiment:
    """Insert a layer of a kind before ``path``, mended where that is simple: a Flatten beside it, or as many units as come in.

    Parameters
    ----------
    shape
        What comes in there: ``(width,)``, or height, width and channels.
    inputs, outputs
        Of the network where the data are known, so that the whole is tried out with them.

    Raises
    ------
    ExperimentError
        If it doesn't fit there; the sentence is that of the layer alone, without any mend.
    """
    refused: ExperimentError | None = None
    for tried in _tries(experiment, kind, path, shape):
        try:
            return _whole(tried, inputs, outputs)
        except ExperimentError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _whole(experiment: Experiment, inputs: Inputs | None, outputs: int) -> Experiment:
    """The experiment if its layers fit each other and the data."""
    experiment = checked(experiment)
    if inputs is not None:
        build_plan(experiment, inputs, outputs)
    return experiment


def _tries(experiment: Experiment, kind: str, path: Path, shape: tuple[int, ...]) -> Iterator[Experiment]:
    """The layer alone, then with each simple mend."""
    siblings, position = layers_at(experiment, path), path[-1]
    new = _new(kind, siblings, position, shape)
    width = size_field(new)
    # Within a block, what comes in is what must go out.
    as_wide = replace(new, **{width: shape[-1]}) if width else new
    groups: list[tuple[Any, ...]] = [(new,), (as_wide,)]
    if not any(isinstance(layer, Flatten) for layer in siblings[position : position + 1]):
        groups += [(new, Flatten()), (Flatten(), new)]
    for group in groups:
        yield with_layers_at(experiment, path, (*siblings[:position], *group, *siblings[position:]))


def _new(kind: str, siblings: tuple[Any, ...], position: int, shape: tuple[int, ...]) -> Layer:
    """A layer of a kind with its usual settings; a dense one like its neighbor on the left, or else like the first one."""
    dense = [layer for layer in siblings[:position] if isinstance(layer, Dense)][-1:]
    dense += [layer for layer in siblings[position:] if isinstance(layer, Dense)][:1]
    like = dense[0] if dense else Dense(units=4, activation="tanh" if not siblings else "relu")
    if kind == "dense":
        return replace(like, trainable=True)
    if kind == "residual":
        inner = Conv2D(filters=shape[-1]) if len(shape) == 3 else replace(like, units=shape[0], trainable=True)
        return Residual(layers=(inner,))
    return LAYERS[kind]()
