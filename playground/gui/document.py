"""Holds the experiment being edited, its undo history, its file and the weights each structure was trained to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from playground import log
from playground.arrays import Float32
from playground.data.preprocessing import Preprocessing
from playground.experiment import DataSpec, Experiment, ExperimentError, checked, keeps_weights, weights_key
from playground.experiment.edits import with_field

Parameters = Float32

REMEMBERED_RUNS = 32
REMEMBERED_BYTES = 256 << 20


@dataclass(frozen=True)
class State:
    """What one end of an undo step puts in place.

    ``parameters`` are weights that belong to this very state; ``None`` leaves the choice to the rule:
    keep what runs where the structure allows it, else bring back what was remembered, else start afresh.
    """

    experiment: Experiment
    parameters: Parameters | None = None
    restart: bool = False


class ReplaceState(QUndoCommand):
    """The only undo command: it goes from one state to another and back."""

    def __init__(
        self, apply: Callable[[State, State, bool], None], label: str, old: State, new: State, merge_key: str | None
    ) -> None:
        super().__init__(label)
        self.old = old
        self.new = new
        self.merge_key = merge_key
        self._apply = apply
        self._done_before = False

    def id(self) -> int:
        return 1 if self.merge_key is not None else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take a later step of the same gesture into this one; a gesture that ends where it began vanishes."""
        if not isinstance(other, ReplaceState) or other.merge_key != self.merge_key:
            return False
        self.new = other.new
        self.setText(other.text())
        self.setObsolete(self.old.experiment == self.new.experiment and self.new.parameters is None)
        return True

    def redo(self) -> None:
        self._apply(self.old, self.new, self._done_before)
        self._done_before = True

    def undo(self) -> None:
        self._apply(self.new, self.old, True)


class Document(QObject):
    """The experiment on the screen: every change goes through ``edit`` and can be taken back.

    Signals
    -------
    changed(Experiment before, Experiment now)
        After every edit, undo, redo and load; views show the new value.
    used(Experiment, parameters or None, bool restart)
        Right after ``changed``: what the training session is to run. ``parameters`` are weights to put in
        place; ``restart`` asks for a new run even where the weights could be kept.
    refused(str)
        An edit broke a rule; the text says which. Nothing changed.
    file_changed()
        The path or the modified flag is another one.
    """

    changed = Signal(object, object)
    used = Signal(object, object, bool)
    refused = Signal(str)
    file_changed = Signal()

    def __init__(self, experiment: Experiment, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._experiment = checked(experiment)
        self._path: Path | None = None
        # What came with a model that was opened, and the data that it is about.
        self._model: tuple[DataSpec, Preprocessing] | None = None
        self._gesture = 0
        # Newest last, by what keeps_weights compares: "the same structure" has one meaning in the program.
        self._remembered: dict[tuple[Any, ...], Parameters] = {}
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(500)
        self.undo_stack.cleanChanged.connect(self._clean_changed)

    @property
    def experiment(self) -> Experiment:
        return self._experiment

    @property
    def path(self) -> Path | None:
        """File the experiment was opened from or saved to, if any."""
        return self._path

    @property
    def preprocessing(self) -> Preprocessing | None:
        """What came with the model that was opened, as long as its data are the experiment's: it can be shown without them."""
        return self._model[1] if self._model is not None and self._model[0] == self._experiment.data else None

    @property
    def modified(self) -> bool:
        """Whether there are edits that no file holds."""
        return not self.undo_stack.isClean()

    @property
    def title(self) -> str:
        """Name for the window's title bar."""
        return self._path.name if self._path else self._experiment.name

    def edit(
        self,
        label: str,
        changes: Mapping[str, Any] | None = None,
        *,
        merge_key: str | None = None,
        experiment: Experiment | None = None,
        parameters: Parameters | None = None,
        restart: bool = False,
    ) -> bool:
        """Change the experiment; the only way in.

        Parameters
        ----------
        label
            What the undo menu calls the step, e.g. ``"Learning rate"``.
        changes
            New values by the path of their field: ``{"training.optimizer.learning_rate": 0.01}``. What can't stay as it is
            beside the new value changes with it (`edits.RULES`).
        merge_key
            Steps with the same key in a row become one, until ``finish_gesture``.
        experiment
            A whole new value, instead of or before ``changes``.
        parameters
            Weights to put in place with it (a hand-edited weight).
        restart
            Start from new initial weights even where the old ones could be kept.

        Returns
        -------
        bool
            Whether the edit stands. A refused one emits ``refused`` and changes nothing.
        """
        old = self._experiment
        try:
            new = experiment if experiment is not None else old
            for path, value in (changes or {}).items():
                new = with_field(new, path, value)
            new = checked(new)
        except ExperimentError as error:
            self.refused.emit(str(error))
            # The control that asked shows the refused value: tell it what holds.
            self.changed.emit(old, old)
            return False
        if new == old and parameters is None and not restart:
            return True
        log.did(f"edit: {label} ({', '.join(changes or ()) or 'the whole experiment'})")
        # Weights set by hand or thrown away are part of the step, so that undo brings exactly those back.
        trained = self.weights_for(old) if restart or parameters is not None else None
        key = f"{merge_key}#{self._gesture}" if merge_key is not None else None
        self.undo_stack.push(ReplaceState(self._enter, label, State(old, trained), State(new, parameters, restart), key))
        return True

    def finish_gesture(self) -> None:
        """End a drag: the next edit is a step of its own, whatever its merge key."""
        self._gesture += 1

    def load(
        self,
        experiment: Experiment,
        path: Path | None = None,
        parameters: Parameters | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        """Begin again with another experiment (and a model's weights and preprocessing): the undo history starts empty."""
        old = self._experiment
        self._experiment = checked(experiment)
        log.did(f"open: {path or 'an example'}")
        self._path = path
        self._model = (self._experiment.data, preprocessing) if preprocessing is not None else None
        self._remembered.clear()
        self.undo_stack.clear()
        self.changed.emit(old, self._experiment)
        self.used.emit(self._experiment, parameters, True)
        self.file_changed.emit()

    def mark_saved(self, path: Path) -> None:
        """Note that ``path`` now holds what the window shows."""
        log.did(f"save: {path}")
        self._path = path
        self.undo_stack.setClean()
        self.file_changed.emit()

    def remember(self, experiment: Experiment, parameters: Parameters) -> None:
        """Keep the newest weights of a structure, for an undo that comes back to it.

        Called with every snapshot; it holds on to the snapshot's own array and copies nothing.
        """
        key = weights_key(experiment)
        self._remembered.pop(key, None)
        self._remembered[key] = parameters
        while len(self._remembered) > 1 and (
            len(self._remembered) > REMEMBERED_RUNS or sum(kept.nbytes for kept in self._remembered.values()) > REMEMBERED_BYTES
        ):
            del self._remembered[next(iter(self._remembered))]

    def weights_for(self, experiment: Experiment) -> Parameters | None:
        """Return the newest weights trained with this structure on this data, or ``None``."""
        return self._remembered.get(weights_key(experiment))

    def _enter(self, left: State, entered: State, coming_back: bool) -> None:
        """Put a state in place; ``coming_back`` by undo or redo rather than for the first time."""
        self._experiment = entered.experiment
        parameters = entered.parameters
        kept = keeps_weights(left.experiment, entered.experiment)
        if parameters is None and coming_back and not kept and not entered.restart:
            parameters = self.weights_for(entered.experiment)
        self.changed.emit(left.experiment, entered.experiment)
        self.used.emit(entered.experiment, parameters, entered.restart)

    def _clean_changed(self, _clean: bool) -> None:
        self.file_changed.emit()
