"""The Plan: a network as a short table of instructions over flat buffers, which every backend interprets.

A backend never sees layers, only rows of numbers: which operation, where its inputs and outputs lie, which parameters.
So the compiled code is the same for every network and nothing is compiled again when a layer changes.

Values of a batch lie in one buffer, a region per layer. A region that starts at unit u holds ``rows × width`` numbers
from index ``u × capacity`` on, where capacity is the number of rows the buffer has room for; so one table serves every
batch size. Gradients of the values lie in a second buffer of the same layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.catalog import activations
from playground.catalog.losses import LOSSES
from playground.network.layers import ActivationChoice, Dense
from playground.network.parameters import ParameterView, lay_out

# Operations.
DENSE = 0  # output = activation(input · W + b)
ACTIVATION = 1  # output = activation(input), number by number: the output layer's
SOFTMAX = 2  # output = softmax of each row
LOSS = 3  # how wrong the outputs are; always the last instruction

# Columns of the instruction table.
OPERATION = 0
INPUT = 1  # unit where the input region starts
OUTPUT = 2  # unit where the output region starts; for LOSS, where the logits lie
INPUTS = 3  # width of the input
UNITS = 4  # width of the output
WEIGHT = 5  # index of the weights in the parameter buffer
BIAS = 6  # index of the biases
CODE = 7  # code of the activation or loss
FUSED = 8  # 1: the loss's slope is taken at the logits, so the output activation's own slope is skipped
OVER_ROWS = 9  # LOSS: 1 for a mean over rows, 0 for a mean over rows and outputs
COLUMNS = 10

# Columns of the table of settings, one row an instruction.
PARAMETER = 0  # the activation's parameter
SETTINGS = 4

# Columns of the table of parameter blocks.
BLOCK_OFFSET = 0
BLOCK_SIZE = 1
BLOCK_DECAYS = 2  # 1 if L1 and L2 act on it


@dataclass(frozen=True, eq=False)
class Plan:
    """A network, ready to be run.

    Parameters
    ----------
    instructions
        int64 (instructions, COLUMNS).
    settings
        float32 (instructions, SETTINGS); may be changed while training.
    widths
        Inputs, units of each hidden layer, outputs.
    regions
        Unit where each layer's values start: inputs, hidden layers, outputs (after the output activation).
    units
        Width of all regions together: the value buffer has ``units × capacity`` numbers.
    parameters
        Views into the parameter buffer.
    parameter_size
        Length of the parameter buffer, padding included.
    """

    instructions: NDArray[np.int64]
    settings: NDArray[np.float32]
    widths: tuple[int, ...]
    regions: tuple[int, ...]
    units: int
    parameters: tuple[ParameterView, ...]
    parameter_size: int

    @cached_property
    def blocks(self) -> NDArray[np.int64]:
        """int64 (views, 3): offset, size and whether weight penalties act, for the optimizer's pass."""
        return np.array([(view.offset, view.size, view.is_weight) for view in self.parameters], np.int64)

    @cached_property
    def parameter_count(self) -> int:
        """How many weights and biases there are, without padding."""
        return sum(view.size for view in self.parameters)

    def view(self, buffer: NDArray[Any], name: str) -> NDArray[Any]:
        """The weights ``(inputs, units)`` or biases ``(units,)`` of that name in a parameter buffer.

        Raises
        ------
        KeyError
            If the network has no such parameter.
        """
        for view in self.parameters:
            if view.name == name:
                return view.of(buffer)
        raise KeyError(name)


def plan_network(
    layers: tuple[Dense, ...], output_activation: ActivationChoice, loss_name: str, inputs: int, outputs: int
) -> Plan:
    """Turn a chain of layers into instructions.

    Parameters
    ----------
    layers
        The hidden layers.
    output_activation, loss_name
        What follows the output layer's weighted sums.
    inputs, outputs
        Width of the data's inputs and of its targets.
    """
    widths = (inputs, *(layer.units for layer in layers), outputs)
    views, size = lay_out(widths)
    head, head_parameter = activations.resolve(output_activation)
    loss = LOSSES[loss_name]
    hidden = [activations.resolve(layer.activation) for layer in layers]

    rows: list[dict[int, int]] = []
    settings: list[float] = []
    regions = [0]
    unit = inputs
    # The last dense layer leaves the logits as they are: the output activation is an instruction of its own.
    for layer, (record, parameter) in enumerate([*hidden, (activations.ACTIVATIONS["identity"], 0.0)]):
        weight, bias = views[2 * layer], views[2 * layer + 1]
        rows.append(
            {
                OPERATION: DENSE,
                INPUT: regions[-1],
                OUTPUT: unit,
                INPUTS: widths[layer],
                UNITS: widths[layer + 1],
                WEIGHT: weight.offset,
                BIAS: bias.offset,
                CODE: record.code,
            }
        )
        settings.append(parameter)
        regions.append(unit)
        unit += widths[layer + 1]

    fused = int(loss.fused_with == head.name)
    logits = regions[-1]
    if head.name != "identity":
        operation = SOFTMAX if head.name == "softmax" else ACTIVATION
        rows.append(
            {
                OPERATION: operation,
                INPUT: logits,
                OUTPUT: unit,
                INPUTS: outputs,
                UNITS: outputs,
                CODE: head.code,
                FUSED: fused,
            }
        )
        settings.append(head_parameter)
        regions[-1] = unit
        unit += outputs
    rows.append(
        {
            OPERATION: LOSS,
            INPUT: regions[-1],
            OUTPUT: logits,
            INPUTS: outputs,
            UNITS: outputs,
            CODE: loss.code,
            FUSED: fused,
            OVER_ROWS: int(loss.mean_over == "rows"),
        }
    )
    settings.append(0.0)

    instructions = np.zeros((len(rows), COLUMNS), np.int64)
    for index, row in enumerate(rows):
        for column, value in row.items():
            instructions[index, column] = value
    table = np.zeros((len(rows), SETTINGS), np.float32)
    table[:, PARAMETER] = settings
    return Plan(instructions, table, widths, tuple(regions), unit, views, size)
