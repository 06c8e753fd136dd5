"""Drawn sets: how many points, where they lie, which rule gives their labels, and that a seed decides about all of it."""

import numpy as np
import pytest
from sklearn.datasets import make_moons

from playground.catalog.datasets import SYNTHETIC
from playground.data.sources import load_dataset
from playground.data.synthetic import RULES, draw
from playground.experiment import DataSpec, SyntheticSource

CLASSES = ["circle", "xor", "gauss", "spiral", "moons", "rings", "checkerboard"]
QUANTITIES = ["plane", "multi_gauss"]


def points_and_labels(name, samples=2000, noise=0, seed=0):
    dataset = draw(name, samples, noise, seed)
    return dataset.features, dataset.targets[:, 0]


def radius(points):
    return np.hypot(points[:, 0], points[:, 1])


def test_every_rule_can_be_chosen_and_poses_its_task():
    assert list(RULES) == list(SYNTHETIC) == [*CLASSES, *QUANTITIES]
    assert {name: draw(name, 10, 0, 0).task for name in RULES} == {
        **dict.fromkeys(CLASSES, "binary"),
        **dict.fromkeys(QUANTITIES, "regression"),
    }


def test_a_drawn_set_has_the_catalogs_words():
    for name, record in SYNTHETIC.items():
        dataset = draw(name, 10, 0, 0)
        assert (dataset.name, dataset.title, dataset.description) == (name, record.title, record.description)


@pytest.mark.parametrize("samples", [10, 11, 500])
@pytest.mark.parametrize("name", RULES)
def test_as_many_points_as_asked_for(name, samples):
    dataset = draw(name, samples, 20, 0)
    assert dataset.features.shape == (samples, 2)
    assert dataset.targets.shape == (samples, 1)
    assert dataset.features.dtype == dataset.targets.dtype == np.float64
    assert len(dataset.class_names) == (0 if name in QUANTITIES else 2)


@pytest.mark.parametrize("noise", [0, 5])
@pytest.mark.parametrize("name", RULES)
def test_points_lie_inside_the_picture(name, noise):
    dataset = draw(name, 2000, noise, 1)
    reach = np.abs(dataset.features).max(axis=0)
    assert (reach <= dataset.extent).all()
    assert (reach > dataset.extent / 3).all(), "and they fill it"


@pytest.mark.parametrize("name", RULES)
def test_much_noise_still_gives_numbers(name):
    dataset = draw(name, 1000, 100, 0)
    assert np.isfinite(dataset.features).all()
    assert np.isfinite(dataset.targets).all()


@pytest.mark.parametrize("name", RULES)
def test_a_seed_decides_about_the_points(name):
    first, same, other = (draw(name, 100, 30, seed) for seed in (7, 7, 8))
    assert np.array_equal(first.features, same.features)
    assert np.array_equal(first.targets, same.targets)
    assert not np.array_equal(first.features, other.features)


@pytest.mark.parametrize("name", CLASSES)
def test_labels_are_roughly_balanced(name):
    dataset = draw(name, 2000, 0, 0)
    assert set(dataset.targets[:, 0]) == {0.0, 1.0}
    assert 0.3 < dataset.targets.mean() < 0.7
    assert dataset.class_names == ("orange", "blue")


@pytest.mark.parametrize("name", QUANTITIES)
def test_heights_have_no_classes_and_stay_between_minus_and_plus_1_2(name):
    dataset = draw(name, 2000, 0, 0)
    assert dataset.class_names == ()
    assert -1.2 <= dataset.targets.min() < -0.7
    assert 0.7 < dataset.targets.max() <= 1.2


def test_circle_is_a_disc_inside_a_ring():
    points, labels = points_and_labels("circle")
    assert radius(points[labels == 1]).max() < 2.5
    ring = radius(points[labels == 0])
    assert 3.5 <= ring.min() < 3.6
    assert 4.9 < ring.max() <= 5
    assert (labels == 1).sum() == 1000


def test_xor_is_the_sign_of_the_product_with_a_gap_at_the_axes():
    points, labels = points_and_labels("xor")
    assert np.array_equal(labels == 1, points.prod(axis=1) > 0)
    assert 0.3 <= np.abs(points).min() < 0.35
    assert 5.2 < np.abs(points).max() <= 5.3


@pytest.mark.parametrize(("noise", "variance"), [(0, 0.5), (10, 1.2), (50, 4.0)])
def test_gauss_is_two_clouds_that_noise_widens(noise, variance):
    points, labels = points_and_labels("gauss", 20_000, noise)
    for label, center in ((1, 2), (0, -2)):
        cloud = points[labels == label]
        assert np.allclose(cloud.mean(axis=0), center, atol=0.1)
        assert np.allclose(cloud.var(axis=0), variance, rtol=0.05)


def test_spiral_arms_wind_one_and_three_quarter_turns():
    points, labels = points_and_labels("spiral", 501)
    assert (labels == 1).sum() == 251, "the odd one goes to the first arm"
    for label, half_turn in ((1, 0), (0, np.pi)):
        arm = points[labels == label]
        turn = 1.75 * 2 * np.pi * radius(arm) / 5 + half_turn
        assert np.allclose(arm, radius(arm)[:, None] * np.column_stack([np.sin(turn), np.cos(turn)]))
    noisy, _ = points_and_labels("spiral", 501, noise=50)
    assert 0.4 < np.abs(noisy - points).max() <= 0.5


def test_moons_are_scikit_learns_moons_enlarged():
    points, labels = points_and_labels("moons", 500)
    grid, which = make_moons(4000, shuffle=False)
    unscaled = points / 3 + (0.5, 0.25)
    for label, moon in ((1, 0), (0, 1)):
        distances = np.hypot(*(unscaled[labels == label][:, None] - grid[which == moon][None]).transpose(2, 0, 1)).min(axis=1)
        assert distances.max() < 2e-3


def test_rings_take_turns_every_third_of_the_radius():
    points, labels = points_and_labels("rings")
    distance = radius(points)
    middle = (distance > 5 / 3) & (distance < 10 / 3)
    assert np.array_equal(labels == 0, middle)
    assert distance.max() <= 5


def test_checkerboard_squares_take_turns():
    points, labels = points_and_labels("checkerboard")
    column, row = ((points + 5) // 2.5).astype(int).T
    assert set(column) == set(row) == {0, 1, 2, 3}
    assert np.array_equal(labels == 1, (column + row) % 2 == 0)


def test_plane_rises_by_a_tenth_of_the_sum():
    points, heights = points_and_labels("plane")
    assert np.allclose(heights, (points[:, 0] + points[:, 1]) / 10)


def test_multi_gauss_has_three_hills_and_three_hollows_on_flat_ground():
    points, heights = points_and_labels("multi_gauss")
    centers = np.array([(-4, 2.5), (0, 2.5), (4, 2.5), (-4, -2.5), (0, -2.5), (4, -2.5)])
    signs = np.array([1, -1, 1, -1, 1, -1])
    distances = np.linalg.norm(points[:, None] - centers, axis=2)
    nearest = distances.argmin(axis=1)
    expected = signs[nearest] * np.maximum(0, 1 - distances.min(axis=1) / 2)
    assert np.allclose(heights, expected)
    assert (heights == 0).any()


@pytest.mark.parametrize("name", ["circle", "xor", "rings", "checkerboard", "plane", "multi_gauss"])
def test_noise_decides_the_answer_from_a_moved_point_and_leaves_the_point(name):
    points, answers = points_and_labels(name)
    same_points, noisy = points_and_labels(name, noise=20)
    assert np.array_equal(points, same_points)
    changed = (answers != noisy).mean()
    assert 0.02 < changed <= 1
    if name in CLASSES:
        assert changed < 0.5


def test_an_experiments_data_are_drawn_with_its_seed():
    source = SyntheticSource(name="xor", samples=40, noise=10.0)
    loaded = load_dataset(DataSpec(source=source, seed=3), "binary")
    assert np.array_equal(loaded.features, draw("xor", 40, 10.0, 3).features)
    assert loaded.planar
