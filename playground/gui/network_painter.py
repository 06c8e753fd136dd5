"""Draws the network: what never changes once into a pixmap, edges and neurons of each snapshot into images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPainterPath, QPen, QPixmap

from playground.gui.network_layout import Edges, Lane
from playground.gui.pictures import Array, colorize, middle_and_reach
from playground.gui.rasterizer import Rasterizer
from playground.gui.theme import Theme

Align = Qt.AlignmentFlag
ENLARGED = 132
LABEL_PIXELS = 12
LONGEST_LABEL = 118
# Without the compiled painter Qt draws the strongest edges only.
PLAIN_EDGES = 150


def tr(text: str) -> str:
    return QCoreApplication.translate("network_painter", text)


@dataclass(frozen=True)
class Preview:
    """What a drag would do: ``units``, ``move`` or ``remove``; which lane; the new number; where the pointer is."""

    kind: str
    lane: int
    value: int
    pointer: QPoint


class NetworkPainter:
    """Holds the images of one canvas."""

    def __init__(self, theme: Theme, rasterizer: Rasterizer) -> None:
        self._theme = theme
        self._rasterizer = rasterizer
        self.scale = 1.0
        self._lanes: list[Lane] = []
        self._active: set[int] | None = None
        self._input_names: list[str] = []
        self._output_names: list[str] = []
        self._background: QPixmap | None = None
        self._edge_pixels: NDArray[np.uint32] = np.zeros((1, 1), np.uint32)
        self._edge_image: QImage | None = None
        self._plain_edges: Edges | None = None
        self._atlas: NDArray[np.uint32] | None = None
        self._first_picture: list[int] = []
        self._node_colors: list[NDArray[np.uint32]] = []
        self._values: list[Array] = []
        self._frames: dict[tuple[float, str], QPixmap] = {}
        theme.changed.connect(self._forget_background)

    # Layout

    def name_nodes(self, inputs: list[str], outputs: list[str]) -> None:
        """What is written beside input and output neurons."""
        self._input_names, self._output_names = inputs, outputs

    def label_room(self, side: int) -> int:
        """Pixels that the labels left (0) or right (−1) of the network need."""
        names = self._input_names if side == 0 else self._output_names
        metrics = QFontMetricsF(self._theme.font(LABEL_PIXELS, 500))
        widest = max((metrics.horizontalAdvance(name) for name in names), default=0.0)
        return round(max(28 if side == 0 else 24, min(LONGEST_LABEL, widest + 14)))

    def set_layout(self, lanes: list[Lane], active: set[int] | None) -> None:
        """Draw these lanes; of the inputs only the ``active`` ones are on (None: all)."""
        self._lanes, self._active = lanes, active
        self._forget_background()

    def node_name(self, lane: int, node: int) -> str:
        names = self._input_names if lane == 0 else self._output_names if lane == len(self._lanes) - 1 else []
        return names[node] if node < len(names) else ""

    # A snapshot

    def clear(self) -> None:
        """Show the structure alone."""
        self._edge_image = self._atlas = self._plain_edges = None
        self._node_colors, self._values = [], []

    def draw_edges(self, edges: Edges, size: QSize) -> None:
        """Draw the edges into an image of the canvas's size."""
        if not self._rasterizer.ready:
            self._plain_edges, self._edge_image = edges, None
            return
        self._plain_edges = None
        shape = round(size.height() * self.scale), round(size.width() * self.scale)
        if self._edge_pixels.shape != shape:
            self._edge_pixels = np.zeros(shape, np.uint32)
        else:
            self._edge_pixels[:] = 0
        self._rasterizer.draw(self._edge_pixels, edges.curves, self._edge_colors(edges))
        image_format = QImage.Format.Format_ARGB32_Premultiplied
        self._edge_image = QImage(self._edge_pixels.data, shape[1], shape[0], 4 * shape[1], image_format)
        self._edge_image.setDevicePixelRatio(self.scale)

    def draw_nodes(self, values: Any, ranges: Sequence[tuple[float, float]]) -> None:
        """Take the neurons' values.

        Parameters
        ----------
        values
            None; per lane pictures (units, 40, 40); or per lane one number a neuron (units,).
        ranges
            Range of the activation of each lane but the inputs.
        """
        self._atlas, self._node_colors, self._values = None, [], []
        if values is None or len(values) != len(self._lanes):
            return
        unbounded = (-np.inf, np.inf)
        colors = self._theme.colors()
        if values[0].ndim == 1:
            for layer, (low, high) in zip(values, [unbounded, *ranges], strict=True):
                middle, reach = middle_and_reach(low, high, layer)
                self._node_colors.append(colorize(layer - middle, max(reach, 1e-6), colors))
                self._values.append(layer)
            return
        pictures: list[NDArray[np.uint32]] = []
        self._first_picture = []
        for lane, (layer, (low, high)) in enumerate(zip(values, [unbounded, *ranges], strict=True)):
            self._first_picture.append(sum(len(part) for part in pictures))
            shown = layer if lane == 0 else layer[: self._lanes[lane].shown]
            if np.isfinite(low) and np.isfinite(high):
                middle, reach = (low + high) / 2, (high - low) / 2
                pictures.append(colorize(shown - np.float32(middle), reach, colors))
            else:
                # Each unbounded neuron by its own strongest value: else one strong neuron would blank the others.
                strongest = np.maximum(np.abs(shown).reshape(len(shown), -1).max(axis=1), 1e-6).astype(np.float32)
                pictures.append(colorize(shown / strongest[:, None, None], 1.0, colors))
        self._atlas = np.ascontiguousarray(np.concatenate(pictures))

    def value(self, lane: int, node: int) -> float | None:
        """The number a neuron holds for the row that is looked at, if any."""
        if lane < len(self._values) and node < len(self._values[lane]):
            return float(self._values[lane][node])
        return None

    # Painting

    def paint(self, painter: QPainter, size: QSize, ratio: float) -> None:
        """Draw everything but what follows the pointer."""
        if self._background is None or self._background.size() != size * ratio:
            self._background = self._draw_background(size, ratio)
        painter.drawPixmap(0, 0, self._background)
        if self._edge_image is not None:
            # Edges run between the lanes only; blending the rest of the image would cost a millisecond for nothing.
            first, last = self._lanes[0], self._lanes[-1]
            area = QRectF(first.left, first.top, last.left + last.width - first.left, first.height).toAlignedRect()
            source = QRectF(area.x() * self.scale, area.y() * self.scale, area.width() * self.scale, area.height() * self.scale)
            painter.drawImage(QRectF(area), self._edge_image, source)
        elif self._plain_edges is not None:
            self._paint_plain_edges(painter, self._plain_edges)
        for lane in self._lanes:
            self._paint_lane(painter, lane)

    def _paint_plain_edges(self, painter: QPainter, edges: Edges) -> None:
        colors = self._edge_colors(edges)
        for edge in range(max(0, len(edges.values) - PLAIN_EDGES), len(edges.values)):
            color = self._theme.color(f"#{int(colors[edge]) & 0xFFFFFF:06x}", float(edges.curves[edge, 5]))
            painter.setPen(QPen(color, float(edges.curves[edge, 4] / self.scale)))
            painter.drawPath(self._curve(edges.curves[edge]))

    def _curve(self, curve: Array) -> QPainterPath:
        x0, y0, x1, y1 = (float(value) / self.scale for value in curve[:4])
        path = QPainterPath(QPointF(x0, y0))
        # The cubic that is smoothstep: control points a third of the way, level with the ends.
        path.cubicTo(x0 + (x1 - x0) / 3, y0, x1 - (x1 - x0) / 3, y1, x1, y1)
        return path

    def _edge_colors(self, edges: Edges) -> NDArray[np.uint32]:
        scale = self._theme.colors()
        return np.where(edges.values > 0, scale[255], scale[0]).astype(np.uint32)

    def _paint_lane(self, painter: QPainter, lane: Lane) -> None:
        is_input = lane.number == 0
        for node in range(lane.shown):
            rect = QRectF(*(float(value) for value in lane.nodes[node]))
            if is_input and self._active is not None and node not in self._active:
                painter.setPen(QPen(self._theme.color("border_strong"), 1, Qt.PenStyle.DashLine))
                painter.setBrush(self._theme.color("surface"))
                painter.drawRoundedRect(rect, 9, 9)
                continue
            self._paint_node(painter, lane, node, rect)
        if not lane.folded and lane.shown:
            frames = self._frame(lane)
            for rect_values in lane.nodes:
                painter.drawPixmap(QPointF(float(rect_values[0]) - 1, float(rect_values[1]) - 1), frames)

    def _paint_node(self, painter: QPainter, lane: Lane, node: int, rect: QRectF) -> None:
        if self._atlas is not None:
            index = self._first_picture[lane.number] + self._picture_index(lane.number, node)
            if index < len(self._atlas):
                painter.drawImage(rect, _image(self._atlas[index]))
                return
        if lane.number < len(self._node_colors) and node < len(self._node_colors[lane.number]):
            painter.fillRect(rect, self._theme.color(f"#{int(self._node_colors[lane.number][node]) & 0xFFFFFF:06x}"))
        else:
            painter.fillRect(rect, self._theme.color("sunken"))

    def _picture_index(self, lane: int, node: int) -> int:
        return node if lane > 0 or self._active is None else sorted(self._active).index(node)

    def _frame(self, lane: Lane) -> QPixmap:
        """A rounded frame in the lane's color that hides a picture's corners."""
        side = float(lane.nodes[0, 2])
        inside = "surface" if lane.number == len(self._lanes) - 1 else "lane"
        key = (side, inside)
        if key not in self._frames:
            pixels = int(np.ceil((side + 2) * self.scale))
            pixmap = QPixmap(pixels, pixels)
            pixmap.setDevicePixelRatio(self.scale)
            pixmap.fill(Qt.GlobalColor.transparent)
            hole, outer = QPainterPath(), QPainterPath()
            radius = min(9.0, side / 4)
            hole.addRoundedRect(QRectF(1, 1, side, side), radius, radius)
            outer.addRect(QRectF(0, 0, side + 2, side + 2))
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.fillPath(outer.subtracted(hole), self._theme.color(inside))
            painter.setPen(QPen(self._theme.color("border_strong"), 1))
            painter.drawPath(hole)
            painter.end()
            self._frames[key] = pixmap
        return self._frames[key]

    def _forget_background(self) -> None:
        self._background = None
        self._frames.clear()

    def _draw_background(self, size: QSize, ratio: float) -> QPixmap:
        theme = self._theme
        pixmap = QPixmap(size * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(theme.color("surface"))
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("grid_dot"))
        for x in range(12, size.width(), 24):
            for y in range(100, size.height(), 24):
                painter.drawEllipse(QPointF(x, y), 0.9, 0.9)
        last = len(self._lanes) - 1
        for lane in self._lanes:
            if lane.number < last:
                painter.setPen(QPen(theme.color("border"), 1))
                painter.setBrush(theme.color("lane"))
                painter.drawRoundedRect(QRectF(lane.left, lane.top, lane.width, lane.height - 1), 12, 12)
            self._draw_labels(painter, lane, last)
        painter.end()
        return pixmap

    def _draw_labels(self, painter: QPainter, lane: Lane, last: int) -> None:
        theme = self._theme
        if lane.number in (0, last):
            title = tr("Input") if lane.number == 0 else tr("Output")
            painter.setFont(theme.font(12, 600))
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(lane.center - 60, 0, 120, 18), Align.AlignCenter, title)
            units = lane.units if self._active is None or lane.number else len(self._active)
            nouns = (tr("{0} input"), tr("{0} inputs")) if lane.number == 0 else (tr("{0} output"), tr("{0} outputs"))
            painter.setFont(theme.font(12, 500, tabular=True))
            painter.setPen(theme.color("text_faint"))
            painter.drawText(QRectF(lane.center - 60, 26, 120, 24), Align.AlignCenter, nouns[units != 1].format(units))
        if lane.shown < lane.units:
            painter.setFont(theme.font(11, 500))
            painter.setPen(theme.color("text_faint"))
            place = QRectF(lane.left, lane.top + lane.height - 18, lane.width, 16)
            painter.drawText(place, Align.AlignCenter, tr("+{0} more").format(lane.units - lane.shown))
        names = self._input_names if lane.number == 0 else self._output_names if lane.number == last else []
        if lane.folded or not names:
            return
        painter.setFont(theme.font(LABEL_PIXELS, 500))
        metrics = QFontMetricsF(painter.font())
        for node, name in enumerate(names[: lane.shown]):
            x, y, width, height = (float(value) for value in lane.nodes[node])
            on = self._active is None or lane.number > 0 or node in self._active
            painter.setPen(theme.color("text_muted" if on else "text_faint"))
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, LONGEST_LABEL - 12)
            if lane.number == 0:
                painter.drawText(QRectF(lane.left - 128, y, 120, height), Align.AlignRight | Align.AlignVCenter, text)
            else:
                painter.drawText(QRectF(x + width + 8, y, 120, height), Align.AlignLeft | Align.AlignVCenter, text)

    # What follows the pointer

    def paint_frame(self, painter: QPainter, field: QRectF, focused: bool) -> None:
        """A rounded frame around a field on the canvas."""
        painter.setPen(QPen(self._theme.color("accent" if focused else "border_strong"), 1.5))
        painter.setBrush(self._theme.color("surface"))
        painter.drawRoundedRect(field.adjusted(-3, -1, 3, 1), 7, 7)

    def paint_edge(self, painter: QPainter, edges: Edges, edge: int, words: str) -> None:
        """Make one edge stand out, with its value beside it."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        width = max(2.0, float(edges.curves[edge, 4] / self.scale))
        painter.setPen(QPen(self._theme.color("accent"), width))
        path = self._curve(edges.curves[edge])
        painter.drawPath(path)
        self._paint_tip(painter, path.pointAtPercent(0.5) - QPointF(0, 22), [words])

    def paint_enlarged(self, painter: QPainter, lane: int, node: int, words: list[str], size: QSize) -> None:
        """Show a neuron large, with words about it."""
        x, y, width, height = (float(value) for value in self._lanes[lane].nodes[node])
        if self._atlas is None or (lane == 0 and self._active is not None and node not in self._active):
            self._paint_tip(painter, QPointF(x + width / 2, max(30.0, y - 12 * len(words) - 4)), words)
            return
        right = x + width + 12 + ENLARGED <= size.width()
        left = x + width + 12 if right else x - 12 - ENLARGED
        card_height = ENLARGED + 18 * len(words) + 10
        top = min(max(4.0, y + height / 2 - card_height / 2), size.height() - card_height - 4)
        card = QRectF(left, top, ENLARGED, card_height)
        painter.setPen(QPen(self._theme.color("border_strong"), 1))
        painter.setBrush(self._theme.color("surface"))
        painter.drawRoundedRect(card.adjusted(-6, -6, 6, 0), 12, 12)
        index = self._first_picture[lane] + self._picture_index(lane, node)
        if index < len(self._atlas):
            painter.drawImage(QRectF(left, top, ENLARGED, ENLARGED), _image(self._atlas[index]))
        for line, text in enumerate(words):
            painter.setFont(self._theme.font(12, 600 if line == 0 else 500, tabular=True))
            painter.setPen(self._theme.color("text" if line == 0 else "text_muted"))
            place = QRectF(left + 2, top + ENLARGED + 5 + 18 * line, ENLARGED - 4, 18)
            painter.drawText(place, Align.AlignLeft | Align.AlignVCenter, text)

    def paint_preview(self, painter: QPainter, preview: Preview) -> None:
        """Show what a drag would do."""
        lane = self._lanes[preview.lane]
        rect = QRectF(lane.left, lane.top, lane.width, lane.height - 1)
        color = "bad" if preview.kind == "remove" else "accent"
        painter.setBrush(self._theme.color(color, 0.12))
        painter.setPen(QPen(self._theme.color(color), 2))
        if preview.kind == "move":
            hidden = [other for other in self._lanes[1:-1] if other is not lane]
            left = hidden[preview.value - 1] if preview.value > 0 else self._lanes[0]
            right = hidden[preview.value] if preview.value < len(hidden) else self._lanes[-1]
            x = (left.left + left.width + right.left) / 2
            painter.drawLine(QPointF(x, lane.top), QPointF(x, lane.top + lane.height))
            painter.drawRoundedRect(rect.translated(preview.pointer.x() - lane.center, 0), 12, 12)
            words = tr("Move here")
        elif preview.kind == "remove":
            painter.drawRoundedRect(rect, 12, 12)
            words = tr("Let go to remove the layer")
        else:
            painter.drawRoundedRect(rect, 12, 12)
            words = (tr("{0} neuron") if preview.value == 1 else tr("{0} neurons")).format(preview.value)
        pointer = QPointF(min(max(preview.pointer.x(), 80), 100_000), max(preview.pointer.y(), lane.top + 20))
        self._paint_tip(painter, QPointF(lane.center if preview.kind != "move" else pointer.x(), pointer.y()), [words])

    def _paint_tip(self, painter: QPainter, center: QPointF, words: list[str]) -> None:
        painter.setFont(self._theme.font(12, 600, tabular=True))
        metrics = QFontMetricsF(painter.font())
        width = max(metrics.horizontalAdvance(text) for text in words) + 20
        height = 17.0 * len(words) + 9
        area = painter.device()
        x = min(max(4.0, center.x() - width / 2), area.width() - width - 4)
        y = min(max(4.0, center.y() - height / 2), area.height() - height - 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("tip"))
        painter.drawRoundedRect(QRectF(x, y, width, height), 7, 7)
        painter.setPen(self._theme.color("tip_text"))
        for line, text in enumerate(words):
            painter.drawText(QRectF(x, y + 4.5 + 17 * line, width, 17), Align.AlignCenter, text)


def _image(pixels: NDArray[np.uint32]) -> QImage:
    """A (rows, columns) array of 0xffrrggbb as an image that looks at it."""
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
