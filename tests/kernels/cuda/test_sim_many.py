"""The seed storm in the simulator: each network ends where it ends alone, and where the CPU's storm ends."""

import numpy as np
import pytest
from alike import assert_near

from playground import train_many
from playground.catalog.schedules import Cosine
from playground.experiment import (
    SGD,
    AdamW,
    BundledSource,
    DataSpec,
    Dense,
    Dropout,
    Experiment,
    Momentum,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    set_field,
)
from playground.kernels.cuda import many as cuda_many
from playground.training.trainer import Trainer

SEEDS, RATES = (0, 7), (0.02, 0.005)


def experiment_of(name="circle", task="binary", loss="binary_cross_entropy", layers=None, test_fraction=0.5, **training):
    source = BundledSource(name=name) if name == "linnerud" else SyntheticSource(name=name, samples=40)
    layers = layers or (Dense(units=3, activation="tanh"), Dense(units=2, activation="relu"))
    training = {"batch_size": 6, "epochs": 3, **training}
    return Experiment(
        data=DataSpec(source=source, test_fraction=test_fraction),
        network=NetworkSpec(layers=layers),
        training=TrainingSpec(task=task, loss=loss, **training),
    )


RUNS = {
    "binary": experiment_of(optimizer=AdamW(weight_decay=0.3), schedule=Cosine(), clip_norm=0.1, label_smoothing=0.1),
    "regression": experiment_of("linnerud", "regression", "mean_squared_error", optimizer=Momentum(), l1=0.01, clip_value=0.1),
    "class weights": experiment_of(optimizer=SGD(learning_rate=0.1), class_weights=(1.0, 3.0)),
    "dropout": experiment_of(layers=(Dense(units=4, activation="silu"), Dropout(rate=0.4)), optimizer=SGD(learning_rate=0.1)),
    "no test rows": experiment_of("multi_gauss", "regression", "huber", test_fraction=0.0),
}


@pytest.fixture
def launches(monkeypatch):
    """Notes the blocks of every launch of a storm."""
    found, launch = [], cuda_many._Storm._launch

    def counted(storm, script, epochs, done):
        found.append((storm.networks, epochs))
        return launch(storm, script, epochs, done)

    monkeypatch.setattr(cuda_many._Storm, "_launch", counted)
    return found


@pytest.mark.parametrize("name", RUNS)
def test_each_network_ends_as_alone_and_as_on_the_cpu(name, launches):
    experiment = RUNS[name]
    # It says itself for how long it would be trained; three epochs are what schedules must know of.
    longer = set_field(experiment, "training.epochs", 300)
    runs = train_many(longer, seeds=SEEDS, learning_rates=RATES, epochs=3, target=0.4, backend="cuda")
    assert launches == [(4, 3)]
    host = train_many(longer, seeds=SEEDS, learning_rates=RATES, epochs=3, target=0.4, backend="cpu")
    assert_near(runs.train_losses, host.train_losses)
    assert_near(runs.test_losses, host.test_losses)
    assert np.isnan(host.test_losses).all() == (name == "no test rows")
    for mine, theirs in zip(runs.parameters, host.parameters, strict=True):
        assert_near(mine, theirs)
    np.testing.assert_array_equal(runs.reached, host.reached)
    alone = set_field(set_field(experiment, "network.seed", "7"), "training.optimizer.learning_rate", "0.005")
    trainer = Trainer(alone, "cuda")
    assert runs.model(7, 0.005).experiment == alone
    for epoch in range(3):
        trainer.train_epochs()
        if name != "no test rows":
            test_loss = trainer.record(with_gradients=False)["test_loss"]
            assert runs.test_losses[epoch, 3] == pytest.approx(test_loss, rel=1e-5)
    assert_near(runs.parameters[3], trainer.parameters, 1e-5)


def test_several_launches_give_exactly_what_one_gives(launches, monkeypatch):
    experiment = RUNS["binary"]
    once = train_many(experiment, seeds=SEEDS, epochs=3, backend="cuda")
    # Four steps an epoch: two epochs a launch, or one where an epoch has more rows than a launch should.
    for limit, most, expected in (("MOST_STEPS", 9, [2, 1]), ("MOST_ROWS", 1, [1, 1, 1])):
        launches.clear()
        with monkeypatch.context() as patch:
            patch.setattr(cuda_many, limit, most)
            parts = train_many(experiment, seeds=SEEDS, epochs=3, backend="cuda")
        assert launches == [(2, epochs) for epochs in expected]
        for name in ("parameters", "train_losses", "test_losses"):
            np.testing.assert_array_equal(getattr(parts, name), getattr(once, name), err_msg=name)


@pytest.mark.parametrize("most_steps", [1 << 14, 9])
def test_a_network_that_blows_up_disturbs_nobody(most_steps, monkeypatch):
    monkeypatch.setattr(cuda_many, "MOST_STEPS", most_steps)
    experiment = experiment_of("multi_gauss", "regression", "mean_squared_error", optimizer=SGD(learning_rate=0.01))
    rates = [0.01, 900.0, 0.02]
    both = train_many(experiment, seeds=[1], learning_rates=rates, epochs=5, backend="cuda", target=1e9)
    host = train_many(experiment, seeds=[1], learning_rates=rates, epochs=5, backend="cpu", target=1e9)
    assert not np.isfinite(both.train_losses[-1, 1])
    assert not np.isfinite(both.test_losses[-1, 1])
    np.testing.assert_array_equal(np.isfinite(both.train_losses), np.isfinite(host.train_losses))
    alone = train_many(experiment, seeds=[1], learning_rates=[0.01, 0.02], epochs=5, backend="cuda")
    for name in ("parameters", "train_losses", "test_losses"):
        mine, theirs = getattr(both, name), getattr(alone, name)
        mine = mine[[0, 2]] if name == "parameters" else mine[:, [0, 2]]
        np.testing.assert_array_equal(mine, theirs, err_msg=name)
    assert_near(both.train_losses[:, [0, 2]], host.train_losses[:, [0, 2]])


def test_it_stops_between_launches(launches, monkeypatch):
    monkeypatch.setattr(cuda_many, "MOST_STEPS", 4)
    stop = np.zeros(1, np.int64)
    write = cuda_many.write_script

    def and_stop(*arguments):
        stop[0] = len(launches) == 1
        return write(*arguments)

    monkeypatch.setattr(cuda_many, "write_script", and_stop)
    runs = train_many(RUNS["class weights"], seeds=SEEDS, epochs=5, backend="cuda", stop=stop)
    assert len(launches) == 2
    assert np.isfinite(runs.train_losses[:2]).all()
    assert np.isnan(runs.train_losses[2:]).all()
    monkeypatch.undo()
    host = train_many(RUNS["class weights"], seeds=SEEDS, epochs=2, backend="cpu")
    assert_near(runs.parameters, host.parameters)


def test_networks_too_large_for_a_block_train_in_turn(launches):
    experiment = experiment_of("linnerud", "regression", "mean_squared_error", layers=(Dense(units=350, activation="tanh"),))
    runs = train_many(experiment, seeds=[0, 1], epochs=1, backend="cuda")
    assert not launches
    host = train_many(experiment, seeds=[0, 1], epochs=1, backend="cpu")
    assert_near(runs.parameters, host.parameters)
    assert_near(runs.train_losses, host.train_losses)
    assert_near(runs.test_losses, host.test_losses)


def test_without_training_the_parameters_are_the_initial_ones():
    runs = train_many(RUNS["binary"], seeds=SEEDS, epochs=0, backend="cuda")
    host = train_many(RUNS["binary"], seeds=SEEDS, epochs=0, backend="cpu")
    np.testing.assert_array_equal(runs.parameters, host.parameters)
    assert (runs.reached == 0).all()
