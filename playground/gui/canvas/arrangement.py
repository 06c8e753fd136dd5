"""What stands on the canvas, and how much room it needs: the lanes of an experiment with their contents, links and names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.catalog.activations import resolve
from playground.catalog.features import FEATURES
from playground.experiment import Experiment, SyntheticSource
from playground.gui.canvas.lanes import LaneContent, Link, contents_of, links, looks
from playground.gui.canvas.layout import Lane, Size
from playground.gui.canvas.plan_shown import plan_to_show
from playground.gui.canvas.signs import skip_room
from playground.network.plan import Plan
from playground.training.run import RunInfo

# Room below the neurons for an activation's parameter.
FIELD = 36


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The lanes, all but their places: those depend on the canvas's size as well.

    Parameters
    ----------
    plan
        Of the experiment, or of what can be known of it before its data are.
    contents, links
        What each lane holds, and what joins it to the one before.
    units
        Of each lane. Features that are switched off stay on the first one, to be switched on again.
    image_columns
        Width of an image that comes in; 0 if none does.
    input_names, output_names
        What is written beside the neurons; empty beside folded lanes.
    active
        The inputs that are on, by their place; None where all are.
    """

    plan: Plan
    contents: tuple[LaneContent, ...]
    links: tuple[Link, ...]
    units: tuple[int, ...]
    image_columns: int
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    active: tuple[int, ...] | None

    def size(self, width: int, height: int, label_rooms: tuple[int, int], note_room: int) -> Size:
        """What `lay_out` places: on a canvas of a size, with room for labels at its sides and for notes above the lanes."""
        fields = any(resolve(getattr(content.layer, "activation", "identity"))[0].parameters for content in self.contents)
        return Size(
            self.units,
            width,
            height,
            self.image_columns,
            *label_rooms,
            foot=FIELD if fields else 0,
            head=skip_room(self.contents) + note_room,
            looks=looks(self.contents),
        )

    def sources(self, lanes: list[Lane]) -> list[NDArray[np.int64]]:
        """For each gap between lanes, the neuron that each row of the weights leaves from."""
        first = range(self.units[0]) if self.active is None else self.active
        return [np.array(first, np.int64), *(np.arange(lane.units) for lane in lanes[1:-1])]


def arrange(experiment: Experiment, run: RunInfo | None) -> Arrangement:
    """Find what stands on the canvas.

    Parameters
    ----------
    run
        What the newest snapshot is about, if there is one: it knows the data.
    """
    plan = plan_to_show(experiment, run)
    contents = contents_of(experiment, plan)
    dataset = run.data.dataset if run is not None else None
    planar = isinstance(experiment.data.source, SyntheticSource)
    units = (len(FEATURES) if planar else contents[0].units, *(content.units for content in contents[1:]))
    columns = dataset.image_shape[1] if dataset is not None and dataset.image_shape and not planar else 0
    inputs: tuple[str, ...] = ()
    if planar:
        inputs = tuple(feature.symbol for feature in FEATURES.values())
    elif dataset is not None and not dataset.image_shape and len(dataset.feature_names) == units[0]:
        inputs = tuple(dataset.feature_names)
    outputs: tuple[str, ...] = ()
    if dataset is not None and units[-1] > 1:
        outputs = tuple(dataset.class_names or dataset.target_names)
    active = tuple(list(FEATURES).index(name) for name in experiment.data.features) if planar else None
    return Arrangement(
        plan,
        contents,
        links(contents, plan),
        units,
        columns,
        inputs,
        outputs if len(outputs) == units[-1] else (),
        active,
    )
