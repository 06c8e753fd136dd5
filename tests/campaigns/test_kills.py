"""The campaign of kills sees what a kill may leave: files cut short, files of two runs, a model that is gone."""

import os
import shutil

import kills
import pytest

from playground.cli import main

pytestmark = [pytest.mark.compile, pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are for systems that fork")]


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """Folders of two runs with different learning rates."""
    folder = tmp_path_factory.mktemp("runs")
    for name, rate in (("one", "0.01"), ("two", "0.05")):
        words = ["train", "circle", "--out", str(folder / name / "run"), "--quiet", "--epochs", "2", "--backend", "reference"]
        assert main.run([*words, "--set", f"training.optimizer.learning_rate={rate}"]) == 0
    return folder


@pytest.fixture
def folder(two_runs, tmp_path):
    shutil.copytree(two_runs / "one", tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_whole_files_of_one_run_are_right(folder, two_runs):
    assert kills.what_is_wrong(folder, {}) == ""
    assert kills.what_is_wrong(two_runs / "two", kills.contents(folder)) == ""
    (folder / "run" / "loss.png").unlink()
    assert kills.what_is_wrong(folder, {}) == "", "one that isn't there yet is no harm"


@pytest.mark.parametrize("name", kills.FILES)
def test_half_a_file_is_seen(folder, name):
    path = folder / "run" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert kills.what_is_wrong(folder, {}).startswith(f"{name} can't be read")


@pytest.mark.parametrize("name", ["experiment.json", "history.csv"])
def test_a_file_of_another_run_is_seen(folder, two_runs, name):
    shutil.copy(two_runs / "two" / "run" / name, folder / "run" / name)
    assert "run" in kills.what_is_wrong(folder, {})


def test_a_model_that_is_gone_is_seen(folder):
    before = kills.contents(folder)
    (folder / "run" / "model.safetensors").unlink()
    assert kills.what_is_wrong(folder, before) == "the model is gone"


def test_what_is_left_over_is_seen(monkeypatch):
    def leaves(job, folder, number, kill_after):
        folder.mkdir(exist_ok=True)
        (folder / ".model.safetensors.x.part").touch()
        return 0, 1.0

    monkeypatch.setattr(kills.KILLER, "run", leaves)
    monkeypatch.setattr(kills, "usual_seconds", lambda: 1.0)
    assert kills.play([["train", 0.5]]).kind == "something is left over"
