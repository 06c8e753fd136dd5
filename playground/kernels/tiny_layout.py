"""Where everything of a tiny network lies when the samples of a batch lie side by side in the vector lanes; see `tiny`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from playground.kernels.simd.host import WIDTH
from playground.kernels.simd.vectors import LANES
from playground.network.parameters import aligned_zeros, padded
from playground.network.plan import CODE, DENSE, FUSED, INPUTS, OPERATION, OVER_ROWS, SOFTMAX, UNITS, Plan

Array = NDArray[Any]
MOST_UNITS = 16
MOST_SAMPLES = 32
# From so many units on, a layer's weights take whole registers.
WIDE_FROM = 8
# Batches gathered ahead: numbers written one by one can be read as a register only some time later.
AHEAD = 16
FULL = LANES // WIDTH

# Columns of the table of layers.
FROM, TO, WIDTH_IN, WIDTH_OUT, WEIGHTS, STRIDE, ACTIVATION_CODE, SETTING, WIDE = range(9)
# What ends the network: a loss fused with sigmoid or with softmax, softmax before another loss, or the plain outputs.
PLAIN, FUSED_SIGMOID, FUSED_SOFTMAX, AFTER_SOFTMAX = range(4)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where everything of a tiny network lies; see the head of this file.

    Parameters
    ----------
    layers
        int64 (layers, 9): rows of inputs and outputs, widths, where the weights begin, numbers from one input's weights to
        the next, the activation's code and row in the plan's settings, and whether the layer is wide.
    place
        int64: for each number of the weight buffer its index in the plan's parameters, −1 for padding.
    decays
        float32: 1 where L1 and L2 act, else 0.
    rows_of_a, rows_of_d
        int32: for each parameter of the narrow layers where its input's and its output's row begin.
    rows
        Rows of values.
    samples
        Room for samples: LANES or twice that.
    ending, loss_code, mean_over_rows
        What ends the network.
    """

    layers: Array
    place: Array
    decays: Array
    rows_of_a: Array
    rows_of_d: Array
    rows: int
    samples: int
    ending: int
    loss_code: int
    mean_over_rows: bool


def layout(plan: Plan, batch_size: int, wide_from: int = WIDE_FROM) -> Layout | None:
    """Lay out a plan for the vector lanes; None where it doesn't fit: many units, a large batch, another kind of layer."""
    dense = plan.instructions[plan.instructions[:, OPERATION] == DENSE]
    others = plan.instructions[len(dense) :]
    if max(plan.widths) > MOST_UNITS or batch_size > MOST_SAMPLES or len(others) > 2:
        return None
    loss = others[-1]
    head = others[0] if len(others) == 2 else None
    samples = LANES if batch_size <= LANES else 2 * LANES
    table = np.zeros((len(dense), 9), np.int64)
    row, narrow, rows_of = 0, 0, []
    for width in plan.widths:
        rows_of.append(row)
        # Below the ones a wide layer has rows of zeros: transposing takes whole registers.
        row += max(width + 1, -(-width // WIDTH) * WIDTH)
    spare = row  # a row of zeros for the padding of the narrow layers' parameters
    for layer, instruction in enumerate(dense):
        inputs, units = int(instruction[INPUTS]), int(instruction[UNITS])
        wide = units >= wide_from
        stride = -(-units // WIDTH) * WIDTH if wide else units
        code, setting = instruction[CODE], layer
        if layer == len(dense) - 1 and head is not None and head[OPERATION] != SOFTMAX and not head[FUSED]:
            code, setting = head[CODE], len(dense)
        table[layer] = rows_of[layer], rows_of[layer + 1], inputs, units, 0, stride, code, setting, wide
        if not wide:
            table[layer, WEIGHTS] = narrow
            narrow += (inputs + 1) * units
    narrow = padded(narrow)
    end = narrow
    for line in table:
        if line[WIDE]:
            line[WEIGHTS] = end
            end += (line[WIDTH_IN] + 1) * line[STRIDE]
    place = np.full(padded(end), -1, np.int64)
    decays = aligned_zeros(padded(end))
    rows_of_a, rows_of_d = np.zeros(narrow, np.int32), np.full(narrow, spare * samples, np.int32)
    for layer, line in enumerate(table):
        weight, bias = plan.parameters[2 * layer], plan.parameters[2 * layer + 1]
        inputs, units = int(line[WIDTH_IN]), int(line[WIDTH_OUT])
        for i in range(inputs + 1):
            start = line[WEIGHTS] + i * line[STRIDE]
            place[start : start + units] = np.arange(units) + (bias.offset if i == inputs else weight.offset + i * units)
            decays[start : start + units] = i < inputs
            if not line[WIDE]:
                rows_of_a[start : start + units] = (line[FROM] + i) * samples
                rows_of_d[start : start + units] = (line[TO] + np.arange(units)) * samples
    if not loss[FUSED]:
        ending = AFTER_SOFTMAX if head is not None and head[OPERATION] == SOFTMAX else PLAIN
    else:
        ending = FUSED_SOFTMAX if head is not None and head[OPERATION] == SOFTMAX else FUSED_SIGMOID
    return Layout(table, place, decays, rows_of_a, rows_of_d, spare + 1, samples, ending, int(loss[CODE]), bool(loss[OVER_ROWS]))


class Shape(NamedTuple):
    """A `Layout` as kernels take it."""

    layers: Array
    settings: Array
    place: Array
    decays: Array
    rows_of_a: Array
    rows_of_d: Array
    samples: int
    ending: int
    loss_code: int
    mean_over_rows: bool


class Buffers(NamedTuple):
    """Room for a tiny network: parameters, gradients and the optimizer's memory in this file's order, and a batch."""

    weights: Array
    gradients: Array
    first_moment: Array
    second_moment: Array
    values: Array
    deltas: Array
    turned: Array
    targets: Array
    gathered: Array


def shape(plan: Plan, layout: Layout) -> Shape:
    """What kernels need to know of a layout."""
    return Shape(
        layout.layers,
        plan.settings,
        layout.place,
        layout.decays,
        layout.rows_of_a,
        layout.rows_of_d,
        layout.samples,
        layout.ending,
        layout.loss_code,
        layout.mean_over_rows,
    )


def buffers(layout: Layout, slots: int) -> Buffers:
    """Room for training; ``slots`` memories of the optimizer."""
    size, samples = layout.place.size, layout.samples
    values = aligned_zeros(layout.rows * samples)
    for line in layout.layers:
        ones = int(line[FROM] + line[WIDTH_IN]) * samples
        values[ones : ones + samples] = 1
    numbers = int(layout.layers[0, WIDTH_IN] + layout.layers[-1, WIDTH_OUT])
    return Buffers(
        aligned_zeros(size),
        aligned_zeros(size),
        aligned_zeros(size if slots > 0 else 0),
        aligned_zeros(size if slots > 1 else 0),
        values,
        aligned_zeros(layout.rows * samples),
        aligned_zeros(samples * MOST_UNITS),
        aligned_zeros(samples * MOST_UNITS),
        aligned_zeros(AHEAD * numbers * samples),
    )
