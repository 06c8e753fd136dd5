"""Which settings make another run of an experiment, and which ends of a scale and smoothings can't be."""

import pytest
from msgspec.structs import replace

from playground.catalog.activations import ACTIVATIONS
from playground.experiment import (
    BatchNorm,
    Dense,
    ExperimentError,
    checked,
    keeps_weights,
    set_field,
    warnings,
)
from playground.experiment.presets import preset

ScaledSigmoid = ACTIVATIONS["scaled_sigmoid"].spec
CIRCLE = preset("circle")


def rated(low, high):
    """An experiment whose answers are on a scale."""
    ratings = preset("ratings")
    return replace(ratings, network=replace(ratings.network, output_activation=ScaledSigmoid(low=low, high=high)))


def test_another_initial_bias_is_another_run():
    assert not keeps_weights(CIRCLE, set_field(CIRCLE, "network.bias", "0.5"))


def test_another_end_of_the_scale_is_another_run_as_the_targets_are_on_it():
    assert keeps_weights(rated(1.0, 5.0), rated(1.0, 5.0))
    assert not keeps_weights(rated(1.0, 5.0), rated(0.0, 5.0))
    assert not keeps_weights(rated(1.0, 5.0), rated(1.0, 6.0))
    other = replace(rated(1.0, 5.0).network, output_activation="identity")
    assert not keeps_weights(rated(1.0, 5.0), replace(rated(1.0, 5.0), network=other))


@pytest.mark.parametrize("high", [1.0, 0.5])
def test_a_scale_has_two_ends(high):
    with pytest.raises(ExperimentError, match=r"network\.output_activation: low must be below high; swap them"):
        checked(rated(1.0, high))
    assert checked(rated(1.0, 1.5))


def test_a_loss_that_asks_for_the_side_alone_is_not_smoothed():
    hinge = set_field(set_field(CIRCLE, "network.output_activation", "identity"), "training.loss", "hinge")
    smoothed = replace(hinge, training=replace(hinge.training, label_smoothing=0.1))
    with pytest.raises(ExperimentError, match=r"training\.label_smoothing: hinge only asks for the side"):
        checked(smoothed)
    assert checked(replace(CIRCLE, training=replace(CIRCLE.training, label_smoothing=0.1)))


@pytest.mark.parametrize(("batch_size", "warned"), [(1, True), (2, False)])
def test_a_batch_of_one_row_and_only_that_is_its_own_mean(batch_size, warned):
    layers = (Dense(units=3), BatchNorm())
    experiment = replace(
        CIRCLE,
        network=replace(CIRCLE.network, layers=layers),
        training=replace(CIRCLE.training, batch_size=batch_size),
    )
    assert any("A batch of one row" in sentence for sentence in warnings(experiment)) == warned
