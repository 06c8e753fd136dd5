"""Opens, saves and exports: every file that goes in or out of the window, with one clear sentence when it can't."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget

from playground import log
from playground.data.preprocessing import Preprocessing
from playground.experiment import Experiment, ExperimentError, FileSource, encode
from playground.experiment.edits import with_source
from playground.experiment.places import ElsewhereError, stored
from playground.experiment.presets import examples, preset, welcome_experiment
from playground.formats import FORMATS
from playground.formats.opening import is_table, open_file, opening_endings
from playground.gui.document import Document, Parameters
from playground.gui.preferences import Preferences
from playground.gui.widgets.names import on_button
from playground.model import TrainedModel
from playground.storage import FileError, atomic_write, config_folder
from playground.training.protocol import Snapshot
from playground.words import Sentence, tr

PATIENCE_SECONDS = 1.0


class FileActions(QObject):
    """What the File menu does.

    Parameters
    ----------
    window
        Parent of the dialogs.
    document
        What is opened into and saved from.
    newest_snapshot
        Gives the newest snapshot of the run: the trained weights that are saved or exported.

    Signals
    -------
    failed(str)
        One sentence: what went wrong and how to mend it.
    column_refused(str sentence, Path, targets, ignore, str column)
        A table can't be used because of one column; leaving it out would mend it.
    said(str)
        One sentence: what was done.
    """

    failed = Signal(str)
    column_refused = Signal(str, object, object, object, str)
    said = Signal(str)

    def __init__(
        self,
        window: QWidget,
        document: Document,
        preferences: Preferences,
        newest_snapshot: Callable[[], Snapshot | None],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._document = document
        self._preferences = preferences
        self._newest_snapshot = newest_snapshot

    def new(self) -> bool:
        """Begin again with the welcome experiment."""
        return self._attempt(lambda: self._load(welcome_experiment(), None, None))

    def open(self) -> bool:
        """Ask for a file and open it."""
        kinds = " ".join(f"*{suffix}" for suffix in opening_endings())
        name, _ = QFileDialog.getOpenFileName(
            self._window,
            tr("Open an experiment, a trained model or a table"),
            str(self._folder()),
            tr("Experiments, models and tables ({0})").format(Sentence(kinds)) + ";;" + tr("All files (*)"),
        )
        return bool(name) and self.open_path(Path(name))

    def open_path(self, path: Path) -> bool:
        """Open a file by what its ending says: an experiment, a trained model or a table."""
        log.did(f"asked to open: {path}")
        return self._attempt(lambda: self._open(path))

    def open_table(self, path: Path, targets: tuple[str, ...], ignore: tuple[str, ...]) -> bool:
        """Use a table with these columns as targets and without those; an edit that can be undone."""
        return self._attempt(lambda: self._use_table(path, targets, ignore))

    def open_example(self, name: str) -> bool:
        """Load a preset; saving asks for a new place."""
        return self._attempt(lambda: self._load(preset(name), None, None))

    def save(self) -> bool:
        """Save to the document's own file, asking for one the first time."""
        path = self._document.path
        return self._attempt(lambda: self._write(path)) if path is not None else self.save_as()

    def save_as(self) -> bool:
        """Ask for a file and save to it: settings alone, or with the trained weights."""
        title = self._document.path or self._folder() / f"{_file_stem(self._document.experiment.name)}.json"
        name, chosen = QFileDialog.getSaveFileName(
            self._window,
            tr("Save the experiment"),
            str(title),
            tr("Settings (*.json)") + ";;" + tr("Settings and trained weights (*.safetensors)"),
        )
        if not name:
            return False
        path = Path(name)
        if path.suffix.lower() not in (".json", ".safetensors"):
            path = path.with_name(path.name + (".safetensors" if "safetensors" in chosen else ".json"))
        return self._attempt(lambda: self._write(path))

    def export(self) -> bool:
        """Ask for a file and write the trained weights to it."""
        filters = [f"{form.title} (*{suffix})" for suffix, form in FORMATS.items()]
        name, chosen = QFileDialog.getSaveFileName(
            self._window,
            tr("Export the trained weights"),
            str(self._folder() / f"{_file_stem(self._document.experiment.name)}{next(iter(FORMATS))}"),
            ";;".join(filters),
        )
        if not name:
            return False
        path = Path(name)
        if path.suffix.lower() not in FORMATS:
            suffix = next((s for s, text in zip(FORMATS, filters, strict=True) if text == chosen), next(iter(FORMATS)))
            path = path.with_name(path.name + suffix)
        return self.export_path(path)

    def export_path(self, path: Path) -> bool:
        """Write the trained weights in the format that the file's ending names."""
        return self._attempt(lambda: self._export(path))

    def confirm_discard(self) -> bool:
        """Ask what to do with unsaved edits; whether to go on."""
        if not self._document.modified:
            return True
        button = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self._window,
            tr("Unsaved changes"),
            tr("Save the changes to “{0}”?").format(self._document.title),
            button.Save | button.Discard | button.Cancel,
            button.Save,
        )
        if answer == button.Save:
            return self.save()
        return answer == button.Discard

    def keep_unsaved(self) -> None:
        """Write what would be lost if the program ended now beside the settings, with its weights, and list it as recent."""
        snapshot, experiment = self._newest_snapshot(), self._document.experiment
        trained = snapshot is not None and snapshot.run is not None and snapshot.run.experiment == experiment
        if not self._document.modified and not (trained and snapshot is not None and snapshot.epoch > 0):
            return
        path = config_folder() / f"unsaved-work{'.safetensors' if trained else '.json'}"
        # There is nobody to tell.
        with contextlib.suppress(FileError):
            if trained:
                FORMATS[path.suffix].save(self._trained_model(), path)
            else:
                atomic_write(path, encode(stored(experiment, path)))
            self._preferences.add_recent_file(path)

    def fill_recent(self, menu: QMenu) -> None:
        """List the recent files in a menu."""
        menu.clear()
        for path in self._preferences.recent_files:
            action = menu.addAction(on_button(path.name))
            action.setToolTip(str(path))
            action.triggered.connect(lambda _checked=False, path=path: self.open_path(path))
        if menu.isEmpty():
            menu.addAction(tr("Nothing opened yet")).setEnabled(False)

    def fill_examples(self, menu: QMenu) -> None:
        """List the examples in a menu."""
        menu.clear()
        for title, name in examples():
            action = menu.addAction(title)
            action.triggered.connect(lambda _checked=False, name=name: self.open_example(name))

    def _attempt(self, act: Callable[[], bool]) -> bool:
        """Run something that reads or writes; say in one sentence what went wrong."""
        try:
            return act()
        except (FileError, ExperimentError) as error:
            self.failed.emit(str(error))
            return False

    def _open(self, path: Path) -> bool:
        if is_table(path):
            return self._use_table(path, (), ())
        try:
            opened = open_file(path)
        except ElsewhereError as error:
            if not self._may_ask(path, error.computer):
                return False
            opened = open_file(path, elsewhere=True)
        if not self._load(opened.experiment, path, opened.parameters, opened.preprocessing):
            return False
        self._preferences.add_recent_file(path)
        self.said.emit(tr("Opened {0}").format(path.name))
        return True

    def _may_ask(self, path: Path, computer: str) -> bool:
        """Ask whether another computer may be asked for what an opened file names; it learns who asks."""
        button = QMessageBox.StandardButton
        words = tr("“{file}” names a file on another computer, {computer}. Ask that computer for it?")
        title = tr("A file on another computer")
        answer = QMessageBox.question(
            self._window, title, words.format(file=path.name, computer=computer), button.Yes | button.No, button.No
        )
        return answer == button.Yes

    def _use_table(self, path: Path, targets: tuple[str, ...], ignore: tuple[str, ...]) -> bool:
        from playground.data.columns import ColumnError

        try:
            experiment = open_file(path, targets, ignore).experiment
        except ColumnError as error:
            words = tr("{0}. Leave it out, or mend the file and open it again.").format(error.problem)
            self.column_refused.emit(words, path, targets, ignore, error.column)
            return False
        old = self._document.experiment
        if isinstance(old.data.source, FileSource) and Path(old.data.source.path) == path.resolve():
            # Other columns of the same table: the network that was built for it stays.
            experiment = with_source(old, experiment.data.source, experiment.training.task)
        # Always a new run: the file may have changed since it was read.
        self._document.edit(tr("data"), experiment=experiment, restart=True)
        self._preferences.add_recent_file(path)
        self.said.emit(tr("Opened {0}").format(path.name))
        return True

    def _load(
        self,
        experiment: Experiment,
        path: Path | None,
        parameters: Parameters | None,
        preprocessing: Preprocessing | None = None,
    ) -> bool:
        # Asked only once the file has proved good: nothing is thrown away for a file that can't be read.
        if not self.confirm_discard():
            return False
        self._document.load(experiment, path, parameters, preprocessing)
        return True

    def _write(self, path: Path) -> bool:
        if path.suffix.lower() == ".json":
            atomic_write(path, encode(stored(self._document.experiment, path)))
        else:
            FORMATS[path.suffix.lower()].save(self._trained_model(), path)
        self._document.mark_saved(path)
        self._preferences.add_recent_file(path)
        self.said.emit(tr("Saved {0}").format(path.name))
        return True

    def _export(self, path: Path) -> bool:
        FORMATS[path.suffix.lower()].save(self._trained_model(), path)
        self.said.emit(tr("Wrote the weights to {0}").format(path.name))
        return True

    def _trained_model(self) -> TrainedModel:
        snapshot = self._newest_snapshot()
        patience = time.monotonic() + PATIENCE_SECONDS
        while snapshot is None and time.monotonic() < patience:
            # Right after an edit the session is still setting up the new run.
            time.sleep(0.01)
            snapshot = self._newest_snapshot()
        if snapshot is None or snapshot.run is None:
            raise FileError(tr("There are no weights yet; let the training start, then try again."))
        return TrainedModel(
            experiment=snapshot.run.experiment,
            parameters=snapshot.parameters,
            preprocessing=snapshot.run.data.preprocessing,
            metrics=snapshot.measurement,
        )

    def _folder(self) -> Path:
        path = self._document.path
        recent = self._preferences.recent_files
        return path.parent if path is not None else recent[0].parent if recent else Path.home()


def _file_stem(name: str) -> str:
    """Turn an experiment's name into a file name: ``Tumor or not`` → ``tumor-or-not``."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words) or "experiment"
