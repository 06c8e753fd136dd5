"""Predictions against the truth, a point a row; on the diagonal they are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from playground.gui.widgets.controls import painting
from playground.gui.widgets.names import elided
from playground.gui.widgets.theme import Theme
from playground.words import number, tr

Align = Qt.AlignmentFlag
HEIGHT, MARGIN = 210, 18
MOST_POINTS = 800


class TruthScatter(QWidget):
    """The points of one output, or of several, each scaled to what its targets span."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr("Predictions against the truth"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._theme = theme
        # (points, outputs, 2): true and predicted, 0 … 1 over the span of the targets.
        self.points: Any = np.zeros((0, 1, 2))
        self._names: tuple[str, ...] = ()
        self._ends = ("", "")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(280, HEIGHT)

    def show_points(self, truth: Any, predicted: Any, names: tuple[str, ...]) -> None:
        """Show rows: float64 (rows, outputs) each, in the data's units; at most MOST_POINTS of them, evenly chosen."""
        low, high = truth.min(axis=0), truth.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        step = -(-len(truth) // MOST_POINTS)
        pair = np.stack([truth[::step], predicted[::step]], axis=-1)
        self.points = (pair - low[:, None]) / span[:, None]
        self._names = names
        self._ends = (number(float(low[0]), 1), number(float(high[0]), 1)) if len(names) == 1 else ("", "")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not len(self.points):
            return
        theme = self._theme
        square = QRectF(MARGIN, 2, self.width() - 2 * MARGIN, self.height() - MARGIN - 4)
        # A tenth of room around, so that predictions beyond the targets are seen, too.
        inner = square.adjusted(0.1 * square.width(), 0.1 * square.height(), -0.1 * square.width(), -0.1 * square.height())
        with painting(self) as painter:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sunken"))
            painter.drawRoundedRect(square, 8, 8)
            painter.setClipRect(square)
            painter.setPen(QPen(theme.color("text_faint", 0.7), 1.2, Qt.PenStyle.DashLine))
            painter.drawLine(square.bottomLeft(), square.topRight())
            painter.setPen(Qt.PenStyle.NoPen)
            for output, name in enumerate(self._names):
                color = theme.class_color(output, 3) if len(self._names) > 1 else theme.color("positive")
                color.setAlphaF(0.55)
                painter.setBrush(color)
                for true, said in self.points[:, output].tolist():
                    if np.isfinite(said):
                        y = inner.bottom() - min(1.1, max(-0.1, said)) * inner.height()
                        painter.drawEllipse(QPointF(inner.left() + true * inner.width(), y), 2.6, 2.6)
                if len(self._names) > 1:
                    color.setAlphaF(1.0)
                    painter.drawEllipse(QPointF(square.left() + 12, square.top() + 12 + 15 * output), 3.5, 3.5)
                    painter.setPen(theme.color("text_muted"))
                    painter.setFont(theme.font(11, 500))
                    shown = elided(painter.fontMetrics(), name, square.width() - 24)
                    painter.drawText(QPointF(square.left() + 20, square.top() + 16 + 15 * output), shown)
                    painter.setPen(Qt.PenStyle.NoPen)
            painter.setClipping(False)
            painter.setPen(theme.color("text_faint"))
            painter.setFont(theme.font(11, 500, tabular=True))
            below = QRectF(inner.left() - 30, square.bottom() + 2, inner.width() + 60, MARGIN)
            for words, side in zip(self._ends, (Align.AlignLeft, Align.AlignRight), strict=True):
                painter.drawText(below, side | Align.AlignVCenter, words)
