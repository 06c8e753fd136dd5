"""The cards of the window and where they stand: data on the left, the network in the middle, what comes out on the right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from playground.catalog.tasks import TASKS
from playground.experiment import Experiment
from playground.experiment import warnings as warnings_about
from playground.gui.canvas.canvas import NetworkCanvas
from playground.gui.canvas.rasterizer import Rasterizer
from playground.gui.data.data_panel import DataPanel
from playground.gui.forms.settings_panel import SettingsPanel
from playground.gui.views.loss.plot import LossPlot
from playground.gui.views.outputs import OutputsView
from playground.gui.views.report.view import ReportView
from playground.gui.views.rows.view import RowsView
from playground.gui.views.surface import DecisionSurface
from playground.gui.widgets.choices import Segmented
from playground.gui.widgets.controls import Card, ElidedLabel, NumberLabel, TextLabel
from playground.gui.widgets.theme import Theme
from playground.training.protocol import Snapshot
from playground.words import tr

RIGHT_RAIL = 340
GUTTER = 16
PAGES_WIDTH = 144


class Panels(QWidget):
    """All cards, laid out; the window wires what is in them."""

    def __init__(self, theme: Theme, rasterizer: Rasterizer) -> None:
        super().__init__()
        self._theme = theme
        self.data = DataPanel(theme)
        # Whether the data are points of the plane.
        self._planar = True
        self.settings = SettingsPanel(theme)
        self.settings.hide()
        # Whether the data panel is wanted, be it behind the settings.
        self._data_wanted = True
        # Whether the probe is wanted; the metrics need its room while they are shown.
        self._probe_wanted = True
        self.canvas = NetworkCanvas(theme, rasterizer)
        self.surface = DecisionSurface(theme)
        self.rows = RowsView(theme)
        self.report = ReportView(theme)
        # The rows are not seen then, but the first one is what is looked at.
        self.report.data_changed.connect(self.rows.show_snapshot)
        self.loss = LossPlot(theme)
        self.outputs = OutputsView(theme)
        self.network_card = self._make_network_card()
        self.output_card = self._make_output_card()
        self.loss_card = Card(theme, tr("Loss"))
        # The choice between loss and metrics is the card's title.
        self.loss_card.title.hide()
        self.loss_card.body.addWidget(self.loss, 1)
        self.probe_card = Card(theme, tr("Probe"))
        self.probe_words = ElidedLabel(theme, pixels=12, weight=500, color="text_faint")
        self.probe_words.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.probe_card.header.addWidget(self.probe_words, 10)
        self.probe_card.body.addWidget(self.outputs)
        self._lay_out()

    def _make_network_card(self) -> Card:
        card = Card(self._theme, tr("Network"))
        self.shape_words = TextLabel(self._theme, "", 12, 500, "text_faint")
        card.header.addWidget(self.shape_words)
        self._canvas_area = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        self._canvas_area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._canvas_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._canvas_area.setWidget(self.canvas)
        self.warning = TextLabel(self._theme, "", 12, 500, "text_muted", wordWrap=True)
        self.warning.hide()
        card.body.addWidget(self._canvas_area, 1)
        card.body.addWidget(self.warning)
        return card

    def _make_output_card(self) -> Card:
        card = Card(self._theme, tr("Output"))
        # The choice between outputs and metrics is the card's title.
        card.title.hide()
        self.output_pages = Segmented(
            self._theme,
            [
                ("output", tr("Output"), tr("What the network puts out.")),
                ("metrics", tr("Metrics"), tr("How good it is: every metric, for each class or output as well.")),
            ],
            tr("Output"),
        )
        self.output_pages.set_value("output")
        self.output_pages.setFixedWidth(PAGES_WIDTH)
        self.output_pages.chosen.connect(lambda _page: self._show_output_page())
        card.header.insertWidget(0, self.output_pages)
        self.metric_name = TextLabel(self._theme, "", 12, 500, "text_faint")
        self.metric_value = NumberLabel(self._theme, "100.0 %", 13, 600, Qt.AlignmentFlag.AlignRight)
        card.header.addWidget(self.metric_name)
        card.header.addWidget(self.metric_value)
        self.output_stack = QStackedWidget()
        self.output_stack.addWidget(self.surface)
        self.output_stack.addWidget(self.rows)
        self.output_stack.addWidget(self.report)
        card.body.addWidget(self.output_stack, 1)
        return card

    def _lay_out(self) -> None:
        right = QWidget()
        right.setFixedWidth(RIGHT_RAIL)
        self._right = right
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GUTTER)
        column.addWidget(self.output_card, 3)
        column.addWidget(self.loss_card, 2)
        column.addWidget(self.probe_card)
        self._column = column
        self.probe_card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        row = QHBoxLayout(self)
        row.setContentsMargins(GUTTER, GUTTER, GUTTER, GUTTER)
        row.setSpacing(GUTTER)
        row.addWidget(self.data)
        row.addWidget(self.settings)
        row.addWidget(self.network_card, 1)
        row.addWidget(right)

    @property
    def cards(self) -> dict[str, QWidget]:
        """The cards that can be hidden, by the name of their action."""
        return {
            "panel_data": self.data,
            "panel_output": self.output_card,
            "panel_loss": self.loss_card,
            "panel_probe": self.probe_card,
        }

    def set_card_visible(self, name: str, visible: bool) -> None:
        """Show or hide a card; the rail goes with its last one."""
        if name == "panel_data":
            self._data_wanted = visible
        if name == "panel_probe":
            self._probe_wanted = visible
        self.cards[name].setVisible(visible)
        self._show_probe()
        self._right.setVisible(any(not card.isHidden() for card in (self.output_card, self.loss_card, self.probe_card)))

    def _show_probe(self) -> None:
        reported = self.output_stack.currentWidget() is self.report and not self.output_card.isHidden()
        self.probe_card.setVisible(self._probe_wanted and not reported)

    def show_settings(self, on: bool) -> None:
        """Open the settings in the data panel's place, or give the place back."""
        self.settings.setVisible(on)
        self.data.setVisible(self._data_wanted and not on)

    def show_experiment(self, experiment: Experiment) -> None:
        """Show what isn't training itself: controls, the network's structure, what is probably not meant."""
        self.data.show_experiment(experiment)
        self.settings.show_experiment(experiment)
        self.canvas.show_experiment(experiment)
        found = warnings_about(experiment)
        self.warning.setText(found[0] if found else "")
        self.warning.setVisible(bool(found))

    def show_data_kind(self, planar: bool) -> None:
        """Show the plane for points, else the rows to pick from."""
        self._planar = planar
        self._show_output_page()

    def show_chosen_rows(self, rows: NDArray[np.int64], words: str) -> None:
        """List some rows of the data set in the place of the report that they were asked for in."""
        if not self._planar:
            self.output_pages.set_value("output")
            self._show_output_page()
            self.rows.show_chosen(rows, words)

    def _show_output_page(self) -> None:
        outputs = self.surface if self._planar else self.rows
        self.output_stack.setCurrentWidget(self.report if self.output_pages.value == "metrics" else outputs)
        self._show_probe()
        self._fit(self.output_stack.currentWidget() is self.surface)

    def show_numbers(self, snapshot: Snapshot) -> None:
        """Show the structure in numbers and the test metric."""
        run, history = snapshot.run, snapshot.history
        if run is None or not history.length:
            return
        widths = " – ".join(str(width) for width in run.plan.widths)
        count = run.plan.parameter_count
        words = f"{widths}   ·   {count:,} " + (tr("parameter") if count == 1 else tr("parameters"))
        if words != self.shape_words.text():
            self.shape_words.setText(words)
        metric = TASKS[run.experiment.training.task].metrics[0]
        row, tested = history.last(), len(run.data.test_rows) > 0
        part = "test" if tested else "train"
        value = row[f"{part}_{metric}"]
        name = f"{part} {'RMSE' if metric == 'rmse' else metric.replace('_', ' ')}"
        if name != self.metric_name.text():
            self.metric_name.setText(name)
        self.metric_value.setText(f"{100 * value:.1f} %" if metric == "accuracy" else f"{value:.4g}")

    def resizeEvent(self, _event: object) -> None:
        self._fit(self.output_stack.currentWidget() is self.surface)

    def _fit(self, planar: bool) -> None:
        """Share the right rail's height: the plane stays square, lists take what is left."""
        small = self.height() < 800
        self.outputs.set_dense(small)
        side = round(self.height() * 0.275) if small else min(306, round(self.height() * 0.335))
        self.surface.plane.setMaximumHeight(side)
        self.output_card.setMaximumHeight(side + 112 if planar else 10_000)
        reported = self.output_stack.currentWidget() is self.report
        self._column.setStretch(0, 0 if planar else 7 if reported else 3)
        self._column.setStretch(1, 2)
        self.surface.plane.setMinimumHeight(side if planar else 140)
