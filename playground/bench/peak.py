"""The most that the processor can do: multiply-adds in registers, as many at once as it has units for, on N threads.

Nothing is loaded or stored, so no matrix product can be faster; what share of this it reaches says how good it is.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from playground.bench.job import Job, Paced, clocked
from playground.kernels.compiling import kernel
from playground.kernels.simd.host import REGISTERS
from playground.kernels.simd.vectors import LANES, spread, sum_of_lanes

# Turns of a loop in one unit of work: some 10 µs.
TURNS = 4096
# x·m + b with these goes toward 1: no number overflows, none gets so small that the processor slows down.
FACTOR, TERM = np.float32(0.999), np.float32(0.001)


@kernel
def _three(turns: Any, seed: Any, factor: Any, term: Any) -> Any:
    """Three vectors, each waiting only for itself; the sum at the end makes all of them count."""
    m, t = spread(factor), spread(term)
    x0, x1, x2 = spread(seed), spread(seed + seed), spread(seed * seed)
    for _ in range(turns):
        x0 = x0 * m + t
        x1 = x1 * m + t
        x2 = x2 * m + t
    return sum_of_lanes(x0 + x1 + x2)


@kernel
def _six(turns: Any, seed: Any, factor: Any, term: Any) -> Any:
    """The same with six."""
    m, t = spread(factor), spread(term)
    x0, x1, x2 = spread(seed), spread(seed + seed), spread(seed * seed)
    x3, x4, x5 = x0 + x1, x1 + x2, x2 + x0
    for _ in range(turns):
        x0 = x0 * m + t
        x1 = x1 * m + t
        x2 = x2 * m + t
        x3 = x3 * m + t
        x4 = x4 * m + t
        x5 = x5 * m + t
    return sum_of_lanes(x0 + x1 + x2 + x3 + x4 + x5)


@kernel
def _twelve(turns: Any, seed: Any, factor: Any, term: Any) -> Any:
    """The same with twelve."""
    m, t = spread(factor), spread(term)
    x0, x1, x2 = spread(seed), spread(seed + seed), spread(seed * seed)
    x3, x4, x5 = x0 + x1, x1 + x2, x2 + x0
    x6, x7, x8 = x3 + x0, x4 + x0, x5 + x0
    x9, x10, x11 = x3 * x4, x4 * x5, x5 * x3
    for _ in range(turns):
        x0 = x0 * m + t
        x1 = x1 * m + t
        x2 = x2 * m + t
        x3 = x3 * m + t
        x4 = x4 * m + t
        x5 = x5 * m + t
        x6 = x6 * m + t
        x7 = x7 * m + t
        x8 = x8 * m + t
        x9 = x9 * m + t
        x10 = x10 * m + t
        x11 = x11 * m + t
    return sum_of_lanes(x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9 + x10 + x11)


# A vector takes LANES / width registers. Two units with a latency of four need eight in flight, and more than the
# processor has (16, or 32 with AVX-512 and NEON) would travel through memory.
LOOP, VECTORS = {"AVX-512": (_twelve, 12), "AVX2": (_six, 6), "NEON": (_six, 6)}.get(REGISTERS.name, (_three, 3))


def prepare(threads: int) -> Job:
    """The loop on so many threads at once, each with as much to do."""
    seed = np.float32(0.5)
    LOOP(1, seed, FACTOR, TERM)

    def run(times: int) -> None:
        others = [threading.Thread(target=LOOP, args=(times * TURNS, seed, FACTOR, TERM)) for _ in range(threads - 1)]
        for other in others:
            other.start()
        LOOP(times * TURNS, seed, FACTOR, TERM)
        for other in others:
            other.join()

    work = 2.0 * LANES * VECTORS * TURNS * threads
    return Job(error=lambda: 0.0, tolerance=0.0, rate=Paced(clocked(run), work).rate)
