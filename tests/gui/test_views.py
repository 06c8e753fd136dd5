"""What comes out: surface, outputs of a row, rows and images, curves; checked against the model's own predictions."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt

from playground.model import TrainedModel

Left = Qt.MouseButton.LeftButton


def model_of(driver):
    snapshot = driver.snapshot
    run = snapshot.run
    return TrainedModel(run.experiment, snapshot.parameters, run.data.preprocessing)


def bars(driver):
    driver.until(lambda: driver.window.loop._watched.probe == driver.window.loop.probe)
    driver.settle()
    return {bar.name: bar for bar in driver.panels.outputs.bars.bars}


def test_a_click_on_the_surface_shows_the_outputs_of_that_point(driver):
    driver.train_some()
    plane = driver.panels.surface.plane
    driver.qtbot.mouseClick(plane, Left, pos=plane.to_pixels(-5.6, -5.6).toPoint())
    x1, x2 = driver.window.loop.probe
    assert abs(x1 + 5.6) < 0.1
    assert abs(x2 + 5.6) < 0.1
    probability = float(model_of(driver).predict([[x1, x2]])[0, 0])
    driver.until(lambda: abs(bars(driver)["blue"].share - probability) < 1e-4)
    assert bars(driver)["orange"].share == pytest.approx(1 - probability, abs=1e-4)
    assert bars(driver)["blue"].text == f"{100 * probability:.1f} %"
    assert bars(driver)["blue"].target is None


def test_a_click_near_a_point_takes_it_with_its_target(driver):
    plane, dataset = driver.panels.surface.plane, driver.snapshot.run.data.dataset
    driver.qtbot.mouseClick(plane, Left, pos=plane.to_pixels(*dataset.features[3]).toPoint())
    row = driver.panels.outputs._row
    assert np.allclose(dataset.features[row], driver.window.loop.probe)
    driver.until(lambda: bars(driver)["blue"].target == dataset.targets[row, 0])
    assert f"row {row + 1}" in driver.panels.probe_words.toolTip()


def test_dragging_and_arrow_keys_move_the_probe(driver):
    plane = driver.panels.surface.plane
    plane.probed.emit((0.0, 5.9))
    driver.qtbot.keyClick(plane, Qt.Key.Key_Down)
    assert driver.window.loop.probe == (0.0, pytest.approx(5.75))
    driver.qtbot.keyClick(plane, Qt.Key.Key_Left)
    assert driver.window.loop.probe == (pytest.approx(-0.15), pytest.approx(5.75))
    assert plane.to_plane(QPointF(-50, -50)) == (-6.0, 6.0)


def test_the_surface_is_what_the_model_predicts(driver):
    driver.train_some()
    driver.until(lambda: "surface" in driver.snapshot.parts)
    surface = driver.snapshot.parts["surface"][0]
    size = surface.shape[0]
    for row, column in ((0, 0), (10, 70), (50, 50), (99, 3)):
        x1, x2 = ((column + 0.5) / size * 2 - 1) * 6, (1 - (row + 0.5) / size * 2) * 6
        assert surface[row, column] == pytest.approx(float(model_of(driver).predict([[x1, x2]])[0, 0]), abs=1e-4)
    assert "orange" in driver.panels.surface.plane.accessibleDescription()


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "digits", "diabetes", "linnerud", "multilabel"])
def test_the_outputs_of_a_row_are_the_models_and_the_target_stands_beside(open_window, name):
    driver = open_window(name)
    driver.train_some()
    dataset = driver.snapshot.run.data.dataset
    rows = driver.panels.rows
    assert rows.row == driver.snapshot.run.data.test_rows[0]
    rows._pick(int(driver.snapshot.run.data.test_rows[5]))
    row = rows.row
    outputs = model_of(driver).predict(dataset.features[[row]])[0]
    if dataset.task == "binary":
        outputs = np.array([1 - outputs[0], outputs[0]])
    names = dataset.class_names or dataset.target_names

    def shown():
        found = bars(driver)
        if dataset.task == "regression":
            return all(
                abs(float(found[n].text.replace("−", "-")) - v) < 0.01 * abs(v) + 0.1 for n, v in zip(names, outputs, strict=True)
            )
        return all(abs(found[n].share - v) < 1e-4 for n, v in zip(names, outputs, strict=True))

    driver.until(shown)
    found = bars(driver)
    if dataset.task == "multiclass":
        assert [bar.target for bar in found.values()] == [float(i == dataset.targets[row, 0]) for i in range(len(names))]
        assert sum(bar.share for bar in found.values()) == pytest.approx(1, abs=1e-4)
    elif dataset.task == "multilabel":
        assert [bar.target for bar in found.values()] == dataset.targets[row].tolist()
    elif dataset.task == "regression":
        low, high = dataset.targets.min(axis=0), dataset.targets.max(axis=0)
        expected = (dataset.targets[row] - low) / (high - low)
        assert [bar.target for bar in found.values()] == pytest.approx(expected.tolist())
    assert driver.panels.outputs.summary.toolTip()
    assert driver.panels.outputs.describe()


def test_the_table_of_rows(open_window):
    driver = open_window("iris")
    driver.train_some()
    rows, data = driver.panels.rows, driver.snapshot.run.data
    model = rows.model
    assert rows.table.isVisible()
    assert model.rowCount() == len(data.test_rows)
    assert [model.headerData(i, Qt.Orientation.Horizontal) for i in range(3)] == ["Row", "Target", "Says"]
    driver.qtbot.mouseClick(rows.part.buttons["train"], Left)
    assert model.rowCount() == len(data.train_rows)
    rows.table.selectRow(7)
    assert rows.row == data.train_rows[7]
    assert driver.window.loop.probe == tuple(data.dataset.features[rows.row].tolist())
    driver.qtbot.keyClick(rows.table, Qt.Key.Key_Down)
    assert rows.row == data.train_rows[8]
    index = model.index(8, 1)
    assert model.data(index) == data.dataset.class_names[int(data.dataset.targets[rows.row, 0])]
    driver.qtbot.mouseClick(rows.part.buttons["wrong"], Left)
    predicted = model_of(driver).predict_labels(data.dataset.features[data.test_rows])
    wrong = data.test_rows[predicted != data.dataset.targets[data.test_rows, 0]]
    assert rows.model.rows.tolist() == wrong.tolist() or len(wrong) == 0


def test_the_grid_of_digits(open_window):
    driver = open_window("digits", size=(1600, 1000))
    driver.train_some()
    rows, data = driver.panels.rows, driver.snapshot.run.data
    grid = rows.grid
    assert grid.isVisible()
    assert grid.columns == 6
    driver.qtbot.mouseClick(grid, Left, pos=grid.tile(8).center().toPoint())
    assert rows.row == data.test_rows[8]
    for key, place in ((Qt.Key.Key_Right, 9), (Qt.Key.Key_Down, 15), (Qt.Key.Key_Left, 14), (Qt.Key.Key_Up, 8)):
        driver.qtbot.keyClick(grid, key)
        assert rows.row == data.test_rows[place]
    picture = grid.grab(grid.tile(0).toRect()).toImage()
    shades = {picture.pixelColor(x, y).lightness() for x in range(3, 39, 5) for y in range(3, 39, 5)}
    assert len(shades) > 4, "an image is drawn, not a box"


def test_curves_metric_scale_and_values_under_the_pointer(driver, monkeypatch):
    driver.train_some()
    loss, history = driver.panels.loss, driver.snapshot.history
    driver.until(lambda: loss._history is not None and loss._history.length == history.length)
    loss.show_history(history)
    assert loss.train_label.text() == loss.words(history.last()["train_loss"])
    assert loss.logarithmic
    _, logged = loss._lines["train"].getData()
    driver.qtbot.mouseClick(loss.log_button, Left)
    assert not loss.logarithmic
    _, plain = loss._lines["train"].getData()
    assert np.allclose(10 ** np.asarray(logged)[:3], np.asarray(plain)[:3], rtol=1e-5) or history.length > 400
    driver.qtbot.mouseClick(loss.quantities.buttons["accuracy"], Left)
    assert loss.test_label.text() == f"{100 * history.last()['test_accuracy']:.1f} %"
    assert not loss.log_button.isEnabled()
    driver.qtbot.mouseClick(loss.quantities.buttons["loss"], Left)
    box = loss.plot.getPlotItem().vb
    middle = box.mapViewToScene(QPointF(history.column("epoch")[1], 0))
    scene = QPointF(middle.x(), box.sceneBoundingRect().center().y())
    monkeypatch.setattr(loss.plot, "underMouse", lambda: True)
    loss._point_at(scene)
    assert loss.train_label.text() == loss.words(history.column("train_loss")[1])
    assert loss.epoch_label.text().startswith("epoch")
    loss.leaveEvent(None)
    assert loss.epoch_label.text() == ""
    assert "train" in loss.describe()


def test_regression_shows_rmse_and_r2(open_window):
    driver = open_window("diabetes")
    driver.train_some()
    assert list(driver.panels.loss.quantities.buttons) == ["loss", "rmse", "r2"]
    for name in ("rmse", "r2", "loss"):
        driver.qtbot.mouseClick(driver.panels.loss.quantities.buttons[name], Left)
        assert driver.panels.loss._quantity == name
    assert "RMSE" in driver.panels.metric_name.text()


def test_a_hidden_view_costs_nothing(driver):
    watched = driver.window.loop._watched.names
    assert "surface" in watched
    driver.window.actions_by_name["panel_output"].trigger()
    driver.until(lambda: "surface" not in driver.window.loop._watched.names)


def test_positions_on_the_surface_round_trip(driver):
    plane = driver.panels.surface.plane
    for point in ((0.0, 0.0), (3.0, -4.5), (-6.0, 6.0)):
        assert plane.to_plane(plane.to_pixels(*point)) == pytest.approx(point, abs=0.01)
    assert plane.square().contains(QPoint(plane.width() // 2, plane.height() // 2))
