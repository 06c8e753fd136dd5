"""A table of counts as colored cells: rows of a true class by predicted class, or the hits and misses of each label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from playground.gui.widgets.controls import painting
from playground.gui.widgets.names import elided, one_line
from playground.gui.widgets.theme import Theme
from playground.words import tr

Align = Qt.AlignmentFlag
HEADER = 20
MOST_NAME_ROOM, GAP = 86, 2
LEAST_CELL, MOST_CELL = 6, 30
# A cell this large has room for its number, and for its share as well.
NUMBER_WIDTH, NUMBER_HEIGHT, SHARE_WIDTH = 20, 15, 72


class ConfusionMatrix(QWidget):
    """The cells; click one, or go there by the arrow keys and press Enter, to see its rows.

    Signals
    -------
    cell_chosen(int row, int column)
        A cell was picked.
    """

    cell_chosen = Signal(int, int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr("Confusion matrix; arrow keys go from cell to cell, Enter shows its rows"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        # The tooltip is that of the cell under the pointer.
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._theme = theme
        self.counts: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._right: NDArray[np.bool_] = np.zeros((0, 0), bool)
        self._rows: tuple[str, ...] = ()
        self._columns: tuple[str, ...] = ()
        self._widest = 0
        self._cell = (0, 0)
        theme.changed.connect(self.update)

    def show_counts(
        self, counts: NDArray[np.int64], right: NDArray[np.bool_], rows: tuple[str, ...], columns: tuple[str, ...]
    ) -> None:
        """Show counts.

        Parameters
        ----------
        counts
            int64 (rows, columns).
        right
            bool (rows, columns): which cells count right answers; the others count mistakes.
        rows, columns
            Their names.
        """
        if (rows, columns) != (self._rows, self._columns):
            self._cell = (0, 0)
        self.counts, self._right, self._rows, self._columns = counts, right, rows, columns
        self._widest = max((self.fontMetrics().horizontalAdvance(one_line(name)) for name in rows), default=0)
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    @property
    def shares(self) -> NDArray[np.float64]:
        """Each count as a share of its row, float64 (rows, columns); 0 in a row without any."""
        return np.asarray(self.counts / np.maximum(1, self.counts.sum(axis=1, keepdims=True)))

    def sizeHint(self) -> QSize:
        return QSize(280, HEADER + round(len(self._rows) * self._cell_height()) + 2)

    def cell(self, row: int, column: int) -> QRectF:
        """Where a cell is drawn."""
        width, height = (self.width() - self._name_room()) / max(1, len(self._columns)), self._cell_height()
        left, top = self._name_room() + column * width, HEADER + row * height
        gap = GAP if min(width, height) > 12 else 0.5
        return QRectF(left, top, width - gap, height - gap)

    def words_of(self, row: int, column: int) -> str:
        """One sentence about a cell."""
        count, total, share = int(self.counts[row, column]), int(self.counts[row].sum()), self.shares[row, column]
        return tr("{0} — {1}: {2:,} of {3:,} rows, {4} %").format(
            self._rows[row], self._columns[column], count, total, f"{100 * share:.1f}"
        )

    def describe(self) -> str:
        """Say in words what the cells show, for screen readers: the mistakes, the most frequent first."""
        wrong = np.where(self._right, 0, self.counts)
        worst = [divmod(int(place), len(self._columns)) for place in np.argsort(wrong, axis=None)[::-1][:3]]
        return "; ".join(self.words_of(row, column) for row, column in worst if wrong[row, column])

    def _cell_height(self) -> float:
        return max(LEAST_CELL, min(MOST_CELL, 300 / max(1, len(self._rows))))

    def _name_room(self) -> float:
        return float(min(MOST_NAME_ROOM, self._widest + 8))

    def _at(self, x: float, y: float) -> tuple[int, int] | None:
        width = (self.width() - self._name_room()) / max(1, len(self._columns))
        row, column = int((y - HEADER) // self._cell_height()), int((x - self._name_room()) // width)
        return (row, column) if 0 <= row < len(self._rows) and 0 <= column < len(self._columns) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self._at(event.position().x(), event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and at is not None:
            self._choose(at)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        step = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}.get(key)
        if step is not None and self.counts.size:
            row, column = self._cell[0] + step[0], self._cell[1] + step[1]
            self._cell = (min(len(self._rows) - 1, max(0, row)), min(len(self._columns) - 1, max(0, column)))
            self.setAccessibleDescription(self.words_of(*self._cell))
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.counts.size:
            self._choose(self._cell)
        else:
            super().keyPressEvent(event)

    def _choose(self, cell: tuple[int, int]) -> None:
        self._cell = cell
        self.update()
        self.cell_chosen.emit(*cell)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = self._at(event.position().x(), event.position().y())
        self.setToolTip(self.words_of(*at) if at is not None else "")

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self.counts.size:
            return
        theme = self._theme
        with painting(self) as painter:
            self._paint_names(painter)
            painter.setFont(theme.font(11, 600, tabular=True))
            for row in range(len(self._rows)):
                for column in range(len(self._columns)):
                    self._paint_cell(painter, row, column)
            if self.hasFocus():
                painter.setPen(QPen(theme.color("accent"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(self.cell(*self._cell).adjusted(1, 1, -1, -1), 4, 4)

    def _paint_names(self, painter: QPainter) -> None:
        theme, room = self._theme, self._name_room()
        painter.setFont(theme.font(11, 500))
        painter.setPen(theme.color("text_muted"))
        metrics = painter.fontMetrics()
        if self._cell_height() >= NUMBER_HEIGHT - 2:
            for row, name in enumerate(self._rows):
                place = QRectF(0, self.cell(row, 0).top(), room - 6, self.cell(row, 0).height())
                shown = elided(metrics, name, place.width())
                painter.drawText(place, Align.AlignVCenter | Align.AlignLeft, shown)
        if self.cell(0, 0).width() >= NUMBER_WIDTH - 6:
            for column, name in enumerate(self._columns):
                place = QRectF(self.cell(0, column).left(), 0, self.cell(0, column).width(), HEADER - 3)
                shown = elided(metrics, name, place.width())
                painter.drawText(place, Align.AlignCenter, shown)

    def _paint_cell(self, painter: QPainter, row: int, column: int) -> None:
        theme, place, share = self._theme, self.cell(row, column), float(self.shares[row, column])
        color = self._color(share, bool(self._right[row, column]))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        corner = 4 if min(place.width(), place.height()) > 12 else 0
        painter.drawRoundedRect(place, corner, corner)
        if place.width() < NUMBER_WIDTH or place.height() < NUMBER_HEIGHT:
            return
        # Whichever of the two inks stands out.
        inks: list[Any] = [theme.color("text"), theme.color("surface")]
        ink = max(inks, key=lambda tone: abs(tone.lightness() - color.lightness()))
        if not self.counts[row, column]:
            ink = theme.color("text_faint")
        painter.setPen(ink)
        words = f"{int(self.counts[row, column])}"
        if place.width() >= SHARE_WIDTH:
            words += f"  ·  {100 * share:.0f} %"
        painter.drawText(place, Align.AlignCenter, words)

    def _color(self, share: float, right: bool) -> QColor:
        """Blue for what is right, orange for mistakes, from the scale's middle; the stronger, the larger the share."""
        scale = self._theme.colors()
        reach = min(1.0, share) * 127
        return QColor.fromRgb(int(scale[int(128 + reach) if right else int(127 - reach)]))
