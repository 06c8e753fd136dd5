"""Measuring: each part of the data against scikit-learn, and nothing of the run moves."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

from playground.experiment import BundledSource, DataSpec, Dense, Experiment, NetworkSpec, TrainingSpec, set_field
from playground.kernels.state import EPOCH, POSITION, STEP
from playground.training.measuring import Measuring, columns_of, gradient_numbers, no_gradient_numbers
from playground.training.trainer import Trainer

pytestmark = pytest.mark.compile

IRIS = Experiment(
    data=DataSpec(source=BundledSource(name="iris"), validation_fraction=0.2),
    network=NetworkSpec(layers=(Dense(units=6, activation="tanh"),)),
    training=TrainingSpec(task="multiclass", loss="categorical_cross_entropy"),
)
LINNERUD = Experiment(
    data=DataSpec(source=BundledSource(name="linnerud")),
    network=NetworkSpec(layers=(Dense(units=6, activation="tanh"),)),
    training=TrainingSpec(task="regression", loss="mean_squared_error", batch_size=4),
)
BACKENDS = ["cpu", "reference"]


def parts_of(data):
    rows = (data.train_rows, data.validation_rows, data.test_rows)
    return [part for index, part in enumerate(rows) if len(part) or index != 1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_part_of_classes_is_measured_as_scikit_learn_does(backend):
    trainer = Trainer(IRIS, backend)
    trainer.train_epochs(10)
    found, data = Measuring(trainer.run).measure(trainer.compute), trainer.run.data
    assert len(found.losses) == len(found.metrics) == 3
    for rows, loss, accuracy in zip(parts_of(data), found.losses, found.metrics, strict=True):
        true, shares = data.dataset.targets[rows, 0], found.outputs[rows]
        assert loss == pytest.approx(log_loss(true, shares, labels=[0, 1, 2]), rel=1e-4)
        assert accuracy == pytest.approx(accuracy_score(true, shares.argmax(axis=1)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_metrics_come_one_after_the_other_each_for_all_parts(backend):
    trainer = Trainer(LINNERUD, backend)
    trainer.train_epochs(20)
    found, data = Measuring(trainer.run).measure(trainer.compute), trainer.run.data
    named = dict(zip(columns_of(trainer.run)[1:], (*found.losses, *found.metrics), strict=False))
    for part, rows in (("train", data.train_rows), ("test", data.test_rows)):
        true, said = data.dataset.targets[rows], data.preprocessing.values(found.outputs[rows])
        assert named[f"{part}_rmse"] == pytest.approx(root_mean_squared_error(true, said), rel=1e-5)
        assert named[f"{part}_r2"] == pytest.approx(r2_score(true, said), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_measuring_moves_nothing_and_what_it_found_stays(backend):
    trainer = Trainer(IRIS, backend)
    trainer.train_steps(7)
    measuring, other = Measuring(trainer.run), Trainer(IRIS, backend)
    other.train_steps(7)
    before = trainer.outputs, trainer.history.length, [int(trainer.state.counters[i]) for i in (EPOCH, POSITION, STEP)]
    first = measuring.measure(trainer.compute)
    kept = first.outputs.copy()
    assert trainer.outputs is before[0]
    assert trainer.history.length == before[1]
    assert [int(trainer.state.counters[i]) for i in (EPOCH, POSITION, STEP)] == before[2]
    trainer.train_steps(20)
    other.train_steps(20)
    assert np.array_equal(trainer.parameters, other.parameters)
    assert not np.array_equal(measuring.measure(trainer.compute).outputs, kept)
    assert np.array_equal(first.outputs, kept)
    with pytest.raises(ValueError, match="read-only"):
        first.outputs[0, 0] = 1


def test_gradients_have_a_number_a_column_whether_they_were_measured_or_not():
    trainer = Trainer(set_field(IRIS, "network.layers.0.trainable", "false"), "reference")
    columns = [name for name in columns_of(trainer.run) if name.startswith("gradient_")]
    found, none = gradient_numbers(trainer.run, trainer.compute), no_gradient_numbers(trainer.run)
    assert len(columns) == len(found) == len(none) == 4
    assert np.isnan(found[:2]).all(), "a frozen layer has no gradient"
    assert np.isfinite(found[2:]).all()
    assert np.isnan(none).all()
