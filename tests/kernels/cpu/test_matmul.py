"""Every rung of the ladder of matrix products against float64, in all forms and layouts, with guards around what it writes."""

import itertools

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
from matmul_cases import (
    LAST,
    every_form,
    every_rung,
    normal,
    product_of,
    slow,
    whole,
)

from playground.kernels.cpu import matmul
from playground.kernels.cpu.matmul import LADDER
from playground.kernels.cpu.packed import AB, ABT, ATB, WORKSPACE_FLOATS
from playground.kernels.cpu.team import ROOM_EACH, WORTH_SHARING, Team
from playground.kernels.simd.host import TILE_COLUMNS, WIDTH

pytestmark = pytest.mark.compile

SMALL = (0, 1, 2, 3, 5)


@pytest.fixture(scope="module")
def workspace():
    return Workspace()


@pytest.fixture
def random():
    return np.random.default_rng(7)


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
