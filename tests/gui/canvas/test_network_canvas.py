"""The canvas: every button, key and drag on it, and what it draws."""

from itertools import pairwise

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent

from playground.catalog.features import FEATURES
from playground.experiment import FileSource, sketch
from playground.gui.canvas.layout import MOST_IN_COLUMN, Size, lay_out
from playground.network.plan import UNKNOWN

Left = Qt.MouseButton.LeftButton


def units(driver):
    return [layer.units for layer in driver.experiment.network.layers]


def drag(qtbot, handle, x, y, release=True):
    """Press the handle in its middle, move by (x, y) in steps, let go."""
    start = handle.rect().center()
    qtbot.mousePress(handle, Left, pos=start)
    for share in (0.3, 0.7, 1.0):
        position = QPointF(start) + QPointF(x * share, y * share)
        event = QMouseEvent(
            QMouseEvent.Type.MouseMove,
            position,
            QPointF(handle.mapToGlobal(position.toPoint())),
            Qt.MouseButton.NoButton,
            Left,
            Qt.KeyboardModifier.NoModifier,
        )
        handle.mouseMoveEvent(event)
    if release:
        qtbot.mouseRelease(handle, Left, pos=start + QPoint(x, y))


def test_plus_and_minus_change_the_neurons(driver):
    driver.qtbot.mouseClick(driver.canvas.headers[0].more_button, Left)
    assert units(driver) == [5, 2]
    driver.settle()
    driver.qtbot.mouseClick(driver.canvas.headers[1].fewer_button, Left)
    assert units(driver) == [5, 1]
    driver.settle()
    assert not driver.canvas.headers[1].fewer_button.isEnabled()
    assert len(driver.canvas.lanes[1].nodes) == 5


@pytest.mark.parametrize("name", ["circle", "ratings", "multilabel"])
def test_the_name_of_the_output_activation_is_not_cut(open_window, name):
    driver = open_window(name)
    box = driver.canvas.output_box
    assert box.fontMetrics().horizontalAdvance(box.currentText()) <= box.width() - 33
    assert driver.canvas.rect().contains(box.geometry())


def test_a_table_whose_width_nobody_knows_yet_is_laid_out_and_drawn(driver):
    source = FileSource(path="/nowhere/table.csv", targets=("answer",))
    experiment = replace(driver.experiment, data=replace(driver.experiment.data, source=source))
    assert sketch(experiment).widths[0] == UNKNOWN
    driver.canvas.show_experiment(experiment)
    assert [lane.units for lane in driver.canvas.lanes] == [1, 4, 2, 1]
    assert all(np.isfinite(lane.nodes).all() for lane in driver.canvas.lanes)
    assert not driver.canvas.grab().toImage().isNull()


def test_a_typed_number_of_neurons(driver):
    field = driver.canvas.headers[0].count
    field.selectAll()
    driver.qtbot.keyClicks(field, "30")
    driver.qtbot.keyClick(field, Qt.Key.Key_Return)
    assert units(driver) == [30, 2]
    driver.settle()
    assert driver.canvas.lanes[1].folded


def test_dragging_the_handle_down_widens_the_lane_and_is_one_step(driver):
    handle = driver.canvas.handles[0]
    drag(driver.qtbot, handle, 0, 80, release=False)
    assert driver.canvas.preview.kind == "units"
    assert driver.canvas.preview.value == 8
    assert units(driver) == [4, 2], "a drag previews itself and takes effect on release"
    driver.qtbot.mouseRelease(handle, Left, pos=handle.rect().center() + QPoint(0, 80))
    assert units(driver) == [8, 2]
    driver.settle()
    driver.window.actions_by_name["undo"].trigger()
    assert units(driver) == [4, 2]


def test_dragging_the_handle_up_narrows_to_one_at_least(driver):
    drag(driver.qtbot, driver.canvas.handles[0], 0, -100)
    assert units(driver) == [1, 2]
    driver.canvas.controls.dropped.emit(1, QPoint(0, -200), driver.canvas.mapToGlobal(QPoint(300, 100)))
    assert units(driver) == [1, 2]


def test_dragging_a_lane_sideways_moves_the_layer(driver):
    lanes = driver.canvas.lanes
    distance = round(lanes[2].center - lanes[1].center) + 30
    drag(driver.qtbot, driver.canvas.handles[0], distance, 10)
    assert units(driver) == [2, 4]
    driver.settle()


def test_dragging_a_lane_off_the_canvas_removes_it(driver):
    handle = driver.canvas.handles[1]
    drag(driver.qtbot, handle, 10, -400, release=False)
    assert driver.canvas.preview.kind == "remove"
    driver.window.grab()
    driver.qtbot.mouseRelease(handle, Left, pos=handle.rect().center() + QPoint(10, -400))
    assert units(driver) == [4]


def test_escape_cancels_a_drag(driver):
    handle = driver.canvas.handles[0]
    drag(driver.qtbot, handle, 0, 80, release=False)
    driver.qtbot.keyClick(handle, Qt.Key.Key_Escape)
    assert driver.canvas.preview is None
    driver.qtbot.mouseRelease(handle, Left)
    assert units(driver) == [4, 2]


def test_the_handle_by_keys(driver):
    handle = driver.canvas.handles[0]
    driver.qtbot.keyClick(handle, Qt.Key.Key_Plus)
    assert units(driver) == [5, 2]
    driver.qtbot.keyClick(handle, Qt.Key.Key_Minus)
    assert units(driver) == [4, 2]
    driver.qtbot.keyClick(handle, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert units(driver) == [2, 4]
    driver.qtbot.keyClick(driver.canvas.handles[1], Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert units(driver) == [4, 2]
    driver.qtbot.keyClick(handle, Qt.Key.Key_Return)
    assert driver.canvas.headers[0].count.selectedText() == "4"
    driver.qtbot.keyClick(handle, Qt.Key.Key_Delete)
    assert units(driver) == [2]


def test_insert_at_every_place_and_remove_with_the_cross(driver):
    for position in (0, 1, 3):
        before = units(driver)
        driver.qtbot.mouseClick(driver.canvas.insert_buttons[position], Left)
        assert len(units(driver)) == len(before) + 1
        driver.settle()
    for _ in range(5):
        driver.qtbot.mouseClick(driver.canvas.headers[0].remove_button, Left)
    assert units(driver) == []
    driver.settle()
    assert len(driver.canvas.lanes) == 2, "without hidden layers it is logistic regression"
    driver.qtbot.mouseClick(driver.canvas.insert_buttons[0], Left)
    assert len(units(driver)) == 1


def test_an_activation_per_layer_keeps_the_weights(driver):
    driver.train_some()
    weights = driver.snapshot.parameters.copy()
    box = driver.canvas.headers[1].activation
    box.setCurrentIndex(box.findText("ReLU"))
    box.activated.emit(box.currentIndex())
    driver.settle()
    assert [layer.activation for layer in driver.experiment.network.layers] == ["tanh", "relu"]
    assert np.array_equal(driver.snapshot.parameters, weights)
    assert driver.window.bar.activation.value is None, "a mixture shows a dash"


@pytest.mark.parametrize("typed", ["0.25", "0,25"])
def test_the_slope_of_leaky_relu_can_be_set(driver, typed):
    box, field = driver.canvas.headers[0].activation, driver.canvas.parameter_fields[0]
    assert not field.isVisible()
    box.setCurrentIndex(box.findText("Leaky ReLU"))
    box.activated.emit(box.currentIndex())
    assert field.isVisible()
    assert field.value() == 0.1
    field.selectAll()
    driver.qtbot.keyClicks(field, typed)
    driver.qtbot.keyClick(field, Qt.Key.Key_Return)
    assert driver.experiment.network.layers[0].activation.negative_slope == 0.25
    driver.settle()
    assert driver.canvas.headers[0].activation.currentText() == "Leaky ReLU"
    assert driver.window.bar.activation.value is None
    driver.window.actions_by_name["undo"].trigger()
    assert field.value() == 0.1


def test_the_output_activation_can_be_overridden_and_warns_where_it_is_a_mistake(open_window):
    driver = open_window("multilabel")
    box = driver.canvas.output_box
    assert box.currentText() == "Sigmoid"
    driver.window.bar.loss.chosen.emit("mean_squared_error")
    box.setCurrentIndex(box.findText("Softmax"))
    box.activated.emit(box.currentIndex())
    driver.settle()
    assert driver.experiment.network.output_activation == "softmax"
    assert "two labels" in driver.panels.warning.text()
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert driver.experiment.network.output_activation is None


@pytest.mark.parametrize("name", list(FEATURES)[2:])
def test_every_feature_can_be_switched_on_and_off(driver, name):
    button = driver.canvas.feature_buttons[name]
    driver.qtbot.mouseClick(button, Left)
    assert driver.experiment.data.features == ("x1", "x2", name)
    driver.settle()
    assert driver.snapshot.run.plan.widths[0] == 3
    driver.qtbot.keyClick(button, Qt.Key.Key_Space)
    assert driver.experiment.data.features == ("x1", "x2")


def test_the_last_feature_stays_on(driver):
    driver.qtbot.mouseClick(driver.canvas.feature_buttons["x1"], Left)
    driver.qtbot.mouseClick(driver.canvas.feature_buttons["x2"], Left)
    assert driver.experiment.data.features == ("x2",)
    assert driver.canvas.feature_buttons["x2"].isChecked()


def edge_position(driver, edge, share=0.5):
    """Where an edge runs, in the canvas's pixels."""
    from playground.gui.widgets.pictures import edge_height

    curve, scale = driver.canvas.edges.curves[edge], driver.canvas.painter.scale
    x = float(curve[0] + share * (curve[2] - curve[0]))
    return QPoint(round(x / scale), round(edge_height(curve, x) / scale))


def test_the_exact_weight_stands_under_the_pointer(driver):
    driver.train_some()
    edges = driver.canvas.edges
    strongest = len(edges.values) - 1
    driver.qtbot.mouseMove(driver.canvas, edge_position(driver, strongest, 0.15))
    driver.canvas.point_at(QPointF(edge_position(driver, strongest, 0.15)))
    hovered = driver.canvas.pointed_edge
    assert hovered is not None
    name, index = driver.canvas.parameter_under_pointer()
    plan, parameters = driver.snapshot.run.plan, driver.snapshot.parameters
    assert plan.view(parameters, name)[index] == pytest.approx(float(edges.values[hovered]))
    assert f"{abs(edges.values[hovered]):.4f}" in driver.canvas.about_edge(hovered)
    driver.window.grab()


def test_a_weight_is_set_by_a_click_and_a_number(driver):
    driver.train_some()
    edge = len(driver.canvas.edges.values) - 1
    driver.qtbot.mouseClick(driver.canvas, Left, pos=edge_position(driver, edge, 0.15))
    editor = driver.canvas.editor
    assert editor.isVisible()
    name, index = driver.canvas.edited
    before = driver.canvas.value_of(name, index)
    assert editor.value() == pytest.approx(before, abs=1e-4)
    editor.selectAll()
    driver.qtbot.keyClicks(editor, "2.5")
    driver.qtbot.keyClick(editor, Qt.Key.Key_Return)
    driver.until(lambda: driver.snapshot is not None and driver.canvas.value_of(name, index) == 2.5)
    driver.window.actions_by_name["undo"].trigger()
    driver.until(lambda: driver.snapshot is not None and driver.canvas.value_of(name, index) == pytest.approx(before))


def test_a_bias_is_set_by_a_click_on_its_neuron(driver):
    x, y, width, height = driver.canvas.lanes[1].nodes[2]
    driver.qtbot.mouseClick(driver.canvas, Left, pos=QPoint(round(x + width / 2), round(y + height / 2)))
    assert driver.canvas.edited == ("layers.0.bias", (2,))
    driver.canvas.editor.setValue(-0.75)
    driver.qtbot.keyClick(driver.canvas.editor, Qt.Key.Key_Return)
    driver.until(lambda: driver.snapshot is not None and driver.canvas.value_of("layers.0.bias", (2,)) == -0.75)


def test_a_neuron_under_the_pointer_is_enlarged_and_named(driver):
    x, y, width, height = driver.canvas.lanes[1].nodes[0]
    before = driver.canvas.grab().toImage()
    driver.canvas.point_at(QPointF(x + width / 2, y + height / 2))
    assert driver.canvas.pointed_node == (1, 0)
    assert driver.canvas.about(1, 0)[:2] == ["Neuron 1", "Tanh"]
    assert driver.canvas.grab().toImage() != before
    driver.canvas.leaveEvent(None)
    assert driver.canvas.pointed_node is None


def test_neurons_show_what_they_answer(driver):
    """The picture of input x₁ is orange on the left and blue on the right."""
    x, y, width, height = (float(value) for value in driver.canvas.lanes[0].nodes[0])
    picture = driver.canvas.grab().toImage()
    ratio = picture.devicePixelRatio()
    left = picture.pixelColor(round((x + 5) * ratio), round((y + height / 2) * ratio))
    right = picture.pixelColor(round((x + width - 5) * ratio), round((y + height / 2) * ratio))
    assert left.red() > left.blue()
    assert right.blue() > right.red()


def test_the_canvas_says_what_it_shows(driver):
    assert driver.canvas.describe() == "2 inputs, 4 neurons Tanh, 2 neurons Tanh, 1 outputs"


@pytest.mark.parametrize("width", [620, 900, 1100])
@pytest.mark.parametrize("height", [480, 700])
@pytest.mark.parametrize("widths", [(2, 1), (7, 12, 12, 1), (64, 64, 32, 10), (30, 8, 1), (4, 200, 3), (2, 4096, 1)])
def test_nothing_leaves_its_lane_and_nothing_overlaps(widths, width, height):
    lanes = lay_out(Size(widths, width, height, image_columns=8 if widths[0] == 64 else 0))
    assert [lane.units for lane in lanes] == list(widths)
    for lane, units_here in zip(lanes, widths, strict=True):
        nodes = lane.nodes
        assert 1 <= lane.shown <= units_here
        assert lane.folded or units_here <= MOST_IN_COLUMN
        assert not lane.folded or units_here > 12
        assert nodes[:, 0].min() >= lane.left - 1
        assert (nodes[:, 0] + nodes[:, 2]).max() <= lane.left + lane.width + 1
        assert nodes[:, 1].min() >= lane.top
        assert (nodes[:, 1] + nodes[:, 3]).max() <= lane.top + lane.height + 1
        corners = {(round(float(x)), round(float(y))) for x, y, _, _ in nodes}
        assert len(corners) == lane.shown
    for left, right in pairwise(lanes):
        assert left.left + left.width < right.left
