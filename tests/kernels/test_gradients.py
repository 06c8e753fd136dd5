"""Gradients of both backends against torch's autograd and finite differences, for everything the catalog offers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import HIDDEN, OUTPUTS, all_heads, make_experiment, random_batch, torch_gradients

from playground.experiment import build_plan, initial_parameters
from playground.kernels import cpu, reference

HEADS = list(all_heads())


def prepare(experiment, inputs, seed=0):
    plan = build_plan(experiment, inputs, OUTPUTS[experiment.training.task])
    parameters = initial_parameters(experiment, plan)
    random = np.random.default_rng(seed)
    for view in plan.parameters:
        if not view.is_weight:
            view.of(parameters)[:] = random.normal(scale=0.3, size=view.shape)
    return plan, parameters


def assert_gradients_match(backend, experiment, inputs, rows, relative):
    plan, parameters = prepare(experiment, inputs)
    x, t = random_batch(experiment, rows, inputs)
    state = backend.new_state(plan, experiment.training, parameters, rows)
    loss = backend.gradients(state, x, t)
    expected_loss, expected = torch_gradients(experiment, plan, parameters, x, t)
    assert loss == pytest.approx(expected_loss, rel=relative, abs=1e-6)
    largest = max(np.abs(gradient).max() for gradient in expected.values())
    for name, gradient in expected.items():
        np.testing.assert_allclose(
            plan.view(state.gradients, name), gradient, rtol=relative, atol=relative * largest, err_msg=name
        )


@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize(("task", "loss", "output"), HEADS)
def test_gradients_equal_torch(task, loss, output, activation):
    pytest.importorskip("torch")
    experiment = make_experiment(task, loss, activation=activation, output=output)
    assert_gradients_match(cpu, experiment, inputs=7, rows=21, relative=1e-4)
    assert_gradients_match(reference, experiment, inputs=7, rows=21, relative=1e-7)  # the slope 0.1 is stored as float32


@settings(deadline=None, max_examples=200)
@given(
    head=st.sampled_from(HEADS),
    widths=st.lists(st.integers(1, 40), max_size=4),
    inputs=st.integers(1, 70),
    rows=st.integers(1, 70),
    activation=st.sampled_from(HIDDEN),
)
def test_gradients_of_random_networks_equal_torch(head, widths, inputs, rows, activation):
    pytest.importorskip("torch")
    task, loss, output = head
    experiment = make_experiment(task, loss, widths, activation, output)
    assert_gradients_match(cpu, experiment, inputs, rows, relative=1e-5)


@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize(("task", "loss", "output"), HEADS)
def test_reference_gradients_equal_finite_differences(task, loss, output, activation):
    experiment = make_experiment(task, loss, widths=(3,), activation=activation, output=output)
    plan, parameters = prepare(experiment, 2)
    x, t = random_batch(experiment, 6, 2)
    state = reference.new_state(plan, experiment.training, parameters, 6)
    scratch = np.zeros_like(t)
    reference.gradients(state, x, t)
    step = 1e-6
    for view in plan.parameters:
        gradient = view.of(state.gradients).ravel()
        flat = view.of(state.parameters).ravel()
        assert np.shares_memory(flat, state.parameters)
        for index in range(flat.size):
            kept = flat[index]
            flat[index] = kept + step
            above = reference.evaluate(state, x, t, scratch)
            flat[index] = kept - step
            below = reference.evaluate(state, x, t, scratch)
            flat[index] = kept
            assert gradient[index] == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-7)


def test_every_task_and_loss_is_covered():
    tasks = {task for task, _, _ in HEADS}
    losses = {loss for _, loss, _ in HEADS}
    assert tasks == {"binary", "multiclass", "multilabel", "regression"}
    assert losses == {
        "binary_cross_entropy",
        "categorical_cross_entropy",
        "mean_squared_error",
        "half_squared_error",
    }
    assert len(HEADS) > 40
