"""Training of many small networks at once: LANES networks of one shape lie side by side in the vector lanes.

They differ in their weights and learning rates and see the same rows in the same order, so one number of data serves all
of them, and no layer is too narrow: every neuron is a full vector. A value is found at (sample, row, network), with rows
as `tiny_layout` counts them, a parameter at (parameter, network).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from playground.arrays import Array
from playground.catalog import optimizers
from playground.catalog.activations import IDENTITY, sigmoid
from playground.catalog.elementary import ONE, TINY, ZERO, exp, log, maximum, minimum, sqrt
from playground.catalog.losses import binary_cross_entropy_on_logit
from playground.kernels.compiling import inlined_kernel, kernel, loss_slope, loss_value
from playground.kernels.cpu.lanes import activate_numbers, scale_numbers, update_lanes
from playground.kernels.cpu.packed import at
from playground.kernels.cpu.tiny_layout import (
    ACTIVATION_CODE,
    AFTER_SOFTMAX,
    FROM,
    FUSED_SIGMOID,
    FUSED_SOFTMAX,
    INSTRUCTION,
    SUMS,
    TO,
    WEIGHTS,
    WIDTH_IN,
    WIDTH_OUT,
    Layout,
    lane_layout,
)
from playground.kernels.rates import CLIP_EPSILON, rate_at, sign
from playground.kernels.shuffling import seeded, shuffle
from playground.kernels.simd.memory import address
from playground.kernels.simd.threads import flushing, rounding, set_rounding
from playground.kernels.simd.vectors import LANES, load_vector, spread, store_vector
from playground.kernels.state import (
    CLIP_NORM,
    CLIP_VALUE,
    DECAY,
    FULL_RATE,
    HYPER_1,
    HYPER_2,
    HYPER_3,
    L1,
    L2,
    RATE,
    hyper_numbers,
)
from playground.network import table
from playground.network.parameters import aligned_zeros
from playground.network.plan import Plan

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec


# Samples that share a load of each weight.
SAMPLES_AT_ONCE = 4


@inlined_kernel
def _forward_layer(row, setting, weights, values, rows, samples):
    """z (unit) = b + Σ w · x, of every sample and network; ``samples`` is a multiple of SAMPLES_AT_ONCE."""
    inputs, units, step = row[WIDTH_IN], row[WIDTH_OUT], rows * LANES
    for sample in range(0, samples, SAMPLES_AT_ONCE):
        x, out = at(values, (sample * rows + row[FROM]) * LANES), at(values, (sample * rows + row[SUMS]) * LANES)
        for j in range(units):
            w = at(weights, (row[WEIGHTS] + j) * LANES)
            z0 = load_vector(w, inputs * units * LANES)
            z1, z2, z3 = z0, z0, z0
            for i in range(inputs):
                weight = load_vector(w, i * units * LANES)
                z0 += weight * load_vector(x, i * LANES)
                z1 += weight * load_vector(x, i * LANES + step)
                z2 += weight * load_vector(x, i * LANES + 2 * step)
                z3 += weight * load_vector(x, i * LANES + 3 * step)
            store_vector(out, j * LANES, z0)
            store_vector(out, j * LANES + step, z1)
            store_vector(out, j * LANES + 2 * step, z2)
            store_vector(out, j * LANES + 3 * step, z3)
    if row[ACTIVATION_CODE] != IDENTITY:
        for sample in range(samples):
            z, a = at(values, (sample * rows + row[SUMS]) * LANES), at(values, (sample * rows + row[TO]) * LANES)
            activate_numbers(row[ACTIVATION_CODE], z, a, units * LANES, setting)


@inlined_kernel
def _backward_layer(row, before, setting, weights, values, deltas, rows, samples):
    """dx (input) = Σ w · dz · slope of the layer before, of every sample and network."""
    inputs, units, step = row[WIDTH_IN], row[WIDTH_OUT], rows * LANES
    for sample in range(0, samples, SAMPLES_AT_ONCE):
        out, dz = at(deltas, (sample * rows + row[FROM]) * LANES), at(deltas, (sample * rows + row[TO]) * LANES)
        for i in range(inputs):
            w = at(weights, (row[WEIGHTS] + i * units) * LANES)
            d0, d1, d2, d3 = spread(ZERO), spread(ZERO), spread(ZERO), spread(ZERO)
            for j in range(units):
                weight = load_vector(w, j * LANES)
                d0 += weight * load_vector(dz, j * LANES)
                d1 += weight * load_vector(dz, j * LANES + step)
                d2 += weight * load_vector(dz, j * LANES + 2 * step)
                d3 += weight * load_vector(dz, j * LANES + 3 * step)
            store_vector(out, i * LANES, d0)
            store_vector(out, i * LANES + step, d1)
            store_vector(out, i * LANES + 2 * step, d2)
            store_vector(out, i * LANES + 3 * step, d3)
    if before[ACTIVATION_CODE] != IDENTITY:
        for sample in range(samples):
            first = sample * rows
            z, place = at(values, (first + before[SUMS]) * LANES), (first + row[FROM]) * LANES
            scale_numbers(before[ACTIVATION_CODE], at(deltas, place), z, at(values, place), inputs * LANES, setting)


@inlined_kernel
def _gradients_of_layer(row, values, deltas, gradients, rows, samples):
    """dW (input, unit) = Σ over samples of x · dz, and the same for the biases, whose input is 1."""
    inputs, units, step = row[WIDTH_IN], row[WIDTH_OUT], rows * LANES
    for i in range(inputs + 1):
        j = 0
        while j < units:
            x, dz = at(values, (row[FROM] + i) * LANES), at(deltas, (row[TO] + j) * LANES)
            out = at(gradients, (row[WEIGHTS] + i * units + j) * LANES)
            if j + 4 <= units:
                g0, g1, g2, g3 = spread(ZERO), spread(ZERO), spread(ZERO), spread(ZERO)
                for sample in range(samples):
                    a = load_vector(x, sample * step)
                    g0 += a * load_vector(dz, sample * step)
                    g1 += a * load_vector(dz, sample * step + LANES)
                    g2 += a * load_vector(dz, sample * step + 2 * LANES)
                    g3 += a * load_vector(dz, sample * step + 3 * LANES)
                store_vector(out, 0, g0)
                store_vector(out, LANES, g1)
                store_vector(out, 2 * LANES, g2)
                store_vector(out, 3 * LANES, g3)
                j += 4
            else:
                g0 = spread(ZERO)
                for sample in range(samples):
                    g0 += load_vector(x, sample * step) * load_vector(dz, sample * step)
                store_vector(out, 0, g0)
                j += 1


@kernel
def _loss_of_sample(ending, code, row, setting, loss_setting, sums, outputs, goals, deltas, scale):
    """Each network's loss on one sample, summed over outputs; its slope times ``scale`` into ``deltas``."""
    units = row[WIDTH_OUT]
    total, largest, mass = spread(ZERO), load_vector(outputs, 0), ZERO
    if ending in (FUSED_SOFTMAX, AFTER_SOFTMAX):
        for j in range(1, units):
            largest = maximum(largest, load_vector(outputs, j * LANES))
        exponentials, dot = spread(ZERO), spread(ZERO)
        for j in range(units):
            z = load_vector(outputs, j * LANES) - largest
            share = exp(z)
            store_vector(deltas, j * LANES, share)
            exponentials += share
            mass += goals[j]
            dot += z * goals[j]
        if ending == FUSED_SOFTMAX:
            factor = mass / exponentials
            for j in range(units):
                store_vector(deltas, j * LANES, (load_vector(deltas, j * LANES) * factor - goals[j]) * scale)
            return mass * log(exponentials) - dot
        for j in range(units):
            store_vector(outputs, j * LANES, load_vector(deltas, j * LANES) / exponentials)
    mixed = spread(ZERO)
    for j in range(units):
        a, t = load_vector(outputs, j * LANES), goals[j]
        if ending == FUSED_SIGMOID:
            total += binary_cross_entropy_on_logit(a, t)
            slope = sigmoid(a, ZERO) - t
        else:
            total += loss_value(code, a, t, loss_setting)
            slope = loss_slope(code, a, t, loss_setting)
        mixed += slope * a
        store_vector(deltas, j * LANES, slope * scale)
    if ending == AFTER_SOFTMAX:
        for j in range(units):
            a = load_vector(outputs, j * LANES)
            store_vector(deltas, j * LANES, a * (load_vector(deltas, j * LANES) - mixed * scale))
    elif row[ACTIVATION_CODE] != IDENTITY:
        scale_numbers(row[ACTIVATION_CODE], deltas, sums, outputs, units * LANES, setting)
    return total


@kernel
def _forward(layout, weights, values, rows, samples):
    """Every layer, for every sample and network."""
    for layer in range(layout.layers.shape[0]):
        row = layout.layers[layer]
        _forward_layer(row, layout.settings[row[INSTRUCTION], table.SETTING], weights, values, rows, samples)


@kernel
def _losses(layout, values, deltas, targets, order, first, rows, count, scale):
    """Each network's loss summed over samples (averaged over outputs where the loss says so)."""
    row = layout.layers[layout.layers.shape[0] - 1]
    setting = layout.settings[row[INSTRUCTION], table.SETTING]
    loss_setting = layout.settings[layout.loss_instruction, table.SETTING]
    total = spread(ZERO)
    for sample in range(count):
        place, sums = (sample * rows + row[TO]) * LANES, at(values, (sample * rows + row[SUMS]) * LANES)
        goals, a, d = targets[order[first + sample]], at(values, place), at(deltas, place)
        code = layout.loss_code
        total += _loss_of_sample(layout.ending, code, row, setting, loss_setting, sums, a, goals, d, scale)
    return total if layout.mean_over_rows else total / np.float32(row[WIDTH_OUT])


@kernel
def _place_inputs(inputs, order, first, rows, count, values):
    """Every network gets the same inputs: each number goes into all lanes."""
    for sample in range(count):
        numbers = inputs[order[first + sample]]
        for i in range(numbers.size):
            store_vector(values, (sample * rows + i) * LANES, spread(numbers[i]))


@kernel
def _limit(gradients, count, hyper):
    """Cut and shorten each network's gradient of ``count`` parameters where that is asked for."""
    if hyper[CLIP_VALUE] != ZERO:
        for i in range(0, count * LANES, LANES):
            store_vector(gradients, i, minimum(maximum(load_vector(gradients, i), -hyper[CLIP_VALUE]), hyper[CLIP_VALUE]))
    if hyper[CLIP_NORM] != ZERO:
        largest = spread(TINY)
        for i in range(0, count * LANES, LANES):
            largest = maximum(largest, abs(load_vector(gradients, i)))
        # In shares of the largest slope, so that no square is beyond float32.
        squares = spread(ZERO)
        for i in range(0, count * LANES, LANES):
            share = load_vector(gradients, i) / largest
            squares += share * share
        factor = minimum(hyper[CLIP_NORM] / (sqrt(squares) * largest + CLIP_EPSILON), spread(ONE))
        for i in range(0, count * LANES, LANES):
            store_vector(gradients, i, load_vector(gradients, i) * factor)


@kernel
def _update_all(optimizer, weights, gradients, first_moment, second_moment, decays, rates, hyper, c1, c2):
    """One optimizer step of every parameter, each network at its own learning rate times the schedule's factor."""
    h1, h2, h3, l1, l2 = hyper[HYPER_1], hyper[HYPER_2], hyper[HYPER_3], hyper[L1], hyper[L2]
    rate = load_vector(rates, 0) * hyper[RATE]
    if l1 != ZERO or l2 != ZERO or hyper[DECAY] != ZERO:
        for index in range(decays.size):
            i = index * LANES
            w = load_vector(weights, i)
            w -= decays[index] * hyper[DECAY] * rate * w
            store_vector(weights, i, w)
            store_vector(gradients, i, load_vector(gradients, i) + decays[index] * (l1 * sign(w) + l2 * w))
    count = decays.size * LANES
    update_lanes(optimizer, weights, gradients, first_moment, second_moment, count, rate, h1, h2, h3, c1, c2)


@kernel
def _mean_losses(layout, weights, values, deltas, part, room, into):
    """Each network's mean loss on a part of the rows."""
    inputs, targets, order, rows = part.inputs, part.targets, part.order, layout.rows
    total = spread(ZERO)
    for first in range(0, order.size, room):
        count = min(room, order.size - first)
        _place_inputs(inputs, order, first, rows, count, values)
        _forward(layout, weights, values, rows, room)
        total += _losses(layout, values, deltas, targets, order, first, rows, count, ZERO)
    store_vector(into, 0, total / np.float32(order.size))


@kernel
def train_group(layout, group, part, test_part, random, stop, hyper, room, batch_size, optimizer):
    """Train LANES networks on a part of the rows for as many epochs as it has losses; returns the epochs done.

    They are the mean losses during each epoch, those of the test part the ones after it. A network that blows up has
    infinite or no losses from there on and disturbs nobody.
    """
    old = rounding()
    set_rounding(flushing(old))
    weights, gradients = address(group.weights), address(group.gradients)
    first_moment, second_moment = address(group.first_moment), address(group.second_moment)
    values, deltas, rates = address(group.values), address(group.deltas), address(group.rates)
    layers, rows = layout.layers, layout.rows
    inputs, targets, order, losses = part.inputs, part.targets, part.order, part.losses
    power1, power2 = 1.0, 1.0
    # The schedule gives a factor: each network has a rate of its own.
    hyper[FULL_RATE] = ONE
    done = 0
    for epoch in range(losses.shape[0]):
        shuffle(order, random)
        total = spread(ZERO)
        for first in range(0, order.size, batch_size):
            if stop[0] != 0:
                break
            count = min(batch_size, order.size - first)
            # Whole groups of samples go forward; those too many take no part in loss and gradients.
            samples = min(room, (count + SAMPLES_AT_ONCE - 1) // SAMPLES_AT_ONCE * SAMPLES_AT_ONCE)
            _place_inputs(inputs, order, first, rows, count, values)
            _forward(layout, weights, values, rows, samples)
            terms = count if layout.mean_over_rows else count * layers[layers.shape[0] - 1, WIDTH_OUT]
            total += _losses(layout, values, deltas, targets, order, first, rows, count, ONE / np.float32(terms))
            for layer in range(layers.shape[0] - 1, 0, -1):
                row, before = layers[layer], layers[layer - 1]
                setting = layout.settings[before[INSTRUCTION], table.SETTING]
                _backward_layer(row, before, setting, weights, values, deltas, rows, samples)
            for layer in range(layers.shape[0]):
                _gradients_of_layer(layers[layer], values, deltas, gradients, rows, count)
            _limit(gradients, layout.decays.size, hyper)
            hyper[RATE] = rate_at(hyper, epoch, first, batch_size)
            power1 *= np.float64(hyper[HYPER_1])
            power2 *= np.float64(hyper[HYPER_2])
            c1, c2 = np.float32(1.0 / (1.0 - power1)), np.float32(1.0 / (1.0 - power2))
            _update_all(optimizer, weights, gradients, first_moment, second_moment, layout.decays, rates, hyper, c1, c2)
        if stop[0] != 0:
            break
        store_vector(address(losses), epoch * LANES, total / np.float32(order.size))
        if test_part.order.size > 0:
            _mean_losses(layout, weights, values, deltas, test_part, room, at(address(test_part.losses), epoch * LANES))
        done += 1
    set_rounding(old)
    return done


class Part(NamedTuple):
    """Rows of the data, as kernels take them.

    Parameters
    ----------
    inputs, targets
        float32 (rows, width).
    order
        int64 (rows,): in which they come.
    losses
        float32 (epochs, LANES): where each network's mean loss on them goes.
    """

    inputs: Array
    targets: Array
    order: Array
    losses: Array


class Group(NamedTuple):
    """Buffers of LANES networks, as kernels take them."""

    weights: Array
    gradients: Array
    first_moment: Array
    second_moment: Array
    values: Array
    deltas: Array
    rates: Array


def fits(plan: Plan, batch_size: int) -> bool:
    """Whether networks of this plan can lie in the lanes."""
    return _layout(plan, batch_size) is not None


def _layout(plan: Plan, batch_size: int) -> Layout | None:
    # No layer is wide: all weights lie one after the other.
    return lane_layout(plan, batch_size, wide_from=max(plan.widths) + 1)


def train_many(
    plan: Plan,
    training: TrainingSpec,
    parameters: Array,
    rates: Array,
    parts: tuple[tuple[Array, Array], tuple[Array, Array]],
    epochs: int,
    stop: Array,
    threads: int = 1,
) -> tuple[Array, Array, Array]:
    """Train networks of one plan at once, each as `cpu.train` would train it alone.

    Parameters
    ----------
    plan, training
        The networks, which must fit (see `fits`), and how they are trained; ``training.seed`` shuffles the rows of all.
    parameters
        float32 (networks, plan.parameter_size): where each one starts.
    rates
        float32 (networks,): each one's learning rate.
    parts
        Inputs and targets, float32 (rows, …), of the training and of the test rows; there may be no test rows.
    epochs
        How long.
    stop
        int64 (1,): anything but 0, written from outside, ends the training after the present mini-batches.
    threads
        How many threads compute, LANES networks each at a time.

    Returns
    -------
    parameters, train_losses, test_losses
        float32 (networks, plan.parameter_size), and float32 (epochs, networks): mean losses during each epoch and on the
        test rows after it; NaN where training was stopped before, and without test rows.
    """
    (inputs, targets), (test_inputs, test_targets) = (
        (np.ascontiguousarray(x, np.float32), np.ascontiguousarray(t, np.float32)) for x, t in parts
    )
    batch_size = max(1, min(training.batch_size, len(inputs)))
    found = _layout(plan, batch_size)
    assert found is not None
    record = optimizers.record_of(training.optimizer)
    room = -(-batch_size // SAMPLES_AT_ONCE) * SAMPLES_AT_ONCE
    trained = parameters.copy()
    train_losses = np.full((epochs, len(parameters)), np.nan, np.float32)
    test_losses = np.full((epochs, len(parameters)), np.nan, np.float32)

    def train_lanes(first: int) -> None:
        """Train the networks from ``first`` on that fill the lanes; what is left of the lanes repeats the last one."""
        count = min(LANES, len(parameters) - first)
        chosen = np.minimum(first + np.arange(LANES), len(parameters) - 1)
        group = _group(found, room, record.slots, parameters[chosen], rates[chosen])
        losses, on_test = (aligned_zeros(epochs * LANES).reshape(epochs, LANES) for _ in range(2))
        done = train_group(
            found,
            group,
            Part(inputs, targets, np.arange(len(inputs)), losses),
            Part(test_inputs, test_targets, np.arange(len(test_inputs)), on_test),
            seeded(training.seed),
            stop,
            # Each thread moves the schedule on by itself.
            hyper_numbers(training, len(inputs)),
            room,
            batch_size,
            record.code,
        )
        own = found.place >= 0
        trained[first : first + count, found.place[own]] = group.weights.reshape(-1, LANES)[own, :count].T
        train_losses[:done, first : first + count] = losses[:done, :count]
        if len(test_inputs):
            test_losses[:done, first : first + count] = on_test[:done, :count]

    with ThreadPoolExecutor(max(1, threads), "networks") as pool:
        try:
            list(pool.map(train_lanes, range(0, len(parameters), LANES)))
        except BaseException:
            # Leaving the block waits for the groups that are running: after Ctrl+C they shall not go on to their end.
            stop[0] = 1
            raise
    return trained, train_losses, test_losses


def _group(found: Layout, room: int, slots: int, parameters: Array, rates: Array) -> Group:
    """Buffers that hold LANES networks (LANES, plan.parameter_size) and their rates (LANES,)."""
    size = found.place.size * LANES
    group = Group(
        weights=aligned_zeros(size),
        gradients=aligned_zeros(size),
        first_moment=aligned_zeros(size if slots > 0 else 0),
        second_moment=aligned_zeros(size if slots > 1 else 0),
        values=aligned_zeros(room * found.rows * LANES),
        deltas=aligned_zeros(room * found.rows * LANES),
        rates=aligned_zeros(LANES),
    )
    own = found.place >= 0
    group.weights.reshape(-1, LANES)[own] = parameters[:, found.place[own]].T
    group.rates[:] = rates
    # What a layer's biases are multiplied with.
    ones = found.layers[:, FROM] + found.layers[:, WIDTH_IN]
    group.values.reshape(room, found.rows, LANES)[:, ones] = 1
    return group
