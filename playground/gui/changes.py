"""Every change that the user makes: from a control into the document, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from playground.data.gallery import shown_as, title_of
from playground.experiment import Experiment, FileSource, SyntheticSource, edits, keeps_weights
from playground.experiment.paths import value_at
from playground.experiment.presets import preset
from playground.gui.banner import Banner
from playground.gui.document import Document
from playground.gui.file_actions import FileActions
from playground.gui.status_line import StatusLine
from playground.training.protocol import Snapshot
from playground.words import number, tr


class Changes:
    """Makes changes of a document; each is one step of undo, and the line at the bottom says what it did to the weights.

    Parameters
    ----------
    newest_snapshot
        Gives the newest snapshot of the run: weights set by hand go into its others.
    """

    def __init__(
        self,
        document: Document,
        files: FileActions,
        status: StatusLine,
        banner: Banner,
        newest_snapshot: Callable[[], Snapshot | None],
    ) -> None:
        self._document = document
        self._files = files
        self._status = status
        self._banner = banner
        self._newest_snapshot = newest_snapshot

    @property
    def _now(self) -> Experiment:
        return self._document.experiment

    def put(self, label: str, experiment: Experiment, *, restart: bool = False) -> None:
        """Put another experiment in the present one's place, or with ``restart`` begin again."""
        before = self._now
        self._banner.dismiss("error")
        if self._document.edit(label, experiment=experiment, restart=restart):
            self._tell(label, before, restart)

    def set(self, label: str, path: str, value: Any, gesture: bool = False) -> None:
        """Set a field; all steps of a gesture are one step of undo."""
        before = self._now
        self._banner.dismiss("error")
        if self._document.edit(label, {path: value}, merge_key=path if gesture else None):
            self._tell(label, before)

    def drag(self, label: str, path: str, value: Any) -> None:
        """Set a field as one step of a gesture."""
        self.set(label, path, value, gesture=True)

    def set_next_seed(self, label: str, path: str) -> None:
        """Draw something else than now: take the seed after the present one."""
        self.set(label, path, (value_at(self._now, path) + 1) % 2**32)

    def undo(self) -> None:
        """Take the last change back."""
        self._travel(self._document.undo_stack.undo)

    def redo(self) -> None:
        """Make the change again that was taken back."""
        self._travel(self._document.undo_stack.redo)

    def _travel(self, move: Callable[[], None]) -> None:
        before = self._now
        move()
        self._tell(tr("undo or redo"), before)

    def _tell(self, label: str, before: Experiment, restart: bool = False) -> None:
        """Say whether the change kept the weights."""
        if self._now == before and not restart:
            return
        kept = keeps_weights(before, self._now) and not restart
        words = tr("the weights are kept") if kept else tr("it starts again; Undo brings the weights back")
        self._status.show_notice(f"{label[:1].upper()}{label[1:]}: {words}")

    def choose_set(self, name: str) -> None:
        """Among shapes the network stays, so that they compare; any other set comes with settings known to work."""
        source = self._now.data.source
        chosen = preset(name)
        if isinstance(source, SyntheticSource) and isinstance(chosen.data.source, SyntheticSource):
            noise = source.noise if source.name != name else chosen.data.source.noise
            new = replace(chosen.data.source, samples=source.samples, noise=noise)
            chosen = edits.with_source(self._now, new, chosen.training.task)
            chosen = replace(chosen, name=title_of(name))
        if chosen.data.source != source or name != shown_as(self._now):
            self.put(tr("data"), chosen)
        else:
            # The button that was clicked is told what holds.
            self._document.changed.emit(self._now, self._now)

    def choose_columns(self, targets: tuple[str, ...], ignore: tuple[str, ...]) -> None:
        """Give the columns of the table other roles."""
        source = self._now.data.source
        if isinstance(source, FileSource):
            self._files.open_table(Path(source.path), targets, ignore)

    def offer_to_ignore(self, text: str, path: Path, targets: tuple[str, ...], ignore: tuple[str, ...], column: str) -> None:
        """A column can't be learned from: one click leaves it out."""
        offer = (tr("Leave out {0}").format(column), lambda: self._files.open_table(path, targets, (*ignore, column)))
        self._banner.show_message("error", text, offer)

    def set_parameter(self, name: str, index: tuple[int, ...], value: float) -> None:
        """Put a weight or bias in place by hand."""
        snapshot = self._newest_snapshot()
        if snapshot is None or snapshot.run is None:
            return
        parameters = snapshot.parameters.copy()
        snapshot.run.plan.view(parameters, name)[index] = value
        self._document.edit(tr("weight"), parameters=parameters)
        self._status.show_notice(tr("Set to {0}; Undo brings the old value back").format(number(value, 4)))
