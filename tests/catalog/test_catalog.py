"""Each record's forms agree with each other and with scipy and scikit-learn; dispatch chains match the records."""

import numpy as np
import pytest
from scipy import special

from playground.catalog import elementary, losses, metrics, optimizers, schedules
from playground.catalog.activations import ACTIVATIONS
from playground.catalog.losses import LOSSES

Z = np.concatenate([np.linspace(-12, 12, 481), [-1e4, -90.0, 90.0, 1e4]]).astype(np.float32)
SCALAR = [record for record in ACTIVATIONS.values() if record.value is not None]


@pytest.mark.parametrize(
    ("function", "oracle", "x", "tolerance"),
    [
        (elementary.exp, np.exp, np.linspace(-80, 80, 3001), 2e-7),
        (elementary.log, np.log, np.geomspace(1e-30, 1e30, 3001), 2e-7),
        (elementary.tanh, np.tanh, np.linspace(-15, 15, 3001), 6e-7),
        (elementary.log_one_plus, np.log1p, np.geomspace(1e-30, 1, 3001), 2e-7),
        (elementary.normal_share, special.ndtr, np.linspace(-15, 15, 3001), 4e-7),
        (elementary.sin, np.sin, np.linspace(-1e4, 1e4, 3001), 3e-7),
        (elementary.cos, np.cos, np.linspace(-1e4, 1e4, 3001), 3e-7),
    ],
)
def test_elementary_functions_are_right_to_float32(function, oracle, x, tolerance):
    x = x.astype(np.float32)
    mine = np.array([function(value) for value in x])
    expected = oracle(x.astype(np.float64))
    assert np.abs(mine - expected).max() <= tolerance * np.abs(expected).max() or np.allclose(
        mine, expected, rtol=tolerance, atol=tolerance
    )


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_not_a_number_stays_visible():
    nan = np.float32(np.nan)
    for function in (elementary.exp, elementary.log, elementary.tanh, elementary.log_one_plus, elementary.normal_share):
        assert np.isnan(function(nan))
    for record in SCALAR:
        assert np.isnan(record.value(nan, np.float32(0.1)))
        assert np.isnan(record.array(np.array([nan]), 0.1)).all()


@pytest.mark.parametrize("record", SCALAR, ids=lambda record: record.name)
def test_scalar_and_array_forms_agree(record):
    p = np.float32(0.1)
    scalar = np.array([record.value(z, p) for z in Z])
    array = record.array(Z.astype(np.float64), 0.1)
    np.testing.assert_allclose(scalar, array, rtol=1e-6, atol=5e-7)
    slope = np.array([record.slope(z, a, p) for z, a in zip(Z, scalar, strict=True)])
    np.testing.assert_allclose(slope, record.array_slope(Z.astype(np.float64), array, 0.1), rtol=1e-6, atol=1e-6)
    low, high = record.range
    assert (array >= low).all()
    assert (array <= high).all()


@pytest.mark.parametrize("record", SCALAR, ids=lambda record: record.name)
def test_slopes_are_the_derivatives(record):
    z = np.linspace(-5, 5, 400)
    step = 1e-6
    numeric = (record.array(z + step, 0.1) - record.array(z - step, 0.1)) / (2 * step)
    np.testing.assert_allclose(record.array_slope(z, record.array(z, 0.1), 0.1), numeric, rtol=1e-6, atol=1e-8)


def test_sigmoid_and_softmax_equal_scipy():
    z = np.random.default_rng(0).normal(scale=30, size=(50, 7))
    np.testing.assert_allclose(ACTIVATIONS["sigmoid"].array(z, 0), special.expit(z), rtol=1e-12)
    np.testing.assert_allclose(ACTIVATIONS["softmax"].array(z, 0), special.softmax(z, axis=1), rtol=1e-12)
    np.testing.assert_allclose(losses.log_sum_exp(z), special.logsumexp(z, axis=1), rtol=1e-12)


def test_slopes_and_values_stay_finite_far_out():
    for z in (np.float32(-1e4), np.float32(1e4)):
        for record in SCALAR:
            p = np.float32(record.parameters[0].default if record.parameters else 0)
            a = record.value(z, p)
            assert np.isfinite(a) and np.isfinite(record.slope(z, a, p)), record.name


@pytest.mark.torch
def test_activations_equal_torch():
    torch = pytest.importorskip("torch")
    z = np.linspace(-9, 9, 2001)
    for record in SCALAR:
        if record.torch and record.name not in ("scaled_sigmoid", "leaky_relu"):
            expected = getattr(torch.nn, record.torch)()(torch.tensor(z)).numpy()
            p = record.parameters[0].default if record.parameters else 0.0
            np.testing.assert_allclose(record.array(z, p), expected, rtol=1e-6, atol=1e-12, err_msg=record.name)


def test_every_record_says_what_it_is_for_and_where_it_is_from():
    for record in [*ACTIVATIONS.values(), *LOSSES.values(), *optimizers.OPTIMIZERS.values(), *schedules.SCHEDULES.values()]:
        assert record.description.endswith(".") and record.source, record.name
    for record in ACTIVATIONS.values():
        assert record.formula and record.saturates, record.name


def test_a_single_memory_slot_is_the_first_one():
    numbers = [np.float32(value) for value in (0.5, 0.2, 0.1, 0.3, 0.01, 0.9, 0.99, 1e-8, 2.0, 3.0)]
    for record in optimizers.OPTIMIZERS.values():
        _, m, s = record.update(*numbers)
        assert (m != numbers[2]) == (record.slots > 0), record.name
        assert (s != numbers[3]) == (record.slots > 1), record.name


@pytest.mark.parametrize("loss", [loss for loss in LOSSES.values() if loss.value], ids=lambda loss: loss.name)
def test_loss_forms_agree(loss):
    random = np.random.default_rng(1)
    a = random.uniform(0.02, 0.98, 200).astype(np.float32)
    t = random.integers(0, 2, 200).astype(np.float32)
    p = np.float32(0.25)
    scalar = np.array([loss.value(x, y, p) for x, y in zip(a, t, strict=True)])
    np.testing.assert_allclose(scalar, loss.array(a.astype(np.float64), t, 0.25), rtol=2e-5)
    slope = np.array([loss.slope(x, y, p) for x, y in zip(a, t, strict=True)])
    np.testing.assert_allclose(slope, loss.array_slope(a.astype(np.float64), t, 0.25), rtol=2e-5)


def test_cross_entropies_equal_scikit_learn():
    from sklearn.metrics import log_loss

    random = np.random.default_rng(2)
    z = random.normal(scale=3, size=(60, 4))
    true = random.integers(0, 4, 60)
    mine = LOSSES["categorical_cross_entropy"].logit_array(z, np.eye(4)[true]).mean()
    assert mine == pytest.approx(log_loss(true, special.softmax(z, axis=1)), rel=1e-9)
    binary = random.integers(0, 2, 60)
    mine = LOSSES["binary_cross_entropy"].logit_array(z[:, 0], binary).mean()
    assert mine == pytest.approx(log_loss(binary, special.expit(z[:, 0])), rel=1e-9)


def test_metrics_equal_scikit_learn():
    from sklearn.metrics import accuracy_score, r2_score, root_mean_squared_error

    random = np.random.default_rng(3)
    classes, guesses = random.integers(0, 3, 80), random.integers(0, 3, 80)
    assert metrics.accuracy(guesses, classes) == pytest.approx(accuracy_score(classes, guesses))
    labels, marks = random.integers(0, 2, (80, 3)), random.integers(0, 2, (80, 3))
    assert metrics.accuracy(marks, labels) == pytest.approx(accuracy_score(labels, marks))
    true, predicted = random.normal(size=(80, 3)), random.normal(size=(80, 3))
    true[:, 2] = 1.5
    assert metrics.rmse(predicted, true) == pytest.approx(root_mean_squared_error(true, predicted))
    assert metrics.r2(predicted, true) == pytest.approx(r2_score(true, predicted))


def test_initializers_have_the_textbook_variance():
    from playground.catalog.initializers import INITIALIZERS, Uniform

    random = np.random.default_rng(0)
    shape, fan_in, fan_out = (300, 500), 300, 500
    variance = {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in, "lecun": 1 / fan_in}
    for name in (f"{rule}_{form}" for rule in variance for form in ("uniform", "normal")):
        w = INITIALIZERS[name].draw(random, shape, fan_in, fan_out, None)
        assert w.shape == shape
        assert w.var() == pytest.approx(variance[name.partition("_")[0]], rel=0.02)
    w = INITIALIZERS["uniform"].draw(random, shape, fan_in, fan_out, Uniform(low=-0.25, high=0.75))
    assert -0.25 <= w.min() < -0.24
    assert 0.74 < w.max() <= 0.75
    assert not INITIALIZERS["zeros"].draw(random, (3, 2), 3, 2, None).any()
    assert (INITIALIZERS["ones"].draw(random, (3, 2), 3, 2, None) == 1).all()
    for shape in ((40, 7), (7, 40), (5, 5), (1, 9)):
        q = INITIALIZERS["orthogonal"].draw(random, shape, *shape, None)
        square = q @ q.T if shape[0] < shape[1] else q.T @ q
        np.testing.assert_allclose(square, np.eye(min(shape)), atol=1e-12)


def test_schedules_meet_their_ends():
    factor = {name: record.factor for name, record in schedules.SCHEDULES.items()}
    assert factor["constant"](7.3, 10.0, 0.0, 0.0, 0.0) == 1
    assert [factor["step"](epoch, 90.0, 30.0, 0.1, 0.0) for epoch in (0, 29.9, 30, 60)] == pytest.approx([1, 1, 0.1, 0.01])
    assert [factor["exponential"](epoch, 9.0, 0.9, 0.0, 0.0) for epoch in (0, 0.9, 1, 2)] == pytest.approx([1, 1, 0.9, 0.81])
    assert [factor["cosine"](epoch, 10.0, 0.2, 0.0, 0.0) for epoch in (0, 5, 10, 15)] == pytest.approx([1, 0.6, 0.2, 0.2])
    ends = [factor["one_cycle"](epoch, 10.0, 0.3, 25.0, 1e4) for epoch in (0, 3, 10, 11)]
    assert ends == pytest.approx([1 / 25, 1, 1 / 25e4, 1 / 25e4])
    assert [factor["warm_up"](epoch, 10.0, 4.0, 0.2, 0.0) for epoch in (0, 2, 4, 9)] == pytest.approx([0.2, 0.6, 1, 1])
