"""The one instruction that makes tensor cores multiply: a warp's 32 threads together, 16 × 8 outputs, 8 deep.

Which number of which factor each thread brings and which outputs it gets is fixed by the instruction: NVIDIA, Parallel
Thread Execution ISA, "Matrix Fragments for mma.m16n8k8" (.tf32). Thread ``lane`` has group g = lane / 4 and place
t = lane mod 4 in it; it brings A at rows g and g + 8, columns t and t + 4, and B at rows t and t + 4, column g; it gets
rows g and g + 8, columns 2·t and 2·t + 1.
"""

from __future__ import annotations

from playground.kernels.cuda_primitives import load
from playground.kernels.cuda_target import SIMULATED

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
    from llvmlite import ir
    from numba.core import types
    from numba.cuda.extending import intrinsic

    _INSTRUCTION = (
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};"
    )

    @intrinsic
    def _multiply(typingctx, a, b, quad):
        """The instruction: what this thread brings of A (4) and B (2), and the sums so far (4)."""

        def emit(context, builder, signature, arguments):
            number, bits = ir.FloatType(), ir.IntType(32)
            brought = [builder.extract_value(arguments[0], i) for i in range(4)]
            brought += [builder.extract_value(arguments[1], i) for i in range(2)]
            sums = [builder.extract_value(arguments[2], i) for i in range(4)]
            kind = ir.FunctionType(ir.LiteralStructType([number] * 4), [bits] * 6 + [number] * 4)
            assembly = ir.InlineAsm(kind, _INSTRUCTION, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f")
            result = builder.call(assembly, [builder.bitcast(x, bits) for x in brought] + sums)
            return context.make_tuple(builder, signature.return_type, [builder.extract_value(result, i) for i in range(4)])

        return types.UniTuple(types.float32, 4)(a, b, quad), emit

    def plus_tensor_product(quad, shared, at_a, at_b, width, lane):
        """Four outputs plus their products over 8 steps; both factors are strips of 8 rows in shared memory."""
        group, place = lane // 4, lane % 4
        near_a, near_b = at_a + place * width + group, at_b + place * width + group
        far_a, far_b = near_a + 4 * width, near_b + 4 * width
        a = load(shared, near_a), load(shared, near_a + 8), load(shared, far_a), load(shared, far_a + 8)
        b = load(shared, near_b), load(shared, far_b)
        return _multiply(a, b, quad)  # type: ignore[call-arg]
