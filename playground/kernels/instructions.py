"""Forward and backward of each instruction of a Plan, side by side, on flat float32 buffers.

``values`` holds what every layer answers for a batch, ``deltas`` the slope of the loss at the same places. The region that
starts at unit u begins at index u × capacity; see `network.plan`.
"""

from __future__ import annotations

from playground.catalog.activations import IDENTITY, activate, activation_slope
from playground.catalog.elementary import ZERO, exp, maximum
from playground.kernels.compiling import kernel
from playground.kernels.packed import AB, ABT, ATB, at
from playground.kernels.simd.memory import address
from playground.kernels.team import multiply
from playground.network.plan import (
    ACTIVATION,
    BIAS,
    CODE,
    DENSE,
    FUSED,
    INPUT,
    INPUTS,
    OPERATION,
    OUTPUT,
    PARAMETER,
    SOFTMAX,
    UNITS,
    WEIGHT,
)


@kernel
def activate_all(values, source, target, count, code, parameter):
    """target = activation(source), number by number, on ``count`` numbers from two indices of one buffer."""
    z = values[source : source + count]
    a = values[target : target + count]
    for i in range(count):
        a[i] = activate(code, z[i], parameter)


@kernel
def scale_by_slope(values, source, target, deltas, into, count, code, parameter, out_of):
    """deltas[into] = deltas[out_of] · slope of the activation: the chain rule through an activation."""
    z = values[source : source + count]
    a = values[target : target + count]
    d = deltas[out_of : out_of + count]
    result = deltas[into : into + count]
    for i in range(count):
        result[i] = d[i] * activation_slope(code, z[i], a[i], parameter)


@kernel
def dense_forward(members, row, parameter, parameters, values, capacity, rows):
    """a (rows, units) = activation(x (rows, inputs) · W (inputs, units) + b (units,))."""
    inputs, units = row[INPUTS], row[UNITS]
    out = row[OUTPUT] * capacity
    x, w, z = at(address(values), row[INPUT] * capacity), at(address(parameters), row[WEIGHT]), at(address(values), out)
    multiply(members, AB, x, inputs, w, units, z, units, rows, units, inputs, 0)
    bias = parameters[row[BIAS] : row[BIAS] + units]
    for i in range(rows):
        sums = values[out + i * units : out + (i + 1) * units]
        for j in range(units):
            sums[j] += bias[j]
    if row[CODE] != IDENTITY:
        activate_all(values, out, out, rows * units, row[CODE], parameter)


@kernel
def dense_backward(members, row, parameter, parameters, gradients, values, deltas, capacity, rows):
    """dW (inputs, units) = xᵀ·dz, db (units,) = Σ rows of dz, dx (rows, inputs) = dz·Wᵀ, with dz = da · slope."""
    inputs, units = row[INPUTS], row[UNITS]
    start, out = row[INPUT] * capacity, row[OUTPUT] * capacity
    if row[CODE] != IDENTITY:
        scale_by_slope(values, out, out, deltas, out, rows * units, row[CODE], parameter, out)
    x, dz, dw = at(address(values), start), at(address(deltas), out), at(address(gradients), row[WEIGHT])
    multiply(members, ATB, x, inputs, dz, units, dw, units, inputs, units, rows, 0)
    bias = gradients[row[BIAS] : row[BIAS] + units]
    bias[:] = ZERO
    for i in range(rows):
        delta = deltas[out + i * units : out + (i + 1) * units]
        for j in range(units):
            bias[j] += delta[j]
    # The first layer's inputs are data: nobody asks for their gradient.
    if row[INPUT] != 0:
        w, dx = at(address(parameters), row[WEIGHT]), at(address(deltas), start)
        multiply(members, ABT, dz, units, w, units, dx, inputs, rows, inputs, units, 0)


@kernel
def softmax_forward(row, values, capacity, rows):
    """Each row of ``units`` logits becomes probabilities; its largest logit is taken out first."""
    units = row[UNITS]
    start, out = row[INPUT] * capacity, row[OUTPUT] * capacity
    for i in range(rows):
        z = values[start + i * units : start + (i + 1) * units]
        a = values[out + i * units : out + (i + 1) * units]
        largest = z[0]
        for j in range(1, units):
            largest = maximum(largest, z[j])
        total = ZERO
        for j in range(units):
            a[j] = exp(z[j] - largest)
            total += a[j]
        for j in range(units):
            a[j] /= total


@kernel
def softmax_backward(row, values, deltas, capacity, rows):
    """dz = a · (da − Σ da·a): softmax mixes the whole row."""
    units = row[UNITS]
    start, out = row[INPUT] * capacity, row[OUTPUT] * capacity
    for i in range(rows):
        a = values[out + i * units : out + (i + 1) * units]
        da = deltas[out + i * units : out + (i + 1) * units]
        dz = deltas[start + i * units : start + (i + 1) * units]
        mixed = ZERO
        for j in range(units):
            mixed += da[j] * a[j]
        for j in range(units):
            dz[j] = a[j] * (da[j] - mixed)


@kernel
def forward(members, instructions, settings, parameters, values, capacity, rows, training):
    """Run the instructions on the rows that lie in the input region of ``values``.

    While ``training``, an output activation that is fused with the loss is left to the loss.
    """
    for index in range(instructions.shape[0] - 1):
        row = instructions[index]
        if training and row[FUSED] != 0:
            continue
        if row[OPERATION] == DENSE:
            dense_forward(members, row, settings[index, PARAMETER], parameters, values, capacity, rows)
        elif row[OPERATION] == ACTIVATION:
            count = rows * row[UNITS]
            parameter = settings[index, PARAMETER]
            activate_all(values, row[INPUT] * capacity, row[OUTPUT] * capacity, count, row[CODE], parameter)
        elif row[OPERATION] == SOFTMAX:
            softmax_forward(row, values, capacity, rows)


@kernel
def backward(members, instructions, settings, parameters, gradients, values, deltas, capacity, rows):
    """Walk the instructions backward from the loss's slope; fills ``gradients``."""
    for index in range(instructions.shape[0] - 2, -1, -1):
        row = instructions[index]
        parameter = settings[index, PARAMETER]
        if row[OPERATION] == DENSE:
            dense_backward(members, row, parameter, parameters, gradients, values, deltas, capacity, rows)
        elif row[FUSED] == 0 and row[OPERATION] == ACTIVATION:
            z, a = row[INPUT] * capacity, row[OUTPUT] * capacity
            scale_by_slope(values, z, a, deltas, z, rows * row[UNITS], row[CODE], parameter, a)
        elif row[FUSED] == 0 and row[OPERATION] == SOFTMAX:
            softmax_backward(row, values, deltas, capacity, rows)
