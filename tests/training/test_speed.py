"""The speed of the arithmetic that the window shows: rows that were really trained on, whatever the batches."""

import time
from types import SimpleNamespace

import pytest

from playground.experiment import DataSpec, Dense, Experiment, NetworkSpec, SyntheticSource, TrainingSpec, set_field
from playground.training import session as session_module
from playground.training.protocol import Status, Train, Use
from playground.training.session import FADING, TrainingSession
from playground.training.trainer import Trainer

pytestmark = pytest.mark.compile

ROWS = 101
EXPERIMENT = Experiment(
    data=DataSpec(source=SyntheticSource(name="circle", samples=ROWS), test_fraction=0.0),
    network=NetworkSpec(layers=(Dense(units=7), Dense(units=5))),
    training=TrainingSpec(task="binary", loss="binary_cross_entropy", epochs=10**6),
)
# Each multiplication and addition, forward and for the weights' gradient, and for the slopes at what learns before.
OPERATIONS = 2 * (2 * 7 * 2 + 7 * 5 * 3 + 5 * 1 * 3)
TICK = 0.25


@pytest.fixture
def session(monkeypatch):
    """A session whose clock moves on by `TICK` seconds each time that it is read: each call takes as long."""
    ticks = iter(range(10**9))
    monkeypatch.setattr(session_module, "time", SimpleNamespace(perf_counter=lambda: next(ticks) * TICK))
    session = TrainingSession("cpu", threads=1)
    session.start()
    yield session
    assert session.close(), "the thread didn't end"


def after(session, command):
    before, end = session.latest, time.monotonic() + 60
    session.send(command)
    while session.latest is before or session.latest.run is None or session.latest.status is Status.RUNNING:
        assert time.monotonic() < end
        time.sleep(0.001)
    return session.latest


def rows_of_batches(batch_size, steps):
    """Rows in each of so many mini-batches, epoch after epoch."""
    epoch = [min(batch_size, ROWS - start) for start in range(0, ROWS, batch_size)]
    return (epoch * (steps // len(epoch) + 1))[:steps]


@pytest.mark.parametrize("batch_size", [1, 13, 50, 100, 101, 500])
def test_the_speed_counts_the_rows_of_short_batches_as_they_are(session, batch_size):
    assert after(session, Use(set_field(EXPERIMENT, "training.batch_size", batch_size))).speed == 0
    work = seconds = 0.0
    # A second goes by in four calls: each does one batch, as the next one shall last 10 ms.
    for number, rows in enumerate(rows_of_batches(batch_size, 25), start=1):
        work, seconds = FADING * work + rows * OPERATIONS, FADING * seconds + TICK
        shown = after(session, Train(steps=1))
        assert (shown.step, shown.speed) == (number, pytest.approx(work / seconds))
    fresh = after(session, Use(EXPERIMENT, restart=True))
    assert fresh.speed == 0, "another run"


def test_the_operations_are_those_of_the_definition():
    assert Trainer(EXPERIMENT, "reference").run.plan.operations == OPERATIONS


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_rows_are_counted_from_the_middle_of_an_epoch_on(backend):
    trainer, rows = Trainer(set_field(EXPERIMENT, "training.batch_size", 40), backend), rows_of_batches(40, 30)
    for first, steps in ((0, 2), (2, 1), (3, 7), (10, 20)):
        before = trainer.rows_done
        trainer.train_steps(steps)
        assert trainer.rows_done - before == sum(rows[first : first + steps])
    trainer.train_steps(1)
    before = trainer.rows_done
    assert trainer.use(set_field(trainer.run.experiment, "training.batch_size", 20))
    trainer.train_steps(5)
    assert trainer.rows_done - before == 20 + 20 + 20 + 1 + 20
