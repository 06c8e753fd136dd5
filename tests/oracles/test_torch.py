"""Losses, outputs and gradients against torch's autograd: every combination that the program offers, and random networks."""

import numpy as np
import pytest
from finite_differences import Check, assert_along_directions
from hypothesis import Phase, given, settings
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


def assert_gradients_match(backend, experiment, inputs, rows, seed=0):
    """Loss and gradients of one batch in training mode, with the kernels' own dropout."""
    plan, parameters = prepare(experiment, inputs, seed)
    x, t = random_batch(experiment, rows, inputs, seed)
    state = backend.new_state(plan, experiment.training, parameters, rows)
    loss = backend.gradients(state, x, t)
    masks = drop_masks(plan, experiment.training.seed, 0, rows)
    expected_loss, outputs, expected = torch_gradients(experiment, plan, parameters, inputs, x, t, masks)
    tolerance = tolerance_of(backend, experiment, outputs)
    if not saturates(experiment, outputs):
        assert loss == pytest.approx(expected_loss, rel=tolerance, abs=tolerance)
    largest = max((np.abs(gradient).max() for gradient in expected.values()), default=0.0)
    for view in plan.parameters:
        if view.trainable:
            mine = view.of(state.gradients)
            np.testing.assert_allclose(
                mine, expected[view.name], rtol=tolerance, atol=tolerance * max(1e-3, largest), err_msg=view.name
            )
        elif not view.is_statistic:
            assert not view.of(state.gradients).any(), f"{view.name} is frozen"
    return plan, parameters, x, t, state


def assert_predictions_match(backend, experiment, inputs, plan, parameters, x, t, state):
    """Outputs and loss in prediction mode: nothing dropped, running statistics."""
    tolerance, outputs_tolerance = TOLERANCE[backend.NAME], max(1e-6, TOLERANCE[backend.NAME])
    network = TorchNetwork(experiment, plan, parameters, inputs)
    tx, tt = (torch.tensor(values.astype(np.float64)) for values in (x, t))
    with torch.no_grad():
        expected = network.outputs(network.logits(tx, training=False)).numpy()
        expected_loss = network.loss(tx, tt, training=False).item()
    mine = np.zeros_like(t)
    loss = backend.evaluate(state, x, t, mine)
    # Outputs are float32 in every backend.
    np.testing.assert_allclose(mine, expected, rtol=outputs_tolerance, atol=outputs_tolerance * max(1.0, np.abs(expected).max()))
    if not saturates(experiment, expected):
        assert loss == pytest.approx(expected_loss, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("layer", "activation"), GROUPS, ids=lambda name: name)
def test_gradients_of_every_combination(layer, activation, backend):
    backend = load_backend(backend)
    for seed, combination in enumerate(GROUPS[layer, activation]):
        try:
            assert_gradients_match(backend, combination.experiment(), combination.inputs, rows=5, seed=seed)
        except AssertionError as error:
            raise AssertionError(f"{combination}: {error}") from error


@settings(deadline=None, max_examples=500, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(network=random_networks(), rows=st.integers(2, 19), seed=st.integers(0, 99))
def test_random_networks(network, rows, seed):
    experiment, inputs = network
    for name in BACKENDS:
        backend = load_backend(name)
        assert_predictions_match(backend, experiment, inputs, *assert_gradients_match(backend, experiment, inputs, rows, seed))
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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", LARGER)
def test_larger_networks(name, backend):
    backend = load_backend(backend)
    inputs, layers = LARGER[name]
    source = {"source": DIGITS} if inputs.image else {}
    experiment = make_experiment("multiclass", layers=layers, **source)
    for rows in (2, 33, 100):
        assert_predictions_match(backend, experiment, inputs, *assert_gradients_match(backend, experiment, inputs, rows))
