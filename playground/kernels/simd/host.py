"""What the processor offers: how many float32 numbers a vector register holds, and how large a tile its registers hold.

The inner loop of a matrix product keeps a tile of the result in registers: ``tile_rows`` × ``tile_vectors`` of them, which
must leave room for one row of the right matrix and one broadcast number of the left one.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class Registers:
    """A kind of vector register.

    Parameters
    ----------
    name
        The instruction set, such as ``AVX2``.
    width
        float32 numbers in one register.
    tile_rows, tile_vectors
        Rows of a tile, and registers side by side in each of them.
    fused
        Whether a·b + c is one instruction.
    """

    name: str
    width: int
    tile_rows: int
    tile_vectors: int
    fused: bool


# 32 registers of 16 numbers: 28 for the tile. 16 of 8: 12 for the tile. 32 of 4: 24. 16 of 4: 12.
AVX512 = Registers("AVX-512", 16, 14, 2, True)
AVX2 = Registers("AVX2", 8, 6, 2, True)
NEON = Registers("NEON", 4, 8, 3, True)
SSE = Registers("SSE", 4, 6, 2, False)
# Any other processor: LLVM makes what it can of four numbers at a time.
PLAIN = Registers("plain", 4, 4, 2, False)

# Tests run the kernels of other processors here: LLVM splits wide vectors into what there is.
OVERRIDE = "PLAYGROUND_VECTOR_WIDTH"
_BY_WIDTH = {"16": AVX512, "8": AVX2, "4": SSE}


def target() -> tuple[str, str, str]:
    """What Numba compiles for: the system, the processor's name, and its features as ``+avx2,-avx512f,…``."""
    from numba.core.registry import cpu_target

    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    return str(triple), str(name), str(features)


def registers() -> Registers:
    """The widest registers that Numba may use here; NUMBA_CPU_NAME and NUMBA_CPU_FEATURES, set together, restrict them."""
    if os.environ.get(OVERRIDE) in _BY_WIDTH:
        return _BY_WIDTH[os.environ[OVERRIDE]]
    machine = platform.machine().lower()
    if machine in ("aarch64", "arm64"):
        return NEON
    if machine not in ("x86_64", "amd64"):
        return PLAIN
    features = set(target()[2].split(","))
    if "+avx512f" in features:
        return AVX512
    if {"+avx2", "+fma"} <= features:
        return AVX2
    return SSE


IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
IS_ARM = platform.machine().lower() in ("aarch64", "arm64")
REGISTERS = registers()
WIDTH = REGISTERS.width
TILE_ROWS = REGISTERS.tile_rows
TILE_COLUMNS = REGISTERS.width * REGISTERS.tile_vectors
