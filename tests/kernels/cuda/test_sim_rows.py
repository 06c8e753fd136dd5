"""Batches of more rows than one of training, and arrays that don't fit, on the GPU as on the CPU; in the simulator."""

import numpy as np
import pytest
from alike import assert_near
from every_kind import NETWORKS, states_of

from playground.kernels.cpu import backend as cpu
from playground.kernels.cuda import backend as cuda


@pytest.mark.parametrize("name", list(NETWORKS)[:3])
def test_a_batch_of_more_rows_than_one_of_training_leaves_what_the_cpu_leaves(name):
    gpu, host, x, t = states_of(name, 19, batch_size=4)
    assert len(x) > gpu.room.capacity
    mine, theirs = cuda.trace(gpu, x, t), cpu.trace(host, x, t)
    for stage in host.plan.stages[:-1]:
        assert_near(mine.values[stage.region.unit], theirs.values[stage.region.unit], name=stage.name)
    assert_near(mine.gradients, theirs.gradients)
    assert cuda.gradients(gpu, x, t) == pytest.approx(cpu.gradients(host, x, t), rel=1e-5)


def test_what_does_not_fit_is_refused_by_its_name():
    gpu, host, x, t = states_of(next(iter(NETWORKS)), 8)
    plan, parameters = host.plan, host.parameters
    for call, word in (
        (lambda: cuda.train(gpu, x[:7], t[:7], 1), "inputs"),
        (lambda: cuda.gradients(gpu, x, t[:7]), "targets"),
        (lambda: cuda.gradients(gpu, x[:0], t[:0]), "without rows"),
        (lambda: cuda.trace(gpu, x, t, np.ones((7, t.shape[1]), np.float32)), "weights"),
        (lambda: cuda.evaluate(gpu, x, t, np.zeros_like(t[:7])), "outputs"),
        (lambda: cuda.outputs(plan, parameters[:-1], x), "parameters"),
        (lambda: cuda.activations(plan, parameters, x[:, :-1]), "inputs"),
    ):
        with pytest.raises(ValueError, match=word):
            call()
    assert [layer.shape for layer in cuda.activations(plan, parameters, x[:0])] == [(0, width) for width in plan.widths]
