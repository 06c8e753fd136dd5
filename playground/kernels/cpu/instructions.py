"""Running a Plan's instructions, forward and backward: what each of them does is in ``layers.py`` and ``windows.py``."""

from __future__ import annotations

from playground.catalog.elementary import ZERO
from playground.kernels.compiling import kernel
from playground.kernels.cpu.layers import (
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
from playground.kernels.cpu.packed import at
from playground.kernels.cpu.stepping import copy_numbers
from playground.kernels.cpu.windows import (
    average_pool_backward,
    average_pool_forward,
    max_pool_backward,
    max_pool_forward,
    rows_to_windows,
    windows_to_rows,
)
from playground.kernels.purposes import PREDICT
from playground.kernels.simd.memory import address
from playground.network import table


@kernel
def forward(members, instructions, settings, parameters, values, capacity, rows, purpose, drop_seed):
    """Run the instructions on the rows that lie in the input region of ``values``.

    Unless they are to PREDICT, an output activation that is fused with the loss is left to the loss.
    """
    for index in range(instructions.shape[0] - 1):
        row = instructions[index]
        kind = row[table.OPERATION]
        if purpose != PREDICT and row[table.FUSED] != 0:
            continue
        x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
        setting = settings[index, table.SETTING]
        if kind == table.DENSE:
            affine_forward(members, row, setting, parameters, values, x, out, rows)
        elif kind == table.ACTIVATION:
            copy_numbers(at(address(values), x), at(address(values), out), rows * row[table.UNITS])
            activate(values, out, rows * row[table.UNITS], row[table.CODE], setting)
        elif kind == table.SOFTMAX:
            softmax_forward(row, values, capacity, rows)
        elif kind == table.CONVOLUTION:
            windows = row[table.SECOND] * capacity
            windows_to_rows(row, values, x, windows, rows)
            places = rows * row[table.OUT_HEIGHT] * row[table.OUT_WIDTH]
            affine_forward(members, row, setting, parameters, values, windows, out, places)
        elif kind == table.MAX_POOL:
            max_pool_forward(row, values, x, out, rows)
        elif kind == table.AVERAGE_POOL:
            average_pool_forward(row, values, x, out, rows)
        elif kind == table.BATCH_NORM:
            batch_norm_forward(row, settings[index], parameters, values, capacity, rows, purpose)
        elif kind == table.LAYER_NORM:
            layer_norm_forward(row, settings[index], parameters, values, capacity, rows)
        elif kind == table.DROPOUT:
            rate = setting if purpose != PREDICT else ZERO
            drop(values, x, out, rows * row[table.UNITS], rate, drop_seed, index)
        elif kind == table.EMBEDDING:
            embedding_forward(row, parameters, values, x, out, rows)
        elif kind == table.ADD:
            add_forward(values, x, row[table.SECOND] * capacity, out, rows * row[table.UNITS])


@kernel
def backward(members, instructions, settings, parameters, gradients, values, deltas, capacity, rows, drop_seed):
    """Walk the instructions backward from the loss's slope; fills ``gradients``."""
    for index in range(instructions.shape[0] - 2, -1, -1):
        row = instructions[index]
        kind = row[table.OPERATION]
        if row[table.FUSED] != 0 or (row[table.PASSES_BACK] == 0 and row[table.TRAINABLE] == 0):
            continue
        setting = settings[index, table.SETTING]
        x, out = row[table.INPUT] * capacity, row[table.OUTPUT] * capacity
        # Where the input's slope has another part already, this part goes to a place of its own first.
        dx = x if row[table.SPARE] < 0 else row[table.SPARE] * capacity
        if kind == table.DENSE:
            affine_backward(members, row, setting, parameters, gradients, values, deltas, x, dx, out, rows)
        elif kind == table.ACTIVATION:
            count = rows * row[table.UNITS]
            copy_numbers(at(address(deltas), out), at(address(deltas), dx), count)
            scale_by_slope(deltas, dx, values, x, out, count, row[table.CODE], setting)
        elif kind == table.SOFTMAX:
            softmax_backward(row, values, deltas, capacity, rows)
        elif kind == table.CONVOLUTION:
            windows, places = row[table.SECOND] * capacity, rows * row[table.OUT_HEIGHT] * row[table.OUT_WIDTH]
            affine_backward(members, row, setting, parameters, gradients, values, deltas, windows, windows, out, places)
            if row[table.PASSES_BACK] != 0:
                rows_to_windows(row, deltas, windows, dx, rows)
        elif kind == table.MAX_POOL:
            max_pool_backward(row, values, deltas, x, dx, out, rows)
        elif kind == table.AVERAGE_POOL:
            average_pool_backward(row, deltas, dx, out, rows)
        elif kind == table.BATCH_NORM:
            batch_norm_backward(row, parameters, gradients, values, deltas, capacity, dx, rows)
        elif kind == table.LAYER_NORM:
            layer_norm_backward(row, parameters, gradients, values, deltas, capacity, dx, rows)
        elif kind == table.DROPOUT:
            drop(deltas, out, dx, rows * row[table.UNITS], setting, drop_seed, index)
        elif kind == table.EMBEDDING:
            embedding_backward(row, gradients, values, deltas, x, out, rows)
        elif kind == table.ADD:
            add_backward(deltas, x, dx, row[table.SECOND] * capacity, out, rows * row[table.UNITS])
        if row[table.SPARE] >= 0:
            width = row[table.HEIGHT] * row[table.WIDTH] * row[table.CHANNELS] if kind == table.CONVOLUTION else row[table.INPUTS]
            add_forward(deltas, dx, x, x, rows * width)
