"""Painted arithmetic against geometry that is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QColor, QImage

from playground.gui.widgets.pictures import as_image, boundary, colorize, edge_height, ink, middle_and_reach
from playground.kernels import edges as painting


def plane(size):
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    return np.meshgrid(axis, axis)


@given(radius=st.floats(0.2, 0.9))
def test_the_boundary_of_a_disc_is_a_circle(radius):
    x, y = plane(80)
    ends = boundary((radius - np.hypot(x, y)).astype(np.float32), 0.0).reshape(-1, 2) / 80 * 2 - 1
    assert len(ends) > 40
    assert np.abs(np.hypot(*ends.T) - radius).max() < 0.01


def test_the_boundary_of_a_saddle_never_crosses_itself_and_a_flat_picture_has_none():
    x, y = plane(41)
    segments = boundary((x * y).astype(np.float32), 0.01)
    assert np.isfinite(segments).all()
    assert len(boundary(np.ones((10, 10), np.float32), 0.0)) == 0
    assert len(boundary(np.full((10, 10), np.nan, np.float32), 0.5)) == 0


def test_colors_run_from_one_end_to_the_other():
    scale = np.arange(256, dtype=np.uint32)
    values = np.array([-5, -1, 0, 1, 5, np.nan, np.inf], np.float32)
    assert colorize(values, 1.0, scale).tolist() == [0, 0, 127, 255, 255, 127, 255]


def image_of(*edges, size=(60, 120)):
    image = np.zeros(size, np.uint32)
    painting.draw_edges(image, np.array(edges, np.float32), np.full(len(edges), 0xFF1D63B8, np.uint32))
    return image


@pytest.mark.compile
def test_a_level_edge_covers_its_width_and_no_more():
    image = image_of((10, 30, 110, 30, 4.0, 1.0))
    alpha = (image >> 24) / 255.0
    assert np.allclose(alpha[:, 20:100].sum(axis=0), 4.0, atol=0.1)
    assert alpha[:, :9].sum() == 0
    assert (image[30, 60] & 0xFFFFFF) == 0x1D63B8


@pytest.mark.compile
def test_a_slanted_edge_has_the_same_thickness_across_and_runs_where_edge_height_says():
    edge = (10, 5, 110, 55, 3.0, 1.0)
    image = image_of(edge)
    rows = np.arange(60) + 0.5
    for column in (20, 60, 90):
        weights = (image[:, column] >> 24) / 255.0
        center = (weights * rows).sum() / weights.sum()
        assert abs(center - edge_height(np.array(edge), column + 0.5)) < 0.3


@pytest.mark.compile
def test_a_thin_edge_is_faint_and_colors_mix_as_coverage_says():
    image = image_of((10, 30.5, 110, 30.5, 0.5, 0.8))
    assert np.isclose((image[30, 60] >> 24) / 255, 0.4, atol=0.02)
    twice = image_of((10, 30.5, 110, 30.5, 1.0, 0.5), (10, 30.5, 110, 30.5, 1.0, 0.5))
    assert np.isclose((twice[30, 60] >> 24) / 255, 0.75, atol=0.02)


@pytest.mark.compile
@given(
    st.lists(st.tuples(*[st.floats(-200, 300, width=32)] * 4, st.floats(0, 9, width=32), st.floats(0, 1, width=32)), max_size=8)
)
def test_edges_beyond_the_image_leave_its_surroundings_alone(edges):
    guarded = np.zeros((40, 64), np.uint32)
    inside = guarded[5:35]
    painting.draw_edges(inside, np.array(edges, np.float32).reshape(-1, 6), np.full(len(edges), 0xFF123456, np.uint32))
    assert guarded[:5].sum() == 0
    assert guarded[35:].sum() == 0


def test_an_image_has_the_pixels_of_its_array():
    pixels = np.array([[0xFF102030, 0xFFFFFFFF, 0xFF000000], [0xFF00FF00, 0xFFFF0000, 0xFF0000FF]], np.uint32)
    image = as_image(pixels)
    assert (image.width(), image.height()) == (3, 2)
    assert [[image.pixel(x, y) for x in range(3)] for y in range(2)] == pixels.tolist()


@given(gray=st.integers(0, 255))
def test_ink_is_the_color_as_opaque_as_the_gray_is_strong(gray):
    pixels = ink(np.array([[0, gray, 255]]), QColor("#204060"))
    image = as_image(pixels, QImage.Format.Format_ARGB32)
    colors = [image.pixelColor(x, 0) for x in range(3)]
    assert [color.alpha() for color in colors] == [0, gray, 255]
    assert colors[2].name() == "#204060"


# Corners of a cell, a b over c d, as above (1) or below (0), and between which sides the line runs.
TOP, LEFT, RIGHT, BOTTOM = (1.0, 0.5), (0.5, 1.0), (1.5, 1.0), (1.0, 1.5)
CELLS = {
    (0, 0, 0, 0): (),
    (0, 0, 0, 1): ((RIGHT, BOTTOM),),
    (0, 0, 1, 0): ((LEFT, BOTTOM),),
    (0, 0, 1, 1): ((LEFT, RIGHT),),
    (0, 1, 0, 0): ((TOP, RIGHT),),
    (0, 1, 0, 1): ((TOP, BOTTOM),),
    (0, 1, 1, 0): ((TOP, LEFT), (RIGHT, BOTTOM)),
    (0, 1, 1, 1): ((TOP, LEFT),),
    (1, 0, 0, 1): ((TOP, RIGHT), (LEFT, BOTTOM)),
}


@pytest.mark.parametrize("corners", CELLS)
def test_a_cell_is_crossed_between_the_sides_whose_ends_differ(corners):
    """All sixteen: where all corners are the other way round, the line is the same, but for the two saddles, which are named."""
    saddle = corners in ((0, 1, 1, 0), (1, 0, 0, 1))
    for sign in (1,) if saddle else (1, -1):
        values = sign * (2 * np.array(corners, np.float32).reshape(2, 2) - 1)
        found = {tuple(sorted([(x0, y0), (x1, y1)])) for x0, y0, x1, y1 in boundary(values, 0.0).tolist()}
        assert found == {tuple(sorted(line)) for line in CELLS[corners]}


def test_the_middle_color_and_how_far_the_strongest_lie_from_it():
    values = np.array([-3.0, 2.0], np.float32)
    assert middle_and_reach(0.0, 1.0, values) == (0.5, 0.5), "a sigmoid's middle is undecided"
    assert middle_and_reach(-1.0, 1.0, values) == (0.0, 1.0)
    assert middle_and_reach(-np.inf, np.inf, values) == (0.0, 3.0)
    assert middle_and_reach(0.0, np.inf, values) == (0.0, 3.0)
