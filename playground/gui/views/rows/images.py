"""Rows that are images, as a grid to pick from: each with its label, and what the network says where that is another one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from playground.gui.widgets.controls import painting
from playground.gui.widgets.names import elided
from playground.gui.widgets.pictures import as_image, ink
from playground.gui.widgets.theme import Theme
from playground.training.run import RunInfo
from playground.words import tr

TILE, GAP, TILE_HEIGHT = 41, 6, 60


class ImageGrid(QWidget):
    """Images with their true label, and the predicted one where it differs; only the visible ones are drawn.

    Signals
    -------
    picked(int)
        An image was chosen, by its row.
    moved_to(int)
        Height at which the mark is now, so that it can be scrolled to.
    """

    picked = Signal(int)
    moved_to = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr("Images; arrow keys go from one to the next"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._theme = theme
        self._run: RunInfo | None = None
        self._predicted: NDArray[Any] = np.zeros(0)
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)
        self._marked: int | None = None
        theme.changed.connect(self.update)

    def show_run(self, run: RunInfo, predicted: NDArray[Any]) -> None:
        self._run, self._predicted = run, predicted

    def show_rows(self, rows: NDArray[np.int64]) -> None:
        self._rows = rows if self._run is not None and self._run.data.dataset.image_shape else rows[:0]
        self._fit()
        self.update()

    def show_predictions(self, run: RunInfo, predicted: NDArray[Any]) -> None:
        self._run, self._predicted = run, predicted
        self.update()

    def mark(self, row: int) -> None:
        self._marked = row
        self.update()

    @property
    def columns(self) -> int:
        return max(1, (self.width() - 2) // (TILE + GAP))

    def tile(self, place: int) -> QRectF:
        """Where the image at a place of the list is drawn."""
        line, column = divmod(place, self.columns)
        return QRectF(2 + column * (TILE + GAP), 2 + line * TILE_HEIGHT, TILE, TILE)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(-(-len(self._rows) // self.columns) * TILE_HEIGHT + 4)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        column, line = int((event.position().x() - 2) // (TILE + GAP)), int((event.position().y() - 2) // TILE_HEIGHT)
        place = line * self.columns + column
        if 0 <= column < self.columns and 0 <= place < len(self._rows):
            self._go_to(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns,
            Qt.Key.Key_Down: self.columns,
        }.get(Qt.Key(event.key()))
        if step is None or not len(self._rows):
            super().keyPressEvent(event)
            return
        here = np.flatnonzero(self._rows == self._marked)
        self._go_to(min(len(self._rows) - 1, max(0, (int(here[0]) if len(here) else 0) + step)))

    def _go_to(self, place: int) -> None:
        self.picked.emit(int(self._rows[place]))
        self.moved_to.emit(int(self.tile(place).top()))

    def sizeHint(self) -> QSize:
        return QSize(300, 300)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._run is None or self._run.data.dataset.image_shape is None or not len(self._rows):
            return
        first = max(0, (event.rect().top() - 2) // TILE_HEIGHT) * self.columns
        last = min(len(self._rows), ((event.rect().bottom() + TILE_HEIGHT) // TILE_HEIGHT + 1) * self.columns)
        dataset, theme = self._run.data.dataset, self._theme
        height, width = self._run.data.dataset.image_shape
        brightest = max(1e-9, float(dataset.features.max()))
        with painting(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            for place in range(first, last):
                row, tile = int(self._rows[place]), self.tile(place)
                pixels = ink(np.clip(dataset.features[row] / brightest * 255, 0, 255).reshape(height, width), theme.color("text"))
                painter.fillRect(tile, theme.color("sunken"))
                painter.drawImage(tile, as_image(pixels, QImage.Format.Format_ARGB32))
                truth, said = int(dataset.targets[row, 0]), int(self._predicted[row])
                right = truth == said
                if row == self._marked or not right:
                    painter.setPen(QPen(theme.color("accent" if row == self._marked else "bad"), 2.2))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRoundedRect(tile.adjusted(-1, -1, 1, 1), 4, 4)
                painter.setFont(theme.font(11, 500 if right else 600, tabular=True))
                painter.setPen(theme.color("text_faint" if right else "bad"))
                names = dataset.class_names
                words = names[truth] if right else f"{names[said]} ≠ {names[truth]}"
                below = QRectF(tile.left() - 3, tile.bottom(), TILE + 6, 15)
                painter.drawText(below, Qt.AlignmentFlag.AlignCenter, elided(painter.fontMetrics(), words, TILE + GAP))
