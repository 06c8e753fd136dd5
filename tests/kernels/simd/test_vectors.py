"""Functions of numbers side by side in a register equal those of numbers one by one."""

from functools import cache

import numpy as np
import pytest

from playground.catalog import elementary
from playground.catalog.activations import ACTIVATIONS
from playground.catalog.elementary import ONE, ZERO, exp, exponent, floor, log, mantissa, power_of_two, sqrt, tanh, where
from playground.catalog.losses import LOSSES, binary_cross_entropy_on_logit
from playground.catalog.optimizers import OPTIMIZERS
from playground.kernels.compiling import FAST_MATH, SLOPES, VALUES, dispatch, kernel, loss_slope, loss_value
from playground.kernels.cpu.packed import at
from playground.kernels.simd.memory import address
from playground.kernels.simd.vectors import LANES, load_vector, store_vector
from playground.network.parameters import aligned_zeros

# Importing the kernels has told Numba where its cache is.
from numba.extending import register_jitable  # isort: skip

pytestmark = pytest.mark.compile

LARGEST, TINY, EPSILON = np.finfo(np.float32).max, np.finfo(np.float32).tiny, np.finfo(np.float32).eps
PATTERN = np.float32(-777.25)
# Where formulas change their course, and what float32 has at its ends.
SPECIAL = [
    0.0,
    0.5,
    1.0,
    2.0,
    3.0,
    7.9,
    8.0,
    30.0,
    87.0,
    88.0,
    89.0,
    90.0,
    1e4,
    1e10,
    2.0**24,
    1e-12,
    1e-7,
    0.70710677,
    0.70710683,
]
SPECIAL += [0.99999994, 1.0000001, 1.4142135, TINY, 1.5 * TINY, TINY / 2, 1e-40, 1e-45, LARGEST, np.inf]
SPECIAL = np.array([*SPECIAL, *[-value for value in SPECIAL], np.nan], np.float32)


def inlined(function):
    """A function that kernels call with numbers as well as with vectors, compiled as the catalog's are."""
    return register_jitable(fastmath=FAST_MATH, error_model="numpy", forceinline=True)(function)


@cache
def forms(function):
    """Two kernels that put a function's results into the rows of ``out``: number by number, and vector by vector.

    The function takes a code, four numbers from the rows of ``inputs``, and six more that are the same for all.
    """

    @kernel
    def by_number(code, inputs, numbers, out):
        for i in range(inputs.shape[1]):
            results = function(code, inputs[0, i], inputs[1, i], inputs[2, i], inputs[3, i], numbers)
            for row in range(len(results)):
                out[row, i] = results[row]

    @kernel
    def by_vector(code, inputs, numbers, out):
        size = inputs.shape[1]
        start, end = address(inputs), address(out)
        for i in range(0, size, LANES):
            x, y = load_vector(start, i), load_vector(at(start, size), i)
            z, v = load_vector(at(start, 2 * size), i), load_vector(at(start, 3 * size), i)
            results = function(code, x, y, z, v, numbers)
            for row in range(len(results)):
                store_vector(at(end, row * size), i, results[row])

    return by_number, by_vector


@inlined
def arithmetic(code, x, y, z, v, numbers):
    s = numbers[0]
    return (x + y, x + s, s + x, x - y, x - s, s - x, x * y, x * s, s * x, x / y, s / x, -x, abs(x), -abs(x - y))


@inlined
def arithmetic_in_place(code, x, y, z, v, numbers):
    s = numbers[0]
    a, b, c, d = x, x, x, x
    a += y
    b -= y
    c *= y
    d /= y
    e, f, g = x, x, x
    e += s
    f -= s
    g *= s
    return (a, b, c, d, e, f, g)


@inlined
def comparisons(code, x, y, z, v, numbers):
    s = numbers[0]
    return (
        where(x < y, z, v),
        where(x <= y, z, v),
        where(x > y, z, v),
        where(x >= y, z, v),
        where(x < s, z, v),
        where(x <= s, z, v),
        where(x > s, z, v),
        where(x >= s, z, v),
        where(s < x, z, v),
        where(s <= x, z, v),
        where(s > x, z, v),
        where(s >= x, z, v),
    )


@inlined
def choices(code, x, y, z, v, numbers):
    s = numbers[0]
    return (
        where(x < y, z, s),
        where(x < y, s, v),
        where(x < y, s, ONE),
        where(s > ZERO, x, y),
        where(s > ZERO, x, s),
        where(s > ZERO, s, y),
        where(x < y, where(z < v, z, s), where(s < y, ZERO, v)),
        elementary.maximum(x, y),
        elementary.maximum(x, s),
        elementary.maximum(s, x),
        elementary.minimum(x, y),
        elementary.minimum(x, s),
        elementary.minimum(s, x),
    )


@inlined
def elementary_functions(code, x, y, z, v, numbers):
    return (exp(x), log(x), tanh(x), floor(x), sqrt(x))


@inlined
def parts_of_numbers(code, x, y, z, v, numbers):
    return (exponent(x), mantissa(x), power_of_two(y))


activate, activation_slope = dispatch(VALUES), dispatch(SLOPES)
update = dispatch({record.code: record.update for record in OPTIMIZERS.values()}, as_written=True)


@inlined
def activation_and_slope(code, x, y, z, v, numbers):
    a = activate(code, x, numbers[0])
    return (a, activation_slope(code, x, a, numbers[0]))


@inlined
def loss_and_slope(code, x, y, z, v, numbers):
    return (loss_value(code, x, y, numbers[0]), loss_slope(code, x, y, numbers[0]), binary_cross_entropy_on_logit(x, y))


@inlined
def optimizer_step(code, x, y, z, v, numbers):
    return update(code, x, y, z, v, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])


def inputs_of(*rows):
    """Rows of numbers as kernels take them: as many as they read, filled up to whole vectors, aligned."""
    size = -(-len(rows[0]) // LANES) * LANES
    inputs = aligned_zeros(4 * size).reshape(4, size)
    for row, values in zip(inputs, rows, strict=False):
        row[: len(values)] = values
    return inputs


def all_pairs(values, seed=0):
    """Every value beside every other, and two rows that hold them in random order."""
    random = np.random.default_rng(seed)
    first, second = (grid.ravel() for grid in np.meshgrid(values, values))
    return inputs_of(first, second, random.choice(values, first.size), random.choice(values, first.size))


def both_forms(function, results, inputs, numbers=(), code=0):
    """What the function gives number by number and vector by vector: two arrays (results, numbers)."""
    scalars = np.zeros(6, np.float32)
    scalars[: len(numbers)] = numbers
    outs = []
    for run in forms(function):
        out = aligned_zeros(results * inputs.shape[1]).reshape(results, inputs.shape[1])
        out[...] = PATTERN
        run(code, inputs, scalars, out)
        outs.append(out)
    return outs


def ulps_apart(a, b):
    """How many float32 numbers lie between two; none between two that aren't numbers."""

    def ordered(values):
        bits = values.view(np.int32).astype(np.int64)
        return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)

    return np.where(np.isnan(a) & np.isnan(b), 0, np.abs(ordered(a) - ordered(b)))


def assert_same(scalar, vector, inputs):
    apart = ulps_apart(scalar, vector)
    row, i = np.unravel_index(apart.argmax(), apart.shape)
    assert apart.max() <= 1, f"result {row} of {inputs[:, i]} is {scalar[row, i]} alone and {vector[row, i]} in a vector"


NUMBERS = np.concatenate([SPECIAL, np.random.default_rng(1).normal(scale=2, size=30), np.random.default_rng(2).uniform(size=20)])
NUMBERS = NUMBERS.astype(np.float32)
# Learning rate, β₁ or momentum, β₂, ε, and the two corrections.
HYPER_NUMBERS = [(0.01, 0.9, 0.999, 1e-8, 10.0, 1000.0), (0.03, 0.5, 0.9, 1e-4, 1.3, 2.7), (1.0, 0.0, 0.0, 1.0, 1.0, 1.0)]


@pytest.mark.parametrize("number", [0.1, -3.0, 1e4, 0.0, np.inf, np.nan])
def test_arithmetic_of_vectors_and_numbers_equals_that_of_numbers(number):
    inputs = all_pairs(NUMBERS)
    for function, results in ((arithmetic, 14), (arithmetic_in_place, 7)):
        scalar, vector = both_forms(function, results, inputs, [number])
        assert_same(scalar, vector, inputs)
    # Both forms against NumPy's.
    x, y = inputs[:2]
    with np.errstate(all="ignore"):
        expected = [x + y, x - y, x * y, x / y]
        np.testing.assert_array_equal(vector[:4], expected)


def test_division_by_the_same_number_is_right_in_every_lane():
    inputs = all_pairs(NUMBERS)

    @inlined
    def divided(code, x, y, z, v, numbers):
        d = x
        d /= numbers[0]
        return (x / numbers[0], d)

    for number in (0.1, -3.0, 1e4, np.inf, np.nan, 0.0):
        assert_same(*both_forms(divided, 2, inputs, [number]), inputs)


def test_minus_and_absolute_value_change_nothing_but_the_sign():
    inputs = all_pairs(NUMBERS)
    _, vector = both_forms(arithmetic, 14, inputs, [1.0])
    np.testing.assert_array_equal(vector[11].view(np.uint32), inputs[0].view(np.uint32) ^ np.uint32(2**31))
    np.testing.assert_array_equal(vector[12].view(np.uint32), inputs[0].view(np.uint32) & np.uint32(2**31 - 1))


@pytest.mark.parametrize("number", [0.5, -1.0, 0.0, np.inf, np.nan])
def test_comparisons_and_choices_equal_those_of_numbers(number):
    inputs = all_pairs(NUMBERS)
    for function, results in ((comparisons, 12), (choices, 13)):
        scalar, vector = both_forms(function, results, inputs, [number])
        assert_same(scalar, vector, inputs)
        if function is comparisons:
            (x, y, z, v), s = inputs, np.float32(number)
            answers = [x < y, x <= y, x > y, x >= y, x < s, x <= s, x > s, x >= s, s < x, s <= x, s > x, s >= x]
            # Whatever is compared with what isn't a number, the answer is no.
            np.testing.assert_array_equal(vector, [np.where(answer, z, v) for answer in answers])


def test_elementary_functions_equal_those_of_numbers():
    inputs = inputs_of(np.concatenate([SPECIAL, np.linspace(-100, 100, 4001), np.geomspace(1e-44, 3e38, 4001)]))
    scalar, vector = both_forms(elementary_functions, 5, inputs)
    assert_same(scalar, vector, inputs)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(vector[3], np.floor(inputs[0]))
        np.testing.assert_array_equal(vector[4], np.sqrt(inputs[0]))
    # A run that blows up must be seen.
    assert np.isnan(vector[:, np.isnan(inputs[0])]).all()


def test_parts_of_numbers_equal_frexp_and_ldexp():
    random = np.random.default_rng(0)
    x = np.concatenate([np.geomspace(TINY, LARGEST, 5000), 2.0 ** np.arange(-126, 128), random.uniform(0.5, 2, 1000)])
    n = np.resize(np.arange(-126.0, 128), x.size)
    inputs = inputs_of(np.maximum(x.astype(np.float32), TINY), n)
    inputs[0, x.size :] = 1.0
    scalar, vector = both_forms(parts_of_numbers, 3, inputs)
    assert_same(scalar, vector, inputs)
    mantissas, exponents = np.frexp(inputs[0])
    np.testing.assert_array_equal(vector[0], exponents)
    np.testing.assert_array_equal(vector[1], mantissas)
    np.testing.assert_array_equal(vector[2], np.ldexp(np.float32(1), inputs[1].astype(int)))


@pytest.mark.parametrize("record", [record for record in ACTIVATIONS.values() if record.value], ids=lambda record: record.name)
def test_activations_and_their_slopes_equal_those_of_numbers(record):
    inputs = inputs_of(np.concatenate([SPECIAL, np.linspace(-20, 20, 4001)]))
    for parameter in (0.0, 0.1, 1.0) if record.parameters else (0.0,):
        scalar, vector = both_forms(activation_and_slope, 2, inputs, [parameter], record.code)
        assert_same(scalar, vector, inputs)
        finite = np.abs(inputs[0]) <= 1e4
        z = inputs[0, finite].astype(np.float64)
        a = record.array(z, parameter)
        np.testing.assert_allclose(vector[0, finite], a, rtol=1e-6, atol=5e-7)
        np.testing.assert_allclose(vector[1, finite], record.array_slope(z, a, parameter), rtol=1e-6, atol=1e-6)
        assert np.isnan(vector[0, np.isnan(inputs[0])]).all()


@pytest.mark.parametrize("loss", [loss for loss in LOSSES.values() if loss.value], ids=lambda loss: loss.name)
def test_losses_and_their_slopes_equal_those_of_numbers(loss):
    inputs = all_pairs(NUMBERS)
    delta = 0.25
    scalar, vector = both_forms(loss_and_slope, 3, inputs, [delta], loss.code)
    assert_same(scalar, vector, inputs)
    a, t = inputs[:2].astype(np.float64)
    usual = (a > 1e-4) & (a < 0.9999) & (np.abs(t) <= 1)
    assert usual.sum() > 500
    a, t = a[usual], t[usual]
    np.testing.assert_allclose(vector[0, usual], loss.array(a, t, delta), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(vector[1, usual], loss.array_slope(a, t, delta), rtol=1e-4, atol=1e-6)
    fused = LOSSES["binary_cross_entropy"].logit_array(a, t)
    np.testing.assert_allclose(vector[2, usual], fused, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", [0, 1], ids=["number by number", "vector by vector"])
@pytest.mark.parametrize("numbers", HYPER_NUMBERS, ids=str)
@pytest.mark.parametrize("record", OPTIMIZERS.values(), ids=lambda record: record.name)
def test_optimizer_steps_are_right_to_float32(record, numbers, form):
    random = np.random.default_rng(3)
    values = NUMBERS[~(np.abs(NUMBERS) > 1e10) | np.isinf(NUMBERS)]
    w, g, m, s = (np.concatenate([random.choice(values, 10_000), random.normal(size=10_000)]) for _ in range(4))
    # Means and sums of squares are never negative; Adagrad's only memory is one.
    squares_only = record.name == "adagrad"
    if squares_only:
        m = np.abs(m)
        # Its ε is never 0: tiny gradients have no square in float32.
        numbers = [numbers[0], numbers[1] or 1e-8, *numbers[2:]]
    inputs = inputs_of(w, g, m, np.abs(s))
    result = both_forms(optimizer_step, 3, inputs, numbers, record.code)[form]
    w, g, m, s = inputs.astype(np.float64)
    numbers = np.array(numbers, np.float32).astype(np.float64)
    with np.errstate(all="ignore"):
        expected = np.array(record.update(w, g, m, s, *numbers))
        # The same with signs that let nothing cancel: the size of what is added up.
        bound = np.abs(record.update(np.abs(w), -np.abs(g), m if squares_only else -np.abs(m), s, *numbers))
    finite = np.isfinite(expected)
    assert finite.mean() > 0.5 and not finite.all()
    error = np.abs(result[finite] - expected[finite]) / (EPSILON * bound[finite] + 1e-36)
    assert error.max() <= 4, f"off by {error.max():.0f} roundings"
    np.testing.assert_array_equal(result[~finite], expected[~finite].astype(np.float32))


@pytest.mark.parametrize("record", OPTIMIZERS.values(), ids=lambda record: record.name)
def test_optimizer_steps_equal_those_of_numbers(record):
    # Numbers that need few bits: their sums and products are exact, so that no order of rounding can matter.
    random = np.random.default_rng(4)
    w, g, m = (random.integers(-8, 9, 4000) for _ in range(3))
    m = m * m if record.name == "adagrad" else m
    inputs = inputs_of(w, g, m, random.integers(0, 9, 4000) ** 2)
    for numbers in ([0.5, 0.75, 0.0, 1.0, 1.0, 1.0], [0.25, 0.5, 0.5, 0.125, 2.0, 4.0]):
        scalar, vector = both_forms(optimizer_step, 3, inputs, numbers, record.code)
        assert_same(scalar[1:], vector[1:], inputs)
        bound = np.abs(inputs[0]) + np.abs(scalar[0] - inputs[0])
        assert (np.abs(scalar[0] - vector[0]) <= 2 * EPSILON * bound).all()


@inlined
def vector_or_number(code, x, y, z, v, numbers):
    return (_one_of_both(code, x, numbers[0]), _one_of_both(code + 1, numbers[1], y))


@inlined
def _one_of_both(code, first, second):
    if code == 1:
        return first
    return second


def test_a_number_becomes_a_vector_where_a_function_may_return_either():
    inputs = all_pairs(NUMBERS)
    for code in (0, 1):
        scalar, vector = both_forms(vector_or_number, 2, inputs, [3.5, -2.0], code)
        assert_same(scalar, vector, inputs)
        expected = [inputs[0], inputs[1]] if code == 1 else [np.full_like(inputs[0], 3.5), np.full_like(inputs[1], -2.0)]
        np.testing.assert_array_equal(vector, expected)
