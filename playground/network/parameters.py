"""All parameters of a network in one flat float32 buffer, with named views into it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.catalog import initializers

# Every view starts at a multiple of 16 floats (64 bytes): one AVX-512 register, one cache line.
PADDING = 16


@dataclass(frozen=True)
class ParameterView:
    """Where one parameter lies in the buffer.

    Parameters
    ----------
    name
        ``layers.0.weight``, ``layers.0.bias``, ``layers.1.layers.0.weight``, …; layers are counted with the output layer last.
    offset
        Index of its first number.
    shape
        ``(inputs, units)`` of a weight matrix, ``(units,)`` of a bias.
    fan_in, fan_out
        How many numbers one output sums up and how many outputs one input reaches; 0 where nothing is drawn.
    start
        What every number is at the start where nothing is drawn; None takes the experiment's initial bias.
    decays
        Whether L1, L2 and weight decay act on it: on weights, never on biases.
    trainable
        Whether it learns.
    is_statistic
        Whether it is a running statistic of batch normalization: saved, but never learned.
    """

    name: str
    offset: int
    shape: tuple[int, ...]
    fan_in: int = 0
    fan_out: int = 0
    start: float | None = None
    decays: bool = False
    trainable: bool = True
    is_statistic: bool = False

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def layer(self) -> str:
        """Name of the layer that it belongs to: ``layers.0``."""
        return self.name.rpartition(".")[0]

    def of(self, buffer: NDArray[Any]) -> NDArray[Any]:
        """The view itself: writing to it writes to the buffer."""
        return buffer[self.offset : self.offset + self.size].reshape(self.shape)


def padded(size: int) -> int:
    """Round a count of numbers up to the next multiple of `PADDING`."""
    return -(-size // PADDING) * PADDING


def aligned_zeros(size: int, dtype: Any = np.float32) -> NDArray[Any]:
    """Zeros whose first byte lies on a 64-byte boundary, as vector instructions like it."""
    item = np.dtype(dtype).itemsize
    raw = np.zeros(size * item + 64, np.uint8)
    # Not ``raw.ctypes.data``, which runs an import each time.
    start = -raw.__array_interface__["data"][0] % 64
    return raw[start : start + size * item].view(dtype)


def initialize(views: tuple[ParameterView, ...], size: int, initializer: str | msgspec.Struct, bias: float, seed: int) -> Float32:
    """Draw the initial parameters: the same seed gives the same numbers on every machine.

    Parameters
    ----------
    views, size
        As a `Plan` has them.
    initializer, bias, seed
        As an experiment's network has them.

    Returns
    -------
    buffer
        float32, 64-byte aligned; the padding between views is zero.
    """
    random = np.random.default_rng(seed)
    record, numbers = initializers.resolve(initializer)
    buffer = aligned_zeros(size)
    for view in views:
        if view.fan_in and record.draw is not None:
            view.of(buffer)[:] = record.draw(random, view.shape, view.fan_in, view.fan_out, numbers)
        elif not view.fan_in:
            view.of(buffer)[:] = bias if view.start is None else view.start
    return buffer
