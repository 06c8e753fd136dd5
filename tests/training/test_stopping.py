"""Early stopping: patience in epochs, the best weights come back, and rows to watch that nothing else touches."""

import time
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from playground.data.preprocessing import prepare
from playground.experiment import (
    Adam,
    BundledSource,
    DataSpec,
    Dense,
    EarlyStopping,
    Experiment,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    set_field,
)
from playground.training.protocol import Status, Train, Use
from playground.training.session import TrainingSession
from playground.training.stopping import Patience
from playground.training.trainer import Trainer, train

pytestmark = pytest.mark.compile

BACKENDS = ["cpu", "reference"]
# Few noisy points and many neurons: the validation loss rises after some epochs.
OVERFITTING = Experiment(
    data=DataSpec(source=SyntheticSource(name="circle", samples=120, noise=50), validation_fraction=0.3, seed=3),
    network=NetworkSpec(layers=(Dense(units=16, activation="tanh"), Dense(units=16, activation="tanh"))),
    training=TrainingSpec(
        task="binary",
        loss="binary_cross_entropy",
        optimizer=Adam(learning_rate=0.03),
        batch_size=8,
        epochs=400,
        early_stopping=EarlyStopping(patience=7),
    ),
)
FREE = set_field(OVERFITTING, "training.early_stopping", "null")


def validation_loss(trainer, parameters=None):
    """Measured afresh on a run of its own."""
    fresh = Trainer(FREE, trainer.backend.NAME, trainer.parameters if parameters is None else parameters)
    return fresh.record()["validation_loss"]


def curve(backend, epochs):
    """Validation loss and weights after each epoch of a run that nothing stops."""
    trainer, losses, weights = Trainer(FREE, backend), [], []
    for _ in range(epochs):
        trainer.train_epochs()
        losses.append(trainer.record()["validation_loss"])
        weights.append(trainer.parameters)
    return np.array(losses), weights


def expected_stop(losses, patience, min_delta=0.0):
    """Epoch of the best loss and epoch of the stop, from the definition."""
    best, at = np.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best - min_delta:
            best, at = loss, epoch
        if epoch - at >= patience:
            return at, epoch
    raise AssertionError("it never stops")


# The rule


def test_patience_is_counted_in_epochs_since_the_best():
    patience = Patience(EarlyStopping(patience=3))
    losses = [5.0, 4.0, 4.5, 4.2, 3.9, 4.0, 4.0, 4.0]
    stops = [patience.look(epoch, loss, np.array([epoch])) for epoch, loss in enumerate(losses, start=1)]
    assert stops == [False] * 7 + [True]
    assert (patience.best_epoch, patience.best_loss, patience.best_parameters[0]) == (5, 3.9, 5)


def test_lower_by_less_than_min_delta_is_not_lower():
    patience = Patience(EarlyStopping(patience=2, min_delta=0.5))
    assert [patience.look(epoch, loss, np.zeros(1)) for epoch, loss in enumerate([3.0, 2.6, 2.51], start=1)] == [
        False,
        False,
        True,
    ]
    assert patience.best_epoch == 1
    for min_delta, losses in ((0.5, [3.0, 2.5, 2.5]), (0.0, [3.0, 3.0, 3.0])):
        patience = Patience(EarlyStopping(patience=2, min_delta=min_delta))
        assert [patience.look(epoch, loss, np.zeros(1)) for epoch, loss in enumerate(losses, start=1)][-1], "just so much isn't"
        assert patience.best_epoch == 1
    patience = Patience(EarlyStopping(patience=2, min_delta=0.5))
    assert not any(patience.look(epoch, 3.0 - 0.6 * epoch, np.zeros(1)) for epoch in range(1, 20))


def test_the_best_weights_are_a_copy():
    weights = np.ones(3)
    patience = Patience(EarlyStopping())
    patience.look(1, 1.0, weights)
    weights[:] = 7
    assert patience.best_parameters.tolist() == [1, 1, 1]


# In a run


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("patience", "min_delta"), [(7, 0.0), (3, 0.0), (5, 0.02)])
def test_it_stops_when_the_definition_says_and_goes_back_to_the_best_weights(backend, patience, min_delta):
    losses, weights = curve(backend, 60)
    best, stop = expected_stop(losses, patience, min_delta)
    assert 1 < best < stop < 60
    rule = EarlyStopping(patience=patience, min_delta=min_delta)
    trainer = Trainer(structs.replace(OVERFITTING, training=structs.replace(OVERFITTING.training, early_stopping=rule)), backend)
    assert trainer.train_epochs(400)
    assert trainer.epoch == stop
    assert np.array_equal(trainer.parameters, weights[best - 1])
    assert trainer.record()["validation_loss"] == pytest.approx(losses[best - 1], rel=1e-6)
    assert validation_loss(trainer) == pytest.approx(losses[best - 1], rel=1e-6)
    assert f"Stopped after epoch {stop}: no lower validation loss for {patience} epochs." in trainer.stopped
    assert f"those of epoch {best}, with a validation loss of {losses[best - 1]:.4f}" in trainer.stopped


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_call_and_many_give_the_same_run(backend):
    whole, by_epoch, by_steps = (Trainer(OVERFITTING, backend) for _ in range(3))
    whole.train_epochs(400)
    while not by_epoch.stopped:
        by_epoch.train_epochs()
    while not by_steps.stopped:
        by_steps.train_steps(3)
    for other in (by_epoch, by_steps):
        assert np.array_equal(other.parameters, whole.parameters)
        assert np.array_equal(other.state.counters, whole.state.counters)
        assert other.stopped == whole.stopped


def test_going_on_after_a_stop_has_the_whole_patience_again():
    trainer = Trainer(OVERFITTING, "cpu")
    trainer.train_epochs(400)
    first, best = trainer.epoch, validation_loss(trainer)
    assert trainer.train_epochs(1)
    assert trainer.stopped == ""
    assert trainer.epoch == first + 1
    trainer.train_epochs(400)
    assert trainer.epoch >= first + 7
    assert validation_loss(trainer) <= best, "never worse than what it went back to before"


def test_at_the_last_epoch_the_best_weights_come_back_too():
    losses, weights = curve("cpu", 60)
    best, stop = expected_stop(losses, 7)
    last = best + 3
    assert last < stop
    experiment = set_field(OVERFITTING, "training.epochs", str(last))
    trainer = Trainer(experiment, "cpu")
    trainer.train_epochs(last)
    assert np.array_equal(trainer.parameters, weights[best - 1])
    assert f"Stopped after epoch {last}: the last epoch is over." in trainer.stopped
    seen = []
    model = train(experiment, backend="cpu", progress=lambda run: seen.append(run.epoch))
    assert np.array_equal(model.parameters, weights[best - 1])
    assert model.metrics["validation_loss"] == pytest.approx(losses[best - 1], rel=1e-6)
    assert seen == list(range(1, last + 1)), "the last epoch is reported, too"


def test_without_the_rule_the_last_weights_stay():
    losses, weights = curve("cpu", 20)
    trainer = Trainer(set_field(FREE, "training.epochs", "20"), "cpu")
    trainer.train_epochs(20)
    assert trainer.stopped == ""
    assert np.array_equal(trainer.parameters, weights[-1])
    assert losses[-1] > losses.min()


def test_weights_of_another_run_are_not_gone_back_to():
    trainer = Trainer(OVERFITTING, "cpu")
    trainer.train_epochs(10)
    trainer.put(np.zeros_like(trainer.parameters))
    put = validation_loss(trainer)
    trainer.train_epochs(400)
    assert trainer.stopped
    epoch = int(trainer.stopped.partition("those of epoch ")[2].partition(",")[0])
    assert epoch > 10
    assert validation_loss(trainer) <= put + 1e-6


def test_the_session_finishes_with_the_sentence_and_the_best_weights():
    trainer = Trainer(OVERFITTING, "cpu")
    trainer.train_epochs(400)
    session = TrainingSession(backend="cpu")
    session.start()
    try:
        session.send(Use(OVERFITTING))
        session.send(Train())
        end = time.monotonic() + 30
        while session.latest is None or session.latest.status is not Status.FINISHED:
            assert time.monotonic() < end
            time.sleep(0.005)
        done = session.latest
        assert done.stopped == trainer.stopped
        assert done.epoch == trainer.epoch < 400
        assert np.array_equal(done.parameters, trainer.parameters)
        assert done.history.last()["validation_loss"] == pytest.approx(validation_loss(trainer), rel=1e-6)
        assert done.error is None
        session.send(Train(steps=2))
        while session.latest.step != done.step + 2 or session.latest.status is not Status.PAUSED:
            assert time.monotonic() < end
            time.sleep(0.005)
        assert session.latest.stopped == ""
    finally:
        assert session.close()


# The rows


@pytest.mark.parametrize(("name", "task"), [("iris", "multiclass"), ("breast_cancer", "binary"), ("diabetes", "regression")])
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_validation_rows_are_in_no_other_part_and_hold_every_classs_share(name, task, seed):
    loss = {"multiclass": "categorical_cross_entropy", "binary": "binary_cross_entropy", "regression": "mean_squared_error"}[task]
    spec = DataSpec(source=BundledSource(name=name), test_fraction=0.3, validation_fraction=0.2, seed=seed)
    experiment = Experiment(data=spec, network=NetworkSpec(), training=TrainingSpec(task=task, loss=loss))
    data = prepare(experiment)
    parts = [data.train_rows, data.validation_rows, data.test_rows]
    rows = len(data.dataset.features)
    assert sorted(np.concatenate(parts)) == list(range(rows)), "each row once"
    left = rows - len(data.test_rows)
    assert len(data.validation_rows) == round(0.2 * left)
    for part, inputs, targets in zip(
        parts,
        (data.train_inputs, data.validation_inputs, data.test_inputs),
        (data.train_targets, data.validation_targets, data.test_targets),
        strict=True,
    ):
        assert np.array_equal(inputs, data.preprocessing.inputs(data.dataset.features[part]))
        assert np.array_equal(targets, data.preprocessing.targets(data.dataset.targets[part]))
    assert np.allclose(data.train_inputs.mean(axis=0), 0, atol=1e-5), "nothing but training rows sets the scale"
    if task != "regression":
        classes = data.dataset.targets[:, 0]
        rest = np.concatenate(parts[:2])
        for number in np.unique(classes):
            expected = len(data.validation_rows) * (classes[rest] == number).mean()
            assert abs((classes[data.validation_rows] == number).sum() - expected) <= 1
    without = prepare(structs.replace(experiment, data=structs.replace(spec, validation_fraction=0.0)))
    assert np.array_equal(without.test_rows, data.test_rows), "the test rows don't depend on it"


def test_validation_rows_never_train():
    """Their targets turned around change what is measured, never the weights."""
    data = prepare(OVERFITTING)
    turned = replace(data, validation_targets=1 - data.validation_targets)
    plain, other = Trainer(FREE, "cpu", data=data), Trainer(FREE, "cpu", data=turned)
    for trainer in (plain, other):
        trainer.train_epochs(20)
    assert np.array_equal(plain.parameters, other.parameters)
    assert plain.record()["validation_loss"] != other.record()["validation_loss"]
