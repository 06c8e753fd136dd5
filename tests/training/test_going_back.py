"""Numbers that are shown, saved and exported are those of the weights beside them, also where a run has gone back."""

import time

import numpy as np
import pytest
from msgspec import structs

from playground.experiment import (
    SGD,
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
from playground.kernels.reference import backend as reference
from playground.training import trainer as trainer_module
from playground.training.protocol import Pause, Status, Train, Use, Watch
from playground.training.session import TrainingSession
from playground.training.trainer import BLOWN_UP, Trainer, train

pytestmark = pytest.mark.compile

# A mean squared error on raw targets at a rate far too high: it blows up within a few steps.
DIVERGING = Experiment(
    data=DataSpec(source=BundledSource(name="diabetes")),
    network=NetworkSpec(layers=(Dense(units=8, activation="relu"),)),
    training=TrainingSpec(task="regression", loss="mean_squared_error", optimizer=SGD(learning_rate=2.0), batch_size=32),
)
STOPPING = Experiment(
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


@pytest.fixture
def session():
    session = TrainingSession("cpu", threads=1)
    session.start()
    yield session
    assert session.close(), "the thread didn't end"


def sent(session, command, condition=lambda snapshot: snapshot.status is not Status.RUNNING):
    """The first snapshot after a command for which the condition holds."""
    before, end = session.latest, time.monotonic() + 60
    session.send(command)
    while session.latest is before or session.latest.run is None or not condition(session.latest):
        assert time.monotonic() < end
        time.sleep(0.001)
    return session.latest


def losses_of(snapshot):
    """Training and test loss of a snapshot's weights by the definition, in float64."""
    data, run = snapshot.run.data, snapshot.run
    state = reference.new_state(run.plan, run.experiment.training, snapshot.parameters, 1)
    parts = (data.train_inputs, data.train_targets), (data.test_inputs, data.test_targets)
    return [reference.evaluate(state, inputs, targets, np.zeros_like(targets)) for inputs, targets in parts]


def assert_own_numbers(snapshot):
    own = losses_of(snapshot)
    for numbers in (snapshot.history.last(), snapshot.measurement):
        assert [numbers["train_loss"], numbers["test_loss"]] == pytest.approx(own, rel=1e-5, abs=1e-7)
    assert not [name for name in snapshot.measurement if name.startswith("gradient")]


@pytest.mark.parametrize("rate", [2.0, 5.0, 30.0])
@pytest.mark.parametrize("command", [Train(steps=1), Train(steps=3), Train(), Train(epochs_per_frame=0.1)], ids=str)
def test_a_divergence_leaves_the_numbers_of_the_weights_that_are_kept(session, command, rate):
    sent(session, Use(set_field(DIVERGING, "training.optimizer.learning_rate", str(rate))))
    for _ in range(400):
        shown = sent(session, command)
        if shown.status is Status.DIVERGED:
            break
        assert_own_numbers(shown)
    assert shown.status is Status.DIVERGED
    assert_own_numbers(shown)
    assert shown.history.last()["epoch"] <= shown.epoch
    # Tried again from there, by single steps, and with a rate that works.
    again = shown
    for _ in range(3):
        again = sent(session, Train(steps=1))
        assert_own_numbers(again)
    assert again.step > shown.step, "it trains on"
    sent(session, Use(set_field(DIVERGING, "training.optimizer.learning_rate", "0.001")))
    on = sent(session, Train(steps=5))
    assert on.status is Status.PAUSED
    assert_own_numbers(on)
    assert on.history.last()["epoch"] == on.epoch


def test_weights_put_in_and_edits_have_their_own_numbers(session):
    start = sent(session, Use(DIVERGING))
    slow = set_field(DIVERGING, "training.optimizer.learning_rate", "0.01")
    sent(session, Use(slow))
    assert_own_numbers(sent(session, Train(steps=40)))
    assert_own_numbers(sent(session, Use(slow, parameters=start.parameters)))
    for path, value in (("training.loss", "mean_absolute_error"), ("network.layers.0.activation", "tanh")):
        slow = set_field(slow, path, value)
        assert_own_numbers(sent(session, Use(slow)))


def test_weights_put_in_that_blow_up_at_once_are_measured_all_the_same(session):
    """There is nothing good to go back to: the numbers are those of the bad ones, not of others."""
    start = sent(session, Use(DIVERGING))
    sent(session, Train(steps=1))
    bad = sent(session, Use(DIVERGING, parameters=start.parameters * np.float32(1e30)))
    assert not np.isfinite(bad.measurement["train_loss"])
    assert np.array_equal(bad.parameters, start.parameters * np.float32(1e30))
    ended = sent(session, Train(steps=1))
    assert ended.status is Status.DIVERGED
    assert "smaller weights" in ended.error


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_good_weights_after_the_first_ones_come_back_with_their_row(backend):
    trainer = Trainer(set_field(DIVERGING, "training.optimizer.learning_rate", "0.01"), backend)
    trainer.record()
    trainer.train_steps(20)
    seen = [(trainer.parameters, trainer.record())]
    trainer.use(DIVERGING)
    while trainer.train_steps(1):
        parameters, row = trainer.parameters, trainer.record()
        if not trainer.diverged:
            seen.append((parameters, row))
        assert trainer.step < 100
    losses = [row["train_loss"] for _, row in seen]
    assert losses[-1] > 1e6 * min(losses), "recorded, but no good to go back to"
    good, row = next((weights, row) for weights, row in reversed(seen) if row["train_loss"] <= BLOWN_UP * min(losses))
    assert row["epoch"] > 0
    assert np.array_equal(trainer.parameters, good)
    own = {name: value for name, value in row.items() if not name.startswith("gradient")}
    assert trainer.measurement == own
    assert trainer.model().metrics == own
    assert trainer.history.last() == row, "under the epoch that they are of"


def test_a_model_is_never_handed_out_with_other_weights_numbers():
    trainer = Trainer(set_field(DIVERGING, "training.optimizer.learning_rate", "0.01"), "cpu")
    first = trainer.record()
    trainer.train_steps(20)
    assert trainer.measurement == {}, "not measured yet"
    assert trainer.model().metrics["train_loss"] < first["train_loss"] / 2


# Early stopping


def test_after_an_early_stop_each_row_is_that_of_its_epoch_and_the_last_one_of_the_kept_weights():
    losses, free = [], Trainer(set_field(STOPPING, "training.early_stopping", "null"), "cpu")
    free.record()
    for _ in range(60):
        free.train_epochs()
        losses.append(free.record())
    trainer = Trainer(STOPPING, "cpu")
    trainer.record()
    while not trainer.stopped:
        trainer.train_epochs()
        if not trainer.measured:
            trainer.record()
    history, stop = trainer.history, int(trainer.epoch)
    best = 1 + int(np.argmin([row["validation_loss"] for row in losses[:stop]]))
    assert list(history.column("epoch")) == [*range(stop + 1), best]
    for index in range(1, history.length):
        row = history.row(index)
        assert row == losses[int(row["epoch"]) - 1], "what the weights of that epoch reach, wherever it stands"
    assert trainer.weights_epoch == best
    assert trainer.train_epochs(1)
    assert trainer.record()["epoch"] == trainer.weights_epoch == stop + 1


@pytest.mark.parametrize("pace", [None, 0.5])
def test_the_session_shows_what_the_kept_epoch_reached(session, pace):
    sent(session, Use(STOPPING))
    done = sent(session, Train(epochs_per_frame=pace))
    assert done.status is Status.FINISHED
    best = int(done.stopped.partition("those of epoch ")[2].partition(",")[0])
    assert done.measurement["epoch"] == done.history.last()["epoch"] == best < done.epoch
    assert_own_numbers(done)
    stop = done.history.row(done.history.length - 2)
    assert stop["epoch"] == done.epoch
    fresh = Trainer(set_field(STOPPING, "training.early_stopping", "null"), "cpu", threads=1)
    fresh.train_epochs(int(done.epoch))
    assert stop["validation_loss"] == fresh.record()["validation_loss"]


def test_train_gives_the_kept_epochs_numbers_once():
    seen = []
    model = train(STOPPING, backend="cpu", progress=lambda trainer: seen.append(trainer.history))
    assert model.metrics["epoch"] == seen[-1].last()["epoch"] < len(seen)
    assert len(seen) < 400, "an early stop ends it"
    assert seen[-1].length == len(seen) + 2, "row 0, a row an epoch, and the kept one"


# Gradients


def test_a_run_that_was_paused_has_its_gradients(session):
    slow = structs.replace(STOPPING.training, epochs=10**6, early_stopping=None, optimizer=SGD(learning_rate=1e-3))
    endless = structs.replace(STOPPING, training=slow)
    sent(session, Use(endless))
    for _ in range(10):
        running = sent(session, Train(), lambda snapshot: snapshot.status is Status.RUNNING and snapshot.history.length > 3)
        time.sleep(0.05)
        rows = running.history.rows[: running.history.length].copy()
        paused = sent(session, Pause())
        names = [name for name in paused.history.columns if name.startswith("gradient_")]
        assert len(names) == 6
        assert np.isfinite([paused.history.last()[name] for name in names]).all()
        assert_own_numbers(paused)
        assert np.array_equal(running.history.rows[: running.history.length], rows, equal_nan=True), "handed out: never changes"


@pytest.mark.parametrize("where", ["measuring", "parts"])
def test_a_run_that_is_taken_back_while_it_is_looked_at_is_looked_at_again(session, monkeypatch, where):
    """As a GPU that is lost does: parameters and step are those that the host last saw."""
    trainers, seen, lost = [], [], []

    def lose(trainer):
        if trainer.step == 9 and not lost:
            lost.append(trainer.step)
            trainer.state.put(seen[-1][0])
            trainer.state.counters[:] = seen[-1][1]
        elif trainer.step == 5:
            seen.append((trainer.parameters, trainer.state.counters.copy()))

    if where == "measuring":
        plain = trainer_module.gradient_numbers

        def measured(run, compute):
            for trainer in trainers:
                lose(trainer)
            return plain(run, compute)

        monkeypatch.setattr(trainer_module, "gradient_numbers", measured)

    def part(trainer, _watch):
        trainers[:] = [trainer]
        if where == "parts":
            lose(trainer)
        return trainer.outputs

    session.send(Watch(frozenset({part})))
    sent(session, Use(set_field(DIVERGING, "training.optimizer.learning_rate", "0.01")))
    sent(session, Train(steps=5))
    shown = sent(session, Train(steps=4))
    assert (lost, shown.step) == ([9], 5)
    assert_own_numbers(shown)
    outputs = np.zeros_like(shown.run.data.train_targets)
    state = reference.new_state(shown.run.plan, shown.run.experiment.training, shown.parameters, 1)
    reference.evaluate(state, shown.run.data.train_inputs, shown.run.data.train_targets, outputs)
    np.testing.assert_allclose(shown.parts[part][shown.run.data.train_rows], outputs, rtol=1e-5, atol=1e-5)
