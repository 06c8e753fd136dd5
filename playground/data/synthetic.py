"""Points in the plane drawn by a rule; ``noise`` is a share 0 … 1 here, percent in an experiment.

Circle, xor, gauss, spiral, plane and multi_gauss have the geometry of TensorFlow Playground, so that results compare.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.arrays import Array
from playground.catalog.datasets import SYNTHETIC
from playground.catalog.tasks import TASKS
from playground.data.dataset import Dataset

Random = np.random.Generator
RADIUS = 5.0


Rule = Callable[[Random, int, float], tuple[Array, Array]]

# How each set is drawn, by its name: ``rule(random, samples, noise) -> points (n, 2), targets (n,)``.
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Register the decorated function as what draws the set of its name."""
    RULES[function.__name__] = function
    return function


def _polar(radius: Array, angle: Array) -> Array:
    return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])


@rule
def circle(random: Random, samples: int, noise: float) -> tuple[Array, Array]:
    """A disc of radius 2.5 in a ring from 3.5 to 5; noise moves a point before its label is decided."""
    inner = np.arange(samples) < samples // 2
    radius = np.where(inner, random.uniform(0, RADIUS / 2, samples), random.uniform(0.7 * RADIUS, RADIUS, samples))
    points = _polar(radius, random.uniform(0, 2 * np.pi, samples))
    seen = points + random.uniform(-RADIUS, RADIUS, (samples, 2)) * noise
    return points, (np.hypot(*seen.T) < RADIUS / 2).astype(float)


@rule
def xor(random: Random, samples: int, noise: float) -> tuple[Array, Array]:
    """Four quadrants, opposite ones alike, 0.3 away from the axes; noise decides the label from a moved point."""
    points = random.uniform(-RADIUS, RADIUS, (samples, 2))
    points += np.where(points > 0, 0.3, -0.3)
    seen = points + random.uniform(-RADIUS, RADIUS, (samples, 2)) * noise
    return points, (seen[:, 0] * seen[:, 1] >= 0).astype(float)


@rule
def gauss(random: Random, samples: int, noise: float) -> tuple[Array, Array]:
    """Two normal clouds around (2, 2) and (−2, −2); noise 0 … 0.5 widens their variance from 0.5 to 4."""
    variance = 0.5 + 3.5 * noise / 0.5
    first = np.arange(samples) < samples // 2
    center = np.where(first, 2.0, -2.0)[:, None]
    return center + random.normal(0, np.sqrt(variance), (samples, 2)), first.astype(float)


@rule
def spiral(random: Random, samples: int, noise: float) -> tuple[Array, Array]:
    """Two arms that wind 1¾ turns around each other; noise shifts each point by up to ±noise."""
    first = np.arange(samples) < samples - samples // 2
    arm = np.where(first, samples - samples // 2, samples // 2)
    index = np.where(first, np.arange(samples), np.arange(samples) - (samples - samples // 2))
    turn = 1.75 * index / arm * 2 * np.pi + np.where(first, 0.0, np.pi)
    points = _polar(index / arm * RADIUS, turn) + random.uniform(-1, 1, (samples, 2)) * noise
    return points, first.astype(float)


@rule
def moons(random: Random, samples: int, noise: float) -> tuple[Array, Array]:
    """Two half circles that reach into each other; noise is the deviation of a normal shift, in radii."""
    first = np.arange(samples) < samples // 2
    angle = random.uniform(0, np.pi, samples)
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    lower = np.column_stack([1 - np.cos(angle), 0.5 - np.sin(angle)])
    points = (np.where(first[:, None], upper, lower) - (0.5, 0.25)) * 3.0
    return points + random.normal(0, 3.0 * noise, (samples, 2)), first.astype(float)


@rule
def rings(random: Random, samples: int, noise: float) -> tuple[Array, Array]:
    """Rings of equal width, every second one alike; noise decides the label from a moved point."""
    points = _polar(RADIUS * np.sqrt(random.uniform(0, 1, samples)), random.uniform(0, 2 * np.pi, samples))
    seen = points + random.uniform(-RADIUS, RADIUS, (samples, 2)) * noise
    return points, (np.floor(np.hypot(*seen.T) / (RADIUS / 3)) % 2 == 0).astype(float)


@rule
def checkerboard(random: Random, samples: int, noise: float) -> tuple[Array, Array]:
    """Four by four squares in turns; noise decides the label from a moved point."""
    points = random.uniform(-RADIUS, RADIUS, (samples, 2))
    seen = points + random.uniform(-RADIUS, RADIUS, (samples, 2)) * noise
    return points, (np.floor(seen / (RADIUS / 2)).sum(axis=1) % 2 == 0).astype(float)


@rule
def plane(random: Random, samples: int, noise: float) -> tuple[Array, Array]:
    """A slope: (x₁ + x₂) / 10; noise decides the height from a moved point."""
    points = random.uniform(-6, 6, (samples, 2))
    seen = points + random.uniform(-6, 6, (samples, 2)) * noise
    return points, seen.sum(axis=1) / 10


@rule
def multi_gauss(random: Random, samples: int, noise: float) -> tuple[Array, Array]:
    """Six cones of radius 2, up and down in turns; noise decides the height from a moved point."""
    points = random.uniform(-6, 6, (samples, 2))
    seen = points + random.uniform(-6, 6, (samples, 2)) * noise
    height = np.zeros(samples)
    for center_x, center_y, sign in (
        (-4, 2.5, 1),
        (0, 2.5, -1),
        (4, 2.5, 1),
        (-4, -2.5, -1),
        (0, -2.5, 1),
        (4, -2.5, -1),
    ):
        cone = sign * np.clip(1 - np.hypot(seen[:, 0] - center_x, seen[:, 1] - center_y) / 2, 0, 1)
        height = np.where(np.abs(cone) > np.abs(height), cone, height)
    return points, height


def draw(name: str, samples: int, noise: float, seed: int) -> Dataset:
    """Draw a set.

    Parameters
    ----------
    name
        Of a set in the catalog.
    samples
        Number of points.
    noise
        In percent, 0 … 100.
    seed
        The same seed gives the same points.
    """
    record = SYNTHETIC[name]
    classes = TASKS[record.task].classes
    points, targets = RULES[name](np.random.default_rng([seed, 1]), samples, noise / 100)
    return Dataset(
        name=name,
        title=record.title,
        description=record.description,
        task=record.task,
        features=points,
        targets=targets[:, None],
        feature_names=("x1", "x2"),
        target_names=("class" if classes else "height",),
        class_names=("orange", "blue") if classes else (),
        planar=True,
        extent=6.0,
    )
