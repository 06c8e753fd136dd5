"""Which numbers dropout drops: a hash of the run's seed, the step, the layer and the place, so that every backend drops the same.

Nothing is kept between forward and backward, threads need no common state, and a step can be repeated exactly.
"""

from __future__ import annotations

import numpy as np

_MASK = 0xFFFFFFFF


def scrambled(number):
    """A whole number 0 … 2³² − 1 as another one, each bit of which depends on every bit of the first.

    C. Wellons: Prospecting for Hash Functions, 2018 (lowbias32).
    """
    x = number & _MASK
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & _MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & _MASK
    return x ^ (x >> 16)


def drop_key(seed, step, instruction):
    """What is common to all numbers of one layer in one step."""
    return scrambled(scrambled(scrambled(seed) + step) + instruction)


def threshold(rate):
    """Hashes below this are dropped: a share ``rate`` of them."""
    return np.int64(np.float64(rate) * 4294967296.0)


def is_kept(key, place, least):
    """Whether the number at this place of the layer's values goes on."""
    return scrambled(key + place * 0x9E3779B1) >= least
