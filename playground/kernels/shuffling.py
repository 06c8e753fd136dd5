"""The random numbers that shuffle rows: one short generator, the same in every backend."""

from __future__ import annotations

import numpy as np

_SEED_STEP = np.uint64(0x9E3779B97F4A7C15)


def seeded(seed: int) -> np.ndarray:
    """State of the generator for a seed: uint64 (1,), never 0."""
    # Spreads neighboring seeds over all 64 bits (G. Steele et al., Fast Splittable Pseudorandom Number Generators, 2014).
    z = (seed + 1) * int(_SEED_STEP) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return np.array([(z ^ (z >> 31)) or 1], np.uint64)


def next_random(state):
    """Next 64 random bits (G. Marsaglia, Xorshift RNGs, 2003)."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return x


def shuffle(order, state):
    """Put the row numbers into random order, in place (Fisher and Yates)."""
    for last in range(order.size - 1, 0, -1):
        # The upper 32 bits times (last + 1), shifted down, are 0 … last without a slow division.
        other = np.int64(((next_random(state) >> np.uint64(32)) * np.uint64(last + 1)) >> np.uint64(32))
        kept = order[last]
        order[last] = order[other]
        order[other] = kept
