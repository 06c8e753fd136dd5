"""The batches that a run sees, drawn again as the kernels draw them, and runs of a backend from given weights."""

from __future__ import annotations

import numpy as np

from playground.kernels.shuffling import seeded, shuffle


def batches(seed, rows, batch_size, steps):
    """Row numbers of each batch, in the order of a run with this seed."""
    order, random = np.arange(rows), seeded(seed)
    found = []
    while len(found) < steps:
        shuffle(order, random)
        found += [order[start : start + batch_size].copy() for start in range(0, rows, batch_size)]
    return found[:steps]


def trained(backend, plan, training, parameters, x, t, steps, weights=None):
    """The state of a backend after so many steps, and the mean loss over them."""
    state = backend.new_state(plan, training, parameters, len(x))
    if weights is not None:
        state.weights = weights.astype(state.dtype)
    loss = backend.train(state, x, t, steps)
    assert state.step == steps
    return state, loss
