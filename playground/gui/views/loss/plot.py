"""Curves of loss and metrics over the epochs: train, validation and test, linear or logarithmic, values under the pointer."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from playground.arrays import Array
from playground.catalog.metrics import METRICS
from playground.gui.widgets.choices import Segmented
from playground.gui.widgets.controls import IconButton, NumberLabel, TextLabel, painting
from playground.gui.widgets.theme import Theme
from playground.insight.evaluation import in_words
from playground.training.history import History
from playground.training.protocol import Part, Snapshot
from playground.words import number, tr

LEAST = 1e-9
COLORS = {"train": "accent", "validation": "text_muted", "test": "text_faint"}
WIDTHS = {"train": 2.4, "validation": 1.8, "test": 1.6}
# Lengths of line and gap, in widths of the line; of the other parts, none: a solid line is quicker to draw.
DASHES = {"validation": (3.0, 2.0)}
# Pixels of the left axis that one label takes.
LABEL_PITCH = 15
BAND_POINTS, LINE_POINTS = 400, 200


class ValueAxis(pg.AxisItem):  # type: ignore[misc]
    """The left axis: round numbers, or on a logarithmic scale powers of ten (and 2, 5 where there is room)."""

    logarithmic = True

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        if not self.logarithmic:
            ticks: list[tuple[float, list[float]]] = super().tickValues(low, high, size)[:1]
            return ticks
        decades = high - low
        step = max(1, math.ceil(decades / max(2.0, size / 20)))
        powers = [float(p) for p in range(math.ceil(low), math.floor(high) + 1) if p % step == 0]
        # Numbers in between as well, as many as have room.
        for marks in ((1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
            exponents = range(math.floor(low), math.ceil(high) + 1)
            between = [p + math.log10(m) for p in exponents for m in marks if low <= p + math.log10(m) <= high]
            gaps = [after - before for before, after in itertools.pairwise(between)]
            if step == 1 and min(gaps, default=decades) * size / max(decades, 1e-9) >= LABEL_PITCH:
                powers = between
        return [(float(step), powers)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if not self.logarithmic:
            return [f"{value:.6g}".replace("-", "−") for value in values]
        return [f"{10**value:.10f}".rstrip("0").rstrip(".") if value > -6 else f"1e−{-value:.0f}" for value in values]


class EpochAxis(pg.AxisItem):  # type: ignore[misc]
    """The bottom axis: whole epochs."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        ticks: list[tuple[float, list[float]]] = super().tickValues(low, high, size)[:1]
        return ticks

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [f"{value:,.0f}" if value == int(value) else "" for value in values]


class LossPlot(QWidget):
    """Shows the history of a run.

    What is drawn for each curve: a faint line through all there is, so that jumps are seen, and a clear one through
    averages, so that the trend is.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Loss curves"))
        self._theme = theme
        self.history: History | None = None
        self.quantity = "loss"
        self._ranges: dict[str, tuple[float, float]] = {}
        self.log_button = IconButton(theme, "check", tr("Logarithmic scale: equal steps are equal factors"), size=28)
        self.log_button.setCheckable(True)
        self.log_button.setChecked(True)
        self.log_button.setText(tr("log"))
        self.log_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.log_button.setFixedSize(38, 28)
        self.log_button.setFont(theme.font(11, 600))
        self.quantities = self._make_quantities(())
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.quantities, 1)
        head.addWidget(self.log_button)
        self._head = head
        self.labels = {part: NumberLabel(theme, "−0.0000") for part in COLORS}
        self.epoch_label = TextLabel(theme, "", 11, 500, "text_faint")
        # Validation stands in a line of its own, which is there only when some rows are kept back for it.
        self.validation_line = QWidget()
        self.validation_line.hide()
        legend = self._make_legend("train", "test")
        legend.addWidget(self.epoch_label)
        self.validation_line.setLayout(self._make_legend("validation"))
        self.axis = ValueAxis("left")
        self.plot = pg.PlotWidget(axisItems={"left": self.axis, "bottom": EpochAxis("bottom")})
        self._set_up_plot()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addLayout(legend)
        layout.addWidget(self.validation_line)
        layout.addWidget(self.plot, 1)
        self.log_button.toggled.connect(self._redraw)
        theme.changed.connect(self._restyle)
        self._restyle()

    def _make_legend(self, *parts: str) -> QHBoxLayout:
        words = {"train": tr("train"), "validation": tr("validation"), "test": tr("test")}
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(7)
        for part in parts:
            line.addWidget(LegendMark(self._theme, part, self))
            line.addWidget(TextLabel(self._theme, words[part], 12, 500))
            line.addWidget(self.labels[part])
            line.addSpacing(6)
        line.addStretch(1)
        return line

    def _make_quantities(self, metrics: tuple[str, ...]) -> Segmented:
        items = [("loss", tr("Loss"), tr("What training makes small."))]
        items += [(name, METRICS[name].title, METRICS[name].description) for name in metrics]
        box = Segmented(self._theme, items, tr("Curve"))
        box.setFixedHeight(30)
        for button in box.buttons.values():
            button.setFixedHeight(24)
        box.set_value(self.quantity)
        box.chosen.connect(self.show_quantity)
        return box

    def _set_up_plot(self) -> None:
        plot = self.plot
        plot.setFrameShape(plot.Shape.NoFrame)
        plot.setMinimumHeight(70)
        plot.setMouseEnabled(False, False)
        plot.hideButtons()
        item = plot.getPlotItem()
        item.setMenuEnabled(False)
        item.getAxis("left").setWidth(46)
        item.getAxis("bottom").setHeight(20)
        plot.setAccessibleName(tr("Loss curves"))
        self._bands, self.lines = {}, {}
        # Test first, so that the training curve lies on top.
        for part in ("test", "validation", "train"):
            # Curves themselves rather than PlotDataItems, which prepare for log axes and down-sampling we do ourselves.
            self._bands[part] = pg.PlotCurveItem(antialias=False)
            self.lines[part] = pg.PlotCurveItem(antialias=True)
            plot.addItem(self._bands[part])
            plot.addItem(self.lines[part])
        # Where the pointer is, and the epoch that a run has gone back to.
        self._cursor, self._kept = pg.InfiniteLine(angle=90), pg.InfiniteLine(angle=90)
        for line in (self._cursor, self._kept):
            line.hide()
            plot.addItem(line, ignoreBounds=True)
        plot.scene().sigMouseMoved.connect(self.point_at)

    # What is shown

    def needs_parts(self) -> frozenset[Part]:
        """The curves need only the history, which is always there."""
        return frozenset()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the newest history."""
        self.show_history(snapshot.history)

    def show_history(self, history: History) -> None:
        """Show a history."""
        if self.history is None or history.columns != self.history.columns:
            self.history = history
            self._offer(history)
        self.history = history
        self._redraw()

    @property
    def parts(self) -> tuple[str, ...]:
        """What there are curves of, the one on top last."""
        validates = self.history is not None and "validation_loss" in self.history.columns
        return ("test", "validation", "train") if validates else ("test", "train")

    def show_quantity(self, name: str) -> None:
        """Draw ``loss`` or a metric."""
        self.quantity = name
        self.quantities.set_value(name)
        # R² may be negative and accuracy ends at 1: only errors belong on a logarithmic scale.
        self.log_button.setEnabled(self._can_be_logarithmic())
        self._redraw()

    def _offer(self, history: History) -> None:
        validates = "validation" in self.parts
        self.validation_line.setVisible(validates)
        for item in (self._bands["validation"], self.lines["validation"]):
            item.setVisible(validates)
        metrics = tuple(
            name.removeprefix("train_") for name in history.columns if name.startswith("train_") and name != "train_loss"
        )
        if self.quantity not in ("loss", *metrics):
            self.quantity = "loss"
        hidden = self.quantities.isHidden()
        old, self.quantities = self.quantities, self._make_quantities(metrics)
        self.quantities.setHidden(hidden)
        self._head.replaceWidget(old, self.quantities)
        old.hide()
        old.deleteLater()
        self.log_button.setEnabled(self._can_be_logarithmic())

    def _can_be_logarithmic(self) -> bool:
        return self.quantity in ("loss", "rmse")

    @property
    def logarithmic(self) -> bool:
        return self._can_be_logarithmic() and self.log_button.isChecked()

    # Drawing

    def _redraw(self) -> None:
        history = self.history
        if history is None:
            return
        if not history.length:
            self._show_nothing()
            return
        epochs = history.column("epoch")
        # What was gone back to stands at its own epoch, not behind the rest.
        order = np.argsort(epochs, kind="stable") if (np.diff(epochs) < 0).any() else slice(None)
        epochs = epochs[order]
        # Changes the axis only now: a tick must never stand beside a curve of the other scale.
        self.axis.logarithmic = self.logarithmic
        lows, highs = [], []
        for part in self.parts:
            values = self._scaled(history.column(f"{part}_{self.quantity}")[order])
            self._bands[part].setData(*_extremes(epochs, values))
            x, y = _averages(epochs, values)
            self.lines[part].setData(x, y)
            finite = values[np.isfinite(values)]
            if len(finite):
                lows.append(finite.min())
                highs.append(finite.max())
        if lows:
            self._set_range("y", *_round_range(float(min(lows)), float(max(highs)), self.logarithmic))
        self._set_range("x", 0.0, _round_up(max(1.0, float(epochs[-1]))))
        self._show_numbers(history.length - 1, at_pointer=False)

    def _show_nothing(self) -> None:
        """No curves and no numbers, rather than another run's: this one was never measured."""
        for part, label in self.labels.items():
            self._bands[part].setData([], [])
            self.lines[part].setData([], [])
            label.setText("–")
        self.epoch_label.setText("")
        self._kept.hide()

    def _set_range(self, side: str, low: float, high: float) -> None:
        """Set an axis's range if it is another one: drawing an axis anew costs more than a curve."""
        if self._ranges.get(side) != (low, high):
            self._ranges[side] = (low, high)
            set_range = self.plot.setXRange if side == "x" else self.plot.setYRange
            set_range(low, high, padding=0.012 if side == "x" else 0)

    def _scaled(self, values: Array) -> Array:
        return np.log10(np.maximum(values, LEAST)) if self.logarithmic else values

    def _show_numbers(self, row: int, at_pointer: bool) -> None:
        history = self.history
        assert history is not None
        for part in self.parts:
            self.labels[part].setText(self.words(float(history.column(f"{part}_{self.quantity}")[row])))
        epochs = history.column("epoch")
        epoch = epochs[row]
        words = tr("epoch {0}").format(f"{epoch:,.0f}" if epoch == int(epoch) else f"{epoch:,.1f}")
        # At rest the numbers are those of the weights that are kept, wherever they are from.
        gone_back = bool(epoch < epochs.max())
        self.epoch_label.setText(words if at_pointer or gone_back else "")
        if not at_pointer:
            self._kept.setVisible(gone_back)
            self._kept.setPos(float(epoch))

    def words(self, value: float) -> str:
        """A value of the present quantity for people: ``97.5 %``, ``0.0312``; a dash where there is none."""
        if not math.isfinite(value):
            return "–"
        metric = METRICS.get(self.quantity)
        if metric is not None and metric.percent:
            return in_words(metric, value)
        return number(value, 4 if abs(value) < 10 else 2 if abs(value) < 1000 else 0)

    def point_at(self, position: QPointF) -> None:
        """Read the values at the pointer."""
        history, box = self.history, self.plot.getPlotItem().vb
        if history is None or not history.length:
            return
        inside = box.sceneBoundingRect().contains(position) and self.plot.underMouse()
        self._cursor.setVisible(inside)
        if inside:
            epochs = history.column("epoch")
            x = box.mapSceneToView(position).x()
            row = int(np.abs(epochs - x).argmin())
            self._cursor.setPos(float(epochs[row]))
            self._show_numbers(row, at_pointer=True)
        else:
            self._show_numbers(history.length - 1, at_pointer=False)

    def leaveEvent(self, event: QEvent) -> None:
        self._cursor.hide()
        if self.history is not None and self.history.length:
            self._show_numbers(self.history.length - 1, at_pointer=False)
        super().leaveEvent(event)

    def describe(self) -> str:
        """Say in words what the curves show, for screen readers."""
        name = self.quantities.buttons[self.quantity].text()
        values = ", ".join(f"{part} {self.labels[part].text()}" for part in reversed(self.parts))
        return f"{name}: {values}"

    def reset(self) -> None:
        """Show the loss, on a logarithmic scale."""
        self.show_quantity("loss")
        self.log_button.setChecked(True)

    def _restyle(self) -> None:
        theme = self._theme
        self.plot.setBackground(theme.color("surface"))
        item = self.plot.getPlotItem()
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.setPen(pg.mkPen(None))
            # The ticks of the left axis are the grid; the bottom one has none.
            axis.setTickPen(pg.mkPen(theme.color("text_faint"), width=1) if side == "left" else pg.mkPen(None))
            axis.setTextPen(theme.color("text_faint"))
            axis.setStyle(tickFont=theme.font(11, 500, tabular=True), tickLength=0, tickTextOffset=6, hideOverlappingLabels=True)
        item.showGrid(x=False, y=True, alpha=0.18)
        for part, color in COLORS.items():
            self._bands[part].setPen(pg.mkPen(theme.color(color, 0.28), width=1))
            self.lines[part].setPen(pg.mkPen(theme.color(color), width=WIDTHS[part], dash=DASHES.get(part)))
        self._cursor.setPen(pg.mkPen(theme.color("text_muted"), width=1))
        self._kept.setPen(pg.mkPen(theme.color("text_faint"), width=1, dash=DASHES["validation"]))
        p = theme.palette
        self.log_button.setStyleSheet(
            f"QToolButton {{ color:{p.text_faint}; border:1px solid {p.border}; border-radius:8px; background:transparent; }}"
            f"QToolButton:checked {{ color:{p.accent}; border-color:{p.accent}; background:{p.accent_soft}; }}"
            f"QToolButton:disabled {{ color:{p.border_strong}; border-color:{p.border}; background:transparent; }}"
            f"QToolButton:focus {{ border:2px solid {p.accent}; }}"
        )


class LegendMark(QWidget):
    """A short piece of a part's curve."""

    def __init__(self, theme: Theme, part: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._part = theme, part
        self.setFixedSize(18, 12)
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        pen = QPen(self._theme.color(COLORS[self._part]), WIDTHS[self._part])
        if self._part in DASHES:
            pen.setDashPattern(DASHES[self._part])
        with painting(self) as painter:
            painter.setPen(pen)
            painter.drawLine(QPointF(1, 6), QPointF(17, 6))


def _round_up(end: float) -> float:
    """A little beyond the end, so that the axis moves a few times a second rather than with every epoch."""
    step = 10.0 ** math.floor(math.log10(end)) / 5
    return end if end <= 20 else math.ceil(end / step) * step


def _round_range(low: float, high: float, logarithmic: bool) -> tuple[float, float]:
    """The range of the values with a margin, in steps coarse enough that it seldom changes."""
    room = max(0.03 * (high - low), 0.02 if logarithmic else 0.02 * max(abs(high), 1e-6))
    if logarithmic and high - low < 0.1:
        # A single measurement still needs a labelled value above and below.
        room = 0.4
    step = 10.0 ** math.floor(math.log10(max(high - low + 2 * room, 1e-12))) / 5
    return math.floor((low - room) / step) * step, math.ceil((high + room) / step) * step


def _averages(x: Array, y: Array) -> tuple[Array, Array]:
    """At most `LINE_POINTS` points: averages of neighbors, a last group that isn't full yet as well; the last point is exact."""
    step = -(-len(x) // (LINE_POINTS - 1))
    if step <= 1:
        return x, y
    starts, finite = np.arange(0, len(x), step), np.isfinite(y)
    counts = np.add.reduceat(finite.astype(np.float64), starts)
    sums = np.add.reduceat(np.where(finite, y, 0.0), starts)
    means = np.divide(sums, counts, out=np.full(len(starts), np.nan), where=counts > 0)
    lengths = np.diff(np.append(starts, len(x)))
    return np.append(np.add.reduceat(x, starts) / lengths, x[-1]), np.append(means, y[-1])


def _extremes(x: Array, y: Array) -> tuple[Array, Array]:
    """At most `BAND_POINTS` points: least and largest value of neighbors in turn, so that no jump is lost, the newest neither."""
    step = -(-2 * len(x) // BAND_POINTS)
    if step <= 2:
        return x, y
    starts = np.arange(0, len(x), step)
    ends = np.append(starts[1:], len(x)) - 1
    lows, highs = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    return np.column_stack([x[starts], x[ends]]).ravel(), np.column_stack([lows, highs]).ravel()
