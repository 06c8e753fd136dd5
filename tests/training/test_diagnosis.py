"""Diagnosis: where a run broke and why, going on after it, and layers that don't learn."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from playground.data.preprocessing import prepare
from playground.data.sources import load_dataset
from playground.experiment import (
    SGD,
    BatchNorm,
    BundledSource,
    Conv2D,
    DataSpec,
    Dense,
    Experiment,
    Flatten,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    set_field,
)
from playground.kernels.state import EPOCH, POSITION, STEP
from playground.training.diagnosis import gradient_layers, gradient_statistics, measure_health
from playground.training.trainer import Trainer

pytestmark = pytest.mark.compile

# The ways to compute: batches in the vector lanes (narrow networks), layer by layer, and NumPy in float64.
LANES, LAYERS, REFERENCE = ("cpu", 8), ("cpu", 24), ("reference", 8)
WAYS = [pytest.param(*way, id=name) for name, way in (("lanes", LANES), ("layers", LAYERS), ("reference", REFERENCE))]
COMPILED = WAYS[:2]
BACKENDS = ["cpu", "reference"]


def circle(units=8, layers=2, activation="relu", standardize=False, **training):
    training.setdefault("loss", "binary_cross_entropy")
    return Experiment(
        data=DataSpec(source=SyntheticSource(name="circle", samples=200), standardize=standardize),
        network=NetworkSpec(layers=(Dense(units=units, activation=activation),) * layers),
        training=TrainingSpec(task="binary", batch_size=16, **training),
    )


def plane(units=8, **training):
    return Experiment(
        data=DataSpec(source=SyntheticSource(name="plane", samples=200), standardize=False),
        network=NetworkSpec(layers=(Dense(units=units, activation="relu"),)),
        training=TrainingSpec(task="regression", loss="mean_squared_error", batch_size=16, **training),
    )


def wild(units):
    """Far too high a rate for plain outputs and squared errors."""
    return set_field(
        circle(units, loss="mean_squared_error", optimizer=SGD(learning_rate=900.0)), "network.output_activation", "identity"
    )


def spoiled(experiment, train_row, value, target=False):
    """The experiment's data with one value of a training row changed; and the row's number in the data, counted from 1."""
    dataset = load_dataset(experiment.data, experiment.training.task)
    row = int(prepare(experiment).train_rows[train_row])
    changed = (dataset.targets if target else dataset.features).copy()
    changed[row, 0] = value
    with np.errstate(all="ignore"):
        return prepare(experiment, replace(dataset, **{"targets" if target else "features": changed})), row + 1


def with_parameters(trainer, **values):
    """Put chosen parameters (``layers_0_weight=…``) into a run."""
    parameters = trainer.parameters
    for name, value in values.items():
        layer, number, kind = name.split("_")
        view = next(view for view in trainer.run.plan.parameters if view.name == f"{layer}.{number}.{kind}")
        view.of(parameters)[:] = value
    trainer.put(parameters)
    return trainer


def counters(trainer):
    return [int(trainer.state.counters[index]) for index in (EPOCH, POSITION, STEP)]


# Bad rows


@pytest.mark.parametrize(("backend", "units"), WAYS)
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_row_that_is_no_number_is_named_by_its_number(backend, units, value):
    experiment = circle(units)
    data, row = spoiled(experiment, 100, value)
    trainer = Trainer(experiment, backend, data=data)
    assert not trainer.train_steps(100)
    batch = int(np.flatnonzero(trainer.state.order == 100)[0]) // 16
    assert (trainer.trouble.what, trainer.trouble.row) == ("input", row)
    assert (trainer.trouble.epoch, trainer.trouble.batch) == (1, batch + 1)
    assert f"Correct or remove row {row} of the data." in trainer.trouble.sentence
    assert counters(trainer) == [0, batch * 16, batch], "nothing was done after the batch that broke"


@pytest.mark.parametrize(("backend", "units"), COMPILED)
@pytest.mark.parametrize("target", [False, True], ids=["input", "target"])
def test_a_row_far_beyond_all_others_is_named_by_its_number(backend, units, target):
    experiment = plane(units)
    data, row = spoiled(experiment, 77, 1e38, target)
    trainer = Trainer(experiment, backend, data=data)
    assert not trainer.train_steps(100)
    assert trainer.trouble.row == row
    assert "one row of the data" in trainer.trouble.cause
    assert trainer.trouble.batch == int(np.flatnonzero(trainer.state.order == 77)[0]) // 16 + 1


@pytest.mark.parametrize(("backend", "units"), WAYS)
def test_a_bad_row_is_found_before_the_first_step_too(backend, units):
    experiment = plane(units)
    data, row = spoiled(experiment, 139, np.inf)
    trainer = Trainer(experiment, backend, data=data)
    trainer.record()
    assert trainer.diverged
    assert trainer.trouble.row == row
    assert trainer.history.length == 1
    assert not np.isfinite(trainer.history.last()["train_loss"]), "what the first weights are worth, said as it is"


# Targets too large


def with_targets(experiment, size):
    """The experiment's data with all targets so many times as large."""
    dataset = load_dataset(experiment.data, experiment.training.task)
    return prepare(experiment, replace(dataset, targets=dataset.targets * size))


@pytest.mark.parametrize(("backend", "units"), COMPILED)
@pytest.mark.parametrize("size", [1e6, 1e15, 1e25, 1e36])
@pytest.mark.parametrize("measured", [False, True])
def test_huge_targets_are_named_and_not_the_weights(backend, units, size, measured):
    experiment = plane(units, optimizer=SGD(learning_rate=0.1))
    data = with_targets(experiment, size)
    trainer = Trainer(experiment, backend, data=data)
    if measured:
        trainer.record()
    trainer.train_steps(100)
    assert trainer.diverged
    reach = np.abs(data.train_targets).max()
    assert trainer.trouble.cause == f"the targets reach {reach:.2g}, far beyond what the network can answer at first."
    assert trainer.trouble.sentence.endswith("Standardize the data, or give the targets in larger units.")
    standardized = set_field(experiment, "data.standardize", True)
    well = Trainer(standardized, backend, data=with_targets(standardized, size))
    assert well.train_steps(100), "what it advises helps"


@pytest.mark.parametrize(("backend", "units"), COMPILED)
def test_targets_of_a_usual_size_are_not_to_blame(backend, units):
    experiment = plane(units, optimizer=SGD(learning_rate=900.0))
    trainer = Trainer(experiment, backend, data=with_targets(experiment, 1e3))
    trainer.record()
    assert not trainer.train_steps(100)
    assert "learning rate of" in trainer.trouble.cause and "targets" not in trainer.trouble.sentence
    huge = Trainer(experiment, backend, data=with_targets(experiment, 1e6))
    with_parameters(huge, layers_0_weight=1e30, layers_1_weight=1e30)
    huge.record()
    assert "first weights" in huge.trouble.cause, "weights that are larger still are what is wrong"


# Rates too high


@pytest.mark.parametrize(("backend", "units"), WAYS)
def test_a_rate_too_high_is_said_with_the_place_and_stops_in_the_same_step(backend, units):
    trainer = Trainer(wild(units), backend)
    first = trainer.parameters
    trainer.record()
    while trainer.train_steps(1):
        assert trainer.step < 500
    trouble, (epoch, position, step) = trainer.trouble, counters(trainer)
    assert trouble.layer in gradient_layers(trainer.run.plan)
    assert trouble.row == 0
    assert (trouble.epoch, trouble.batch) == (epoch + 1, position // 16 + 1)
    assert step == epoch * trainer.steps_per_epoch + trouble.batch - 1
    assert f"epoch {trouble.epoch}, batch {trouble.batch}" in trouble.sentence
    assert "the steps were too large: layers." in trouble.cause
    assert trouble.rate == 90
    assert "with a learning rate of 90" in trouble.sentence
    assert np.array_equal(trainer.parameters, first), "back to the weights of the last measurement"
    # One call of many steps breaks at the same place as calls of one.
    whole = Trainer(wild(units), backend)
    whole.record()
    assert not whole.train_steps(500)
    assert whole.trouble == trouble
    assert counters(whole) == [epoch, position, step]
    assert not whole.train_steps(5)
    assert counters(whole) == [epoch, position, step], "a broken run doesn't go on by itself"


@pytest.mark.parametrize(("backend", "units"), COMPILED)
def test_an_activation_that_overflows_is_named(backend, units):
    trainer = with_parameters(Trainer(circle(units, layers=3), backend), layers_1_weight=1e38)
    assert not trainer.train_steps(5)
    assert (trainer.trouble.what, trainer.trouble.layer) == ("activation", "layers.1")
    assert counters(trainer) == [0, 0, 0]


@pytest.mark.parametrize(("backend", "units"), COMPILED)
def test_an_infinite_gradient_with_a_finite_loss_is_caught_in_the_same_step(backend, units):
    """The slope of the middle weights is 10³⁰ · 10³⁰, the loss about 10³⁰."""
    trainer = Trainer(circle(units, optimizer=SGD(learning_rate=0.1)), backend)
    signs = np.where(np.arange(2 * units).reshape(2, units) % 2, 1e30, -1e30)
    with_parameters(trainer, layers_0_weight=signs, layers_1_weight=1e-30, layers_2_weight=1e30)
    put = trainer.parameters
    data = trainer.run.data
    outputs = np.zeros_like(data.train_targets)
    assert np.isfinite(trainer.backend.evaluate(trainer.state, data.train_inputs, data.train_targets, outputs))
    assert not trainer.train_steps(5)
    assert (trainer.trouble.what, trainer.trouble.parameter) == ("gradient", "layers.1.weight")
    assert counters(trainer) == [0, 0, 0]
    assert np.array_equal(trainer.parameters, put)


@pytest.mark.parametrize(("backend", "units"), COMPILED)
def test_first_weights_that_are_no_good_get_no_advice_about_rates(backend, units):
    trainer = with_parameters(Trainer(circle(units), backend), layers_0_weight=1e30, layers_1_weight=1e30)
    trainer.record()
    assert trainer.diverged
    assert trainer.trouble.rate == 0
    assert "smaller weights" in trainer.trouble.sentence
    assert "layers." in trainer.trouble.cause


# Going on


@pytest.mark.parametrize(("backend", "units"), WAYS)
def test_recovering_goes_on_from_the_last_good_weights_with_a_tenth_of_the_rate(backend, units):
    trainer = Trainer(wild(units), backend)
    first = trainer.parameters
    trainer.record()
    recoveries = 0
    while trainer.epoch < 60:
        if trainer.train_epochs():
            trainer.record()
        if trainer.diverged:
            good = trainer.parameters
            experiment = trainer.recover()
            recoveries += 1
            assert experiment.training.optimizer.learning_rate == pytest.approx(900 / 10**recoveries)
            assert trainer.run.experiment is experiment
            assert not trainer.diverged
            assert trainer.trouble is None
            assert np.array_equal(trainer.parameters, good)
            if recoveries == 1:
                assert np.array_equal(good, first)
        assert recoveries < 8
    assert recoveries >= 2
    assert np.isfinite(trainer.parameters).all()
    losses = trainer.history.column("train_loss")
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


# Layers that don't learn


def health_of(trainer):
    return {found.name: found for found in measure_health(trainer.run, trainer.compute)}


def sick(trainer):
    return {name: found.words for name, found in health_of(trainer).items() if found.words}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "elu", "gelu"])
def test_a_healthy_network_gets_no_words(backend, activation):
    experiment = set_field(circle(16, activation=activation, standardize=True), "network.initializer", "he_normal")
    trainer = Trainer(experiment, backend)
    assert sick(trainer) == {}
    trainer.train_epochs(5)
    assert sick(trainer) == {}
    assert list(health_of(trainer)) == ["layers.0", "layers.1", "outputs"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_healthy_images_get_no_words(backend):
    network = NetworkSpec(
        layers=(Conv2D(filters=4, activation="relu"), BatchNorm(), Flatten(), Dense(units=12, activation="relu"))
    )
    training = TrainingSpec(task="multiclass", loss="categorical_cross_entropy")
    digits = Experiment(data=DataSpec(source=BundledSource(name="digits")), network=network, training=training)
    trainer = Trainer(digits, backend)
    assert sick(trainer) == {}
    dead = with_parameters(trainer, layers_0_bias=[0, -100, 0, -100])
    found = health_of(dead)["layers.0"]
    assert (found.dead, found.units) == (2, 4)
    assert found.words.startswith("2 of 4 filters are dead")


@pytest.mark.parametrize("backend", BACKENDS)
def test_dead_neurons_are_counted_in_their_layer(backend):
    trainer = Trainer(circle(6, layers=2, standardize=True), backend)
    biases = np.zeros(6)
    biases[[1, 4]] = -50
    with_parameters(trainer, layers_1_bias=biases)
    found = health_of(trainer)["layers.1"]
    assert found.dead >= 2
    assert sick(trainer).keys() == {"layers.1"}
    assert f"{found.dead} of 6 neurons are dead" in found.words
    assert "leaky ReLU" in found.words
    with_parameters(trainer, layers_1_bias=-50)
    assert health_of(trainer)["layers.1"].dead == 6
    assert "6 of 6 neurons are dead" in sick(trainer)["layers.1"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "hard_sigmoid"])
def test_saturated_layers_are_named(backend, activation):
    trainer = Trainer(circle(6, layers=2, activation=activation, standardize=True), backend)
    weights = 500.0 * np.random.default_rng(0).choice([-1, 1], (6, 6))
    with_parameters(trainer, layers_1_weight=weights, layers_1_bias=0)
    found = health_of(trainer)["layers.1"]
    assert found.saturated > 0.75
    assert "lie where the activation is flat" in found.words
    assert health_of(trainer)["layers.0"].saturated < 0.75


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sigmoids_slopes_are_measured_by_its_own_steepest(backend):
    """0.25 at 0; at a sum of 3 it is 0.045, which is 18 % of that, and at 4.5 it is 0.011, which is 4 %."""
    for bias, flat in ((3.0, 0.0), (4.5, 1.0)):
        trainer = Trainer(circle(6, layers=2, activation="sigmoid", standardize=True), backend)
        with_parameters(trainer, layers_1_weight=0, layers_1_bias=bias)
        assert health_of(trainer)["layers.1"].saturated == flat


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_compared_by_their_mean_size_a_parameter_and_not_by_their_length(backend):
    """A layer of one weight has a short gradient beside one of thousands, each of whose slopes is as large."""
    trainer = Trainer(circle(8, layers=2, standardize=True), backend)
    run, compute = trainer.run, trainer.compute
    sizes = dict(zip(gradient_layers(run.plan), (size for size, _ in gradient_statistics(run, compute)), strict=True))
    counts = {name: sum(view.size for view in run.plan.parameters if view.layer == name) for name in sizes}
    for factor, said in ((0.5, True), (2.0, False)):
        limit = factor * sizes["layers.0"] / np.sqrt(counts["layers.0"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("playground.training.diagnosis.EXPLODED", limit)
            assert ("explodes" in health_of(trainer)["layers.0"].words) == said


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_vanishing_gradient_is_named_where_it_has_vanished(backend):
    trainer = Trainer(circle(8, layers=20, activation="sigmoid", standardize=True), backend)
    words = sick(trainer)
    names = [f"layers.{number}" for number in range(20)]
    last = max(names.index(name) for name in words)
    assert "vanished" in words["layers.0"]
    assert set(words) == set(names[: last + 1]), "from the first layer to one in the middle"
    assert last < 17
    sizes = [found.gradient_size for found in measure_health(trainer.run, trainer.compute)]
    assert sizes[0] < 1e-6 * sizes[-1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_exploding_gradient_is_named_where_it_explodes(backend):
    experiment = structs.replace(circle(8, layers=8, activation="identity", standardize=True))
    experiment = set_field(experiment, "network.initializer", '{"type": "uniform", "low": -8, "high": 8}')
    experiment = set_field(experiment, "training.loss", "mean_squared_error")
    experiment = set_field(experiment, "network.output_activation", "identity")
    trainer = with_parameters(Trainer(experiment, backend), layers_0_weight=1e-9)
    words = sick(trainer)
    assert "layers.0" in words
    assert all("explodes" in sentence for sentence in words.values())
    assert "outputs" not in words, "the gradient is small at the end and grows on its way back"


# The numbers


@pytest.mark.parametrize(("backend", "units"), WAYS)
def test_sizes_and_noise_equal_a_direct_computation(backend, units):
    trainer = Trainer(circle(units, activation="tanh", standardize=True), backend)
    trainer.train_epochs(2)
    found = gradient_statistics(trainer.run, trainer.compute)
    plan, inputs, targets = trainer.run.plan, trainer.run.data.train_inputs, trainer.run.training_targets
    assert len(inputs) == 140
    rows = np.arange(16) * 140 // 16
    batches = []
    for chosen in (rows, rows + 140 // 32):
        assert len(set(rows) & set(rows + 140 // 32)) == 0
        batches.append(direct_gradients(plan, trainer.parameters, inputs[chosen], targets[chosen]))
    for (size, noise), layer in zip(found, gradient_layers(plan), strict=True):
        first, second = (np.concatenate([part.ravel() for part in batch[layer]]) for batch in batches)
        length = np.linalg.norm((first + second) / 2)
        assert size == pytest.approx(length, rel=1e-4)
        assert noise == pytest.approx(np.linalg.norm((first - second) / 2) / length, rel=1e-3)


def direct_gradients(plan, parameters, inputs, targets):
    """Backpropagation by hand for two tanh layers and a sigmoid with cross-entropy: weight and bias slopes by layer."""
    w = {view.name: view.of(parameters).astype(np.float64) for view in plan.parameters}
    a = [inputs.astype(np.float64)]
    for layer in (0, 1):
        a.append(np.tanh(a[-1] @ w[f"layers.{layer}.weight"] + w[f"layers.{layer}.bias"]))
    delta = (1 / (1 + np.exp(-(a[2] @ w["layers.2.weight"] + w["layers.2.bias"]))) - targets) / len(inputs)
    found = {}
    for layer in (2, 1, 0):
        found[f"layers.{layer}"] = a[layer].T @ delta, delta.sum(axis=0)
        delta = (delta @ w[f"layers.{layer}.weight"].T) * (1 - a[layer] ** 2)
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_looking_moves_nothing(backend):
    trainer, other = Trainer(circle(), backend), Trainer(circle(), backend)
    for looked in (True, False):
        run = trainer if looked else other
        for _ in range(3):
            run.train_steps(7)
            if looked:
                measure_health(run.run, run.compute)
                gradient_statistics(run.run, run.compute)
    assert np.array_equal(trainer.parameters, other.parameters)
    assert counters(trainer) == counters(other)


def test_the_gradients_are_in_the_history_and_empty_where_they_were_not_measured():
    trainer = Trainer(circle(), "cpu")
    measured = trainer.record()
    skipped = trainer.record(with_gradients=False)
    for layer, (size, noise) in zip(
        ("layers.0", "layers.1", "layers.2"), gradient_statistics(trainer.run, trainer.compute), strict=True
    ):
        assert measured[f"gradient_size_{layer}"] == size
        assert measured[f"gradient_noise_{layer}"] == noise
        assert np.isnan(skipped[f"gradient_size_{layer}"])
    assert not [name for name in trainer.measurement if name.startswith("gradient")]
