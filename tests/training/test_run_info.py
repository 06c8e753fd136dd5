"""What a run starts from: its targets, and a machine that can hold it."""

import numpy as np
import pytest

from playground.data.preprocessing import prepare
from playground.experiment import (
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    NetworkSpec,
    TrainingSpec,
    initial_parameters,
    set_field,
)
from playground.training.run import plan_run, start_parameters

pytestmark = pytest.mark.compile

IRIS = Experiment(
    data=DataSpec(source=BundledSource(name="iris")),
    network=NetworkSpec(layers=(Dense(units=4, activation="tanh"),)),
    training=TrainingSpec(task="multiclass", loss="categorical_cross_entropy"),
)


def test_a_run_has_its_data_its_plan_and_what_it_is_trained_on():
    run = plan_run(IRIS)
    assert run.plan.widths == (4, 4, 3)
    assert run.training_targets is run.data.train_targets
    assert np.array_equal(start_parameters(IRIS, run.plan), initial_parameters(IRIS, run.plan))


def test_smoothed_labels_are_trained_on_and_the_plain_ones_judged():
    smoothed = set_field(IRIS, "training.label_smoothing", "0.3")
    run = plan_run(smoothed)
    np.testing.assert_allclose(run.training_targets, np.where(run.data.train_targets == 1, 0.8, 0.1), rtol=1e-6)


def test_data_at_hand_are_not_loaded_again():
    data = prepare(IRIS)
    assert plan_run(IRIS, data).data is data
