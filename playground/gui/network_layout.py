"""Where lanes, neurons and edges lie on the canvas: plain geometry, without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LANE = 72
NODE = 40
OUTPUT_NODE = 68
PITCH = 58
IMAGE_CELL = 14
MINIMUM_PITCH = 108
MAXIMUM_PITCH = 230
# A lane stays one column while its neurons have room to be seen.
MOST_IN_COLUMN, LEAST_PITCH = 24, 25
HEADER = 92
GRIP = 26
# Edges beyond this number, the weakest, are left out: nobody can tell them apart, and each costs time.
MOST_EDGES = 1500
CROWDED = 170


@dataclass(frozen=True)
class Size:
    """What the layout depends on: units of each lane, inputs first, and the room.

    ``foot`` pixels stay free at the bottom of the lanes, for a field.
    """

    widths: tuple[int, ...]
    width: int
    height: int
    image_columns: int = 0
    label_room: int = 64
    output_room: int = 76
    foot: int = 0


@dataclass(frozen=True, eq=False)
class Lane:
    """One layer on the canvas.

    Parameters
    ----------
    number
        0 for the inputs, then the hidden layers, the outputs last.
    units
        Neurons it has; ``nodes`` may show fewer.
    left, top, width, height
        The lane's rectangle.
    nodes
        float32 (shown, 4): x, y, width, height of each neuron.
    folded
        Whether the neurons are small cells in rows rather than a column.
    """

    number: int
    units: int
    left: float
    top: float
    width: float
    height: float
    nodes: Array
    folded: bool

    @property
    def shown(self) -> int:
        return len(self.nodes)

    @property
    def center(self) -> float:
        return self.left + self.width / 2

    @cached_property
    def out_points(self) -> Array:
        """float32 (shown, 2): where edges leave; of folded neurons at the lane's side, so that no cell is crossed."""
        x = np.full(self.shown, self.nodes[:, 0].max() + self.nodes[0, 2]) if self.folded else self.nodes[:, 0] + self.nodes[:, 2]
        return np.column_stack([x, self.nodes[:, 1] + self.nodes[:, 3] / 2]).astype(np.float32)

    @cached_property
    def in_points(self) -> Array:
        """float32 (shown, 2): where edges arrive."""
        x = np.full(self.shown, self.nodes[:, 0].min()) if self.folded else self.nodes[:, 0]
        return np.column_stack([x, self.nodes[:, 1] + self.nodes[:, 3] / 2]).astype(np.float32)


def lay_out(size: Size) -> list[Lane]:
    """Place the lanes side by side, as far apart as fits, and the neurons in each."""
    count = len(size.widths)
    input_width = size.image_columns * IMAGE_CELL + 16 if size.image_columns else LANE
    room = size.width - size.label_room - size.output_room - input_width / 2 - LANE / 2
    pitch = min(MAXIMUM_PITCH, room / max(1, count - 1))
    # What is left over stands half on each side.
    first = size.label_room + input_width / 2 + (room - pitch * (count - 1)) / 2
    lanes = []
    for number, units in enumerate(size.widths):
        width = input_width if number == 0 else LANE
        left = first + number * pitch - width / 2
        top, height = float(HEADER), float(size.height - HEADER)
        columns = size.image_columns if number == 0 else 0
        last = number == count - 1
        nodes, folded = _place(units, left, top + GRIP, width, height - GRIP - 10 - size.foot, columns, last)
        lanes.append(Lane(number, units, left, top, float(width), height, nodes, folded))
    return lanes


def minimum_width(lanes: int, image_columns: int, label_room: int, output_room: int) -> int:
    """Width below which the canvas scrolls."""
    input_width = image_columns * IMAGE_CELL + 16 if image_columns else LANE
    return round(label_room + output_room + input_width + (lanes - 1) * MINIMUM_PITCH - LANE / 2)


def _place(units: int, left: float, top: float, width: float, height: float, columns: int, output: bool) -> tuple[Array, bool]:
    """Rectangles of a lane's neurons, float32 (shown, 4), and whether they are folded."""
    middle = top + height / 2
    if columns == 0 and units <= MOST_IN_COLUMN and height / units >= LEAST_PITCH:
        largest = OUTPUT_NODE if output and units == 1 else NODE
        pitch = min(PITCH, height / units)
        side = min(largest, pitch - 4) if units > 1 else min(largest, height)
        y = middle + (np.arange(units) - (units - 1) / 2) * pitch - side / 2
        x = np.full(units, left + width / 2 - side / 2)
        return np.column_stack([x, y, np.full((units, 2), side)]).astype(np.float32), False
    inner = width - 16
    if columns == 0:
        columns = next((c for c in range(2, 8) if -(-units // c) * (inner / c) <= height), 8)
    cell = inner / columns
    rows = min(-(-units // columns), max(1, int(height // cell)))
    index = np.arange(min(units, rows * columns))
    x = left + 8 + (index % columns) * cell
    y = middle - rows * cell / 2 + (index // columns) * cell
    return np.column_stack([x, y, np.full((len(index), 2), cell - 1)]).astype(np.float32), True


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges that are drawn, weakest first.

    Parameters
    ----------
    curves
        float32 (n, 6) as `painting.draw_edges` takes them.
    values
        float32 (n,): the weights.
    gaps, sources, targets
        int64 (n,): which lane they leave, from which neuron, to which.
    """

    curves: Array
    values: Array
    gaps: NDArray[np.int64]
    sources: NDArray[np.int64]
    targets: NDArray[np.int64]


def edges_between(lanes: list[Lane], weights: list[Array], sources: list[NDArray[np.int64]], scale: float = 1.0) -> Edges:
    """Edges of a network.

    Parameters
    ----------
    lanes
        As `lay_out` places them.
    weights
        float32 (inputs, units) for each gap between lanes.
    sources
        For each gap the node that each row of the weights leaves from (inputs that are switched off have a node, but
        no weight).
    scale
        Pixels of the image per unit of the layout.
    """
    parts: list[tuple[NDArray[Any], ...]] = []
    for gap, (weight, nodes) in enumerate(zip(weights, sources, strict=True)):
        left, right = lanes[gap], lanes[gap + 1]
        rows = np.flatnonzero(nodes < left.shown)
        shown = weight[rows][:, : right.shown]
        source = np.repeat(nodes[rows], shown.shape[1])
        target = np.tile(np.arange(shown.shape[1]), len(rows))
        parts.append((np.full(len(source), gap), source, target, shown.ravel()))
    gaps, source, target, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    size = np.abs(values)
    order = np.argsort(size, kind="stable")[-MOST_EDGES:]
    gaps, source, target, values, size = gaps[order], source[order], target[order], values[order], size[order]
    # Against the strong ones, so that one huge weight doesn't hide the others; small networks' weights against 1.
    reference = max(1.0, float(size[int(0.97 * (len(size) - 1))])) if len(size) else 1.0
    strength = np.minimum(1.0, size / reference)
    curves = np.empty((len(values), 6), np.float32)
    for gap in range(len(weights)):
        chosen = gaps == gap
        curves[chosen, 0:2] = lanes[gap].out_points[source[chosen]]
        curves[chosen, 2:4] = lanes[gap + 1].in_points[target[chosen]]
    # Many edges are drawn thinner and fainter, or they would hide each other and the neurons.
    room = min(1.0, (CROWDED / max(1, len(values))) ** 0.5)
    curves[:, 4] = 0.8 + 4.2 * strength * room
    curves[:, :5] *= scale
    curves[:, 5] = (0.10 + 0.80 * np.sqrt(strength)) * (0.3 + 0.7 * room)
    return Edges(curves, values.astype(np.float32), gaps, source, target)
