"""Products to try on every rung of the ladder: shapes, numbers, and what a rung makes of them."""

import numpy as np
import pytest
from check_matmul import CONTIGUOUS, FORMS, Room

from playground.kernels.cpu import matmul
from playground.kernels.cpu.matmul import LADDER
from playground.kernels.cpu.packed import ABT, ATB, INNER_BLOCK, ROW_BLOCK
from playground.kernels.simd.host import TILE_COLUMNS, TILE_ROWS, WIDTH

LAST = list(LADDER)[-2:]
# Beside one small shape, one in which the packed rungs copy A and B in each form.
SPECIAL_SHAPES = [(3, 4, 5), (2 * TILE_ROWS + 1, TILE_COLUMNS + 3, WIDTH + 1), (ROW_BLOCK + 1, 260, INNER_BLOCK + 3)]

every_form = pytest.mark.parametrize("form", list(FORMS.values()), ids=list(FORMS))
every_rung = pytest.mark.parametrize("multiply", list(LADDER.values()), ids=list(LADDER))
every_rung_and_special_shape = pytest.mark.parametrize(
    ("multiply", "shape"),
    [
        pytest.param(multiply, shape, id=f"{name}-{shape}")
        for name, multiply in LADDER.items()
        for shape in (SPECIAL_SHAPES[:2] if multiply is matmul.neuron_by_neuron else SPECIAL_SHAPES)
    ],
)


def normal(random, *shape):
    return random.normal(size=shape).astype(np.float32)


def whole(random, *shape):
    """Small whole numbers, whose sums float32 holds exactly in any order."""
    return random.integers(-3, 4, shape).astype(np.float32)


def arranged(left, right, form):
    """A and B of a form, for left (rows, inner) and right (inner, columns)."""
    a = np.ascontiguousarray(left.T) if form == ATB else left
    b = np.ascontiguousarray(right.T) if form == ABT else right
    return a, b


def product_of(multiply, left, right, form, old=None):
    """The product as a rung computes it, into garbage or on top of ``old``."""
    out = Room((left.shape[0], right.shape[1]), CONTIGUOUS, old)
    # The rung in plain Python warns of what IEEE defines.
    with np.errstate(all="ignore"):
        multiply(*arranged(left, right, form), out.matrix, form, old is not None)
    return out.take()


def bits(matrix):
    return np.ascontiguousarray(matrix).view(np.uint32)


def slow(multiply, *sizes):
    """Whether plain Python would take too long."""
    return multiply is matmul.neuron_by_neuron and np.prod(sizes) > 20_000
