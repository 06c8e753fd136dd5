"""All parameters of a network in one flat float32 buffer, with named views into it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from playground.catalog import initializers

# Every view starts at a multiple of 16 floats (64 bytes): one AVX-512 register, one cache line.
PADDING = 16


@dataclass(frozen=True)
class ParameterView:
    """Where one weight matrix or bias lies in the buffer.

    Parameters
    ----------
    name
        ``layers.0.weight`` or ``layers.0.bias``; layers are counted with the output layer last.
    offset
        Index of its first number.
    shape
        ``(inputs, units)`` of a weight matrix, ``(units,)`` of a bias.
    """

    name: str
    offset: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return int(np.prod(self.shape))

    @property
    def is_weight(self) -> bool:
        """Whether L1 and L2 act on it: on weights, never on biases."""
        return len(self.shape) > 1

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
    start = -raw.ctypes.data % 64
    return raw[start : start + size * item].view(dtype)


def lay_out(widths: tuple[int, ...]) -> tuple[tuple[ParameterView, ...], int]:
    """Place the weights and biases of a chain of dense layers one after the other.

    Parameters
    ----------
    widths
        Inputs, units of each hidden layer, outputs.

    Returns
    -------
    views, size
        The views in order, and the length of the whole buffer.
    """
    views = []
    end = 0
    for layer, (inputs, units) in enumerate(pairwise(widths)):
        for kind, shape in (("weight", (inputs, units)), ("bias", (units,))):
            view = ParameterView(f"layers.{layer}.{kind}", end, shape)
            views.append(view)
            end += padded(view.size)
    return tuple(views), end


def initialize(
    views: tuple[ParameterView, ...], size: int, initializer: str | msgspec.Struct, bias: float, seed: int
) -> NDArray[np.float32]:
    """Draw the initial parameters: the same seed gives the same numbers on every machine.

    Parameters
    ----------
    views, size
        As `lay_out` gives them.
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
        if view.is_weight:
            view.of(buffer)[:] = record.draw(random, *view.shape, numbers)
        else:
            view.of(buffer)[:] = bias
    return buffer
