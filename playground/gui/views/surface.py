"""The output over the whole plane, with the points and the boundary; click or drag to look at one point."""

from __future__ import annotations

import numpy as np
from pyqtgraph import arrayToQPath
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from playground.arrays import Float32
from playground.catalog.activations import resolve
from playground.experiment import output_activation
from playground.gui.widgets.controls import painting
from playground.gui.widgets.names import elided
from playground.gui.widgets.pictures import Pixels, as_image, boundary, colorize
from playground.gui.widgets.theme import Theme
from playground.training import parts
from playground.training.protocol import Part, Snapshot
from playground.training.run import RunInfo
from playground.words import number, tr

FADE = 0.42
SCALE_HEIGHT = 28


class DecisionSurface(QWidget):
    """The surface and its color scale.

    Signals
    -------
    probed(tuple)
        The user chose the point (x₁, x₂) to look at.
    """

    probed = Signal(tuple)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane = SurfacePlane(theme)
        self.scale = ColorScale(theme)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self.plane, 1)
        layout.addWidget(self.scale)
        self.setFocusProxy(self.plane)
        self.plane.probed.connect(self.probed)

    def needs_parts(self) -> frozenset[Part]:
        return frozenset({parts.surface})

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the newest surface."""
        run = snapshot.run
        if run is None or not run.data.dataset.planar:
            return
        self.plane.show_run(run, snapshot.parts.get(parts.surface))
        dataset = run.data.dataset
        if dataset.class_names:
            self.scale.show_ends(*(f"{name}" for name in dataset.class_names), "")
        else:
            reach = number(self.plane.reach, 1)
            self.scale.show_ends(f"−{reach}", reach, "0")

    def show_probe(self, point: tuple[float, ...] | None) -> None:
        self.plane.show_probe(point)

    def set_test_points(self, on: bool) -> None:
        self.plane.set_test_points(on)

    def set_discretize(self, on: bool) -> None:
        self.plane.set_discretize(on)

    def describe(self) -> str:
        return self.plane.describe()

    def reset(self) -> None:
        """Show the output as it is, without test points."""
        self.set_test_points(False)
        self.set_discretize(False)


class SurfacePlane(QWidget):
    """The square picture."""

    probed = Signal(tuple)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr("Output over the plane; arrow keys move the point that is looked at"))
        self.setToolTip(tr("What the network puts out at each point; the line is where it is undecided. Click a point."))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # All of it is painted here, so the card behind need not be painted first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(140, 140)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._theme = theme
        self._run: RunInfo | None = None
        self._values: Float32 | None = None
        self._level = 0.0
        self._half = 1.0
        self.reach = 1.0
        self._image: QImage | None = None
        self._pixels: Pixels | None = None
        self._line: QPainterPath | None = None
        self._points: QPixmap | None = None
        self._points_key: tuple[object, ...] = ()
        self._probe: tuple[float, ...] | None = None
        self._test_points = False
        self._discretize = False
        theme.changed.connect(self._draw)

    def sizeHint(self) -> QSize:
        return QSize(306, 306)

    # What is shown

    def show_run(self, run: RunInfo, surface: Float32 | None) -> None:
        """Show a surface, float32 (outputs, size, size), or None while there is none."""
        if run is not self._run:
            self._run = run
            preprocessing = run.data.preprocessing
            if run.data.dataset.class_names:
                low, high = resolve(output_activation(run.experiment))[0].range
                bounded = np.isfinite(low) and np.isfinite(high)
                self._level = (preprocessing.target_low + preprocessing.target_high) / 2
                self._half = (high - low) / 2 if bounded else (preprocessing.target_high - preprocessing.target_low) / 2
            else:
                # In the data's units: as far as the targets reach.
                self.reach = max(1e-9, float(np.abs(run.data.dataset.targets).max()))
                self._level, self._half = 0.0, self.reach
        if surface is None:
            return
        # Of two softmax outputs the second is that of the yes, as a single sigmoid output is.
        self._values = run.data.preprocessing.values(surface[-1][..., None])[..., 0].astype(np.float32)
        self._draw()

    def show_probe(self, point: tuple[float, ...] | None) -> None:
        if point != self._probe:
            self._probe = point if point is not None and len(point) == 2 else None
            self.update()

    def set_test_points(self, on: bool) -> None:
        self._test_points = on
        self.update()

    def set_discretize(self, on: bool) -> None:
        self._discretize = on
        self._draw()

    def _draw(self) -> None:
        if self._values is not None:
            shown = self._values - np.float32(self._level)
            if self._discretize:
                shown = np.where(shown > 0, self._half, -self._half)
            self._pixels = colorize(shown, self._half, self._theme.colors(FADE))
            self._image = as_image(self._pixels)
            lines = boundary(self._values, self._level)
            # Both ends of each piece in turn, joined in pairs.
            ends = lines.reshape(-1, 2).astype(np.float64)
            self._line = arrayToQPath(ends[:, 0], ends[:, 1], connect="pairs") if len(ends) else None
        self.update()

    # Geometry

    def square(self) -> QRectF:
        """The picture's rectangle: the largest square in the middle."""
        side = float(min(self.width(), self.height()))
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _extent(self) -> float:
        return self._run.data.dataset.extent if self._run is not None else 6.0

    def to_pixels(self, x1: float, x2: float) -> QPointF:
        """Where a point of the plane lies in the widget."""
        square, extent = self.square(), self._extent()
        return QPointF(
            square.left() + (x1 / extent + 1) / 2 * square.width(), square.top() + (1 - x2 / extent) / 2 * square.height()
        )

    def to_plane(self, position: QPointF) -> tuple[float, float]:
        """The point of the plane under a position, kept inside the picture."""
        square, extent = self.square(), self._extent()
        x = min(1.0, max(0.0, (position.x() - square.left()) / square.width()))
        y = min(1.0, max(0.0, (position.y() - square.top()) / square.height()))
        return round((2 * x - 1) * extent, 3), round((1 - 2 * y) * extent, 3)

    # Input

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.probed.emit(self.to_plane(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.probed.emit(self.to_plane(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, 1),
            Qt.Key.Key_Down: (0, -1),
        }.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        extent = self._extent()
        x1, x2 = (self._probe or (0.0, 0.0))[:2]
        moved = (x1 + step[0] * extent / 40, x2 + step[1] * extent / 40)
        self.probed.emit(tuple(round(min(extent, max(-extent, value)), 3) for value in moved))

    # Painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        square = self.square()
        frame = QPainterPath()
        frame.addRoundedRect(square, 10, 10)
        with painting(self) as painter:
            painter.fillRect(self.rect(), self._theme.color("surface"))
            painter.setClipPath(frame)
            painter.fillRect(square, self._theme.color("sunken"))
            if self._image is not None:
                painter.drawImage(square, self._image)
                self._paint_boundary(painter, square)
            if self._run is not None:
                painter.drawPixmap(square.topLeft(), self._baked_points(square.width()))
            if self._probe is not None:
                center = self.to_pixels(*self._probe)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                for color, width in (("surface", 4.5), ("text", 2.0)):
                    painter.setPen(QPen(self._theme.color(color), width))
                    painter.drawEllipse(center, 8, 8)
            painter.setClipping(False)
            if self.hasFocus():
                painter.setPen(QPen(self._theme.color("accent"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(square.adjusted(1, 1, -1, -1), 10, 10)

    def _paint_boundary(self, painter: QPainter, square: QRectF) -> None:
        if self._line is None or self._values is None:
            return
        painter.save()
        painter.translate(square.topLeft())
        scale = square.width() / self._values.shape[1]
        painter.scale(scale, scale)
        pen = QPen(self._theme.color("text", 0.78), 1.7)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self._line)
        painter.restore()

    def _baked_points(self, side: float) -> QPixmap:
        """All points as one pixmap: drawn once, then only copied."""
        assert self._run is not None
        key = (id(self._run.data), side, self._theme.palette.name, self._test_points, self.devicePixelRatioF())
        if self._points is None or key != self._points_key:
            self._points_key = key
            self._points = self._bake(side)
        return self._points

    def _bake(self, side: float) -> QPixmap:
        assert self._run is not None
        theme, data, ratio = self._theme, self._run.data, self.devicePixelRatioF()
        pixmap = QPixmap(QSize(int(side), int(side)) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dataset = data.dataset
        centers = (dataset.features / dataset.extent * (1, -1) + 1) / 2 * side
        targets = (dataset.targets[:, 0] - self._level_of_targets()) / self._half_of_targets()
        colors = colorize(targets.astype(np.float32), 1.0, theme.colors())
        radius = 3.3 if len(centers) <= 800 else 2.4
        groups = [(data.train_rows, "surface")]
        if self._test_points:
            groups.append((data.test_rows, "text"))
        for rows, rim in groups:
            painter.setPen(QPen(theme.color(rim), 1.1))
            for row in rows.tolist():
                painter.setBrush(theme.color(f"#{int(colors[row]) & 0xFFFFFF:06x}"))
                center = QPointF(float(centers[row, 0]), float(centers[row, 1]))
                if dataset.class_names and dataset.targets[row, 0] < 0.5:
                    # The first class has squares: color is never the only difference.
                    painter.drawRect(QRectF(center.x() - radius * 0.9, center.y() - radius * 0.9, 1.8 * radius, 1.8 * radius))
                else:
                    painter.drawEllipse(center, radius, radius)
        painter.end()
        return pixmap

    def _level_of_targets(self) -> float:
        return 0.5 if self._run is not None and self._run.data.dataset.class_names else 0.0

    def _half_of_targets(self) -> float:
        return 0.5 if self._run is not None and self._run.data.dataset.class_names else self.reach

    def describe(self) -> str:
        """Say in words what the picture shows, for screen readers."""
        if self._values is None or self._run is None:
            return ""
        above = float((self._values > self._level).mean())
        names = self._run.data.dataset.class_names
        if not names:
            return tr("Output from {0} to {1}").format(number(float(self._values.min())), number(float(self._values.max())))
        return tr("{0} % of the plane is {1}, the rest {2}").format(f"{100 * above:.0f}", names[1], names[0])


class ColorScale(QWidget):
    """The diverging colors from left to right, with what they mean."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setFixedHeight(SCALE_HEIGHT)
        self._theme = theme
        self._words = ("", "", "")
        theme.changed.connect(self.update)

    def show_ends(self, low: str, high: str, middle: str) -> None:
        if (low, middle, high) != self._words:
            self._words = (low, middle, high)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        colors = np.ascontiguousarray(self._theme.colors())[None]
        bar = QRectF(0, 0, self.width(), 7)
        path = QPainterPath()
        path.addRoundedRect(bar, 3.5, 3.5)
        align = Qt.AlignmentFlag
        with painting(self) as painter:
            painter.setClipPath(path)
            painter.drawImage(bar, as_image(colors))
            painter.setClipping(False)
            painter.setFont(self._theme.font(11, 500, tabular=True))
            painter.setPen(self._theme.color("text_faint"))
            place = QRectF(0, 11, self.width(), 16)
            room = self.width() / sum(bool(words) for words in self._words) - 8 if any(self._words) else 0
            for words, side in zip(self._words, (align.AlignLeft, align.AlignHCenter, align.AlignRight), strict=True):
                shown = elided(painter.fontMetrics(), words, room)
                painter.drawText(place, side | align.AlignVCenter, shown)


if __name__ == "__main__":
    import sys

    from playground.gui.preview import preview

    sys.exit(preview(DecisionSurface, begin=lambda stage: stage.view.show_probe(stage.loop.probe)))
