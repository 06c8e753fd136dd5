"""The loss at the end of a Plan on the GPU: each thread's part of its value, and the slopes where backward begins."""

from __future__ import annotations

import numpy as np

from playground.catalog.activations import sigmoid
from playground.catalog.elementary import ONE, ZERO, exp, log, maximum
from playground.catalog.losses import CATEGORICAL_CROSS_ENTROPY, binary_cross_entropy_on_logit
from playground.kernels.compiling import loss_slope, loss_value
from playground.kernels.cuda.team import barrier, first_of, start_sum, step_of, whole_sum
from playground.network import table


def mean_loss(team, row, setting, network, targets, weights, weighted, rows):
    """Mean loss of a batch, the same number in every thread, and its slopes into ``deltas``; ends with a barrier passed.

    Where the loss is fused, values are logits and slopes are taken there. Each target counts by its weight where rows
    count differently: Σ weight · loss / Σ weight.
    """
    units = row[table.UNITS]
    everything = np.float32(rows if row[table.OVER_ROWS] != 0 else rows * units)
    if weighted:
        part = ZERO
        for i in range(first_of(team), rows * units, step_of(team)):
            part += weights[i]
        start_sum(team, part)
        barrier(team)
        everything = whole_sum(team)
        if row[table.OVER_ROWS] != 0:
            everything /= np.float32(units)
        # Nobody may write the next sum's parts while others still read these.
        barrier(team)
    part = ZERO
    if row[table.FUSED] != 0 and row[table.CODE] == CATEGORICAL_CROSS_ENTROPY:
        part = _cross_entropy(team, row, network, targets, weights, weighted, everything, rows)
    else:
        part = _number_by_number(team, row, setting, network, targets, weights, weighted, everything, rows)
    start_sum(team, part)
    barrier(team)
    return whole_sum(team) / everything


def _cross_entropy(team, row, network, targets, weights, weighted, everything, rows):
    """This thread's rows of −Σ t·log softmax(z), with slopes weight / everything · (softmax(z) · Σt − t) at the logits."""
    values, deltas, units = network.values, network.deltas, row[table.UNITS]
    part = ZERO
    for i in range(first_of(team), rows, step_of(team)):
        z, t = row[table.OUTPUT] * network.capacity + i * units, i * units
        weight = weights[t] if weighted else ONE
        largest = values[z]
        for j in range(1, units):
            largest = maximum(largest, values[z + j])
        total, mass, dot = ZERO, ZERO, ZERO
        for j in range(units):
            centered = values[z + j] - largest
            share = exp(centered)
            deltas[z + j] = share
            total += share
            mass += targets[t + j]
            dot += targets[t + j] * centered
        for j in range(units):
            deltas[z + j] = (deltas[z + j] * mass / total - targets[t + j]) * weight / everything
        part += weight * (mass * log(total) - dot)
    return part


def _number_by_number(team, row, setting, network, targets, weights, weighted, everything, rows):
    """This thread's numbers of a loss that looks at each output alone."""
    values, deltas = network.values, network.deltas
    place = (row[table.OUTPUT] if row[table.FUSED] != 0 else row[table.INPUT]) * network.capacity
    part = ZERO
    for i in range(first_of(team), rows * row[table.UNITS], step_of(team)):
        a, t = values[place + i], targets[i]
        weight = weights[i] if weighted else ONE
        if row[table.FUSED] != 0:
            part += weight * binary_cross_entropy_on_logit(a, t)
            deltas[place + i] = (sigmoid(a, ZERO) - t) * weight / everything
        else:
            part += weight * loss_value(row[table.CODE], a, t, setting)
            deltas[place + i] = loss_slope(row[table.CODE], a, t, setting) * weight / everything
    return part
