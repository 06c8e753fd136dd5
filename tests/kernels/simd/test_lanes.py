"""Numbers go into registers, come out of them and are added up there lane by lane; memory is read and written by address."""

import numpy as np
import pytest

from playground.kernels.compiling import kernel
from playground.kernels.cpu.packed import at
from playground.kernels.simd.host import TILE_COLUMNS, WIDTH
from playground.kernels.simd.memory import (
    address,
    copy_tile_row,
    copy_vector,
    floats_at,
    integers_at,
    load_number,
    store_number,
    transpose_block,
)
from playground.kernels.simd.vectors import LANES, dot_products, lane_indices, load_vector, spread, store_vector, sum_of_lanes
from playground.network.parameters import aligned_zeros

pytestmark = pytest.mark.compile

PATTERN = np.float32(-777.25)


@kernel
def sums(inputs, out):
    for i in range(0, inputs.size, LANES):
        out[i // LANES] = sum_of_lanes(load_vector(address(inputs), i))


def test_the_sum_of_lanes_counts_every_lane_once():
    vectors = aligned_zeros(LANES * (LANES + 40)).reshape(-1, LANES)
    # Powers of two add up exactly, in any order, and show which lanes were counted.
    vectors[:LANES] = np.eye(LANES) * 2.0 ** np.arange(LANES)
    vectors[LANES] = 2.0 ** np.arange(LANES)
    vectors[LANES + 1 :] = np.random.default_rng(0).normal(size=(39, LANES))
    vectors[-1, -1], vectors[-2, 0], vectors[-3, LANES // 2], vectors[-4, 3] = np.nan, np.inf, -np.inf, np.nan
    vectors[-5] = -0.0
    vectors[-6, 1], vectors[-6, -1] = np.inf, -np.inf
    out = np.zeros(len(vectors), np.float32)
    sums(vectors, out)
    assert np.array_equal(out[: LANES + 1], vectors[: LANES + 1].sum(axis=1, dtype=np.float64))
    with np.errstate(invalid="ignore"):
        expected = vectors.astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


@kernel
def move_vectors(source, target, number):
    store_vector(address(target), 0, spread(number))
    for i in range(LANES, target.size - LANES, LANES):
        store_vector(address(target), i, load_vector(address(source), i))


def test_vectors_are_read_and_written_where_they_should_be():
    source, target = aligned_zeros(5 * LANES), aligned_zeros(5 * LANES)
    source.view(np.uint32)[:] = np.random.default_rng(0).integers(0, 2**32, source.size, np.uint32)
    target[:] = PATTERN
    move_vectors(source, target, np.float32(3.5))
    assert (target[:LANES] == 3.5).all()
    assert np.array_equal(target[LANES:-LANES].view(np.uint32), source[LANES:-LANES].view(np.uint32))
    assert (target[-LANES:] == PATTERN).all()


@kernel
def number_and_multiply_lanes(inputs, rows_of_a, rows_of_d, out):
    store_vector(address(out), 0, lane_indices())
    places = address(rows_of_a), address(rows_of_d)
    store_vector(address(out), LANES, dot_products(address(inputs), address(inputs), places[0], places[1]))


def test_lanes_know_their_number_and_dot_products_are_those_of_the_rows_named():
    random = np.random.default_rng(0)
    inputs = aligned_zeros(40 * LANES)
    # Whole numbers: the sums are exact in any order.
    inputs[:] = random.integers(-9, 10, inputs.size)
    # Rows begin anywhere, the same one may be named several times.
    rows = random.integers(0, inputs.size - LANES, (2, LANES)).astype(np.int32)
    rows[:, 3] = rows[:, 2]
    out = aligned_zeros(2 * LANES)
    number_and_multiply_lanes(inputs, rows[0], rows[1], out)
    assert np.array_equal(out[:LANES], np.arange(LANES))
    a, d = (inputs[places[:, None] + np.arange(LANES)] for places in rows)
    assert np.array_equal(out[LANES:], (a * d).sum(axis=1))
    # One that isn't a number spoils the sums of its rows alone.
    inputs[rows[0, 5] + LANES - 1] = np.nan
    a, d = (inputs[places[:, None] + np.arange(LANES)] for places in rows)
    number_and_multiply_lanes(inputs, rows[0], rows[1], out)
    np.testing.assert_array_equal(out[LANES:], (a * d).sum(axis=1))
    assert 0 < np.isnan(out).sum() < LANES


@kernel
def move_numbers(source, target, indices, base):
    for place in range(indices.size):
        number = load_number(at(address(source), base), indices[place])
        store_number(at(address(target), base), indices[place], number)


def test_numbers_are_read_and_written_bit_for_bit_at_any_index():
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**32, 100, np.uint32)
    target = np.full(100, 12345, np.uint32)
    indices = np.array([0, -50, 49, 7, -3], np.int64)
    move_numbers(bits.view(np.float32), target.view(np.float32), indices, 50)
    touched = np.zeros(100, bool)
    touched[50 + indices] = True
    assert np.array_equal(target[touched], bits[touched])
    assert (target[~touched] == 12345).all()


@kernel
def double_through_views(floats, integers, first, size):
    numbers = floats_at(at(address(floats), first), size)
    whole = integers_at(address(integers) + 8 * first, size)
    for i in range(numbers.size):
        numbers[i] += numbers[i]
        whole[i] += whole[i]
    return numbers.size, whole.size, numbers.sum(), whole[1:].sum()


def test_arrays_at_an_address_are_views():
    floats, integers = np.arange(20, dtype=np.float32), np.arange(20) + 2**40
    result = double_through_views(floats, integers, 5, 7)
    expected = np.arange(20)
    expected[5:12] *= 2
    assert np.array_equal(floats, expected)
    whole = np.arange(20) + 2**40
    whole[5:12] *= 2
    assert np.array_equal(integers, whole)
    assert result == (7, 7, expected[5:12].sum(), whole[6:12].sum())


@kernel
def copy_rows(source, target, first, tile_row):
    if tile_row:
        copy_tile_row(at(address(source), first), at(address(target), first))
    else:
        copy_vector(at(address(source), first), at(address(target), first))


@pytest.mark.parametrize(("tile_row", "count"), [(True, TILE_COLUMNS), (False, WIDTH)])
def test_copies_are_as_long_as_they_say_and_start_anywhere(tile_row, count):
    source = np.random.default_rng(0).integers(0, 2**32, 3 * TILE_COLUMNS, np.uint32)
    for first in (0, 1, 3):
        target = np.full(source.size, 9, np.uint32)
        copy_rows(source.view(np.float32), target.view(np.float32), first, tile_row)
        assert np.array_equal(target[first : first + count], source[first : first + count])
        assert (target[:first] == 9).all() and (target[first + count :] == 9).all()


@kernel
def transpose(source, start, source_stride, target, target_start, target_stride, rows):
    transpose_block(at(address(source), start), source_stride, at(address(target), target_start), target_stride, rows)


@pytest.mark.parametrize("rows", range(1, WIDTH + 1))
def test_a_block_is_transposed_and_its_last_row_stands_in_for_missing_ones(rows):
    for gap, target_stride in ((0, WIDTH), (3, WIDTH + 5), (1, 3 * WIDTH)):
        stride = WIDTH + gap
        # Behind the last row begins what must not be read.
        source = np.full(stride * WIDTH + 9, np.nan, np.float32)
        matrix = np.arange(rows * WIDTH, dtype=np.float32).reshape(rows, WIDTH)
        np.lib.stride_tricks.as_strided(source[4:], (rows, WIDTH), (4 * stride, 4))[...] = matrix
        target = np.full(target_stride * WIDTH + 9, PATTERN)
        transpose(source, 4, stride, target, 5, target_stride, rows)
        written = np.lib.stride_tricks.as_strided(target[5:], (WIDTH, WIDTH), (4 * target_stride, 4))
        assert np.array_equal(written, matrix[np.minimum(np.arange(WIDTH), rows - 1)].T)
        written[...] = PATTERN
        assert (target == PATTERN).all()


@pytest.mark.parametrize("target_stride", range(1, WIDTH))
def test_columns_closer_than_a_vector_are_written_in_ascending_order(target_stride):
    source = np.arange(WIDTH * WIDTH, dtype=np.float32)
    target = np.full(target_stride * (WIDTH - 1) + WIDTH + 8, PATTERN)
    transpose(source, 0, WIDTH, target, 4, target_stride, WIDTH)
    expected = np.full_like(target, PATTERN)
    for k, column in enumerate(source.reshape(WIDTH, WIDTH).T):
        expected[4 + k * target_stride :][:WIDTH] = column
    assert np.array_equal(target, expected)
