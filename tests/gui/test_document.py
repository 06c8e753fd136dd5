"""The document: every edit can be taken back, refused edits change nothing, trained weights come back with their structure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from playground.experiment import Adam, DataSpec, Dense, Experiment, ExperimentError, NetworkSpec, SyntheticSource, TrainingSpec
from playground.experiment.paths import replaced
from playground.gui.document import REMEMBERED_RUNS, Document


def circle(*units: int) -> Experiment:
    return Experiment(
        name="Circle",
        data=DataSpec(source=SyntheticSource(name="circle")),
        network=NetworkSpec(layers=tuple(Dense(units=n, activation="tanh") for n in units)),
        training=TrainingSpec(task="binary", loss="binary_cross_entropy", optimizer=Adam(learning_rate=0.01)),
    )


@pytest.fixture
def document(qapp) -> Document:
    return Document(circle(4, 2))


class Uses(list):
    """Records what the document asks the session to run."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        document.used.connect(lambda experiment, parameters, restart: self.append((experiment, parameters, restart)))


def weights(value: float) -> np.ndarray:
    return np.full(16, value, dtype=np.float32)


def test_replaced_follows_a_path_through_structs_and_tuples():
    changed = replaced(circle(4, 2), "network.layers.1.units", 7)
    assert [layer.units for layer in changed.network.layers] == [4, 7]
    assert replaced(circle(4), "training.optimizer.learning_rate", 0.5).training.optimizer.learning_rate == 0.5


@pytest.mark.parametrize("path", ["training.rate", "network.layers.5.units", "network.layers.x.units", "name.first"])
def test_replaced_refuses_a_path_that_leads_nowhere(path):
    with pytest.raises(ExperimentError, match=path.replace(".", r"\.").split(r"\.")[-1] + "|5|x"):
        replaced(circle(4), path, 1)


def test_an_edit_changes_the_experiment_and_says_so_once(document):
    seen = []
    document.changed.connect(lambda old, new: seen.append((old, new)))
    uses = Uses(document)
    before = document.experiment
    assert document.edit("Learning rate", {"training.optimizer.learning_rate": 0.03})
    assert document.experiment.training.optimizer.learning_rate == 0.03
    assert seen == [(before, document.experiment)]
    assert uses == [(document.experiment, None, False)]
    assert document.modified


def test_an_edit_that_changes_nothing_is_no_step(document):
    uses = Uses(document)
    assert document.edit("Learning rate", {"training.optimizer.learning_rate": 0.01})
    assert document.undo_stack.count() == 0 and not document.modified and uses == []


@pytest.mark.parametrize(
    "changes",
    [
        {"training.optimizer.learning_rate": -5.0},
        {"training.optimizer.learning_rate": float("nan")},
        {"training.batch_size": 0},
        {"training.lossy": 1},
        {"network.layers.0.units": "many"},
    ],
)
def test_a_refused_edit_says_why_and_changes_nothing(document, changes):
    reasons, shown = [], []
    document.refused.connect(reasons.append)
    document.changed.connect(lambda old, new: shown.append(new))
    before = document.experiment
    assert not document.edit("Wrong", changes)
    assert document.experiment is before and document.undo_stack.count() == 0
    assert len(reasons) == 1 and reasons[0]
    assert shown == [before], "the control that asked must be told what holds"


def test_undo_and_redo_put_whole_values_back(document):
    values = [document.experiment]
    for rate in (0.03, 0.1, 0.3):
        document.edit("Learning rate", {"training.optimizer.learning_rate": rate})
        values.append(document.experiment)
    for value in reversed(values[:-1]):
        document.undo_stack.undo()
        assert document.experiment == value
    assert not document.modified
    for value in values[1:]:
        document.undo_stack.redo()
        assert document.experiment == value


def test_steps_of_one_gesture_are_one_undo_step(document):
    before = document.experiment
    for noise in (5.0, 10.0, 15.0):
        document.edit("Noise", {"data.source.noise": noise}, merge_key="noise")
    document.finish_gesture()
    document.edit("Noise", {"data.source.noise": 20.0}, merge_key="noise")
    assert document.undo_stack.count() == 2
    document.undo_stack.undo()
    assert document.experiment.data.source.noise == 15.0
    document.undo_stack.undo()
    assert document.experiment == before


def test_different_keys_never_merge(document):
    document.edit("Noise", {"data.source.noise": 5.0}, merge_key="noise")
    document.edit("Samples", {"data.source.samples": 300}, merge_key="samples")
    assert document.undo_stack.count() == 2


def test_a_gesture_that_ends_where_it_began_leaves_no_step(document):
    document.edit("Noise", {"data.source.noise": 5.0}, merge_key="noise")
    document.edit("Noise", {"data.source.noise": 0.0}, merge_key="noise")
    assert document.undo_stack.count() == 0 and not document.modified


def test_undo_of_a_structural_edit_brings_its_trained_weights_back(document):
    uses = Uses(document)
    small = document.experiment
    document.remember(small, weights(1))
    document.edit("Neurons", {"network.layers.0.units": 8})
    assert uses[-1] == (document.experiment, None, False), "a wider layer starts afresh"
    document.remember(document.experiment, weights(2))
    document.undo_stack.undo()
    assert uses[-1][0] == small and uses[-1][1] is not None and uses[-1][1][0] == 1
    document.undo_stack.redo()
    assert uses[-1][1][0] == 2


def test_undo_of_other_data_brings_the_weights_trained_on_the_old_data_back(document):
    uses = Uses(document)
    document.remember(document.experiment, weights(1))
    document.edit("Data", {"data.source": SyntheticSource(name="xor")})
    document.remember(document.experiment, weights(2))
    document.undo_stack.undo()
    assert uses[-1][1][0] == 1


def test_undo_of_an_edit_that_keeps_the_weights_leaves_them_alone(document):
    uses = Uses(document)
    document.remember(document.experiment, weights(1))
    document.edit("Learning rate", {"training.optimizer.learning_rate": 0.03})
    document.undo_stack.undo()
    assert [use[1:] for use in uses] == [(None, False), (None, False)]


def test_the_same_structure_chosen_anew_starts_afresh(document):
    uses = Uses(document)
    document.remember(document.experiment, weights(1))
    document.edit("Neurons", {"network.layers.0.units": 8})
    document.edit("Neurons", {"network.layers.0.units": 4})
    assert uses[-1][1] is None, "only undo brings old weights back"


def test_a_reset_can_be_taken_back(document):
    uses = Uses(document)
    document.remember(document.experiment, weights(7))
    document.edit("Reset", restart=True)
    assert uses[-1] == (document.experiment, None, True)
    document.remember(document.experiment, weights(0))
    document.undo_stack.undo()
    assert uses[-1][1][0] == 7 and uses[-1][2] is False
    document.undo_stack.redo()
    assert uses[-1][1:] == (None, True)


def test_new_weights_can_be_taken_back_seed_and_all(document):
    uses = Uses(document)
    document.remember(document.experiment, weights(7))
    document.edit("New weights", {"network.seed": 1}, restart=True)
    assert document.experiment.network.seed == 1 and uses[-1][2]
    document.undo_stack.undo()
    assert document.experiment.network.seed == 0 and uses[-1][1][0] == 7


def test_a_weight_set_by_hand_can_be_taken_back_as_one_drag(document):
    uses = Uses(document)
    document.remember(document.experiment, weights(7))
    for value in (1, 2, 3):
        document.edit("Weight", merge_key="weight", parameters=weights(value))
        document.remember(document.experiment, weights(value))
    assert document.undo_stack.count() == 1
    document.undo_stack.undo()
    assert uses[-1][1][0] == 7
    document.undo_stack.redo()
    assert uses[-1][1][0] == 3


def test_the_newest_weights_of_a_structure_are_the_ones_kept(document):
    for value in range(5):
        document.remember(document.experiment, weights(value))
    assert document.weights_for(document.experiment)[0] == 4
    assert document.weights_for(circle(9)) is None
    rate = replace(document.experiment.training, optimizer=Adam(learning_rate=0.5))
    assert document.weights_for(replace(document.experiment, training=rate))[0] == 4


def test_only_so_many_structures_are_remembered(document, monkeypatch):
    monkeypatch.setattr("playground.gui.document.REMEMBERED_RUNS", 3)
    for units in range(1, 6):
        document.remember(circle(units), weights(units))
    kept = [units for units in range(1, 6) if document.weights_for(circle(units)) is not None]
    assert kept == [3, 4, 5]
    monkeypatch.setattr("playground.gui.document.REMEMBERED_BYTES", 100)
    document.remember(circle(9), weights(9))
    assert document.weights_for(circle(9)) is not None and document.weights_for(circle(5)) is None


def test_load_begins_again(document):
    uses = Uses(document)
    document.edit("Learning rate", {"training.optimizer.learning_rate": 0.03})
    document.remember(document.experiment, weights(1))
    other, trained = circle(3), weights(5)
    document.load(other, Path("model.safetensors"), trained)
    assert document.experiment == other and document.title == "model.safetensors"
    assert not document.modified and not document.undo_stack.canUndo()
    assert uses[-1][0] == other and uses[-1][1] is trained and uses[-1][2]
    assert document.weights_for(circle(4, 2)) is None


def test_load_refuses_an_experiment_that_breaks_a_rule(document):
    before = document.experiment
    with pytest.raises(ExperimentError):
        document.load(replaced(circle(3), "training.batch_size", 0))
    assert document.experiment is before


def test_saving_clears_the_modified_flag_and_undo_past_it_sets_it(document):
    told = []
    document.file_changed.connect(lambda: told.append(document.modified))
    document.edit("Learning rate", {"training.optimizer.learning_rate": 0.03})
    document.mark_saved(Path("mine.json"))
    assert not document.modified and document.title == "mine.json" and document.path == Path("mine.json")
    document.undo_stack.undo()
    assert document.modified
    document.undo_stack.redo()
    assert not document.modified
    assert told[-1] is False


def test_weights_that_were_seen_again_are_forgotten_last(document: Document) -> None:
    runs = [circle(units) for units in range(1, REMEMBERED_RUNS + 1)]
    for number, experiment in enumerate(runs):
        document.remember(experiment, weights(number))
    document.remember(runs[0], weights(-1))
    document.remember(circle(1000), weights(1000))
    assert document.weights_for(runs[1]) is None, "the one that was looked at longest ago makes room"
    for number, experiment in [(-1, runs[0]), *list(enumerate(runs))[2:], (1000, circle(1000))]:
        kept = document.weights_for(experiment)
        assert kept is not None and kept[0] == number
