"""Which neuron or edge lies under the pointer: plain geometry, without Qt."""

from __future__ import annotations

import numpy as np

from playground.gui.canvas.layout import Edges, Lane
from playground.gui.widgets.pictures import edge_height


def node_at(lanes: list[Lane], x: float, y: float) -> tuple[int, int] | None:
    """Lane and number of the neuron at a position."""
    for lane in lanes:
        if lane.left <= x <= lane.left + lane.width and lane.shown:
            inside = (
                (lane.nodes[:, 0] <= x)
                & (x <= lane.nodes[:, 0] + lane.nodes[:, 2])
                & (lane.nodes[:, 1] <= y)
                & (y <= lane.nodes[:, 1] + lane.nodes[:, 3])
            )
            if inside.any():
                return lane.number, int(inside.argmax())
    return None


def edge_at(edges: Edges | None, scale: float, x: float, y: float, reach: float = 5.0) -> int | None:
    """The drawn edge nearest to a position, if one is near; ``scale`` as in `network_layout.edges_between`."""
    if edges is None:
        return None
    x, y = x * scale, y * scale
    near = np.flatnonzero((edges.curves[:, 0] < x) & (x < edges.curves[:, 2]))
    distances = [abs(edge_height(edges.curves[edge], x) - y) for edge in near]
    best = int(np.argmin(distances)) if distances else -1
    return int(near[best]) if best >= 0 and distances[best] <= reach * scale else None
