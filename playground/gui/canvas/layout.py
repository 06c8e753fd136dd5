"""Where lanes, neurons and edges lie on the canvas: plain geometry, without Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32

LANE = 72
NODE = 40
OUTPUT_NODE = 68
PITCH = 58
IMAGE_CELL = 14
MAXIMUM_STRETCH = 230 / 108
# A header is so wide; between headers and between lanes there is at least so much room.
SLOT, HEADERS_APART, LANES_APART = 104, 4, 36
# Feature maps beyond this number are counted only.
MOST_MAPS, MAP_PITCH, LEAST_MAP_PITCH = 12, 46, 24
STRIP, STRIP_CELL = 12, 12
TABLE_TITLE, PICKED = 22, 14
# A lane stays one column while its neurons have room to be seen.
MOST_IN_COLUMN, LEAST_PITCH = 24, 25
HEADER = 92
GRIP = 26
# Edges beyond this number, the weakest, are left out: nobody can tell them apart, and each costs time.
MOST_EDGES = 1500
CROWDED = 170


@dataclass(frozen=True)
class Look:
    """How a lane is laid out.

    Parameters
    ----------
    style
        ``column`` of neurons; ``maps``: feature maps as small pictures; ``strip``: all numbers in one narrow column;
        ``tables``, and beside them the numbers that were picked.
    width, slot
        Of the lane and of its header.
    side
        Largest side of a neuron or map.
    sign
        Pixels at the top of the lane that a sign of what it does takes.
    beside
        Pixels left of each map, for its kernel.
    tables
        How many tables there are.
    aspect
        Width of a map by its height.
    """

    style: str = "column"
    width: int = LANE
    slot: int = SLOT
    side: int = NODE
    sign: int = 0
    beside: int = 0
    tables: int = 0
    aspect: float = 1.0


COLUMN = Look()


@dataclass(frozen=True)
class Size:
    """What the layout depends on: units of each lane, inputs first, and the room.

    ``foot`` pixels stay free at the bottom of the lanes, for a field, and ``head`` pixels above them, for skips and notes.
    Without ``looks`` all lanes are columns of neurons.
    """

    widths: tuple[int, ...]
    width: int
    height: int
    image_columns: int = 0
    label_room: int = 64
    output_room: int = 76
    foot: int = 0
    head: int = 0
    looks: tuple[Look, ...] = ()


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
    look
        How it is laid out.
    tables
        float32 (tables, 4): the rectangles of its tables.
    """

    number: int
    units: int
    left: float
    top: float
    width: float
    height: float
    nodes: Float32
    folded: bool
    look: Look = COLUMN
    tables: Float32 = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    @property
    def shown(self) -> int:
        return len(self.nodes)

    @property
    def center(self) -> float:
        return self.left + self.width / 2

    @cached_property
    def out_points(self) -> Float32:
        """float32 (shown, 2): where edges leave; of folded neurons at the lane's side, so that no cell is crossed."""
        x = np.full(self.shown, self.nodes[:, 0].max() + self.nodes[0, 2]) if self.folded else self.nodes[:, 0] + self.nodes[:, 2]
        return np.column_stack([x, self.nodes[:, 1] + self.nodes[:, 3] / 2]).astype(np.float32)

    @cached_property
    def in_points(self) -> Float32:
        """float32 (shown, 2): where edges arrive."""
        x = np.full(self.shown, self.nodes[:, 0].min()) if self.folded else self.nodes[:, 0] - self.look.beside
        return np.column_stack([x, self.nodes[:, 1] + self.nodes[:, 3] / 2]).astype(np.float32)


def lay_out(size: Size) -> list[Lane]:
    """Place the lanes side by side, as far apart as fits, and the neurons in each."""
    looks = size.looks or (COLUMN,) * len(size.widths)
    lane_widths = [_input_width(size), *(look.width for look in looks[1:])]
    apart = np.array(_least_distances(size))
    room = size.width - size.label_room - size.output_room - lane_widths[0] / 2 - lane_widths[-1] / 2
    apart = apart * min(MAXIMUM_STRETCH, room / apart.sum())
    # What is left over stands half on each side.
    first = size.label_room + lane_widths[0] / 2 + (room - apart.sum()) / 2
    centers = first + np.concatenate([[0.0], np.cumsum(apart)])
    lanes = []
    for number, (units, look, width) in enumerate(zip(size.widths, looks, lane_widths, strict=True)):
        left = float(centers[number]) - width / 2
        top = float(HEADER + size.head)
        height = size.height - top
        inside = top + GRIP + look.sign
        inner = height - GRIP - look.sign - 10 - size.foot
        tables, folded = np.zeros((0, 4), np.float32), False
        if look.style == "maps":
            nodes = _place_maps(units, left, inside, inner, look)
        elif look.style == "strip":
            nodes = _place_strip(units, left, inside, inner, look)
        elif look.style == "tables":
            nodes, tables = _place_tables(units, left, inside, inner, look)
        else:
            columns = size.image_columns if number == 0 else 0
            last = number == len(looks) - 1
            nodes, folded = _place(units, left, inside, width, inner, columns, OUTPUT_NODE if last and units == 1 else look.side)
        lanes.append(Lane(number, units, left, top, float(width), height, nodes, folded, look, tables))
    return lanes


def _input_width(size: Size) -> int:
    return size.image_columns * IMAGE_CELL + 16 if size.image_columns else LANE


def _least_distances(size: Size) -> list[float]:
    """Between the centers of neighbors: neither headers nor lanes may touch."""
    looks = size.looks or (COLUMN,) * len(size.widths)
    widths = [look.width for look in looks]
    if any(look.style != "column" for look in looks):
        widths[0] = _input_width(size)
    return [
        max((looks[i].slot + looks[i + 1].slot) / 2 + HEADERS_APART, (widths[i] + widths[i + 1]) / 2 + LANES_APART)
        for i in range(len(looks) - 1)
    ]


def minimum_width(size: Size) -> int:
    """Width below which the canvas scrolls."""
    return round(size.label_room + size.output_room + _input_width(size) + sum(_least_distances(size)) - LANE / 2)


def _place_maps(units: int, left: float, top: float, height: float, look: Look) -> Float32:
    """Rectangles of feature maps below each other, as many as can be told apart."""
    shown = max(1, min(units, MOST_MAPS, int(height // LEAST_MAP_PITCH)))
    if shown < units:
        # The number of the others is written below.
        height -= 12
    pitch = min(MAP_PITCH, height / shown)
    side = min(look.side, pitch - 4)
    width, tall = side * min(1.0, look.aspect), side * min(1.0, 1 / look.aspect)
    y = top + height / 2 + (np.arange(shown) - (shown - 1) / 2) * pitch - tall / 2
    x = np.full(shown, left + (look.width + look.beside - width) / 2)
    return np.column_stack([x, y, np.full(shown, width), np.full(shown, tall)]).astype(np.float32)


def _place_strip(units: int, left: float, top: float, height: float, look: Look) -> Float32:
    """All numbers in one column, however low each of them gets."""
    cell = min(STRIP_CELL, height / units)
    y = top + height / 2 + (np.arange(units) - units / 2) * cell
    x = np.full(units, left + (look.width - STRIP) / 2)
    return np.column_stack([x, y, np.full(units, STRIP), np.full(units, cell)]).astype(np.float32)


def _place_tables(units: int, left: float, top: float, height: float, look: Look) -> tuple[Float32, Float32]:
    """The numbers that were picked at the lane's right, and the tables that they come from at its left."""
    share = height / look.tables
    each = units // look.tables
    pitch = min(PICKED + 2, (share - TABLE_TITLE) / each)
    side = max(1.0, min(PICKED, pitch - 1))
    number, table = np.arange(units) % each, np.arange(units) // each
    middle = top + table * share + (TABLE_TITLE + share) / 2
    y = middle + (number - (each - 1) / 2) * pitch - side / 2
    x = np.full(units, left + look.width - 8 - PICKED / 2 - side / 2)
    nodes = np.column_stack([x, y, np.full((units, 2), side)])
    rows = np.arange(look.tables)
    tables = np.column_stack(
        [
            np.full(look.tables, left + 8),
            top + rows * share + TABLE_TITLE,
            np.full(look.tables, look.width - 30 - PICKED),
            np.full(look.tables, share - TABLE_TITLE - 6),
        ]
    )
    return nodes.astype(np.float32), tables.astype(np.float32)


def _place(units: int, left: float, top: float, width: float, height: float, columns: int, largest: int) -> tuple[Float32, bool]:
    """Rectangles of a lane's neurons, float32 (shown, 4), and whether they are folded."""
    middle = top + height / 2
    if columns == 0 and units <= MOST_IN_COLUMN and height / units >= LEAST_PITCH:
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

    curves: Float32
    values: Float32
    gaps: NDArray[np.int64]
    sources: NDArray[np.int64]
    targets: NDArray[np.int64]


def edges_between(
    lanes: list[Lane], weights: list[Float32 | None], sources: list[NDArray[np.int64]], scale: float = 1.0
) -> Edges:
    """Edges of a network.

    Parameters
    ----------
    lanes
        As `lay_out` places them.
    weights
        float32 (inputs, units) for each gap between lanes; None where no matrix joins them.
    sources
        For each gap the node that each row of the weights leaves from (inputs that are switched off have a node, but
        no weight).
    scale
        Pixels of the image per unit of the layout.
    """
    nothing = np.zeros(0, np.int64)
    parts: list[tuple[NDArray[Any], ...]] = [(nothing, nothing, nothing, np.zeros(0, np.float32))]
    for gap, (weight, nodes) in enumerate(zip(weights, sources, strict=True)):
        if weight is None:
            continue
        left, right = lanes[gap], lanes[gap + 1]
        rows = np.flatnonzero(nodes < left.shown)
        shown = weight[rows][:, : right.shown]
        source = np.repeat(nodes[rows], shown.shape[1])
        target = np.tile(np.arange(shown.shape[1]), len(rows))
        parts.append((np.full(len(source), gap), source, target, shown.ravel()))
    gaps, source, target, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    # What is no number, in a network that has diverged, has no strength.
    size = np.nan_to_num(np.abs(values), posinf=np.inf)
    order = np.argsort(size, kind="stable")[-MOST_EDGES:]
    gaps, source, target, values, size = gaps[order], source[order], target[order], values[order], size[order]
    # Against the strong ones, so that one huge weight doesn't hide the others; small networks' weights against 1.
    numbers = size[np.isfinite(size)]
    reference = max(1.0, float(numbers[int(0.97 * (len(numbers) - 1))])) if len(numbers) else 1.0
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
