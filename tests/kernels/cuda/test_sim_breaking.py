"""Runs that blow up or are stopped in the middle, in the simulator: they stand where the CPU's stand, good steps done once."""

import numpy as np
import pytest
from alike import FORMS, assert_near, assert_same_run, states
from oracle import make_experiment
from turns import first_to_last, in_turns

from playground.experiment import (
    SGD,
    Adam,
    BatchNorm,
    BundledSource,
    DataSpec,
    Dense,
    Dropout,
    Experiment,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
)
from playground.kernels.cpu import backend as cpu
from playground.kernels.cuda import backend as cuda
from playground.kernels.cuda import kernels as cuda_kernels
from playground.kernels.cuda import script as cuda_script
from playground.kernels.state import BROKEN, EPOCH, POSITION
from playground.training.trainer import Trainer

ROWS, BATCH = 14, 4


def states_that_break(form, what, bad_row=9, **training):
    """States whose loss, or only whose gradient, is no number as soon as a batch has one row."""
    layers = [Dense(units=3, activation="identity"), Dropout(rate=0.2), Dense(units=2, activation="identity")]
    if what == "loss":
        layers.insert(1, BatchNorm(momentum=0.5))
    training = {"optimizer": Adam(learning_rate=0.01), "batch_size": BATCH, "seed": 2, **training}
    gpu, host, x, t = states(
        make_experiment("regression", "mean_absolute_error", layers=tuple(layers), **training), 2, ROWS, form
    )
    if what == "loss":
        x[bad_row] = np.inf
    else:
        # Small weights first, so that the outputs stay finite; a large one behind, so that the slopes at the first don't.
        start = host.parameters.copy()
        host.plan.view(start, "layers.0.weight")[:] = 1e-6
        host.plan.view(start, "layers.2.weight")[:] = 1e3
        for state in (gpu, host):
            state.put(start)
        x[bad_row] = 1e38
    return gpu, host, x, t


def assert_breaks_alike(gpu, host, x, t, steps=100):
    with np.errstate(all="ignore"):
        losses = cuda.train(gpu, x, t, steps), cpu.train(host, x, t, steps)
    assert not np.isfinite(losses).any()
    assert gpu.hyper[BROKEN] == host.hyper[BROKEN]
    np.testing.assert_array_equal(gpu.counters, host.counters)
    for name in ("order", "random"):
        np.testing.assert_array_equal(getattr(gpu, name), getattr(host, name), err_msg=name)


def assert_only_good_steps_are_done(form, what, gpu, x, t, **training):
    """The broken run is where a run that was asked for the good steps alone is."""
    other, *_ = states_that_break(form, what, **training)
    if gpu.step:
        assert np.isfinite(cuda.train(other, x, t, gpu.step))
    for name in ("parameters", "first_moment", "second_moment", "counters"):
        np.testing.assert_array_equal(getattr(gpu, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("most_steps", [1 << 14, 2])
@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("form", FORMS)
def test_a_batch_that_breaks_ends_a_run_where_the_cpus_ends(form, what, most_steps, monkeypatch):
    monkeypatch.setattr(cuda_script, "MOST_STEPS", most_steps)
    gpu, host, x, t = states_that_break(form, what)
    broken_row = int(np.flatnonzero(np.abs(x[:, 0]) > 1e9)[0])
    assert_breaks_alike(gpu, host, x, t)
    assert 0 < gpu.step < 4
    assert broken_row in gpu.order[gpu.counters[POSITION] : gpu.counters[POSITION] + BATCH]
    assert_only_good_steps_are_done(form, what, gpu, x, t)


@pytest.mark.parametrize("limit", [{"clip_norm": 1.0}, {"clip_value": 0.5}, {"clip_norm": 1.0, "clip_value": 0.5}], ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_clipping_leaves_an_infinite_gradient_to_be_found(form, limit):
    gpu, host, x, t = states_that_break(form, "gradient", **limit)
    assert_breaks_alike(gpu, host, x, t)
    assert_only_good_steps_are_done(form, "gradient", gpu, x, t, **limit)


@pytest.mark.parametrize("form", FORMS)
def test_a_later_epochs_first_batch_may_break(form):
    """It has been drawn by then: the rows where the trouble is sought are those of the new order."""
    gpu, host, x, t = states_that_break(form, "loss", bad_row=0)
    good = x.copy()
    good[0] = 0
    for state, backend in ((gpu, cuda), (host, cpu)):
        backend.train(state, good, t, 4)
    assert gpu.counters[EPOCH] == 1
    # Where all rows are bad, the first batch is.
    assert_breaks_alike(gpu, host, np.full_like(x, np.inf), t)
    assert gpu.step == 4
    assert gpu.counters[POSITION] == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_run_goes_on_after_it_broke_once_the_rows_are_mended(form):
    gpu, host, x, t = states_that_break(form, "gradient")
    assert_breaks_alike(gpu, host, x, t)
    # What the CPU leaves of a step that broke is not for going on; both begin where the good steps ended.
    host.put(gpu.parameters)
    host.first_moment[:], host.second_moment[:] = gpu.first_moment, gpu.second_moment
    x = np.clip(x, -1, 1)
    for state, backend in ((gpu, cuda), (host, cpu)):
        assert np.isfinite(backend.train(state, x, t, 5))
        assert not state.hyper[BROKEN]
    assert_same_run(gpu, host)


def circle(rate, **training):
    return Experiment(
        data=DataSpec(source=SyntheticSource(name="multi_gauss", samples=60)),
        network=NetworkSpec(layers=(Dense(units=6, activation="relu"), Dense(units=4, activation="relu"))),
        training=TrainingSpec(
            task="regression", loss="mean_squared_error", optimizer=SGD(learning_rate=rate), batch_size=8, **training
        ),
    )


@pytest.mark.parametrize("rate", [3.0, 1000.0])
def test_the_trouble_of_a_run_is_named_as_on_the_cpu(rate):
    trainers = Trainer(circle(rate), "cuda"), Trainer(circle(rate), "cpu")
    for trainer in trainers:
        trainer.record()
        assert not trainer.train_epochs(30)
    gpu, host = trainers
    assert gpu.trouble.sentence == host.trouble.sentence
    assert gpu.trouble.sentence.endswith(f"learning rate of {rate / 10:g}.")
    assert gpu.step == host.step
    # Back to the last good weights, from which both go on alike.
    assert_near(gpu.parameters, host.parameters)
    for trainer in trainers:
        for _ in range(4):
            slower = trainer.recover()
        assert slower.training.optimizer.learning_rate == pytest.approx(rate / 1e4)
        assert trainer.train_steps(3)
    assert_same_run(gpu.state, host.state)


def test_a_row_that_is_no_number_is_found():
    experiment = circle(0.01)
    trainers = Trainer(experiment, "cuda"), Trainer(experiment, "cpu")
    for trainer in trainers:
        trainer.run.data.train_inputs[30, 1] = np.nan
        assert not trainer.train_epochs(2)
    gpu, host = trainers
    assert host.trouble.row == int(host.run.data.train_rows[30]) + 1
    assert gpu.trouble == host.trouble


def stop_at(state, phase):
    """An order of threads that asks a run to stop in the middle of a launch: before its phase of that number."""

    def order(threads, number):
        if number == phase:
            state.stop[0] = 1
        return first_to_last(threads, number)

    return order


@pytest.mark.parametrize("form", FORMS)
def test_a_stop_ends_a_launch_between_two_steps(form, monkeypatch):
    gpu, host, x, t = states(make_experiment("regression", batch_size=2, seed=5), 2, 64, form)
    with in_turns(stop_at(gpu, 200)):
        loss = cuda.train(gpu, x, t, 500)
    assert 0 < gpu.step < 500
    assert gpu.step % cuda_kernels.LOOK_EVERY == 0
    assert loss == pytest.approx(cpu.train(host, x, t, gpu.step), rel=1e-5)
    assert_same_run(gpu, host)
    gpu.stop[0] = 0
    for state, backend in ((gpu, cuda), (host, cpu)):
        backend.train(state, x, t, 3)
    assert_same_run(gpu, host)


@pytest.mark.parametrize("form", FORMS)
def test_a_stop_while_a_run_breaks_does_not_undo_the_good_steps(form):
    """They are done again after a step that broke; whoever asks to stop just then must not cut that short."""
    gpu, host, x, t = states_that_break(form, "loss")
    with in_turns(stop_at(gpu, 30)):
        cuda.train(gpu, x, t, 100)
    assert gpu.stop[0] == 1
    assert gpu.step > 0
    assert_only_good_steps_are_done(form, "loss", gpu, x, t)
    assert not host.stop[0]


def test_a_stop_of_somebody_elses_ends_a_call_between_launches(monkeypatch):
    """A run in turn with others has their array to stop all, which the GPU can't see."""
    monkeypatch.setattr(cuda_script, "MOST_STEPS", 5)
    gpu, host, x, t = states(make_experiment("regression", batch_size=2), 2, 32)
    gpu.stop = np.zeros(1, np.int64)
    with in_turns(stop_at(gpu, 60)):
        cuda.train(gpu, x, t, 100)
    assert gpu.step % 5 == 0
    assert 0 < gpu.step < 100
    cpu.train(host, x, t, gpu.step)
    assert_same_run(gpu, host)


def test_bundled_data_far_out_break_alike():
    """Not standardized: the very first batch breaks, and the sentence says so."""
    experiment = Experiment(
        data=DataSpec(source=BundledSource(name="linnerud"), standardize=False),
        network=NetworkSpec(layers=(Dense(units=4, activation="relu"),)),
        training=TrainingSpec(task="regression", loss="mean_squared_error", optimizer=SGD(learning_rate=1e12), batch_size=5),
    )
    trainers = Trainer(experiment, "cuda"), Trainer(experiment, "cpu")
    for trainer in trainers:
        trainer.record()
        trainer.train_epochs(5)
    gpu, host = trainers
    assert gpu.trouble == host.trouble
    assert gpu.step == host.step
