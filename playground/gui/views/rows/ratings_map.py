"""Answers on a scale by two kinds of things, such as users and items: a square where there is one, gaps where there is none."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from playground.data.dataset import Dataset
from playground.gui.widgets.controls import painting
from playground.gui.widgets.names import elided
from playground.gui.widgets.pictures import Pixels, as_image, colorize
from playground.gui.widgets.theme import Theme
from playground.words import tr

HEIGHT, LEAST_HEIGHT = 190, 70
CAPTION = 16
# So that the ring around a square at the edge is whole.
MARGIN = 7
# How far from a square, in pixels, a click still means it.
REACH = 6.0


class RatingsMap(QWidget):
    """The table as a picture, the first column's things downward; click a square for its row.

    Signals
    -------
    picked(int)
        A row of the data set was chosen.
    """

    picked = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr("Answers by row and column; the table below has the same"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._theme = theme
        self._dataset: Dataset | None = None
        self._pixels: Pixels | None = None
        self._row: int | None = None
        theme.changed.connect(self._draw)

    def sizeHint(self) -> QSize:
        return QSize(280, HEIGHT)

    def fit_into(self, height: int) -> None:
        """Take at most a share of a height, so that the table below keeps some lines."""
        self.setFixedHeight(max(LEAST_HEIGHT, min(HEIGHT, round(0.4 * height))))

    def show_data(self, dataset: Dataset) -> None:
        """Show a data set with two columns of whole numbers; any other shows nothing."""
        self._dataset = dataset if len(dataset.categories) == 2 else None
        self._row = None
        if self._dataset is not None:
            down, across = dataset.feature_names
            self.setToolTip(
                tr("Every {0} downward, every {1} across: orange is low, blue is high. Most are missing.").format(down, across)
            )
        self._draw()

    def mark(self, row: int) -> None:
        """Ring the square of a row."""
        self._row = row
        self.update()

    def _draw(self) -> None:
        dataset = self._dataset
        if dataset is not None:
            targets = dataset.targets[:, 0]
            low, high = dataset.value_range or (float(targets.min()), float(targets.max()))
            colors = colorize((targets - (low + high) / 2).astype(np.float32), max(1e-9, (high - low) / 2), self._theme.colors())
            down, across = dataset.categories
            self._pixels = np.full((down, across), np.uint32(self._theme.color("sunken").rgb()), np.uint32)
            self._pixels[dataset.features[:, 0].astype(int), dataset.features[:, 1].astype(int)] = colors
        self.update()

    def _square(self) -> QRectF:
        return QRectF(MARGIN, MARGIN, self.width() - 2 * MARGIN, self.height() - CAPTION - 2 * MARGIN)

    def place(self, row: int) -> QPointF:
        """Where the middle of a row's square is."""
        assert self._dataset is not None
        area, (down, across) = self._square(), self._dataset.categories
        first, second = self._dataset.features[row]
        return QPointF(area.left() + (second + 0.5) / across * area.width(), area.top() + (first + 0.5) / down * area.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        dataset = self._dataset
        if dataset is None or event.button() != Qt.MouseButton.LeftButton:
            return
        area, (down, across) = self._square(), dataset.categories
        y = (dataset.features[:, 0] + 0.5) / down * area.height() + area.top()
        x = (dataset.features[:, 1] + 0.5) / across * area.width() + area.left()
        distances = np.hypot(x - event.position().x(), y - event.position().y())
        nearest = int(distances.argmin())
        if distances[nearest] <= REACH:
            self.picked.emit(nearest)

    def paintEvent(self, _event: QPaintEvent) -> None:
        dataset, theme, area = self._dataset, self._theme, self._square()
        if dataset is None or self._pixels is None:
            return
        with painting(self) as painter:
            # Each square is one answer: nothing is mixed in between.
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(area, as_image(self._pixels))
            if self._row is not None:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                for color, width in (("surface", 4.0), ("text", 1.8)):
                    painter.setPen(QPen(theme.color(color), width))
                    painter.drawEllipse(self.place(self._row), 6, 6)
            painter.setFont(theme.font(11, 500, tabular=True))
            painter.setPen(theme.color("text_faint"))
            (first, second), (down, across) = dataset.feature_names, dataset.categories
            share = round(100 * len(dataset.features) / self._pixels.size)
            words = tr("{0} {1}s ↓   ·   {2} {3}s →   ·   {4} % known").format(down, first, across, second, share)
            below = QRectF(MARGIN, self.height() - CAPTION, self.width() - MARGIN, CAPTION)
            shown = elided(painter.fontMetrics(), words, below.width())
            painter.drawText(below, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
