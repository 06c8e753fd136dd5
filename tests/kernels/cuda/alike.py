"""The same run on two backends: states that start alike, and comparisons of what became of them."""

import numpy as np
from oracle import prepare, random_batch

from playground.kernels.cpu import backend as cpu
from playground.kernels.cuda import backend as cuda

# How a step is computed: by a grid's kernel, or in the shared memory of one block.
FORMS = ("grid", "block")
TOLERANCE = 1e-4


def use(state, form):
    """Have a state on the GPU train in one of the `FORMS`; it must fit."""
    if form == "grid":
        state.block_bytes = 0
    assert bool(state.block_bytes) == (form == "block"), "the network doesn't fit into a block"


def states(experiment, inputs, rows, form="grid", change=lambda plan: None):
    """A state on the GPU and one on the CPU with the same random parameters, and random inputs and targets.

    Parameters
    ----------
    change
        Called with the plan before anything is made from it.
    """
    plan, parameters = prepare(experiment, inputs)
    change(plan)
    gpu = cuda.new_state(plan, experiment.training, parameters, rows)
    use(gpu, form)
    return gpu, cpu.new_state(plan, experiment.training, parameters, rows), *random_batch(experiment, rows, inputs)


def assert_near(mine, theirs, tolerance=TOLERANCE, name=""):
    """Whether numbers differ by no more than float32 sums in another order do."""
    theirs = np.asarray(theirs)
    largest = np.abs(theirs).max(initial=0.0)
    np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * max(1e-3, largest), err_msg=name)


def assert_same_run(gpu, host, tolerance=TOLERANCE):
    """Whether two states stand at the same place with the same numbers."""
    for name in ("counters", "order", "random"):
        np.testing.assert_array_equal(getattr(gpu, name), getattr(host, name), err_msg=name)
    assert gpu.moments_start == host.moments_start
    for name in ("parameters", "first_moment", "second_moment"):
        assert_near(getattr(gpu, name), getattr(host, name), tolerance, name)


def assert_same_parameters(gpu, host):
    """Whether each parameter by itself has moved alike: small ones aren't measured by large ones."""
    for view in host.plan.parameters:
        assert_near(view.of(gpu.parameters), view.of(host.parameters), name=view.name)
