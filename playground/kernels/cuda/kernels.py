"""The kernels that train and predict on the GPU: whole epochs in one launch, with nothing for the host to do in between.

`train_on_grid` has a whole grid work on one network, whose numbers lie in global memory. `train_in_blocks` keeps a small
network in the shared memory of one block: one such network learns without a single trip to global memory, and hundreds
of them learn at once, a block each. Both run the same `train_steps`; only products and barriers are exchanged.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32

from playground.catalog.elementary import ZERO
from playground.kernels.cuda.compiling import Device
from playground.kernels.cuda.instructions import Network, backward, forward
from playground.kernels.cuda.objective import mean_loss
from playground.kernels.cuda.primitives import load_fresh
from playground.kernels.cuda.products import (
    finish_product,
    no_parts_in_a_block,
    product_in_a_block,
    start_product,
    way_in_a_block,
    way_of,
)
from playground.kernels.cuda.script import STEP_CORRECTION_1, STEP_CORRECTION_2, STEP_FIRST, STEP_RATE, STEP_ROWS
from playground.kernels.cuda.stepping import (
    add_penalties,
    gather,
    is_no_number,
    limit_gradients,
    update,
)
from playground.kernels.cuda.target import load
from playground.kernels.cuda.team import Team, barrier, block_barrier, first_of, grid_barrier, step_of
from playground.kernels.cuda.tiles import SHARED
from playground.kernels.purposes import GRADIENTS_ONLY, PREDICT
from playground.network import table

cuda = load()

# What the threads of a team tell each other, and the host, in ``signals``.
STOPPED, BROKEN, DONE = range(3)
SIGNALS = 4
# What BROKEN says.
LOSS_BROKE, GRADIENT_BROKE = 1, 2
# Steps from one look at the host's wish to stop to the next: its memory is far away.
LOOK_EVERY = 16


class RunBuffers(NamedTuple):
    """A run as the host hands it over and device functions take it.

    Parameters
    ----------
    inputs, targets, weights
        float32, flat: all training rows; no weights where all rows count alike.
    batch_targets, batch_weights
        float32: room for a batch of them.
    order, steps, numbers
        The script of this call; see `script.Script`.
    hyper
        float32; see `state`.
    first_moment, second_moment
        float32: the optimizer's memory.
    optimizer
        Its code.
    rate
        What each step's rate is multiplied with.
    seed, done_before
        For dropping: the run's seed, and how many steps it had done before the first of this call.
    stop
        int32 (1,) in the host's memory: anything but 0 ends the call.
    signals
        int32 (SIGNALS,).
    losses
        float32 (steps,) for the mean loss of each step, or no numbers.
    """

    inputs: Any
    targets: Any
    weights: Any
    batch_targets: Any
    batch_weights: Any
    order: Any
    steps: Any
    numbers: Any
    hyper: Any
    first_moment: Any
    second_moment: Any
    optimizer: Any
    rate: Any
    seed: Any
    done_before: Any
    stop: Any
    signals: Any
    losses: Any


def gather_batch(team, network, run, index):
    """Bring the rows of a step into the network's input region, and their targets and weights beside them."""
    first, rows = run.steps[index, STEP_FIRST], run.steps[index, STEP_ROWS]
    last = network.instructions[network.instructions.shape[0] - 1]
    gather(team, run.inputs, run.order, first, rows, network.width, network.values)
    gather(team, run.targets, run.order, first, rows, last[table.UNITS], run.batch_targets)
    if run.weights.size > 0:
        gather(team, run.weights, run.order, first, rows, last[table.UNITS], run.batch_weights)


def train_steps(team, network, run, first_step, last_step, purpose):
    """Mini-batches one after the other; see ``reference.train``.

    For GRADIENTS_ONLY, the first batch's gradients are left where they are and nothing moves.

    Returns
    -------
    total
        Σ rows · mean loss over the steps done; not finite where one of them broke, and ``signals`` says at which.
    """
    last = network.instructions.shape[0] - 1
    loss_row, setting = network.instructions[last], network.settings[last, table.SETTING]
    weighted = run.weights.size > 0
    total = ZERO
    if first_step < last_step:
        gather_batch(team, network, run, first_step)
    for index in range(first_step, last_step):
        if team.block == 0 and team.thread == 0 and index % LOOK_EVERY == 0:
            run.signals[STOPPED] = load_fresh(run.stop, 0)
        barrier(team)
        if run.signals[STOPPED] != 0:
            break
        rows = run.steps[index, STEP_ROWS]
        drop_seed = (run.seed, run.done_before + index)
        forward(team, network, rows, purpose, drop_seed)
        loss = mean_loss(team, loss_row, setting, network, run.batch_targets, run.batch_weights, weighted, rows)
        if run.losses.size > 0 and team.block == 0 and team.thread == 0:
            run.losses[index] = loss
        if is_no_number(loss):
            total = loss
            if team.block == 0 and team.thread == 0:
                run.signals[BROKEN] = LOSS_BROKE
            break
        # Nobody may begin the next sum before all have read this one.
        barrier(team)
        backward(team, network, rows, drop_seed)
        if purpose == GRADIENTS_ONLY:
            break
        rate = run.rate * run.numbers[index, STEP_RATE]
        c1, c2 = run.numbers[index, STEP_CORRECTION_1], run.numbers[index, STEP_CORRECTION_2]
        broken = limit_gradients(team, network, run.hyper)
        add_penalties(team, network, run.hyper, rate)
        if update(team, network, run.first_moment, run.second_moment, run.optimizer, run.hyper, rate, c1, c2):
            broken = True
        if broken:
            run.signals[BROKEN] = GRADIENT_BROKE
        if index + 1 < last_step:
            gather_batch(team, network, run, index + 1)
        barrier(team)
        if run.signals[BROKEN] != 0:
            total = np.float32(np.nan)
            break
        total += loss * np.float32(rows)
        if team.block == 0 and team.thread == 0:
            run.signals[DONE] = index + 1
    return total


def predict_rows(team, network, inputs, first, rows):
    """Run some rows of the data forward, with nothing dropped and with running statistics."""
    width = network.width
    for index in range(first_of(team), rows * width, step_of(team)):
        network.values[index] = inputs[first * width + index]
    barrier(team)
    forward(team, network, rows, PREDICT, (0, 0))


class Scores(NamedTuple):
    """Where networks that learn at once leave how they do, epoch by epoch; a single one leaves nothing.

    Parameters
    ----------
    epoch_losses
        float32 (networks × epochs,): the mean loss of an epoch's rows.
    test_inputs, test_targets
        float32, flat: the test rows, if there are any.
    test_losses
        float32 (networks × epochs,): their mean loss after each epoch; no numbers where there are none.
    """

    epoch_losses: Any
    test_inputs: Any
    test_targets: Any
    test_losses: Any


def whole_grid(arrivals, partial):
    """A thread's view of the team that is the whole launch."""
    shared = cuda.shared.array(SHARED, float32)
    return Team(cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x, cuda.gridDim.x, shared, arrivals, partial)


def train_on_grid(network, run, arrivals, partial, purpose):
    """A grid trains one network; arrays as in `Network`, `RunBuffers` and `Team`."""
    train_steps(whole_grid(arrivals, partial), network, run, 0, run.steps.shape[0], purpose)


def predict_on_grid(network, inputs, targets, regions, collected, losses, arrivals, partial):
    """A grid runs rows forward, ``capacity`` at a time; the network's gradients aren't touched.

    ``regions`` is int32 (regions, 2): unit and width of what ``collected`` shall hold of every row, region after region.
    ``losses`` is float32 (chunks,) for each chunk's mean loss, or has no numbers; then ``targets`` aren't looked at.
    """
    team = whole_grid(arrivals, partial)
    values, capacity, width = network.values, network.capacity, network.width
    last = network.instructions.shape[0] - 1
    row, setting = network.instructions[last], network.settings[last, table.SETTING]
    units = row[table.UNITS]
    all_rows = inputs.size // width
    for chunk in range((all_rows + capacity - 1) // capacity):
        first = chunk * capacity
        rows = min(capacity, all_rows - first)
        predict_rows(team, network, inputs, first, rows)
        start = 0
        for index in range(regions.shape[0]):
            unit, wide = regions[index, 0], regions[index, 1]
            for i in range(first_of(team), rows * wide, step_of(team)):
                collected[start + first * wide + i] = values[unit * capacity + i]
            start += all_rows * wide
        if losses.size > 0:
            # The targets of these rows, where `mean_loss` looks for a batch's.
            loss = mean_loss(team, row, setting, network, targets[first * units :], targets, False, rows)
            if team.block == 0 and team.thread == 0:
                losses[chunk] = loss
        barrier(team)


def train_in_blocks(network, run, rates, scores, units, purpose):
    """Each block trains one network, held in its shared memory; the arrays of a network begin at block × their length.

    Parameters, gradients and memory are (networks × size,), ``rates`` and ``signals`` likewise. With epoch losses, the
    steps are split among as many epochs: each ends with the mean loss of its rows, and of the test rows. Losses of the
    steps are for a single network. ``units`` is the width of all regions together; the batch's values, slopes, targets
    and weights have their room in shared memory, whatever the host hands over for them.
    """
    memory = cuda.shared.array(0, float32)
    thread, threads, number = cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x
    capacity, size = network.capacity, network.parameters.size // rates.size
    outputs = network.instructions[network.instructions.shape[0] - 1, table.UNITS]
    slots = (run.first_moment.size + run.second_moment.size) // rates.size
    # The shared memory: sums, parameters, gradients, memory, values, slopes, targets, weights.
    own, end = memory[threads : threads + size], threads + size
    own_gradients, end = memory[end : end + size], end + size
    own_first, second_start = memory[end : end + min(slots, size)], end + min(slots, size)
    own_second, end = memory[second_start : end + slots], end + slots
    own_values, end = memory[end : end + units * capacity], end + units * capacity
    own_deltas, end = memory[end : end + units * capacity], end + units * capacity
    own_targets, end = memory[end : end + outputs * capacity], end + outputs * capacity
    own_weights = memory[end : end + outputs * capacity] if run.weights.size > 0 else memory[end:end]
    for i in range(thread, size, threads):
        own[i] = network.parameters[number * size + i]
        own_gradients[i] = network.gradients[number * size + i]
    for i in range(thread, own_first.size, threads):
        own_first[i] = run.first_moment[number * size + i]
    for i in range(thread, own_second.size, threads):
        own_second[i] = run.second_moment[number * size + i]
    # A block alone needs no place for sums of other blocks but its own.
    own_signals = run.signals[number * SIGNALS : (number + 1) * SIGNALS]
    team = Team(thread, threads, 0, 1, memory[:threads], own_signals, memory[end + outputs * capacity :])
    own_network = Network(
        instructions=network.instructions,
        settings=network.settings,
        spans=network.spans,
        parameters=own,
        gradients=own_gradients,
        values=own_values,
        deltas=own_deltas,
        sums=memory[:0],
        capacity=capacity,
        width=network.width,
    )
    own_run = RunBuffers(
        inputs=run.inputs,
        targets=run.targets,
        weights=run.weights,
        batch_targets=own_targets,
        batch_weights=own_weights,
        order=run.order,
        steps=run.steps,
        numbers=run.numbers,
        hyper=run.hyper,
        first_moment=own_first,
        second_moment=own_second,
        optimizer=run.optimizer,
        rate=rates[number],
        seed=run.seed,
        done_before=run.done_before,
        stop=run.stop,
        signals=own_signals,
        losses=run.losses,
    )
    cuda.syncthreads()
    epochs = scores.epoch_losses.size // rates.size
    pieces = max(1, epochs)
    each = run.steps.shape[0] // pieces
    for piece in range(pieces):
        # Broken in an earlier launch.
        if own_signals[BROKEN] != 0:
            break
        total = train_steps(team, own_network, own_run, piece * each, (piece + 1) * each, purpose)
        cuda.syncthreads()
        if own_signals[STOPPED] != 0 or purpose == GRADIENTS_ONLY:
            break
        if epochs > 0:
            rows = run.order.size // epochs
            if thread == 0:
                scores.epoch_losses[number * epochs + piece] = total / np.float32(rows)
            if is_no_number(total):
                break
            if scores.test_losses.size > 0:
                loss = mean_test_loss(team, own_network, scores.test_inputs, scores.test_targets, own_targets)
                if thread == 0:
                    scores.test_losses[number * epochs + piece] = loss
        if is_no_number(total):
            break
    cuda.syncthreads()
    for i in range(thread, size, threads):
        network.parameters[number * size + i] = own[i]
        network.gradients[number * size + i] = own_gradients[i]
    for i in range(thread, own_first.size, threads):
        run.first_moment[number * size + i] = own_first[i]
    for i in range(thread, own_second.size, threads):
        run.second_moment[number * size + i] = own_second[i]


def mean_test_loss(team, network, inputs, targets, own_targets):
    """Mean loss on all test rows, as many at a time as a batch has room for."""
    last = network.instructions.shape[0] - 1
    row, setting = network.instructions[last], network.settings[last, table.SETTING]
    units = row[table.UNITS]
    all_rows = targets.size // units
    total = ZERO
    for first in range(0, all_rows, network.capacity):
        rows = min(network.capacity, all_rows - first)
        for i in range(team.thread, rows * units, team.threads):
            own_targets[i] = targets[first * units + i]
        predict_rows(team, network, inputs, first, rows)
        total += mean_loss(team, row, setting, network, own_targets, own_targets, False, rows) * np.float32(rows)
        barrier(team)
    return total / np.float32(all_rows)


on_grid = Device({barrier: grid_barrier})
in_block = Device(
    {
        barrier: block_barrier,
        way_of: way_in_a_block,
        start_product: product_in_a_block,
        finish_product: no_parts_in_a_block,
    }
)
train_grid = on_grid.kernel(train_on_grid)
predict_grid = on_grid.kernel(predict_on_grid)
train_blocks = in_block.kernel(train_in_blocks)
