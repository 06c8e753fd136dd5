"""Every rung of the ladder of matrix products against float64, in all forms and layouts, with guards around what it writes."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import check_matmul
import numpy as np
import pytest
from check_matmul import (
    CONTIGUOUS,
    EDGES,
    FORMS,
    GUARD,
    LAYOUTS,
    PATTERN,
    ROWS_CONTIGUOUS,
    TOLERANCE,
    Layout,
    Room,
    Workspace,
    check,
    check_choices,
    check_edges,
    check_random,
    everything,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.kernels.cpu import matmul
from playground.kernels.cpu.matmul import LADDER
from playground.kernels.cpu.packed import AB, ABT, ATB, INNER_BLOCK, ROW_BLOCK, WORKSPACE_FLOATS
from playground.kernels.cpu.team import ROOM_EACH, WORTH_SHARING, Team
from playground.kernels.simd.host import IS_X86, TILE_COLUMNS, TILE_ROWS, WIDTH

SMALL = (0, 1, 2, 3, 5)
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


@pytest.fixture(scope="module")
def workspace():
    return Workspace()


@pytest.fixture
def random():
    return np.random.default_rng(7)


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


class Shared:
    """The parallel rung with so many threads, in workspaces of garbage with guards between them."""

    def __init__(self, threads):
        self.team = Team(threads)
        self.rooms = self.team.members.workspaces.view(np.uint32).reshape(threads, ROOM_EACH)

    def multiply(self, a, b, out, form, accumulate):
        product, result, *_ = matmul.by_address(a, b, out, form, accumulate)
        assert result is out
        self.rooms.fill(PATTERN)
        with self.team as members:
            matmul._parallel(members, product)
        assert (self.rooms[:, WORKSPACE_FLOATS:] == PATTERN).all(), "written behind a workspace"


# The checks themselves.


def test_the_guards_see_a_number_written_beside_a_matrix(workspace):
    for layout in LAYOUTS:
        room = Room((3, 4), layout)
        room.matrix[...] = 1.0
        assert (room.take() == 1.0).all()
        for step in (-1, 1):
            room.matrix[...] = 1.0
            outside = np.flatnonzero(room.bits == PATTERN)
            inside = np.flatnonzero(room.bits != PATTERN)
            room.bits[outside[np.abs(outside - inside[-1 if step > 0 else 0]).argmin()]] = 0
            with pytest.raises(AssertionError, match="written beside"):
                room.take()
            room.bits.fill(PATTERN)
    for place in (GUARD - 1, -GUARD):
        workspace.bits[place] = 0
        with pytest.raises(AssertionError, match="the workspace"):
            workspace.multiply(*[np.ones((1, 1), np.float32)] * 3, AB, False)
        workspace.bits[place] = PATTERN


def test_a_wrong_number_is_seen(random):
    def wrong(a, b, out, form, accumulate):
        matmul.packed(a, b, out, form, accumulate)
        out[-1, -1] += 1e-4 * (np.abs(a[-1]) @ np.abs(b[:, -1]))

    with pytest.raises(AssertionError, match="1 of 63 numbers are wrong, the first at 6, 8"):
        check(wrong, normal(random, 7, 5), normal(random, 5, 9), AB, False)


# The two fast rungs.


@every_form
def test_the_packed_product_of_all_edge_sizes_equals_float64(workspace, form):
    covered = check_edges(workspace.multiply, [form])
    assert covered == everything(forms=[form])


@every_form
def test_the_packed_product_equals_float64_on_both_sides_of_its_choices(workspace, form):
    check_choices(workspace.multiply, form)


def test_two_thousand_random_products_equal_float64(workspace):
    check_random(workspace.multiply, 1000, seed=1, layouts=ROWS_CONTIGUOUS)
    check_random(matmul.packed, 1000, seed=2)


@pytest.mark.parametrize("threads", [2, 3])
def test_products_shared_by_threads_equal_float64(threads):
    shared = Shared(threads)
    sizes = (WIDTH + 1, 2 * TILE_COLUMNS + 1, *EDGES[-4:])
    check_edges(shared.multiply, edges=sizes, every_way=False, fits=lambda *shape: np.prod(shape) >= WORTH_SHARING, seed=threads)
    # One dimension long, the others short: fewer tiles than threads, or one.
    for sizes in itertools.permutations((1, TILE_COLUMNS, WORTH_SHARING // TILE_COLUMNS + 1)):
        for form in FORMS.values():
            left, right = (normal(np.random.default_rng(9), *shape) for shape in (sizes[::2], sizes[:0:-1]))
            check(shared.multiply, left, right, form, True)


@every_form
@pytest.mark.parametrize("multiply", [LADDER[name] for name in LAST], ids=LAST)
def test_products_on_both_sides_of_what_is_worth_sharing_equal_float64(multiply, form, random):
    for columns in (WORTH_SHARING // 60**2 - 1, WORTH_SHARING // 60**2 + 1):
        for layout in LAYOUTS:
            check(multiply, normal(random, 60, 60), normal(random, 60, columns), form, True, [layout] * 3)


# All rungs.


@every_form
@every_rung
def test_small_products_in_every_layout_equal_float64(multiply, form, random):
    layouts = itertools.cycle(itertools.product(LAYOUTS, repeat=3))
    for rows, columns, inner in itertools.product(SMALL, repeat=3):
        for accumulate in (False, True):
            check(multiply, normal(random, rows, inner), normal(random, inner, columns), form, accumulate, next(layouts))


@every_form
@every_rung
def test_every_layout_of_each_matrix_gives_the_same_product(multiply, form, random):
    left, right = normal(random, 4, 6), normal(random, 6, 5)
    for layouts in itertools.product(LAYOUTS, repeat=3):
        check(multiply, left, right, form, False, layouts)


@every_form
@pytest.mark.parametrize("multiply", [matmul.naive, matmul.reordered, matmul.blocked], ids=lambda rung: rung.__name__)
def test_compiled_loops_equal_float64_around_their_blocks(multiply, form, random):
    inner_edges = (matmul.INNER_BLOCK - 1, matmul.INNER_BLOCK, matmul.INNER_BLOCK + 1, 2 * matmul.INNER_BLOCK + 5)
    column_edges = (matmul.COLUMN_BLOCK - 1, matmul.COLUMN_BLOCK, matmul.COLUMN_BLOCK + 1, 2 * matmul.COLUMN_BLOCK + 3)
    for inner, columns in itertools.product(inner_edges, column_edges):
        for accumulate in (False, True):
            check(multiply, normal(random, 3, inner), normal(random, inner, columns), form, accumulate, [LAYOUTS[1]] * 3)


@settings(deadline=None, max_examples=150)
@given(
    multiply=st.sampled_from(list(LADDER.values())[1:]),
    form=st.sampled_from(list(FORMS.values())),
    sizes=st.tuples(*[st.integers(0, 70)] * 3),
    layouts=st.tuples(
        *[
            st.builds(
                Layout,
                gap=st.integers(0, 40),
                column_step=st.sampled_from([1, 1, 1, 2, 3, -1, -2]),
                upward=st.booleans(),
                transposed=st.booleans(),
                shift=st.integers(0, 17),
            )
        ]
        * 3
    ),
    accumulate=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_any_shape_in_any_layout_equals_float64(multiply, form, sizes, layouts, accumulate, seed):
    random = np.random.default_rng(seed)
    rows, columns, inner = sizes
    check(multiply, normal(random, rows, inner), normal(random, inner, columns), form, accumulate, layouts)


@every_form
@every_rung
def test_very_long_dimensions_give_the_exact_sums(multiply, form, random):
    sizes = [*itertools.permutations((100_000, 1, 1)), *itertools.permutations((100_000, 8, 8))]
    for rows, columns, inner in dict.fromkeys(sizes):
        if slow(multiply, rows, columns, inner):
            continue
        left, right, old = whole(random, rows, inner), whole(random, inner, columns), whole(random, rows, columns)
        # Whole numbers under 2²⁴ are exact in float32: not one of 100,000 terms may be missing.
        expected = left.astype(np.float64) @ right.astype(np.float64)
        assert np.array_equal(product_of(multiply, left, right, form), expected)
        assert np.array_equal(product_of(multiply, left, right, form, old), expected + old)


@pytest.mark.parametrize("multiply", [LADDER[name] for name in LAST], ids=LAST)
def test_rows_that_are_not_whole_numbers_apart_are_copied(multiply, random):
    def odd(rows, columns):
        table = np.zeros(rows, np.dtype([("numbers", np.float32, (columns,)), ("mark", np.uint8)]))
        table["numbers"], table["mark"] = normal(random, rows, columns), 77
        assert table["numbers"].strides[0] % 4 == 1
        return table

    (a, b, c), old = (odd(7, 9), odd(9, 5), odd(7, 5)), np.empty((7, 5), np.float32)
    expected = a["numbers"].astype(np.float64) @ b["numbers"]
    for accumulate in (False, True):
        old[...] = c["numbers"]
        multiply(a["numbers"], b["numbers"], c["numbers"], AB, accumulate)
        np.testing.assert_allclose(c["numbers"], expected + accumulate * old, rtol=1e-4, atol=1e-5)
        assert (c["mark"] == 77).all()


@pytest.mark.parametrize("multiply", [LADDER[name] for name in LAST], ids=LAST)
def test_a_row_repeated_by_a_stride_of_zero_is_a_matrix_too(multiply, random):
    row, column, right = normal(random, 1, 12), normal(random, 9, 1), normal(random, 12, 7)
    for repeated in (np.broadcast_to(row, (9, 12)), np.broadcast_to(column, (9, 12)), np.broadcast_to(row[:1, :1], (9, 12))):
        out = np.full((9, 7), np.nan, np.float32)
        multiply(repeated, right, out)
        np.testing.assert_allclose(out, repeated.astype(np.float64) @ right, rtol=1e-4, atol=1e-5)


@every_rung
@pytest.mark.parametrize(
    ("form", "a", "b", "out"),
    [
        (AB, (3, 4), (5, 6), (3, 6)),
        (AB, (3, 4), (4, 6), (3, 5)),
        (AB, (3, 4), (4, 6), (4, 6)),
        (AB, (3, 0), (1, 6), (3, 6)),
        (AB, (3, 4), (4, 6), (6, 3)),
        (ATB, (3, 4), (4, 6), (3, 6)),
        (ATB, (4, 3), (4, 6), (4, 6)),
        (ABT, (3, 4), (4, 6), (3, 6)),
        (ABT, (3, 4), (6, 4), (3, 4)),
    ],
)
def test_shapes_that_do_not_fit_are_named(multiply, form, a, b, out):
    result = Room(out, CONTIGUOUS, np.ones(out))
    with pytest.raises(ValueError, match="shapes") as error:
        multiply(np.ones(a, np.float32), np.ones(b, np.float32), result.matrix, form)
    assert all(str(shape) in str(error.value) for shape in (a, b, out))
    assert (result.take() == 1.0).all()


# Not a number, infinity, and the smallest numbers.


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


# Other processors, in processes of their own.


def checked_elsewhere(width, *options, **environment):
    """What `check_matmul` prints where the environment asks for other registers: ``{name: value}``."""
    script = Path(check_matmul.__file__)
    root = script.parent.parent.parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]), **environment}
    command = [sys.executable, str(script), str(width), *options]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"ended with {result.returncode}: {result.stderr[-3000:]}"
    return dict(line.rsplit(" ", 1) for line in result.stdout.splitlines())


def test_no_product_reads_or_writes_past_the_end_of_memory():
    found = checked_elsewhere(WIDTH)
    if os.name == "posix":
        assert int(found["between walls"]) > 1000


def test_products_of_a_wider_register_equal_float64(tmp_path):
    width = 8 if WIDTH == 16 else 16
    found = checked_elsewhere(width, PLAYGROUND_VECTOR_WIDTH=str(width), PLAYGROUND_CACHE_DIR=str(tmp_path))
    assert found["registers"] == {8: "AVX2", 16: "AVX-512"}[width]


@pytest.mark.skipif(not IS_X86, reason="the fallback of x86 processors")
def test_products_of_the_oldest_processors_equal_float64(tmp_path):
    found = checked_elsewhere(
        4,
        "only narrow",
        # The features choose the tile, the name keeps LLVM from using what this processor has.
        NUMBA_CPU_NAME="generic",
        NUMBA_CPU_FEATURES="+sse,+sse2,+x87,+cmov,+cx8,+fxsr,+mmx,+64bit",
        PLAYGROUND_CACHE_DIR=str(tmp_path),
    )
    assert found["registers"] == "SSE"
