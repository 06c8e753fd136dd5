"""Every instruction of a Plan in the simulator, forward, backward and in training steps, against the CPU backend."""

import numpy as np
import pytest
from alike import FORMS, assert_near, assert_same_parameters, assert_same_run, states
from every_kind import NETWORKS, states_of
from oracle import HIDDEN, all_heads, make_experiment, outputs_of

from playground.experiment import Momentum
from playground.kernels.cpu import backend as cpu
from playground.kernels.cuda import backend as cuda
from playground.network import table

# Whatever the task, a kernel sees a loss and an output activation.
HEADS = {head[1:]: head for head in reversed(list(all_heads()))}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_leaves_the_same_values_slopes_and_gradients(name):
    gpu, host, x, t = states_of(name, 5)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, t.shape).astype(np.float32)
    for own in (None, weights):
        assert cuda.gradients(gpu, x, t, own) == pytest.approx(cpu.gradients(host, x, t, own), rel=1e-5)
        for view in host.plan.parameters:
            assert_near(view.of(gpu.gradients), view.of(host.gradients), name=view.name)
    mine, theirs = cuda.trace(gpu, x, t), cpu.trace(host, x, t)
    # The outputs are the loss's own business while it is trained.
    for stage in host.plan.stages[:-1]:
        assert_near(mine.values[stage.region.unit], theirs.values[stage.region.unit], name=stage.name)
    np.testing.assert_array_equal(gpu.parameters, host.parameters)


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_are_the_same(name):
    gpu, host, x, t = states_of(name, 19)
    parts = zip(cuda.activations(gpu.plan, gpu.parameters, x), cpu.activations(host.plan, host.parameters, x), strict=True)
    for (mine, theirs), stage in zip(parts, host.plan.stages, strict=True):
        assert_near(mine, theirs, name=stage.name)
    assert_near(cuda.outputs(gpu.plan, gpu.parameters, x), cpu.outputs(host.plan, host.parameters, x))
    mine, theirs = np.zeros_like(t), np.zeros_like(t)
    assert cuda.evaluate(gpu, x, t, mine) == pytest.approx(cpu.evaluate(host, x, t, theirs), rel=1e-5)
    assert_near(mine, theirs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_training_steps_end_at_the_same_weights(name, form):
    # Ten steps would show more, but small differences grow; four cross the end of an epoch, whose last batch has one row.
    gpu, host, x, t = states_of(name, 9, form, batch_size=4, optimizer=Momentum(learning_rate=0.05), seed=3)
    assert cuda.train(gpu, x, t, 4) == pytest.approx(cpu.train(host, x, t, 4), rel=1e-5)
    assert gpu.step == 4
    assert_same_run(gpu, host)
    assert_same_parameters(gpu, host)


def test_a_frozen_layer_stays():
    gpu, _, x, t = states_of("frozen first", 8, l2=0.1, weight_decay=0.1)
    before = gpu.parameters.copy()
    cuda.train(gpu, x, t, 3)
    for view in gpu.plan.parameters:
        assert np.array_equal(view.of(gpu.parameters), view.of(before)) != view.trainable, view.name


def test_dropout_drops_the_numbers_that_the_cpu_drops():
    gpu, host, x, t = states_of("dropout", 16)
    gpu.counters[0] = host.counters[0] = 7
    mine, theirs = cuda.trace(gpu, x, t), cpu.trace(host, x, t)
    found = 0
    for row in host.plan.instructions[host.plan.instructions[:, table.OPERATION] == table.DROPOUT]:
        dropped = mine.values[int(row[table.OUTPUT])] == 0
        assert np.array_equal(dropped, theirs.values[int(row[table.OUTPUT])] == 0)
        found += dropped.sum()
    assert found > 16


@pytest.mark.parametrize("activation", HIDDEN)
def test_every_activation_learns(activation):
    experiment = make_experiment("regression", widths=(4,), activation=activation, batch_size=4)
    for form in FORMS:
        gpu, host, x, t = states(experiment, 3, 8, form)
        assert cuda.train(gpu, x, t, 2) == pytest.approx(cpu.train(host, x, t, 2), rel=1e-5)
        assert_same_parameters(gpu, host)


@pytest.mark.parametrize(("loss", "output"), HEADS)
def test_every_loss_has_the_same_value_and_slopes(loss, output):
    task = HEADS[loss, output][0]
    experiment = make_experiment(task, loss, widths=(3,), output=output)
    gpu, host, x, t = states(experiment, 2, 6)
    weights = np.random.default_rng(2).uniform(0.5, 2.0, t.shape).astype(np.float32)
    assert t.shape[1] == outputs_of(experiment)
    for own in (None, weights):
        assert cuda.gradients(gpu, x, t, own) == pytest.approx(cpu.gradients(host, x, t, own), rel=1e-4)
        assert_near(gpu.gradients, host.gradients)
    mine, theirs = np.zeros_like(t), np.zeros_like(t)
    assert cuda.evaluate(gpu, x, t, mine) == pytest.approx(cpu.evaluate(host, x, t, theirs), rel=1e-4)
    assert_near(mine, theirs)


def test_columns_of_many_rows_are_summed_by_whole_blocks():
    experiment = make_experiment("regression", widths=(3,))
    gpu, host, x, t = states(experiment, 2, 520)
    assert cuda.gradients(gpu, x, t) == pytest.approx(cpu.gradients(host, x, t), rel=1e-5)
    assert_near(gpu.gradients, host.gradients)
