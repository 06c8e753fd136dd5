"""Files in and out of the window: open, save, export, drop, recent; bad input is one sentence and loses nothing."""

import importlib
import json
import os
import sys
import threading

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QMessageBox

from playground.data.suggest import suggest
from playground.experiment import decode, encode
from playground.experiment.presets import examples, preset
from playground.formats.opening import load
from playground.storage import resource

Button = QMessageBox.StandardButton


def answer_with(monkeypatch, path, kind=""):
    for dialog in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, dialog, lambda *_args: (str(path) if path else "", kind))


def trigger(driver, name):
    driver.window.actions_by_name[name].trigger()


def drop(window, path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(400, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(event)


def test_save_and_open_an_experiment(driver, tmp_path, monkeypatch):
    driver.canvas.headers[0].more_button.click()
    path = tmp_path / "mine.json"
    answer_with(monkeypatch, path)
    assert driver.window.isWindowModified()
    trigger(driver, "save")
    assert decode(path.read_bytes()) == driver.experiment
    assert not driver.window.isWindowModified()
    assert driver.window.windowTitle().startswith("mine.json")
    saved = driver.experiment
    driver.canvas.headers[0].more_button.click()
    trigger(driver, "save")
    assert decode(path.read_bytes()).network.layers[0].units == 6
    driver.window.actions_by_name["undo"].trigger()
    driver.window.document.undo_stack.setClean()
    trigger(driver, "open")
    assert driver.experiment.network.layers[0].units == 6
    assert driver.experiment != saved
    driver.settle()


def test_saving_without_an_ending_takes_the_chosen_kind(driver, tmp_path, monkeypatch):
    answer_with(monkeypatch, tmp_path / "plain", "Settings (*.json)")
    trigger(driver, "save_as")
    assert (tmp_path / "plain.json").exists()
    answer_with(monkeypatch, tmp_path / "whole", "Settings and trained weights (*.safetensors)")
    trigger(driver, "save_as")
    assert load(tmp_path / "whole.safetensors").experiment == driver.experiment


def test_a_saved_model_opens_again_and_goes_on_from_its_weights(driver, tmp_path, monkeypatch):
    driver.train_some()
    path = tmp_path / "circle.safetensors"
    answer_with(monkeypatch, path)
    trigger(driver, "save_as")
    trained = driver.snapshot.parameters.copy()
    trigger(driver, "new")
    driver.settle()
    assert not np.array_equal(driver.snapshot.parameters, trained)
    trigger(driver, "open")
    driver.settle()
    assert driver.snapshot.step == 0
    assert np.array_equal(driver.snapshot.parameters, trained)
    first = driver.snapshot.history.column("train_loss")[0]
    driver.train_some()
    assert driver.snapshot.history.column("train_loss")[-1] < 1.5 * first


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_export_weights_from_menu_and_button(driver, tmp_path, monkeypatch, ending):
    driver.train_some()
    answer_with(monkeypatch, tmp_path / f"weights{ending}")
    driver.window.bar.export_button.click()
    path = tmp_path / f"weights{ending}"
    assert path.stat().st_size > 300
    if ending == ".npz":
        arrays = np.load(path)
        assert any(
            np.array_equal(
                arrays[name].ravel(), driver.snapshot.run.plan.view(driver.snapshot.parameters, "layers.0.weight").ravel()
            )
            for name in arrays
        )
    assert "weights" in driver.window.status.text
    answer_with(monkeypatch, tmp_path / "again", f"NumPy arrays (npz) (*{ending})")
    trigger(driver, "export")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_cancelled_dialog_does_nothing(driver, monkeypatch):
    before = driver.experiment
    answer_with(monkeypatch, None)
    for name in ("open", "save_as", "export"):
        trigger(driver, name)
    assert driver.experiment is before
    assert driver.window.banner.text == ""


BAD = {
    "missing.json": None,
    "typo.json": b'{"version": 1, "name": "x"}',
    "rate.json": "rate",
    "not-json.json": b"{",
    "latin.csv": "größe,b\n1,2\n".encode("latin-1"),
    "empty.csv": b"",
    "header.csv": b"a,b\n",
    "other.safetensors": b"\x08\0\0\0\0\0\0\0{}      ",
    "picture.png": b"\x89PNG",
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_files_are_one_sentence_and_lose_nothing(driver, tmp_path, monkeypatch, name):
    path, content = tmp_path / name, BAD[name]
    if content == "rate":
        value = json.loads(encode(driver.experiment))
        value["training"]["optimizer"]["learning_rate"] = -5
        content = json.dumps(value).encode()
    if content is not None:
        path.write_bytes(content)
    driver.canvas.headers[0].more_button.click()
    before = driver.experiment
    monkeypatch.setattr(QMessageBox, "question", lambda *_: pytest.fail("nothing may be asked for a file that can't be read"))
    drop(driver.window, path)
    assert driver.experiment == before
    assert driver.window.isWindowModified()
    text = driver.window.banner.text
    assert name in text
    assert "\n" not in text.strip()
    driver.window.banner.close_button.click()
    assert driver.window.banner.text == ""


def test_a_folder_that_cannot_be_written_is_one_sentence(driver, tmp_path, monkeypatch):
    blocker = tmp_path / "file"
    blocker.write_text("x")
    answer_with(monkeypatch, blocker / "mine.json")
    trigger(driver, "save_as")
    assert "can't be written" in driver.window.banner.text
    assert blocker.read_text() == "x"


@pytest.mark.parametrize(
    ("answer", "goes_on", "saved"), [(Button.Save, True, True), (Button.Discard, True, False), (Button.Cancel, False, False)]
)
def test_unsaved_edits_are_asked_about(driver, tmp_path, monkeypatch, answer, goes_on, saved):
    driver.canvas.headers[0].more_button.click()
    edited = driver.experiment
    path = tmp_path / "kept.json"
    answer_with(monkeypatch, path)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answer)
    trigger(driver, "new")
    assert path.exists() == saved
    assert (driver.experiment != edited) == goes_on


def test_closing_asks_too(driver, monkeypatch):
    driver.canvas.headers[0].more_button.click()
    monkeypatch.setattr(QMessageBox, "question", lambda *_: Button.Cancel)
    assert not driver.window.close()
    assert driver.window.isVisible()


def test_recent_files_and_examples(driver, tmp_path):
    path = tmp_path / "recent.json"
    path.write_bytes(encode(preset("xor")))
    drop(driver.window, path)
    assert driver.experiment == preset("xor")
    assert driver.window.windowTitle().startswith("recent.json")
    driver.window.recent_menu.aboutToShow.emit()
    assert [action.text() for action in driver.window.recent_menu.actions()] == ["recent.json"]
    driver.window.examples_menu.aboutToShow.emit()
    actions = driver.window.examples_menu.actions()
    presets = list(resource("presets").glob("*.json"))
    assert len(actions) == len(examples()) == len(presets) > 0
    actions[0].trigger()
    assert driver.experiment.name == actions[0].text()
    driver.window.document.undo_stack.setClean()
    driver.window.recent_menu.actions()[0].trigger()
    assert driver.experiment == preset("xor")


def test_an_experiment_finds_its_table_beside_it(driver, tmp_path):
    (tmp_path / "points.csv").write_text("a,b,answer\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(40)))
    drop(driver.window, tmp_path / "points.csv")
    value = json.loads(encode(driver.experiment))
    value["data"]["source"]["path"] = "points.csv"
    (tmp_path / "points.json").write_text(json.dumps(value))
    driver.window.document.undo_stack.setClean()
    drop(driver.window, tmp_path / "points.json")
    assert driver.experiment.data.source.path == str(tmp_path / "points.csv")
    driver.settle()
    assert driver.snapshot.run.data.dataset.feature_names == ("a", "b")


def test_a_table_that_vanishes_stops_the_run_and_says_so(driver, tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("a,b,answer\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(40)))
    drop(driver.window, path)
    driver.settle()
    path.unlink()
    driver.window.actions_by_name["new_weights"].trigger()
    driver.window.panels.data.new_sample_button.click()
    driver.until(lambda: driver.window.banner.kind == "failed")
    assert "points.csv" in driver.window.banner.text
    driver.window.actions_by_name["undo"].trigger()
    driver.window.document.undo_stack.setClean()
    driver.window.document.load(preset("circle"))
    driver.settle()


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("a,b,y\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(20)))
    return path


@pytest.mark.parametrize("door", [lambda window, path: window.open_path(path), drop], ids=["open", "drop"])
@pytest.mark.parametrize("ending", ["json", "safetensors"])
def test_saved_beside_its_table_it_is_found_wherever_both_are_moved(driver, tmp_path, table, monkeypatch, door, ending):
    driver.window.open_path(table)
    driver.settle()
    answer_with(monkeypatch, tmp_path / f"mine.{ending}")
    trigger(driver, "save_as")
    assert driver.experiment.data.source.path == str(table), "here it stays what it is"
    (tmp_path / "moved").mkdir()
    for path in (table, tmp_path / f"mine.{ending}"):
        path.rename(tmp_path / "moved" / path.name)
    door(driver.window, tmp_path / "moved" / f"mine.{ending}")
    driver.settle()
    assert driver.experiment.data.source.path == str(tmp_path / "moved" / "points.csv")
    assert not driver.window.banner.isVisible()


@pytest.mark.parametrize("answer", [Button.No, Button.Yes])
def test_another_computer_is_asked_only_after_a_yes(driver, tmp_path, table, monkeypatch, answer):
    content = json.loads(encode(suggest(table)))
    content["data"]["source"]["path"] = "//server/share/there.csv"
    (tmp_path / "e.json").write_text(json.dumps(content))
    asked, looked, real = [], [], os.stat
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words) or answer)
    monkeypatch.setattr(os, "stat", lambda path, **more: looked.append(str(path)) or real(path, **more))
    before = driver.experiment
    driver.window.open_path(tmp_path / "e.json")
    (words,) = asked
    assert "server" in words[2]
    assert "e.json" in words[2]
    assert words[-1] == Button.No, "the answer of a hasty Return"
    if answer == Button.No:
        assert driver.experiment == before
        assert "//server/share/there.csv" not in looked
    else:
        driver.until(lambda: driver.window.banner.kind == "failed")
        assert "//server/share/there.csv: can't be read" in driver.window.banner.text
        assert "//server/share/there.csv" in looked


@pytest.mark.parametrize("door", [lambda window, path: window.open_path(path), drop], ids=["open", "drop"])
def test_a_model_whose_table_is_gone_shows_its_network_and_weights(driver, tmp_path, table, monkeypatch, door):
    driver.window.open_path(table)
    driver.settle()
    driver.train_some()
    answer_with(monkeypatch, tmp_path / "mine.safetensors")
    trigger(driver, "save_as")
    model = load(tmp_path / "mine.safetensors")
    driver.window.document.load(preset("circle"))
    driver.settle()
    table.unlink()
    door(driver.window, tmp_path / "mine.safetensors")
    driver.until(lambda: driver.window.banner.kind == "failed")
    said = driver.window.banner.text
    assert "points.csv: can't be read: there is no such file or folder" in said
    assert "The model's network and weights are shown; without its table nothing is trained." in said
    assert len(said) <= 300
    driver.canvas.grab()
    assert [lane.units for lane in driver.canvas.lanes] == [2, 16, 8, 1]
    weight = model.plan.view(model.parameters, "layers.0.weight")
    assert driver.canvas.value_of("layers.0.weight", (1, 2)) == pytest.approx(float(weight[1, 2]))
    # Nothing is trained, and every page can be looked at.
    driver.window.player.play_or_pause()
    driver.window.player.step()
    trigger(driver, "settings")
    driver.window.grab()
    assert driver.snapshot.epoch == 0
    # Saved again, it is the same model.
    answer_with(monkeypatch, tmp_path / "again.safetensors")
    trigger(driver, "save_as")
    again = load(tmp_path / "again.safetensors")
    assert np.array_equal(again.parameters, model.parameters)
    assert again.preprocessing == model.preprocessing
    # An edit that keeps the weights shows them still; once the table is back, it trains.
    driver.window.changes.set("rate", "training.optimizer.learning_rate", 0.05)
    driver.until(lambda: driver.snapshot is not None and driver.snapshot.run is not None)
    driver.until(lambda: driver.snapshot.run.experiment == driver.experiment)
    assert np.array_equal(driver.snapshot.parameters, model.parameters)
    table.write_text("a,b,y\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(20)))
    driver.window.document.undo_stack.setClean()
    door(driver.window, tmp_path / "mine.safetensors")
    driver.settle()
    assert np.array_equal(driver.snapshot.parameters, model.parameters)
    assert not driver.window.banner.isVisible()


def test_what_reads_tables_is_loaded_off_the_windows_thread_while_one_is_being_chosen(driver, monkeypatch):
    import pandas  # noqa: F401  (the test takes it away again)

    loaded = []
    monkeypatch.delitem(sys.modules, "pandas")
    monkeypatch.setattr(importlib, "import_module", lambda name: loaded.append((name, threading.current_thread().name)))
    window = driver.window
    drag = QMimeData()
    drag.setUrls([QUrl.fromLocalFile("/nowhere/table.csv")])
    entered = QDragEnterEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, drag, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    for count, choose in enumerate(
        (
            lambda: window.dragEnterEvent(entered),
            lambda: driver.qtbot.mouseClick(driver.panels.data.tabs.buttons["file"], Qt.MouseButton.LeftButton),
            window.actions_by_name["open"].trigger,
        ),
        1,
    ):
        choose()
        driver.until(lambda count=count: len(loaded) == count and not window._loading.busy)
    assert loaded == [("pandas", "load")] * 3
    monkeypatch.undo()
    window.expect_table()
    assert not window._loading.busy, "it is there already"


def test_recent_tables_are_expected_as_soon_as_they_are_listed(driver, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(driver.window, "expect_table", lambda: asked.append(True))
    for name in ("model.safetensors", "table.csv"):
        (tmp_path / name).write_bytes(b"")
    driver.window.preferences.add_recent_file(tmp_path / "model.safetensors")
    driver.window.recent_menu.aboutToShow.emit()
    assert not asked, "models don't need it"
    driver.window.preferences.add_recent_file(tmp_path / "table.csv")
    driver.window.recent_menu.aboutToShow.emit()
    assert asked
