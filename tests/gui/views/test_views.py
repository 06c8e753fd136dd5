"""What comes out: surface, outputs of a row, rows and images, curves; checked against the model's own predictions."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage

from playground.catalog.metrics import METRICS
from playground.catalog.tasks import TASKS
from playground.experiment.edits import with_loss, with_output_activation
from playground.experiment.presets import preset
from playground.gui.views.loss.picture import loss_png
from playground.gui.views.loss.plot import ValueAxis
from playground.gui.views.report.view import rows_of_cell
from playground.insight.evaluation import evaluate_outputs, in_words
from playground.insight.heads import head_reason
from playground.kernels.reference import backend as reference
from playground.model import TrainedModel
from playground.training import parts
from playground.training.history import History

Left = Qt.MouseButton.LeftButton


def model_of(driver):
    snapshot = driver.snapshot
    run = snapshot.run
    return TrainedModel(run.experiment, snapshot.parameters, run.data.preprocessing)


def bars(driver):
    driver.until(lambda: driver.window.loop.watched.probe == driver.window.loop.probe)
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
    row = driver.panels.outputs.row
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
    driver.until(lambda: parts.surface in driver.snapshot.parts)
    surface = driver.snapshot.parts[parts.surface][0]
    size = surface.shape[0]
    for row, column in ((0, 0), (10, 70), (50, 50), (99, 3)):
        x1, x2 = ((column + 0.5) / size * 2 - 1) * 6, (1 - (row + 0.5) / size * 2) * 6
        assert surface[row, column] == pytest.approx(float(model_of(driver).predict([[x1, x2]])[0, 0]), abs=1e-4)
    assert "orange" in driver.panels.surface.plane.accessibleDescription()


@pytest.mark.parametrize(
    "name",
    ["breast_cancer", "breast_cancer_softmax", "wine", "digits", "diabetes", "linnerud", "multilabel", "ratings"],
)
def test_the_outputs_of_a_row_are_the_models_and_the_target_stands_beside(open_window, name):
    driver = open_window(name)
    driver.train_some()
    dataset = driver.snapshot.run.data.dataset
    rows = driver.panels.rows
    assert rows.row == driver.snapshot.run.data.test_rows[0]
    rows.pick(int(driver.snapshot.run.data.test_rows[5]))
    row = rows.row
    outputs = model_of(driver).predict(dataset.features[[row]])[0]
    if dataset.task == "binary" and len(outputs) == 1:
        outputs = np.array([1 - outputs[0], outputs[0]])
    names = dataset.class_names or dataset.target_names

    def shown():
        found = bars(driver)
        if not TASKS[dataset.task].classes:
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
    elif not TASKS[dataset.task].classes:
        low, high = dataset.value_range or (dataset.targets.min(axis=0), dataset.targets.max(axis=0))
        expected = (dataset.targets[row] - low) / (high - low)
        assert [bar.target for bar in found.values()] == pytest.approx(expected.tolist())
    check_summary(driver, dataset, row, outputs)


def check_summary(driver, dataset, row, outputs):
    """What the line below the bars says about a row, and what a screen reader is told."""
    view, target = driver.panels.outputs, dataset.targets[row]
    if dataset.task in ("binary", "multiclass"):
        said, truth = dataset.class_names[int(np.argmax(outputs))], dataset.class_names[int(target[0])]
        expected = f"says {said}, which is right" if said == truth else f"says {said}, but it is {truth}"
    elif dataset.task == "multilabel":
        said, truth = (
            ", ".join(name for name, on in zip(dataset.class_names, chosen, strict=True) if on) or "none"
            for chosen in (outputs > 0.5, target > 0.5)
        )
        expected = f"says {said}; it is {truth}"
    else:
        expected = "target " + ", ".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in target)
    assert view.summary.toolTip() == expected
    assert view.describe() == "; ".join([*(f"{bar.name} {bar.text}" for bar in view.bars.bars), expected])


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
    assert len(wrong), "after a few epochs it can't have them all"
    assert rows.model.rows.tolist() == wrong.tolist()


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
    driver.until(lambda: loss.history is not None and loss.history.length == history.length)
    loss.show_history(history)
    assert loss.labels["train"].text() == f"{history.last()['train_loss']:.4f}"
    assert loss.logarithmic
    _, logged = loss.lines["train"].getData()
    driver.qtbot.mouseClick(loss.log_button, Left)
    assert not loss.logarithmic
    _, plain = loss.lines["train"].getData()
    # The last point is exact; the others are averages once there are many: of logarithms, then of the values.
    assert 10 ** logged[-1] == pytest.approx(history.last()["train_loss"], rel=1e-6)
    assert plain[-1] == pytest.approx(history.last()["train_loss"], rel=1e-6)
    assert len(logged) == len(plain) and np.all(10 ** np.asarray(logged) <= np.asarray(plain) * (1 + 1e-6))
    driver.qtbot.mouseClick(loss.quantities.buttons["accuracy"], Left)
    assert loss.labels["test"].text() == f"{100 * history.last()['test_accuracy']:.1f} %"
    assert not loss.log_button.isEnabled()
    driver.qtbot.mouseClick(loss.quantities.buttons["loss"], Left)
    box = loss.plot.getPlotItem().vb
    middle = box.mapViewToScene(QPointF(history.column("epoch")[1], 0))
    scene = QPointF(middle.x(), box.sceneBoundingRect().center().y())
    monkeypatch.setattr(loss.plot, "underMouse", lambda: True)
    loss.point_at(scene)
    assert loss.labels["train"].text() == f"{history.column('train_loss')[1]:.4f}"
    epoch = float(history.column("epoch")[1])
    assert loss.epoch_label.text() == f"epoch {epoch:.{0 if epoch.is_integer() else 1}f}"
    loss.leaveEvent(None)
    assert loss.epoch_label.text() == ""
    train, test = (f"{history.last()[f'{part}_loss']:.4f}" for part in ("train", "test"))
    assert loss.describe() == f"Loss: train {train}, test {test}"


def test_the_metrics_get_the_probes_room_and_give_it_back(open_window):
    driver = open_window("digits")
    panels = driver.panels
    before = panels.cards["output"].height()
    driver.qtbot.mouseClick(panels.output_pages.buttons["metrics"], Left)
    assert not panels.cards["probe"].isVisible()
    driver.until(lambda: panels.cards["output"].height() > before + 100)
    driver.qtbot.mouseClick(panels.output_pages.buttons["output"], Left)
    assert panels.cards["probe"].isVisible()
    driver.window.actions_by_name["panel_probe"].trigger()
    for page in ("metrics", "output"):
        driver.qtbot.mouseClick(panels.output_pages.buttons[page], Left)
        assert not panels.cards["probe"].isVisible(), "what was hidden stays hidden"


def test_few_columns_need_no_scrolling(open_window):
    table = open_window("ratings").panels.rows.table
    assert table.model().columnCount() == 5
    assert table.horizontalHeader().length() <= table.viewport().width()


def test_validation_is_a_dashed_third_curve_with_a_legend_of_its_own(driver, tmp_path):
    loss = driver.panels.loss
    assert not loss.validation_line.isVisible() and loss.parts == ("test", "train")
    driver.window.document.edit("share", {"data.validation_fraction": 0.25})
    driver.settle()
    driver.train_some()
    driver.until(lambda: loss.history is not None and loss.history.length == driver.snapshot.history.length)
    history = driver.snapshot.history
    assert loss.validation_line.isVisible() and loss.labels["validation"].isVisible()
    assert loss.labels["validation"].text() == f"{history.last()['validation_loss']:.4f}"
    _, drawn = loss.lines["validation"].getData()
    assert drawn[-1] == pytest.approx(np.log10(history.last()["validation_loss"]), abs=1e-6)
    pens = {part: loss.lines[part].opts["pen"] for part in ("train", "validation", "test")}
    assert [part for part in pens if pens[part].dashPattern()] == ["validation"]
    assert "validation" in loss.describe()
    driver.qtbot.mouseClick(loss.quantities.buttons["accuracy"], Left)
    assert loss.labels["validation"].text() == f"{100 * history.last()['validation_accuracy']:.1f} %"
    (tmp_path / "with.png").write_bytes(loss_png(history))
    keep = [history.columns.index(name) for name in history.columns if not name.startswith("validation_")]
    columns = tuple(history.columns[index] for index in keep)
    (tmp_path / "without.png").write_bytes(loss_png(History(columns, history.rows[:, keep], history.length)))
    assert QImage(str(tmp_path / "with.png")) != QImage(str(tmp_path / "without.png"))
    driver.window.document.edit("share", {"data.validation_fraction": 0.0})
    driver.settle()
    driver.until(lambda: not loss.validation_line.isVisible())


@pytest.mark.parametrize("height", [40, 60, 90, 180])
@pytest.mark.parametrize(("low", "high"), [(0.05, 3), (0.5, 0.9), (1e-5, 2), (0.019, 0.2)])
def test_labels_of_the_loss_never_lie_on_each_other(qapp, height, low, high):
    axis = ValueAxis("left")
    low, high = np.log10(low), np.log10(high)
    ((_, places),) = axis.tickValues(low, high, height)
    pixels = np.diff(sorted(places)) * height / (high - low)
    assert (pixels >= 14).all(), axis.tickStrings(places, 1, 1)
    assert len(places) >= (2 if height >= 60 and high - low >= 0.3 else 1)


def test_regression_shows_rmse_and_r2(open_window):
    driver = open_window("diabetes")
    driver.train_some()
    assert list(driver.panels.loss.quantities.buttons) == ["loss", "rmse", "r2"]
    for name in ("rmse", "r2", "loss"):
        driver.qtbot.mouseClick(driver.panels.loss.quantities.buttons[name], Left)
        assert driver.panels.loss.quantity == name
    assert "RMSE" in driver.panels.metric_name.text()


def test_a_hidden_view_costs_nothing(driver):
    watched = driver.window.loop.watched.parts
    assert parts.surface in watched
    driver.window.actions_by_name["panel_output"].trigger()
    driver.until(lambda: parts.surface not in driver.window.loop.watched.parts)


def test_positions_on_the_surface_round_trip(driver):
    plane = driver.panels.surface.plane
    for point in ((0.0, 0.0), (3.0, -4.5), (-6.0, 6.0)):
        assert plane.to_plane(plane.to_pixels(*point)) == pytest.approx(point, abs=0.01)
    assert plane.square().contains(QPoint(plane.width() // 2, plane.height() // 2))


@pytest.mark.parametrize(("name", "base"), [("digits_conv", "digits"), ("breast_cancer_softmax", "breast_cancer")])
def test_the_gallery_has_every_preset_on_real_data(open_window, name, base):
    driver = open_window(base)
    thumbnails = driver.panels.data.thumbnails
    assert thumbnails[base].isChecked() and not thumbnails[name].isChecked()
    thumbnails[name].click()
    assert driver.experiment == preset(name)
    assert thumbnails[name].isChecked() and not thumbnails[base].isChecked()
    picture = thumbnails[name].grab().toImage()
    shades = {picture.pixelColor(x, y).name() for x in range(6, picture.width() - 6, 2) for y in range(6, 50, 2)}
    assert len(shades) > 3, "a picture is drawn"
    thumbnails[base].click()
    assert driver.experiment == preset(base)


# Metrics


@pytest.fixture
def report_of(open_window):
    """Opens a preset, trains it a little, and shows its metrics."""
    drivers = []

    def make(name, experiment=None, size=(1600, 1000)):
        driver = open_window(name, size)
        drivers.append(driver)
        if experiment is not None:
            driver.window.document.edit("head", experiment=experiment)
            driver.settle()
        driver.qtbot.mouseClick(driver.panels.output_pages.buttons["metrics"], Left)
        assert driver.panels.report.isVisible()
        driver.train_some()
        driver.until(lambda: is_up_to_date(driver))
        return driver

    yield make
    for driver in drivers:
        driver.panels.output_pages.buttons["output"].click()


def is_up_to_date(driver):
    shown = driver.panels.report.shown
    return shown is not None and shown.snapshot is driver.snapshot and shown.part == driver.panels.report.part.value


def report_by_the_model(driver, rows):
    dataset = driver.snapshot.run.data.dataset
    model = model_of(driver)
    outputs = reference.outputs(model.plan, model.parameters, model.preprocessing.inputs(dataset.features[rows]))
    return evaluate_outputs(outputs, dataset.targets[rows], model.preprocessing)


@pytest.mark.parametrize("name", ["circle", "breast_cancer_softmax", "wine", "multilabel", "linnerud", "ratings"])
def test_the_metrics_are_those_of_the_model(report_of, name):
    driver = report_of(name)
    report, data = driver.panels.report, driver.snapshot.run.data
    for part, rows in (("test", data.test_rows), ("train", data.train_rows)):
        driver.qtbot.mouseClick(report.part.buttons[part], Left)
        driver.until(lambda: is_up_to_date(driver))
        expected = report_by_the_model(driver, rows)
        assert list(report.overall.numbers) == list(expected.scores)
        assert f"{len(rows):,} {'test' if part == 'test' else 'training'} rows" in report.describe()
        for metric, score in expected.scores.items():
            assert report.overall.numbers[metric].text() == in_words(METRICS[metric], score.value), metric
            for index, value in enumerate(score.each if len(expected.names) > 1 else ()):
                assert report.each.numbers[metric, index].text() == in_words(METRICS[metric], value)
    assert report.reason.text().startswith(head_reason(driver.experiment))
    assert ("the probabilities differ by at most" in report.reason.text()) == (name == "breast_cancer_softmax")
    assert report.matrix.isVisibleTo(report) == bool(data.dataset.class_names)
    assert report.scatter.isVisibleTo(report) != bool(data.dataset.class_names)
    assert METRICS[next(iter(expected.scores))].title in report.describe()


def test_a_cell_of_the_confusion_matrix_shows_its_rows(report_of):
    driver = report_of("digits")
    report, rows, data = driver.panels.report, driver.panels.rows, driver.snapshot.run.data
    expected = report_by_the_model(driver, data.test_rows).confusion
    assert np.array_equal(report.matrix.counts, expected)
    wrong = np.where(np.eye(10, dtype=bool), 0, expected)
    true, said = divmod(int(wrong.argmax()), 10)
    assert wrong[true, said] > 0
    driver.qtbot.mouseClick(report.matrix, Left, pos=report.matrix.cell(true, said).center().toPoint())
    assert rows.isVisible()
    assert rows.part.value == "chosen"
    answers = model_of(driver).predict_labels(data.dataset.features)
    listed = rows.model.rows
    assert len(listed) == wrong[true, said]
    assert set(listed) <= set(data.test_rows)
    assert (data.dataset.targets[listed, 0] == true).all()
    assert (answers[listed] == said).all()
    assert rows.row == listed[0]


def test_the_keyboard_reaches_every_cell(report_of):
    driver = report_of("wine")
    matrix = driver.panels.report.matrix
    chosen = []
    matrix.cell_chosen.connect(lambda row, column: chosen.append((row, column)))
    matrix.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        driver.qtbot.keyClick(matrix, key)
    assert chosen == [(1, 2)]
    assert matrix.accessibleDescription() == matrix.words_of(1, 2)


def test_softmax_on_labels_is_warned_of_with_a_number(report_of):
    softmax = with_output_activation(preset("multilabel"), "softmax")
    driver = report_of("multilabel", with_loss(softmax, "categorical_cross_entropy"))
    data, report = driver.snapshot.run.data, driver.panels.report
    targets = data.dataset.targets[data.test_rows]
    several = int((targets.sum(axis=1) >= 2).sum())
    assert report.warning.isVisibleTo(report)
    assert f"{several} of {len(targets)} rows" in report.warning.text()
    said = model_of(driver).predict_labels(data.dataset.features[data.test_rows])
    # Found, missed, wrongly named, rightly not: what it is, and what is said.
    for column, (true, predicted) in enumerate([(1, 1), (1, 0), (0, 1), (0, 0)]):
        expected = ((targets == true) & (said == predicted)).sum(axis=0)
        assert report.matrix.counts[:, column].tolist() == expected.tolist()
        rows = rows_of_cell(driver.snapshot.run, report.shown.snapshot.parts[parts.outputs], data.test_rows, 0, column)
        assert rows.tolist() == data.test_rows[(targets[:, 0] == true) & (said[:, 0] == predicted)].tolist()


def test_answers_beyond_the_scale_are_warned_of_and_the_bounded_head_has_none(report_of):
    driver = report_of("ratings", with_output_activation(preset("ratings"), "identity"))
    report = driver.panels.report
    assert "outside the scale of 1 to 5" in report.warning.text()
    assert report.scatter.points[..., 1].max() > 1
    driver = report_of("ratings")
    assert not driver.panels.report.warning.isVisibleTo(driver.panels.report)
    assert driver.panels.report.scatter.points[..., 1].max() <= 1


def test_ratings_are_a_table_with_gaps_to_click_on(open_window):
    driver = open_window("ratings", size=(1600, 1000))
    driver.train_some()
    rows = driver.panels.rows
    assert rows.map.isVisible()
    row = int(driver.snapshot.run.data.test_rows[700])
    driver.qtbot.mouseClick(rows.map, Left, pos=rows.map.place(row).toPoint())
    picked, features = rows.row, driver.snapshot.run.data.dataset.features
    # Squares are a pixel or two large: the one that was meant, or one beside it.
    assert np.abs(features[picked] - features[row]).max() <= 2
    assert driver.window.loop.probe == tuple(features[picked].tolist())
    other = open_window("wine")
    assert not other.panels.rows.map.isVisible()


def test_metrics_that_are_not_looked_at_cost_nothing(driver):
    assert parts.outputs not in driver.window.loop.watched.parts
    before = driver.panels.report.shown
    driver.train_some()
    assert driver.panels.report.shown is before
