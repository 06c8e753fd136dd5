"""The cards of the window: one record a view says what it is, where it stands and how it is switched; and their layout."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from playground.catalog.metrics import METRICS
from playground.catalog.tasks import TASKS
from playground.experiment import Experiment
from playground.experiment import warnings as warnings_about
from playground.gui.canvas.canvas import NetworkCanvas
from playground.gui.data.data_panel import DataPanel
from playground.gui.forms.settings_panel import SettingsPanel
from playground.gui.frame_loop import View
from playground.gui.views.loss.plot import LossPlot
from playground.gui.views.outputs import OutputsView
from playground.gui.views.rates.card import RateCard
from playground.gui.views.report.view import ReportView
from playground.gui.views.rows.view import RowsView
from playground.gui.views.surface import DecisionSurface
from playground.gui.widgets.choices import Segmented
from playground.gui.widgets.controls import Card, ElidedLabel, NumberLabel, TextLabel, scroll_area
from playground.gui.widgets.theme import Theme
from playground.insight.evaluation import in_words
from playground.training.protocol import Snapshot
from playground.words import in_sentence, tr, trn

RIGHT_RAIL = 340
GUTTER = 16
PAGES_WIDTH = 144


class PanelView(View, Protocol):
    """What the window asks of a view, besides being a widget and what the frame loop asks."""

    def describe(self) -> str:
        """Say in words what is painted, for screen readers."""

    def reset(self) -> None:
        """Look as when it was new: nothing chosen, nothing open."""


@dataclass(frozen=True)
class Panel:
    """A view of the window.

    Parameters
    ----------
    name
        What the program calls it.
    title
        Of its card.
    factory
        Makes the view, a widget; one that is a `Card` itself gets none around it.
    card
        Name of the card that it stands in; "" is a card of its own, called as the view is. The first view of a card says the
        rest about it.
    place
        Where the card stands: ``left``, ``middle``, in the rail at the ``right``, or ``above`` the others.
    menu_text, key, tooltip
        Of the action that shows and hides the card; without a text there is none.
    has_head
        Whether the view's own head stands in the place of the card's title.
    stretch
        Share of the rail's height.
    every, turn
        How often it is drawn while training runs; see `FrameLoop.add_view`.
    """

    name: str
    title: str
    factory: Callable[[Theme], PanelView]
    card: str = ""
    place: str = "right"
    menu_text: str = ""
    key: str = ""
    tooltip: str = ""
    has_head: bool = False
    stretch: int = 0
    every: int = 1
    turn: int = 0

    @property
    def card_name(self) -> str:
        return self.card or self.name

    @property
    def action(self) -> str:
        """Name of the action that shows and hides the card."""
        return f"panel_{self.card_name}"


PANELS = (
    Panel(
        "data",
        tr("Data"),
        DataPanel,
        place="left",
        menu_text=tr("D&ata"),
        key="Ctrl+1",
        tooltip=tr("Show or hide the data panel."),
    ),
    Panel("network", tr("Network"), NetworkCanvas, place="middle"),
    Panel(
        "surface",
        tr("Output"),
        DecisionSurface,
        card="output",
        menu_text=tr("&Output"),
        key="Ctrl+2",
        tooltip=tr("Show or hide what the network puts out."),
        has_head=True,
        stretch=3,
        every=2,
    ),
    Panel("rows", tr("Output"), RowsView, card="output"),
    Panel("report", tr("Metrics"), ReportView, card="output"),
    Panel(
        "loss",
        tr("Loss"),
        LossPlot,
        menu_text=tr("Lo&ss"),
        key="Ctrl+3",
        tooltip=tr("Show or hide the loss curves."),
        has_head=True,
        stretch=2,
        every=4,
        turn=1,
    ),
    Panel(
        "outputs",
        tr("Probe"),
        OutputsView,
        card="probe",
        menu_text=tr("&Probe"),
        key="Ctrl+4",
        tooltip=tr("Show or hide the outputs for one row."),
    ),
    Panel("rates", tr("Find a learning rate"), RateCard, place="above"),
)
# Those whose card can be shown and hidden.
SWITCHED = tuple(panel for panel in PANELS if panel.menu_text)

V = TypeVar("V")


class Panels(QWidget):
    """All cards, laid out; the window wires what is in them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        # Whether the data are points of the plane.
        self._planar = True
        # Cards that are not wanted, be it that something else hides them as well.
        self._unwanted: set[str] = set()
        self.views: dict[str, PanelView] = {}
        self.cards: dict[str, Card] = {}
        for panel in PANELS:
            self._make(panel)
        self.data = self._the(DataPanel)
        self.canvas = self._the(NetworkCanvas)
        self.surface = self._the(DecisionSurface)
        self.rows = self._the(RowsView)
        self.report = self._the(ReportView)
        self.loss = self._the(LossPlot)
        self.outputs = self._the(OutputsView)
        self.rates = self._the(RateCard)
        # The rows are not seen then, but the first one is what is looked at.
        self.report.data_changed.connect(self.rows.show_snapshot)
        self.settings = SettingsPanel(theme)
        self.settings.hide()
        fill = {"network": self._fill_network_card, "output": self._fill_output_card, "probe": self._fill_probe_card}
        for name, card in self.cards.items():
            fill.get(name, self._fill_card)(card)
        self._lay_out()

    def _make(self, panel: Panel) -> None:
        """Make a view, and its card if that isn't there yet."""
        view = panel.factory(self._theme)
        self.views[panel.name] = view
        if isinstance(view, Card):
            self.cards[panel.card_name] = view
        elif panel.card_name not in self.cards:
            card = self.cards[panel.card_name] = Card(self._theme, panel.title)
            if panel.has_head:
                card.title.hide()

    def _the(self, kind: type[V]) -> V:
        """The view of a class."""
        return next(view for view in self.views.values() if isinstance(view, kind))

    def _fill_card(self, card: Card) -> None:
        """Most cards hold their view and nothing else."""
        for panel in PANELS:
            view = self.views[panel.name]
            if self.cards[panel.card_name] is card and not isinstance(view, Card):
                assert isinstance(view, QWidget)
                card.body.addWidget(view, 1)

    def _fill_network_card(self, card: Card) -> None:
        """The canvas scrolls when it is too narrow; the shape stands above, what is probably not meant below."""
        self.shape_words = TextLabel(self._theme, "", 12, 500, "text_faint")
        card.header.addWidget(self.shape_words)
        self.warning = TextLabel(self._theme, "", 12, 500, "text_muted", wordWrap=True)
        self.warning.hide()
        card.body.addWidget(scroll_area(self.canvas, Qt.Orientation.Horizontal), 1)
        card.body.addWidget(self.warning)

    def _fill_output_card(self, card: Card) -> None:
        """What the network puts out, as a plane or as rows, and how good that is, as pages."""
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
        for page in (self.surface, self.rows, self.report):
            self.output_stack.addWidget(page)
        card.body.addWidget(self.output_stack, 1)

    def _fill_probe_card(self, card: Card) -> None:
        """Which row or point it is stands beside the title; the card is as low as its bars allow."""
        self.probe_words = ElidedLabel(self._theme, pixels=12, weight=500, color="text_faint")
        self.probe_words.setAlignment(Qt.AlignmentFlag.AlignRight)
        card.header.addWidget(self.probe_words, 10)
        card.body.addWidget(self.outputs)
        card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def _lay_out(self) -> None:
        right = QWidget()
        right.setFixedWidth(RIGHT_RAIL)
        self._right = right
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GUTTER)
        self._column = column
        row = QHBoxLayout(self)
        row.setContentsMargins(GUTTER, GUTTER, GUTTER, GUTTER)
        row.setSpacing(GUTTER)
        # The settings open in the place of what stands at the left.
        for card in self._cards_at("left").values():
            row.addWidget(card)
        row.addWidget(self.settings)
        for card in self._cards_at("middle").values():
            row.addWidget(card, 1)
        for name, card in self._cards_at("right").items():
            column.addWidget(card, _first_of(name).stretch)
        row.addWidget(right)

    def _cards_at(self, place: str) -> dict[str, Card]:
        return {name: card for name, card in self.cards.items() if _first_of(name).place == place}

    def put_above(self, ground: QWidget) -> None:
        """Lay the cards that are in no layout over a widget; they stay closed until they are asked for."""
        for card in self._cards_at("above").values():
            card.setParent(ground)

    def set_card_visible(self, name: str, visible: bool) -> None:
        """Show or hide a card; the rail goes with its last one."""
        (self._unwanted.discard if visible else self._unwanted.add)(name)
        self.cards[name].setVisible(visible)
        self._show_probe()
        self._right.setVisible(any(not card.isHidden() for card in self._cards_at("right").values()))

    def _show_probe(self) -> None:
        """The metrics need the probe's room while they are shown."""
        reported = self.output_stack.currentWidget() is self.report and not self.cards["output"].isHidden()
        self.cards["probe"].setVisible("probe" not in self._unwanted and not reported)

    def show_settings(self, on: bool) -> None:
        """Open the settings in the data panel's place, or give the place back."""
        self.settings.setVisible(on)
        self.data.setVisible("data" not in self._unwanted and not on)

    def describe(self) -> None:
        """Say in words what is painted, for screen readers: they can't see it."""
        for view in self.views.values():
            assert isinstance(view, QWidget)
            # Where a part of the view gets the focus, a screen reader is there.
            (view.focusProxy() or view).setAccessibleDescription(view.describe())

    def reset(self) -> None:
        """Let all views look as when they were new."""
        self.output_pages.buttons["output"].click()
        for view in self.views.values():
            view.reset()

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
        run = snapshot.run
        if run is None:
            # Rather than the number of the run before it.
            self.metric_value.setText("–")
            return
        widths = " – ".join(str(width) for width in run.plan.widths)
        count = run.plan.parameter_count
        words = f"{widths}   ·   " + trn("{count:,} parameter", "{count:,} parameters", count).format(count=count)
        if words != self.shape_words.text():
            self.shape_words.setText(words)
        metric = METRICS[TASKS[run.experiment.training.task].metrics[0]]
        part = "test" if len(run.data.test_rows) else "train"
        words = tr("test {metric}") if part == "test" else tr("train {metric}")
        name = words.format(metric=in_sentence(metric.title))
        if name != self.metric_name.text():
            self.metric_name.setText(name)
        self.metric_value.setText(in_words(metric, snapshot.measurement.get(f"{part}_{metric.name}", math.nan)))

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._fit(self.output_stack.currentWidget() is self.surface)

    def _fit(self, planar: bool) -> None:
        """Share the right rail's height: the plane stays square, lists take what is left."""
        small = self.height() < 800
        self.outputs.set_dense(small)
        side = round(self.height() * 0.275) if small else min(306, round(self.height() * 0.335))
        self.surface.plane.setMaximumHeight(side)
        output = self.cards["output"]
        output.setMaximumHeight(side + 112 if planar else 10_000)
        reported = self.output_stack.currentWidget() is self.report
        self._column.setStretchFactor(output, 0 if planar else 7 if reported else _first_of("output").stretch)
        self.surface.plane.setMinimumHeight(side if planar else 140)


def _first_of(card: str) -> Panel:
    """The record of a card's first view."""
    return next(panel for panel in PANELS if panel.card_name == card)
