"""The campaign of the document sees planted faults: an undo that does nothing, a save that isn't noted, a bar that isn't told."""

import document_states
import pytest

from playground.gui.document import Document, ReplaceState
from playground.gui.file_actions import FileActions
from playground.gui.training_bar import TrainingBar

pytestmark = pytest.mark.window

RATE = "training.optimizer.learning_rate"
SAVE, DRAGS = [["save", ".json", 0]], [["drag", RATE, [0.3]], ["drag", RATE, [0.001]], ["undo"]]


def test_what_agrees_is_none():
    assert document_states.play([["set", RATE, 0.3], ["undo"], ["redo"], *SAVE, *DRAGS, ["save again"], ["redo"]]) is None


@pytest.mark.parametrize(
    ("owner", "name", "broken", "actions", "kind"),
    [
        (ReplaceState, "undo", lambda self: None, [["set", RATE, 0.3], ["undo"]], "undo: the experiment is "),
        (Document, "mark_saved", lambda self, path: None, SAVE, "save: the file's path is "),
        (TrainingBar, "show_experiment", lambda self, now: None, [["set", RATE, 0.3]], "set: the bar's learning rate is "),
        (FileActions, "_write", lambda self, path: bool(path.write_text("{}")), SAVE, "save: the file's path is "),
        (Document, "finish_gesture", lambda self: None, DRAGS, "undo: the experiment is "),
    ],
    ids=["undo does nothing", "a save is not noted", "the bar is not told", "another file is written", "drags are one"],
)
def test_what_disagrees_is_found(monkeypatch, owner, name, broken, actions, kind):
    monkeypatch.setattr(owner, name, broken)
    failure = document_states.play(actions)
    assert failure is not None
    assert failure.kind.startswith(kind)
