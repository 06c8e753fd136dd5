"""The Trainer: history rows, measurements against scikit-learn, memory that stays flat, and edits in the middle."""

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

from playground.experiment import (
    Adam,
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    ExperimentError,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    set_field,
)
from playground.training.trainer import Trainer, train

pytestmark = pytest.mark.compile


def experiment(name, task, loss, **training):
    return Experiment(
        data=DataSpec(source=BundledSource(name=name)),
        network=NetworkSpec(layers=(Dense(units=8, activation="tanh"),)),
        training=TrainingSpec(task=task, loss=loss, **training),
    )


IRIS = experiment("iris", "multiclass", "categorical_cross_entropy", optimizer=Adam(learning_rate=0.01), batch_size=16)
LINNERUD = experiment("linnerud", "regression", "mean_squared_error", batch_size=4)
TOPICS = experiment("multilabel", "multilabel", "binary_cross_entropy")


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_measurements_of_classes_equal_scikit_learn(backend):
    trainer = Trainer(IRIS, backend)
    first = trainer.record()
    trainer.train_epochs(20)
    row = trainer.record()
    data = trainer.run.data
    true = data.dataset.targets[data.test_rows, 0]
    outputs = trainer.outputs[data.test_rows]
    assert row["test_accuracy"] == pytest.approx(accuracy_score(true, outputs.argmax(axis=1)))
    assert row["test_loss"] == pytest.approx(log_loss(true, outputs), rel=1e-4)
    assert row["train_loss"] < first["train_loss"] / 2
    usual = ("epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy")
    gradients = [f"gradient_{what}_layers.{layer}" for layer in (0, 1) for what in ("size", "noise")]
    assert trainer.history.columns == (*usual, *gradients)
    assert list(trainer.history.column("epoch")) == [0, 20]


def test_measurements_of_quantities_are_in_the_datas_units():
    trainer = Trainer(LINNERUD)
    trainer.train_epochs(50)
    row = trainer.record()
    data = trainer.run.data
    true = data.dataset.targets[data.train_rows]
    predicted = data.preprocessing.values(trainer.outputs[data.train_rows])
    assert row["train_rmse"] == pytest.approx(root_mean_squared_error(true, predicted), rel=1e-6)
    assert row["train_r2"] == pytest.approx(r2_score(true, predicted), rel=1e-6)
    assert 100 < predicted[:, 0].mean() < 250, "weights of men in pounds"


def test_labels_count_only_if_all_are_right():
    trainer = Trainer(TOPICS)
    trainer.train_epochs(5)
    row = trainer.record()
    data = trainer.run.data
    guessed = trainer.outputs[data.test_rows] > 0.5
    assert row["test_subset_accuracy"] == pytest.approx(accuracy_score(data.dataset.targets[data.test_rows], guessed))


def test_nothing_is_allocated_in_a_step():
    trainer = Trainer(IRIS)
    trainer.train_epochs(2)
    tracemalloc.start()
    trainer.train_steps(10)
    before = tracemalloc.get_traced_memory()[0]
    trainer.train_steps(20_000)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 2_000


def test_edits_in_the_middle_keep_or_refuse():
    trainer = Trainer(IRIS)
    trainer.train_steps(3)
    weights = trainer.parameters
    for path, value in (
        ("training.batch_size", "5"),
        ("training.optimizer", "momentum"),
        ("training.loss", "mean_squared_error"),
        ("network.layers.0.activation", "relu"),
        ("network.output_activation", "sigmoid"),
        ("training.batch_size", "1000"),
    ):
        assert trainer.use(set_field(trainer.run.experiment, path, value)), path
        assert np.array_equal(trainer.parameters, weights)
    assert trainer.train_steps(3)
    assert not trainer.use(set_field(IRIS, "network.layers.0.units", "3"))
    with pytest.raises(ExperimentError, match="another shape"):
        Trainer(IRIS, parameters=np.zeros(5, np.float32))


def test_epochs_end_where_they_should_whatever_the_batch_size():
    trainer = Trainer(set_field(IRIS, "training.batch_size", "7"))
    trainer.train_steps(4)
    trainer.train_epochs()
    assert trainer.epoch == 1
    trainer.train_epochs(3)
    assert trainer.epoch == 4


def test_without_test_rows_the_test_columns_are_empty():
    trainer = Trainer(set_field(IRIS, "data.test_fraction", "0"))
    row = trainer.record()
    assert np.isnan(row["test_loss"])
    assert np.isnan(row["test_accuracy"])
    assert row["train_accuracy"] > 0
    assert trainer.train_epochs()


def test_an_unknown_backend_is_refused():
    with pytest.raises(ExperimentError, match="choose one of auto, cpu, cuda, reference"):
        Trainer(IRIS, "gpu")


def test_train_reports_each_epoch_and_returns_the_model():
    seen = []
    circle = Experiment(
        data=DataSpec(source=SyntheticSource(name="gauss", samples=60)),
        network=NetworkSpec(layers=()),
        training=TrainingSpec(task="binary", loss="binary_cross_entropy", epochs=4),
    )
    model = train(circle, progress=lambda trainer: seen.append(trainer.epoch))
    assert seen == [1, 2, 3, 4]
    assert model.experiment == circle
    assert set(model.metrics) >= {"test_loss", "test_accuracy"}
