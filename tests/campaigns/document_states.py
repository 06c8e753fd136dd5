"""Edits, drags, undo, redo, files and presets in any order: document, undo history, file, title, bar and session agree."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from campaign import Actions, Campaign, Failure
from driven_window import PATIENCE_SECONDS, DrivenWindow, driven

from playground.catalog.datasets import DATASETS
from playground.experiment import Experiment, decode, set_field
from playground.experiment.paths import value_at
from playground.experiment.presets import preset_names
from playground.formats.opening import open_file

EDITS: dict[str, list[Any]] = {
    "training.optimizer.learning_rate": [0.001, 0.03, 0.3],
    "training.batch_size": [1, 10, 32],
    "training.epochs": [5, 100],
    "training.l1": [0.0, 0.01],
    "training.l2": [0.0, 0.001],
    "network.seed": [0, 1, 2],
    "data.test_fraction": [0.2, 0.5],
    "data.seed": [0, 7],
}
# What no experiment can be: the document stays as it is.
REFUSED: dict[str, Any] = {"training.batch_size": 0, "training.optimizer.learning_rate": -1.0, "data.test_fraction": 2.0}
ENDINGS = (".json", ".safetensors")
# After so many actions the session is waited for.
LOOK_EVERY = 25


class Model:
    """What the document should be: its states since it was loaded, which one holds, and which one the file has."""

    def __init__(self, experiment: Experiment) -> None:
        self.begin(experiment)

    def begin(self, experiment: Experiment, path: Path | None = None) -> None:
        """With an experiment that was loaded, and the file that it is from."""
        self.states = [experiment]
        self.place = 0
        self.clean: int | None = 0
        self.path: Path | None = path

    @property
    def now(self) -> Experiment:
        return self.states[self.place]

    def add(self, experiment: Experiment) -> None:
        """A new state; those that were undone are gone."""
        self.forget_undone()
        self.states.append(experiment)
        self.place += 1

    def forget_undone(self) -> None:
        """What could be done again is gone, and with it what the file has if it was there."""
        if self.clean is not None and self.clean > self.place:
            self.clean = None
        del self.states[self.place + 1 :]


def draw(chance: random.Random, size: int) -> Actions:
    return [draw_action(chance) for _ in range(size)]


def draw_action(chance: random.Random) -> list[Any]:
    kind = chance.choices(
        ["set", "drag", "undo", "redo", "save", "save again", "open", "preset", "data", "new", "refused", "damaged", "layers"],
        [20, 8, 20, 12, 6, 4, 5, 3, 6, 1, 4, 3, 8],
    )[0]
    path = chance.choice(list(EDITS))
    match kind:
        case "set":
            return [kind, path, chance.choice(EDITS[path])]
        case "drag":
            return [kind, path, [chance.choice(EDITS[path]) for _ in range(chance.randint(1, 5))]]
        case "save":
            return [kind, chance.choice(ENDINGS), chance.randrange(3)]
        case "open":
            return [kind, chance.randrange(6)]
        case "preset":
            return [kind, chance.choice([name for name in preset_names() if not name.startswith("digits")])]
        case "data":
            return [kind, chance.choice([name for name in DATASETS if name != "digits"])]
        case "refused":
            return [kind, chance.choice(list(REFUSED))]
        case "layers":
            return [kind, [chance.randint(1, 6) for _ in range(chance.randint(0, 3))]]
    return [kind]


def play(actions: Actions) -> Failure | None:
    """Play them in a window, and keep a model of what should be."""
    with driven() as window:
        model = Model(window.window.document.experiment)
        for number, action in enumerate(actions, start=1):
            window.do(action, lambda action=action: step(window, model, action))
            wrong = what_disagrees(window, model)
            if wrong:
                window.failures.append(Failure(f"{action[0]}: {wrong}", str(action)))
            if not window.failures and number % LOOK_EVERY == 0:
                follow(window)
            if window.failures:
                break
        if not window.failures:
            follow(window)
        window.close()
    return window.failures[0] if window.failures else None


def step(window: DrivenWindow, model: Model, action: list[Any]) -> None:
    """Do what an action says, and to the model what should come of it."""
    kind, *words = action
    document, changes, files = window.window.document, window.window.changes, window.window.files
    before = document.experiment
    if kind in ("set", "refused", "drag"):
        path = words[0]
        values = words[1] if kind == "drag" else [REFUSED[path]] if kind == "refused" else words[1:]
        for value in values:
            (changes.drag if kind == "drag" else changes.set)("edit", path, value)
            if document.experiment != before:
                # Though a drag may end where it began, and be no step then.
                model.forget_undone()
        document.finish_gesture()
        if kind == "refused":
            return
        if value_at(document.experiment, path) != values[-1]:
            raise AssertionError(f"{path} is {value_at(document.experiment, path)}, not {values[-1]}")
        if document.experiment != before:
            model.add(document.experiment)
    elif kind in ("layers", "data"):
        if kind == "data":
            window.window.panels.data.set_chosen.emit(words[0])
        else:
            changes.put("layers", with_layers(before, words[0]))
        if document.experiment != before:
            model.add(document.experiment)
    elif kind in ("undo", "redo"):
        window.window.actions_by_name[kind].trigger()
        model.place = min(max(0, model.place + (1 if kind == "redo" else -1)), len(model.states) - 1)
    elif kind in ("save", "save again"):
        path = window.folder / f"saved-{words[1]}{words[0]}" if words else document.path
        if path is None:
            return
        window.wait(PATIENCE_SECONDS, window.follows)
        window.file_name = str(path)
        window.window.actions_by_name["save_as" if words else "save"].trigger()
        model.clean, model.path = model.place, path
    elif kind == "open":
        path = window.folder / f"saved-{words[0] // 2}{ENDINGS[words[0] % 2]}"
        if path.exists():
            expected = open_file(path).experiment
            files.open_path(path)
            model.begin(expected, path)
    elif kind == "damaged":
        path = window.folder / "damaged.json"
        path.write_text("{")
        files.open_path(path)
    else:
        (files.new if kind == "new" else lambda: files.open_example(words[0]))()
        model.begin(document.experiment)


def what_disagrees(window: DrivenWindow, model: Model) -> str:
    """In words, what isn't as the model has it; empty if all agrees."""
    document, bar, actions = window.window.document, window.window.bar, window.window.actions_by_name
    modified = model.place != model.clean
    told = {
        "the experiment": (document.experiment, model.now),
        "the file's path": (document.path, model.path),
        "whether it is modified": (document.modified, modified),
        "the mark in the title": (window.window.isWindowModified(), modified),
        "the name in the title": (
            window.window.windowTitle().partition("[*]")[0],
            model.path.name if model.path else model.now.name,
        ),
        "whether Undo can be chosen": (actions["undo"].isEnabled(), model.place > 0),
        "whether Redo can be chosen": (actions["redo"].isEnabled(), model.place < len(model.states) - 1),
        "the bar's learning rate": (bar.learning_rate.value, model.now.training.optimizer.learning_rate),
        "the bar's L1": (bar.l1.value, model.now.training.l1),
        "the data panel's epochs": (window.window.panels.data.epochs.value, model.now.training.epochs),
    }
    for name, (there, expected) in told.items():
        if there != expected:
            return f"{name} is {str(there)[:200]}, not {str(expected)[:200]}"
    if model.path is not None and not modified:
        held = open_file(model.path).experiment
        if model.path.suffix == ".json" and decode(model.path.read_bytes()) != model.now:
            return "the file is not what is shown"
        if held != model.now:
            return "the file opens as something else"
    return ""


def follow(window: DrivenWindow) -> None:
    """Wait until the session runs what the document says, and look whether the canvas shows it."""
    if not window.wait(PATIENCE_SECONDS, window.follows):
        window.failures.append(Failure("the session does not follow the document", str(window.action)))
        return
    snapshot = window.window.loop.shown_snapshot
    if snapshot is not None and snapshot.error is not None:
        window.failures.append(Failure("the session refuses what the document holds", snapshot.error))


def with_layers(experiment: Experiment, units: list[int]) -> Experiment:
    """The experiment with dense layers of so many units; unchanged where its data need others."""
    if any(type(layer).__name__ != "Dense" for layer in experiment.network.layers):
        return experiment
    layers = [{"type": "dense", "units": count, "activation": "tanh"} for count in units]
    return set_field(experiment, "network.layers", json.dumps(layers))


CAMPAIGN = Campaign(
    name="document",
    sentence="Edits, undo, files and presets in any order; document, file and views have to agree.",
    draw=draw,
    play=play,
    size=200,
    sample=1,
    sample_size=60,
)
