"""A network that has diverged is drawn as it is: infinite values in the strongest color, what is no number in the middle one."""

from dataclasses import replace

import numpy as np
import pytest

from playground.gui.canvas.layout import edges_between
from playground.gui.widgets.pictures import colorize, middle_and_reach, strongest
from playground.training import parts

pytestmark = pytest.mark.window

ODD = np.array([np.inf, -np.inf, np.nan, 3e38, -3e38], np.float32)


def odd(values):
    """The same values with some that are none among them; of layers but the first, which holds the data."""
    if isinstance(values, (tuple, list)):
        return type(values)([*values[:1], *map(odd, values[1:])])
    if not isinstance(values, np.ndarray) or values.dtype != np.float32 or not values.size:
        return values
    found = values.copy()
    found.flat[:: max(1, found.size // 7)] = np.resize(ODD, len(found.flat[:: max(1, found.size // 7)]))
    return found


@pytest.mark.parametrize("name", ["circle", "spiral", "digits_conv", "ratings", "iris"])
def test_every_view_draws_values_that_are_no_numbers(open_window, name):
    driver = open_window(name)
    driver.train_some()
    shown = driver.snapshot
    watched = {part: odd(values) for part, values in shown.parts.items() if part is not parts.health}
    diverged = replace(shown, parameters=odd(shown.parameters), parts={**shown.parts, **watched})
    panels = driver.panels
    for view in (panels.canvas, panels.outputs, panels.surface if parts.surface in shown.parts else panels.rows):
        view.show_snapshot(diverged)
        assert not view.grab().isNull()
        view.show_snapshot(shown)
        assert not view.grab().isNull()


def test_infinite_values_have_the_strongest_color_and_leave_the_others_theirs():
    colors = np.arange(256, dtype=np.uint32)
    values = np.array([-np.inf, -2, 0, 1, np.nan, np.inf], np.float32)
    assert strongest(values) == 2.0
    assert middle_and_reach(-np.inf, np.inf, values) == (0.0, 2.0)
    assert colorize(values, strongest(values), colors).tolist() == [0, 0, 127, 191, 127, 255]
    assert strongest(np.array([np.inf, np.nan], np.float32)) == strongest(np.zeros(0, np.float32)) == 1e-6


def test_an_infinite_weight_is_the_thickest_edge_and_one_that_is_no_number_the_thinnest(driver):
    lanes = driver.canvas.lanes[:2]
    weights = np.full((lanes[0].shown, lanes[1].shown), 0.5, np.float32)
    weights[0, 0], weights[0, 1], weights[1, 0] = np.inf, np.nan, -np.inf
    edges = edges_between(lanes, [weights], [np.arange(lanes[0].shown)])
    width = {(int(a), int(b)): float(row[4]) for a, b, row in zip(edges.sources, edges.targets, edges.curves, strict=True)}
    assert np.isfinite(edges.curves).all()
    assert width[0, 0] == width[1, 0] == max(width.values()) > width[1, 1] > width[0, 1] == min(width.values())
