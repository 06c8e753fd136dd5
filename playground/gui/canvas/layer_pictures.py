"""Pictures of what isn't a column of neurons: feature maps, kernels, tables and strips of numbers, from each snapshot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from playground.arrays import Float32
from playground.gui.canvas.lanes import MOST_KERNELS, LaneContent, has_small_kernels
from playground.gui.canvas.layout import Lane
from playground.gui.widgets.names import elided
from playground.gui.widgets.pictures import Pixels, as_image, colorize, middle_and_reach, strongest
from playground.gui.widgets.theme import Theme
from playground.network.plan import Plan

Align = Qt.AlignmentFlag
KERNEL_SIDE = 18
# A table's rows are at least so high; of a longer one a part is shown, with the row that was picked.
LEAST_ROW, HIGHEST_ROW = 3.0, 9.0


class LayerPictures:
    """The pictures of one snapshot, by lane."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._maps: dict[int, Pixels] = {}
        self._kernels: dict[int, Pixels] = {}
        self._strips: dict[int, Pixels] = {}
        self.tables: dict[int, list[tuple[Pixels, int, int]]] = {}
        """By lane, of each table: the rows that are shown, the first one's number, and the one that was picked (−1: none)."""
        self._titles: dict[int, list[str]] = {}

    def clear(self) -> None:
        """Nothing is known."""
        for kept in (self._maps, self._kernels, self._strips, self.tables, self._titles):
            kept.clear()

    def take(
        self,
        lanes: list[Lane],
        contents: tuple[LaneContent, ...],
        plan: Plan,
        parameters: Float32,
        values: Any,
        columns: tuple[str, ...],
    ) -> None:
        """Draw what the lanes need.

        Parameters
        ----------
        values
            None, or per lane what its neurons hold: numbers (units,) or pictures (units, 40, 40).
        columns
            Names of the data's columns, for tables.
        """
        self.clear()
        for lane, content in zip(lanes, contents, strict=True):
            # Pictures over the plane are painted neuron by neuron.
            own = values[lane.number] if values is not None and values[lane.number].ndim == 1 else None
            if lane.look.style == "maps" and own is not None:
                self._maps[lane.number] = self._pictures_of(own, content, lane.shown)
            if lane.look.beside:
                weights = plan.view(parameters, f"{content.prefix}.weight")
                self._kernels[lane.number] = self._kernel_pictures(weights, content.layer.kernel, lane.shown)
            if lane.look.style == "strip" and own is not None:
                self._strips[lane.number] = self._strip(own, content)
            if lane.look.style == "tables":
                self._take_tables(lane, content, plan, parameters, values[0] if own is not None else None, columns)

    def covers(self, lane: Lane) -> bool:
        """Whether a lane's neurons are painted here."""
        return lane.number in self._maps or lane.number in self._strips

    def _pictures_of(self, values: Float32, content: LaneContent, count: int) -> Pixels:
        """Feature maps, uint32 (maps, height, width), all of a layer against the same strongest value."""
        middle, reach = middle_and_reach(*content.range, values)
        maps = values.reshape(content.shape).transpose(2, 0, 1)[:count]
        return np.ascontiguousarray(colorize(maps - np.float32(middle), max(reach, 1e-6), self._theme.colors()))

    def _kernel_pictures(self, weights: Float32, kernel: int, count: int) -> Pixels:
        """Kernels over a gray image, uint32 (filters, kernel, kernel)."""
        pictures = np.ascontiguousarray(weights.T[:count]).reshape(-1, kernel, kernel)
        return colorize(pictures, strongest(weights), self._theme.colors())

    def _strip(self, values: Float32, content: LaneContent) -> Pixels:
        middle, reach = middle_and_reach(*content.range, values)
        return colorize(values[:, None] - np.float32(middle), max(reach, 1e-6), self._theme.colors())

    def _take_tables(
        self, lane: Lane, content: LaneContent, plan: Plan, parameters: Float32, row: Float32 | None, columns: tuple[str, ...]
    ) -> None:
        found, titles = [], []
        for number, (_, _, _, height) in enumerate(lane.tables.tolist()):
            whole = plan.view(parameters, f"{content.prefix}.table.{number}")
            count = max(1, min(len(whole), int(height // LEAST_ROW)))
            picked = int(row[number]) if row is not None else -1
            start = min(max(0, picked - count // 2), len(whole) - count)
            reach = strongest(whole)
            found.append((colorize(whole[start : start + count], reach, self._theme.colors()), start, picked))
            titles.append(columns[number] if number < len(columns) else "")
        self.tables[lane.number], self._titles[lane.number] = found, titles

    # Painting

    def paint(self, painter: QPainter, lane: Lane) -> None:
        """Draw a lane's pictures; frames are drawn over them."""
        # Pixels of small pictures are numbers: they are shown sharp.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        for node, picture in enumerate(self._maps.get(lane.number, ())):
            painter.drawImage(QRectF(*lane.nodes[node].tolist()), as_image(picture))
        for node, picture in enumerate(self._kernels.get(lane.number, ())):
            painter.drawImage(self.kernel_place(lane, node), as_image(picture))
        if lane.number in self._strips:
            first, last = lane.nodes[0].tolist(), lane.nodes[-1].tolist()
            place = QRectF(first[0], first[1], first[2], last[1] + last[3] - first[1])
            painter.drawImage(place, as_image(self._strips[lane.number]))
        for number, (picture, start, picked) in enumerate(self.tables.get(lane.number, ())):
            self._paint_table(painter, lane, number, picture, picked - start)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)

    def kernel_place(self, lane: Lane, node: int) -> QRectF:
        """Where the kernel of a filter that looks at a gray image is drawn: left of its map."""
        x, y, _, height = lane.nodes[node].tolist()
        side = min(KERNEL_SIDE, height)
        return QRectF(x - lane.look.beside, y + (height - side) / 2, side, side)

    def _paint_table(self, painter: QPainter, lane: Lane, number: int, picture: Pixels, picked: int) -> None:
        theme = self._theme
        x, y, width, height = lane.tables[number].tolist()
        painter.setFont(theme.font(11, 500))
        painter.setPen(theme.color("text_muted"))
        title = elided(painter.fontMetrics(), self._titles[lane.number][number], lane.width - 12)
        painter.drawText(QRectF(lane.left + 8, y - 18, lane.width - 12, 16), Align.AlignLeft | Align.AlignVCenter, title)
        row = min(HIGHEST_ROW, height / len(picture))
        top = y + (height - row * len(picture)) / 2
        place = QRectF(x, top, width, row * len(picture))
        painter.drawImage(place, as_image(picture))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("border_strong"), 1))
        painter.drawRect(place)
        if picked < 0:
            return
        # The row that was looked up, and the numbers that it became.
        each = lane.shown // len(lane.tables)
        numbers = lane.nodes[number * each : (number + 1) * each]
        chosen = QRectF(x - 1, top + picked * row - 0.5, width + 2, row + 1)
        painter.setPen(QPen(theme.color("text"), 1.2))
        painter.drawRect(chosen)
        painter.setPen(QPen(theme.color("text_muted"), 1))
        left = float(numbers[0, 0]) - 3
        ends = (float(numbers[0, 1]), float(numbers[-1, 1] + numbers[-1, 3]))
        painter.drawLine(QPointF(left, ends[0]), QPointF(left, ends[1]))
        painter.drawLine(
            QPointF(chosen.right(), chosen.center().y()), QPointF(left, min(max(chosen.center().y(), ends[0]), ends[1]))
        )

    def enlarged(self, lane: Lane, node: int) -> Pixels | None:
        """The feature map of a filter, to be shown large."""
        maps = self._maps.get(lane.number)
        return maps[node] if maps is not None and node < len(maps) else None

    def kernels_of(self, contents: tuple[LaneContent, ...], content: LaneContent, weights: NDArray[Any], node: int) -> Pixels:
        """The kernels of one filter, uint32 (channels, kernel, kernel): one for each map that it looks at, the first few."""
        kernel = content.layer.kernel
        own = weights[:, node].reshape(kernel, kernel, -1).transpose(2, 0, 1)
        most = 1 if has_small_kernels(contents, content) else MOST_KERNELS
        reach = strongest(own)
        return np.ascontiguousarray(colorize(np.ascontiguousarray(own[:most]), reach, self._theme.colors()))
