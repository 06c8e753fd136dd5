"""The window: wires the views to document and session, and shows what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QMenuBar, QVBoxLayout

from playground.data.gallery import shown_as, title_of
from playground.experiment import Experiment, FileSource, SyntheticSource, edits, keeps_weights
from playground.gui.actions import build_actions, fill_menu_bar, shortcut_list
from playground.gui.banner import Banner
from playground.gui.document import Document, Parameters
from playground.gui.file_actions import FileActions, preset, welcome_experiment
from playground.gui.forms.settings_panel import settings_path
from playground.gui.frame_loop import FrameLoop
from playground.gui.help_pages import PageDialog, about_page, shortcuts_page, walk_page
from playground.gui.hints import Root, hint_from_tooltips
from playground.gui.panels import PANELS, SWITCHED, Panels
from playground.gui.preferences import Preferences
from playground.gui.probing import Prober
from playground.gui.run_news import RunNews
from playground.gui.status_line import StatusLine
from playground.gui.training_bar import TrainingBar
from playground.gui.widgets.theme import Theme
from playground.training.protocol import Pause, Snapshot, Status, TestRates, Train, Use
from playground.training.session import TrainingSession
from playground.words import number, tr

DEFAULT_SPEED = 1.0


class Window(QMainWindow):
    """The program's window.

    Parameters
    ----------
    experiment
        What to begin with; None is the welcome experiment.
    running
        Whether training begins at once.
    """

    def __init__(
        self,
        experiment: Experiment | None = None,
        *,
        preferences: Preferences | None = None,
        session: TrainingSession | None = None,
        running: bool = True,
    ) -> None:
        super().__init__()
        self.preferences = preferences or Preferences()
        self.theme = Theme(self.preferences.theme, self)
        self.theme.apply()
        self.document = Document(experiment or welcome_experiment(), self)
        self.session = session or TrainingSession()
        self.loop = FrameLoop(self.session, lambda: self.isVisible() and not self.isMinimized(), self)
        self.files = FileActions(self, self.document, self.preferences, lambda: self.loop.newest)
        self.speed: float | None = DEFAULT_SPEED
        # Whether training was last asked for or stopped, until a snapshot shows that it happened.
        self._asked: bool | None = None
        self._generation = -1
        self.setAcceptDrops(True)
        self._lay_out()
        self.prober = Prober(self.loop, self.panels)
        self._connect()
        self._show_experiment(self.document.experiment, self.document.experiment)
        self._restore_place()
        self.session.start()
        self.panels.canvas.rasterizer.start()
        self._use(self.document.experiment, None, False)
        if running:
            self.session.send(Train(epochs_per_frame=self.speed))
        self.loop.start()
        self.bar.play_button.setFocus()

    # Building

    def _lay_out(self) -> None:
        handlers = self._handlers()
        self.actions_by_name = build_actions(self, handlers)
        menu_bar = QMenuBar()
        menu_bar.setFont(self.theme.font(11, 500))
        self.menus = fill_menu_bar(menu_bar, self.actions_by_name)
        self._add_file_menus()
        for action in self.actions_by_name.values():
            # Actions of a menu that isn't the window's own have to be the window's to be heard.
            self.addAction(action)
        self.bar = TrainingBar(self.theme, menu_bar)
        self.banner = Banner(self.theme)
        self.panels = Panels(self.theme)
        self.status = StatusLine(self.theme)
        self.news = RunNews(self.status, self.banner, self._take_a_tenth)
        root = Root()
        root.setObjectName("root")
        root.hinted.connect(self.status.show_hint)
        column = QVBoxLayout(root)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.banner)
        column.addWidget(self.panels, 1)
        column.addWidget(self.status)
        self.panels.put_above(root)
        self.setCentralWidget(root)
        self.setMinimumSize(1280, 720)
        self.bar.show_speed(self.speed)
        self.actions_by_name[f"theme_{self.preferences.theme}"].setChecked(True)
        for panel in SWITCHED:
            self.actions_by_name[panel.action].setChecked(True)

    def _handlers(self) -> dict[str, Callable[..., object]]:
        return {
            "new": lambda: self.files.new(),
            "open": lambda: self.files.open(),
            "save": lambda: self.files.save(),
            "save_as": lambda: self.files.save_as(),
            "export": lambda: self.files.export(),
            "quit": self.close,
            "undo": lambda: self._travel(self.document.undo_stack.undo),
            "redo": lambda: self._travel(self.document.undo_stack.redo),
            "play": self.play_or_pause,
            "step": self.step,
            "reset": self.reset,
            "new_weights": self.new_weights,
            "find_rate": self.find_rate,
            "theme_light": lambda: self.set_theme("light"),
            "theme_dark": lambda: self.set_theme("dark"),
            "theme_system": lambda: self.set_theme("system"),
            **{panel.action: partial(self.show_card, panel.card_name) for panel in SWITCHED},
            "settings": self.show_settings,
            "full_screen": lambda on: self.showFullScreen() if on else self.showNormal(),
            "help": lambda: self._show_page(tr("Five-minute walk"), walk_page()),
            "shortcuts": lambda: self._show_page(tr("Shortcuts"), shortcuts_page(shortcut_list(self.actions_by_name))),
            "about": lambda: self._show_page(tr("About"), about_page()),
        }

    def _add_file_menus(self) -> None:
        file_menu, before = self.menus["File"], self.actions_by_name["save"]
        self.recent_menu = file_menu.addMenu(tr("Open &recent"))
        self.examples_menu = file_menu.addMenu(tr("E&xamples"))
        for menu, fill in ((self.recent_menu, self.files.fill_recent), (self.examples_menu, self.files.fill_examples)):
            file_menu.insertMenu(before, menu)
            menu.setToolTipsVisible(True)
            menu.aboutToShow.connect(lambda menu=menu, fill=fill: fill(menu))

    def _connect(self) -> None:
        document, bar, panels = self.document, self.bar, self.panels
        document.changed.connect(self._show_experiment)
        document.used.connect(self._use)
        document.refused.connect(lambda text: self.banner.show_message("error", text))
        document.file_changed.connect(self._show_title)
        self.files.failed.connect(lambda text: self.banner.show_message("error", text))
        self.files.column_refused.connect(self._offer_to_ignore)
        self.files.said.connect(self.status.show_notice)
        for name, signal in (("undo", document.undo_stack.canUndoChanged), ("redo", document.undo_stack.canRedoChanged)):
            self.actions_by_name[name].setEnabled(False)
            signal.connect(self.actions_by_name[name].setEnabled)
        bar.play_clicked.connect(self.play_or_pause)
        bar.step_clicked.connect(self.step)
        bar.reset_clicked.connect(self.reset)
        bar.help_clicked.connect(self.actions_by_name["help"].trigger)
        bar.theme_clicked.connect(lambda: self.set_theme("light" if self.theme.palette.name == "dark" else "dark"))
        bar.export_clicked.connect(self.actions_by_name["export"].trigger)
        bar.settings_clicked.connect(self.actions_by_name["settings"].toggle)
        bar.more_asked.connect(self.open_settings)
        bar.speed_chosen.connect(self.set_speed)
        bar.setting_chosen.connect(self._set)
        bar.activation_chosen.connect(lambda name: self._edit(tr("activation"), edits.with_activation(self._now, name)))
        bar.optimizer_chosen.connect(lambda name: self._edit(tr("optimizer"), edits.with_optimizer(self._now, name)))
        panels.settings.setting_chosen.connect(self._set)
        panels.settings.rate_asked.connect(self.find_rate)
        panels.rates.test_asked.connect(self.find_rate)
        panels.rates.rate_chosen.connect(self._take_rate)
        panels.settings.closed.connect(lambda: self.actions_by_name["settings"].setChecked(False))
        self._connect_data()
        self._connect_canvas()
        panels.surface.probed.connect(self.prober.probe_point)
        panels.report.rows_chosen.connect(panels.show_chosen_rows)
        panels.rows.row_picked.connect(self.prober.probe_row)
        self.loop.add_view(bar)
        for panel in PANELS:
            self.loop.add_view(panels.views[panel.name], panel.every, panel.turn)
        self.loop.shown.connect(self._show_snapshot)
        self.loop.rates_measured.connect(self.status.show_rates)
        self.loop.rates_measured.connect(lambda *_: self._describe())
        self.loop.waiting.connect(lambda: self.status.show_state(tr("Loading the data"), "accent"))

    def _connect_data(self) -> None:
        data = self.panels.data
        data.set_chosen.connect(self._choose_set)
        data.file_asked.connect(self.actions_by_name["open"].trigger)
        data.columns_chosen.connect(self._choose_columns)
        data.setting_changed.connect(lambda label, path, value: self._set(label, path, value, gesture=True))
        data.setting_finished.connect(self.document.finish_gesture)
        data.more_asked.connect(self.open_settings)
        data.new_sample_asked.connect(lambda: self._set(tr("new sample"), "data.seed", (self._now.data.seed + 1) % 2**32))
        data.test_points_switched.connect(self.panels.surface.set_test_points)
        data.discretize_switched.connect(self.panels.surface.set_discretize)

    def _connect_canvas(self) -> None:
        canvas = self.panels.canvas
        canvas.setting_chosen.connect(self._set)
        canvas.structure_chosen.connect(self._edit)
        canvas.output_activation_chosen.connect(
            lambda name: self._set(tr("output activation"), "network.output_activation", name)
        )
        canvas.feature_toggled.connect(lambda name, on: self._edit(tr("inputs"), edits.with_feature(self._now, name, on)))
        canvas.value_edited.connect(self._edit_value)
        canvas.layer_selected.connect(lambda where: self.open_settings(settings_path(where)))
        canvas.layer_selected.connect(canvas.show_selected)

    # What the user does

    @property
    def _now(self) -> Experiment:
        return self.document.experiment

    def play_or_pause(self) -> None:
        """Train, or hold still."""
        if self._running:
            self._asked = False
            self.session.send(Pause())
        else:
            self._asked = True
            self.banner.dismiss("diverged")
            self.session.send(Train(epochs_per_frame=self.speed))

    @property
    def _running(self) -> bool:
        """Whether training runs, or is about to: what was asked for last counts before it is seen."""
        snapshot = self.loop.newest
        return self._asked if self._asked is not None else snapshot is not None and snapshot.status is Status.RUNNING

    def step(self) -> None:
        """Train on one batch."""
        self.session.send(Train(steps=1))

    def reset(self) -> None:
        """Back to the same initial weights; an undo brings the trained ones back."""
        self._edit(tr("reset"), self._now, restart=True)
        self.banner.dismiss("diverged")

    def new_weights(self) -> None:
        """Start again from other random weights."""
        self._set(tr("new weights"), "network.seed", (self._now.network.seed + 1) % 2**32)

    def find_rate(self) -> None:
        """Try learning rates on a copy of the run, and show what they do to the loss."""
        self.panels.rates.place_below(self.bar.learning_rate)
        if self.panels.rates.begin(self.loop.newest):
            self.session.send(TestRates())

    def set_speed(self, epochs_per_frame: float | None) -> None:
        """Epochs per frame of 1/60 s; None is as fast as it goes."""
        self.speed = epochs_per_frame
        self.bar.show_speed(epochs_per_frame)
        if self._running:
            self.session.send(Train(epochs_per_frame=epochs_per_frame))

    def set_theme(self, mode: str) -> None:
        """Switch to ``light``, ``dark`` or ``system``, now and at the next start."""
        self.preferences.theme = mode
        self.theme.set_mode(mode)
        self.actions_by_name[f"theme_{mode}"].setChecked(True)

    def show_card(self, name: str, on: bool) -> None:
        """Show or hide a card; the settings give way to the data, in whose place they stand."""
        if on and name == "data":
            self.actions_by_name["settings"].setChecked(False)
        self.panels.set_card_visible(name, on)

    def show_settings(self, on: bool) -> None:
        """Open the settings where the data panel stands, or close them."""
        if on:
            self.panels.settings.show_experiment(self._now)
            self.panels.settings.open_at(self.panels.settings.place or "training")
        else:
            self.panels.canvas.show_selected(None)
        self.panels.show_settings(on)

    def open_settings(self, path: str) -> None:
        """Open the settings at a field of the experiment."""
        self.actions_by_name["settings"].setChecked(True)
        self.panels.settings.open_at(path)

    def open_path(self, path: Path) -> None:
        """Open a file that was dropped or named on the command line."""
        self.files.open_path(path)

    def _edit(self, label: str, experiment: Experiment, *, restart: bool = False) -> None:
        before = self._now
        self.banner.dismiss("error")
        if self.document.edit(label, experiment=experiment, restart=restart):
            self._tell(label, before, self._now, restart)

    def _set(self, label: str, path: str, value: Any, gesture: bool = False) -> None:
        before = self._now
        self.banner.dismiss("error")
        merge_key = path if gesture else None
        if self.document.edit(label, {path: value}, merge_key=merge_key):
            self._tell(label, before, self._now, False)

    def _travel(self, move: Callable[[], None]) -> None:
        """Undo or redo; what comes back is named in the line at the bottom."""
        before = self._now
        move()
        self._tell(tr("undo or redo"), before, self._now, False)

    def _tell(self, label: str, before: Experiment, now: Experiment, restart: bool) -> None:
        """Say whether the change kept the weights."""
        if now == before and not restart:
            return
        kept = keeps_weights(before, now) and not restart
        words = tr("the weights are kept") if kept else tr("it starts again; Undo brings the weights back")
        self.status.show_notice(f"{label[:1].upper()}{label[1:]}: {words}")

    def _choose_set(self, name: str) -> None:
        """Among shapes the network stays, so that they compare; any other set comes with settings known to work."""
        source = self._now.data.source
        chosen = preset(name)
        if isinstance(source, SyntheticSource) and isinstance(chosen.data.source, SyntheticSource):
            noise = source.noise if source.name != name else chosen.data.source.noise
            new = replace(chosen.data.source, samples=source.samples, noise=noise)
            chosen = edits.with_source(self._now, new, chosen.training.task)
            chosen = replace(chosen, name=title_of(name))
        if chosen.data.source != source or name != shown_as(self._now):
            self._edit(tr("data"), chosen)
        else:
            self._show_experiment(self._now, self._now)

    def _choose_columns(self, targets: tuple[str, ...], ignore: tuple[str, ...]) -> None:
        source = self._now.data.source
        if isinstance(source, FileSource):
            self.files.open_table(Path(source.path), targets, ignore)

    def _offer_to_ignore(self, text: str, path: Path, targets: tuple[str, ...], ignore: tuple[str, ...], column: str) -> None:
        """A column can't be learned from: one click leaves it out."""
        offer = (tr("Leave out {0}").format(column), lambda: self.files.open_table(path, targets, (*ignore, column)))
        self.banner.show_message("error", text, offer)

    def _edit_value(self, name: str, index: tuple[int, ...], value: float) -> None:
        """Put a weight or bias in place by hand."""
        snapshot = self.loop.newest
        if snapshot is None or snapshot.run is None:
            return
        parameters = snapshot.parameters.copy()
        snapshot.run.plan.view(parameters, name)[index] = value
        self.document.edit(tr("weight"), parameters=parameters)
        self.status.show_notice(tr("Set to {0}; Undo brings the old value back").format(number(value, 4)))

    # What is shown

    def _show_experiment(self, _before: Experiment, now: Experiment) -> None:
        self.bar.show_experiment(now)
        self.panels.show_experiment(now)
        hint_from_tooltips(self)
        self.status.show_seed(now.network.seed)
        self._show_title()

    def _use(self, experiment: Experiment, parameters: Parameters | None, restart: bool) -> None:
        self.session.send(Use(experiment, parameters, restart))

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        run, panels = snapshot.run, self.panels
        if run is not None:
            self.document.remember(run.experiment, snapshot.parameters)
            panels.show_numbers(snapshot)
            self.status.show_backend(snapshot)
            if snapshot.generation != self._generation:
                self._generation = snapshot.generation
                # Other data may need another view and another row to look at.
                panels.show_data_kind(run.data.dataset.planar)
                self.prober.show_run(run)
        if (snapshot.status is Status.RUNNING) == self._asked or snapshot.status in (
            Status.FINISHED,
            Status.DIVERGED,
            Status.FAILED,
        ):
            self._asked = None
        if self.news.show(snapshot):
            self._describe()

    def _describe(self) -> None:
        """Say in words what is painted, for screen readers: they can't see it."""
        self.panels.describe()
        for view in (self.bar, self.status):
            view.setAccessibleDescription(view.describe())

    def _take_a_tenth(self) -> None:
        rate = self._now.training.optimizer.learning_rate
        self._take_rate(float(f"{rate / 10:.6g}"))
        self.session.send(Train(epochs_per_frame=self.speed))

    def _take_rate(self, rate: float) -> None:
        self._set(tr("learning rate"), "training.optimizer.learning_rate", rate)

    def _show_title(self) -> None:
        self.setWindowTitle(f"{self.document.title}[*] — Neural Playground")
        self.setWindowModified(self.document.modified)

    def _show_page(self, title: str, page: str) -> None:
        PageDialog(self.theme, title, page, self).show()

    # Qt's events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Space reaches the window only if no button or field wanted it.
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.play_or_pause()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_path(paths[0])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Once the bar has been laid out anew.
        QTimer.singleShot(0, self, lambda: self.panels.rates.place_below(self.bar.learning_rate))

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.files.confirm_discard():
            event.ignore()
            return
        self.loop.stop()
        self.session.close()
        self.preferences.geometry = self.saveGeometry()
        self.preferences.save()
        event.accept()

    def _restore_place(self) -> None:
        geometry = self.preferences.geometry
        if geometry is not None and self.restoreGeometry(geometry):
            return
        screen = self.screen().availableGeometry()
        self.resize(min(1600, screen.width() - 40), min(1000, screen.height() - 60))
