"""How good the answers are: the head and what it can't say, the confusion matrix, and every metric, overall and in parts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from playground.gui.background import Background
from playground.gui.views.report.confusion_matrix import ConfusionMatrix
from playground.gui.views.report.metric_table import EachTable, OverallTable
from playground.gui.views.report.scatter import TruthScatter
from playground.gui.widgets.choices import Segmented
from playground.gui.widgets.controls import TextLabel, scroll_area
from playground.gui.widgets.theme import Theme
from playground.insight.evaluation import Report, evaluate_outputs
from playground.insight.heads import head_reason, head_warnings
from playground.insight.sigmoid_form import has_two_softmax_outputs, sigmoid_proof
from playground.model import TrainedModel
from playground.training import parts
from playground.training.protocol import Part, Snapshot, Status
from playground.training.run import RunInfo
from playground.words import tr

REFRESH_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class Judged:
    """A report and what it is about: the snapshot it was made of, the rows, and what the head can't say."""

    snapshot: Snapshot
    part: str
    rows: NDArray[np.int64]
    report: Report
    reason: str
    warnings: list[str]


class ReportView(QWidget):
    """The report on the newest outputs, about once a second while training runs, computed off the window's thread.

    Signals
    -------
    rows_chosen(object rows, str words)
        The rows of a cell of the confusion matrix are asked for: int64 row numbers, and what they have in common.
    data_changed(Snapshot)
        The first snapshot on other data has come.
    """

    rows_chosen = Signal(object, str)
    data_changed = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Metrics"))
        self.shown: Judged | None = None
        self._newest: Snapshot | None = None
        self._asked: tuple[Snapshot, str] | None = None
        self._asked_at = 0.0
        self._background = Background("report", self)
        self.part = Segmented(
            theme,
            [
                ("test", tr("Test"), tr("Judge the rows kept back from training: what counts.")),
                ("train", tr("Training"), tr("Judge the rows the network learns from.")),
            ],
            tr("Rows"),
        )
        self.part.set_value("test")
        self.part.chosen.connect(lambda _part: self._ask())
        self.warning = TextLabel(theme, "", 12, 600, "bad", wordWrap=True)
        self.reason = TextLabel(theme, "", 12, 400, "text_muted", wordWrap=True)
        self.caption = TextLabel(theme, "", 11, 500, "text_faint", wordWrap=True)
        self.matrix = ConfusionMatrix(theme)
        self.scatter = TruthScatter(theme)
        self.overall = OverallTable(theme)
        self.each = EachTable(theme)
        self.undefined = TextLabel(theme, "", 11, 400, "text_faint", wordWrap=True)
        self._lay_out()
        self.matrix.cell_chosen.connect(self._choose_cell)

    def _lay_out(self) -> None:
        page = QFrame()
        column = QVBoxLayout(page)
        # Room for the scroll bar, so that nothing moves when it comes.
        column.setContentsMargins(0, 0, 10, 0)
        column.setSpacing(10)
        for view in (
            self.warning,
            self.overall,
            self.caption,
            self.matrix,
            self.scatter,
            self.each,
            self.undefined,
            self.reason,
        ):
            column.addWidget(view)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self.part)
        layout.addWidget(scroll_area(page), 1)

    def needs_parts(self) -> frozenset[Part]:
        return frozenset({parts.outputs})

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Judge the newest outputs, if it is time to."""
        if snapshot.run is None or snapshot.parts.get(parts.outputs) is None:
            return
        before, self._newest = self._newest, snapshot
        fresh = before is None or before.run is None or before.run.data is not snapshot.run.data
        if fresh:
            self.part.buttons["test"].setEnabled(len(snapshot.run.data.test_rows) > 0)
            self.part.set_value("test" if len(snapshot.run.data.test_rows) else "train")
            self.data_changed.emit(snapshot)
        waited = time.perf_counter() - self._asked_at
        if fresh or snapshot.status is not Status.RUNNING or waited >= REFRESH_SECONDS:
            self._ask()

    def _ask(self) -> None:
        """Have the newest outputs judged; scikit-learn takes a second to import at first."""
        snapshot, part = self._newest, self.part.value
        if snapshot is None or (self._asked is not None and self._asked[0] is snapshot and self._asked[1] == part):
            return
        self._asked, self._asked_at = (snapshot, part), time.perf_counter()
        self._background.run(lambda: judge(snapshot, part), self._show)

    def _show(self, judged: Judged | None) -> None:
        if judged is None or not judged.report.scores:
            return
        self.shown = judged
        run, report = judged.snapshot.run, judged.report
        assert run is not None
        self._show_words(self.warning, "\n".join(judged.warnings))
        self._show_words(self.reason, judged.reason)
        self._show_words(self.undefined, "\n".join(score.reason for score in report.scores.values() if score.reason))
        self.overall.show_report(report)
        self.each.show_report(report)
        self.matrix.setVisible(report.confusion is not None)
        self.scatter.setVisible(report.confusion is None)
        if report.confusion is None:
            self._show_words(self.caption, tr("True value across, prediction upward; on the line they are the same."))
            values = run.data.preprocessing.values(judged.snapshot.parts[parts.outputs][judged.rows])
            self.scatter.show_points(run.data.dataset.targets[judged.rows], values, report.names)
        elif report.confusion.ndim == 3:
            self._show_words(self.caption, tr("Each label: how many rows are found, missed, wrongly named, rightly not."))
            self._show_labels(report)
        else:
            self._show_words(self.caption, tr("Down: what it is. Across: what the network says. Click a cell for its rows."))
            right = np.eye(len(report.names), dtype=bool)
            self.matrix.show_counts(report.confusion, right, report.names, report.names)
        self.setAccessibleDescription(self.describe())

    def _show_labels(self, report: Report) -> None:
        """One line a label, from its own table [[rightly not, wrongly named], [missed, found]]."""
        assert report.confusion is not None
        counts = np.column_stack([report.confusion[:, row, column] for row, column in LABEL_CELLS])
        right = np.broadcast_to(np.array([True, False, False, True]), counts.shape)
        columns = (tr("found"), tr("missed"), tr("false"), tr("not"))
        self.matrix.show_counts(counts, right, report.names, columns)

    def _show_words(self, label: TextLabel, words: str) -> None:
        if words != label.text():
            label.setText(words)
        label.setVisible(bool(words))

    def _choose_cell(self, row: int, column: int) -> None:
        judged = self.shown
        if judged is not None and judged.snapshot.run is not None:
            rows = rows_of_cell(judged.snapshot.run, judged.snapshot.parts[parts.outputs], judged.rows, row, column)
            self.rows_chosen.emit(rows, self.matrix.words_of(row, column))

    def reset(self) -> None:
        """Forget what was judged: the next snapshot is taken for one of other data."""
        self.shown = self._newest = None

    def describe(self) -> str:
        """Say in words what is shown, for screen readers."""
        if self.shown is None:
            return ""
        rows = tr("{rows:,} test rows") if self.shown.part == "test" else tr("{rows:,} training rows")
        judged = rows.format(rows=self.shown.report.rows)
        numbers = [f"{label.accessibleName()} {label.text()}" for label in self.overall.numbers.values()]
        return "; ".join([*self.shown.warnings, judged, *numbers, *filter(None, [self.matrix.describe()])])


def judge(snapshot: Snapshot, part: str) -> Judged | None:
    """Judge a part of the rows; None while outputs and data don't belong together, between a change and its first snapshot.

    Parameters
    ----------
    part
        ``test`` or ``train``.
    """
    run = snapshot.run
    assert run is not None
    data, outputs = run.data, snapshot.parts[parts.outputs]
    rows = data.test_rows if part == "test" else data.train_rows
    if len(outputs) != len(data.dataset.features):
        return None
    report = evaluate_outputs(outputs[rows], data.dataset.targets[rows], data.preprocessing)
    warnings = head_warnings(run.experiment, data, outputs, rows)
    reason = head_reason(run.experiment)
    if has_two_softmax_outputs(run.experiment):
        model = TrainedModel(run.experiment, snapshot.parameters, data.preprocessing)
        reason = f"{reason} {sigmoid_proof(model, data.dataset.features[rows])}"
    return Judged(snapshot, part, rows, report, reason, warnings)


# Row and column in a label's own table: found, missed, wrongly named, rightly not.
LABEL_CELLS = ((1, 1), (1, 0), (0, 1), (0, 0))


def rows_of_cell(run: RunInfo, outputs: NDArray[Any], rows: NDArray[np.int64], row: int, column: int) -> NDArray[np.int64]:
    """Which of some rows a cell of the confusion matrix counts; for labels ``row`` is the label."""
    said, targets = run.data.preprocessing.labels(outputs[rows]), run.data.dataset.targets[rows]
    if said.ndim == 2:
        true, predicted = LABEL_CELLS[column]
        return np.asarray(rows[(targets[:, row] == true) & (said[:, row] == predicted)])
    return np.asarray(rows[(targets[:, 0] == row) & (said == column)])
