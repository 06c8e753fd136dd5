"""Small plots of functions from the catalog: an activation with its slope, the learning rate over the epochs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QPixmap, QPolygonF

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.schedules import Schedule, record_of, settings_of
from playground.gui.widgets.theme import Theme

Curve = NDArray[np.float64]

REACH = 4.0
POINTS = 121


def activation_curves(name: str, parameter: float) -> tuple[Curve, Curve, Curve | None]:
    """Sums z from −4 to 4, and an activation's value and slope there; softmax among z and one that stays 0.

    Returns
    -------
    z, value, slope
        float64 arrays of one length; the slope is None for softmax, which has one for each pair of outputs.
    """
    record = ACTIVATIONS[name]
    z = np.linspace(-REACH, REACH, POINTS)
    if record.array_slope is None:
        rows = np.stack([np.zeros_like(z), z], axis=1)
        return z, np.asarray(record.array(rows, parameter), np.float64)[:, 1], None
    value = np.asarray(record.array(z, parameter), np.float64)
    return z, value, np.broadcast_to(np.asarray(record.array_slope(z, value, parameter), np.float64), z.shape)


def schedule_curve(spec: Schedule, epochs: int) -> tuple[Curve, Curve]:
    """Epochs from 0 to the last, and the factor of the learning rate there."""
    factor, settings = record_of(spec).factor, settings_of(spec)
    at = np.linspace(0.0, epochs, 2 * POINTS)
    return at, np.array([factor(float(epoch), float(epochs), *settings) for epoch in at])


def activation_picture(theme: Theme, name: str, parameter: float, width: int, height: int) -> QPixmap:
    """An activation's value (strong) and slope (faint) over z from −4 to 4."""
    return _activation_picture(_Key(theme), name, parameter, width, height)


def schedule_picture(theme: Theme, spec: Schedule, epochs: int, width: int, height: int) -> QPixmap:
    """The learning rate over the epochs, as a share of the rate that is set."""
    return _schedule_picture(_Key(theme), spec, epochs, width, height)


class _Key:
    """Makes two themes equal in a cache when they have the same palette."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.palette = theme.palette.name

    def __hash__(self) -> int:
        return hash(self.palette)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.palette == self.palette


@lru_cache(maxsize=256)
def _activation_picture(key: _Key, name: str, parameter: float, width: int, height: int) -> QPixmap:
    z, value, slope = activation_curves(name, parameter)
    shown = value if slope is None else np.concatenate([value, slope])
    low, high = max(-2.2, float(np.nanmin(shown))), min(2.2, float(np.nanmax(shown)))
    plot = _Plot(key.theme, width, height, (-REACH, REACH), (min(low, -0.2), max(high, 1.0)))
    plot.axes()
    if slope is not None:
        plot.line(z, slope, "text_faint", 1.0, dashed=True)
    plot.line(z, value, "accent", 1.6)
    return plot.finished()


@lru_cache(maxsize=64)
def _schedule_picture(key: _Key, spec: Any, epochs: int, width: int, height: int) -> QPixmap:
    at, factor = schedule_curve(spec, epochs)
    plot = _Plot(key.theme, width, height, (0.0, float(epochs)), (0.0, max(1.0, float(factor.max()))))
    plot.axes()
    plot.line(at, factor, "accent", 1.6)
    return plot.finished()


class _Plot:
    """A picture of lines over two axes, twice as fine as the screen, so that it is sharp everywhere."""

    def __init__(self, theme: Theme, width: int, height: int, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._theme = theme
        self._area = QRectF(2, 2, width - 4, height - 4)
        self._x, self._y = x, y
        self._pixmap = QPixmap(QSize(2 * width, 2 * height))
        self._pixmap.setDevicePixelRatio(2.0)
        self._pixmap.fill(Qt.GlobalColor.transparent)
        self._painter = QPainter(self._pixmap)
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._painter.setClipRect(QRectF(0, 0, width, height))

    def axes(self) -> None:
        """The lines x = 0 and y = 0."""
        self._painter.setPen(QPen(self._theme.color("border_strong"), 1.0))
        origin = self._at(0.0, 0.0)
        self._painter.drawLine(QPointF(self._area.left(), origin.y()), QPointF(self._area.right(), origin.y()))
        self._painter.drawLine(QPointF(origin.x(), self._area.top()), QPointF(origin.x(), self._area.bottom()))

    def line(self, x: Curve, y: Curve, color: str, width: float, dashed: bool = False) -> None:
        """A curve through points."""
        style = Qt.PenStyle.DotLine if dashed else Qt.PenStyle.SolidLine
        self._painter.setPen(QPen(self._theme.color(color), width, style, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        self._painter.drawPolyline(QPolygonF([self._at(float(a), float(b)) for a, b in zip(x, y, strict=True)]))

    def finished(self) -> QPixmap:
        self._painter.end()
        return self._pixmap

    def _at(self, x: float, y: float) -> QPointF:
        (left, right), (low, high), area = self._x, self._y, self._area
        return QPointF(
            area.left() + area.width() * (x - left) / (right - left), area.bottom() - area.height() * (y - low) / (high - low)
        )
