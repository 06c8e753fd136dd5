"""Whole training runs: optimizers against torch's, backends against each other, and the promises about randomness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import HIDDEN, all_heads, make_experiment, outputs_of, random_batch, torch_activation, torch_loss

from playground.experiment import SGD, Adam, Momentum, build_plan, initial_parameters, output_activation
from playground.kernels.cpu import backend as cpu
from playground.kernels.reference import backend as reference
from playground.kernels.state import EPOCH, POSITION

pytestmark = pytest.mark.compile

OPTIMIZERS = [SGD(learning_rate=0.1), Momentum(learning_rate=0.05, momentum=0.8), Adam(learning_rate=0.02, beta1=0.8)]
# Adam divides by the size of a slope: with its usual epsilon, rounding decides about the step wherever a slope is all but 0.
STEADY = [*OPTIMIZERS[:2], Adam(learning_rate=0.02, beta1=0.8, epsilon=1e-3)]


def start(backend, experiment, rows, inputs=4):
    plan = build_plan(experiment, inputs, outputs_of(experiment))
    parameters = initial_parameters(experiment, plan)
    return plan, backend.new_state(plan, experiment.training, parameters, rows)


@pytest.mark.torch
@pytest.mark.parametrize("backend", [cpu, reference], ids=lambda backend: backend.NAME)
@pytest.mark.parametrize("penalty", [{}, {"l2": 0.05}, {"l1": 0.01}, {"l1": 0.02, "l2": 0.1}], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
def test_twenty_steps_equal_torch(backend, optimizer, penalty):
    torch = pytest.importorskip("torch")
    rows = 12
    experiment = make_experiment("multiclass", optimizer=optimizer, batch_size=rows, **penalty)
    plan, state = start(backend, experiment, rows)
    x, t = random_batch(experiment, rows, 4)

    tensors = {
        view.name: torch.tensor(np.array(view.of(state.parameters), np.float64), requires_grad=True) for view in plan.parameters
    }
    rate = optimizer.learning_rate
    torch_optimizer = {
        "SGD": lambda p: torch.optim.SGD(p, rate),
        "Momentum": lambda p: torch.optim.SGD(p, rate, momentum=0.8),
        "Adam": lambda p: torch.optim.Adam(p, rate, betas=(0.8, 0.999)),
    }[type(optimizer).__name__](tensors.values())
    tx, tt = torch.tensor(x.astype(np.float64)), torch.tensor(t.astype(np.float64))
    for _ in range(20):
        torch_optimizer.zero_grad()
        values = tx
        for layer in range(2):
            values = torch.tanh(values @ tensors[f"layers.{layer}.weight"] + tensors[f"layers.{layer}.bias"])
        logits = values @ tensors["layers.2.weight"] + tensors["layers.2.bias"]
        outputs = torch_activation(output_activation(experiment))(logits)
        loss = torch_loss(experiment, logits, outputs, tt)
        weights = [tensor for name, tensor in tensors.items() if name.endswith("weight")]
        loss = loss + sum(penalty.get("l2", 0) / 2 * (w**2).sum() + penalty.get("l1", 0) * w.abs().sum() for w in weights)
        loss.backward()
        torch_optimizer.step()

    backend.train(state, x, t, 20)
    tolerance = 1e-4 if backend is cpu else 1e-9
    for name, tensor in tensors.items():
        np.testing.assert_allclose(
            plan.view(state.parameters, name), tensor.detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=name
        )


@pytest.mark.parametrize("backend", [cpu, reference], ids=lambda backend: backend.NAME)
@pytest.mark.parametrize("widths", [(5, 4), (40, 30)], ids=["lanes", "layers"])
def test_another_optimizer_in_a_run_counts_its_steps_from_the_change(backend, widths):
    """Its memory is empty then, and the bias corrections of Adam are those of its own first steps."""
    rows = 12
    first = make_experiment("multiclass", widths=widths, optimizer=SGD(learning_rate=0.1), batch_size=rows)
    then = make_experiment("multiclass", widths=widths, optimizer=Adam(learning_rate=0.02, beta1=0.8), batch_size=rows)
    x, t = random_batch(first, rows, 4)
    plan, state = start(backend, first, rows)
    backend.train(state, x, t, 5)
    fresh = backend.new_state(plan, then.training, state.parameters, rows)
    fresh.order[:] = state.order
    fresh.random[:] = state.random
    state.configure(plan, then.training)
    for step in (1, 2, 3):
        assert backend.train(state, x, t, 1) == pytest.approx(backend.train(fresh, x, t, 1), rel=1e-6)
        assert (state.step, fresh.step) == (5 + step, step)
        np.testing.assert_array_equal(state.parameters, fresh.parameters)


@settings(deadline=None, max_examples=40)
@given(
    head=st.sampled_from(list(all_heads())),
    widths=st.lists(st.integers(1, 20), max_size=3),
    rows=st.integers(1, 40),
    batch=st.integers(1, 50),
    steps=st.integers(1, 12),
    optimizer=st.sampled_from(STEADY),
)
def test_backends_agree_on_random_plans(head, widths, rows, batch, steps, optimizer):
    task, loss, output = head
    experiment = make_experiment(task, loss, widths, "tanh", output, optimizer=optimizer, batch_size=batch, l2=0.01)
    x, t = random_batch(experiment, rows, 4)
    _, slow = start(reference, experiment, rows)
    _, fast = start(cpu, experiment, rows)
    slow_loss, fast_loss = reference.train(slow, x, t, steps), cpu.train(fast, x, t, steps)
    assert fast_loss == pytest.approx(slow_loss, rel=5e-6, abs=5e-7)
    np.testing.assert_array_equal(slow.counters, fast.counters)
    np.testing.assert_array_equal(slow.order, fast.order)
    np.testing.assert_allclose(fast.parameters, slow.parameters, rtol=5e-6, atol=5e-6)
    outputs = [np.zeros_like(t), np.zeros_like(t)]
    slow_loss = reference.evaluate(slow, x, t, outputs[0])
    fast_loss = cpu.evaluate(fast, x, t, outputs[1])
    assert fast_loss == pytest.approx(slow_loss, rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", HIDDEN)
def test_activations_agree_over_several_chunks(activation):
    experiment = make_experiment("multiclass", activation=activation)
    plan, state = start(cpu, experiment, 8)
    x, _ = random_batch(experiment, cpu.CHUNK * 2 + 7, 4)
    for mine, theirs in zip(
        cpu.activations(plan, state.parameters, x), reference.activations(plan, state.parameters, x), strict=True
    ):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    for backend in (cpu, reference):
        last = backend.activations(plan, state.parameters, x)[-1]
        assert np.array_equal(backend.outputs(plan, state.parameters, x), last)


def test_same_seeds_give_the_same_weights_bit_for_bit():
    experiment = make_experiment("binary", batch_size=7, seed=3)
    x, t = random_batch(experiment, 50, 4)
    results = []
    for calls in ([40], [1] * 40, [3, 17, 20]):
        _, state = start(cpu, experiment, 50)
        for steps in calls:
            cpu.train(state, x, t, steps)
        results.append(state.parameters.copy())
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_an_epoch_visits_every_row_once():
    experiment = make_experiment("binary", batch_size=8)
    x, t = random_batch(experiment, 30, 4)
    for backend in (cpu, reference):
        _, state = start(backend, experiment, 30)
        backend.train(state, x, t, 4)
        assert (state.counters[EPOCH], state.counters[POSITION]) == (1, 0)
        assert sorted(state.order) == list(range(30))
        assert list(state.order) != list(range(30))


@pytest.mark.parametrize("backend", [cpu, reference], ids=lambda backend: backend.NAME)
def test_a_run_that_blows_up_reports_it_and_stops(backend):
    experiment = make_experiment("regression", activation="relu", optimizer=SGD(learning_rate=500.0), batch_size=8)
    x, t = random_batch(experiment, 32, 4)
    _, state = start(backend, experiment, 32)
    assert not np.isfinite(backend.train(state, x, t, 1000))
    assert state.step < 1000


def test_the_stop_flag_ends_a_call_at_once():
    experiment = make_experiment("binary")
    x, t = random_batch(experiment, 32, 4)
    for backend in (cpu, reference):
        _, state = start(backend, experiment, 32)
        state.stop[0] = 1
        backend.train(state, x, t, 100)
        assert state.step == 0


def test_extreme_logits_stay_finite():
    experiment = make_experiment("multiclass", widths=())
    x, t = random_batch(experiment, 16, 4)
    for task, output in (("multiclass", "softmax"), ("multilabel", "sigmoid"), ("binary", "sigmoid")):
        experiment = make_experiment(task, widths=(), output=output)
        x, t = random_batch(experiment, 16, 4)
        _, state = start(cpu, experiment, 16)
        state.parameters *= np.float32(1e4)
        outputs = np.zeros_like(t)
        assert np.isfinite(cpu.evaluate(state, x, t, outputs))
        assert np.isfinite(outputs).all()
        assert np.isfinite(cpu.gradients(state, x, t))
        assert np.isfinite(state.gradients).all()


@pytest.mark.parametrize("way", ["lanes", "layers", "reference"])
@pytest.mark.parametrize("limit", [{"clip_norm": 1.0}, {"clip_value": 0.5}], ids=str)
@pytest.mark.parametrize("input_size", [1e25, 3e38])
def test_clipping_shortens_a_huge_gradient_and_leaves_an_infinite_one_to_be_found(way, limit, input_size):
    backend = reference if way == "reference" else cpu
    experiment = make_experiment("regression", "mean_absolute_error", (3,), "identity", optimizer=SGD(learning_rate=1.0), **limit)
    plan = build_plan(experiment, 2, 2)
    begin = np.zeros(plan.parameter_size, np.float32)
    # Small weights first, so that the outputs stay finite; large ones behind, so that the slopes at the first don't.
    plan.view(begin, "layers.0.weight")[:] = 1e-6
    plan.view(begin, "layers.1.weight")[:] = 1e3
    state = backend.new_state(plan, experiment.training, begin, 4)
    if way == "layers":
        state.tiny = None
    x = np.array([[input_size, 1.0]] * 4, np.float32)
    with np.errstate(all="ignore"):
        loss = backend.train(state, x, np.zeros((4, 2), np.float32), 1)
    if input_size > 1e30 and way != "reference":
        assert not np.isfinite(loss)
        assert state.step == 0
        return
    assert np.isfinite(loss)
    assert state.step == 1
    moved = (state.parameters - begin).astype(np.float64)
    size = np.linalg.norm(moved) if "clip_norm" in limit else np.abs(moved).max()
    assert size == pytest.approx(next(iter(limit.values())), rel=1e-4)
