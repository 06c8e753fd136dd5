"""Every rung of the ladder where numbers are special: not a number, infinity, the smallest, zeros of both signs, no terms."""

import itertools

import numpy as np
import pytest
from check_matmul import TOLERANCE
from matmul_cases import (
    LAST,
    arranged,
    bits,
    every_form,
    every_rung,
    every_rung_and_special_shape,
    normal,
    product_of,
    slow,
)

from playground.kernels.cpu.matmul import LADDER
from playground.kernels.cpu.packed import INNER_BLOCK
from playground.kernels.simd.host import TILE_COLUMNS, TILE_ROWS, WIDTH

pytestmark = pytest.mark.compile


@pytest.fixture
def random():
    return np.random.default_rng(7)


def some_places(rows, columns):
    return dict.fromkeys([(0, 0), (rows - 1, columns - 1), (rows // 2, columns // 3), (0, columns - 1), (rows - 1, 0)])


@every_form
@every_rung_and_special_shape
def test_not_a_number_reaches_its_row_or_column_and_nothing_else(multiply, form, shape, random):
    rows, columns, inner = shape
    left, right = normal(random, rows, inner), normal(random, inner, columns)
    clean = product_of(multiply, left, right, form)
    assert np.isfinite(clean).all()
    for i, k in some_places(rows, inner):
        spoiled = left.copy()
        spoiled[i, k] = np.nan
        result = product_of(multiply, spoiled, right, form)
        assert np.isnan(result[i]).all()
        # The others are the same bit for bit.
        others = np.arange(rows) != i
        assert np.array_equal(bits(result[others]), bits(clean[others]))
    for k, j in some_places(inner, columns):
        spoiled = right.copy()
        spoiled[k, j] = np.nan
        result = product_of(multiply, left, spoiled, form)
        assert np.isnan(result[:, j]).all()
        others = np.arange(columns) != j
        assert np.array_equal(bits(result[:, others]), bits(clean[:, others]))


@every_form
@every_rung_and_special_shape
def test_infinity_passes_with_its_sign_and_times_zero_is_not_a_number(multiply, form, shape, random):
    rows, columns, inner = shape
    left, right = normal(random, rows, inner), normal(random, inner, columns)
    for (i, k), infinity in itertools.product(some_places(rows, inner), (np.inf, -np.inf)):
        # Zeros of both signs where infinity will meet them.
        x, y = left.copy(), right.copy()
        y[k, ::3] = 0.0
        y[k, ::6] = -0.0
        clean = product_of(multiply, x, y, form)
        x[i, k] = infinity
        result = product_of(multiply, x, y, form)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(result[i], infinity * y[k])
        others = np.arange(rows) != i
        assert np.array_equal(bits(result[others]), bits(clean[others]))
        # The same in the right matrix, whose column it fills.
        x[i, k] = left[i, k]
        x[::2, k] = 0.0
        j = (i * 7 + k) % columns
        clean = product_of(multiply, x, y, form)
        y[k, j] = infinity
        result = product_of(multiply, x, y, form)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(result[:, j], x[:, k] * infinity)
        others = np.arange(columns) != j
        assert np.array_equal(bits(result[:, others]), bits(clean[:, others]))


@every_form
@every_rung
def test_infinities_of_both_signs_cancel_to_not_a_number(multiply, form, random):
    left, right = normal(random, 5, 40), normal(random, 40, 6)
    left[2, 3], left[2, 36] = np.inf, -np.inf
    result = product_of(multiply, left, right, form)
    same_sign = right[3] * right[36] > 0
    assert same_sign.any() and not same_sign.all()
    assert np.isnan(result[2, same_sign]).all()
    np.testing.assert_array_equal(result[2, ~same_sign], np.inf * right[3, ~same_sign])


@every_form
@every_rung
def test_products_too_large_for_float32_become_infinity(multiply, form):
    left, right = np.array([[3e38], [-3e38], [1.0]], np.float32), np.array([[10.0, 1.0]], np.float32)
    result = product_of(multiply, left, right, form)
    np.testing.assert_array_equal(result, [[np.inf, np.float32(3e38)], [-np.inf, np.float32(-3e38)], [10.0, 1.0]])


@every_form
@every_rung
@pytest.mark.parametrize("inner", [1, 3, WIDTH + 1, INNER_BLOCK + 1])
def test_numbers_too_small_for_full_precision_are_kept(multiply, form, inner):
    left = np.full((5, inner), 2.0**-70, np.float32)
    right = np.full((inner, 6), 2.0**-75, np.float32)
    # A multiple of the smallest number above zero, 2⁻¹⁴⁹, so the sum is exact.
    assert (product_of(multiply, left, right, form) == np.float32(inner * 2.0**-145)).all()


@every_form
@every_rung
def test_negative_zero_counts_as_zero(multiply, form, random):
    left, right = normal(random, 4, 5), normal(random, 5, 6)
    right[:, 2], left[1] = -0.0, -0.0
    result = product_of(multiply, left, right, form)
    # Of the sum's sign nothing is promised.
    assert (result[1] == 0.0).all() and (result[:, 2] == 0.0).all()
    result = product_of(multiply, left, right, form, np.full((4, 6), 7.0, np.float32))
    assert (result[1] == 7.0).all() and (result[:, 2] == 7.0).all()
    assert (product_of(multiply, left[1:2, :1], right[:1, 2:3], form, np.full((1, 1), -0.0, np.float32)) == 0.0).all()


@every_form
@every_rung
def test_what_the_result_held_counts_only_when_it_is_added_to(multiply, form, random):
    for shape in ((5, 7, 6), (30, 40, 50)):
        rows, columns, inner = shape
        if slow(multiply, *shape):
            continue
        left, right = normal(random, rows, inner), normal(random, inner, columns)
        clean = product_of(multiply, left, right, form)
        for garbage in (np.nan, np.inf, 3e38):
            out = np.full((rows, columns), garbage, np.float32)
            multiply(*arranged(left, right, form), out, form)
            assert np.array_equal(bits(out), bits(clean))
        old = normal(random, rows, columns)
        old[1, 2], old[-1, -1] = np.nan, np.inf
        result = product_of(multiply, left, right, form, old)
        assert np.isnan(result[1, 2]) and result[-1, -1] == np.inf
        assert np.isfinite(result).sum() == result.size - 2


@every_form
@every_rung
def test_a_sum_without_terms_is_zero_and_adding_it_changes_no_bit(multiply, form, random):
    for rows, columns in ((1, 1), (TILE_ROWS + 1, TILE_COLUMNS + 1)):
        left, right = np.empty((rows, 0), np.float32), np.empty((0, columns), np.float32)
        assert not bits(product_of(multiply, left, right, form)).any()
        old = random.integers(0, 2**32, (rows, columns), np.uint32).view(np.float32)
        old[0, 0] = -0.0
        assert np.array_equal(bits(product_of(multiply, left, right, form, old)), bits(old))


@every_form
def test_the_parallel_and_the_packed_product_reach_the_tolerance_where_terms_cancel(form, random):
    left, right = normal(random, 60, 2000) * np.float32(1000), normal(random, 2000, 60)
    left[:, 1::2] = -left[:, ::2]
    right[1::2] = right[::2]
    bound = np.abs(left).astype(np.float64) @ np.abs(right).astype(np.float64)
    for name in LAST:
        assert (np.abs(product_of(LADDER[name], left, right, form)) <= TOLERANCE * bound).all()
