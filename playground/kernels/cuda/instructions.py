"""Running a Plan's instructions on the GPU, forward and backward: the same table, the same order as ``cpu/instructions.py``."""

from __future__ import annotations

from typing import Any, NamedTuple

from playground.catalog.elementary import ZERO
from playground.kernels.cuda.layers import (
    activate,
    add_backward,
    add_forward,
    affine_backward,
    affine_forward,
    batch_norm_backward,
    batch_norm_forward,
    drop,
    embedding_backward,
    embedding_forward,
    layer_norm_backward,
    layer_norm_forward,
    scale_by_slope,
    softmax_backward,
    softmax_forward,
)
from playground.kernels.cuda.team import barrier
from playground.kernels.cuda.windows import (
    average_pool_backward,
    average_pool_forward,
    max_pool_backward,
    max_pool_forward,
    rows_to_windows,
    windows_to_rows,
)
from playground.kernels.purposes import PREDICT
from playground.network import table


class Network(NamedTuple):
    """A network as the host hands it over and device functions take it; see `network.plan`.

    Parameters
    ----------
    instructions
        int32 (instructions, COLUMNS).
    settings
        float32 (instructions, SETTINGS).
    spans
        int32 (spans, 3).
    parameters, gradients
        float32, flat.
    values, deltas
        float32 (units × capacity,).
    sums
        float32: room for parts of matrix products.
    capacity
        Rows that ``values`` has room for.
    width
        Numbers in a row of data.
    """

    instructions: Any
    settings: Any
    spans: Any
    parameters: Any
    gradients: Any
    values: Any
    deltas: Any
    sums: Any
    capacity: Any
    width: Any


def forward(team, network, rows, purpose, drop_seed):
    """Run the instructions on the rows that lie in the input region of ``values``; ends with a barrier.

    Unless they are to PREDICT, an output activation that is fused with the loss is left to the loss.
    """
    values, parameters, capacity = network.values, network.parameters, network.capacity
    for index in range(network.instructions.shape[0] - 1):
        row = network.instructions[index]
        kind = row[table.OPERATION]
        if purpose != PREDICT and row[table.FUSED] != 0:
            continue
        x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
        setting = network.settings[index, table.SETTING]
        if kind in (table.DENSE, table.CONVOLUTION):
            places = rows
            if kind == table.CONVOLUTION:
                windows = row[table.SECOND] * capacity
                windows_to_rows(team, row, values, x, windows, rows)
                barrier(team)
                x, places = windows, rows * row[table.OUT_HEIGHT] * row[table.OUT_WIDTH]
            affine_forward(team, row, setting, parameters, values, x, out, places, network.sums)
        elif kind == table.ACTIVATION:
            activate(team, values, x, out, rows * row[table.UNITS], row[table.CODE], setting)
        elif kind == table.SOFTMAX:
            softmax_forward(team, row, values, capacity, rows)
        elif kind == table.MAX_POOL:
            max_pool_forward(team, row, values, x, out, rows)
        elif kind == table.AVERAGE_POOL:
            average_pool_forward(team, row, values, x, out, rows)
        elif kind == table.BATCH_NORM:
            batch_norm_forward(team, row, network.settings[index], parameters, values, capacity, rows, purpose)
        elif kind == table.LAYER_NORM:
            layer_norm_forward(team, row, network.settings[index], parameters, values, capacity, rows)
        elif kind == table.DROPOUT:
            rate = setting if purpose != PREDICT else ZERO
            drop(team, values, x, out, rows * row[table.UNITS], rate, drop_seed, index)
        elif kind == table.EMBEDDING:
            embedding_forward(team, row, parameters, values, x, out, rows)
        elif kind == table.ADD:
            add_forward(team, values, x, row[table.SECOND] * capacity, out, rows * row[table.UNITS])
        barrier(team)


def backward(team, network, rows, drop_seed):
    """Walk the instructions backward from the loss's slope; fills ``gradients``; ends with a barrier."""
    values, deltas, capacity = network.values, network.deltas, network.capacity
    parameters, gradients = network.parameters, network.gradients
    for step in range(network.instructions.shape[0] - 1):
        index = network.instructions.shape[0] - 2 - step
        row = network.instructions[index]
        kind = row[table.OPERATION]
        if row[table.FUSED] != 0 or (row[table.PASSES_BACK] == 0 and row[table.TRAINABLE] == 0):
            continue
        setting = network.settings[index, table.SETTING]
        x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
        # Where the input's slope has another part already, this part goes to a place of its own first.
        dx = x if row[table.SPARE] < 0 else row[table.SPARE] * capacity
        if kind in (table.DENSE, table.CONVOLUTION):
            places, from_x, into = rows, x, dx
            if kind == table.CONVOLUTION:
                places, from_x = rows * row[table.OUT_HEIGHT] * row[table.OUT_WIDTH], row[table.SECOND] * capacity
                into = from_x
            sums = network.sums
            affine_backward(team, row, setting, parameters, gradients, values, deltas, from_x, into, out, places, sums)
            if kind == table.CONVOLUTION and row[table.PASSES_BACK] != 0:
                barrier(team)
                rows_to_windows(team, row, deltas, from_x, dx, rows)
        elif kind == table.ACTIVATION:
            scale_by_slope(team, deltas, out, dx, values, x, out, rows * row[table.UNITS], row[table.CODE], setting)
        elif kind == table.SOFTMAX:
            softmax_backward(team, row, values, deltas, capacity, rows)
        elif kind == table.MAX_POOL:
            max_pool_backward(team, row, values, deltas, x, dx, out, rows)
        elif kind == table.AVERAGE_POOL:
            average_pool_backward(team, row, deltas, dx, out, rows)
        elif kind == table.BATCH_NORM:
            batch_norm_backward(team, row, parameters, gradients, values, deltas, capacity, dx, rows)
        elif kind == table.LAYER_NORM:
            layer_norm_backward(team, row, parameters, gradients, values, deltas, capacity, dx, rows)
        elif kind == table.DROPOUT:
            drop(team, deltas, out, dx, rows * row[table.UNITS], setting, drop_seed, index)
        elif kind == table.EMBEDDING:
            embedding_backward(team, row, gradients, values, deltas, x, out, rows)
        elif kind == table.ADD:
            add_backward(team, deltas, x, dx, row[table.SECOND] * capacity, out, rows * row[table.UNITS])
        barrier(team)
        if row[table.SPARE] >= 0:
            width = row[table.HEIGHT] * row[table.WIDTH] * row[table.CHANNELS] if kind == table.CONVOLUTION else row[table.INPUTS]
            add_forward(team, deltas, dx, x, x, rows * width)
            barrier(team)
