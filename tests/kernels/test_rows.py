"""Batches of any size, whatever there is room for, and arrays that don't fit: nothing is read or written beyond its end."""

import numpy as np
import pytest
from oracle import BACKENDS, DIGITS, load_backend, make_experiment, prepare, random_batch

from playground.experiment import Conv2D, Dense, Flatten, Inputs
from playground.kernels.reference import backend as reference

pytestmark = pytest.mark.compile

CASES = {
    "dense": (make_experiment("multiclass", batch_size=10), Inputs(4)),
    "wide": (make_experiment("regression", widths=(40, 30), batch_size=10), Inputs(4)),
    "convolution": (
        make_experiment("multiclass", layers=(Conv2D(filters=3), Flatten(), Dense(units=4)), source=DIGITS, batch_size=10),
        Inputs(64, image=(8, 8, 1)),
    ),
}


def states(name, backend, rows=8):
    experiment, inputs = CASES[name]
    plan, parameters = prepare(experiment, inputs)
    own = [module.new_state(plan, experiment.training, parameters, rows) for module in (load_backend(backend), reference)]
    return plan, inputs, *own


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rows", [1, 8, 15, 16, 17, 33, 500])
def test_a_batch_of_more_rows_than_one_of_training_is_looked_at_as_any_other(name, backend, weighted, rows):
    plan, inputs, state, own = states(name, backend)
    module, before = load_backend(backend), state.parameters.copy()
    x, t = random_batch(CASES[name][0], rows, inputs)
    # A row with one class out of several counts as a whole.
    weights = np.random.default_rng(1).uniform(0.5, 2.0, (rows, 1)).astype(np.float32).repeat(t.shape[1], axis=1)
    weights = weights if weighted else None
    found, expected = module.trace(state, x, t, weights), reference.trace(own, x, t, weights)
    for stage in plan.stages[:-1]:
        np.testing.assert_allclose(found.values[stage.region.unit], expected.values[stage.region.unit], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.gradients, expected.gradients, rtol=1e-4, atol=2e-6)
    assert module.gradients(state, x, t, weights) == pytest.approx(reference.gradients(own, x, t, weights), rel=1e-5)
    np.testing.assert_allclose(state.gradients, own.gradients, rtol=1e-4, atol=2e-6)
    outputs, theirs = np.zeros_like(t), np.zeros_like(t)
    assert module.evaluate(state, x, t, outputs) == pytest.approx(reference.evaluate(own, x, t, theirs), rel=1e-5)
    np.testing.assert_allclose(outputs, theirs, rtol=1e-4, atol=1e-5)
    assert np.array_equal(state.parameters, before)
    assert state.capacity == 16, "the run's own buffers stay"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CASES)
def test_what_does_not_fit_is_refused_by_its_name(name, backend):
    plan, inputs, state, _ = states(name, backend)
    module = load_backend(backend)
    x, t = random_batch(CASES[name][0], 8, inputs)
    wide = np.zeros((8, x.shape[1] + 1), np.float32)
    for call, word in (
        (lambda: module.train(state, x[:7], t[:7], 1), "inputs"),
        (lambda: module.train(state, x, t[:7], 1), "targets"),
        (lambda: module.train(state, wide, t, 1), "inputs"),
        (lambda: module.gradients(state, x, t[:7]), "targets"),
        (lambda: module.gradients(state, wide, t), "inputs"),
        (lambda: module.gradients(state, x, t, np.ones((8, t.shape[1] + 1), np.float32)), "weights"),
        (lambda: module.gradients(state, x[:0], t[:0]), "without rows"),
        (lambda: module.trace(state, x, t[:, :0]), "targets"),
        (lambda: module.trace(state, x, t, np.ones((7, t.shape[1]), np.float32)), "weights"),
        (lambda: module.trace(state, x[:0], t[:0]), "without rows"),
        (lambda: module.evaluate(state, x, t[:7], np.zeros_like(t)), "targets"),
        (lambda: module.evaluate(state, x, t, np.zeros_like(t[:7])), "outputs"),
        (lambda: module.evaluate(state, wide, t, np.zeros_like(t)), "inputs"),
        (lambda: module.activations(plan, state.parameters, wide), "inputs"),
        (lambda: module.outputs(plan, state.parameters[:-1], x), "parameters"),
        (lambda: module.outputs(plan, np.zeros(plan.parameter_size + 1), x), "parameters"),
        (lambda: module.outputs(plan, state.parameters, x[0]), "inputs"),
    ):
        with pytest.raises(ValueError, match=word):
            call()
    state.weights = np.ones((7, t.shape[1]), state.dtype)
    with pytest.raises(ValueError, match="weights"):
        module.train(state, x, t, 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CASES)
def test_no_rows_and_numbers_of_other_kinds_are_taken_as_they_are(name, backend):
    plan, inputs, state, own = states(name, backend)
    module = load_backend(backend)
    x, t = random_batch(CASES[name][0], 8, inputs)
    assert [layer.shape for layer in module.activations(plan, state.parameters, x[:0])] == [(0, width) for width in plan.widths]
    assert module.outputs(plan, state.parameters, x[:0]).shape == (0, plan.widths[-1])
    assert np.isnan(module.evaluate(state, x[:0], t[:0], t[:0].copy()))
    expected = module.outputs(plan, state.parameters, x)
    for parameters in (state.parameters.astype(np.float64), np.repeat(state.parameters, 2)[::2]):
        assert np.array_equal(module.outputs(plan, parameters, np.asfortranarray(x.astype(np.float64))), expected)
    np.testing.assert_allclose(expected, reference.outputs(plan, own.parameters, x), rtol=1e-4, atol=1e-5)


def test_outputs_that_can_not_be_written_to_are_refused():
    _, inputs, state, _ = states("dense", "cpu")
    x, t = random_batch(CASES["dense"][0], 8, inputs)
    frozen = np.zeros_like(t)
    frozen.flags.writeable = False
    for outputs in (frozen, np.zeros(t.shape), np.asfortranarray(np.zeros_like(t))):
        with pytest.raises(ValueError, match="outputs"):
            load_backend("cpu").evaluate(state, x, t, outputs)
