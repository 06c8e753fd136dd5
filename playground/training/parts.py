"""Parts of a snapshot: what it holds besides the weights, one function each, called only while somebody watches it.

A part is a function of the run and of what is watched, called on the session's thread; whoever needs another one writes the
function and hands it in with `Watch`. It gives None where the data have no such part. What it gives never changes
afterwards: the window's thread reads it. What holds for the whole run is worked out once and left in ``trainer.kept``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from playground.arrays import Float32
from playground.experiment import ExperimentError
from playground.training.diagnosis import LayerHealth, measure_health
from playground.training.protocol import Part, Watch
from playground.training.trainer import Trainer

NEURON_SIZE = 40
SURFACE_SIZE = 100


@dataclass(frozen=True)
class Seldom:
    """Decorates a part that costs much and whose value changes slowly, so that it is worked out now and then only.

    Parameters
    ----------
    function
        Called only when a close look at the run is due, and the weights or the network have changed since the last call; in
        between, snapshots hold what it gave then.
    """

    function: Part

    def __call__(self, trainer: Trainer, watch: Watch) -> Any:
        return self.function(trainer, watch)


def neurons(trainer: Trainer, _watch: Watch) -> tuple[Float32, ...] | None:
    """Answers of each neuron all over the plane: a float32 (units, 40, 40) per layer, inputs first, within ±extent, x₂ upward."""
    if not trainer.run.data.dataset.planar:
        return None
    return tuple(_pictures(layer, NEURON_SIZE) for layer in trainer.activations(_grid(trainer, NEURON_SIZE)))


def surface(trainer: Trainer, _watch: Watch) -> Float32 | None:
    """Answers of the network all over the plane: float32 (outputs, 100, 100), within ±extent, x₂ upward."""
    if not trainer.run.data.dataset.planar:
        return None
    return _pictures(trainer.outputs_for(_grid(trainer, SURFACE_SIZE)), SURFACE_SIZE)


def outputs(trainer: Trainer, _watch: Watch) -> Float32:
    """Answers of the network for the data: float32 (rows, outputs), every row of the data set in its order."""
    return trainer.outputs


def probe(trainer: Trainer, watch: Watch) -> tuple[Float32, ...] | None:
    """Answers of each layer for the raw row that is watched: a float32 (units,) per layer, inputs first."""
    data = trainer.run.data
    if watch.probe is None or len(watch.probe) != data.dataset.features.shape[1]:
        return None
    try:
        row = data.preprocessing.inputs(np.array([watch.probe], np.float64))
        return tuple(layer[0] for layer in trainer.activations(row))
    except ExperimentError:
        # A row of the data before these is no row of tables; the window will name another one soon.
        return None


@Seldom
def health(trainer: Trainer, _watch: Watch) -> tuple[LayerHealth, ...]:
    """How well each stage of the network learns, the inputs left out."""
    return measure_health(trainer.run, trainer.compute)


def watched_parts(trainer: Trainer, watch: Watch, closely: bool) -> Mapping[Part, Any]:
    """What is watched, as far as there is such a thing, by the functions that are asked for it.

    Parameters
    ----------
    closely
        Whether a close look is due: the time for parts that are `Seldom`.
    """
    found = {}
    for part in watch.parts:
        value = _kept(part, trainer, watch, closely) if isinstance(part, Seldom) else part(trainer, watch)
        if value is not None:
            found[part] = value
    return MappingProxyType(found)


def _kept(part: Seldom, trainer: Trainer, watch: Watch, closely: bool) -> Any:
    """What a part gave last time, unless it is time to look again and there is something new to see."""
    seen, value = trainer.kept.get(part, (None, None))
    now = (trainer.step, trainer.run, trainer.history.length)
    if closely and seen != now:
        value = part(trainer, watch)
        trainer.kept[part] = now, value
    return value


def _grid(trainer: Trainer, size: int) -> Float32:
    """Network inputs of size × size points over the plane, row by row from the top."""
    key = (_grid, size)
    if key not in trainer.kept:
        data = trainer.run.data
        # Centers of the pixels, so that the picture is symmetric about the axes.
        axis = ((np.arange(size) + 0.5) / size * 2 - 1) * data.dataset.extent
        x1, x2 = np.meshgrid(axis, -axis)
        trainer.kept[key] = data.preprocessing.inputs(np.column_stack([x1.ravel(), x2.ravel()]))
    grid: Float32 = trainer.kept[key]
    return grid


def _pictures(values: Float32, size: int) -> Float32:
    """(size², units) values of a grid as (units, size, size) pictures."""
    return np.ascontiguousarray(values.T).reshape(-1, size, size)
