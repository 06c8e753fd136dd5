"""The one instruction that makes tensor cores multiply: a warp's 32 threads together, 16 × 8 outputs, 8 deep.

Which number of which factor each thread brings and which outputs it gets is fixed by the instruction: NVIDIA, Parallel
Thread Execution ISA, "Matrix Fragments for mma.m16n8k8" (.tf32). Thread ``lane`` has group g = lane / 4 and place
t = lane mod 4 in it; it brings A at rows g and g + 8, columns t and t + 4, and B at rows t and t + 4, column g; it gets
rows g and g + 8, columns 2·t and 2·t + 1.
"""

from __future__ import annotations

from playground.kernels.cuda.primitives import load, multiply_fragments
from playground.kernels.cuda.target import SIMULATED

if SIMULATED:

    def plus_tensor_product(quad, shared, at_a, at_b, width, lane):
        """Four outputs plus their products over 8 steps; both factors are strips of 8 rows in shared memory."""
        group, place = lane // 4, lane % 4

        def product(row, column):
            return sum(shared[at_a + k * width + row] * shared[at_b + k * width + column] for k in range(8))

        return (
            quad[0] + product(group, 2 * place),
            quad[1] + product(group, 2 * place + 1),
            quad[2] + product(group + 8, 2 * place),
            quad[3] + product(group + 8, 2 * place + 1),
        )

else:

    def plus_tensor_product(quad, shared, at_a, at_b, width, lane):
        """Four outputs plus their products over 8 steps; both factors are strips of 8 rows in shared memory."""
        group, place = lane // 4, lane % 4
        near_a, near_b = at_a + place * width + group, at_b + place * width + group
        far_a, far_b = near_a + 4 * width, near_b + 4 * width
        a = load(shared, near_a), load(shared, near_a + 8), load(shared, far_a), load(shared, far_a + 8)
        b = load(shared, near_b), load(shared, far_b)
        return multiply_fragments(a, b, quad)
