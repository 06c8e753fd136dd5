"""Many runs at once: each gives what it would give alone, whatever the head, and the success map says who got there."""

import threading
import time

import msgspec
import numpy as np
import pytest

from playground import train, train_many
from playground.catalog.schedules import Cosine, Step
from playground.experiment import (
    SGD,
    Adam,
    AdamW,
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    ExperimentError,
    Momentum,
    Nesterov,
    NetworkSpec,
    RMSprop,
    SyntheticSource,
    TrainingSpec,
    initial_parameters,
    set_field,
)
from playground.training.trainer import Trainer

pytestmark = pytest.mark.compile


def experiment_of(name="circle", task="binary", loss="binary_cross_entropy", **training):
    source = BundledSource(name=name) if name == "iris" else SyntheticSource(name=name, samples=90)
    return Experiment(
        data=DataSpec(source=source, test_fraction=0.3),
        network=NetworkSpec(layers=(Dense(units=5, activation="tanh"), Dense(units=9, activation="relu"))),
        training=TrainingSpec(task=task, loss=loss, batch_size=7, **training),
    )


def bent(experiment):
    """Activations whose slope needs the sum, which must be kept beside the value."""
    layers = (Dense(units=5, activation="gelu"), Dense(units=9, activation="sine"))
    return msgspec.structs.replace(experiment, network=NetworkSpec(layers=layers))


HEADS = [
    experiment_of(optimizer=Adam(learning_rate=0.01)),
    experiment_of(optimizer=Momentum(learning_rate=0.02), l1=0.001, l2=0.01),
    experiment_of("iris", "multiclass", "categorical_cross_entropy", optimizer=SGD(learning_rate=0.1)),
    set_field(experiment_of("iris", "multiclass", "mean_squared_error"), "network.output_activation", "softmax"),
    experiment_of("iris", "multiclass", "binary_cross_entropy"),
    experiment_of("multi_gauss", "regression", "mean_squared_error"),
    set_field(experiment_of("circle", "binary", "half_squared_error"), "network.output_activation", "tanh"),
    experiment_of(optimizer=AdamW(weight_decay=0.5), schedule=Cosine(lowest=0.1), clip_norm=0.05, label_smoothing=0.1),
    experiment_of(optimizer=RMSprop(momentum=0.5), schedule=Step(every=2), clip_value=0.01),
    experiment_of("iris", "multiclass", "categorical_cross_entropy", class_weights=(1.0, 2.0, 0.5), weight_decay=0.1),
    bent(experiment_of("multi_gauss", "regression", "huber", optimizer=Nesterov(learning_rate=0.01))),
]


@pytest.mark.parametrize("experiment", HEADS, ids=lambda e: f"{e.training.task}-{e.training.loss}")
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_each_run_gives_what_it_gives_alone(experiment, backend):
    seeds, rates = range(9), (0.02, 0.005)
    runs = train_many(experiment, seeds=seeds, learning_rates=rates, epochs=4, backend=backend, threads=2)
    assert runs.train_losses.shape == runs.test_losses.shape == (4, 18)
    for seed, rate in ((0, 0.02), (4, 0.005), (8, 0.005)):
        alone = set_field(set_field(experiment, "network.seed", str(seed)), "training.optimizer.learning_rate", str(rate))
        trainer = Trainer(set_field(alone, "training.epochs", "4"), backend)
        index = seed * 2 + rates.index(rate)
        for epoch in range(4):
            trainer.train_epochs()
            assert runs.test_losses[epoch, index] == pytest.approx(trainer.record()["test_loss"], rel=1e-4)
        np.testing.assert_allclose(runs.parameters[index], trainer.parameters, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "warm_up", "one_cycle", '{"type": "step", "every": 2}'])
@pytest.mark.parametrize("epochs", [1, 5])
@pytest.mark.parametrize("units", [4, 40])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_storm_of_some_epochs_runs_the_schedule_that_one_run_of_so_many_does(schedule, epochs, units, backend):
    experiment = set_field(experiment_of("gauss"), "network.layers.0.units", units)
    experiment = set_field(experiment, "training.schedule", schedule)
    many = train_many(experiment, seeds=[0, 1], epochs=epochs, backend=backend)
    alone = train(set_field(experiment, "network.seed", "1"), epochs=epochs, backend=backend)
    np.testing.assert_allclose(many.parameters[1], alone.parameters, rtol=2e-5, atol=1e-6)
    model = many.model(1, experiment.training.optimizer.learning_rate)
    assert model.experiment == alone.experiment
    assert model.experiment.training.epochs == many.experiment.training.epochs == epochs


def test_the_losses_are_those_of_training():
    experiment = HEADS[0]
    runs = train_many(experiment, seeds=[3], epochs=3)
    trainer = Trainer(set_field(experiment, "network.seed", "3"))
    data, state = trainer.run.data, trainer.state
    for epoch in range(3):
        loss = trainer.backend.train(state, data.train_inputs, data.train_targets, trainer.steps_per_epoch)
        assert runs.train_losses[epoch, 0] == pytest.approx(loss, rel=1e-5)


def test_the_success_map_says_when_each_run_reached_the_target():
    experiment = experiment_of("gauss", optimizer=Adam(learning_rate=0.02))
    runs = train_many(experiment, seeds=range(5), learning_rates=[0.02, 1e-6], epochs=30, target=0.1)
    assert runs.reached.shape == (5, 2)
    assert (runs.reached[:, 0] > 0).all()
    assert (runs.reached[:, 1] == 0).all()
    for seed in range(5):
        losses = runs.test_losses[:, seed * 2]
        first = int(runs.reached[seed, 0])
        assert losses[first - 1] <= 0.1
        assert (losses[: first - 1] > 0.1).all()


def test_a_network_that_blows_up_disturbs_nobody():
    experiment = experiment_of("multi_gauss", "regression", "mean_squared_error", optimizer=SGD(learning_rate=0.01))
    both = train_many(experiment, seeds=[1], learning_rates=[0.01, 900.0], epochs=5)
    assert not np.isfinite(both.test_losses[-1, 1])
    alone = train_many(experiment, seeds=[1], learning_rates=[0.01], epochs=5)
    assert np.array_equal(both.parameters[0], alone.parameters[0])
    assert both.reached[0, 1] == 0


def test_networks_too_large_for_lanes_train_in_turn():
    experiment = msgspec.structs.replace(HEADS[0], network=NetworkSpec(layers=(Dense(units=40, activation="tanh"),)))
    runs = train_many(experiment, seeds=[0, 1], epochs=2)
    trainer = Trainer(set_field(experiment, "network.seed", "1"))
    trainer.train_epochs(2)
    np.testing.assert_allclose(runs.parameters[1], trainer.parameters, rtol=1e-5, atol=1e-6)


def test_a_run_is_a_model_of_its_own():
    runs = train_many(HEADS[0], seeds=[5, 6], epochs=2)
    model = runs.model(6, 0.01)
    assert model.experiment.network.seed == 6
    assert np.array_equal(model.parameters, runs.parameters[1])
    assert model.predict(np.zeros((3, 2))).shape == (3, 1)
    with pytest.raises(ValueError):
        runs.model(7, 0.01)


def test_what_is_impossible_is_refused():
    with pytest.raises(ExperimentError, match="at least one"):
        train_many(HEADS[0], seeds=[])
    with pytest.raises(ExperimentError, match="learning_rate"):
        train_many(HEADS[0], seeds=[1], learning_rates=[-1.0])


def test_it_can_be_stopped_from_another_thread():
    stop = np.zeros(1, np.int64)
    train_many(HEADS[0], seeds=range(3), epochs=1)
    threading.Timer(0.3, lambda: stop.__setitem__(0, 1)).start()
    start = time.monotonic()
    runs = train_many(HEADS[0], seeds=range(200), epochs=50_000, stop=stop)
    assert time.monotonic() - start < 60
    assert np.isnan(runs.train_losses[-1]).all()


def test_no_test_rows_no_test_losses():
    experiment = set_field(HEADS[0], "data.test_fraction", "0")
    runs = train_many(experiment, seeds=[1, 2], epochs=3, target=10.0)
    assert np.isnan(runs.test_losses).all()
    assert (runs.reached == 1).all()


def test_without_training_the_parameters_are_the_initial_ones():
    runs = train_many(HEADS[0], seeds=[1, 2], epochs=0)
    trainer = Trainer(set_field(HEADS[0], "network.seed", "2"))
    assert np.array_equal(runs.parameters[1], initial_parameters(trainer.run.experiment, trainer.run.plan))
    assert (runs.reached == 0).all()


def test_a_run_in_turn_that_is_stopped_has_no_loss():
    experiment = msgspec.structs.replace(HEADS[0], network=NetworkSpec(layers=(Dense(units=40, activation="tanh"),)))
    runs = train_many(experiment, seeds=[0, 1], epochs=3, stop=np.ones(1, np.int64), target=100.0)
    assert np.isnan(runs.train_losses).all()
    assert (runs.reached == 0).all()
