"""Metrics in two small tables: the overall numbers, and one line a class, label or output; each says what it means."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from playground.catalog.metrics import METRICS, Metric
from playground.gui.widgets.controls import ElidedLabel, NumberLabel, TextLabel
from playground.gui.widgets.names import tip
from playground.gui.widgets.theme import Theme
from playground.insight.evaluation import Report, in_words
from playground.words import tr

Align = Qt.AlignmentFlag
MOST_LINES = 40
# The column that says how many rows a class has; no metric has this name.
ROWS = "rows"


def explanation(metric: Metric) -> str:
    """What a metric means, how it is computed, and where that is from."""
    return f"{metric.description}\n{metric.title} = {metric.formula}\n{metric.source}"


class Table(QWidget):
    """Labels in a grid, built anew when another task or other classes come; else only the numbers change."""

    def __init__(self, theme: Theme, across: int, down: int) -> None:
        super().__init__()
        self._theme = theme
        self._built: tuple[object, ...] = ()
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setHorizontalSpacing(across)
        self.grid.setVerticalSpacing(down)

    def is_new(self, report: Report) -> bool:
        """Whether the labels must be made for the report; those of another one are gone then."""
        built = (report.task, report.names, tuple(report.scores))
        if built == self._built:
            return False
        self._built = built
        while (item := self.grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        return True

    def title(self, text: str, explained: str, pixels: int) -> TextLabel:
        """Words that end in … where there is no room; the tooltip has more."""
        label = ElidedLabel(self._theme, pixels=pixels, weight=500, color="text_muted")
        label.set_text(text)
        label.setToolTip(explained)
        return label


class OverallTable(Table):
    """Two metrics a line, each its title and its number."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, across=4, down=5)
        self.numbers: dict[str, NumberLabel] = {}

    def show_report(self, report: Report) -> None:
        """Show a report's overall numbers."""
        if self.is_new(report):
            self.numbers = {name: self._add(place, METRICS[name]) for place, name in enumerate(report.scores)}
        for name, number in self.numbers.items():
            number.setText(in_words(METRICS[name], report.scores[name].value))

    def _add(self, place: int, metric: Metric) -> NumberLabel:
        line, side = divmod(place, 2)
        number = NumberLabel(self._theme, "100.0 %", align=Align.AlignRight)
        number.setToolTip(explanation(metric))
        number.setAccessibleName(metric.title)
        self.grid.addWidget(self.title(metric.title, explanation(metric), 11), line, 3 * side)
        self.grid.addWidget(number, line, 3 * side + 1, Align.AlignRight)
        self.grid.setColumnStretch(3 * side, 1)
        self.grid.setColumnMinimumWidth(2, 8)
        return number


class EachTable(Table):
    """A line a class, label or output, a column a metric; nothing where there is a single output."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, across=3, down=2)
        self.numbers: dict[tuple[str, int], NumberLabel] = {}

    def show_report(self, report: Report) -> None:
        """Show a report's numbers for each class, label or output."""
        if self.is_new(report):
            self.numbers = self._build(report) if len(report.names) > 1 else {}
        self.setVisible(bool(self.numbers))
        for (name, index), number in self.numbers.items():
            if name == ROWS:
                number.setText(f"{report.counts[index]:,}")
            else:
                number.setText(in_words(METRICS[name], report.scores[name].each[index]))

    def _build(self, report: Report) -> dict[tuple[str, int], NumberLabel]:
        metrics = [METRICS[name] for name, score in report.scores.items() if score.each]
        heads = [(metric.name, metric.title.removeprefix("ROC "), explanation(metric), "100.0 %") for metric in metrics]
        if report.counts:
            heads.insert(0, (ROWS, tr("Rows"), tr("How many of the rows are of the class."), "0,000"))
        for column, (_, title, explained, _) in enumerate(heads, 1):
            label = TextLabel(self._theme, title, 10, 500, "text_muted")
            label.setToolTip(explained)
            self.grid.addWidget(label, 0, column, Align.AlignRight)
        numbers = {}
        for line, name in enumerate(report.names[:MOST_LINES], 1):
            self.grid.addWidget(self.title(name, tip([name]), 11), line, 0)
            for column, (metric_name, title, _, widest) in enumerate(heads, 1):
                number = NumberLabel(self._theme, widest, 11, 500, Align.AlignRight)
                number.setAccessibleName(f"{name}: {title}")
                numbers[metric_name, line - 1] = number
                self.grid.addWidget(number, line, column, Align.AlignRight)
        self.grid.setColumnStretch(0, 1)
        return numbers
