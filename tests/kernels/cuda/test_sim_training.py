"""Whole runs in the simulator end where the CPU's end: every task, optimizer and option, and changes in the middle."""

from dataclasses import replace

import numpy as np
import pytest
from alike import FORMS, assert_near, assert_same_parameters, assert_same_run, states, use
from msgspec import structs
from oracle import SOURCES, make_experiment

from playground.catalog.schedules import Cosine, Exponential, OneCycle, Step, WarmUp
from playground.catalog.tasks import TASKS
from playground.data.preprocessing import prepare
from playground.data.sources import load_dataset
from playground.experiment import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    BatchNorm,
    DataSpec,
    Dense,
    Dropout,
    EarlyStopping,
    Experiment,
    Momentum,
    Nesterov,
    NetworkSpec,
    RMSprop,
    SyntheticSource,
    TrainingSpec,
    checked,
)
from playground.kernels.cpu import backend as cpu
from playground.kernels.cuda import backend as cuda
from playground.kernels.cuda import buffers as cuda_buffers
from playground.kernels.cuda import script as cuda_script
from playground.kernels.cuda import state as cuda_state
from playground.training.trainer import Trainer

RUNS = {
    "adam": ("binary", {"optimizer": Adam(learning_rate=0.02), "schedule": Cosine(lowest=0.1), "clip_norm": 0.05}),
    "momentum": (
        "multiclass",
        {"optimizer": Momentum(learning_rate=0.02), "schedule": Step(every=1), "class_weights": (1.0, 2.0, 0.5)},
    ),
    "rmsprop": (
        "multilabel",
        {"optimizer": RMSprop(learning_rate=0.01, momentum=0.5), "schedule": WarmUp(warm_up_epochs=2), "clip_value": 0.01},
    ),
    "nesterov": ("regression", {"optimizer": Nesterov(), "schedule": OneCycle(), "l1": 0.001, "l2": 0.01}),
    "adamw": ("bounded", {"optimizer": AdamW(weight_decay=0.5), "schedule": Exponential(factor=0.7), "clip_norm": 0.5}),
    "adagrad": ("binary", {"optimizer": Adagrad(), "class_weights": "balanced", "early_stopping": EarlyStopping(patience=1)}),
    "sgd": ("multiclass", {"optimizer": SGD(learning_rate=0.1), "label_smoothing": 0.1, "weight_decay": 0.1}),
}


def run_of(name, rows=40):
    """An experiment, and some of its data's rows."""
    task, options = RUNS[name]
    source = SyntheticSource(name="circle") if task == "binary" else SOURCES[task]
    layers = (Dense(units=4, activation="tanh"), BatchNorm(), Dense(units=3, activation="relu"))
    validation = 0.3 if "early_stopping" in options else 0.0
    experiment = Experiment(
        data=DataSpec(source=source, validation_fraction=validation),
        network=NetworkSpec(layers=layers),
        training=TrainingSpec(task=task, loss=TASKS[task].loss, batch_size=8, epochs=3, **options),
    )
    everything = load_dataset(experiment.data, task)
    chosen = slice(None, None, max(1, len(everything.features) // rows))
    some = replace(everything, features=everything.features[chosen], targets=everything.targets[chosen])
    return checked(experiment), prepare(experiment, some)


def trainers_of(name, *backends):
    experiment, data = run_of(name)
    return [Trainer(experiment, backend, data=data) for backend in backends]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", RUNS)
def test_three_epochs_end_at_the_weights_and_measurements_of_the_cpu(name, form, monkeypatch):
    if form == "grid":
        monkeypatch.setattr(cuda_buffers, "BLOCK_NUMBERS", 0)
    trainers = trainers_of(name, "cuda", "cpu")
    assert bool(trainers[0].state.block_bytes) == (form == "block")
    for trainer in trainers:
        trainer.record()
        for _ in range(3):
            trainer.train_epochs()
            trainer.record()
    gpu, host = trainers
    assert gpu.backend is cuda
    assert not gpu.compute.notice
    assert_same_run(gpu.state, host.state)
    assert_same_parameters(gpu.state, host.state)
    assert gpu.stopped == host.stopped
    assert bool(host.stopped) == (name == "adagrad")
    for column in host.history.columns:
        assert_near(gpu.history.column(column), host.history.column(column), name=column)
    assert_near(gpu.outputs, host.outputs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1e25, 1e38])
def test_a_gradient_too_long_for_its_squares_is_clipped_alike(size, form):
    """In the second case even the sum of each thread's largest slope is beyond float32."""
    limits = {"optimizer": SGD(learning_rate=1.0), "clip_norm": 100.0}
    gpu, host, x, t = states(make_experiment("regression", "mean_absolute_error", (8,), "identity", **limits), 2, 4, form)
    start = np.zeros_like(host.parameters)
    gpu.plan.view(start, "layers.0.weight")[:] = 1e-6
    gpu.plan.view(start, "layers.1.weight")[:] = 1.0
    x = np.array([[size, 1.0]] * 4, np.float32)
    for state, backend in ((gpu, cuda), (host, cpu)):
        state.put(start)
        assert np.isfinite(backend.train(state, x, t, 1))
        assert np.linalg.norm(np.float64(state.parameters) - start) == pytest.approx(100, rel=1e-3)
    assert_near(gpu.parameters, host.parameters)


def some_states(form="block", rows=22, **training):
    options = {"optimizer": Adam(learning_rate=0.05), "batch_size": 4, "l2": 0.01, **training}
    layers = (Dense(units=4, activation="tanh"), Dropout(rate=0.3), Dense(units=3))
    return states(make_experiment("multiclass", layers=layers, **options), 3, rows, form)


@pytest.fixture
def launches(monkeypatch):
    """Notes how many steps each launch has."""
    found, launch = [], cuda._launch

    def counted(state, script, *rest, **options):
        found.append(len(script.steps))
        return launch(state, script, *rest, **options)

    monkeypatch.setattr(cuda, "_launch", counted)
    return found


# What keeps a launch short, and how many steps eleven launches have then.
SHORT = {
    "steps": ("MOST_STEPS", cuda_script, 4, [4, 4, 3]),
    "rows": ("MOST_ROWS", cuda_script, 17, [4, 4, 3]),
    "work": ("MOST_OPERATIONS", cuda_script, 1, [1] * 11),
    "time": ("LAUNCH_SECONDS", cuda, 0.0, [11, 1, 1, 1]),
    "a careful start": ("FIRST_STEPS", cuda_state, 2, [2, 8, 1, 3]),
}


@pytest.mark.parametrize("what", SHORT)
@pytest.mark.parametrize("form", FORMS)
def test_several_launches_give_exactly_what_one_gives(form, what, launches, monkeypatch):
    once, _, x, t = some_states(form)
    losses = [cuda.train(once, x, t, steps) for steps in (11, 3)]
    assert launches == [11, 3]
    launches.clear()
    name, module, value, expected = SHORT[what]
    monkeypatch.setattr(module, name, value)
    parts, *_ = some_states(form)
    assert cuda.train(parts, x, t, 11) == pytest.approx(losses[0], rel=1e-12)
    assert cuda.train(parts, x, t, 3) == pytest.approx(losses[1], rel=1e-12)
    assert launches[: len(expected)] == expected
    assert sum(launches) == 14
    for name in ("parameters", "first_moment", "second_moment", "counters", "order", "random"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(once, name), err_msg=name)


def test_several_calls_give_exactly_what_one_gives():
    once, _, x, t = some_states()
    cuda.train(once, x, t, 13)
    parts, *_ = some_states()
    for steps in (1, 5, 7):
        cuda.train(parts, x, t, steps)
    np.testing.assert_array_equal(parts.parameters, once.parameters)
    np.testing.assert_array_equal(parts.order, once.order)


def test_looking_in_between_changes_nothing():
    once, _, x, t = some_states()
    cuda.train(once, x, t, 6)
    looked, *_ = some_states()
    for _ in range(6):
        cuda.train(looked, x, t, 1)
        cuda.gradients(looked, x, t)
        cuda.trace(looked, x[:3], t[:3])
        cuda.evaluate(looked, x, t, np.zeros_like(t))
        cuda.outputs(looked.plan, looked.parameters, x)
    np.testing.assert_array_equal(looked.parameters, once.parameters)
    np.testing.assert_array_equal(looked.second_moment, once.second_moment)


@pytest.mark.parametrize("form", FORMS)
def test_other_settings_in_the_middle_of_an_epoch(form):
    gpu, host, x, t = some_states(form)
    changes = [
        {"batch_size": 7},
        {"optimizer": RMSprop(learning_rate=0.01)},
        {"optimizer": SGD(learning_rate=0.1), "l2": 0.0, "clip_norm": 0.1},
        {"batch_size": 3, "optimizer": Momentum()},
    ]
    training = gpu.training
    for change in changes:
        training = structs.replace(training, **change)
        for state, backend in ((gpu, cuda), (host, cpu)):
            backend.train(state, x, t, 3)
            state.configure(state.plan, training)
        use(gpu, form)
    assert cuda.train(gpu, x, t, 3) == pytest.approx(cpu.train(host, x, t, 3), rel=1e-4)
    assert gpu.step == 15
    assert_same_run(gpu, host)


def test_a_layer_that_is_frozen_in_the_middle_of_a_run_stays():
    trainers = trainers_of("adam", "cuda", "cpu")
    experiment = trainers[0].run.experiment
    layers = (structs.replace(experiment.network.layers[0], trainable=False), *experiment.network.layers[1:])
    frozen = structs.replace(experiment, network=structs.replace(experiment.network, layers=layers))
    for trainer in trainers:
        trainer.train_steps(2)
        before = trainer.parameters
        assert trainer.use(frozen)
        trainer.train_steps(4)
        view = trainer.run.plan.parameters[0]
        np.testing.assert_array_equal(view.of(trainer.parameters), view.of(before))
    assert_same_run(trainers[0].state, trainers[1].state)


@pytest.mark.parametrize("name", ["adam", "momentum"])
def test_a_run_that_changes_sides_in_the_middle_of_an_epoch_goes_on_exactly(name):
    wanderer, stayer = trainers_of(name, "cpu", "cpu")
    for backend in ("cuda", "cpu", "cuda"):
        for trainer in (wanderer, stayer):
            trainer.train_steps(2)
            trainer.record(with_gradients=False)
        wanderer.switch_backend(backend)
        assert backend == wanderer.backend.NAME
        assert wanderer.state.threads == stayer.state.threads
    for trainer in (wanderer, stayer):
        trainer.train_epochs()
    assert wanderer.step == stayer.step
    assert_same_run(wanderer.state, stayer.state)
    for column in ("epoch", "train_loss", "test_loss"):
        assert_near(wanderer.history.column(column), stayer.history.column(column))


def test_rows_that_count_differently_are_weighed_after_a_change_of_weights():
    gpu, host, x, t = some_states(rows=12)
    for seed in (1, 2):
        for state, backend in ((gpu, cuda), (host, cpu)):
            state.weights = np.random.default_rng(seed).uniform(0.1, 3.0, t.shape).astype(np.float32)
            backend.train(state, x, t, 4)
    assert_same_run(gpu, host)


def test_evaluation_in_several_chunks_is_that_of_all_rows(monkeypatch):
    gpu, host, x, t = some_states(rows=75)
    monkeypatch.setattr(cuda, "CHUNK", 32)
    mine, theirs = np.zeros_like(t), np.zeros_like(t)
    assert cuda.evaluate(gpu, x, t, mine) == pytest.approx(cpu.evaluate(host, x, t, theirs), rel=1e-5)
    assert_near(mine, theirs)

    parts = cuda.activations(gpu.plan, gpu.parameters, x), cpu.activations(host.plan, host.parameters, x)
    for part, other in zip(*parts, strict=True):
        assert_near(part, other)


def test_no_rows_have_no_loss():
    gpu, _, x, t = some_states()
    assert np.isnan(cuda.evaluate(gpu, x[:0], t[:0], t[:0].copy()))


def test_a_stop_ends_a_call_before_and_between_its_launches(monkeypatch):
    gpu, host, x, t = some_states()
    gpu.stop[0] = 1
    assert cuda.train(gpu, x, t, 100) == 0
    assert_same_run(gpu, host)
    gpu.stop[0] = 0
    monkeypatch.setattr(cuda_script, "MOST_STEPS", 3)
    train_part = cuda._train_part

    def and_stop(state, *rest):
        found = train_part(state, *rest)
        if state.step >= 6:
            state.stop[0] = 1
        return found

    monkeypatch.setattr(cuda, "_train_part", and_stop)
    loss = cuda.train(gpu, x, t, 100)
    assert gpu.step == 6
    assert loss == pytest.approx(cpu.train(host, x, t, 6), rel=1e-5)
    assert_same_run(gpu, host)
