"""Activations, their slopes and optimizer steps over numbers that lie LANES at a time in a buffer; one loop for each."""

from __future__ import annotations

from playground.catalog.elementary import ZERO
from playground.catalog.optimizers import OPTIMIZERS
from playground.kernels.compiling import SLOPES, VALUES, dispatch, inlined, kernel
from playground.kernels.simd.vectors import LANES, load_vector, spread, store_vector


def _over_lanes(value):
    def activate_lanes(z, a, count, p):
        for i in range(0, count, LANES):
            store_vector(a, i, value(load_vector(z, i), p))

    return inlined(activate_lanes)


def _slope_over_lanes(slope):
    def scale_lanes(d, z, a, count, p):
        for i in range(0, count, LANES):
            store_vector(d, i, load_vector(d, i) * slope(load_vector(z, i), load_vector(a, i), p))

    return inlined(scale_lanes)


# ``f(code, z, a, count, p)``: a = activation(z), and ``f(code, d, z, a, count, p)``: d ·= slope; by address.
activate_lanes = dispatch({code: _over_lanes(value) for code, value in VALUES.items()})
scale_lanes = dispatch({code: _slope_over_lanes(slope) for code, slope in SLOPES.items()})


@kernel
def activate_numbers(code, z, a, count, p):
    """`activate_lanes` as a call: for places where a copy of every loop would be too much code."""
    activate_lanes(code, z, a, count, p)


@kernel
def scale_numbers(code, d, z, a, count, p):
    """`scale_lanes` as a call."""
    scale_lanes(code, d, z, a, count, p)


def _steps_over_lanes(record):
    step, slots = record.update, record.slots

    def update_lanes(w, g, m, s, count, rate, h1, h2, h3, c1, c2):
        for i in range(0, count, LANES):
            first = load_vector(m, i) if slots > 0 else spread(ZERO)
            second = load_vector(s, i) if slots > 1 else spread(ZERO)
            weight, first, second = step(load_vector(w, i), load_vector(g, i), first, second, rate, h1, h2, h3, c1, c2)
            store_vector(w, i, weight)
            if slots > 0:
                store_vector(m, i, first)
            if slots > 1:
                store_vector(s, i, second)

    return inlined(update_lanes, as_written=True)


# ``f(code, w, g, m, s, count, rate, h1, h2, h3, c1, c2)``: one step of every parameter, by address; the rate may be a vector.
update_lanes = dispatch({record.code: _steps_over_lanes(record) for record in OPTIMIZERS.values()}, as_written=True)
