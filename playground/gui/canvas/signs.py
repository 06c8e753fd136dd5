"""Signs that tell layers apart: links between lanes, a bell curve, a bracket, struck-out neurons, a skip's arc with a plus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from playground.gui.canvas.lanes import CURVES, SIGN, LaneContent, Link, fact, nesting, span
from playground.gui.canvas.layout import GRIP, Lane
from playground.gui.widgets.theme import Theme

Align = Qt.AlignmentFlag
# Room above the lanes for each skip over another.
SKIP = 24
PLUS = 8.0


def skip_room(contents: tuple[LaneContent, ...]) -> int:
    """Pixels above the lanes that the skips need."""
    return SKIP * max(nesting(content) for content in contents)


def draw_sign(painter: QPainter, theme: Theme, lane: Lane, content: LaneContent) -> None:
    """What a lane does, at its top: a bell curve, or the number that says most; a snowflake where nothing is learned."""
    place = QRectF(lane.left, lane.top + GRIP - 4, lane.width, SIGN)
    if content.kind in CURVES:
        _draw_bell(painter, theme, place)
    elif fact(content):
        painter.setFont(theme.font(11, 500, tabular=True))
        painter.setPen(theme.color("text_muted"))
        painter.drawText(place, Align.AlignCenter, fact(content))
    if content.kind == "flatten":
        _draw_bracket(painter, theme, lane)
    if content.is_frozen:
        _draw_badge(painter, theme, lane)


def _draw_badge(painter: QPainter, theme: Theme, lane: Lane) -> None:
    """A snowflake on the lane's corner: its parameters stay as they are."""
    center = QPointF(lane.left + 5, lane.top + 5)
    painter.setPen(QPen(theme.color("border_strong"), 1))
    painter.setBrush(theme.color("surface"))
    painter.drawEllipse(center, 10, 10)
    painter.drawPixmap(center - QPointF(7, 7), theme.pixmap("snow", "text_muted", 14))


def _draw_bell(painter: QPainter, theme: Theme, place: QRectF) -> None:
    """A normal curve over its axis."""
    width, height = min(34.0, place.width() - 10), place.height() - 5
    x = np.linspace(-2.6, 2.6, 27)
    y = np.exp(-x * x / 2)
    left, base = place.center().x() - width / 2, place.bottom() - 2
    points = [QPointF(left + width * (a + 2.6) / 5.2, base - height * b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    painter.setPen(QPen(theme.color("text_muted"), 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(points))
    painter.setPen(QPen(theme.color("border_strong"), 1))
    painter.drawLine(QPointF(left - 1, base + 0.5), QPointF(left + width + 1, base + 0.5))


def _draw_bracket(painter: QPainter, theme: Theme, lane: Lane) -> None:
    """A bracket left of a strip: all of what comes in, one below the other."""
    x = float(lane.nodes[0, 0]) - 5
    top, bottom = float(lane.nodes[0, 1]) - 1, float(lane.nodes[-1, 1] + lane.nodes[-1, 3]) + 1
    painter.setPen(QPen(theme.color("text_faint"), 1.5))
    painter.drawPolyline([QPointF(x + 4, top), QPointF(x, top), QPointF(x, bottom), QPointF(x + 4, bottom)])


# Links


def draw_links(painter: QPainter, theme: Theme, lanes: list[Lane], links: tuple[Link, ...]) -> None:
    """What joins lanes other than by single weights, whose edges are drawn with each snapshot."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for left, right, link in zip(lanes[:-1], lanes[1:], links, strict=True):
        if not left.shown or not right.shown or link.kind == "weights":
            continue
        if len(right.tables):
            _draw_lines_to_tables(painter, theme, left, right)
        elif link.kind == "fan":
            _draw_fan(painter, theme, left, right)
        elif link.kind == "each" and left.shown == right.shown and not (left.folded or right.folded):
            painter.setPen(QPen(theme.color("border_strong"), 1.2))
            for start, end in zip(left.out_points.tolist(), right.in_points.tolist(), strict=True):
                painter.drawPath(_curve(QPointF(*start), QPointF(*end)))
        else:
            _draw_ribbon(painter, theme.color("border_strong", 0.45), *_side(left, 1), *_side(right, 0))


def _side(lane: Lane, side: int) -> tuple[float, float, float]:
    """Where a lane's neurons end to the left (0) or right (1): x, top, bottom."""
    points = lane.out_points if side else lane.in_points
    x = float(points[:, 0].max() if side else points[:, 0].min()) + (3 if side else -3)
    return x, float(lane.nodes[:, 1].min()), float((lane.nodes[:, 1] + lane.nodes[:, 3]).max())


def _draw_ribbon(
    painter: QPainter, color: QColor, x0: float, top0: float, bottom0: float, x1: float, top1: float, bottom1: float
) -> None:
    path = _curve(QPointF(x0, top0), QPointF(x1, top1))
    back = _curve(QPointF(x1, bottom1), QPointF(x0, bottom0))
    path.connectPath(back)
    path.closeSubpath()
    painter.fillPath(path, color)


def _draw_fan(painter: QPainter, theme: Theme, left: Lane, right: Lane) -> None:
    """From all numbers to each neuron: a wedge stands for more lines than could be told apart."""
    x, top, bottom = _side(left, 1)
    for end_x, end_y in right.in_points.tolist():
        _draw_ribbon(painter, theme.color("border_strong", 0.3), x, top, bottom, end_x - 1, end_y - 1, end_y + 1)


def _draw_lines_to_tables(painter: QPainter, theme: Theme, left: Lane, right: Lane) -> None:
    painter.setPen(QPen(theme.color("border_strong"), 1.5))
    for start, (x, y, _, height) in zip(left.out_points.tolist(), right.tables.tolist(), strict=False):
        painter.drawPath(_curve(QPointF(*start), QPointF(x, y + height / 2)))


def _curve(start: QPointF, end: QPointF) -> QPainterPath:
    """Like the edges: level at both ends."""
    path = QPainterPath(start)
    third = (end.x() - start.x()) / 3
    path.cubicTo(QPointF(start.x() + third, start.y()), QPointF(end.x() - third, end.y()), end)
    return path


def draw_skips(painter: QPainter, theme: Theme, lanes: list[Lane], contents: tuple[LaneContent, ...]) -> None:
    """Around each residual block: from the lane before it, over its layers, to a plus above its own lane."""
    ink = theme.color("text_faint")
    for content in contents:
        level = nesting(content)
        if not level:
            continue
        start, end = lanes[span(contents, content)[0] - 1], lanes[content.number]
        y = end.top - SKIP * level + SKIP / 2 - 2
        # Two blocks in a row must not share their stems.
        leave = start.center + (PLUS + 6 if nesting(contents[start.number]) else 0)
        path = QPainterPath(QPointF(leave, start.top))
        path.lineTo(leave, y + 8)
        path.quadTo(leave, y, leave + 8, y)
        path.lineTo(end.center - PLUS - 5, y)
        painter.setPen(QPen(ink, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        tip = QPointF(end.center - PLUS, y)
        painter.setBrush(ink)
        painter.drawPolygon([tip, tip + QPointF(-6, -3.5), tip + QPointF(-6, 3.5)])
        painter.drawLine(QPointF(end.center, y + PLUS), QPointF(end.center, end.top))
        painter.setBrush(theme.color("surface"))
        painter.drawEllipse(QPointF(end.center, y), PLUS, PLUS)
        painter.setPen(QPen(theme.color("text"), 1.6))
        for dx, dy in ((4.0, 0.0), (0.0, 4.0)):
            painter.drawLine(QPointF(end.center - dx, y - dy), QPointF(end.center + dx, y + dy))


# With each snapshot


def paint_struck(painter: QPainter, theme: Theme, lane: Lane, struck: NDArray[np.bool_]) -> None:
    """Strike out the neurons that are switched off: paler, dashed, crossed by a line."""
    pen = QPen(theme.color("text_muted"), 1.2, Qt.PenStyle.DashLine)
    for x, y, width, height in lane.nodes[struck[: lane.shown]].tolist():
        place = QRectF(x, y, width, height)
        painter.fillRect(place.adjusted(-1, -1, 1, 1), theme.color("lane", 0.8))
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if min(width, height) >= 8:
            painter.drawRoundedRect(place, min(7.0, width / 4), min(7.0, height / 4))
        painter.drawLine(place.bottomLeft(), place.topRight())
