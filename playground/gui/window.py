"""The window: wires the views to document and session, and shows what goes wrong."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMenuBar, QVBoxLayout

from playground.experiment import Experiment, edits
from playground.experiment.presets import welcome_experiment
from playground.formats.opening import is_table
from playground.gui.actions import build_actions, fill_menu_bar, shortcut_list
from playground.gui.background import Background
from playground.gui.banner import Banner
from playground.gui.changes import Changes
from playground.gui.document import Document, Parameters
from playground.gui.file_actions import FileActions
from playground.gui.forms.settings_panel import settings_path
from playground.gui.frame_loop import FrameLoop
from playground.gui.help_pages import PageDialog, about_page, shortcuts_page, walk_page
from playground.gui.hints import Root, hint_from_tooltips
from playground.gui.panels import PANELS, SWITCHED, Panels
from playground.gui.player import Player
from playground.gui.preferences import Preferences
from playground.gui.probing import Prober
from playground.gui.run_news import RunNews
from playground.gui.status_line import StatusLine
from playground.gui.training_bar import TrainingBar
from playground.gui.unexpected import Unexpected, note_actions
from playground.gui.widgets.names import one_line
from playground.gui.widgets.theme import Theme
from playground.training.protocol import Snapshot, TestRates, Use
from playground.training.session import TrainingSession
from playground.words import tr


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
        self.player = Player(self.session, self.loop, self)
        self._generation = -1
        self.setAcceptDrops(True)
        self._lay_out()
        self.prober = Prober(self.loop, self.panels)
        self._loading = Background("load", self)
        self._connect()
        self._show_experiment(self.document.experiment, self.document.experiment)
        self._restore_place()
        self.session.start()
        self.panels.canvas.rasterizer.start()
        self._use(self.document.experiment, None, False)
        if running:
            self.player.play()
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
        self.changes = Changes(self.document, self.files, self.status, self.banner, lambda: self.loop.newest)
        self.unexpected = Unexpected(self.banner, self.status, self)
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
        self.bar.show_speed(self.player.speed)
        self.actions_by_name[f"theme_{self.preferences.theme}"].setChecked(True)
        for panel in SWITCHED:
            self.actions_by_name[panel.action].setChecked(True)

    def _handlers(self) -> dict[str, Callable[..., object]]:
        return {
            "new": lambda: self.files.new(),
            "open": self._ask_for_file,
            "save": lambda: self.files.save(),
            "save_as": lambda: self.files.save_as(),
            "export": lambda: self.files.export(),
            "quit": self.close,
            "undo": lambda: self.changes.undo(),
            "redo": lambda: self.changes.redo(),
            "play": self.player.play_or_pause,
            "step": self.player.step,
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
        self.recent_menu.aboutToShow.connect(
            lambda: self.expect_table() if any(map(is_table, self.preferences.recent_files)) else None
        )

    def _connect(self) -> None:
        document, bar, panels, changes = self.document, self.bar, self.panels, self.changes
        document.changed.connect(self._show_experiment)
        document.used.connect(self._use)
        document.refused.connect(lambda text: self.banner.show_message("error", text))
        document.file_changed.connect(self._show_title)
        self.files.failed.connect(lambda text: self.banner.show_message("error", text))
        self.files.column_refused.connect(self.changes.offer_to_ignore)
        self.files.said.connect(self.status.show_notice)
        note_actions(self.actions_by_name.values())
        for name, signal in (("undo", document.undo_stack.canUndoChanged), ("redo", document.undo_stack.canRedoChanged)):
            self.actions_by_name[name].setEnabled(False)
            signal.connect(self.actions_by_name[name].setEnabled)
        self.player.playing.connect(lambda: self.banner.dismiss("diverged"))
        bar.play_clicked.connect(self.player.play_or_pause)
        bar.step_clicked.connect(self.player.step)
        bar.reset_clicked.connect(self.reset)
        bar.help_clicked.connect(self.actions_by_name["help"].trigger)
        bar.theme_clicked.connect(lambda: self.set_theme("light" if self.theme.palette.name == "dark" else "dark"))
        bar.export_clicked.connect(self.actions_by_name["export"].trigger)
        bar.settings_clicked.connect(self.actions_by_name["settings"].toggle)
        bar.more_asked.connect(self.open_settings)
        bar.speed_chosen.connect(self.set_speed)
        bar.setting_chosen.connect(changes.set)
        bar.activation_chosen.connect(lambda name: changes.put(tr("activation"), edits.with_activation(self._now, name)))
        bar.optimizer_chosen.connect(lambda name: changes.put(tr("optimizer"), edits.with_optimizer(self._now, name)))
        panels.settings.setting_chosen.connect(changes.set)
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
        data, changes = self.panels.data, self.changes
        data.set_chosen.connect(changes.choose_set)
        data.tabs.chosen.connect(lambda tab: self.expect_table() if tab == "file" else None)
        data.file_asked.connect(self.actions_by_name["open"].trigger)
        data.columns_chosen.connect(changes.choose_columns)
        data.setting_changed.connect(changes.drag)
        data.setting_finished.connect(self.document.finish_gesture)
        data.more_asked.connect(self.open_settings)
        data.new_sample_asked.connect(lambda: changes.set_next_seed(tr("new sample"), "data.seed"))
        data.test_points_switched.connect(self.panels.surface.set_test_points)
        data.discretize_switched.connect(self.panels.surface.set_discretize)

    def _connect_canvas(self) -> None:
        canvas, changes = self.panels.canvas, self.changes
        canvas.setting_chosen.connect(changes.set)
        canvas.structure_chosen.connect(changes.put)
        canvas.output_activation_chosen.connect(
            lambda name: changes.set(tr("output activation"), "network.output_activation", name)
        )
        canvas.feature_toggled.connect(lambda name, on: changes.put(tr("inputs"), edits.with_feature(self._now, name, on)))
        canvas.value_edited.connect(changes.set_parameter)
        canvas.layer_selected.connect(lambda where: self.open_settings(settings_path(where)))
        canvas.layer_selected.connect(canvas.show_selected)

    # What the user does

    @property
    def _now(self) -> Experiment:
        return self.document.experiment

    def reset(self) -> None:
        """Back to the same initial weights; an undo brings the trained ones back."""
        self.changes.put(tr("reset"), self._now, restart=True)
        self.banner.dismiss("diverged")

    def new_weights(self) -> None:
        """Start again from other random weights."""
        self.changes.set_next_seed(tr("new weights"), "network.seed")

    def find_rate(self) -> None:
        """Try learning rates on a copy of the run, and show what they do to the loss."""
        self.panels.rates.place_below(self.bar.learning_rate)
        if self.panels.rates.begin(self.loop.newest):
            self.session.send(TestRates())

    def set_speed(self, epochs_per_frame: float | None) -> None:
        """Epochs per frame of 1/60 s; None is as fast as it goes."""
        self.player.set_speed(epochs_per_frame)
        self.bar.show_speed(epochs_per_frame)

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
        # The page first: else another one would be made, shown, and replaced.
        self.panels.settings.show_experiment(self._now)
        self.panels.settings.open_at(path)
        self.actions_by_name["settings"].setChecked(True)

    def open_path(self, path: Path) -> None:
        """Open a file that was dropped or named on the command line."""
        self.files.open_path(path)

    def expect_table(self) -> None:
        """Load what reads tables while the user is still choosing one: on this thread it would hold up a dozen frames."""
        if "pandas" not in sys.modules and not self._loading.busy:
            self._loading.run(lambda: importlib.import_module("pandas"), lambda _module: None)

    def _ask_for_file(self) -> None:
        self.expect_table()
        self.files.open()

    # What is shown

    def _show_experiment(self, _before: Experiment, now: Experiment) -> None:
        self.bar.show_experiment(now)
        self.panels.show_experiment(now)
        hint_from_tooltips(self)
        self.status.show_seed(now.network.seed)
        self._show_title()

    def _use(self, experiment: Experiment, parameters: Parameters | None, restart: bool) -> None:
        self.session.send(Use(experiment, parameters, restart, self.document.preprocessing))

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        run, panels = snapshot.run, self.panels
        panels.show_numbers(snapshot)
        if run is not None:
            self.document.remember(run.experiment, snapshot.parameters)
            self.status.show_backend(snapshot)
            if snapshot.generation != self._generation:
                self._generation = snapshot.generation
                # Other data may need another view and another row to look at.
                panels.show_data_kind(run.data.dataset.planar)
                self.prober.show_run(run)
        self.player.show_snapshot(snapshot)
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
        self.player.play()

    def _take_rate(self, rate: float) -> None:
        self.changes.set(tr("learning rate"), "training.optimizer.learning_rate", rate)

    def _show_title(self) -> None:
        # Qt puts the mark of what isn't saved in place of [*]; twice, it stands for itself.
        self.setWindowTitle(f"{one_line(self.document.title).replace('[*]', '[*][*]')}[*] — Neural Playground")
        self.setWindowModified(self.document.modified)

    def _show_page(self, title: str, page: str) -> None:
        PageDialog(self.theme, title, page, self).show()

    # Qt's events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Space reaches the window only if no button or field wanted it.
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.player.play_or_pause()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.expect_table()

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
        self._shut_down()
        event.accept()

    def end_at_once(self) -> None:
        """End the program without asking anything; what no file holds is kept as a recent file."""
        self.files.keep_unsaved()
        self._shut_down()
        QApplication.exit()

    def _shut_down(self) -> None:
        self.loop.stop()
        self.session.close()
        self.preferences.geometry = self.saveGeometry()
        self.preferences.save()

    def _restore_place(self) -> None:
        geometry = self.preferences.geometry
        if geometry is not None and self.restoreGeometry(geometry):
            return
        screen = self.screen().availableGeometry()
        self.resize(min(1600, screen.width() - 40), min(1000, screen.height() - 60))
