"""The network on one page is the reference backend's network: losses, gradients and weights, and finite differences agree."""

import ast
import copy

import numpy as np
import pytest
from oracle import make_experiment, random_batch

from playground.experiment import SGD, build_plan, initial_parameters
from playground.kernels.reference import backend as reference
from playground.kernels.reference import one_page
from playground.kernels.reference.one_page import ACTIVATIONS, Layer, backward, draw_layers, forward, measure, step

INPUTS, ROWS, BATCH, RATE = 4, 23, 5, 0.1
# Task, loss: each with the output activation that the page gives it.
HEADS = [
    ("binary", "binary_cross_entropy"),
    ("multilabel", "binary_cross_entropy"),
    ("multiclass", "categorical_cross_entropy"),
    ("regression", "mean_squared_error"),
]
every_head = pytest.mark.parametrize(("task", "loss"), HEADS, ids=[f"{task} with {loss}" for task, loss in HEADS])
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def both(task, loss, activation):
    """The page's layers and the reference's run, with the same weights; inputs (rows, 4), targets."""
    experiment = make_experiment(task, loss, activation=activation, batch_size=BATCH, optimizer=SGD(learning_rate=RATE))
    x, t = random_batch(experiment, ROWS, INPUTS)
    plan = build_plan(experiment, INPUTS, t.shape[1])
    start = initial_parameters(experiment, plan) + np.random.default_rng(1).normal(0, 0.2, plan.parameter_size)
    state = reference.new_state(plan, experiment.training, start, ROWS)
    layers = [
        Layer(
            plan.view(state.parameters, f"layers.{place}.weight").copy(),
            plan.view(state.parameters, f"layers.{place}.bias").copy(),
            "identity" if place == 2 else activation,
        )
        for place in range(3)
    ]
    return layers, state, np.asarray(x, np.float64), np.asarray(t, np.float64)


def assert_same(pairs, buffer, plan):
    """Weights and biases, or their gradients, are those in a buffer of the reference's."""
    for place, pair in enumerate(pairs):
        for array, name in zip(pair, ("weight", "bias"), strict=True):
            expected = plan.view(buffer, f"layers.{place}.{name}")
            np.testing.assert_allclose(array, expected, rtol=1e-11, atol=1e-14, err_msg=f"{place} {name}")


@every_head
@every_activation
def test_loss_and_gradients_are_the_references(task, loss, activation):
    layers, state, x, t = both(task, loss, activation)
    answers = forward(layers, x)
    found, dz = measure(answers[-1], t, loss)
    assert found == pytest.approx(reference.gradients(state, x, t), rel=1e-13)
    assert_same(backward(layers, answers, dz), state.gradients, state.plan)


@every_head
@every_activation
def test_weights_after_some_mini_batches_are_the_references(task, loss, activation):
    layers, state, x, t = both(task, loss, activation)
    # Two epochs and a bit: short last batches, and new orders of the rows.
    for _ in range(12):
        begin = int(state.counters[1])
        expected = reference.train(state, x, t, 1)
        rows = state.order[begin : begin + BATCH]
        assert step(layers, x[rows], t[rows], loss, RATE) == pytest.approx(expected, rel=1e-12)
    assert state.epoch > 2
    assert_same([(layer.w, layer.b) for layer in layers], state.parameters, state.plan)


@every_head
@every_activation
def test_gradients_are_what_the_loss_does_when_a_weight_moves_a_little(task, loss, activation):
    layers, _, x, t = both(task, loss, activation)
    answers = forward(layers, x)
    gradients = backward(layers, answers, measure(answers[-1], t, loss)[1])
    random, width = np.random.default_rng(2), 1e-6
    for place, pair in enumerate(gradients):
        for name, gradient in zip(("w", "b"), pair, strict=True):
            chosen = tuple(random.integers(size) for size in gradient.shape)
            losses = []
            for move in (-width, width):
                moved = copy.deepcopy(layers)
                getattr(moved[place], name)[chosen] += move
                losses.append(measure(forward(moved, x)[-1], t, loss)[0])
            assert (losses[1] - losses[0]) / (2 * width) == pytest.approx(gradient[chosen], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("loss", sorted({loss for _, loss in HEADS}))
def test_huge_sums_stay_finite(loss):
    z, t = np.array([[900.0, -900.0, 0.0]]), np.array([[0.0, 1.0, 0.0]])
    found, dz = measure(z, t, loss)
    assert np.isfinite(found)
    assert np.isfinite(dz).all()


def test_layers_start_small_and_different():
    layers = draw_layers([3, 50, 2], "tanh", np.random.default_rng(0))
    assert [layer.w.shape for layer in layers] == [(3, 50), (50, 2)]
    assert [layer.activation for layer in layers] == ["tanh", "identity"]
    for layer in layers:
        assert np.abs(layer.w).max() <= np.sqrt(6 / sum(layer.w.shape))
        assert len(np.unique(layer.w)) == layer.w.size
        assert not layer.b.any()


def test_it_learns_what_it_says(capsys):
    one_page.main()
    lines = capsys.readouterr().out.splitlines()
    losses = [float(line.split()[3]) for line in lines]
    assert losses[0] > 0.6
    assert losses[-1] < 0.15
    assert float(lines[-1].split()[-1].rstrip("%")) > 95


def test_it_is_one_page_that_stands_alone():
    with open(one_page.__file__, encoding="utf-8") as file:
        text = file.read()
    assert len(text.splitlines()) <= 150
    assert max(map(len, text.splitlines())) <= 130
    modules = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert not any(module.startswith("playground") for module in modules)
