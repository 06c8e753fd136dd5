"""The data panel's page for a table of one's own: opening it, and which of its columns are used for what."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from playground.catalog.tasks import TASKS
from playground.data.names import in_one_form
from playground.experiment import FileSource
from playground.gui.widgets.choices import LabeledCombo
from playground.gui.widgets.controls import ElidedLabel, TextLabel
from playground.gui.widgets.names import elided, on_button, one_line
from playground.gui.widgets.theme import Theme
from playground.training.run import RunInfo
from playground.words import tr, trn

# A window of twenty thousand boxes takes minutes to lay out, and nobody looks through so many.
MOST_LISTED = 200
# Pixels of a name beside its box: the rail is no wider.
MOST_NAME_ROOM = 190


class FilePage(QWidget):
    """Opens a table, and says which of its columns are used for what.

    Signals
    -------
    columns_chosen(targets, ignore)
        Tuples of column names.
    task_chosen(str)
        What the target is.
    """

    columns_chosen = Signal(object, object)
    task_chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._source: FileSource | None = None
        self._listed: frozenset[str] = frozenset()
        self.open_button = QPushButton(tr("Open a table…"), cursor=Qt.CursorShape.PointingHandCursor)
        self.open_button.setIcon(theme.icon("open", "text_muted", 16))
        self.open_button.setToolTip(tr("A CSV file with a header: a row per example, a column to predict."))
        self.open_button.setFont(theme.font(12, 600))
        self.hint = TextLabel(
            theme,
            tr("CSV with a header, numbers in every column to learn from. Or drop a file anywhere on the window."),
            11,
            400,
            "text_faint",
            wordWrap=True,
        )
        self.name = ElidedLabel(theme, pixels=12, weight=600, color="text")
        self.target = LabeledCombo(
            theme, tr("Predict"), [], tr("The column that the network learns to answer. Starts again."), width=206
        )
        self.task = LabeledCombo(
            theme,
            tr("Answer"),
            [(task.name, task.title, task.description) for task in TASKS.values() if task.name != "multilabel"],
            tr("What kind of answer the column holds. Starts again."),
            width=206,
        )
        self.columns_title = TextLabel(theme, tr("Learn from"), 11, 500, "text_faint")
        self.columns_title.setIndent(2)
        self.column_boxes: dict[str, QCheckBox] = {}
        self._boxes = QVBoxLayout()
        self._boxes.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.open_button, self.hint, self.name, self.target, self.task, self.columns_title):
            layout.addWidget(widget)
        layout.addLayout(self._boxes)
        self.more = TextLabel(theme, "", 11, 400, "text_faint", wordWrap=True)
        self.more.hide()
        layout.addWidget(self.more)
        layout.addStretch(1)
        self._described = (self.name, self.target, self.task, self.columns_title)
        for widget in self._described:
            widget.hide()
        self.target.chosen.connect(self._target_chosen)
        self.task.chosen.connect(self.task_chosen)

    def show_source(self, source: FileSource, task: str) -> None:
        """Show which file and target hold."""
        # As the table's own columns are named, whoever wrote the experiment.
        targets, ignore = (tuple(map(in_one_form, names)) for names in (source.targets, source.ignore))
        self._source = source = replace(source, targets=targets, ignore=ignore)
        self.name.set_text(source.path.replace("\\", "/").rsplit("/", 1)[-1])
        self.task.set_value(task)
        for widget in self._described:
            widget.show()
        if len(source.targets) == 1:
            self.target.set_value(source.targets[0])
        for name, box in self.column_boxes.items():
            box.setChecked(name not in source.ignore)
            box.setEnabled(name not in source.targets)

    def show_columns(self, run: RunInfo) -> bool:
        """List a loaded table's columns; whether the list is another one than before."""
        source, dataset = run.experiment.data.source, run.data.dataset
        assert isinstance(source, FileSource)
        names = (*dataset.feature_names, *dataset.target_names, *map(in_one_form, source.ignore))
        if self._listed == set(names):
            return False
        self._listed = frozenset(names)
        # The targets are always among those that are shown.
        rest = [name for name in names if name not in dataset.target_names]
        shown = {*dataset.target_names, *rest[: max(0, MOST_LISTED - len(dataset.target_names))]}
        names = tuple(name for name in names if name in shown)
        hidden = len(self._listed) - len(names)
        self.more.setText(
            trn(
                "One more column is not listed; it is used as the file that was opened says.",
                "{count:,} more columns are not listed; they are used as the file that was opened says.",
                hidden,
            ).format(count=hidden)
        )
        self.more.setVisible(hidden > 0)
        self.target.set_items([(name, name, "") for name in names])
        while (item := self._boxes.takeAt(0)) is not None:
            box = item.widget()
            if box is not None:
                box.deleteLater()
        self.column_boxes = {}
        for name in names:
            switch = QCheckBox()
            switch.setFont(self._theme.font(12, 500))
            switch.setText(on_button(elided(switch.fontMetrics(), name, MOST_NAME_ROOM)))
            switch.setAccessibleName(one_line(name))
            switch.setToolTip(tr("Whether the network may learn from {0}. Starts again.").format(name))
            switch.clicked.connect(self._columns_switched)
            self._boxes.addWidget(switch)
            self.column_boxes[name] = switch
        self.show_source(source, run.experiment.training.task)
        return True

    def _columns_switched(self) -> None:
        if self._source is not None:
            unlisted = (name for name in self._source.ignore if name not in self.column_boxes)
            ignore = (*(name for name, box in self.column_boxes.items() if not box.isChecked()), *unlisted)
            self.columns_chosen.emit(self._source.targets, ignore)

    def _target_chosen(self, name: str) -> None:
        if self._source is not None:
            self.columns_chosen.emit((name,), tuple(column for column in self._source.ignore if column != name))
