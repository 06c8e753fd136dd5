"""The learning-rate range test: its curve, its suggestion, and that the run itself doesn't move."""

import math

import numpy as np
import pytest

from playground.experiment import (
    SGD,
    Adam,
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    set_field,
)
from playground.training.rate_finder import HIGHEST, LOWEST, STEPS, TOO_HIGH, find_rate, suggest
from playground.training.trainer import Trainer

pytestmark = pytest.mark.compile

BACKENDS = ["cpu", "reference"]
# Least squares on a plane: convex, and plain gradient descent diverges above a rate that the data set.
CONVEX = Experiment(
    data=DataSpec(source=SyntheticSource(name="plane", samples=300, noise=10)),
    network=NetworkSpec(layers=(), initializer="zeros"),
    training=TrainingSpec(task="regression", loss="mean_squared_error", optimizer=SGD(learning_rate=0.001), batch_size=300),
)
CANCER = Experiment(
    data=DataSpec(source=BundledSource(name="breast_cancer")),
    network=NetworkSpec(layers=(Dense(units=16, activation="relu"), Dense(units=8, activation="relu")), initializer="he_uniform"),
    training=TrainingSpec(task="binary", loss="binary_cross_entropy", optimizer=Adam(learning_rate=0.001), batch_size=32),
)
CANCER_BY_SGD = set_field(CANCER, "training.optimizer", '{"type": "sgd", "learning_rate": 0.001}')
CASES = [pytest.param(CONVEX, id="convex"), pytest.param(CANCER, id="adam"), pytest.param(CANCER_BY_SGD, id="sgd")]


def trained_with(experiment, rate, backend, epochs=10):
    """Training loss before and after some epochs with a rate; infinite where it diverged."""
    trainer = Trainer(set_field(experiment, "training.optimizer.learning_rate", repr(float(rate))), backend)
    before = trainer.record()["train_loss"]
    for _ in range(epochs):
        if not trainer.train_epochs():
            return before, math.inf
    after = trainer.record()["train_loss"]
    return before, math.inf if trainer.diverged else after


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("experiment", CASES)
def test_the_curve_falls_then_rises_and_the_suggestion_trains(backend, experiment):
    found = find_rate(Trainer(experiment, backend))
    rates, losses = found.rates, found.losses
    assert len(rates) == len(losses) <= STEPS
    assert rates[0] == pytest.approx(LOWEST)
    assert np.allclose(np.diff(np.log(rates)), math.log(HIGHEST / LOWEST) / (STEPS - 1)), "each rate grows by the same factor"
    lowest = int(losses.argmin())
    assert losses[lowest] < 0.8 * losses[0]
    assert losses[lowest] < losses[-1] <= TOO_HIGH * losses[lowest]
    assert 0 < lowest < len(losses) - 1
    assert rates[0] < found.suggestion <= rates[lowest]
    before, after = trained_with(experiment, found.suggestion, backend)
    assert after < 0.7 * before
    assert f"learning rate of {found.suggestion:.2g}" in found.sentence


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_suggestion_lies_below_the_rate_at_which_it_diverges(backend):
    """Gradient descent on a square diverges from two over the steepest curvature on, which the data give."""
    trainer = Trainer(CONVEX, backend)
    inputs = trainer.run.data.train_inputs.astype(np.float64)
    columns = np.column_stack([inputs, np.ones(len(inputs))])
    limit = 2 / np.linalg.eigvalsh(2 * columns.T @ columns / len(columns)).max()
    found = find_rate(trainer)
    assert found.suggestion < limit
    assert trained_with(CONVEX, 3 * limit, backend, epochs=300)[1] > 1e3
    assert trained_with(CONVEX, found.suggestion, backend, epochs=300)[1] < 0.2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("experiment", CASES)
def test_the_run_itself_does_not_move(backend, experiment):
    tested, other = Trainer(experiment, backend), Trainer(experiment, backend)
    for trainer in (tested, other):
        trainer.train_steps(5)
    state = tested.state
    names = ("parameters", "counters", "order", "random", "first_moment", "second_moment", "hyper", "stop")
    before = {name: np.array(getattr(state, name)) for name in names}
    length = tested.history.length
    find_rate(tested)
    for name, value in before.items():
        assert np.array_equal(getattr(state, name), value), name
    assert tested.history.length == length
    assert not tested.diverged
    for trainer in (tested, other):
        trainer.train_steps(30)
    assert np.array_equal(tested.parameters, other.parameters), "it goes on as if nothing had been"


def test_it_starts_from_the_present_weights():
    trainer = Trainer(CANCER, "cpu")
    trainer.train_epochs(3)
    inputs, targets = trainer.run.data.train_inputs, trainer.run.training_targets
    whole = trainer.backend.evaluate(trainer.state, inputs, targets, np.zeros_like(targets))
    first = find_rate(trainer, steps=30).losses[:10].mean()
    assert first == pytest.approx(whole, rel=0.5)
    assert first < 0.5 * find_rate(Trainer(CANCER, "cpu"), steps=30).losses[0]


def test_a_schedule_takes_no_part():
    scheduled = set_field(CANCER, "training.schedule", '{"type": "cosine"}')
    plain, other = find_rate(Trainer(CANCER, "cpu")), find_rate(Trainer(scheduled, "cpu"))
    assert np.array_equal(plain.losses, other.losses)
    assert plain.suggestion == other.suggestion


def test_the_stop_ends_it_with_what_it_has():
    asked = []

    def stop():
        asked.append(True)
        return len(asked) > 25

    found = find_rate(Trainer(CANCER, "cpu"), stop=stop)
    whole = find_rate(Trainer(CANCER, "cpu"))
    assert len(found.rates) == 25
    assert np.array_equal(found.losses, whole.losses[:25])
    at_once = find_rate(Trainer(CANCER, "cpu"), stop=lambda: True)
    assert len(at_once.rates) == 0
    assert math.isnan(at_once.suggestion)


def test_where_no_rate_helps_it_says_so():
    """A network whose first layer is all dead learns nothing but its last bias, and that is right already."""
    trainer = Trainer(set_field(CANCER, "network.bias", "-100"), "cpu")
    parameters = trainer.parameters
    last = trainer.run.plan.parameters[-1]
    share = trainer.run.data.train_targets.mean()
    last.of(parameters)[:] = math.log(share / (1 - share))
    trainer.put(parameters)
    found = find_rate(trainer, highest=1e-3)
    assert math.isnan(found.suggestion)
    assert found.sentence.startswith("No learning rate made the loss fall")


def test_the_suggestion_is_the_middle_of_the_steepest_fall():
    rates = np.geomspace(1e-6, 10, 120)
    place = np.arange(120)
    curve = 1 / (1 + np.exp((place - 60) / 4)) + np.where(place > 90, (place - 90) / 10, 0)
    assert suggest(rates, curve) == pytest.approx(rates[60], rel=0.3)
    assert math.isnan(suggest(rates, np.ones(120)))
    assert math.isnan(suggest(rates, 1 + place / 120)), "it only rises"
    assert math.isnan(suggest(rates[:5], curve[:5])), "too short to say"
