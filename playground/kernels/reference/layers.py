"""What each instruction of a Plan does, forward and backward side by side, with plain NumPy in float64."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from playground.arrays import Array
from playground.catalog.activations import ACTIVATIONS
from playground.kernels.dropping import is_kept, threshold
from playground.network import table
from playground.network.parameters import padded
from playground.network.plan import Plan

_ACTIVATION_BY_CODE = {record.code: record for record in ACTIVATIONS.values()}


@dataclass
class Batch:
    """Values and slopes of one batch, each region under the unit where it starts: float64 (rows, width).

    Parameters
    ----------
    inputs
        float64 (rows, inputs).
    training
        Whether dropout drops and batch normalization looks at the batch.
    updates_statistics
        Whether batch normalization moves its running statistics on.
    drop_keys
        One for each instruction; see `dropping`.
    """

    inputs: Array
    training: bool
    updates_statistics: bool = False
    drop_keys: list[int] = field(default_factory=list)
    values: dict[int, Array] = field(default_factory=dict)
    deltas: dict[int, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values[0] = self.inputs


def forward(plan: Plan, parameters: Array, batch: Batch) -> None:
    """Run the instructions."""
    # A run that blows up is reported by its loss; NumPy's own warnings would only repeat it.
    with np.errstate(all="ignore"):
        for index, (row, settings) in enumerate(zip(plan.instructions[:-1], plan.settings, strict=False)):
            x = batch.values[int(row[table.INPUT])]
            kind = int(row[table.OPERATION])
            out = int(row[table.OUTPUT])
            if kind == table.DENSE:
                batch.values[out] = _activate(row, settings, _affine(row, parameters, x))
            elif kind in (table.ACTIVATION, table.SOFTMAX):
                batch.values[out] = _activate(row, settings, x)
            elif kind == table.CONVOLUTION:
                rows = batch.values[int(row[table.SECOND])] = _windows_as_rows(row, x)
                batch.values[out] = _activate(row, settings, _affine(row, parameters, rows)).reshape(len(x), -1)
            elif kind in (table.MAX_POOL, table.AVERAGE_POOL):
                batch.values[out] = _pool(row, x)
            elif kind == table.BATCH_NORM:
                batch.values[out] = _batch_norm(row, settings, parameters, x, batch)
            elif kind == table.LAYER_NORM:
                batch.values[out] = _layer_norm(row, settings, parameters, x)
            elif kind == table.DROPOUT:
                batch.values[out] = x * _kept(index, settings, x, batch)
            elif kind == table.EMBEDDING:
                looked_up = _weights(row, parameters)[_numbers(row, x)]
                whole = batch.values.setdefault(out, np.zeros((len(x), int(row[table.ROW_WIDTH]))))
                whole[:, row[table.FIRST] : row[table.FIRST] + row[table.UNITS]] = looked_up
            elif kind == table.ADD:
                batch.values[out] = x + batch.values[int(row[table.SECOND])]


def backward(plan: Plan, parameters: Array, gradients: Array, batch: Batch) -> None:
    """Walk the instructions backward: the chain rule, one instruction at a time."""
    with np.errstate(all="ignore"):
        for index in range(len(plan.instructions) - 2, -1, -1):
            row, settings = plan.instructions[index], plan.settings[index]
            if row[table.FUSED] or not (row[table.PASSES_BACK] or row[table.TRAINABLE]):
                continue
            x = batch.values[int(row[table.INPUT])]
            slope = _backward_one(index, row, settings, parameters, gradients, batch, x)
            if row[table.PASSES_BACK]:
                _add_slope(batch, int(row[table.INPUT]), slope)


def _add_slope(batch: Batch, unit: int, slope: Array) -> None:
    """Where two instructions read one region, their slopes add up."""
    batch.deltas[unit] = batch.deltas[unit] + slope if unit in batch.deltas else slope


def _backward_one(index: int, row: Array, settings: Array, parameters: Array, gradients: Array, batch: Batch, x: Array) -> Array:
    """Fill the gradients of one instruction's parameters; returns the slope at its input (rows, inputs)."""
    kind, delta, a = int(row[table.OPERATION]), batch.deltas[int(row[table.OUTPUT])], batch.values[int(row[table.OUTPUT])]
    if kind == table.ACTIVATION:
        return delta * _slope(row, settings, x, a)
    if kind == table.SOFTMAX:
        # Softmax mixes the row: dz = a · (da − Σ da·a).
        return a * (delta - (delta * a).sum(axis=1, keepdims=True))
    if kind == table.DENSE:
        return _affine_backward(row, parameters, gradients, x, delta * _slope(row, settings, a, a))
    if kind == table.CONVOLUTION:
        dz = (delta * _slope(row, settings, a, a)).reshape(-1, int(row[table.UNITS]))
        rows = _affine_backward(row, parameters, gradients, batch.values[int(row[table.SECOND])], dz)
        return _rows_to_windows(row, rows, len(x))
    if kind in (table.MAX_POOL, table.AVERAGE_POOL):
        return _pool_backward(row, x, delta)
    if kind == table.BATCH_NORM:
        return _batch_norm_backward(row, settings, parameters, gradients, x, delta, batch)
    if kind == table.LAYER_NORM:
        return _layer_norm_backward(row, settings, parameters, gradients, x, delta)
    if kind == table.DROPOUT:
        return delta * _kept(index, settings, x, batch)
    if kind == table.EMBEDDING:
        own = _weights(row, gradients)
        own[:] = 0
        np.add.at(own, _numbers(row, x), delta[:, row[table.FIRST] : row[table.FIRST] + row[table.UNITS]])
        return np.zeros_like(x)
    assert kind == table.ADD
    # The slope goes both ways.
    _add_slope(batch, int(row[table.SECOND]), delta)
    return delta


# Affine maps and activations.


def _weights(row: Array, buffer: Array) -> Array:
    """View (inputs, units) of an instruction's weights, or table, or of their gradients."""
    rows = int(row[table.TABLE_ROWS] or row[table.INPUTS])
    start, units = int(row[table.WEIGHT]), int(row[table.UNITS])
    return buffer[start : start + rows * units].reshape(rows, units)


def _vectors(row: Array, buffer: Array, size: int) -> tuple[Array, Array]:
    """Views (size,) of scales and shifts of a normalization, or of their gradients."""
    weight, bias = int(row[table.WEIGHT]), int(row[table.BIAS])
    return buffer[weight : weight + size], buffer[bias : bias + size]


def _affine(row: Array, parameters: Array, x: Array) -> Array:
    bias = int(row[table.BIAS])
    return x @ _weights(row, parameters) + parameters[bias : bias + int(row[table.UNITS])]


def _affine_backward(row: Array, parameters: Array, gradients: Array, x: Array, dz: Array) -> Array:
    if row[table.TRAINABLE]:
        bias = int(row[table.BIAS])
        _weights(row, gradients)[:] = x.T @ dz
        gradients[bias : bias + int(row[table.UNITS])] = dz.sum(axis=0)
    return dz @ _weights(row, parameters).T


def _activate(row: Array, settings: Array, z: Array) -> Array:
    return _ACTIVATION_BY_CODE[int(row[table.CODE])].array(z, float(settings[table.SETTING]))


def _slope(row: Array, settings: Array, z: Array, a: Array) -> Array:
    """Slope of an instruction's activation."""
    slope = _ACTIVATION_BY_CODE[int(row[table.CODE])].array_slope
    assert slope is not None
    return slope(z, a, float(settings[table.SETTING]))


# Windows over images: convolution and pooling.


def _windows(row: Array, x: Array, fill: float) -> Array:
    """Every window of the images (rows, out height, out width, kernel height, kernel width, channels), padded with ``fill``."""
    height, width, channels = (int(row[column]) for column in (table.HEIGHT, table.WIDTH, table.CHANNELS))
    window = int(row[table.KERNEL_HEIGHT]), int(row[table.KERNEL_WIDTH])
    strides = int(row[table.STRIDE_HEIGHT]), int(row[table.STRIDE_WIDTH])
    places = int(row[table.OUT_HEIGHT]), int(row[table.OUT_WIDTH])
    before = int(row[table.TOP]), int(row[table.LEFT])
    need = [(places[i] - 1) * strides[i] + window[i] for i in (0, 1)]
    after = [max(0, need[i] - (height, width)[i] - before[i]) for i in (0, 1)]
    images = np.pad(
        x.reshape(-1, height, width, channels),
        ((0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0)),
        constant_values=fill,
    )
    found = sliding_window_view(images, window, axis=(1, 2))[:, :: strides[0], :: strides[1]]
    return found[:, : places[0], : places[1]].transpose(0, 1, 2, 4, 5, 3)


def _windows_as_rows(row: Array, x: Array) -> Array:
    """im2col: (rows · places, kernel height · kernel width · channels)."""
    return _windows(row, x, 0.0).reshape(-1, int(row[table.INPUTS]))


def _rows_to_windows(row: Array, columns: Array, count: int) -> Array:
    """col2im: each number of a window goes back to its pixel, where those of all windows add up."""
    height, width, channels = (int(row[column]) for column in (table.HEIGHT, table.WIDTH, table.CHANNELS))
    places = int(row[table.OUT_HEIGHT]), int(row[table.OUT_WIDTH])
    parts = columns.reshape(count, *places, int(row[table.KERNEL_HEIGHT]), int(row[table.KERNEL_WIDTH]), channels)
    result = np.zeros((count, height, width, channels))
    for i in range(places[0]):
        for j in range(places[1]):
            for y in range(parts.shape[3]):
                for x in range(parts.shape[4]):
                    at_y = i * int(row[table.STRIDE_HEIGHT]) + y - int(row[table.TOP])
                    at_x = j * int(row[table.STRIDE_WIDTH]) + x - int(row[table.LEFT])
                    if 0 <= at_y < height and 0 <= at_x < width:
                        result[:, at_y, at_x] += parts[:, i, j, y, x]
    return result.reshape(count, -1)


def _shares(row: Array, count: int) -> Array:
    """1 for each pixel of a window that lies in the image (with COUNTS_PADDING: for each pixel), by how many there are."""
    pixels = np.ones((1, int(row[table.HEIGHT] * row[table.WIDTH] * row[table.CHANNELS])))
    inside = _windows(row, pixels, 1.0 if row[table.COUNTS_PADDING] else 0.0)
    return np.broadcast_to(inside / inside.sum(axis=(3, 4), keepdims=True), (count, *inside.shape[1:]))


def _pool(row: Array, x: Array) -> Array:
    if row[table.OPERATION] == table.MAX_POOL:
        return _windows(row, x, -np.inf).max(axis=(3, 4)).reshape(len(x), -1)
    return (_windows(row, x, 0.0) * _shares(row, len(x))).sum(axis=(3, 4)).reshape(len(x), -1)


def _pool_backward(row: Array, x: Array, delta: Array) -> Array:
    delta = delta.reshape(len(x), int(row[table.OUT_HEIGHT]), int(row[table.OUT_WIDTH]), 1, 1, int(row[table.CHANNELS]))
    if row[table.OPERATION] == table.AVERAGE_POOL:
        parts = delta * _shares(row, len(x))
    else:
        windows = _windows(row, x, -np.inf)
        flat = windows.reshape(*windows.shape[:3], -1, windows.shape[5])
        # The first of equal ones gets it all, as in torch.
        first = np.arange(flat.shape[3])[None, None, None, :, None] == flat.argmax(axis=3)[:, :, :, None, :]
        parts = delta * first.reshape(windows.shape)
    return _rows_to_windows(row, parts, len(x))


# Normalization and dropout.


def _statistics(row: Array, x: Array, parameters: Array, batch: Batch) -> tuple[Array, Array]:
    """Mean and variance (features,) that a batch normalization uses: the batch's own while it learns, else the running ones."""
    features, start = int(row[table.UNITS]), int(row[table.STATISTICS])
    if batch.training and row[table.TRAINABLE]:
        return x.mean(axis=0), x.var(axis=0)
    variance = start + padded(features)
    return parameters[start : start + features], parameters[variance : variance + features]


def _batch_norm(row: Array, settings: Array, parameters: Array, x: Array, batch: Batch) -> Array:
    features = int(row[table.UNITS])
    flat = x.reshape(-1, features)
    mean, variance = _statistics(row, flat, parameters, batch)
    scale, shift = _vectors(row, parameters, features)
    # A single value has no variance to remember.
    if batch.updates_statistics and row[table.TRAINABLE] and len(flat) > 1:
        start, momentum = int(row[table.STATISTICS]), float(settings[table.MOMENTUM])
        # Running variances are unbiased, as in torch.
        unbiased = variance * len(flat) / (len(flat) - 1)
        for offset, new in ((start, mean), (start + padded(features), unbiased)):
            parameters[offset : offset + features] *= 1 - momentum
            parameters[offset : offset + features] += momentum * new
    return (scale * (flat - mean) / np.sqrt(variance + settings[table.EPSILON]) + shift).reshape(x.shape)


def _batch_norm_backward(
    row: Array, settings: Array, parameters: Array, gradients: Array, x: Array, delta: Array, batch: Batch
) -> Array:
    features = int(row[table.UNITS])
    flat, d = x.reshape(-1, features), delta.reshape(-1, features)
    mean, variance = _statistics(row, flat, parameters, batch)
    scale, _ = _vectors(row, parameters, features)
    inverse = 1 / np.sqrt(variance + settings[table.EPSILON])
    normal = (flat - mean) * inverse
    if not row[table.TRAINABLE]:
        return (d * scale * inverse).reshape(x.shape)
    d_scale, d_shift = _vectors(row, gradients, features)
    d_scale[:], d_shift[:] = (d * normal).sum(axis=0), d.sum(axis=0)
    return (scale * inverse * (d - d.mean(axis=0) - normal * (d * normal).mean(axis=0))).reshape(x.shape)


def _layer_norm(row: Array, settings: Array, parameters: Array, x: Array) -> Array:
    scale, shift = _vectors(row, parameters, x.shape[1])
    return scale * _normal(settings, x)[0] + shift


def _normal(settings: Array, x: Array) -> tuple[Array, Array]:
    """Rows with mean 0 and variance 1, and what they were multiplied with."""
    inverse = 1 / np.sqrt(x.var(axis=1, keepdims=True) + settings[table.EPSILON])
    return (x - x.mean(axis=1, keepdims=True)) * inverse, inverse


def _layer_norm_backward(row: Array, settings: Array, parameters: Array, gradients: Array, x: Array, delta: Array) -> Array:
    scale, _ = _vectors(row, parameters, x.shape[1])
    normal, inverse = _normal(settings, x)
    if row[table.TRAINABLE]:
        d_scale, d_shift = _vectors(row, gradients, x.shape[1])
        d_scale[:], d_shift[:] = (delta * normal).sum(axis=0), delta.sum(axis=0)
    d = delta * scale
    return inverse * (d - d.mean(axis=1, keepdims=True) - normal * (d * normal).mean(axis=1, keepdims=True))


def _kept(index: int, settings: Array, x: Array, batch: Batch) -> Array | float:
    """What dropout multiplies with: 0, or 1 / (1 − rate), so that the mean stays; 1 when predicting."""
    rate = float(settings[table.SETTING])
    if not batch.training or not rate:
        return 1.0
    places = np.arange(x.size, dtype=np.int64)
    return np.where(is_kept(batch.drop_keys[index], places, threshold(rate)), 1 / (1 - rate), 0.0).reshape(x.shape)


def _numbers(row: Array, x: Array) -> Array:
    """The whole numbers (rows,) in an embedding's column, kept within its table."""
    return np.clip(x[:, int(row[table.COLUMN])].astype(np.int64), 0, int(row[table.TABLE_ROWS]) - 1)
