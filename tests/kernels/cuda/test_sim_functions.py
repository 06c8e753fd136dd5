"""The catalog's functions and the primitives as a kernel calls them, in the simulator, against NumPy and the catalog."""

import numpy as np
import pytest
from scipy import special

from playground.catalog import elementary
from playground.catalog.activations import ACTIVATIONS
from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS
from playground.kernels.compiling import loss_slope, loss_value
from playground.kernels.cuda import primitives as cuda_primitives
from playground.kernels.cuda import target as cuda_target
from playground.kernels.cuda.compiling import Device
from playground.kernels.cuda.layers import activation_slope
from playground.kernels.cuda.products import activation_value
from playground.kernels.cuda.stepping import is_no_number, optimizer_step

cuda = cuda_target.load()
X = np.concatenate([np.linspace(-12, 12, 97), [-1e4, -90.0, 0.0, 90.0, 1e4]]).astype(np.float32)
SCALAR = [record for record in ACTIVATIONS.values() if record.value is not None]
"""Activations that look at one number at a time."""
SCALAR_LOSSES = [record for record in LOSSES.values() if record.value is not None]


def computed(function, *columns, results=1):
    """What ``function(*row)`` gives for each row of the columns, computed in a kernel by a few threads."""
    found = cuda.to_device(np.zeros((len(columns[0]), results), np.float32))

    def compute(found, *columns):
        for i in range(cuda.threadIdx.x, found.shape[0], cuda.blockDim.x):
            result = function(*[column[i] for column in columns])
            found[i] = result

    Device().kernel(compute)[1, 4](found, *(cuda.to_device(np.asarray(column)) for column in columns))
    numbers = found.copy_to_host()
    return numbers if results > 1 else numbers[:, 0]


def everywhere(number, dtype=np.float32):
    return np.full(len(X), number, dtype)


def nearest_tf32(x):
    """The nearest numbers with 10 bits after the point, ties away from zero, by arithmetic alone."""
    share, power = np.frexp(np.float64(x))
    return np.ldexp(np.sign(share) * np.floor(np.abs(share) * 2**11 + 0.5) / 2**11, power).astype(np.float32)


@pytest.mark.parametrize(
    ("function", "oracle", "x", "tolerance"),
    [
        (elementary.floor, np.floor, X, 0),
        (elementary.sqrt, lambda x: np.sqrt(x.astype(np.float64)).astype(np.float32), np.abs(X), 0),
        (elementary.power_of_two, lambda x: np.exp2(x.astype(np.float64)), np.arange(-126, 128), 0),
        (elementary.exponent, lambda x: np.frexp(x)[1], np.geomspace(2e-38, 3e38, 99), 0),
        (elementary.mantissa, lambda x: np.frexp(x)[0], np.geomspace(2e-38, 3e38, 99), 0),
        (elementary.exp, np.exp, np.linspace(-80, 80, 99), 2e-7),
        (elementary.log, np.log, np.geomspace(1e-30, 1e30, 99), 2e-7),
        (elementary.tanh, np.tanh, X, 6e-7),
        (elementary.log_one_plus, np.log1p, np.geomspace(1e-30, 1, 99), 2e-7),
        (elementary.normal_share, special.ndtr, X, 4e-7),
        (elementary.sin, np.sin, X, 3e-7),
        (elementary.cos, np.cos, X, 3e-7),
        (cuda_primitives.rounded_to_tf32, nearest_tf32, np.concatenate([X, np.float32(1 + 2.0**-11 * np.arange(9))]), 0),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_elementary_functions_equal_numpy(function, oracle, x, tolerance):
    x = x.astype(np.float32)
    expected = oracle(x if tolerance == 0 else x.astype(np.float64))
    np.testing.assert_allclose(computed(function, x), expected, rtol=tolerance, atol=tolerance)


def test_functions_are_made_of_the_primitives_of_the_gpu():
    """By their NumPy forms they would be right here, and not compile where there is a GPU."""
    device = Device()
    for function in elementary.ELEMENTARY:
        names = device._device(function).__globals__
        for primitive in (elementary.floor, elementary.sqrt, elementary.power_of_two, elementary.exponent, elementary.mantissa):
            if primitive.__name__ in function.__code__.co_names:
                other = names[primitive.__name__]
                assert other.__module__ == cuda_primitives.__name__ or other.__code__.co_filename == cuda_primitives.__file__


def test_bits_and_places():
    numbers = cuda.to_device(np.arange(16, dtype=np.float32))
    whole = cuda.to_device(np.array([5, -7], np.int32))
    found = cuda.to_device(np.zeros(8, np.int64))

    def move(numbers, whole, found):
        four = cuda_primitives.load4(numbers, 4)
        cuda_primitives.store4(numbers, 8, four)
        numbers[0] = cuda_primitives.load(numbers, 15)
        found[0] = cuda_primitives.load_fresh(whole, 1)
        found[1] = cuda_primitives.quotient(np.int64(2**31 - 1), np.int64(7))
        found[2] = cuda_primitives.quotient(np.int64(6), np.int64(7))
        found[3] = cuda_primitives.bits_of(np.float32(-1.5))
        numbers[1] = cuda_primitives.from_bits(np.int32(0x3F800000))

    Device().kernel(move)[1, 1](numbers, whole, found)
    assert found.copy_to_host()[:4].tolist() == [-7, (2**31 - 1) // 7, 0, int(np.float32(-1.5).view(np.int32))]
    assert numbers.copy_to_host().tolist() == [15, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15]


def test_what_is_no_number_is_found():
    x = np.array([0, -1, 3e38, 1e-45, np.inf, -np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(computed(is_no_number, x) != 0, ~np.isfinite(x))


@pytest.mark.parametrize("record", SCALAR, ids=lambda record: record.name)
def test_activations_and_their_slopes_equal_the_catalogs(record):
    code, p = everywhere(record.code, np.int64), np.float32(0.1)
    a = computed(activation_value, code, X, everywhere(p))
    np.testing.assert_array_equal(a, [record.value(x, p) for x in X])
    expected = record.array(X.astype(np.float64), 0.1)
    np.testing.assert_allclose(a, expected, rtol=1e-6, atol=5e-7)
    slope = computed(activation_slope, code, X, a, everywhere(p))
    np.testing.assert_allclose(slope, record.array_slope(X.astype(np.float64), expected, 0.1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("record", SCALAR_LOSSES, ids=lambda record: record.name)
def test_losses_and_their_slopes_equal_the_catalogs(record):
    random = np.random.default_rng(1)
    a = random.uniform(0.02, 0.98, len(X)).astype(np.float32)
    t = random.integers(0, 2, len(X)).astype(np.float32)
    columns = everywhere(record.code, np.int64), a, t, everywhere(0.25)
    np.testing.assert_allclose(computed(loss_value, *columns), record.array(a.astype(np.float64), t, 0.25), rtol=2e-5)
    np.testing.assert_allclose(computed(loss_slope, *columns), record.array_slope(a.astype(np.float64), t, 0.25), rtol=2e-5)


@pytest.mark.parametrize("record", OPTIMIZERS.values(), ids=lambda record: record.name)
def test_optimizer_steps_equal_the_catalogs(record):
    random = np.random.default_rng(2)
    w, g = random.normal(size=(2, len(X)))
    m, s = random.uniform(0.1, 1.0, size=(2, len(X)))
    columns = [w, g, m, s, *(np.full(len(X), number) for number in (0.1, 0.9, 0.99, 1e-3, 2.0, 3.0))]
    expected = record.update(*columns)
    found = computed(optimizer_step, everywhere(record.code, np.int64), *(c.astype(np.float32) for c in columns), results=3)
    for mine, theirs in zip(found.T, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
