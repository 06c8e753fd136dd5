"""The left rail: which data, how many, how noisy, how split, and how they are served to the network."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from playground.catalog import initializers
from playground.catalog.datasets import SYNTHETIC
from playground.catalog.initializers import INITIALIZERS
from playground.data.gallery import description_of, real_sets, shown_as
from playground.experiment import Experiment, FileSource, NetworkSpec, SyntheticSource
from playground.experiment.fields import Choice, field_of
from playground.gui.data.file_page import FilePage
from playground.gui.data.thumbnails import Thumbnail
from playground.gui.forms.editors import chosen_value
from playground.gui.forms.effects import keeps, starts_again
from playground.gui.widgets.choices import LabeledCombo, Segmented
from playground.gui.widgets.controls import GUTTER, IconButton, RailCard, TextLabel, scroll_area
from playground.gui.widgets.sliders import LabeledSlider, Switch
from playground.gui.widgets.theme import Theme
from playground.training.protocol import Part, Snapshot
from playground.words import tr

COLUMNS = 3
EPOCHS = (10, 20, 30, 60, 100, 300, 1000, 3000, 10_000)


class DataPanel(RailCard):
    """Data and how training uses them.

    Signals
    -------
    set_chosen(str)
        A drawn or bundled set, by its name.
    file_asked()
        The user wants to open a table.
    columns_chosen(targets, ignore)
        Roles of a table's columns, as tuples of names.
    setting_changed(str label, str path, value)
        A field of the experiment; while a slider is dragged, again and again.
    setting_finished()
        The end of a slider's gesture.
    more_asked(str path)
        The user wants to see all settings around a field of the experiment.
    new_sample_asked()
        Draw and split the data anew.
    test_points_switched(bool), discretize_switched(bool)
        How the output is drawn.
    """

    set_chosen = Signal(str)
    file_asked = Signal()
    columns_chosen = Signal(object, object)
    setting_changed = Signal(str, str, object)
    setting_finished = Signal()
    more_asked = Signal(str)
    new_sample_asked = Signal()
    test_points_switched = Signal(bool)
    discretize_switched = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, tr("Data"), parent)
        self._theme = theme
        self._shown_tab = ""
        self._experiment: Experiment | None = None
        self.new_sample_button = IconButton(
            theme, "dice", tr("Draw and split the data anew, from the next seed. Starts again."), size=28
        )
        self.header.addWidget(self.new_sample_button)
        self.tabs = Segmented(
            theme,
            [
                ("shapes", tr("Shapes"), tr("Points in the plane: you see all that the network does.")),
                ("real", tr("Real"), tr("Measured data: tumors, flowers, handwriting and more.")),
                ("file", tr("File"), tr("A table of your own.")),
            ],
            tr("Data"),
        )
        self.thumbnails = {name: Thumbnail(theme, name) for name in (*SYNTHETIC, *real_sets())}
        self.pages = QStackedWidget()
        self.file_page = FilePage(theme)
        self._page_of = {"shapes": self._gallery(SYNTHETIC), "real": self._gallery(real_sets()), "file": self.file_page}
        for page in self._page_of.values():
            self.pages.addWidget(page)
        self.about = TextLabel(theme, "", 11, 400, "text_faint", wordWrap=True)
        self._make_settings()
        self.add_tabs(self.tabs)
        self.body.addWidget(self._scrolled())
        self._connect()

    def _gallery(self, names: Any) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(7)
        for place, name in enumerate(names):
            grid.addWidget(self.thumbnails[name], place // COLUMNS, place % COLUMNS)
        grid.setRowStretch(len(names), 1)
        return page

    def _make_settings(self) -> None:
        theme = self._theme
        self.noise = LabeledSlider(
            theme,
            tr("Noise"),
            0,
            50,
            tr("How much chance is mixed in: no network can foresee it.") + " " + starts_again(),
            lambda value: f"{value} %",
        )
        self.samples = LabeledSlider(
            theme,
            tr("Samples"),
            50,
            2000,
            tr("How many points are drawn: more examples, better guesses.") + " " + starts_again(),
            lambda value: f"{value:,}",
            step=50,
        )
        self.test_share = LabeledSlider(
            theme,
            tr("Test data"),
            5,
            90,
            tr("Share of the rows kept back: never trained on, they show what was understood rather than memorized.")
            + " "
            + starts_again(),
            lambda value: f"{value} %",
            step=5,
        )
        self.batch_size = LabeledSlider(
            theme,
            tr("Batch size"),
            1,
            128,
            tr("Rows per step: small batches jitter and learn often, large ones are smooth and slow.") + " " + keeps(),
        )
        self.epochs = LabeledCombo(
            theme,
            tr("Stop at epoch"),
            [(count, f"{count:,}", "") for count in EPOCHS],
            tr("Where training first stops; Play goes on past it.") + " " + keeps(),
            editable_number=True,
        )
        self.initializer = LabeledCombo(
            theme,
            tr("Initial weights"),
            [(name, record.title, record.description) for name, record in INITIALIZERS.items()],
            tr("How the first weights are drawn; all zeros never learn, because all neurons stay alike.") + " " + starts_again(),
            more=tr("Initial weights: their numbers, the first biases, weights from a file"),
        )
        self.initializer.box.setFixedWidth(122)
        self.epochs.box.setFixedWidth(92)
        self.standardize = Switch(
            theme,
            tr("Standardize inputs"),
            tr("Shift and scale each input to mean 0 and deviation 1: every weight then has an equal start.")
            + " "
            + starts_again(),
        )
        self.test_points = Switch(theme, tr("Show test points"), tr("Draw the points kept back, with a dark rim."))
        self.discretize = Switch(theme, tr("Discretize output"), tr("Show only which class wins, not how sure it is."))

    def _scrolled(self) -> QScrollArea:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, GUTTER, 0)
        column.setSpacing(10)
        column.addWidget(self.pages)
        column.addWidget(self.about)
        column.addSpacing(2)
        for widget in (self.noise, self.samples, self.test_share, self.batch_size):
            column.addWidget(widget)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.initializer)
        row.addWidget(self.epochs)
        row.addStretch(1)
        column.addLayout(row)
        for switch in (self.standardize, self.test_points, self.discretize):
            column.addWidget(switch)
        column.addStretch(1)
        return scroll_area(inner)

    def _connect(self) -> None:
        self.new_sample_button.clicked.connect(self.new_sample_asked)
        self.tabs.chosen.connect(self.show_tab)
        for name, thumbnail in self.thumbnails.items():
            thumbnail.clicked.connect(lambda _checked=False, name=name: self.set_chosen.emit(name))
        self.file_page.open_button.clicked.connect(self.file_asked)
        self.file_page.columns_chosen.connect(self.columns_chosen)
        self.file_page.task_chosen.connect(lambda task: self.setting_changed.emit(tr("task"), "training.task", task))
        for slider, label, path, scale in (
            (self.noise, tr("noise"), "data.source.noise", 1.0),
            (self.samples, tr("samples"), "data.source.samples", 1),
            (self.test_share, tr("test data"), "data.test_fraction", 0.01),
            (self.batch_size, tr("batch size"), "training.batch_size", 1),
        ):
            slider.moved.connect(
                lambda value, label=label, path=path, scale=scale: self.setting_changed.emit(label, path, value * scale)
            )
            slider.released.connect(self.setting_finished)
        self.epochs.chosen.connect(
            lambda count: self.setting_changed.emit(tr("stop at epoch"), "training.epochs", max(1, round(count)))
        )
        self.initializer.chosen.connect(self._choose_initializer)
        self.initializer.more_asked.connect(lambda: self.more_asked.emit("network.initializer"))
        self.standardize.clicked.connect(lambda on: self.setting_changed.emit(tr("standardize"), "data.standardize", on))
        self.test_points.clicked.connect(self.test_points_switched)
        self.discretize.clicked.connect(self.discretize_switched)

    def _choose_initializer(self, name: str) -> None:
        kind = field_of(NetworkSpec, "initializer").kind
        assert isinstance(kind, Choice) and self._experiment is not None
        held = self._experiment.network.initializer
        value = chosen_value(next(option for option in kind.options if option.name == name), held, self)
        if value is None:
            # No file was picked: what holds comes back.
            self.initializer.set_value(initializers.resolve(held)[0].name)
        else:
            self.setting_changed.emit(tr("initial weights"), "network.initializer", value)

    # What is shown

    def show_tab(self, name: str) -> None:
        """Show one kind of data; choosing a tab changes nothing yet."""
        self._shown_tab = name
        self.tabs.set_value(name)
        self.pages.setCurrentWidget(self._page_of[name])
        self._fit_page()
        # Once more when Qt has laid out what was just put into the page.
        QTimer.singleShot(0, self._fit_page)

    def _fit_page(self) -> None:
        """A stack is as tall as its tallest page; the others must not leave a hole."""
        page = self._page_of[self._shown_tab]
        layout = page.layout()
        if layout is not None:
            layout.activate()
        self.pages.setFixedHeight(page.sizeHint().height())

    def show_experiment(self, experiment: Experiment) -> None:
        """Show the data that hold; nothing is emitted."""
        self._experiment = experiment
        data, training, source = experiment.data, experiment.training, experiment.data.source
        kind = "shapes" if isinstance(source, SyntheticSource) else "file" if isinstance(source, FileSource) else "real"
        name = shown_as(experiment)
        for thumbnail in self.thumbnails.values():
            thumbnail.setChecked(thumbnail.name == name)
        planar = isinstance(source, SyntheticSource)
        for slider in (self.noise, self.samples):
            slider.setVisible(planar)
        for switch in (self.test_points, self.discretize):
            switch.setVisible(planar)
        if isinstance(source, SyntheticSource):
            self.noise.set_value(round(source.noise))
            self.samples.set_value(source.samples)
        self.test_share.set_value(round(100 * data.test_fraction))
        self.batch_size.set_value(training.batch_size)
        self.epochs.set_value(training.epochs)
        self.initializer.set_value(initializers.resolve(experiment.network.initializer)[0].name)
        self.standardize.setChecked(data.standardize)
        if isinstance(source, FileSource):
            self.file_page.show_source(source, training.task)
            QTimer.singleShot(0, self._fit_page)
        self.about.setText(description_of(name) if name else "")
        self.about.setVisible(bool(name))
        if kind != self._shown_tab:
            self.show_tab(kind)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show a table's columns once they are known."""
        if snapshot.run is not None and isinstance(snapshot.run.experiment.data.source, FileSource):
            columns = self.file_page.show_columns(snapshot.run)
            if columns and self._shown_tab == "file":
                self.show_tab("file")

    def needs_parts(self) -> frozenset[Part]:
        return frozenset()

    def describe(self) -> str:
        """Say in words which data are chosen, for screen readers."""
        return self.about.text()

    def reset(self) -> None:
        """Have the output drawn as it is, without test points."""
        for switch in (self.test_points, self.discretize):
            if switch.isChecked():
                switch.click()
