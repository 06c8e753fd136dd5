"""Parts of a snapshot: functions that are called while somebody watches them, in a session and without one."""

import time

import numpy as np
import pytest

from playground.data.preprocessing import Preprocessing
from playground.experiment import (
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    set_field,
)
from playground.training import parts
from playground.training.protocol import Pause, Status, Train, Use, Watch
from playground.training.session import TrainingSession
from playground.training.trainer import Trainer

CIRCLE = Experiment(
    data=DataSpec(source=SyntheticSource(name="circle", samples=60)),
    network=NetworkSpec(layers=(Dense(units=3, activation="tanh"),)),
    training=TrainingSpec(task="binary", loss="binary_cross_entropy", epochs=1_000_000),
)
WINE = Experiment(
    data=DataSpec(source=BundledSource(name="wine")),
    network=NetworkSpec(layers=()),
    training=TrainingSpec(task="multiclass", loss="categorical_cross_entropy"),
)


@pytest.fixture
def trainer():
    trainer = Trainer(CIRCLE, "reference")
    trainer.record()
    return trainer


@pytest.fixture
def session():
    session = TrainingSession("reference")
    session.start()
    yield session
    assert session.close()


def wait_for(session, condition, seconds=20.0):
    """The first snapshot of the newest generation for which the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        snapshot = session.latest
        if snapshot is not None and snapshot.generation == session.generation and condition(snapshot):
            return snapshot
        time.sleep(0.002)
    raise AssertionError("never seen")


def test_pictures_hold_what_the_network_answers_at_each_point(trainer):
    """Both sizes, against outputs for single points; the top row is the greatest x₂."""
    found = parts.watched_parts(trainer, Watch(frozenset({parts.neurons, parts.surface})), closely=False)
    extent, preprocessing = trainer.run.data.dataset.extent, trainer.run.data.preprocessing
    for row, column in ((0, 0), (0, 39), (39, 0), (17, 5)):
        point = np.array([[(column + 0.5) / 20 - 1, 1 - (row + 0.5) / 20]]) * extent
        layers = trainer.activations(preprocessing.inputs(point))
        for picture, layer in zip(found[parts.neurons], layers, strict=True):
            np.testing.assert_allclose(picture[:, row, column], layer[0], rtol=1e-5, atol=1e-6)
        point = np.array([[(column + 0.5) / 50 - 1, 1 - (row + 0.5) / 50]]) * extent
        np.testing.assert_allclose(
            found[parts.surface][:, row, column], trainer.outputs_for(preprocessing.inputs(point))[0], rtol=1e-5, atol=1e-6
        )


def test_the_points_of_a_picture_are_worked_out_once_a_run(trainer, monkeypatch):
    asked = []
    inputs = Preprocessing.inputs
    monkeypatch.setattr(Preprocessing, "inputs", lambda self, rows: asked.append(len(rows)) or inputs(self, rows))
    watch = Watch(frozenset({parts.neurons, parts.surface}))
    for _ in range(3):
        parts.watched_parts(trainer, watch, closely=False)
    # An edit that keeps the run keeps its points.
    trainer.use(set_field(CIRCLE, "network.layers.0.activation", "relu"))
    parts.watched_parts(trainer, watch, closely=False)
    assert sorted(asked) == [40 * 40, 100 * 100]


def test_outputs_that_were_handed_out_stay(trainer):
    before = parts.outputs(trainer, Watch())
    kept = before.copy()
    trainer.train_epochs()
    trainer.record()
    assert np.array_equal(before, kept)
    assert not np.array_equal(before, parts.outputs(trainer, Watch()))


def test_what_the_data_do_not_have_is_left_out():
    trainer = Trainer(WINE, "reference")
    trainer.record()
    every = frozenset({parts.neurons, parts.surface, parts.outputs, parts.probe, parts.health})
    assert set(parts.watched_parts(trainer, Watch(every), closely=True)) == {parts.outputs, parts.health}
    # A point of the plane is no row of a table of 13 columns.
    assert set(parts.watched_parts(trainer, Watch(every, (1.0, 2.0)), closely=True)) == {parts.outputs, parts.health}
    row = tuple(trainer.run.data.dataset.features[5].tolist())
    found = parts.watched_parts(trainer, Watch(every, row), closely=True)
    assert [layer.shape for layer in found[parts.probe]] == [(13,), (3,)]
    np.testing.assert_allclose(found[parts.probe][-1], trainer.outputs[5], rtol=1e-5)


def test_what_costs_much_is_worked_out_when_a_close_look_is_due_and_something_is_new(trainer):
    calls = []

    @parts.Seldom
    def slow(trainer, watch):
        calls.append(trainer.step)
        return len(calls)

    watch = Watch(frozenset({slow}))
    assert dict(parts.watched_parts(trainer, watch, closely=False)) == {}
    assert dict(parts.watched_parts(trainer, watch, closely=True)) == {slow: 1}
    # Nothing has happened since.
    assert dict(parts.watched_parts(trainer, watch, closely=True)) == {slow: 1}
    trainer.train_steps(2)
    trainer.record()
    # It is not time yet: what was found stays.
    assert dict(parts.watched_parts(trainer, watch, closely=False)) == {slow: 1}
    assert dict(parts.watched_parts(trainer, watch, closely=True)) == {slow: 2}
    trainer.use(set_field(CIRCLE, "network.layers.0.activation", "relu"))
    assert dict(parts.watched_parts(trainer, watch, closely=True)) == {slow: 3}
    assert calls == [0, 2, 2]


def test_a_watch_is_equal_to_another_that_asks_for_the_same():
    assert Watch(frozenset({parts.surface, parts.health}), (1.0,)) == Watch(frozenset({parts.health, parts.surface}), (1.0,))
    assert Watch(frozenset({parts.surface})) != Watch(frozenset({parts.health}))
    assert Watch(frozenset({parts.surface})) != Watch(frozenset({parts.surface}), (1.0,))


def test_any_function_of_a_run_can_be_a_part(session):
    """The session knows none of the parts: whoever wants another one hands it in."""
    calls = []

    def largest_weight(trainer, watch):
        calls.append(watch.probe)
        return float(np.abs(trainer.parameters).max())

    session.send(Use(CIRCLE))
    session.send(Train())
    wait_for(session, lambda snapshot: snapshot.step > 10)
    assert calls == []
    session.send(Watch(frozenset({largest_weight}), probe=(3.0, 4.0)))
    seen = wait_for(session, lambda snapshot: largest_weight in snapshot.parts)
    assert seen.parts[largest_weight] == float(np.abs(seen.parameters).max())
    assert set(calls) == {(3.0, 4.0)}
    # Nobody looks any more: it costs nothing.
    session.send(Watch())
    wait_for(session, lambda snapshot: not snapshot.parts)
    count = len(calls)
    step = session.latest.step
    wait_for(session, lambda snapshot: snapshot.step > step + 10)
    assert len(calls) == count


def test_a_running_session_looks_closely_twice_a_second_and_at_once_where_it_stops(session):
    times = []

    @parts.Seldom
    def slow(trainer, watch):
        times.append((time.perf_counter(), trainer.step))
        return trainer.step

    session.send(Use(CIRCLE))
    session.send(Watch(frozenset({slow})))
    session.send(Train(epochs_per_frame=0.5))
    wait_for(session, lambda snapshot: len(times) >= 4)
    session.send(Pause())
    paused = wait_for(session, lambda snapshot: snapshot.status is Status.PAUSED)
    assert paused.parts[slow] == paused.step == times[-1][1]
    # The first two looks are those of a run that stands still and of one that starts.
    moments = [moment for moment, _ in times[1:-1]]
    assert len(moments) >= 2
    assert min(np.diff(moments)) > 0.45
