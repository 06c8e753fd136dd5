"""What a curious user does in an unexpected order; each of these once went wrong."""

import random

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QAbstractButton, QMessageBox

from playground.catalog.datasets import DATASETS
from playground.experiment.presets import preset
from playground.training.protocol import Status

Left = Qt.MouseButton.LeftButton


def center_of(driver, lane, node):
    x, y, width, height = driver.canvas.lanes[lane].nodes[node]
    return QPointF(x + width / 2, y + height / 2)


def test_a_neuron_under_the_pointer_may_go_away(driver):
    driver.canvas.point_at(center_of(driver, 1, 3))
    driver.canvas.headers[0].fewer_button.click()
    driver.canvas.grab()
    driver.settle()
    driver.canvas.grab()
    assert driver.canvas.pointed_node is None
    driver.canvas.point_at(center_of(driver, 2, 1))
    driver.canvas.headers[1].remove_button.click()
    driver.canvas.grab()


def test_the_network_may_change_during_a_drag(driver):
    driver.canvas.headers[0].more_button.click()
    driver.settle()
    lanes = driver.canvas.lanes
    here = driver.canvas.mapToGlobal(QPoint(round(lanes[2].center + 30), 150))
    driver.canvas.controls.dragged.emit(1, QPoint(120, 0), here)
    driver.canvas.headers[1].remove_button.click()
    driver.canvas.grab()
    driver.canvas.controls.dropped.emit(1, QPoint(120, 0), here)
    assert len(driver.experiment.network.layers) == 1


def test_the_number_in_the_editor_can_be_seen_and_escape_keeps_the_old_one(driver):
    before = driver.canvas.value_of("layers.0.bias", (1,))
    driver.qtbot.mouseClick(driver.canvas, Left, pos=center_of(driver, 1, 1).toPoint())
    editor = driver.canvas.editor
    assert editor.lineEdit().width() > 60
    editor.selectAll()
    driver.qtbot.keyClicks(editor, "12.5")
    driver.qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert not editor.isVisible()
    driver.canvas.setFocus()
    driver.settle()
    assert driver.canvas.value_of("layers.0.bias", (1,)) == before
    assert not driver.window.isWindowModified()


def test_the_slope_field_shows_its_number(driver):
    driver.canvas.setting_chosen.emit("activation", "network.layers.0.activation", "leaky_relu")
    assert driver.canvas.parameter_fields[0].lineEdit().width() > 30


def test_a_weight_set_by_hand_keeps_the_run(driver):
    driver.train_some()
    epoch, rows = driver.snapshot.epoch, driver.snapshot.history.length
    driver.canvas.value_edited.emit("layers.0.weight", (0, 0), 1.25)
    driver.until(lambda: driver.snapshot is not None and driver.canvas.value_of("layers.0.weight", (0, 0)) == 1.25)
    assert driver.snapshot.epoch == epoch
    assert driver.snapshot.history.length >= rows


def test_space_plays_after_a_click_on_a_data_set_or_a_choice(driver):
    driver.qtbot.mouseClick(driver.panels.data.thumbnails["xor"], Left)
    driver.settle()
    focused = driver.window.focusWidget()
    assert not isinstance(focused, QAbstractButton) or focused is driver.window.bar.play_button
    driver.qtbot.keyClick(focused or driver.window, Qt.Key.Key_Space)
    driver.until(lambda: driver.status_is(Status.RUNNING))


def test_a_point_that_was_looked_at_is_no_row_of_tables(driver):
    assert driver.window.loop.probe is not None
    driver.panels.data.set_chosen.emit("ratings")
    driver.settle()
    assert driver.snapshot.status is not Status.FAILED
    assert driver.canvas.contents[1].kind == "embedding"


def test_two_quick_presses_of_play_cancel_out(driver):
    driver.window.player.play_or_pause()
    driver.window.player.play_or_pause()
    driver.until(lambda: driver.status_is(Status.PAUSED))
    driver.qtbot.wait(100)
    assert driver.status_is(Status.PAUSED)


def test_the_title_follows_the_experiment(driver):
    driver.panels.data.thumbnails["moons"].click()
    assert driver.window.windowTitle().startswith("Moons")


def test_the_largest_seed_wraps(driver):
    driver.window.document.edit("seed", {"data.seed": 2**32 - 1, "network.seed": 2**32 - 1})
    driver.panels.data.new_sample_button.click()
    driver.window.new_weights()
    assert (driver.experiment.data.seed, driver.experiment.network.seed) == (0, 0)


@pytest.mark.parametrize("text", ["inf", "nan", "1e999", "many"])
def test_no_number_in_a_field_is_no_harm(driver, text):
    line = driver.panels.data.epochs.box.lineEdit()
    line.selectAll()
    driver.qtbot.keyClicks(line, text)
    driver.qtbot.keyClick(line, Qt.Key.Key_Return)
    assert driver.experiment.training.epochs == 300
    assert line.text() == "300"


def test_a_table_that_has_changed_is_read_again(driver, tmp_path):
    path = tmp_path / "grows.csv"
    rows = [f"{i},{i * i % 7},{i % 2}" for i in range(80)]
    path.write_text("a,b,answer\n" + "\n".join(rows[:50]) + "\n")
    driver.window.open_path(path)
    driver.settle()
    assert len(driver.snapshot.run.data.dataset.features) == 50
    path.write_text("a,b,answer\n" + "\n".join(rows) + "\n")
    driver.window.open_path(path)
    driver.until(lambda: driver.snapshot is not None and len(driver.snapshot.run.data.dataset.features) == 80)
    page, boxes = driver.panels.data.file_page, driver.panels.data.file_page.column_boxes
    driver.until(lambda: len(boxes) == 3 and all(box.height() >= 14 for box in boxes.values()))
    assert driver.panels.data.pages.height() >= page.sizeHint().height()
    driver.panels.data.tabs.buttons["shapes"].click()
    driver.panels.data.thumbnails["circle"].click()
    driver.settle()
    assert max(np.abs(driver.window.loop.probe)) <= 6, "a row of the table is no point of the plane"


def test_random_actions_never_break_it(driver, monkeypatch):
    """Two hundred random clicks, choices, drags, undos and data sets in a row."""
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Discard)
    chance = random.Random(7)
    window, canvas, data = driver.window, driver.canvas, driver.panels.data

    def visible(buttons):
        return [button for button in buttons if button.isVisible() and button.isEnabled()]

    def click_lane():
        headers = [header for header in canvas.headers if header.isVisible()]
        header = chance.choice(headers) if headers else None
        if header is not None:
            chance.choice([header.more_button, header.fewer_button, header.remove_button, header.more_button]).click()

    def hover():
        canvas.point_at(QPointF(chance.uniform(0, canvas.width()), chance.uniform(0, canvas.height())))

    def choose():
        box = chance.choice([combo.box for combo in window.bar.settings()])
        index = chance.randrange(box.count())
        box.setCurrentIndex(index)
        box.activated.emit(index)

    def drag():
        handles = [handle for handle in canvas.handles if handle.isVisible()]
        if handles:
            index = canvas.handles.index(chance.choice(handles)) + 1
            offset = QPoint(chance.randint(-300, 300), chance.randint(-200, 200))
            canvas.controls.dragged.emit(
                index, offset, canvas.mapToGlobal(QPoint(chance.randint(-100, 900), chance.randint(-100, 600)))
            )
            canvas.grab()
            if chance.random() < 0.7:
                canvas.controls.dropped.emit(
                    index, offset, canvas.mapToGlobal(QPoint(chance.randint(0, 900), chance.randint(0, 500)))
                )

    actions = [
        click_lane,
        hover,
        choose,
        drag,
        lambda: (
            chance.choice(visible(canvas.insert_buttons)).click() if len(window.document.experiment.network.layers) < 6 else None
        ),
        lambda: data.set_chosen.emit(chance.choice(list(DATASETS))),
        lambda: chance.choice([window.player.play_or_pause, window.player.step, window.reset, window.new_weights])(),
        lambda: window.actions_by_name[chance.choice(["undo", "redo"])].trigger(),
        lambda: chance.choice(visible(list(canvas.feature_buttons.values())) or [window.bar.theme_button]).click(),
        lambda: window.grab(),
    ]
    for _ in range(200):
        chance.choice(actions)()
        if chance.random() < 0.3:
            driver.qtbot.wait(chance.randint(1, 30))
    driver.until(lambda: driver.snapshot is not None and driver.snapshot.run is not None)
    assert driver.snapshot.status is not Status.FAILED
    assert driver.snapshot.run.experiment == driver.experiment
    window.document.undo_stack.setClean()
    window.document.load(preset("circle"))


def test_a_click_on_a_row_of_data_that_are_gone_changes_nothing(driver):
    driver.window.prober.probe_row(3)
    driver.settle()
    before = driver.window.loop.probe
    rows = len(driver.snapshot.run.data.dataset.features)
    driver.panels.rows.row_picked.emit(rows)
    assert driver.window.loop.probe == before
    driver.panels.rows.row_picked.emit(rows - 1)
    assert driver.window.loop.probe == tuple(driver.snapshot.run.data.dataset.features[-1].tolist())
