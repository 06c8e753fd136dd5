"""The outputs for one row: a bar and a number each, and the target beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from playground.catalog.tasks import TASKS
from playground.data.preprocessing import class_shares
from playground.experiment import gives_probabilities
from playground.gui.widgets.controls import ElidedLabel, painting, scroll_area
from playground.gui.widgets.names import elided, one_line, tip
from playground.gui.widgets.theme import Theme
from playground.training import parts
from playground.training.protocol import Part, Snapshot
from playground.training.run import RunInfo
from playground.words import number, tr

BAR_HEIGHT = 26
MOST_BARS_VISIBLE, MOST_BARS_DENSE = 10, 6


@dataclass(frozen=True)
class Bar:
    """One output: its name, how far its bar reaches (0 … 1), its number, and where the target lies (None if unknown).

    The target of a class is a check mark beside the bar that should be full; of a quantity, a line across its bar.
    """

    name: str
    share: float
    text: str
    target: float | None
    color: QColor
    yes_or_no: bool = True


class OutputsView(QWidget):
    """Bars for the row, point or image that is looked at."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Outputs"))
        self._theme = theme
        self.row: int | None = None
        self.bars = BarList(theme)
        self.summary = ElidedLabel(theme, pixels=12, weight=500, color="text_muted")
        self._area = scroll_area(self.bars)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._area)
        layout.addWidget(self.summary)
        self._bar_height = BAR_HEIGHT
        self._snapshot: Snapshot | None = None
        theme.changed.connect(self._recolor)

    def needs_parts(self) -> frozenset[Part]:
        """The values for the row come with the window's probe."""
        return frozenset()

    def set_row(self, row: int | None) -> None:
        """Which row of the data set is looked at; None for a free point of the plane."""
        self.row = row

    def set_dense(self, dense: bool) -> None:
        """Use lower bars where room is short."""
        self._bar_height = 19 if dense else BAR_HEIGHT
        self._fit()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the outputs of the newest weights."""
        self._snapshot = snapshot
        run, layers = snapshot.run, snapshot.parts.get(parts.probe)
        if run is None or layers is None:
            return
        row = self.row if self.row is not None and self.row < len(run.data.dataset.features) else None
        outputs = np.asarray(layers[-1], np.float64)
        bars = output_bars(run, outputs, row, self._theme)
        count = self.bars.count
        self.bars.show_bars(bars)
        self.summary.set_text(summary(run, outputs, row))
        if count != len(bars):
            self._fit()

    def _recolor(self) -> None:
        if self._snapshot is not None:
            self.show_snapshot(self._snapshot)

    def _fit(self) -> None:
        count = max(1, self.bars.count)
        self.bars.setMinimumHeight(count * self._bar_height)
        most = MOST_BARS_VISIBLE if self._bar_height == BAR_HEIGHT else MOST_BARS_DENSE
        self._area.setFixedHeight(min(count, most) * self._bar_height)

    def reset(self) -> None:
        """Look at no row of the data."""
        self.set_row(None)

    def describe(self) -> str:
        """Say in words what the bars show, for screen readers."""
        return "; ".join([*(f"{bar.name} {bar.text}" for bar in self.bars.bars), self.summary.toolTip()])


class BarList(QWidget):
    """Paints the bars."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.bars: list[Bar] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    @property
    def count(self) -> int:
        return len(self.bars)

    def sizeHint(self) -> QSize:
        return QSize(200, max(1, self.count) * BAR_HEIGHT)

    def show_bars(self, bars: list[Bar]) -> None:
        self.bars = bars
        self.setToolTip(tip(f"{bar.name}: {bar.text}" for bar in bars))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self.bars:
            return
        theme, align = self._theme, Qt.AlignmentFlag
        height = self.height() / self.count
        with painting(self) as painter:
            painter.setFont(theme.font(12, 500))
            metrics = painter.fontMetrics()
            name_room = min(104, max(metrics.horizontalAdvance(one_line(bar.name)) for bar in self.bars) + 8)
            painter.setFont(theme.font(12, 600, tabular=True))
            number_room = max(painter.fontMetrics().horizontalAdvance(bar.text) for bar in self.bars) + 10
            check_room = 20 if any(bar.target is not None for bar in self.bars) else 0
            for index, bar in enumerate(self.bars):
                y = index * height
                hit = bar.yes_or_no and bar.target == 1
                painter.setFont(theme.font(12, 600 if hit else 500))
                painter.setPen(theme.color("text" if hit else "text_muted"))
                name = elided(metrics, bar.name, name_room - 6)
                painter.drawText(QRectF(0, y, name_room, height), align.AlignVCenter | align.AlignLeft, name)
                width = self.width() - name_room - number_room - check_room
                thickness = min(13.0, height - 6)
                track = QRectF(name_room, y + (height - thickness) / 2, width, thickness)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("sunken"))
                painter.drawRoundedRect(track, 4, 4)
                filled = QRectF(track)
                filled.setWidth(max(3.0, track.width() * min(1.0, max(0.0, bar.share))))
                painter.setBrush(bar.color)
                painter.drawRoundedRect(filled, min(4.0, filled.width() / 2), 4)
                if bar.target is not None and not bar.yes_or_no:
                    x = track.left() + track.width() * min(1.0, max(0.0, bar.target))
                    painter.setPen(QPen(theme.color("text"), 2))
                    painter.drawLine(QPointF(x, track.top() - 2), QPointF(x, track.bottom() + 2))
                painter.setFont(theme.font(12, 600, tabular=True))
                painter.setPen(theme.color("text"))
                place = QRectF(track.right(), y, number_room, height)
                painter.drawText(place, align.AlignVCenter | align.AlignRight, bar.text)
                if hit:
                    icon = theme.pixmap("check", "good", 16)
                    painter.drawPixmap(QPointF(self.width() - 17, y + (height - 16) / 2), icon)


def output_bars(run: RunInfo, outputs: NDArray[np.float64], row: int | None, theme: Theme) -> list[Bar]:
    """The bars of one row.

    Parameters
    ----------
    outputs
        float64 (outputs,): the network's last layer.
    row
        Number of the row in the data set, for its target; None if it is in none.
    """
    dataset, preprocessing = run.data.dataset, run.data.preprocessing
    if not TASKS[dataset.task].classes:
        return _regression_bars(run, preprocessing.values(outputs[None])[0], row, theme)
    shares = class_shares(outputs[None], preprocessing)[0]
    target = dataset.targets[row] if row is not None else None
    if dataset.task == "binary":
        holds = [1 - target[0], target[0]] if target is not None else None
    elif dataset.task == "multiclass":
        holds = [float(index == target[0]) for index in range(len(shares))] if target is not None else None
    else:
        holds = target.tolist() if target is not None else None
    percent = gives_probabilities(run.experiment)
    # What is no probability is shown as it is; a single output is that of the yes.
    scores = ["–"] * (len(shares) - len(outputs)) + [number(output, 3) for output in outputs.tolist()]
    bars = []
    for index, (name, share) in enumerate(zip(dataset.class_names, shares.tolist(), strict=True)):
        text = f"{100 * share:.1f} %" if percent else scores[index]
        color = theme.class_color(index, len(dataset.class_names)) if dataset.task == "binary" else theme.color("accent")
        bars.append(Bar(name, share, text, float(holds[index]) if holds is not None else None, color))
    return bars


def _regression_bars(run: RunInfo, values: NDArray[Any], row: int | None, theme: Theme) -> list[Bar]:
    """Each bar spans the scale of the answers, where there is one, else what the data's targets span."""
    targets, scale = run.data.dataset.targets, run.data.dataset.value_range
    bars = []
    for index, (name, value) in enumerate(zip(run.data.dataset.target_names, values.tolist(), strict=True)):
        low, high = scale or (float(targets[:, index].min()), float(targets[:, index].max()))
        span = max(high - low, 1e-12)
        # Numbers as exact as the data are large: 152, 15.2, 0.152.
        digits = max(0, min(6, 3 - int(np.floor(np.log10(max(abs(low), abs(high), 1e-12))))))
        target = (float(targets[row, index]) - low) / span if row is not None else None
        bars.append(Bar(name, (value - low) / span, number(value, digits), target, theme.color("accent"), yes_or_no=False))
    return bars


def summary(run: RunInfo, outputs: NDArray[np.float64], row: int | None) -> str:
    """One line: what is predicted, and what it should be."""
    dataset, preprocessing = run.data.dataset, run.data.preprocessing
    answer = preprocessing.labels(outputs[None])
    if not TASKS[dataset.task].classes:
        if row is None:
            return ""
        truth = ", ".join(number(float(value), 3).rstrip("0").rstrip(".") for value in dataset.targets[row])
        return tr("target {truth}").format(truth=truth)
    if dataset.task == "multilabel":
        said = ", ".join(name for name, on in zip(dataset.class_names, answer[0], strict=True) if on) or tr("none")
        if row is None:
            return tr("says {said}").format(said=said)
        truth = ", ".join(name for name, on in zip(dataset.class_names, dataset.targets[row], strict=True) if on) or tr("none")
        return tr("says {said}; it is {truth}").format(said=said, truth=truth)
    said = dataset.class_names[int(answer[0])]
    if row is None:
        return tr("says {said}").format(said=said)
    truth = dataset.class_names[int(dataset.targets[row, 0])]
    return (
        tr("says {said}, which is right").format(said=said)
        if said == truth
        else tr("says {said}, but it is {truth}").format(said=said, truth=truth)
    )


if __name__ == "__main__":
    import sys

    from playground.gui.preview import preview

    sys.exit(preview(OutputsView, "digits", lambda stage: stage.view.set_row(stage.row)))
