"""Everything that the pointer can lie on: each neuron and edge of every preset, with inputs switched off as well."""

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt

from playground.catalog.features import FEATURES
from playground.experiment.presets import preset, preset_names
from playground.gui.widgets.pictures import edge_height
from playground.words import number

Left = Qt.MouseButton.LeftButton
PLANAR = [name for name in preset_names() if hasattr(preset(name).data.source, "noise")]
MOST_NODES, MOST_EDGES = 40, 60


def spread(count, most):
    """So many numbers below a count, evenly spread, the first and last among them."""
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist())) if count else []


def paint(canvas):
    """All that painting does, on as few pixels as there can be; pytest-qt makes the test fail if something in it does."""
    canvas.grab(QRect(0, 0, 1, 1))


def middle(lane, node):
    x, y, width, height = (float(value) for value in lane.nodes[node])
    return QPointF(x + width / 2, y + height / 2)


def hover_everything(canvas):
    """Point at each neuron and edge, paint, and compare what is said with the weights themselves."""
    for lane in canvas.lanes:
        for node in spread(lane.shown, MOST_NODES):
            canvas.point_at(middle(lane, node))
            assert canvas.pointed_node == (lane.number, node)
            paint(canvas)
            words = canvas.about(lane.number, node)
            assert words[0], "each has a name or a number"
            check_parameters(canvas, lane.number, node, words)
    edges = canvas.edges
    for edge in spread(len(edges.values) if edges is not None else 0, MOST_EDGES):
        canvas.pointed_node, canvas.pointed_edge = None, edge
        name, index = canvas.parameter_under_pointer()
        value = canvas.value_of(name, index)
        assert value == float(edges.values[edge]), "what is named is what is drawn"
        assert canvas.about_edge(edge) == f"w  {index[0] + 1} → {index[1] + 1}   {number(value, 4)}"
        paint(canvas)
    canvas.point_at(QPointF(-100, -100))


def check_parameters(canvas, lane, node, words):
    """A bias that is named is that of this very neuron; what has none names none."""
    content = canvas.contents[lane]
    named = [line for line in words if line.startswith("bias ")]
    if content.kind == "inputs":
        assert not named and canvas.parameter_under_pointer() is None, "an input has no parameters"
    elif content.kind in ("dense", "outputs"):
        value = canvas.value_of(f"{content.stage.name if content.layer else content.prefix}.bias", (node,))
        assert named == [f"bias {number(value, 4)}"]


@pytest.mark.parametrize("name", preset_names())
def test_everything_in_a_preset_can_be_pointed_at(open_window, name):
    driver = open_window(name)
    hover_everything(driver.canvas)


@pytest.mark.parametrize("name", PLANAR)
def test_switched_off_inputs_can_be_pointed_at(open_window, name):
    """One input alone, all but one, and some in between; the pointer lies on the switch meanwhile."""
    driver = open_window(name)
    canvas, every = driver.canvas, tuple(FEATURES)
    rng = np.random.default_rng(PLANAR.index(name))
    some = [tuple(np.array(every)[rng.random(len(every)) < 0.5].tolist()) or every[:1] for _ in range(3)]
    chosen = [(feature,) for feature in every] + [tuple(other for other in every if other != feature) for feature in every]
    for features in [*(chosen[place] for place in rng.permutation(len(chosen))[:4]), *some]:
        canvas.point_at(middle(canvas.lanes[0], int(rng.integers(len(every)))))
        driver.window.document.edit("inputs", {"data.features": tuple(features)})
        # Before the new run's first snapshot, then with it.
        for node in range(len(every)):
            canvas.point_at(middle(canvas.lanes[0], node))
            paint(canvas)
        driver.settle()
        hover_everything(canvas)


def test_the_weight_under_the_pointer_is_that_of_the_input_that_is_on(driver):
    """With x₁ off, the edge of x₂ is the first row of the weights: that is named, edited and shown."""
    driver.window.document.edit("inputs", {"data.features": ("x2", "sin_x1")})
    driver.settle()
    canvas, edges = driver.canvas, driver.canvas.edges
    for source, row in ((1, 0), (5, 1)):
        edge = next(edge for edge in range(len(edges.values)) if edges.gaps[edge] == 0 and edges.sources[edge] == source)
        canvas.pointed_node, canvas.pointed_edge = None, edge
        target = int(edges.targets[edge])
        assert canvas.parameter_under_pointer() == ("layers.0.weight", (row, target))
    curve, scale = edges.curves[edge], canvas.painter.scale
    x = float(curve[0] + 0.2 * (curve[2] - curve[0]))
    driver.qtbot.mouseClick(canvas, Left, pos=QPoint(round(x / scale), round(edge_height(curve, x) / scale)))
    name, index = canvas.edited
    assert (name, index[0]) in {("layers.0.weight", 0), ("layers.0.weight", 1)}
    canvas.editor.setValue(1.75)
    driver.qtbot.keyClick(canvas.editor, Qt.Key.Key_Return)
    driver.until(lambda: driver.snapshot is not None and canvas.value_of(name, index) == 1.75)


def test_data_may_be_switched_under_the_pointer(open_window):
    """From each kind of canvas to each other one, the pointer on a neuron or an edge, painted before the new data are there."""
    driver = open_window("circle")
    canvas = driver.canvas
    for name in ("digits_conv", "linnerud", "ratings", "circle", "digits", "multilabel", "spiral"):
        for node in ((0, 0), (len(canvas.lanes) - 1, canvas.lanes[-1].shown - 1), (1, canvas.lanes[1].shown - 1)):
            canvas.point_at(middle(canvas.lanes[node[0]], node[1]))
            paint(canvas)
        driver.window.changes.choose_set(name)
        for lane, node in itertools.product(range(len(canvas.lanes)), (0, -1)):
            canvas.point_at(middle(canvas.lanes[lane], node))
            paint(canvas)
        driver.settle()
        paint(canvas)
