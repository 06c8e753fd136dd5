"""Pick a row: a table of the data with what the network says, or a grid of images with their labels."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from playground.catalog.tasks import TASKS
from playground.gui.views.rows.images import TILE_HEIGHT, ImageGrid
from playground.gui.views.rows.ratings_map import RatingsMap
from playground.gui.widgets.choices import Segmented
from playground.gui.widgets.controls import TextLabel, scroll_area
from playground.gui.widgets.names import one_line
from playground.gui.widgets.theme import Theme
from playground.training import parts
from playground.training.protocol import Part, Snapshot
from playground.training.run import RunInfo
from playground.words import number, tr

Index = QModelIndex
REFRESH_SECONDS = 0.2
# The table has so much room beside its scroll bar; a column is so wide.
WIDTH, COLUMN, LEAST_COLUMN = 292, 84, 52


class RowsView(QWidget):
    """Rows of the data set to pick from: of the test data, of the training data, those that are wrong, or some chosen ones.

    Signals
    -------
    row_picked(int)
        Number of the row in the data set.
    """

    row_picked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: RunInfo | None = None
        self._predicted: NDArray[Any] = np.zeros(0)
        self._refreshed = 0.0
        self.row: int | None = None
        self.part = Segmented(
            theme,
            [
                ("test", tr("Test"), tr("Rows kept back from training.")),
                ("train", tr("Training"), tr("Rows the network learns from.")),
                ("wrong", tr("Wrong"), tr("Test rows that the network gets wrong, as of now.")),
                ("chosen", tr("Chosen"), ""),
            ],
            tr("Rows"),
        )
        self.part.set_value("test")
        # Only there while some rows are chosen.
        self.part.buttons["chosen"].hide()
        self._chosen: NDArray[np.int64] = np.zeros(0, np.int64)
        self.part.chosen.connect(lambda _part: self._choose_rows(pick=True))
        self.empty = TextLabel(theme, tr("There is no such row."), 12, 500, "text_faint")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.model = RowsModel(theme)
        self.table = RowsTable(theme, self.model)
        self.map = RatingsMap(theme)
        self.map.hide()
        self.grid = ImageGrid(theme)
        self._scroll = scroll_area(self.grid)
        self.stack = QStackedWidget()
        for page in (self.table, self._scroll, self.empty):
            self.stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self.part)
        layout.addWidget(self.map)
        layout.addWidget(self.stack, 1)
        self.table.selectionModel().currentRowChanged.connect(self._table_moved)
        self.grid.picked.connect(self.pick)
        self.map.picked.connect(self.pick)
        self.grid.moved_to.connect(lambda y: self._scroll.ensureVisible(0, y, 0, TILE_HEIGHT))

    def needs_parts(self) -> frozenset[Part]:
        return frozenset({parts.outputs})

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show what the newest weights say about each row, a few times a second."""
        run, outputs = snapshot.run, snapshot.parts.get(parts.outputs)
        if run is None or outputs is None or run.data.dataset.planar:
            return
        fresh = self._run is None or run.data is not self._run.data
        now = time.perf_counter()
        if not fresh and snapshot.status == "running" and now - self._refreshed < REFRESH_SECONDS:
            return
        self._refreshed = now
        self._predicted = run.data.preprocessing.labels(outputs)
        if fresh:
            self._run = run
            # A quantity is never exactly right, so there is no list of wrong ones.
            self.part.buttons["wrong"].setVisible(TASKS[run.data.dataset.task].classes)
            self.part.buttons["chosen"].hide()
            self.part.set_value("test" if len(run.data.test_rows) else "train")
            self.row = None
            self.model.show_run(run, self._predicted)
            self.grid.show_run(run, self._predicted)
            self.map.setVisible(len(run.data.dataset.categories) == 2)
            self.map.show_data(run.data.dataset)
            self._choose_rows(pick=True)
        else:
            self._run = run
            self.model.show_predictions(run, self._predicted)
            self.grid.show_predictions(run, self._predicted)
            if self.part.value == "wrong" and snapshot.status != "running":
                self._choose_rows(pick=False)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self.map.fit_into(self.height())

    def wrong_rows(self) -> NDArray[np.int64]:
        """Test rows whose prediction isn't the target."""
        assert self._run is not None
        rows, dataset = self._run.data.test_rows, self._run.data.dataset
        truth = dataset.targets if dataset.task == "multilabel" else dataset.targets[:, 0]
        unequal = self._predicted[rows] != truth[rows]
        return rows[unequal.any(axis=1) if unequal.ndim == 2 else unequal]

    def show_chosen(self, rows: NDArray[np.int64], words: str) -> None:
        """List some rows, int64 numbers in the data set; the words say what they have in common."""
        self._chosen = rows
        button = self.part.buttons["chosen"]
        button.setToolTip(words)
        button.show()
        self.part.set_value("chosen")
        self._choose_rows(pick=True)

    def _choose_rows(self, pick: bool) -> None:
        if self._run is None:
            return
        data = self._run.data
        listed: dict[str, Callable[[], NDArray[np.int64]]] = {
            "test": lambda: data.test_rows,
            "train": lambda: data.train_rows,
            "wrong": self.wrong_rows,
            "chosen": lambda: self._chosen,
        }
        rows = listed[self.part.value]()
        images = data.dataset.image_shape is not None
        self.empty.setText(tr("None: every test row is right.") if self.part.value == "wrong" else tr("There is no such row."))
        self.stack.setCurrentWidget(self.empty if not len(rows) else self._scroll if images else self.table)
        self.model.show_rows(rows)
        self.grid.show_rows(rows)
        if pick and len(rows):
            self.pick(int(rows[0]))
        elif self.row is not None:
            self._mark(self.row)

    def _table_moved(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            row = int(self.model.rows[current.row()])
            if row != self.row:
                self.pick(row)

    def pick(self, row: int) -> None:
        self.row = row
        self._mark(row)
        self.row_picked.emit(row)

    def _mark(self, row: int) -> None:
        self.grid.mark(row)
        self.map.mark(row)
        self.table.mark(row)

    def reset(self) -> None:
        """Forget the rows: the next snapshot is taken for one of other data."""
        self._run = None

    def describe(self) -> str:
        """Say in words what is listed, for screen readers."""
        return tr("{0} rows").format(len(self.model.rows))


class RowsModel(QAbstractTableModel):
    """Row number, target, prediction, then the columns; only cells on the screen are ever made."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._run: RunInfo | None = None
        self._predicted: NDArray[Any] = np.zeros(0)
        self.rows: NDArray[np.int64] = np.zeros(0, np.int64)

    def show_run(self, run: RunInfo, predicted: NDArray[Any]) -> None:
        self.beginResetModel()
        self._run, self._predicted, self.rows = run, predicted, np.zeros(0, np.int64)
        self.endResetModel()

    def show_rows(self, rows: NDArray[np.int64]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def show_predictions(self, run: RunInfo, predicted: NDArray[Any]) -> None:
        self._run, self._predicted = run, predicted
        if len(self.rows):
            self.dataChanged.emit(self.index(0, 1), self.index(len(self.rows) - 1, 2))

    def rowCount(self, _parent: Any = None) -> int:
        return len(self.rows)

    def columnCount(self, _parent: Any = None) -> int:
        return 3 + len(self._run.data.dataset.feature_names) if self._run is not None else 0

    @property
    def says_one_number(self) -> bool:
        """Whether targets are single numbers, not names."""
        dataset = self._run.data.dataset if self._run is not None else None
        return dataset is not None and not TASKS[dataset.task].classes and dataset.targets.shape[1] == 1

    def headerData(self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        shown = role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
        if not shown or orientation != Qt.Orientation.Horizontal or self._run is None:
            return None
        # The tooltip has the whole name where the column is too narrow for it.
        return one_line((tr("Row"), tr("Target"), tr("Says"), *self._run.data.dataset.feature_names)[section])

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self._run is None or not index.isValid():
            return None
        row, column = int(self.rows[index.row()]), index.column()
        dataset = self._run.data.dataset
        if role == Qt.ItemDataRole.DisplayRole or (role == Qt.ItemDataRole.ToolTipRole and column in (1, 2)):
            if column == 0:
                return str(row + 1)
            if column == 1:
                return self._words(dataset.targets[row])
            if column == 2:
                return self._words(np.atleast_1d(self._predicted[row]))
            return f"{dataset.features[row, column - 3]:.5g}".replace("-", "−")
        if role == Qt.ItemDataRole.ForegroundRole and column == 2 and TASKS[dataset.task].classes:
            right = np.array_equal(np.atleast_1d(self._predicted[row]), dataset.targets[row])
            return self._theme.color("good" if right else "bad")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        return None

    def _words(self, values: NDArray[Any]) -> str:
        """Target or prediction of a row: a class name, labels, or numbers."""
        assert self._run is not None
        dataset = self._run.data.dataset
        if not TASKS[dataset.task].classes:
            return ", ".join(number(float(value), 2) for value in values)
        if dataset.task == "multilabel":
            return one_line(", ".join(name for name, on in zip(dataset.class_names, values, strict=True) if on) or tr("none"))
        return one_line(dataset.class_names[int(values[0])])


class RowsTable(QTableView):
    """The table; arrow keys go from row to row."""

    def __init__(self, theme: Theme, model: RowsModel) -> None:
        super().__init__(accessibleName=tr("Rows"))
        self.setModel(model)
        self._model = model
        self.setFont(theme.font(12, 500, tabular=True))
        self.horizontalHeader().setFont(theme.font(11, 500))
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setDefaultSectionSize(COLUMN)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(26)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        model.modelReset.connect(self._size_columns)

    def mark(self, row: int) -> None:
        """Select a row without telling anybody."""
        places = np.flatnonzero(self._model.rows == row)
        if len(places) and self.currentIndex().row() != places[0]:
            self.selectRow(int(places[0]))

    def _size_columns(self) -> None:
        count = self._model.columnCount()
        # One number needs less room than names do.
        answer = 64 if self._model.says_one_number else 104
        widths = [44, answer, answer][:count]
        # Few columns share the room that is left, so that nothing has to be scrolled to.
        others, room = count - len(widths), WIDTH - sum(widths)
        width = room // others if others and room // others >= LEAST_COLUMN else COLUMN
        for column in range(count):
            self.setColumnWidth(column, widths[column] if column < len(widths) else width)
