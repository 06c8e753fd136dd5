"""Training of tiny networks: the samples of a batch lie side by side in the vector lanes.

With 4 or 8 neurons a layer is too narrow to fill a vector register, but a batch of 10 samples nearly fills one of 16. So
values are kept as (neuron, sample): one register is one neuron's answer to every sample of the batch, a weight is
broadcast, and each layer is a handful of multiply-adds. Batches of 17 to 32 samples take two registers a neuron.

Every layer is followed by a row of ones, so that its biases are the last row of its weights. The weights lie in a buffer
of their own, in which each input's weights are together. A layer of at least 8 units takes whole registers for them; the
gradients of narrower ones come from `dot_products`, LANES parameters at a time, wherever these lie.
"""

from __future__ import annotations

import numpy as np

from playground.catalog.activations import IDENTITY, sigmoid
from playground.catalog.elementary import ONE, ZERO, exp, log, maximum, minimum, where
from playground.catalog.losses import binary_cross_entropy_on_logit
from playground.catalog.schedules import CONSTANT
from playground.kernels.compiling import inlined_kernel, kernel, loss_slope, loss_value
from playground.kernels.cpu.lanes import activate_lanes, scale_lanes, scale_numbers, update_lanes
from playground.kernels.cpu.packed import at
from playground.kernels.cpu.stepping import clip_factor
from playground.kernels.cpu.tiny_layout import (
    ACTIVATION_CODE,
    AFTER_SOFTMAX,
    AHEAD,
    FROM,
    FULL,
    FUSED_SIGMOID,
    FUSED_SOFTMAX,
    INSTRUCTION,
    STRIDE,
    SUMS,
    TO,
    WEIGHTS,
    WIDE,
    WIDTH_IN,
    WIDTH_OUT,
)
from playground.kernels.purposes import GRADIENTS_ONLY, TRAIN
from playground.kernels.rates import rate_at, sign
from playground.kernels.shuffling import shuffle
from playground.kernels.simd.host import WIDTH
from playground.kernels.simd.memory import address, transpose_block
from playground.kernels.simd.microkernel import LANE_ROWS, lane_tile_of_columns, lane_tile_of_rows
from playground.kernels.simd.threads import flushing, rounding, set_rounding
from playground.kernels.simd.vectors import LANES, dot_products, lane_indices, load_vector, spread, store_vector, sum_of_lanes
from playground.kernels.state import (
    CLIP_NORM,
    CLIP_VALUE,
    DECAY,
    EPOCH,
    FULL_RATE,
    HYPER_1,
    HYPER_2,
    HYPER_3,
    L1,
    L2,
    POSITION,
    RATE,
    SCHEDULE,
    STEP,
)
from playground.network import table


@kernel
def _rearrange(place, ordered, own, back):
    """Copy parameters from the plan's order into this file's, or back."""
    for i in range(place.size):
        if place[i] >= 0:
            if back:
                ordered[place[i]] = own[i]
            else:
                own[i] = ordered[place[i]]
        elif not back:
            own[i] = ZERO


@kernel
def _gather(inputs, targets, order, start, batches, batch_size, end, samples, gathered):
    """Turn the next rows into columns: each batch as (inputs + outputs, samples), lanes without a sample 0."""
    width_in, width_out = inputs.shape[1], targets.shape[1]
    for batch in range(batches):
        first = start + batch * batch_size
        count = min(batch_size, end - first)
        base = batch * (width_in + width_out) * samples
        rows = order[first : first + count]
        for j in range(width_in):
            out = gathered[base + j * samples : base + (j + 1) * samples]
            for i in range(count):
                out[i] = inputs[rows[i], j]
            out[count:] = ZERO
        for j in range(width_out):
            out = gathered[base + (width_in + j) * samples : base + (width_in + j + 1) * samples]
            for i in range(count):
                out[i] = targets[rows[i], j]
            out[count:] = ZERO


@inlined_kernel
def _forward(layers, settings, weights, values, samples):
    """(units, samples) = activation(Wᵀ (units, inputs + 1) · (inputs + 1, samples)), layer by layer."""
    for layer in range(layers.shape[0]):
        row = layers[layer]
        x, z = at(values, row[FROM] * samples), at(values, row[SUMS] * samples)
        w, units = at(weights, row[WEIGHTS]), row[WIDTH_OUT]
        for lane in range(0, samples, LANES):
            for j in range(0, units, LANE_ROWS):
                count = min(LANE_ROWS, units - j)
                out = at(z, j * samples + lane)
                lane_tile_of_columns(count, FULL, at(w, j), row[STRIDE], at(x, lane), samples, out, samples, row[WIDTH_IN] + 1)
        if row[ACTIVATION_CODE] != IDENTITY:
            setting = settings[row[INSTRUCTION], table.SETTING]
            activate_lanes(row[ACTIVATION_CODE], z, at(values, row[TO] * samples), units * samples, setting)


@inlined_kernel
def _backward(layers, settings, weights, values, deltas, samples):
    """(inputs, samples) = W (inputs, units) · (units, samples) · slope, from the last layer to the second."""
    for layer in range(layers.shape[0] - 1, 0, -1):
        row, before = layers[layer], layers[layer - 1]
        dz, dx = at(deltas, row[TO] * samples), at(deltas, row[FROM] * samples)
        inputs, stride = row[WIDTH_IN], row[STRIDE]
        for lane in range(0, samples, LANES):
            for i in range(0, inputs, LANE_ROWS):
                count = min(LANE_ROWS, inputs - i)
                w, out = at(weights, row[WEIGHTS] + i * stride), at(dx, i * samples + lane)
                lane_tile_of_rows(count, FULL, w, stride, at(dz, lane), samples, out, samples, row[WIDTH_OUT])
        if before[ACTIVATION_CODE] != IDENTITY:
            setting = settings[before[INSTRUCTION], table.SETTING]
            z, a = at(values, before[SUMS] * samples), at(values, row[FROM] * samples)
            scale_lanes(before[ACTIVATION_CODE], dx, z, a, inputs * samples, setting)


@inlined_kernel
def _all_gradients(layers, rows_of_a, rows_of_d, values, deltas, turned, gradients, samples, count):
    """dW (inputs + 1, units) = values (inputs + 1, samples) · deltasᵀ (samples, units), of every layer."""
    for first in range(0, rows_of_a.size, LANES):
        a_rows, d_rows = at(address(rows_of_a), first), at(address(rows_of_d), first)
        total = dot_products(values, deltas, a_rows, d_rows)
        if samples > LANES:
            total += dot_products(at(values, LANES), at(deltas, LANES), a_rows, d_rows)
        store_vector(gradients, first, total)
    for layer in range(layers.shape[0]):
        row = layers[layer]
        if row[WIDE] == 0:
            continue
        stride, inputs = row[STRIDE], row[WIDTH_IN]
        x, dz = at(values, row[FROM] * samples), at(deltas, row[TO] * samples)
        for lane in range(0, count, WIDTH):
            for j in range(0, stride, WIDTH):
                transpose_block(at(dz, j * samples + lane), samples, at(turned, lane * stride + j), stride, WIDTH)
        for i in range(0, inputs + 1, LANE_ROWS):
            rows = min(LANE_ROWS, inputs + 1 - i)
            out = at(gradients, row[WEIGHTS] + i * stride)
            lane_tile_of_rows(rows, stride // WIDTH, at(x, i * samples), samples, turned, stride, out, stride, count)


@inlined_kernel
def _elementwise_loss(ending, code, setting, outputs, targets, deltas, units, samples, count, scale):
    """Loss of a batch number by number, and its slope into ``deltas``; lanes from ``count`` on take no part."""
    total = spread(ZERO)
    for lane in range(0, samples, LANES):
        taken = lane_indices() < np.float32(count - lane)
        for i in range(lane, units * samples, samples):
            a, t = load_vector(outputs, i), load_vector(targets, i)
            if ending == FUSED_SIGMOID:
                loss = binary_cross_entropy_on_logit(a, t)
                slope = sigmoid(a, ZERO) - t
            else:
                loss, slope = loss_value(code, a, t, setting), loss_slope(code, a, t, setting)
            total += where(taken, loss, ZERO)
            store_vector(deltas, i, where(taken, slope * scale, ZERO))
    return sum_of_lanes(total)


@inlined_kernel
def _softmax(z, units, samples, lane, into):
    """e^(z − the largest z) of each sample into ``into``; returns the sample's sum and its largest z."""
    end = units * samples
    largest = load_vector(z, lane)
    for i in range(lane + samples, end, samples):
        largest = maximum(largest, load_vector(z, i))
    total = spread(ZERO)
    for i in range(lane, end, samples):
        share = exp(load_vector(z, i) - largest)
        store_vector(into, i, share)
        total += share
    return total, largest


@inlined_kernel
def _softmax_cross_entropy(z, targets, deltas, units, samples, count, scale):
    """Categorical cross-entropy of a batch from its logits, and its slope softmax(z)·Σt − t into ``deltas``."""
    loss = spread(ZERO)
    for lane in range(0, samples, LANES):
        taken = lane_indices() < np.float32(count - lane)
        total, largest = _softmax(z, units, samples, lane, deltas)
        mass, dot = spread(ZERO), spread(ZERO)
        for i in range(lane, units * samples, samples):
            t = load_vector(targets, i)
            mass += t
            dot += t * (load_vector(z, i) - largest)
        loss += where(taken, mass * log(total) - dot, ZERO)
        factor = mass / total
        for i in range(lane, units * samples, samples):
            slope = load_vector(deltas, i) * factor - load_vector(targets, i)
            store_vector(deltas, i, where(taken, slope * scale, ZERO))
    return sum_of_lanes(loss)


@inlined_kernel
def _softmax_forward(z, units, samples):
    """Softmax in place."""
    for lane in range(0, samples, LANES):
        total, _ = _softmax(z, units, samples, lane, z)
        for i in range(lane, units * samples, samples):
            store_vector(z, i, load_vector(z, i) / total)


@inlined_kernel
def _softmax_backward(a, deltas, units, samples):
    """dz = a · (da − Σ da·a), in place."""
    for lane in range(0, samples, LANES):
        mixed = spread(ZERO)
        for i in range(lane, units * samples, samples):
            mixed += load_vector(a, i) * load_vector(deltas, i)
        for i in range(lane, units * samples, samples):
            store_vector(deltas, i, load_vector(a, i) * (load_vector(deltas, i) - mixed))


@inlined_kernel
def _loss(layout, values, targets, deltas, count):
    """Loss summed over the batch (averaged over outputs where the loss says so); slopes of its mean into ``deltas``."""
    row, samples = layout.layers[layout.layers.shape[0] - 1], layout.samples
    units = row[WIDTH_OUT]
    z, dz = at(values, row[TO] * samples), at(deltas, row[TO] * samples)
    terms = count if layout.mean_over_rows else count * units
    scale = ONE / np.float32(terms)
    if layout.ending == FUSED_SOFTMAX:
        return _softmax_cross_entropy(z, targets, dz, units, samples, count, scale)
    if layout.ending == AFTER_SOFTMAX:
        _softmax_forward(z, units, samples)
    setting = layout.settings[layout.loss_instruction, table.SETTING]
    total = _elementwise_loss(layout.ending, layout.loss_code, setting, z, targets, dz, units, samples, count, scale)
    if layout.ending == AFTER_SOFTMAX:
        _softmax_backward(z, dz, units, samples)
    elif row[ACTIVATION_CODE] != IDENTITY:
        sums, setting = at(values, row[SUMS] * samples), layout.settings[row[INSTRUCTION], table.SETTING]
        scale_numbers(row[ACTIVATION_CODE], dz, sums, z, units * samples, setting)
    return total if layout.mean_over_rows else total / np.float32(units)


@inlined_kernel
def _step_gradients(layout, buffers, count):
    """Forward, loss and backward of the batch that lies in the values; returns its loss, the gradients in place."""
    layers, settings, samples = layout.layers, layout.settings, layout.samples
    weights, values, deltas = address(buffers.weights), address(buffers.values), address(buffers.deltas)
    targets = address(buffers.targets)
    _forward(layers, settings, weights, values, samples)
    loss = _loss(layout, values, targets, deltas, count)
    if np.isfinite(loss):
        _backward(layers, settings, weights, values, deltas, samples)
        gradients, turned = address(buffers.gradients), address(buffers.turned)
        _all_gradients(layers, layout.rows_of_a, layout.rows_of_d, values, deltas, turned, gradients, samples, count)
    return loss


@inlined_kernel
def _limit(gradients, hyper):
    """Cut and shorten the gradient where that is asked for; whether all of it is finite."""
    g = address(gradients)
    # 0 · x is 0 for all that is finite. Two sums, so that an addition need not wait for the one before.
    total, other = spread(ZERO), spread(ZERO)
    for i in range(0, gradients.size - LANES, 2 * LANES):
        total += load_vector(g, i) * ZERO
        other += load_vector(g, i + LANES) * ZERO
    # Of an odd number of vectors the last has no partner; for zeros it makes no difference to count it twice.
    last = load_vector(g, gradients.size - LANES)
    total += other + last * ZERO
    if hyper[CLIP_VALUE] != ZERO:
        for i in range(0, gradients.size, LANES):
            store_vector(g, i, minimum(maximum(load_vector(g, i), -hyper[CLIP_VALUE]), hyper[CLIP_VALUE]))
    if hyper[CLIP_NORM] != ZERO:
        squares, others = spread(ZERO), spread(ZERO)
        if gradients.size % (2 * LANES) != 0:
            # Read again: it may have been cut.
            last = load_vector(g, gradients.size - LANES)
            squares = last * last
        for i in range(0, gradients.size - LANES, 2 * LANES):
            x, y = load_vector(g, i), load_vector(g, i + LANES)
            squares += x * x
            others += y * y
        factor = clip_factor(gradients, sum_of_lanes(squares + others), hyper[CLIP_NORM])
        if factor < ONE:
            for i in range(0, gradients.size, LANES):
                store_vector(g, i, load_vector(g, i) * factor)
    return sum_of_lanes(total) == ZERO


@inlined_kernel
def _update(optimizer, weights, gradients, first_moment, second_moment, decays, hyper, c1, c2):
    """One optimizer step, LANES parameters at a time."""
    w, g = address(weights), address(gradients)
    m, s = address(first_moment), address(second_moment)
    rate, h1, h2, h3, l1, l2 = hyper[RATE], hyper[HYPER_1], hyper[HYPER_2], hyper[HYPER_3], hyper[L1], hyper[L2]
    decay = rate * hyper[DECAY]
    if l1 != ZERO or l2 != ZERO or decay != ZERO:
        for i in range(0, weights.size, LANES):
            acts, weight = load_vector(address(decays), i), load_vector(w, i)
            weight -= acts * decay * weight
            store_vector(w, i, weight)
            store_vector(g, i, load_vector(g, i) + acts * (l1 * sign(weight) + l2 * weight))
    update_lanes(optimizer, w, g, m, s, weights.size, rate, h1, h2, h3, c1, c2)


@inlined_kernel
def _load_batch(buffers, batch, width_in, width_out, samples):
    """Copy a gathered batch to where the network reads its inputs and the loss its targets."""
    source = at(address(buffers.gathered), batch * (width_in + width_out) * samples)
    values, targets = address(buffers.values), address(buffers.targets)
    for i in range(0, width_in * samples, LANES):
        store_vector(values, i, load_vector(source, i))
    for i in range(0, width_out * samples, LANES):
        store_vector(targets, i, load_vector(source, width_in * samples + i))


@kernel
def train(layout, buffers, run, parameters, inputs, targets, batch_size, optimizer, moments_start, steps, purpose):
    """Mini-batches one after the other; see ``reference.train``. Parameters and memory are in the plan's order outside.

    For GRADIENTS_ONLY, only the gradients of the first batch are computed.
    """
    old = rounding()
    set_rounding(flushing(old))
    _rearrange(layout.place, parameters, buffers.weights, False)
    if buffers.first_moment.size > 0:
        _rearrange(layout.place, run.first_moment, buffers.first_moment, False)
    if buffers.second_moment.size > 0:
        _rearrange(layout.place, run.second_moment, buffers.second_moment, False)
    counters, hyper, samples = run.counters, run.hyper, layout.samples
    width_in, width_out = inputs.shape[1], targets.shape[1]
    done = counters[STEP] - moments_start
    # βᵗ goes on by a multiplication a step.
    power1, power2 = np.float64(hyper[HYPER_1]) ** done, np.float64(hyper[HYPER_2]) ** done
    rows = run.order.size
    total, seen, batches, batch = 0.0, 0, 0, 0
    for step in range(steps):
        if run.stop[0] != 0:
            break
        start = counters[POSITION]
        if start == 0 and purpose == TRAIN:
            shuffle(run.order, run.random)
        if batch == batches or start == 0:
            left = (rows - start + batch_size - 1) // batch_size
            batch, batches = 0, min(AHEAD, min(left, steps - step))
            _gather(inputs, targets, run.order, start, batches, batch_size, rows, samples, buffers.gathered)
        count = min(batch_size, rows - start)
        _load_batch(buffers, batch, width_in, width_out, samples)
        loss = _step_gradients(layout, buffers, count)
        if purpose == GRADIENTS_ONLY:
            _rearrange(layout.place, run.gradients, buffers.gradients, True)
            total, seen = np.float64(loss), count
            break
        if not np.isfinite(loss) or not _limit(buffers.gradients, hyper):
            total, seen = np.float64(loss) if not np.isfinite(loss) else np.nan, 1
            break
        # Without a schedule not even a call.
        hyper[RATE] = hyper[FULL_RATE]
        if hyper[SCHEDULE] != CONSTANT:
            hyper[RATE] = rate_at(hyper, counters[EPOCH], start, batch_size)
        power1 *= np.float64(hyper[HYPER_1])
        power2 *= np.float64(hyper[HYPER_2])
        c1, c2 = np.float32(1.0 / (1.0 - power1)), np.float32(1.0 / (1.0 - power2))
        _update(
            optimizer,
            buffers.weights,
            buffers.gradients,
            buffers.first_moment,
            buffers.second_moment,
            layout.decays,
            hyper,
            c1,
            c2,
        )
        batch += 1
        counters[STEP] += 1
        counters[POSITION] += count
        if counters[POSITION] >= rows:
            counters[POSITION] = 0
            counters[EPOCH] += 1
        total += np.float64(loss)
        seen += count
    _rearrange(layout.place, parameters, buffers.weights, True)
    if buffers.first_moment.size > 0:
        _rearrange(layout.place, run.first_moment, buffers.first_moment, True)
    if buffers.second_moment.size > 0:
        _rearrange(layout.place, run.second_moment, buffers.second_moment, True)
    set_rounding(old)
    return total / max(1, seen)
