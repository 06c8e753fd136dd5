"""Matrix products on flat float32 buffers: what a dense layer is, forward and backward.

Three forms are all that a network needs: X·W forward, Xᵀ·D for the gradient of the weights, D·Wᵀ for the gradient of the
inputs. All matrices are row-major and lie in flat buffers from an index on. Each form takes four terms of the sum at a
time, so that a row of the result is loaded and stored a quarter as often, and its inner loop runs along rows, where LLVM
makes vector code of it.
"""

from __future__ import annotations

import numpy as np

from playground.kernels.compiling import kernel

ZERO = np.float32(0.0)


@kernel
def multiply(a, a_start, b, b_start, c, c_start, rows, inner, columns):
    """C += A·B, with A (rows, inner), B (inner, columns), C (rows, columns)."""
    for i in range(rows):
        out = c[c_start + i * columns : c_start + (i + 1) * columns]
        left = a[a_start + i * inner : a_start + (i + 1) * inner]
        k = 0
        while k + 4 <= inner:
            at = b_start + k * columns
            b0 = b[at : at + columns]
            b1 = b[at + columns : at + 2 * columns]
            b2 = b[at + 2 * columns : at + 3 * columns]
            b3 = b[at + 3 * columns : at + 4 * columns]
            a0, a1, a2, a3 = left[k], left[k + 1], left[k + 2], left[k + 3]
            for j in range(columns):
                out[j] += a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j]
            k += 4
        while k < inner:
            at = b_start + k * columns
            b0 = b[at : at + columns]
            a0 = left[k]
            for j in range(columns):
                out[j] += a0 * b0[j]
            k += 1


@kernel
def multiply_left_transposed(a, a_start, b, b_start, c, c_start, rows, inner, columns):
    """C = Aᵀ·B, with A (inner, rows), B (inner, columns), C (rows, columns): the gradient of a layer's weights."""
    for index in range(c_start, c_start + rows * columns):
        c[index] = ZERO
    k = 0
    while k + 4 <= inner:
        at = b_start + k * columns
        b0 = b[at : at + columns]
        b1 = b[at + columns : at + 2 * columns]
        b2 = b[at + 2 * columns : at + 3 * columns]
        b3 = b[at + 3 * columns : at + 4 * columns]
        left = a_start + k * rows
        for i in range(rows):
            out = c[c_start + i * columns : c_start + (i + 1) * columns]
            a0, a1, a2, a3 = a[left + i], a[left + rows + i], a[left + 2 * rows + i], a[left + 3 * rows + i]
            for j in range(columns):
                out[j] += a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j]
        k += 4
    while k < inner:
        at = b_start + k * columns
        b0 = b[at : at + columns]
        for i in range(rows):
            out = c[c_start + i * columns : c_start + (i + 1) * columns]
            a0 = a[a_start + k * rows + i]
            for j in range(columns):
                out[j] += a0 * b0[j]
        k += 1


@kernel
def multiply_right_transposed(a, a_start, b, b_start, c, c_start, rows, inner, columns):
    """C = A·Bᵀ, with A (rows, inner), B (columns, inner), C (rows, columns): the gradient of a layer's inputs."""
    for i in range(rows):
        left = a[a_start + i * inner : a_start + (i + 1) * inner]
        for j in range(columns):
            right = b[b_start + j * inner : b_start + (j + 1) * inner]
            total = ZERO
            for k in range(inner):
                total += left[k] * right[k]
            c[c_start + i * columns + j] = total
