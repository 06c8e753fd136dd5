"""The left rail: every data set, slider, switch and choice."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog

from playground.catalog.datasets import BUNDLED, SYNTHETIC
from playground.catalog.initializers import INITIALIZERS, resolve
from playground.catalog.tasks import TASKS
from playground.formats.safetensors import save
from playground.gui.forms import editors as form_editors
from playground.model import TrainedModel
from playground.training.protocol import Status

Left = Qt.MouseButton.LeftButton


def slide(qtbot, slider, share):
    """Take a slider's handle with the mouse and drag it to a share of its length."""
    bar = slider.slider
    start = QPoint(round(bar.position_of(bar.value())), bar.height() // 2)
    end = QPoint(round(8 + (bar.width() - 16) * share), bar.height() // 2)
    qtbot.mousePress(bar, Left, pos=start)
    for step in (0.25, 0.5, 0.75, 1.0):
        point = QPoint(round(start.x() + (end.x() - start.x()) * step), start.y())
        qtbot.mouseMove(bar, point)
        bar.go_to(point.x())
    qtbot.mouseRelease(bar, Left, pos=end)


@pytest.mark.parametrize("name", [name for name in SYNTHETIC if name != "circle"])
def test_every_shape_is_a_click_and_the_network_stays(driver, name):
    network = driver.experiment.network
    driver.qtbot.mouseClick(driver.panels.data.thumbnails[name], Left)
    assert driver.experiment.data.source.name == name
    assert driver.experiment.network.layers == network.layers
    assert driver.experiment.training.task == SYNTHETIC[name].task
    driver.settle()
    assert driver.panels.data.thumbnails[name].isChecked()
    assert not driver.panels.data.thumbnails["circle"].isChecked()
    assert driver.panels.surface.isVisible()
    driver.train_some()


@pytest.mark.parametrize("name", list(BUNDLED))
def test_every_real_set_is_a_click_and_brings_its_settings(driver, name):
    driver.qtbot.mouseClick(driver.panels.data.tabs.buttons["real"], Left)
    thumbnail = driver.panels.data.thumbnails[name]
    assert thumbnail.isVisible()
    driver.qtbot.mouseClick(thumbnail, Left)
    driver.settle()
    assert driver.experiment.data.source.name == name
    assert driver.experiment.training.task == BUNDLED[name].task
    assert driver.panels.rows.isVisible()
    assert not driver.panels.data.noise.isVisible()
    driver.train_some()
    outputs = driver.snapshot.run.plan.widths[-1]
    # A single output says yes or no, which are two bars, or a quantity.
    assert driver.panels.outputs.bars.count == (max(2, outputs) if TASKS[BUNDLED[name].task].classes else outputs)
    driver.window.actions_by_name["undo"].trigger()
    assert driver.experiment.data.source.name == "circle"
    driver.settle()
    assert driver.panels.surface.isVisible()


def test_tabs_alone_change_nothing(driver):
    before = driver.experiment
    for name in ("real", "file", "shapes"):
        driver.qtbot.mouseClick(driver.panels.data.tabs.buttons[name], Left)
        assert driver.panels.data.tabs.value == name
    assert driver.experiment is before


@pytest.mark.parametrize(
    ("slider", "path", "low", "high"),
    [
        ("noise", lambda e: e.data.source.noise, 0, 50),
        ("samples", lambda e: e.data.source.samples, 50, 2000),
        ("test_share", lambda e: round(100 * e.data.test_fraction), 5, 90),
        ("batch_size", lambda e: e.training.batch_size, 1, 128),
    ],
)
def test_every_slider_by_mouse_and_by_key(driver, slider, path, low, high):
    before, control = driver.experiment, getattr(driver.panels.data, slider)
    control.slider.parentWidget().window()
    slide(driver.qtbot, control, 1.0)
    assert path(driver.experiment) == high
    slide(driver.qtbot, control, 0.0)
    assert path(driver.experiment) == low
    driver.qtbot.keyClick(control.slider, Qt.Key.Key_Right)
    assert path(driver.experiment) > low
    driver.settle()
    for _ in range(3):
        driver.window.actions_by_name["undo"].trigger()
    assert driver.experiment == before, "each gesture is one step of undo"
    assert control.value_label.text()


def pick_initializer(driver, name):
    box = driver.panels.data.initializer.box
    index = box.findText(INITIALIZERS[name].title)
    box.setCurrentIndex(index)
    box.activated.emit(index)


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name != "from_file"])
def test_every_initializer(driver, name):
    pick_initializer(driver, name)
    assert resolve(driver.experiment.network.initializer)[0].name == name
    driver.settle()
    zero = not driver.snapshot.parameters.any()
    assert zero == (name == "zeros")
    assert ("same" in driver.panels.warning.text()) == (name in ("zeros", "ones"))


def test_initial_weights_from_a_saved_model(driver, tmp_path, monkeypatch):
    driver.train_some()
    trained, run = driver.snapshot.parameters.copy(), driver.snapshot.run
    path = tmp_path / "before.safetensors"
    save(TrainedModel(run.experiment, trained, run.data.preprocessing), path)
    before = driver.experiment
    monkeypatch.setattr(form_editors, "pick_model", lambda _parent: "")
    pick_initializer(driver, "from_file")
    # No file was picked: nothing changed.
    assert driver.experiment == before
    assert driver.panels.data.initializer.value == "glorot_uniform"
    monkeypatch.setattr(form_editors, "pick_model", lambda _parent: str(path))
    pick_initializer(driver, "from_file")
    driver.settle()
    assert driver.snapshot.step == 0
    assert np.array_equal(driver.snapshot.parameters, trained)


def test_the_caption_of_the_initial_weights_leads_to_all_about_them(driver):
    driver.qtbot.mouseClick(driver.panels.data.initializer.caption, Left)
    row = driver.panels.settings.page.row_at("network.initializer")
    driver.until(lambda: row.visibleRegion().contains(row.rect().center()))


def test_the_first_stop_can_be_set_and_is_kept(driver):
    line = driver.panels.data.epochs.box.lineEdit()
    line.selectAll()
    driver.qtbot.keyClicks(line, "7")
    driver.qtbot.keyClick(line, Qt.Key.Key_Return)
    assert driver.experiment.training.epochs == 7
    driver.window.player.play_or_pause()
    driver.until(lambda: driver.status_is(Status.FINISHED))
    assert driver.snapshot.epoch == 7
    driver.window.player.play_or_pause()
    driver.until(lambda: driver.snapshot.epoch > 8)


def test_switches(driver):
    data, plane = driver.panels.data, driver.panels.surface.plane
    assert driver.experiment.data.standardize
    driver.qtbot.mouseClick(data.standardize, Left)
    assert not driver.experiment.data.standardize
    driver.settle()
    before = plane.grab().toImage()
    driver.qtbot.mouseClick(data.test_points, Left)
    assert plane.grab().toImage() != before
    before = plane.grab().toImage()
    driver.qtbot.mouseClick(data.discretize, Left)
    assert plane.grab().toImage() != before


def test_new_sample_draws_other_points(driver):
    before = driver.snapshot.run.data.dataset.features.copy()
    driver.qtbot.mouseClick(driver.panels.data.new_sample_button, Left)
    driver.settle()
    assert driver.experiment.data.seed == 1
    assert (driver.snapshot.run.data.dataset.features != before).any()


TABLE = "height,weight,city,sex\n" + "".join(f"{150 + i % 40},{50 + i * 7 % 45},Town {i % 3},{'fm'[i % 2]}\n" for i in range(60))


def test_a_table_through_the_dialog_with_a_text_column_left_out_by_one_click(driver, tmp_path, monkeypatch):
    path = tmp_path / "people.csv"
    path.write_text(TABLE)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    driver.qtbot.mouseClick(driver.panels.data.tabs.buttons["file"], Left)
    before = driver.experiment
    driver.qtbot.mouseClick(driver.panels.data.file_page.open_button, Left)
    assert driver.experiment == before, "a refused table changes nothing"
    assert "'city'" in driver.window.banner.text
    driver.qtbot.mouseClick(driver.window.banner.offers[0], Left)
    source = driver.experiment.data.source
    assert (source.targets, source.ignore) == (("sex",), ("city",))
    driver.settle()
    assert driver.experiment.training.task == "binary"
    assert driver.window.banner.text == ""
    driver.train_some()
    page = driver.panels.data.file_page
    driver.until(lambda: set(page.column_boxes) == {"height", "weight", "city", "sex"})
    page.column_boxes["weight"].click()
    assert set(driver.experiment.data.source.ignore) == {"city", "weight"}
    driver.settle()
    page.target.box.setCurrentIndex(page.target.box.findText("height"))
    page.target.box.activated.emit(page.target.box.currentIndex())
    assert "'sex'" in driver.window.banner.text, "text can't be learned from"
    page.column_boxes["weight"].click()
    driver.settle()
    page.task.chosen.emit("multiclass")
    assert driver.experiment.training.task == "multiclass"
    driver.settle()
