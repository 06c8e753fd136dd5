"""What the canvas shows, lane by lane: each stage of the network with its layer, how it looks, and what links it to the last."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.catalog.activations import resolve
from playground.experiment import Experiment, output_activation
from playground.experiment.fields import size_field
from playground.gui.canvas.layout import LANE, NODE, SLOT, Look
from playground.kernels import dropping
from playground.network import table
from playground.network.layers import shape_in_words
from playground.network.plan import Plan, Stage
from playground.words import number, tr

UNBOUNDED = (-math.inf, math.inf)
# Neurons of layers without weights of their own are drawn smaller than those that weigh their inputs.
SIDES = {"dropout": 28, "batch_norm": 16, "layer_norm": 16, "residual": 24}
# Layers whose sign is a bell curve; a sign takes so many pixels.
CURVES = ("batch_norm", "layer_norm")
SIGN = 20
MAP_SIDE, SMALL_MAP, KERNEL = 40, 30, 18
# More weights than this after a Flatten are drawn as a fan: single lines could not be told apart.
MOST_WEIGHTS = 4000
# Kernels of a filter under the pointer: as many fit below the enlarged map.
MOST_KERNELS = 8
# Layers whose neurons or filters have a bias that a click edits.
WITH_BIAS = ("dense", "conv2d", "outputs")


@dataclass(frozen=True, eq=False)
class LaneContent:
    """What one lane holds.

    Parameters
    ----------
    number
        The lane's: 0 for the inputs, the outputs last.
    stage
        As the plan has it.
    layer
        The layer's spec; None for inputs and outputs.
    path
        Where the layer stands: ``(1, 0)`` is the first one within the block that is the second layer.
    prefix
        What the names of its parameters begin with; empty for the inputs, which have none.
    range
        Least and largest value that its neurons can have.
    """

    number: int
    stage: Stage
    layer: Any
    path: tuple[int, ...]
    prefix: str
    range: tuple[float, float]

    @property
    def kind(self) -> str:
        return self.stage.kind

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stage.region.shape

    @property
    def is_image(self) -> bool:
        """Whether it holds feature maps; an image that comes in is shown pixel by pixel."""
        return len(self.shape) == 3 and not self.stage.region.is_data

    @property
    def units(self) -> int:
        """Neurons, or feature maps; one where a table's width isn't known yet."""
        return max(1, self.shape[-1] if self.is_image else self.stage.region.width)

    @property
    def place(self) -> tuple[int, ...] | str:
        """What `NetworkCanvas.layer_selected` calls it."""
        return self.path if self.layer is not None else self.kind

    @property
    def is_frozen(self) -> bool:
        return not getattr(self.layer, "trainable", True)

    @property
    def size(self) -> int | None:
        """How many neurons or filters the layer is told to have, if it is told."""
        name = size_field(self.layer) if self.layer is not None else None
        return int(getattr(self.layer, name)) if name is not None else None


@dataclass(frozen=True)
class Link:
    """What joins a lane to the one before it.

    ``weights``: a matrix, an edge each; ``fan``: a matrix of too many to draw; ``each``: every number goes straight on;
    ``ribbon``: windows of an image, or all of it, go on.
    """

    kind: str
    weight: str = ""


def contents_of(experiment: Experiment, plan: Plan) -> tuple[LaneContent, ...]:
    """The lanes of a network, inputs first; the layers of a residual block before the block itself."""
    found: list[LaneContent] = []
    layers = experiment.network.layers
    for place, stage in enumerate(plan.stages):
        path = tuple(int(part) for part in stage.name.split(".") if part.isdecimal())
        layer: Any = None
        within: Any = layers
        for position in path:
            layer = within[position]
            within = getattr(layer, "layers", ())
        # The outputs' weights are called as if they were one more layer's.
        prefix = stage.name if layer is not None else f"layers.{len(layers)}" if stage.kind == "outputs" else ""
        found.append(LaneContent(place, stage, layer, path, prefix, _range(experiment, stage, layer, found)))
    return tuple(found)


def _range(experiment: Experiment, stage: Stage, layer: Any, before: list[LaneContent]) -> tuple[float, float]:
    if stage.kind == "inputs":
        return UNBOUNDED
    if stage.kind == "outputs":
        low, high = resolve(output_activation(experiment))[0].range
        # Several probabilities start from nothing; a single one is undecided in the middle.
        return (-high, high) if low == 0.0 and stage.region.width > 1 else (low, high)
    if hasattr(layer, "activation"):
        return resolve(layer.activation)[0].range
    if stage.kind == "embedding":
        return UNBOUNDED
    # It only passes on, leaves out or picks.
    return before[-1].range


def title_of(contents: tuple[LaneContent, ...], content: LaneContent) -> str:
    """What a hidden lane is called: dense layers are counted, the others go by their kind."""
    if content.kind != "dense":
        return str(content.layer.title).removesuffix("2D")
    return tr("Hidden {0}").format(sum(other.kind == "dense" for other in contents[: content.number + 1]))


def looks(contents: tuple[LaneContent, ...]) -> tuple[Look, ...]:
    """How each lane is laid out; a lane without weights of its own is as narrow as its title allows."""
    found = [_look(contents, content) for content in contents]
    # What one lane's sign takes is left free in all, so that numbers that only go on do so on a level.
    room = max(look.sign for look in found)
    return tuple(replace(look, sign=room) for look in found)


def _look(contents: tuple[LaneContent, ...], content: LaneContent) -> Look:
    if content.kind in ("inputs", "outputs", "dense"):
        return Look()
    # The title's letters are about 7 pixels wide; a cross stands behind it.
    slot = 36 + 7 * len(title_of(contents, content))
    slot = max(slot, SLOT) if shows_activation(content) else slot
    if content.kind == "embedding":
        return Look("tables", width=100, slot=slot, tables=content.stage.region.width // content.layer.units)
    sign = SIGN if content.kind in CURVES or fact(content) else 0
    if content.is_image:
        height, width, _ = content.shape
        beside = KERNEL + 4 if has_small_kernels(contents, content) else 0
        side = MAP_SIDE if content.kind == "conv2d" else min(SMALL_MAP, SIDES.get(content.kind, SMALL_MAP) + 6)
        return Look("maps", side + beside + 18, slot, side, sign, beside, aspect=width / height)
    if content.kind == "flatten":
        return Look("strip", width=40, slot=slot, sign=sign)
    side = SIDES.get(content.kind, NODE)
    return Look("column", side + 24 if side < NODE else LANE, slot, side, sign)


def shows_activation(content: LaneContent) -> bool:
    """Whether a header offers the activation: where one is usual, or where one was chosen."""
    choice = getattr(content.layer, "activation", None)
    return choice is not None and (content.size is not None or resolve(choice)[0].name != "identity")


def fact(content: LaneContent) -> str:
    """The one number that says most about a layer without neurons to count: a window's size, a rate, a length."""
    fields = getattr(content.layer, "__struct_fields__", ())
    for name in ("kernel", "size"):
        if name in fields:
            pixels = getattr(content.layer, name)
            return f"{pixels} × {pixels}"
    if "rate" in fields:
        return f"{100 * content.layer.rate:.3g} %"
    return str(content.units) if content.kind == "flatten" else ""


def words(content: LaneContent) -> str:
    """A lane in words, for screen readers."""
    if content.kind == "inputs":
        size = shape_in_words(content.shape) if len(content.shape) > 1 else str(content.units)
        return tr("{0} inputs").format(size)
    if content.kind == "outputs":
        return tr("{0} outputs").format(content.units)
    layer = content.layer
    activation = resolve(layer.activation)[0].title if getattr(layer, "activation", "identity") != "identity" else ""
    if content.kind == "dense":
        found = [tr("{0} neurons {1}").format(layer.units, resolve(layer.activation)[0].title)]
    elif getattr(layer, "layers", None) is not None:
        nouns = tr("{0}: skip around {1} layer"), tr("{0}: skip around {1} layers")
        found = [nouns[len(layer.layers) != 1].format(layer.title, len(layer.layers)), activation]
    else:
        count = {"units": tr("{0} numbers each"), "filters": tr("{0} filters")}.get(size_field(layer) or "", "")
        found = [str(layer.title), count.format(content.size), fact(content), activation]
    if content.is_frozen:
        found.append(tr("frozen"))
    return " ".join(part for part in found if part)


def about_neuron(
    contents: tuple[LaneContent, ...],
    lane: int,
    node: int,
    name: str,
    known: tuple[Experiment, Plan, Float32] | None,
) -> list[str]:
    """Lines about a neuron or feature map: its name, its activation and its parameters.

    Parameters
    ----------
    name
        What is written beside it; "" where it has a number only.
    known
        The experiment, its plan and the weights; None while there are only those of another structure.
    """
    content = contents[lane]
    noun = tr("Feature map {0}") if content.is_image else tr("Neuron {0}")
    found = [name or noun.format(node + 1)]
    if known is not None:
        experiment, plan, parameters = known
        outputs = content.kind == "outputs"
        record = resolve(output_activation(experiment) if outputs else getattr(content.layer, "activation", "identity"))[0]
        if content.kind in WITH_BIAS or record.name != "identity":
            found.append(record.title)
        found += [
            f"{view.name.rpartition('.')[2].replace('_', ' ')} {number(float(plan.view(parameters, view.name)[node]), 4)}"
            for view in plan.parameters
            if view.layer == content.prefix and view.shape == (content.units,)
        ]
    if content.kind == "conv2d":
        channels = contents[lane - 1].shape[-1]
        found.append(tr("kernels: {0} of {1}").format(min(MOST_KERNELS, channels), channels))
    return found


def has_small_kernels(contents: tuple[LaneContent, ...], content: LaneContent) -> bool:
    """Whether each filter is a single small picture: it looks at a gray image."""
    before = contents[max(0, content.number - 1)]
    return content.kind == "conv2d" and len(before.shape) == 3 and before.shape[-1] == 1


def links(contents: tuple[LaneContent, ...], plan: Plan) -> tuple[Link, ...]:
    """What joins each lane but the first to the one before it."""
    sizes = {view.name: view.size for view in plan.parameters}
    found = []
    for before, content in pairwise(contents):
        weight = f"{content.prefix}.weight"
        if content.kind in ("dense", "outputs"):
            crowded = sizes[weight] > MOST_WEIGHTS and before.kind == "flatten"
            found.append(Link("fan" if crowded else "weights", weight))
        elif content.kind in ("conv2d", "flatten") or before.units != content.units:
            found.append(Link("ribbon"))
        else:
            found.append(Link("each"))
    return tuple(found)


def span(contents: tuple[LaneContent, ...], content: LaneContent) -> tuple[int, int]:
    """First and last lane of a layer: of a block, its first layer's and its own."""
    depth = len(content.path)
    first = next(other.number for other in contents if other.layer is not None and other.path[:depth] == content.path)
    return first, content.number


def siblings(contents: tuple[LaneContent, ...], content: LaneContent) -> list[LaneContent]:
    """The layers of the list in which a layer stands, itself included."""
    return [
        other
        for other in contents
        if other.layer is not None and len(other.path) == len(content.path) and other.path[:-1] == content.path[:-1]
    ]


def nesting(content: LaneContent) -> int:
    """How many skips lie over each other above a layer's lane, its own included."""
    inner = getattr(content.layer, "layers", None)
    return 0 if inner is None else 1 + max(_depth(layer) for layer in inner)


def _depth(layer: Any) -> int:
    inner = getattr(layer, "layers", None)
    return 0 if inner is None else 1 + max(_depth(each) for each in inner)


def insertion_path(contents: tuple[LaneContent, ...], gap: int) -> tuple[int, ...]:
    """Where a layer goes that is put between lane ``gap`` and the next one.

    Before a block's first layer that is before the block; after its last layer, still within.
    """
    right = contents[gap + 1]
    if right.layer is None:
        return (sum(len(content.path) == 1 for content in contents),)
    if getattr(right.layer, "layers", None) is not None:
        return (*right.path, len(right.layer.layers))
    path = right.path
    while len(path) > 1 and path[-1] == 0:
        path = path[:-1]
    return path


def dropped(plan: Plan, content: LaneContent, seed: int, step: int) -> NDArray[np.bool_] | None:
    """Which neurons (or maps) dropout switched off for the first row of the last step; None of other layers.

    Of a feature map only single numbers are dropped; it counts as switched off if its first number was.
    """
    if content.kind != "dropout":
        return None
    index = next(
        number
        for number, row in enumerate(plan.instructions)
        if row[table.OPERATION] == table.DROPOUT and row[table.OUTPUT] == content.stage.region.unit
    )
    places = np.arange(content.units, dtype=np.int64)
    rules: Any = dropping
    kept: NDArray[np.bool_] = rules.is_kept(
        rules.drop_key(seed, max(0, step - 1), index), places, rules.threshold(content.layer.rate)
    )
    return ~kept
