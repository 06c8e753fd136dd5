"""The Plan: a network as a short table of instructions over flat buffers, which every backend interprets.

A backend never sees layers, only rows of numbers: which operation, where its inputs and outputs lie, which parameters.
So the compiled code is the same for every network and nothing is compiled again when a layer changes.

Values of a batch lie in one buffer, a region per layer. A region that starts at unit u holds ``rows × width`` numbers
from index ``u × capacity`` on, where capacity is the number of rows the buffer has room for; so one table serves every
batch size. Gradients of the values lie in a second buffer of the same layout. An image of height × width × channels is a
row of as many numbers, its channels side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.network import table
from playground.network.parameters import PADDING, ParameterView, padded

# Width of data that nobody has looked at yet.
UNKNOWN = 0


@dataclass(frozen=True)
class Region:
    """Where the values of one layer lie.

    Parameters
    ----------
    unit
        Where it starts, in units.
    shape
        ``(width,)``, or ``(height, width, channels)`` of an image.
    learns
        Whether a trainable parameter acts on it.
    is_data
        Whether it is the network's input.
    """

    unit: int
    shape: tuple[int, ...]
    learns: bool = False
    is_data: bool = False

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return prod(self.shape)


@dataclass(frozen=True)
class Stage:
    """A layer of the network, and where its results lie: the inputs, each layer, the outputs.

    Parameters
    ----------
    name
        ``inputs``, ``layers.0``, ``layers.1.layers.0`` (within a residual block), ``outputs``.
    kind
        The layer's type, such as ``dense``; ``inputs`` and ``outputs`` for the ends.
    region
        Where its values lie, after its activation.
    """

    name: str
    kind: str
    region: Region


@dataclass(frozen=True, eq=False)
class Plan:
    """A network, ready to be run.

    Parameters
    ----------
    instructions
        int64 (instructions, COLUMNS).
    settings
        float32 (instructions, SETTINGS); may be changed while training.
    stages
        Inputs, each layer in order (the layers of a residual block before the block itself), outputs.
    units
        Width of all regions together: the value buffer has ``units × capacity`` numbers.
    parameters
        Views into the parameter buffer.
    parameter_size
        Length of the parameter buffer, padding included.
    region_widths
        Numbers in a row of every region, by the unit where it starts.
    """

    instructions: NDArray[np.int64]
    settings: Float32
    stages: tuple[Stage, ...]
    units: int
    parameters: tuple[ParameterView, ...]
    parameter_size: int
    region_widths: dict[int, int]

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Numbers in a row of each stage."""
        return tuple(stage.region.width for stage in self.stages)

    @cached_property
    def regions(self) -> tuple[int, ...]:
        """Unit where each stage's values start; the outputs' after the output activation."""
        return tuple(stage.region.unit for stage in self.stages)

    @cached_property
    def spans(self) -> NDArray[np.int64]:
        """int64 (views, 3): offset, size, and whether weight penalties act, for the optimizer's pass."""
        rows = [(view.offset, view.size, view.decays and view.trainable) for view in self.parameters]
        return np.array(rows, np.int64).reshape(-1, 3)

    @cached_property
    def parameter_count(self) -> int:
        """How many weights, biases, scales and shifts there are, without padding and running statistics."""
        return sum(view.size for view in self.parameters if not view.is_statistic)

    @cached_property
    def largest_product(self) -> int:
        """Multiplications of the largest matrix product, per row of the batch."""
        return max((size for size, _ in self._products), default=0)

    @cached_property
    def operations(self) -> int:
        """Additions and multiplications of all matrix products of a training step, per row of the batch."""
        # Forward, for the weights' gradient, and for the slopes at the input: the same product three times at most.
        return sum(2 * size * (1 + int(row[table.TRAINABLE]) + int(row[table.PASSES_BACK])) for size, row in self._products)

    @property
    def _products(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Multiplications of each matrix product, per row of the batch, and its instruction."""
        for row in self.instructions:
            if row[table.OPERATION] == table.DENSE:
                yield int(row[table.INPUTS] * row[table.UNITS]), row
            elif row[table.OPERATION] == table.CONVOLUTION:
                yield int(row[table.OUT_HEIGHT] * row[table.OUT_WIDTH] * row[table.INPUTS] * row[table.UNITS]), row

    def view(self, buffer: NDArray[Any], name: str) -> NDArray[Any]:
        """The parameter of that name in a parameter buffer, such as weights ``(inputs, units)`` or biases ``(units,)``.

        Raises
        ------
        KeyError
            If the network has no such parameter.
        """
        for view in self.parameters:
            if view.name == name:
                return view.of(buffer)
        raise KeyError(name)


@dataclass
class Builder:
    """Collects the instructions of a network, layer by layer, and the room that they need.

    ``categories`` says how many different whole numbers each column of the data holds, where all columns do.
    """

    categories: tuple[int, ...] = ()
    rows: list[dict[int, int]] = field(default_factory=list)
    settings: list[dict[int, float]] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    views: list[ParameterView] = field(default_factory=list)
    units: int = 0
    parameter_end: int = 0
    _widths: dict[int, int] = field(default_factory=dict)

    def region(self, shape: tuple[int, ...], learns: bool = False, is_data: bool = False) -> Region:
        """Room for a row of this shape, for every row of the batch."""
        found = Region(self.units, shape, learns, is_data)
        self.units += found.width
        self._widths[found.unit] = found.width
        return found

    def scratch(self, numbers: int) -> int:
        """Unit of a region with room for so many numbers, whatever the batch; capacities are multiples of PADDING."""
        return self.region((-(-numbers // PADDING),)).unit

    def parameter(self, name: str, shape: tuple[int, ...], **fields: Any) -> int:
        """Room for a parameter; returns its index in the buffer. The fields are those of `ParameterView`."""
        view = ParameterView(name, self.parameter_end, shape, **fields)
        self.views.append(view)
        self.parameter_end += padded(view.size)
        return view.offset

    def add(self, operation: int, x: Region, out: Region, columns: dict[int, int], settings: dict[int, float]) -> None:
        """One more instruction, from one region to another."""
        row = {
            table.OPERATION: operation,
            table.INPUT: x.unit,
            table.OUTPUT: out.unit,
            table.INPUTS: x.width,
            table.UNITS: out.width,
            table.SPARE: -1,
        }
        self.rows.append(row | {table.PASSES_BACK: int(x.learns)} | columns)
        self.settings.append(settings)

    def stage(self, name: str, kind: str, region: Region) -> None:
        """A layer is complete: its results lie there."""
        self.stages.append(Stage(name, kind, region))

    def plan(self) -> Plan:
        """All of it, as the backends take it."""
        self._share_slopes()
        instructions = np.zeros((len(self.rows), table.COLUMNS), np.int64)
        for index, row in enumerate(self.rows):
            for column, value in row.items():
                instructions[index, column] = value
        settings = np.zeros((len(self.rows), table.SETTINGS), np.float32)
        for index, numbers in enumerate(self.settings):
            for column, number in numbers.items():
                settings[index, column] = number
        return Plan(instructions, settings, tuple(self.stages), self.units, tuple(self.views), self.parameter_end, self._widths)

    def _share_slopes(self) -> None:
        """Where two instructions read one region, backward adds their slopes: the second one needs room for its own."""
        reached: set[int] = set()
        for row in reversed(self.rows[:-1]):
            if row[table.INPUT] in reached and row[table.PASSES_BACK]:
                row[table.SPARE] = self.region((self._widths[row[table.INPUT]],)).unit
            reached.add(row[table.INPUT])
            if row[table.OPERATION] == table.ADD:
                reached.add(row[table.SECOND])
