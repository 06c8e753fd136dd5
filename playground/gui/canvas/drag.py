"""What a drag of a lane would do, from where it began and where the pointer is."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect

from playground.experiment.fields import Number, field_of, size_field
from playground.gui.canvas.lanes import LaneContent, siblings, span
from playground.gui.canvas.layout import Lane
from playground.words import tr

PIXELS_PER_NEURON = 20
REORDER_FROM = 48
REMOVE_BEYOND = 40


@dataclass(frozen=True)
class Preview:
    """What a drag would do.

    Parameters
    ----------
    kind
        ``units``, ``move``, ``remove``, or ``none`` where the lane has no size to change.
    lane
        Which one is dragged.
    value
        The new size or place.
    pointer
        Where it is.
    words
        What it would be, for people.
    x
        Where a moved lane would go.
    """

    kind: str
    lane: int
    value: int
    pointer: QPoint
    words: str
    x: float = 0.0


def preview_of(
    lanes: list[Lane], contents: tuple[LaneContent, ...], number: int, offset: QPoint, pointer: QPoint, canvas: QRect
) -> Preview:
    """What letting go now would do to a lane."""
    content = contents[number]
    beyond = REMOVE_BEYOND
    if not canvas.adjusted(-beyond, -beyond, beyond, beyond).contains(pointer):
        return Preview("remove", number, 0, pointer, tr("Let go to remove the layer"))
    if abs(offset.x()) > REORDER_FROM:
        others = [other for other in siblings(contents, content) if other is not content]
        end = sum(lanes[other.number].center < pointer.x() for other in others)
        return Preview("move", number, end, pointer, tr("Move here"), _line_at(lanes, contents, content, others, end))
    name = size_field(content.layer)
    if content.size is None or name is None:
        return Preview("none", number, 0, pointer, "")
    kind = field_of(type(content.layer), name).kind
    assert isinstance(kind, Number)
    size = min(int(kind.high), max(1, content.size + round(offset.y() / PIXELS_PER_NEURON)))
    nouns = (tr("{0} neuron"), tr("{0} neurons")) if name == "units" else (tr("{0} filter"), tr("{0} filters"))
    return Preview("units", number, size, pointer, nouns[size != 1].format(size))


def _line_at(
    lanes: list[Lane], contents: tuple[LaneContent, ...], content: LaneContent, others: list[LaneContent], end: int
) -> float:
    """Where the lane would go: in the middle between those that would be its neighbors."""
    first, last = span(contents, content)
    if end < len(others):
        right = span(contents, others[end])[0]
        left = right - 1 if right - 1 != last else first - 1
    else:
        left = others[-1].number if others else first - 1
        right = left + 1 if left + 1 != first else last + 1
    return (lanes[left].left + lanes[left].width + lanes[right].left) / 2
