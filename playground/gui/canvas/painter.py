"""Draws the network: what never changes once into a pixmap, edges and neurons of each snapshot into images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPainterPath, QPen, QPixmap

from playground.arrays import Float32
from playground.gui.canvas.drag import Preview
from playground.gui.canvas.lanes import LaneContent, Link, shows_activation
from playground.gui.canvas.layer_pictures import LayerPictures
from playground.gui.canvas.layout import LANE, Edges, Lane
from playground.gui.canvas.rasterizer import Rasterizer
from playground.gui.canvas.signs import draw_links, draw_sign, draw_skips, paint_struck
from playground.gui.widgets.names import elided, one_line
from playground.gui.widgets.pictures import as_image, colorize, middle_and_reach, strongest
from playground.gui.widgets.theme import Theme
from playground.network.layers import shape_in_words
from playground.network.plan import Plan
from playground.words import tr

Align = Qt.AlignmentFlag
ENLARGED = 132
KERNELS_IN_ROW = 4
KERNELS_HEIGHT = ENLARGED / KERNELS_IN_ROW
LABEL_PIXELS = 12
LONGEST_LABEL = 118
# Without the compiled painter Qt draws the strongest edges only.
PLAIN_EDGES = 150


class NetworkPainter:
    """Holds the images of one canvas."""

    def __init__(self, theme: Theme, rasterizer: Rasterizer) -> None:
        self._theme = theme
        self._rasterizer = rasterizer
        self.scale = 1.0
        self._lanes: list[Lane] = []
        self._contents: tuple[LaneContent, ...] = ()
        self._links: tuple[Link, ...] = ()
        self._active: tuple[int, ...] | None = None
        self.pictures = LayerPictures(theme)
        self._struck: dict[int, NDArray[np.bool_]] = {}
        self._selected: int | None = None
        self._input_names: tuple[str, ...] = ()
        self._output_names: tuple[str, ...] = ()
        self._background: QPixmap | None = None
        self._edge_pixels: NDArray[np.uint32] = np.zeros((1, 1), np.uint32)
        self._edge_image: QImage | None = None
        self._plain_edges: Edges | None = None
        self._atlas: NDArray[np.uint32] | None = None
        self._first_picture: list[int] = []
        self._node_colors: list[NDArray[np.uint32]] = []
        self._values: list[Float32] = []
        self._frames: dict[tuple[float, float, float, str], QPixmap] = {}
        theme.changed.connect(self._forget_background)

    # Layout

    def name_nodes(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        """What is written beside input and output neurons."""
        self._input_names, self._output_names = tuple(map(one_line, inputs)), tuple(map(one_line, outputs))

    def label_room(self, side: int) -> int:
        """Pixels that the labels left (0) or right (−1) of the network need."""
        names = self._input_names if side == 0 else self._output_names
        metrics = QFontMetricsF(self._theme.font(LABEL_PIXELS, 500))
        widest = max((metrics.horizontalAdvance(name) for name in names), default=0.0)
        return round(max(28 if side == 0 else 24, min(LONGEST_LABEL, widest + 14)))

    def set_layout(
        self, lanes: list[Lane], contents: tuple[LaneContent, ...], links: tuple[Link, ...], active: tuple[int, ...] | None
    ) -> None:
        """Draw these lanes; of the inputs only the ``active`` ones are on (None: all)."""
        self._lanes, self._contents, self._links, self._active = lanes, contents, links, active
        self._forget_background()

    def select(self, lane: int | None) -> None:
        """Put an accent around a lane whose settings are shown."""
        if lane != self._selected:
            self._selected = lane
            self._forget_background()

    def node_name(self, lane: int, node: int) -> str:
        names = self._input_names if lane == 0 else self._output_names if lane == len(self._lanes) - 1 else ()
        return names[node] if node < len(names) else ""

    # A snapshot

    def clear(self) -> None:
        """Show the structure alone."""
        self._edge_image = self._atlas = self._plain_edges = None
        self._node_colors, self._values = [], []
        self.pictures.clear()
        self._struck.clear()

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
        self._edge_image = as_image(self._edge_pixels, QImage.Format.Format_ARGB32_Premultiplied)
        self._edge_image.setDevicePixelRatio(self.scale)

    def draw_layers(
        self, plan: Plan, parameters: Float32, values: Any, columns: tuple[str, ...], struck: dict[int, NDArray[np.bool_]]
    ) -> None:
        """Take what the lanes show besides edges.

        Parameters
        ----------
        values
            None; per lane pictures (units, 40, 40); or per lane one number a neuron (units,).
        columns
            Names of the data's columns.
        struck
            By lane, which neurons are switched off.
        """
        self._draw_nodes(values)
        fits = values is not None and len(values) == len(self._lanes)
        self.pictures.take(self._lanes, self._contents, plan, parameters, values if fits else None, columns)
        self._struck = struck

    def _draw_nodes(self, values: Any) -> None:
        self._atlas, self._node_colors, self._values = None, [], []
        if values is None or len(values) != len(self._lanes):
            return
        ranges = [content.range for content in self._contents]
        colors = self._theme.colors()
        if values[0].ndim == 1:
            for layer, (low, high) in zip(values, ranges, strict=True):
                middle, reach = middle_and_reach(low, high, layer)
                self._node_colors.append(colorize(layer - middle, max(reach, 1e-6), colors))
                self._values.append(layer)
            return
        pictures: list[NDArray[np.uint32]] = []
        self._first_picture = []
        for lane, (layer, (low, high)) in enumerate(zip(values, ranges, strict=True)):
            self._first_picture.append(sum(len(part) for part in pictures))
            shown = layer if lane == 0 else layer[: self._lanes[lane].shown]
            if np.isfinite(low) and np.isfinite(high):
                middle, reach = (low + high) / 2, (high - low) / 2
                pictures.append(colorize(shown - np.float32(middle), reach, colors))
            else:
                # Each unbounded neuron by its own strongest value: else one strong neuron would blank the others.
                reaches = np.array([strongest(neuron) for neuron in shown], np.float32)
                pictures.append(colorize(shown / reaches[:, None, None], 1.0, colors))
        self._atlas = np.ascontiguousarray(np.concatenate(pictures))

    def value(self, lane: int, node: int) -> float | None:
        """The number a neuron holds for the row that is looked at, if any."""
        if lane < len(self._values) and node < len(self._values[lane]) and self._lanes[lane].look.style != "maps":
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

    def _curve(self, curve: Float32) -> QPainterPath:
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
        covered = self.pictures.covers(lane)
        for node in range(0 if covered else lane.shown):
            rect = QRectF(*(float(value) for value in lane.nodes[node]))
            if is_input and self._active is not None and node not in self._active:
                painter.setPen(QPen(self._theme.color("border_strong"), 1, Qt.PenStyle.DashLine))
                painter.setBrush(self._theme.color("surface"))
                painter.drawRoundedRect(rect, 9, 9)
                continue
            self._paint_node(painter, lane, node, rect)
        if lane.look.style != "column":
            self.pictures.paint(painter, lane)
        if not lane.folded and lane.shown and lane.look.style in ("column", "maps"):
            frames = self._frame(lane)
            for rect_values in lane.nodes:
                painter.drawPixmap(QPointF(float(rect_values[0]) - 1, float(rect_values[1]) - 1), frames)
        if lane.number in self._struck:
            paint_struck(painter, self._theme, lane, self._struck[lane.number])

    def _paint_node(self, painter: QPainter, lane: Lane, node: int, rect: QRectF) -> None:
        if lane.number == 0 and len(self._lanes[1].tables):
            self._paint_category(painter, node, rect)
            return
        if self._atlas is not None:
            index = self._first_picture[lane.number] + self._picture_index(lane.number, node)
            if index < len(self._atlas):
                painter.drawImage(rect, as_image(self._atlas[index]))
                return
        if lane.number < len(self._node_colors) and node < len(self._node_colors[lane.number]):
            painter.fillRect(rect, self._theme.color(f"#{int(self._node_colors[lane.number][node]) & 0xFFFFFF:06x}"))
        else:
            painter.fillRect(rect, self._theme.color("sunken"))

    def _paint_category(self, painter: QPainter, node: int, rect: QRectF) -> None:
        """A whole number that only names a row of a table: no more and no less than others, so it has no color."""
        painter.fillRect(rect, self._theme.color("sunken"))
        value = self.value(0, node)
        if value is not None:
            painter.setFont(self._theme.font(12, 600, tabular=True))
            painter.setPen(self._theme.color("text"))
            painter.drawText(rect, Align.AlignCenter, f"{value:.0f}")

    def _picture_index(self, lane: int, node: int) -> int:
        return node if lane > 0 or self._active is None else sorted(self._active).index(node)

    def _frame(self, lane: Lane) -> QPixmap:
        """A rounded frame in the lane's color that hides a picture's corners."""
        width, height = float(lane.nodes[0, 2]), float(lane.nodes[0, 3])
        inside = "surface" if lane.number == len(self._lanes) - 1 else "lane"
        # A feature map's corners are numbers as well: they are hardly rounded.
        radius = 2.0 if lane.look.style == "maps" else min(9.0, width / 4)
        key = (width, height, radius, inside)
        if key not in self._frames:
            pixmap = QPixmap(int(np.ceil((width + 2) * self.scale)), int(np.ceil((height + 2) * self.scale)))
            pixmap.setDevicePixelRatio(self.scale)
            pixmap.fill(Qt.GlobalColor.transparent)
            hole, outer = QPainterPath(), QPainterPath()
            hole.addRoundedRect(QRectF(1, 1, width, height), radius, radius)
            outer.addRect(QRectF(0, 0, width + 2, height + 2))
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
        draw_skips(painter, theme, self._lanes, self._contents)
        for lane, content in zip(self._lanes, self._contents, strict=True):
            if lane.number < last:
                painter.setPen(QPen(theme.color("border"), 1))
                painter.setBrush(theme.color("lane"))
                painter.drawRoundedRect(QRectF(lane.left, lane.top, lane.width, lane.height - 1), 12, 12)
            if lane.number == self._selected:
                painter.setPen(QPen(theme.color("accent"), 1.5))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(lane.left, lane.top, lane.width, lane.height - 1), 12, 12)
            self._draw_labels(painter, lane, last)
            if content.layer is not None:
                draw_sign(painter, theme, lane, content)
        draw_links(painter, theme, self._lanes, self._links)
        painter.end()
        return pixmap

    def _draw_labels(self, painter: QPainter, lane: Lane, last: int) -> None:
        theme = self._theme
        content = self._contents[lane.number]
        if lane.number == 0:
            painter.setFont(theme.font(12, 600))
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(lane.center - 60, 3, 120, 18), Align.AlignCenter, tr("Input"))
        if lane.number in (0, last):
            units = lane.units if self._active is None or lane.number else len(self._active)
            nouns = (tr("{0} input"), tr("{0} inputs")) if lane.number == 0 else (tr("{0} output"), tr("{0} outputs"))
            self._draw_size(painter, lane, nouns[units != 1].format(units))
        elif content.size is None and not shows_activation(content):
            # The header has room for the shape where there is nothing to set.
            self._draw_size(painter, lane, shape_in_words(content.shape))
        if lane.shown < lane.units:
            painter.setFont(theme.font(11, 500))
            painter.setPen(theme.color("text_faint"))
            place = QRectF(lane.left, lane.top + lane.height - 18, lane.width, 16)
            words = tr("+{0} more") if lane.width >= LANE - 4 else "+{0}"
            painter.drawText(place, Align.AlignCenter, words.format(lane.units - lane.shown))
        names = self._input_names if lane.number == 0 else self._output_names if lane.number == last else ()
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

    def _draw_size(self, painter: QPainter, lane: Lane, words: str) -> None:
        """A line below a lane's title."""
        painter.setFont(self._theme.font(12, 500, tabular=True))
        painter.setPen(self._theme.color("text_faint"))
        painter.drawText(QRectF(lane.center - 60, 28, 120, 24), Align.AlignCenter, words)

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

    def paint_enlarged(
        self,
        painter: QPainter,
        lane: int,
        node: int,
        words: list[str],
        size: QSize,
        kernels: NDArray[np.uint32] | None = None,
    ) -> None:
        """Show a neuron or feature map large, with the kernels that make it and words about it."""
        x, y, width, height = (float(value) for value in self._lanes[lane].nodes[node])
        picture = self._large_picture(lane, node)
        if picture is None:
            self._paint_tip(painter, QPointF(x + width / 2, max(30.0, y - 12 * len(words) - 4)), words)
            return
        right = x + width + 12 + ENLARGED <= size.width()
        left = x + width + 12 if right else x - 12 - ENLARGED - self._lanes[lane].look.beside
        strip = 0 if kernels is None else KERNELS_HEIGHT * (1 + (len(kernels) - 1) // KERNELS_IN_ROW)
        card_height = ENLARGED + strip + 18 * len(words) + 10
        top = min(max(4.0, y + height / 2 - card_height / 2), size.height() - card_height - 4)
        card = QRectF(left, top, ENLARGED, card_height)
        painter.setPen(QPen(self._theme.color("border_strong"), 1))
        painter.setBrush(self._theme.color("surface"))
        painter.drawRoundedRect(card.adjusted(-6, -6, 6, 0), 12, 12)
        # Pixels of a feature map are numbers: they are shown sharp; a picture over the plane is smooth.
        smooth = self._lanes[lane].look.style != "maps"
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        share = min(1.0, picture.shape[1] / picture.shape[0]), min(1.0, picture.shape[0] / picture.shape[1])
        place = QRectF(0, 0, ENLARGED * share[0], ENLARGED * share[1])
        place.moveCenter(QPointF(left + ENLARGED / 2, top + ENLARGED / 2))
        painter.drawImage(place, as_image(picture))
        painter.setPen(QPen(self._theme.color("border_strong"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(place)
        for index, kernel in enumerate(kernels if kernels is not None else ()):
            row, column = divmod(index, KERNELS_IN_ROW)
            corner = QPointF(left + column * KERNELS_HEIGHT, top + ENLARGED + 5 + row * KERNELS_HEIGHT)
            square = QRectF(corner, QSizeF(KERNELS_HEIGHT - 4, KERNELS_HEIGHT - 4))
            painter.drawImage(square, as_image(kernel))
            painter.drawRect(square)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        for line, text in enumerate(words):
            painter.setFont(self._theme.font(12, 600 if line == 0 else 500, tabular=True))
            painter.setPen(self._theme.color("text" if line == 0 else "text_muted"))
            place = QRectF(left + 2, top + ENLARGED + strip + 5 + 18 * line, ENLARGED - 4, 18)
            shown = elided(painter.fontMetrics(), text, place.width())
            painter.drawText(place, Align.AlignLeft | Align.AlignVCenter, shown)

    def _large_picture(self, lane: int, node: int) -> NDArray[np.uint32] | None:
        """What a neuron answers over the plane, or its feature map, if there is a picture of it."""
        if self._lanes[lane].look.style == "maps":
            return self.pictures.enlarged(self._lanes[lane], node)
        if self._atlas is None or (lane == 0 and self._active is not None and node not in self._active):
            return None
        index = self._first_picture[lane] + self._picture_index(lane, node)
        return self._atlas[index] if index < len(self._atlas) else None

    def kernels_of(self, lane: int, node: int, weights: Float32) -> NDArray[np.uint32]:
        """The kernels of a filter, to be shown beside its map."""
        return self.pictures.kernels_of(self._contents, self._contents[lane], weights, node)

    def paint_preview(self, painter: QPainter, preview: Preview) -> None:
        """Show what a drag would do."""
        lane = self._lanes[preview.lane]
        rect = QRectF(lane.left, lane.top, lane.width, lane.height - 1)
        color = "bad" if preview.kind == "remove" else "accent"
        painter.setBrush(self._theme.color(color, 0.12))
        painter.setPen(QPen(self._theme.color(color), 2))
        if preview.kind == "move":
            painter.drawLine(QPointF(preview.x, lane.top), QPointF(preview.x, lane.top + lane.height))
            rect.translate(preview.pointer.x() - lane.center, 0)
        painter.drawRoundedRect(rect, 12, 12)
        pointer = QPointF(min(max(preview.pointer.x(), 80), 100_000), max(preview.pointer.y(), lane.top + 20))
        center = QPointF(lane.center if preview.kind != "move" else pointer.x(), pointer.y())
        if preview.words:
            self._paint_tip(painter, center, [preview.words])

    def _paint_tip(self, painter: QPainter, center: QPointF, words: list[str]) -> None:
        painter.setFont(self._theme.font(12, 600, tabular=True))
        metrics = QFontMetricsF(painter.font())
        area = painter.device()
        words = [elided(metrics, text, area.width() - 28) for text in words]
        width = max(metrics.horizontalAdvance(text) for text in words) + 20
        height = 17.0 * len(words) + 9
        x = min(max(4.0, center.x() - width / 2), area.width() - width - 4)
        y = min(max(4.0, center.y() - height / 2), area.height() - height - 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("tip"))
        painter.drawRoundedRect(QRectF(x, y, width, height), 7, 7)
        painter.setPen(self._theme.color("tip_text"))
        for line, text in enumerate(words):
            painter.drawText(QRectF(x, y + 4.5 + 17 * line, width, 17), Align.AlignCenter, text)
