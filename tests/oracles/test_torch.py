"""Losses, outputs and gradients against torch's autograd: every combination that the program offers, and random networks."""

from functools import cached_property

import numpy as np
import pytest
from finite_differences import Check, assert_along_directions
from hypothesis import Phase, given, settings
from hypothesis import seed as start
from hypothesis import strategies as st
from networks import grouped, random_networks
from oracle import (
    BACKENDS,
    DIGITS,
    TorchNetwork,
    drop_masks,
    load_backend,
    make_experiment,
    needs,
    optional,
    prepare,
    random_batch,
    torch_gradients,
)

from playground.catalog import activations, losses
from playground.experiment import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Inputs,
    LayerNorm,
    MaxPool2D,
    Residual,
    output_activation,
)
from playground.kernels.reference import backend as reference

torch = optional("torch")
pytestmark = [pytest.mark.compile, pytest.mark.torch, needs("torch")]

# How near a backend must come to torch's float64, whose hard sigmoid has the slope 1/6 as a float32.
TOLERANCE = {"reference": 3e-7, "cpu": 1e-4}
GROUPS = grouped()


def saturates(experiment, outputs):
    """Whether a loss takes the logarithm of 0, which torch cuts at −100 and the kernels at that of float32's least number."""
    record, _ = activations.resolve(output_activation(experiment))
    return record.name == "hard_sigmoid" and ((outputs <= 0) | (outputs >= 1)).any()


def tolerance_of(backend, experiment, outputs):
    """How near a backend must come: where 1 − a is divided by, a float32 near 1 has left it that many digits only."""
    tolerance = TOLERANCE[backend.NAME]
    record, _ = losses.resolve(experiment.training.loss)
    head, _ = activations.resolve(output_activation(experiment))
    if backend is reference or record.name != "binary_cross_entropy" or head.name in record.fused_with:
        return tolerance
    below = outputs[outputs < 1]
    return max(tolerance, 4 * 2.0**-24 / (1 - below.max())) if below.size else tolerance


class Batch:
    """One batch of a network in training mode, with the kernels' own dropout, and what torch makes of it, once for all backends.

    Parameters
    ----------
    loss, outputs
        Torch's.
    gradients
        Torch's, float64, in the layout of the plan's parameters.
    learned, frozen
        Which of these numbers learn, and which are parameters that don't: bool each.
    """

    def __init__(self, experiment, inputs, rows, seed=0):
        self.experiment, self.inputs = experiment, inputs
        self.plan, self.parameters = prepare(experiment, inputs, seed)
        self.x, self.t = random_batch(experiment, rows, inputs, seed)
        masks = drop_masks(self.plan, experiment.training.seed, 0, rows)
        self.loss, self.outputs, found = torch_gradients(experiment, self.plan, self.parameters, inputs, self.x, self.t, masks)
        self.gradients = np.zeros(self.plan.parameter_size)
        self.learned, self.frozen = np.zeros((2, self.plan.parameter_size), bool)
        for view in self.plan.parameters:
            if view.trainable:
                view.of(self.gradients)[:] = found[view.name]
                view.of(self.learned)[:] = True
            elif not view.is_statistic:
                view.of(self.frozen)[:] = True

    @cached_property
    def predicted(self):
        """Torch's loss and outputs in prediction mode: nothing dropped, running statistics."""
        network = TorchNetwork(self.experiment, self.plan, self.parameters, self.inputs)
        x, t = (torch.tensor(values.astype(np.float64)) for values in (self.x, self.t))
        with torch.no_grad():
            return network.loss(x, t, training=False).item(), network.outputs(network.logits(x, training=False)).numpy()


def are_near(mine, expected, relative, absolute):
    """Whether `assert_allclose` or `approx` pass for finite numbers; they say more, but take longer than the kernels."""
    with np.errstate(invalid="ignore"):
        return (np.abs(mine - expected) <= absolute + relative * np.abs(expected)).all()


def assert_gradients_match(backend, batch):
    """Loss and gradients of one batch; returns the backend's state."""
    plan, experiment = batch.plan, batch.experiment
    state = backend.new_state(plan, experiment.training, batch.parameters, len(batch.x))
    loss = backend.gradients(state, batch.x, batch.t)
    tolerance = tolerance_of(backend, experiment, batch.outputs)
    if not saturates(experiment, batch.outputs) and not are_near(loss, batch.loss, tolerance, 0):
        assert loss == pytest.approx(batch.loss, rel=tolerance, abs=tolerance)
    least = tolerance * max(1e-3, np.abs(batch.gradients).max())
    if not are_near(state.gradients[batch.learned], batch.gradients[batch.learned], tolerance, least):
        for view in plan.parameters:
            if view.trainable:
                mine, expected = view.of(state.gradients), view.of(batch.gradients)
                np.testing.assert_allclose(mine, expected, rtol=tolerance, atol=least, err_msg=view.name)
    assert not state.gradients[batch.frozen].any(), "what is frozen has a gradient"
    return state


def assert_predictions_match(backend, batch, state):
    """Outputs and loss in prediction mode."""
    tolerance, outputs_tolerance = TOLERANCE[backend.NAME], max(1e-6, TOLERANCE[backend.NAME])
    expected_loss, expected = batch.predicted
    mine = np.zeros_like(batch.t)
    loss = backend.evaluate(state, batch.x, batch.t, mine)
    # Outputs are float32 in every backend.
    np.testing.assert_allclose(mine, expected, rtol=outputs_tolerance, atol=outputs_tolerance * max(1.0, np.abs(expected).max()))
    if not saturates(batch.experiment, expected):
        assert loss == pytest.approx(expected_loss, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize(("layer", "activation"), GROUPS, ids=lambda name: name)
def test_gradients_of_every_combination(layer, activation):
    backends = [load_backend(name) for name in BACKENDS]
    for seed, combination in enumerate(GROUPS[layer, activation]):
        batch = Batch(combination.experiment(), combination.inputs, rows=5, seed=seed)
        for backend in backends:
            try:
                assert_gradients_match(backend, batch)
            except AssertionError as error:
                raise AssertionError(f"{backend.NAME}, {combination}: {error}") from error


# The same networks each time, however this test is written.
@start(0)
@settings(deadline=None, max_examples=500, phases=(Phase.explicit, Phase.generate))
@given(network=random_networks(), rows=st.integers(2, 19), seed=st.integers(0, 99))
def test_random_networks(network, rows, seed):
    experiment, inputs = network
    batch = Batch(experiment, inputs, rows, seed)
    for name in BACKENDS:
        backend = load_backend(name)
        assert_predictions_match(backend, batch, assert_gradients_match(backend, batch))
    assert_along_directions(Check(experiment, inputs, rows, seed), seed)


# What a convolutional network is made of, at the sizes at which kernels change their ways.
LARGER = {
    "digits": (
        Inputs(64, (8, 8, 1)),
        (Conv2D(filters=16), MaxPool2D(), Conv2D(filters=32), MaxPool2D(), Flatten(), Dense(units=20)),
    ),
    "odd": (
        Inputs(7 * 9 * 3, (7, 9, 3)),
        (
            Conv2D(filters=5, kernel=5, stride=2, activation="elu"),
            BatchNorm(activation="relu"),
            AveragePool2D(size=3, stride=2, padding="same"),
            Residual(layers=(Conv2D(filters=5, activation="gelu"), Dropout(rate=0.25)), activation="silu"),
            Flatten(),
            LayerNorm(),
        ),
    ),
    "wide": (
        Inputs(70),
        (
            Dense(units=130, activation="tanh"),
            BatchNorm(activation="leaky_relu"),
            Residual(layers=(Dense(units=40), Dropout(rate=0.5), Residual(layers=(Dense(units=40),)), Dense(units=130))),
        ),
    ),
}


@pytest.mark.parametrize("name", LARGER)
def test_larger_networks(name):
    inputs, layers = LARGER[name]
    source = {"source": DIGITS} if inputs.image else {}
    experiment = make_experiment("multiclass", layers=layers, **source)
    for rows in (2, 33, 100):
        batch = Batch(experiment, inputs, rows)
        for backend in map(load_backend, BACKENDS):
            assert_predictions_match(backend, batch, assert_gradients_match(backend, batch))
