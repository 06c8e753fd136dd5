"""The curve of a learning-rate range test: loss over the rate, on a logarithmic axis, with the suggestion marked."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from playground.gui.widgets.controls import painting
from playground.gui.widgets.theme import Theme
from playground.training.rate_finder import HIGHEST, LOWEST, RateTest
from playground.words import number, plain_number, tr, two_figures

Align = Qt.AlignmentFlag
LEFT, TOP, RIGHT, BOTTOM = 44, 16, 10, 20
# Decades from one label of the rates to the next.
EVERY = 2
# A loss that blows up leaves the picture at the top, or its fall would be too flat to see.
MOST_RISE = 0.25


class RateCurve(QWidget):
    """Draws a `RateTest`; empty axes without one.

    Signals
    -------
    pointed(str)
        Rate and loss under the pointer in words; empty once it has left.
    """

    pointed = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(mouseTracking=True)
        self.setAccessibleName(tr("Loss by learning rate"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._theme = theme
        self.test: RateTest | None = None
        self._pointed: int | None = None
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(288, 150)

    def show_test(self, test: RateTest | None) -> None:
        """Show a test's curve, or take it away."""
        self.test, self._pointed = test, None
        self.setAccessibleDescription(test.sentence if test is not None else "")
        self.update()

    # Geometry

    @property
    def _area(self) -> QRectF:
        return QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM)

    def x_of(self, rate: float) -> float:
        """Where a learning rate stands, in pixels from the left."""
        share = math.log(rate / LOWEST) / math.log(HIGHEST / LOWEST)
        return self._area.left() + share * self._area.width()

    def _reach(self, test: RateTest) -> tuple[float, float]:
        """Least and largest loss that are shown."""
        low, first = float(test.losses.min()), float(test.losses[:5].max())
        fall = max(first - low, 0.05 * abs(first), 1e-9)
        high = min(float(test.losses.max()), first + MOST_RISE * fall)
        return low - 0.08 * fall, high + 0.08 * fall

    def _y_of(self, loss: float, low: float, high: float) -> float:
        return self._area.bottom() - self._area.height() * (loss - low) / (high - low)

    # Painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        with painting(self) as painter:
            painter.setFont(self._theme.font(11, 500, tabular=True))
            self._draw_rates(painter)
            if self.test is not None and len(self.test.losses):
                self._draw_curve(painter, self.test)

    def _draw_rates(self, painter: QPainter) -> None:
        area, theme = self._area, self._theme
        for exponent in range(round(math.log10(LOWEST)), round(math.log10(HIGHEST)) + 1):
            x = self.x_of(10.0**exponent)
            painter.setPen(QPen(theme.color("border"), 1))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            if exponent % EVERY == 0:
                painter.setPen(theme.color("text_faint"))
                box = QRectF(x - 40, area.bottom() + 4, 80, 16)
                painter.drawText(box, Align.AlignHCenter | Align.AlignTop, plain_number(10.0**exponent))

    def _draw_curve(self, painter: QPainter, test: RateTest) -> None:
        area, theme = self._area, self._theme
        low, high = self._reach(test)
        painter.setPen(theme.color("text_faint"))
        for value in (low + 0.08 * (high - low), (low + high) / 2, high - 0.08 * (high - low)):
            box = QRectF(0, self._y_of(value, low, high) - 8, LEFT - 8, 16)
            painter.drawText(box, Align.AlignRight | Align.AlignVCenter, number(value, 3 if high < 10 else 1))
        points = [
            QPointF(self.x_of(rate), self._y_of(loss, low, high)) for rate, loss in zip(test.rates, test.losses, strict=True)
        ]
        painter.save()
        painter.setClipRect(area)
        painter.setPen(QPen(theme.color("accent"), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.drawPolyline(QPolygonF(points))
        painter.restore()
        if self._pointed is not None:
            painter.setPen(QPen(theme.color("text_muted"), 1))
            x = points[self._pointed].x()
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        if not math.isnan(test.suggestion):
            self._mark(painter, test.suggestion, points[int(np.abs(test.rates - test.suggestion).argmin())])

    def _mark(self, painter: QPainter, rate: float, point: QPointF) -> None:
        """The suggestion: a line down the plot, a point on the curve, and its number above."""
        area, theme = self._area, self._theme
        painter.setPen(QPen(theme.color("text"), 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(point.x(), area.top()), QPointF(point.x(), area.bottom()))
        painter.setPen(QPen(theme.color("surface"), 2))
        painter.setBrush(theme.color("text"))
        painter.drawEllipse(point, 5, 5)
        painter.setFont(theme.font(11, 600, tabular=True))
        painter.setPen(theme.color("text"))
        left = min(max(point.x() - 40, area.left() - 40), area.right() - 80 + RIGHT)
        painter.drawText(QRectF(left, 0, 80, TOP), Align.AlignCenter, plain_number(two_figures(rate)))

    # The pointer

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        test = self.test
        if test is None or not len(test.losses):
            return
        places = np.array([self.x_of(rate) for rate in test.rates])
        self._pointed = int(np.abs(places - event.position().x()).argmin())
        rate, loss = float(test.rates[self._pointed]), float(test.losses[self._pointed])
        self.pointed.emit(tr("rate {0}: loss {1}").format(plain_number(two_figures(rate)), number(loss, 4)))
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointed = None
        self.pointed.emit("")
        self.update()
        super().leaveEvent(event)
