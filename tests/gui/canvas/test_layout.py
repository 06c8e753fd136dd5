"""Where lanes, neurons and edges lie: geometry that holds for every network and every size, without a window."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.gui.canvas.layout import (
    GRIP,
    HEADER,
    LANE,
    LANES_APART,
    MOST_EDGES,
    MOST_MAPS,
    Look,
    Size,
    edges_between,
    lay_out,
    minimum_width,
)

units = st.lists(st.integers(1, 80), min_size=2, max_size=7).map(tuple)
COLUMN, MAPS, STRIP = Look(), Look("maps", width=76, slot=120, side=40), Look("strip", width=40, slot=90)


def placed(widths, extra=0, height=600, **other):
    """Lanes on a canvas as wide as they need, or wider; and the size."""
    size = Size(widths, 1, height, **other)
    size = Size(widths, minimum_width(size) + extra, height, **other)
    return lay_out(size), size


@given(widths=units, extra=st.integers(0, 2000), height=st.integers(330, 1400), foot=st.sampled_from([0, 36]))
def test_neurons_lie_in_their_lanes_and_lanes_beside_each_other(widths, extra, height, foot):
    lanes, size = placed(widths, extra, height, foot=foot)
    assert [lane.units for lane in lanes] == list(widths)
    assert lanes[0].left >= 0 and lanes[-1].left + lanes[-1].width <= size.width
    for before, lane in itertools.pairwise(lanes):
        # At the least width, where the canvas begins to scroll, all gaps together lack half a lane.
        assert lane.left >= before.left + before.width + (LANES_APART if extra >= LANE / 2 else 0) - 1e-3
    for lane in lanes:
        x, y, width, tall = lane.nodes.T
        assert 1 <= lane.shown <= lane.units
        assert (x >= lane.left - 0.01).all() and (x + width <= lane.left + lane.width + 0.01).all()
        assert (y >= lane.top - 0.01).all() and (y + tall <= height - foot + 0.01).all()
        assert lane.top == HEADER and lane.height == height - HEADER


@given(widths=units, height=st.integers(330, 1400))
def test_neurons_of_a_lane_never_cover_each_other(widths, height):
    for lane in placed(widths, height=height)[0]:
        x, y, width, tall = lane.nodes.T
        apart = (np.abs(x[:, None] - x) >= width - 0.01) | (np.abs(y[:, None] - y) >= tall - 0.01)
        np.fill_diagonal(apart, True)
        assert apart.all()


@given(widths=units, extra=st.integers(0, 900))
def test_the_canvas_is_symmetric_where_the_labels_are(widths, extra):
    lanes, size = placed(widths, extra, label_room=70, output_room=70)
    left, right = lanes[0].left, size.width - lanes[-1].left - lanes[-1].width
    assert left == pytest.approx(right, abs=0.01)


@given(head=st.integers(0, 80))
def test_room_for_notes_lowers_all_lanes_alike(head):
    for lane, moved in zip(placed((3, 8, 1))[0], placed((3, 8, 1), head=head)[0], strict=True):
        assert moved.top == lane.top + head and moved.height == lane.height - head


@given(count=st.integers(1, 64), height=st.integers(330, 1400))
def test_of_many_maps_the_first_are_shown_and_of_a_strip_all_numbers(count, height):
    looks = (COLUMN, MAPS, STRIP, COLUMN)
    lanes, _ = placed((4, count, count, 1), height=height, looks=looks)
    assert lanes[1].shown == min(count, lanes[1].shown) <= MOST_MAPS
    assert (lanes[1].nodes[:, 2] == lanes[1].nodes[:, 3]).all()
    assert lanes[2].shown == count
    heights = lanes[2].nodes[:, 3]
    assert heights.sum() <= lanes[2].height - GRIP + 0.01
    assert np.allclose(np.diff(lanes[2].nodes[:, 1]), heights[:-1], atol=1e-3)


def test_tables_have_the_numbers_that_were_picked_beside_them():
    looks = (COLUMN, Look("tables", width=100, tables=2), COLUMN)
    lane = placed((2, 8, 1), looks=looks)[0][1]
    assert lane.tables.shape == (2, 4) and lane.shown == 8
    assert (lane.tables[:, 0] + lane.tables[:, 2] < lane.nodes[:, 0].min()).all()
    for number, (_, top, _, height) in enumerate(lane.tables):
        own = lane.nodes[4 * number : 4 * number + 4]
        middle = (own[:, 1] + own[:, 3] / 2).mean()
        assert middle == pytest.approx(top + height / 2, abs=6)


def weights_of(widths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((a, b)).astype(np.float32) for a, b in itertools.pairwise(widths)]


@given(widths=st.lists(st.integers(1, 30), min_size=2, max_size=4).map(tuple), seed=st.integers(0, 99))
def test_every_weight_is_an_edge_or_weaker_than_all_that_are(widths, seed):
    lanes, _ = placed(widths)
    weights = weights_of(widths, seed)
    edges = edges_between(lanes, weights, [np.arange(width) for width in widths[:-1]])
    shown = [weight[: left.shown, : right.shown] for weight, left, right in zip(weights, lanes, lanes[1:], strict=False)]
    sizes = np.sort(np.concatenate([np.abs(weight).ravel() for weight in shown]))
    assert len(edges.values) == min(MOST_EDGES, len(sizes))
    assert np.array_equal(np.abs(edges.values), sizes[-MOST_EDGES:]), "weakest first"
    for gap, source, target, value, curve in zip(
        edges.gaps, edges.sources, edges.targets, edges.values, edges.curves, strict=True
    ):
        assert value == weights[gap][source, target]
        assert np.array_equal(curve[:2], lanes[gap].out_points[source])
        assert np.array_equal(curve[2:4], lanes[gap + 1].in_points[target])
    assert (np.diff(edges.curves[:, 4]) >= -1e-4).all() and (np.diff(edges.curves[:, 5]) >= -1e-4).all()


def test_features_that_are_switched_off_have_a_node_but_no_edge():
    lanes, _ = placed((7, 3))
    edges = edges_between(lanes, weights_of((2, 3)), [np.array([1, 5])])
    assert set(edges.sources.tolist()) == {1, 5} and len(edges.values) == 6


def test_inputs_that_are_on_but_do_not_fit_have_no_edge_and_leave_those_of_the_others_alone():
    """Rows of the weights are counted over the inputs that are on; nodes over all of them, of which the last aren't shown."""
    lanes, _ = placed((40, 3), height=150)
    assert 1 < lanes[0].shown < 39
    last, weights = lanes[0].shown - 1, weights_of((4, 3))
    edges = edges_between(lanes, weights, [np.array([1, last, last + 1, 39])])
    assert set(edges.sources.tolist()) == {1, last}
    for source, target, value in zip(edges.sources, edges.targets, edges.values, strict=True):
        assert value == weights[0][0 if source == 1 else 1, target]


def test_gaps_without_a_matrix_have_no_edges_and_a_scale_stretches_all_but_the_opacity():
    lanes, _ = placed((2, 3, 3, 1))
    first, _, last = weights_of((2, 3, 3, 1))
    sources = [np.arange(2), np.arange(3), np.arange(3)]
    edges = edges_between(lanes, [first, None, last], sources)
    assert set(edges.gaps.tolist()) == {0, 2}
    twice = edges_between(lanes, [first, None, last], sources, 2.0)
    assert np.allclose(twice.curves[:, :5], 2 * edges.curves[:, :5]) and np.array_equal(twice.curves[:, 5], edges.curves[:, 5])
