"""Refuses arrays that don't fit a network: kernels work by address, and would read or write beyond their ends."""

from __future__ import annotations

import numpy as np

from playground.arrays import Array
from playground.network.plan import Plan


def refuse_misfits(
    plan: Plan,
    rows: int,
    inputs: Array,
    targets: Array | None = None,
    weights: Array | None = None,
    outputs: Array | None = None,
) -> None:
    """Refuse what has another number of rows, or another width than the network.

    Parameters
    ----------
    plan
        The network.
    rows
        How many there must be.
    inputs, targets, weights, outputs
        (rows, inputs), and (rows, outputs) each; None for what isn't used.

    Raises
    ------
    ValueError
        One sentence that says what doesn't fit.
    """
    width = plan.widths[-1]
    asked = (("inputs", inputs, plan.widths[0]), ("targets", targets, width), ("weights", weights, width))
    for name, array, columns in (*asked, ("outputs", outputs, width)):
        if array is not None and np.shape(array) != (rows, columns):
            raise ValueError(f"{name} {np.shape(array)} don't fit: for this network and these rows they are ({rows}, {columns}).")


def refuse_no_rows(rows: int) -> None:
    """Refuse a batch without rows: it has no mean loss, and so no gradient.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not rows:
        raise ValueError("a batch without rows has no gradient; give at least one row.")


def refuse_other_parameters(plan: Plan, parameters: Array) -> None:
    """Refuse parameters of another network.

    Raises
    ------
    ValueError
        If they aren't (plan.parameter_size,).
    """
    if np.shape(parameters) != (plan.parameter_size,):
        raise ValueError(f"parameters {np.shape(parameters)} don't fit: those of this network are ({plan.parameter_size},).")
