"""The ladder of matrix products in the simulator, and the tiles and shared parts that training steps use, against NumPy."""

import numpy as np
import pytest

from playground.catalog.activations import ACTIVATIONS
from playground.kernels.cuda import matmul as cuda_matmul
from playground.kernels.cuda import target as cuda_target
from playground.kernels.cuda.compiling import Device
from playground.kernels.cuda.matmul import AB, ABT, ATB, BEST, IN_PARTS, KERNELS, RUNGS, multiply, parts_for, shape_of
from playground.kernels.cuda.products import Epilogue, Way, finish_product, start_product, way_of
from playground.kernels.cuda.target import GpuError, GpuFacts
from playground.kernels.cuda.team import THREADS, Team
from playground.kernels.cuda.tiles import LARGE, SHARED, SMALL, matrix

cuda = cuda_target.load()
FORMS = {"AB": AB, "ATB": ATB, "ABT": ABT}
TANH = ACTIVATIONS["tanh"]


def factors(rows, columns, depth, form=AB, seed=0):
    """Random factors as a form wants them lie in memory."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(rows, depth)), random.normal(size=(depth, columns))
    return as_stored(a.astype(np.float32), b.astype(np.float32), form)


def as_stored(a, b, form):
    """The factors of A·B, turned as a form wants them."""
    return np.ascontiguousarray(a.T if form == ATB else a), np.ascontiguousarray(b.T if form == ABT else b)


def expected_product(a, b, form):
    """The product in float64, and how large its sums' numbers are, which is what rounding is measured by."""
    a, b = np.float64(a.T if form == ATB else a), np.float64(b.T if form == ABT else b)
    with np.errstate(invalid="ignore"):
        return a @ b, np.abs(a) @ np.abs(b)


def as_tf32(x):
    """The nearest numbers with 10 bits after the point, ties away from zero."""
    share, power = np.frexp(np.float64(x))
    return np.ldexp(np.sign(share) * np.floor(np.abs(share) * 2**11 + 0.5) / 2**11, power).astype(np.float32)


def multiplied(a, b, form=AB, rung=BEST, **options):
    rows, columns, _ = shape_of(a, b, form)
    # What isn't written is seen.
    out = cuda.to_device(np.full((rows, columns), 1e30, np.float32))
    multiply(cuda.to_device(a), cuda.to_device(b), out, form, rung, **options)
    return out.copy_to_host()


def assert_right(found, a, b, form, rung):
    if rung == "tensor_cores":
        exact, scale = expected_product(a, b, form)
        assert (np.abs(found - exact) <= 2e-3 * scale).all()
        a, b = as_tf32(a), as_tf32(b)
    exact, scale = expected_product(a, b, form)
    assert (np.abs(found - exact) <= 1e-6 * scale).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 7), (17, 18, 19)], ids=str)
def test_every_rung_equals_numpy(rung, form, shape):
    a, b = factors(*shape, FORMS[form])
    assert_right(multiplied(a, b, FORMS[form], rung), a, b, FORMS[form], rung)


@pytest.mark.parametrize("rung", RUNGS)
def test_even_shapes(rung):
    a, b = factors(16, 16, 16)
    assert_right(multiplied(a, b, AB, rung), a, b, AB, rung)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rung", ["register_tiles", "tensor_cores"])
def test_several_blocks_with_ragged_ends(rung, form):
    # Only a few of the outputs are in the second row and the second column of tiles.
    shape = {"AB": (130, 132, 20), "ATB": (130, 9, 12), "ABT": (6, 131, 17)}[form]
    a, b = factors(*shape, FORMS[form])
    assert_right(multiplied(a, b, FORMS[form], rung), a, b, FORMS[form], rung)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_bias_and_an_activation_come_after_the_sum(rung):
    a, b = factors(6, 9, 10)
    bias = np.random.default_rng(5).normal(size=9).astype(np.float32)
    tolerance = {"rtol": 0, "atol": 5e-3 if rung == "tensor_cores" else 5e-6}
    plain = a.astype(np.float64) @ b
    on_device = cuda.to_device(bias)
    np.testing.assert_allclose(multiplied(a, b, rung=rung, bias=on_device), plain + bias, **tolerance)
    both = multiplied(a, b, rung=rung, bias=on_device, code=TANH.code)
    np.testing.assert_allclose(both, np.tanh(plain + bias), **tolerance)
    np.testing.assert_allclose(multiplied(a, b, rung=rung, code=TANH.code), np.tanh(plain), **tolerance)
    leaky = ACTIVATIONS["leaky_relu"]
    bent = multiplied(a, b, rung=rung, code=leaky.code, setting=0.25)
    np.testing.assert_allclose(bent, np.where(plain > 0, plain, plain / 4), **tolerance)


@pytest.mark.parametrize("rung", RUNGS)
def test_what_is_no_number_reaches_the_outputs_that_it_belongs_to(rung):
    a, b = factors(6, 7, 5)
    a[1, 2], a[3, 0], b[4, 6] = np.nan, np.inf, -np.inf
    found, (exact, _) = multiplied(a, b, rung=rung), expected_product(a, b, AB)
    for same in (np.isnan, np.isposinf, np.isneginf):
        np.testing.assert_array_equal(same(found), same(exact))
    numbers = np.isfinite(exact)
    assert numbers.sum() == 4 * 6
    np.testing.assert_allclose(found[numbers], exact[numbers], atol=1e-2)


def test_factors_that_do_not_fit_are_refused():
    a, b, c = (cuda.to_device(np.zeros(shape, np.float32)) for shape in ((2, 3), (4, 2), (2, 4)))
    with pytest.raises(ValueError, match="an inner dimension of 3 meets one of 4"):
        multiply(a, b, a)
    with pytest.raises(ValueError, match="the product has 3 × 4 numbers, and there is room for 2 × 3"):
        multiply(a, c, a, form=ATB)


@pytest.fixture
def large_gpu(monkeypatch):
    """A GPU with more multiprocessors than the simulator's one."""
    monkeypatch.setattr(cuda_target, "facts", lambda: GpuFacts("large", 2**34, (9, 0), 4, "numba_cuda"))


@pytest.mark.parametrize(
    ("shape", "form", "parts"), [((9, 66, 80), AB, 2), ((9, 7, 33), ATB, 1), ((3, 5, 100), ABT, 3)], ids=["two", "one", "three"]
)
def test_blocks_share_the_depth_of_a_tile(shape, form, parts, large_gpu):
    """In slabs of 16, of which the last part may have fewer."""
    assert parts_for(*shape) == parts
    a, b = factors(*shape, form)
    assert_right(multiplied(a, b, form, IN_PARTS), a, b, form, IN_PARTS)
    bias = np.linspace(-1, 1, shape[1]).astype(np.float32)
    found = multiplied(a, b, form, IN_PARTS, bias=cuda.to_device(bias), code=TANH.code)
    np.testing.assert_allclose(found, np.tanh(expected_product(a, b, form)[0] + bias), atol=1e-5)


def test_the_best_rung_depends_on_the_shape(large_gpu, monkeypatch):
    launched = []

    class Noted:
        def __init__(self, name):
            self._name = name

        def __getitem__(self, configuration):
            launched.append((self._name, configuration[0]))
            return lambda *arguments: None

    monkeypatch.setattr(cuda_matmul, "first_half", Noted("in parts"))
    monkeypatch.setitem(KERNELS, "register_tiles", (Noted("large tiles"), *KERNELS["register_tiles"][1:]))
    # Four tiles of 128 × 128 keep four multiprocessors busy; two don't.
    for columns in (129, 128):
        multiplied(np.zeros((129, 1), np.float32), np.zeros((1, columns), np.float32))
    assert launched == [("large tiles", (2, 2)), ("in parts", (2, 3, 1))]


def test_an_older_gpu_has_no_such_tensor_cores(monkeypatch):
    monkeypatch.setattr(cuda_target, "facts", lambda: GpuFacts("T4", 2**34, (7, 5), 40, "numba"))
    a, b = factors(2, 2, 2)
    with pytest.raises(GpuError, match=r"compute capability 8\.0"):
        multiplied(a, b, rung="tensor_cores")


# Products as steps compute them: a whole grid on one, whose blocks the simulator runs one after the other.


def team_of(shared, partial):
    """This thread's place in a team of all blocks."""
    return Team(cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x, cuda.gridDim.x, shared, partial, partial)


def _start(a, b, c, bias, sums, rows, columns, depth, size, parts, turn):
    team = Team(
        cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x, cuda.gridDim.x, cuda.shared.array(SHARED, np.float32), sums, sums
    )
    epilogue = Epilogue(bias, np.int64(0), np.int64(TANH.code), np.float32(0))
    from_a, from_b, into = matrix(a, 0, depth, 1), matrix(b, 0, 1, columns), matrix(c, 0, columns, 1)
    way = Way(size, parts)
    start_product(team, way, turn, from_a, from_b, into, rows, columns, depth, (True, False), epilogue, matrix(sums, 3, 0, 0))


def _finish(c, bias, sums, rows, columns, parts):
    team = team_of(sums, sums)
    epilogue = Epilogue(bias, np.int64(0), np.int64(TANH.code), np.float32(0))
    finish_product(team, Way(SMALL, parts), matrix(c, 0, columns, 1), rows, columns, epilogue, matrix(sums, 3, 0, 0))


@pytest.mark.parametrize(
    ("shape", "size", "parts", "blocks"),
    [
        ((20, 70, 35), 0, 1, 2),
        ((66, 70, 20), SMALL, 1, 3),
        ((130, 20, 9), LARGE, 1, 1),
        ((10, 12, 70), SMALL, 2, 3),
        # Five slabs among four: the last part has nothing to do.
        ((9, 66, 80), SMALL, 4, 5),
    ],
    ids=["one output a thread", "small tiles", "large tiles", "two parts", "an empty part"],
)
def test_blocks_share_a_product(shape, size, parts, blocks):
    rows, columns, _ = shape
    a, b = factors(*shape)
    bias = np.random.default_rng(7).normal(size=columns).astype(np.float32)
    on_device = [cuda.to_device(x.reshape(-1)) for x in (a, b)]
    c, sums = (
        cuda.to_device(np.full(rows * columns, 9, np.float32)),
        cuda.to_device(np.full(3 + parts * rows * columns, 9, np.float32)),
    )
    bias_on_device, device = cuda.to_device(bias), Device()
    device.kernel(_start)[blocks, THREADS](*on_device, c, bias_on_device, sums, *shape, size, parts, 1)
    device.kernel(_finish)[blocks, 8](c, bias_on_device, sums, rows, columns, parts)
    expected = np.tanh(a.astype(np.float64) @ b + bias)
    np.testing.assert_allclose(c.copy_to_host().reshape(rows, columns), expected, atol=1e-5)


def test_the_cheapest_way_always_has_room_for_its_parts():
    random = np.random.default_rng(3)
    ways = set()
    for _ in range(500):
        rows, columns, depth = (int(2 ** random.uniform(0, 12)) for _ in range(3))
        blocks, room = int(random.integers(1, 133)), int(2 ** random.uniform(0, 21))
        team = Team(0, THREADS, 0, blocks, None, None, None)
        size, parts = way_of(team, rows, columns, depth, room)
        ways.add((size, parts > 1))
        assert parts == 1 or (size == SMALL and parts * rows * columns <= room and parts <= blocks)
    assert ways == {(0, False), (SMALL, False), (LARGE, False), (SMALL, True)}
    assert way_of(Team(0, 8, 0, 1, None, None, None), 500, 500, 500, 1 << 20) == (0, 1), "tiles are cut for 256 threads"
