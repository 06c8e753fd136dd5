"""The session's thread: commands in, snapshots out; it survives whatever a run does."""

import time

import msgspec
import numpy as np
import pytest

from playground.experiment import (
    SGD,
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    FileSource,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    initial_parameters,
    set_field,
)
from playground.kernels.cuda import warm as cuda_warm
from playground.training import parts
from playground.training import trainer as trainer_module
from playground.training.backends import BackendChoice
from playground.training.protocol import Pause, Status, Train, Use, Watch
from playground.training.protocol import TestRates as TryRates
from playground.training.rate_finder import find_rate
from playground.training.session import TrainingSession
from playground.training.trainer import Trainer

pytestmark = pytest.mark.compile

CIRCLE = Experiment(
    data=DataSpec(source=SyntheticSource(name="circle", samples=100)),
    network=NetworkSpec(layers=(Dense(units=4, activation="tanh"),)),
    training=TrainingSpec(task="binary", loss="binary_cross_entropy", epochs=50),
)


@pytest.fixture
def session():
    session = TrainingSession(backend="cpu")
    session.start()
    yield session
    assert session.close(), "the thread didn't end"


def wait_for(session, condition, seconds=20.0):
    """The first snapshot of the newest generation for which the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        snapshot = session.latest
        if snapshot is not None and snapshot.generation == session.generation and condition(snapshot):
            return snapshot
        time.sleep(0.002)
    raise AssertionError(f"never seen; last: {session.latest and (session.latest.status, session.latest.error)}")


def test_a_run_stops_first_at_its_epochs_and_goes_on_past_them(session):
    session.send(Use(CIRCLE))
    start = wait_for(session, lambda snapshot: snapshot.run is not None)
    assert (start.status, start.step, start.history.length) == (Status.IDLE, 0, 1)
    session.send(Train())
    end = wait_for(session, lambda snapshot: snapshot.status is Status.FINISHED)
    assert end.epoch == 50
    assert end.history.column("epoch")[-1] == 50
    assert end.history.column("train_loss")[-1] < end.history.column("train_loss")[0]
    session.send(Train())
    on = wait_for(session, lambda snapshot: snapshot.epoch > 60)
    assert on.status is Status.RUNNING
    assert end.history.length < on.history.length, "an older history must not grow"


def test_it_trains_exactly_as_the_trainer_does(session):
    trainer = Trainer(CIRCLE, "cpu")
    trainer.train_epochs(50)
    session.send(Use(CIRCLE))
    session.send(Train())
    end = wait_for(session, lambda snapshot: snapshot.status is Status.FINISHED)
    assert np.array_equal(end.parameters, trainer.parameters)


def test_single_steps(session):
    session.send(Use(CIRCLE))
    for count in (1, 2, 3):
        session.send(Train(steps=1))
        assert wait_for(session, lambda s, count=count: s.step == count).status is Status.PAUSED
    session.send(Train(steps=7))
    assert wait_for(session, lambda snapshot: snapshot.status is Status.PAUSED and snapshot.step > 3).step == 10


def test_pause_and_pace(session):
    session.send(Use(set_field(CIRCLE, "training.epochs", "100000")))
    session.send(Train(epochs_per_frame=0.25))
    wait_for(session, lambda snapshot: snapshot.step > 0)
    start, time_start = wait_for(session, lambda snapshot: True), time.monotonic()
    time.sleep(1.0)
    end = session.latest
    pace = (end.epoch - start.epoch) / (time.monotonic() - time_start)
    assert 5 < pace < 20, "a quarter epoch a frame is 15 a second"
    session.send(Pause())
    paused = wait_for(session, lambda snapshot: snapshot.status is Status.PAUSED)
    time.sleep(0.1)
    assert session.latest.step == paused.step


def test_edits_that_keep_the_weights_keep_the_run(session):
    session.send(Use(set_field(CIRCLE, "training.epochs", "1000000")))
    session.send(Train())
    before = wait_for(session, lambda snapshot: snapshot.step > 100)
    session.send(Use(set_field(before.run.experiment, "training.optimizer.learning_rate", "0.5")))
    after = wait_for(session, lambda snapshot: True)
    assert after.step >= before.step
    assert after.status is Status.RUNNING
    assert after.run.experiment.training.optimizer.learning_rate == 0.5
    session.send(Use(set_field(after.run.experiment, "network.layers.0.units", "6")))
    again = wait_for(session, lambda snapshot: True)
    assert again.run.plan.widths == (2, 6, 1)
    assert again.status is Status.RUNNING


def test_restart_and_given_parameters(session):
    session.send(Use(CIRCLE))
    session.send(Train(steps=20))
    trained = wait_for(session, lambda snapshot: snapshot.step == 20)
    session.send(Use(CIRCLE, restart=True))
    fresh = wait_for(session, lambda snapshot: True)
    assert fresh.step == 0
    assert np.array_equal(fresh.parameters, initial_parameters(CIRCLE, fresh.run.plan))
    session.send(Use(CIRCLE, parameters=trained.parameters))
    back = wait_for(session, lambda snapshot: True)
    assert np.array_equal(back.parameters, trained.parameters)


def test_parts_hold_what_is_watched_and_nothing_else(session):
    session.send(Use(CIRCLE))
    assert dict(wait_for(session, lambda snapshot: True).parts) == {}
    session.send(Watch(frozenset({parts.neurons, parts.surface, parts.outputs, parts.probe}), probe=(1.0, -2.0)))
    found = wait_for(session, lambda snapshot: len(snapshot.parts) == 4).parts
    assert [layer.shape for layer in found[parts.neurons]] == [(2, 40, 40), (4, 40, 40), (1, 40, 40)]
    assert found[parts.surface].shape == (1, 100, 100)
    assert found[parts.outputs].shape == (100, 1)
    assert [layer.shape for layer in found[parts.probe]] == [(2,), (4,), (1,)]
    x1, x2 = found[parts.neurons][0]
    assert (np.diff(x1, axis=1) > 0).all(), "x1 grows to the right"
    assert (np.diff(x2, axis=0) < 0).all(), "x2 grows upward"
    # The surface is the network's output at the point: compare with the outputs of the data's rows nearest to a pixel.
    data = session.latest.run.data
    extent = data.dataset.extent
    columns = ((data.dataset.features / extent + 1) / 2 * 100).astype(int)
    near = found[parts.surface][0][99 - columns[:, 1], columns[:, 0]]
    assert np.abs(near - found[parts.outputs][:, 0]).max() < 0.1


def test_tables_have_no_pictures(session):
    iris = Experiment(
        data=DataSpec(source=BundledSource(name="iris")),
        network=NetworkSpec(layers=()),
        training=TrainingSpec(task="multiclass", loss="categorical_cross_entropy"),
    )
    session.send(Watch(frozenset({parts.neurons, parts.surface, parts.outputs, parts.probe})))
    session.send(Use(iris))
    found = wait_for(session, lambda snapshot: snapshot.run is not None).parts
    assert set(found) == {parts.outputs}
    np.testing.assert_allclose(found[parts.outputs].sum(axis=1), 1, rtol=1e-5)


def test_divergence_stops_the_run_and_keeps_the_last_good_weights(session):
    wild = msgspec.structs.replace(
        CIRCLE,
        network=NetworkSpec(layers=(Dense(units=8, activation="relu"),)),
        training=TrainingSpec(task="binary", loss="mean_squared_error", optimizer=SGD(learning_rate=900.0)),
    )
    wild = set_field(set_field(wild, "network.output_activation", "identity"), "data.standardize", "false")
    session.send(Use(wild))
    session.send(Train())
    end = wait_for(session, lambda snapshot: snapshot.status is Status.DIVERGED)
    assert "learning rate of 90" in end.error
    assert np.isfinite(end.parameters).all()
    assert np.isfinite(end.history.column("train_loss")).all()
    session.send(Use(set_field(wild, "training.optimizer.learning_rate", "0.001")))
    session.send(Train(steps=5))
    assert wait_for(session, lambda snapshot: snapshot.status is Status.PAUSED).error is None


def test_the_thread_survives_an_error(session, tmp_path):
    session.send(Use(msgspec.structs.replace(CIRCLE, data=DataSpec(source=FileSource(path=str(tmp_path / "no.csv"))))))
    failed = wait_for(session, lambda snapshot: snapshot.status is Status.FAILED)
    assert "no such file" in failed.error
    session.send(Use(CIRCLE))
    assert wait_for(session, lambda snapshot: snapshot.run is not None).error is None


def test_many_commands_in_a_row_end_at_the_last(session):
    session.send(Use(CIRCLE))
    for units in range(1, 40):
        session.send(Use(set_field(CIRCLE, "network.layers.0.units", str(units))))
        session.send(Train())
        session.send(Pause())
    last = wait_for(session, lambda snapshot: snapshot.run is not None)
    assert last.run.plan.widths == (2, 39, 1)


def test_it_starts_on_numpy_while_kernels_compile_and_switches_by_itself(monkeypatch):
    from playground.kernels.cpu import warm

    answers = iter([False])
    monkeypatch.setattr(warm, "is_warm", lambda: next(answers, True))
    session = TrainingSession()
    session.start()
    session.send(Use(set_field(CIRCLE, "training.epochs", "1000000")))
    session.send(Train(epochs_per_frame=1.0))
    assert wait_for(session, lambda snapshot: snapshot.step > 0).backend == "reference"
    before = session.latest
    after = wait_for(session, lambda snapshot: snapshot.backend == "cpu", seconds=60)
    assert after.step >= before.step
    assert after.history.column("train_loss")[-1] <= before.history.column("train_loss")[0]
    assert session.close()


def test_a_change_that_keeps_the_weights_is_measured_at_once(session):
    session.send(Use(CIRCLE))
    session.send(Watch(frozenset({parts.outputs})))
    session.send(Train(steps=40))
    before = wait_for(session, lambda s: s.step == 40 and s.status is Status.PAUSED and parts.outputs in s.parts)
    changed = set_field(CIRCLE, "network.layers.0.activation", "relu")
    session.send(Use(changed))
    after = wait_for(session, lambda s: s.run is not None and s.run.experiment == changed and parts.outputs in s.parts)
    assert (after.step, after.status) == (40, Status.PAUSED)
    assert np.array_equal(before.parameters, after.parameters)
    trainer = Trainer(changed, "cpu", after.parameters)
    assert after.history.last()["train_loss"] == pytest.approx(trainer.record()["train_loss"], rel=1e-6)
    np.testing.assert_allclose(after.parts[parts.outputs], trainer.outputs, rtol=1e-6, atol=1e-7)


def test_another_output_activation_prepares_the_targets_anew(session):
    """A yes or no has one output with sigmoid and two with softmax, and other targets with tanh."""

    def prepared(activation, loss):
        experiment = set_field(set_field(CIRCLE, "network.output_activation", activation), "training.loss", loss)
        session.send(Use(experiment, restart=True))
        shown = wait_for(session, lambda s: s.run is not None and s.run.experiment == experiment)
        session.send(Train(steps=1))
        assert wait_for(session, lambda s: s.step == 1).error is None
        return shown.run

    sigmoid = prepared("sigmoid", "binary_cross_entropy")
    softmax = prepared("softmax", "categorical_cross_entropy")
    assert (sigmoid.plan.widths[-1], softmax.plan.widths[-1]) == (1, 2)
    assert np.array_equal(softmax.data.train_targets[:, 1:], sigmoid.data.train_targets)
    tanh = prepared("tanh", "mean_squared_error")
    assert np.array_equal(tanh.data.train_targets, 2 * sigmoid.data.train_targets - 1)
    assert prepared("tanh", "mean_squared_error").data is tanh.data, "the same again"


@pytest.mark.parametrize(("first", "second"), [("2", "32"), ("32", "2")])
def test_the_last_epoch_stays_the_last_when_the_batch_size_changes(session, first, second):
    session.send(Use(set_field(CIRCLE, "training.batch_size", first)))
    session.send(Train(steps=5))
    wait_for(session, lambda s: s.step == 5 and s.status is Status.PAUSED)
    session.send(Use(set_field(CIRCLE, "training.batch_size", second)))
    session.send(Train())
    assert wait_for(session, lambda s: s.status is Status.FINISHED).epoch == 50


def test_rates_are_tried_on_a_copy_and_the_run_goes_on(session):
    experiment = set_field(CIRCLE, "training.epochs", "1000000")
    session.send(Use(experiment))
    session.send(Train(steps=30))
    before = wait_for(session, lambda s: s.step == 30 and s.status is Status.PAUSED)
    assert before.rates is None
    session.send(TryRates())
    after = wait_for(session, lambda s: s.rates is not None)
    assert (after.step, after.status) == (30, Status.PAUSED)
    assert np.array_equal(after.parameters, before.parameters)
    trainer = Trainer(experiment, "cpu")
    trainer.train_steps(30)
    expected = find_rate(trainer)
    assert np.array_equal(after.rates.rates, expected.rates)
    assert np.array_equal(after.rates.losses, expected.losses)
    assert after.rates.suggestion == expected.suggestion
    session.send(Train(steps=20))
    on = wait_for(session, lambda s: s.step == 50 and s.status is Status.PAUSED)
    trainer.train_steps(20)
    assert np.array_equal(on.parameters, trainer.parameters)
    assert on.rates is after.rates, "it stays for the run"
    session.send(Use(experiment, restart=True))
    assert wait_for(session, lambda s: s.run is not None).rates is None


def test_trying_rates_while_running_keeps_it_running(session):
    session.send(Use(set_field(CIRCLE, "training.epochs", "1000000")))
    session.send(Train())
    wait_for(session, lambda s: s.step > 10)
    session.send(TryRates())
    tested = wait_for(session, lambda s: s.rates is not None)
    assert tested.status is Status.RUNNING
    assert wait_for(session, lambda s: s.step > tested.step + 100).status is Status.RUNNING


def test_a_command_ends_a_test_of_rates(session):
    digits = Experiment(
        data=DataSpec(source=BundledSource(name="digits")),
        network=NetworkSpec(layers=(Dense(units=1024, activation="relu"),) * 3),
        training=TrainingSpec(task="multiclass", loss="categorical_cross_entropy", batch_size=512),
    )
    session.send(Use(digits))
    wait_for(session, lambda s: s.run is not None)
    session.send(TryRates())
    time.sleep(0.1)
    session.send(Use(CIRCLE))
    assert wait_for(session, lambda s: s.run is not None and s.run.experiment == CIRCLE).rates is None


def test_health_comes_where_it_is_watched(session):
    sick = set_field(set_field(CIRCLE, "network.bias", "-100"), "network.layers.0.activation", "relu")
    sick = set_field(sick, "training.epochs", "1000000")
    session.send(Use(sick))
    session.send(Train())
    assert parts.health not in wait_for(session, lambda s: s.step > 10).parts
    session.send(Watch(frozenset({parts.health})))
    shown = wait_for(session, lambda s: s.parts.get(parts.health))
    assert [found.name for found in shown.parts[parts.health]] == ["layers.0", "outputs"]
    assert "4 of 4 neurons are dead" in shown.parts[parts.health][0].words
    assert shown.parts[parts.health][1].words == ""
    session.send(Use(set_field(CIRCLE, "training.epochs", "1000000"), restart=True))
    well = wait_for(session, lambda s: s.run is not None and s.run.experiment != sick and s.parts.get(parts.health))
    assert [found.words for found in well.parts[parts.health]] == ["", ""]


def test_health_is_shown_of_a_run_that_stands(session):
    """A paused run whose view is opened now is looked at, too."""
    session.send(Use(CIRCLE))
    session.send(Train(steps=3))
    wait_for(session, lambda s: s.step == 3 and s.status is Status.PAUSED)
    session.send(Watch(frozenset({parts.health})))
    health = wait_for(session, lambda s: s.parts.get(parts.health)).parts[parts.health]
    assert [found.name for found in health] == ["layers.0", "outputs"]


def test_a_bad_row_is_said_and_shown_as_trouble(session, tmp_path):
    table = tmp_path / "table.csv"
    rows = [f"{row},{row % 7},{row % 3}" for row in range(60)]
    rows[41] = "1e30,1,2"
    table.write_text("a,b,y\n" + "\n".join(rows) + "\n")
    experiment = Experiment(
        data=DataSpec(source=FileSource(path=str(table), targets=("y",)), test_fraction=0.0, standardize=False),
        network=NetworkSpec(layers=(Dense(units=4, activation="relu"),)),
        training=TrainingSpec(task="regression", loss="mean_squared_error"),
    )
    session.send(Use(experiment))
    session.send(Train())
    broken = wait_for(session, lambda s: s.status is Status.DIVERGED)
    assert broken.trouble.row == 42
    assert "Correct or remove row 42 of the data." in broken.error
    assert np.isfinite(broken.parameters).all()


class Compiling:
    """Stands for the process that compiles the GPU's kernels: ends with a code as soon as it is told one."""

    def __init__(self):
        self.returncode = None

    def poll(self):
        return self.returncode

    def terminate(self):
        self.returncode = -15

    def wait(self):
        return self.returncode


@pytest.fixture
def gpu(monkeypatch):
    """A machine whose GPU would be faster: the processes that were started to compile for it."""
    started, asked = [], []

    def pick(work, before_compiling=lambda: None, may_compile=True):
        assert not may_compile, "the window's thread must not wait for a compiler"
        asked.append(work)
        if not any(process.returncode == 0 for process in started):
            return BackendChoice("cpu", "Training on the CPU while the GPU's kernels are compiled, once.", waits=True)
        return BackendChoice("reference", "Training on the GPU: it is faster.")

    def start_warming():
        started.append(Compiling())
        return started[-1]

    monkeypatch.setattr(trainer_module, "pick", pick)
    monkeypatch.setattr(cuda_warm, "start_warming", start_warming)
    session = TrainingSession()
    session.start()
    yield session, started, asked
    assert session.close()


def test_a_run_trains_on_the_cpu_until_the_gpus_kernels_are_compiled(gpu):
    session, started, _ = gpu
    session.send(Use(CIRCLE))
    session.send(Train(epochs_per_frame=0.01))
    first = wait_for(session, lambda snapshot: snapshot.step > 0)
    assert (first.backend, first.reason) == ("cpu", "Training on the CPU while the GPU's kernels are compiled, once.")
    # Another run meanwhile starts no second process.
    session.send(Use(set_field(CIRCLE, "network.seed", "7")))
    wait_for(session, lambda snapshot: snapshot.run is not None)
    assert len(started) == 1
    started[0].returncode = 0
    after = wait_for(session, lambda snapshot: snapshot.backend != "cpu")
    assert after.reason == "Training on the GPU: it is faster."
    assert after.status is Status.RUNNING


def test_where_the_kernels_cannot_be_compiled_the_cpu_stays_and_says_why(gpu):
    session, started, asked = gpu
    session.send(Use(CIRCLE))
    wait_for(session, lambda snapshot: snapshot.run is not None)
    started[0].returncode = 1
    after = wait_for(session, lambda snapshot: "couldn't be compiled" in snapshot.reason)
    assert after.backend == "cpu"
    before = len(asked)
    session.send(Use(set_field(CIRCLE, "network.seed", "7")))
    session.send(Train(steps=5))
    assert wait_for(session, lambda snapshot: snapshot.step == 5).backend == "cpu"
    assert len(asked) == before
    assert len(started) == 1
