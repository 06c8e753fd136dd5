"""Weighting: balanced classes as scikit-learn has them, weights by hand, and smoothed labels as in torch."""

import numpy as np
import pytest
from msgspec import structs
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from playground.data.preprocessing import prepare
from playground.data.weighting import row_weights, training_targets
from playground.experiment import BundledSource, DataSpec, Experiment, ExperimentError, NetworkSpec, TrainingSpec
from playground.training.trainer import Trainer

LOSSES = {"binary": "binary_cross_entropy", "multiclass": "categorical_cross_entropy", "multilabel": "binary_cross_entropy"}
SETS = [("wine", "multiclass"), ("breast_cancer", "binary"), ("multilabel", "multilabel")]


def experiment(name, task, output_activation=None, loss=None, **training):
    return Experiment(
        data=DataSpec(source=BundledSource(name=name)),
        network=NetworkSpec(layers=(), output_activation=output_activation),
        training=TrainingSpec(task=task, loss=loss or LOSSES[task], **training),
    )


@pytest.mark.parametrize(("name", "task"), SETS[:2])
def test_balanced_classes_equal_scikit_learn(name, task):
    data = prepare(experiment(name, task))
    own = data.dataset.targets[data.train_rows, 0]
    weights = row_weights(experiment(name, task, class_weights="balanced"), data)
    assert weights.shape == (len(own), data.preprocessing.outputs)
    assert weights.dtype == np.float32
    assert np.allclose(weights, compute_sample_weight("balanced", own)[:, None])
    of_class = compute_class_weight("balanced", classes=np.unique(own), y=own)
    for number, weight in enumerate(of_class):
        assert np.allclose(weights[own == number], weight)


def test_balanced_labels_are_each_a_yes_or_no_as_in_scikit_learn():
    data = prepare(experiment("multilabel", "multilabel"))
    labels = data.dataset.targets[data.train_rows]
    weights = row_weights(experiment("multilabel", "multilabel", class_weights="balanced"), data)
    for column, own in enumerate(labels.T):
        assert np.allclose(weights[:, column], compute_sample_weight("balanced", own))


def test_weights_by_hand_go_to_the_rows_of_their_class():
    choice = (0.5, 2.0, 7.0)
    data = prepare(experiment("wine", "multiclass"))
    own = data.dataset.targets[data.train_rows, 0].astype(int)
    weights = row_weights(experiment("wine", "multiclass", class_weights=choice), data)
    assert np.array_equal(weights, np.repeat(np.array(choice, np.float32)[own][:, None], 3, axis=1))


def test_weights_of_labels_count_where_the_label_holds():
    data = prepare(experiment("multilabel", "multilabel"))
    count = len(data.preprocessing.classes)
    choice = tuple(float(number + 2) for number in range(count))
    weights = row_weights(experiment("multilabel", "multilabel", class_weights=choice), data)
    holds = data.dataset.targets[data.train_rows] > 0.5
    assert np.array_equal(weights, np.where(holds, np.array(choice), 1).astype(np.float32))


@pytest.mark.parametrize(("name", "task"), SETS)
def test_without_a_choice_all_rows_count_alike(name, task):
    data = prepare(experiment(name, task))
    assert row_weights(experiment(name, task), data).shape == (0, data.preprocessing.outputs)


@pytest.mark.parametrize(("name", "task"), SETS)
def test_a_wrong_number_of_weights_is_one_clear_sentence(name, task):
    wrong = experiment(name, task, class_weights=(1.0, 2.0, 3.0, 4.0))
    classes = prepare(experiment(name, task)).preprocessing.classes
    with pytest.raises(ExperimentError) as caught:
        Trainer(wrong, "reference")
    sentence = str(caught.value)
    assert sentence.startswith(f"training.class_weights: 4 weights for {len(classes)} classes (")
    assert all(name in sentence for name in classes)
    assert sentence.endswith("give one each.")
    assert "\n" not in sentence


@pytest.mark.compile
@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("choice", [(0.0, 1.0), (0.0, 0.0)])
def test_a_class_that_counts_nothing_is_refused(backend, choice):
    """A batch with no other class would have nothing to average over."""
    with pytest.raises(ExperimentError, match=r"class_weights: .*above 0") as caught:
        Trainer(experiment("breast_cancer", "binary", class_weights=choice), backend)
    assert "\n" not in str(caught.value)


@pytest.mark.torch
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_smoothed_classes_cost_what_torch_says(share):
    torch = pytest.importorskip("torch")
    smoothed = experiment("wine", "multiclass", label_smoothing=share)
    data = prepare(smoothed)
    targets = training_targets(smoothed, data)
    assert targets.dtype == np.float32
    assert np.allclose(targets.sum(axis=1), 1)
    trainer = Trainer(smoothed, "reference")
    loss = trainer.backend.gradients(trainer.state, data.train_inputs, trainer.run.training_targets)
    logits = torch.tensor(trainer.backend.logits(trainer.run.plan, trainer.parameters, data.train_inputs))
    own = torch.tensor(data.dataset.targets[data.train_rows, 0].astype(np.int64))
    assert loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, own, label_smoothing=share)), rel=1e-6)


def test_smoothed_yes_or_no_moves_both_toward_the_middle():
    for name, task in SETS[1:]:
        smoothed = experiment(name, task, label_smoothing=0.2)
        data = prepare(smoothed)
        targets = training_targets(smoothed, data)
        assert np.allclose(targets, np.where(data.train_targets > 0.5, 0.9, 0.1))


def test_smoothed_targets_keep_to_the_scale_of_the_outputs():
    """A tanh output learns −1 and 1."""
    smoothed = experiment("breast_cancer", "binary", "tanh", "mean_squared_error", label_smoothing=0.2)
    data = prepare(smoothed)
    assert set(np.unique(data.train_targets)) == {-1, 1}
    assert np.allclose(training_targets(smoothed, data), 0.8 * data.train_targets)


def test_two_softmax_outputs_are_smoothed_as_two_classes():
    smoothed = experiment("breast_cancer", "binary", "softmax", "categorical_cross_entropy", label_smoothing=0.2)
    targets = training_targets(smoothed, prepare(smoothed))
    assert targets.shape[1] == 2
    assert np.allclose(np.sort(targets, axis=1), [0.1, 0.9])


def test_only_training_sees_smoothed_targets():
    plain, smoothed = (Trainer(experiment("wine", "multiclass", label_smoothing=share), "reference") for share in (0.0, 0.3))
    assert plain.record()["train_loss"] == smoothed.record()["train_loss"], "shown losses are those of the data"
    assert not np.array_equal(plain.run.training_targets, smoothed.run.training_targets)


def test_without_smoothing_the_targets_are_the_datas_own():
    plain = experiment("wine", "multiclass")
    data = prepare(plain)
    assert training_targets(plain, data) is data.train_targets
    assert structs.asdict(plain.training)["label_smoothing"] == 0
