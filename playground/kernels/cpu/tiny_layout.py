"""Where everything of a tiny network lies when the samples of a batch lie side by side in the vector lanes; see `tiny`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playground.arrays import Array
from playground.catalog.activations import ACTIVATIONS
from playground.kernels.simd.host import WIDTH
from playground.kernels.simd.vectors import LANES
from playground.network import table
from playground.network.parameters import aligned_zeros, padded
from playground.network.plan import Plan

MOST_UNITS = 16
MOST_SAMPLES = 32
# From so many units on, a layer's weights take whole registers.
WIDE_FROM = 8
# Batches gathered ahead: numbers written one by one can be read as a register only some time later.
AHEAD = 16
# Activations whose slope needs the sum.
KEEPS_SUM = frozenset(record.code for record in ACTIVATIONS.values() if record.keeps_sum)
FULL = LANES // WIDTH

# Columns of the table of layers.
FROM, TO, WIDTH_IN, WIDTH_OUT, WEIGHTS, STRIDE, ACTIVATION_CODE, INSTRUCTION, WIDE, SUMS = range(10)
# What ends the network: a loss fused with sigmoid or with softmax, softmax before another loss, or the plain outputs.
PLAIN, FUSED_SIGMOID, FUSED_SOFTMAX, AFTER_SOFTMAX = range(4)


class Layout(NamedTuple):
    """Where everything of a tiny network lies, as kernels take it.

    Parameters
    ----------
    layers
        int64 (layers, 10): rows of inputs and outputs, widths, where the weights begin, numbers from one input's weights to
        the next, the activation's code, the plan's instruction (whose settings it has), whether the layer is wide, and the
        rows of the sums (the outputs' own where the slope doesn't need the sums).
    settings
        The plan's own: they may change while training.
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
    ending, loss_code, loss_instruction, mean_over_rows
        What ends the network; the loss's settings are those of that instruction.
    """

    layers: Array
    settings: Array
    place: Array
    decays: Array
    rows_of_a: Array
    rows_of_d: Array
    rows: int
    samples: int
    ending: int
    loss_code: int
    loss_instruction: int
    mean_over_rows: bool


def lane_layout(plan: Plan, batch_size: int, wide_from: int = WIDE_FROM) -> Layout | None:
    """Lay out a plan for the vector lanes; None where it doesn't fit: many units, a large batch, another kind of layer."""
    chain = _chain(plan)
    if chain is None or max(plan.widths) > MOST_UNITS or batch_size > MOST_SAMPLES:
        return None
    loss, head = plan.instructions[-1], plan.instructions[-2]
    samples = LANES if batch_size <= LANES else 2 * LANES
    layers, rows = _table(chain, wide_from)
    place, decays, rows_of_a, rows_of_d = _place_parameters(plan, layers, rows, samples)
    softmax = head[table.OPERATION] == table.SOFTMAX
    if loss[table.FUSED]:
        ending = FUSED_SOFTMAX if softmax else FUSED_SIGMOID
    else:
        ending = AFTER_SOFTMAX if softmax else PLAIN
    return Layout(
        layers=layers,
        settings=plan.settings,
        place=place,
        decays=decays,
        rows_of_a=rows_of_a,
        rows_of_d=rows_of_d,
        rows=rows + 1,
        samples=samples,
        ending=ending,
        loss_code=int(loss[table.CODE]),
        loss_instruction=len(plan.settings) - 1,
        mean_over_rows=bool(loss[table.OVER_ROWS]),
    )


class _Link(NamedTuple):
    """A dense layer with the activation that follows it, and whether its sums must be kept."""

    inputs: int
    units: int
    code: int
    setting: int
    keeps_sums: bool


def _chain(plan: Plan) -> list[_Link] | None:
    """The plan as a chain of dense layers that all learn; None if it has anything else."""
    links: list[_Link] = []
    end = 0
    for index, row in enumerate(plan.instructions[:-1]):
        kind = row[table.OPERATION]
        if row[table.INPUT] != end or kind not in (table.DENSE, table.ACTIVATION, table.SOFTMAX):
            return None
        if kind == table.DENSE:
            if not row[table.TRAINABLE]:
                return None
            links.append(_Link(int(row[table.INPUTS]), int(row[table.UNITS]), int(row[table.CODE]), index, False))
        elif not links or (kind == table.SOFTMAX and index < len(plan.instructions) - 2):
            return None
        elif kind == table.ACTIVATION and not row[table.FUSED]:
            # An activation of its own is that of the layer before it.
            code = int(row[table.CODE])
            links[-1] = links[-1]._replace(code=code, setting=index, keeps_sums=code in KEEPS_SUM)
        end = row[table.OUTPUT]
    return links


def _table(chain: list[_Link], wide_from: int) -> tuple[Array, int]:
    """The table of layers, and how many rows of values they have."""
    # A row for each unit and one of ones; a wide layer's rows fill whole registers when they are transposed.
    widths = [chain[0].inputs, *(link.units for link in chain)]
    heights = [max(width + 1, _whole_registers(width)) for width in widths]
    starts = np.cumsum([0, *heights])
    rows = int(starts[-1])
    layers = np.zeros((len(chain), 10), np.int64)
    for index, link in enumerate(chain):
        wide = link.units >= wide_from
        stride = _whole_registers(link.units) if wide else link.units
        before, after, sums = starts[index], starts[index + 1], starts[index + 1]
        if link.keeps_sums:
            sums, rows = rows, rows + link.units
        layers[index] = before, after, link.inputs, link.units, 0, stride, link.code, link.setting, wide, sums
    # The narrow layers' weights come first, one after the other; each wide layer's begin with a register.
    end = 0
    for kind in (0, 1):
        for layer in layers[layers[:, WIDE] == kind]:
            # A copy of the row: the one in the table is found by where its inputs lie.
            layers[layers[:, FROM] == layer[FROM], WEIGHTS] = end
            end += (layer[WIDTH_IN] + 1) * layer[STRIDE]
        end = padded(int(end))
    return layers, rows


def _whole_registers(units: int) -> int:
    return -(-units // WIDTH) * WIDTH


def _place_parameters(plan: Plan, layers: Array, spare: int, samples: int) -> tuple[Array, Array, Array, Array]:
    """``place``, ``decays``, ``rows_of_a`` and ``rows_of_d``; padding of the last two points at the spare row of zeros."""
    ends = layers[:, WEIGHTS] + (layers[:, WIDTH_IN] + 1) * layers[:, STRIDE]
    size, narrow = padded(int(ends.max())), padded(int(ends[layers[:, WIDE] == 0].max(initial=0)))
    place, decays = np.full(size, -1, np.int64), aligned_zeros(size)
    rows_of_a, rows_of_d = np.zeros(narrow, np.int32), np.full(narrow, spare * samples, np.int32)
    for index, layer in enumerate(layers):
        weight, bias = plan.parameters[2 * index], plan.parameters[2 * index + 1]
        inputs, units = int(layer[WIDTH_IN]), int(layer[WIDTH_OUT])
        for i in range(inputs + 1):
            own = slice(layer[WEIGHTS] + i * layer[STRIDE], layer[WEIGHTS] + i * layer[STRIDE] + units)
            place[own] = np.arange(units) + (bias.offset if i == inputs else weight.offset + i * units)
            decays[own] = i < inputs
            if not layer[WIDE]:
                rows_of_a[own] = (layer[FROM] + i) * samples
                rows_of_d[own] = (layer[TO] + np.arange(units)) * samples
    return place, decays, rows_of_a, rows_of_d


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


def buffers(layout: Layout, slots: int) -> Buffers:
    """Room for training; ``slots`` memories of the optimizer."""
    size, samples = layout.place.size, layout.samples
    values = aligned_zeros(layout.rows * samples)
    # What a layer's biases are multiplied with.
    values.reshape(-1, samples)[layout.layers[:, FROM] + layout.layers[:, WIDTH_IN]] = 1
    numbers = int(layout.layers[0, WIDTH_IN] + layout.layers[-1, WIDTH_OUT])
    return Buffers(
        weights=aligned_zeros(size),
        gradients=aligned_zeros(size),
        first_moment=aligned_zeros(size if slots > 0 else 0),
        second_moment=aligned_zeros(size if slots > 1 else 0),
        values=values,
        deltas=aligned_zeros(layout.rows * samples),
        turned=aligned_zeros(samples * MOST_UNITS),
        targets=aligned_zeros(samples * MOST_UNITS),
        gathered=aligned_zeros(AHEAD * numbers * samples),
    )
