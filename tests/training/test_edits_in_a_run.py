"""Odd networks and edits in the middle of a run: what they must not break."""

import math

import numpy as np
import pytest

from playground.catalog.schedules import Cosine
from playground.experiment import (
    SGD,
    BatchNorm,
    BundledSource,
    Conv2D,
    DataSpec,
    Dense,
    Dropout,
    EarlyStopping,
    Experiment,
    ExperimentError,
    FileSource,
    Flatten,
    Inputs,
    LayerNorm,
    MaxPool2D,
    NetworkSpec,
    Residual,
    SyntheticSource,
    TrainingSpec,
    build_plan,
    checked,
    initial_parameters,
    set_field,
    warnings,
)
from playground.kernels.cpu import backend as cpu
from playground.kernels.reference import backend as reference
from playground.kernels.state import RATE
from playground.training.trainer import BLOWN_UP, Trainer, train

pytestmark = pytest.mark.compile

BACKENDS = ["cpu", "reference"]


def experiment_of(*layers, source=None, validation=0.0, **training):
    return checked(
        Experiment(
            data=DataSpec(source=source or SyntheticSource(name="circle", samples=60), validation_fraction=validation),
            network=NetworkSpec(layers=layers),
            training=TrainingSpec(**{"task": "binary", "loss": "binary_cross_entropy"} | training),
        )
    )


DIGITS = {"source": BundledSource(name="digits"), "task": "multiclass", "loss": "categorical_cross_entropy"}


def test_a_skip_around_nothing_within_a_skip_has_the_right_slope():
    experiment = experiment_of(Dense(units=4, activation="tanh"), Residual(layers=(Residual(layers=(Flatten(),)),)))
    plan = build_plan(experiment, 2, 1)
    random = np.random.default_rng(0)
    x, t = random.normal(size=(7, 2)).astype(np.float32), random.integers(0, 2, (7, 1)).astype(np.float32)
    found = []
    for backend in (cpu, reference):
        state = backend.new_state(plan, experiment.training, initial_parameters(experiment, plan), 7)
        backend.gradients(state, x, t)
        found.append(state.gradients.copy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_freezing_and_new_layers_without_parameters_go_on_with_the_run(backend):
    old = experiment_of(Dense(units=4), Dense(units=3))
    trainer = Trainer(old, backend)
    trainer.train_epochs(2)
    trainer.record()
    frozen = set_field(old, "network.layers.0.trainable", "false")
    assert trainer.use(frozen)
    before = trainer.parameters
    trainer.train_epochs(2)
    row = trainer.record()
    assert math.isnan(row["gradient_size_layers.0"]) and row["gradient_size_layers.1"] > 0
    views = {view.name: view.of(trainer.parameters) - view.of(before) for view in trainer.run.plan.parameters}
    assert not views["layers.0.weight"].any() and views["layers.1.weight"].any()
    dropped = experiment_of(Dense(units=4), Dropout(), Dense(units=3))
    assert trainer.use(dropped)
    assert "gradient_size_layers.2" in trainer.record() and "gradient_size_layers.1" not in trainer.record()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_new_batch_size_leaves_the_schedule_at_its_epoch(backend):
    experiment = experiment_of(Dense(units=4), schedule=Cosine(), batch_size=1, epochs=100)
    trainer = Trainer(experiment, backend)
    trainer.train_epochs(50)
    trainer.use(set_field(experiment, "training.batch_size", "42"))
    trainer.train_steps(1)
    rate = float(trainer.state.hyper[RATE])
    assert rate == pytest.approx(experiment.training.optimizer.learning_rate / 2, rel=1e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_after_a_divergence_the_outputs_are_those_of_the_good_weights(backend):
    experiment = experiment_of(Dense(units=4, activation="tanh"), optimizer=SGD(learning_rate=0.1))
    trainer = Trainer(experiment, backend)
    trainer.record()
    good = trainer.outputs.copy()
    trainer.state.parameters[:] = np.nan
    assert not trainer.train_steps(5)
    np.testing.assert_array_equal(trainer.outputs, good)


def test_a_layer_that_does_not_fit_a_table_is_refused_in_one_sentence(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("a,b,c,yes\n" + "\n".join(f"{i},{i % 3},{i % 5},{i % 2}" for i in range(40)))
    source = FileSource(path=str(table))
    with pytest.raises(ExperimentError, match=r"network.layers.0: its layers make 8 numbers of 3 numbers"):
        Trainer(experiment_of(Residual(layers=(Dense(units=8),)), source=source))
    Trainer(experiment_of(Residual(layers=(Dense(units=3),)), source=source))


def test_a_network_beyond_the_memory_is_refused_before_it_is_asked_for():
    layers = (Conv2D(filters=512), Conv2D(filters=512, kernel=32), Flatten())
    with pytest.raises(ExperimentError, match=r"with batches of .* rows, training takes .* GB of memory"):
        Trainer(experiment_of(*layers, **DIGITS, batch_size=65_536), "reference")


def test_a_share_of_few_rows_is_still_a_row():
    experiment = experiment_of(Dense(units=2), validation=0.02, early_stopping=EarlyStopping(patience=3), epochs=40)
    trainer = Trainer(experiment, "reference")
    assert len(trainer.run.data.validation_rows) >= 1
    trainer.train_epochs(40)
    assert "nan" not in trainer.stopped


def test_what_is_no_number_goes_through_a_pool():
    experiment = experiment_of(MaxPool2D(), Flatten(), **DIGITS)
    plan = build_plan(experiment, Inputs(64, (8, 8, 1)), 10)
    for place in (0, 1, 8, 9):
        x = np.ones((1, 64), np.float32)
        x[0, place] = np.nan
        for backend in (cpu, reference):
            pooled = backend.activations(plan, initial_parameters(experiment, plan), x)[1]
            assert np.isnan(pooled[0, 0]) and not np.isnan(pooled[0, 1:]).any()


@pytest.mark.parametrize("backend", [cpu, reference], ids=BACKENDS)
def test_a_single_row_leaves_running_statistics_alone(backend):
    experiment = experiment_of(Dense(units=3), BatchNorm(), batch_size=1)
    plan = build_plan(experiment, 2, 1)
    state = backend.new_state(plan, experiment.training, initial_parameters(experiment, plan), 3)
    backend.train(state, np.ones((3, 2), np.float32), np.ones((3, 1), np.float32), 3)
    assert (plan.view(state.parameters, "layers.1.running_var") == 1).all()
    assert any("BatchNorm" in sentence for sentence in warnings(experiment))


@pytest.mark.parametrize(
    ("layers", "linear"),
    [
        ((Dense(units=3, activation="identity"),), True),
        ((Dense(units=3, activation="identity"), Dropout()), True),
        ((Residual(layers=(Dense(units=2, activation="identity"),)),), True),
        ((Residual(layers=(Dense(units=2),)),), False),
        ((Dense(units=3, activation="identity"), LayerNorm()), False),
        ((Dense(units=3), Dropout()), False),
    ],
    ids=str,
)
def test_only_linear_layers_are_pointed_out(layers, linear):
    assert any("one linear layer" in sentence for sentence in warnings(experiment_of(*layers))) == linear


def test_training_for_fewer_epochs_ends_with_the_best_weights():
    experiment = experiment_of(Dense(units=16), validation=0.3, early_stopping=EarlyStopping(patience=1000), epochs=1000)
    losses = []
    model = train(experiment, epochs=80, backend="reference", progress=lambda trainer: losses.append(trainer.history.last()))
    assert model.experiment.training.epochs == 80
    assert model.metrics["validation_loss"] == pytest.approx(min(row["validation_loss"] for row in losses))


def test_an_edit_that_changes_no_loss_keeps_the_best_weights_so_far():
    experiment = experiment_of(Dense(units=16), validation=0.3, early_stopping=EarlyStopping(patience=1000), epochs=1000)
    trainer = Trainer(experiment, "reference")
    trainer.train_epochs(20)
    best = trainer._patience.best_loss
    trainer.use(set_field(experiment, "training.l2", "0.1"))
    assert trainer._patience.best_loss == best
    trainer.use(set_field(experiment, "training.loss", "mean_squared_error"))
    assert trainer._patience.best_loss == math.inf


def test_early_stopping_that_is_changed_in_a_run_waits_anew_and_that_is_switched_off_stops_nothing():
    experiment = experiment_of(Dense(units=16), validation=0.3, early_stopping=EarlyStopping(patience=1000), epochs=1000)
    trainer = Trainer(experiment, "reference")
    trainer.train_epochs(20)
    assert trainer.use(set_field(experiment, "training.early_stopping", '{"patience": 2, "min_delta": 1}'))
    assert (trainer._patience.rule.patience, trainer._patience.best_loss) == (2, math.inf)
    trainer.train_epochs(5)
    assert "no lower validation loss for 2 epochs" in trainer.stopped
    assert trainer.use(experiment)
    assert trainer.stopped == "", "what was said of the other rule is gone"
    assert trainer.use(set_field(experiment, "training.early_stopping", None))
    trainer.train_epochs(5)
    assert trainer.stopped == ""


def test_weights_put_in_by_hand_may_be_worse_than_any_before():
    """They are what a divergence goes back to, however good the run was before."""
    experiment = experiment_of(Dense(units=4), optimizer=SGD(learning_rate=0.1))
    trainer = Trainer(experiment, "reference")
    for _ in range(30):
        trainer.train_epochs()
        best = trainer.record()["train_loss"]
    put = trainer.parameters * np.float32(1000)
    trainer.put(put)
    assert trainer.record()["train_loss"] > BLOWN_UP * best
    trainer.train_steps(1)
    worse, row, rows = trainer.parameters, trainer.record(), trainer.history.length
    assert not np.array_equal(worse, put)
    trainer.state.parameters[:] = np.nan
    assert not trainer.train_steps(1)
    assert np.array_equal(trainer.parameters, worse)
    assert (trainer.history.last(), trainer.history.length) == (row, rows), "it is there already"
