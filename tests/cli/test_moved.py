"""An experiment or a model is handed on with its table: every command finds it from anywhere, and asks no other computer."""

import json
import os
import shutil
from pathlib import Path

import pytest
from command_lines import write_iris

from playground.formats.opening import load

pytestmark = pytest.mark.compile


@pytest.fixture
def trained(run, without_plot):
    """A run on a table in folder a, written to a/run."""
    Path("a").mkdir()
    write_iris("a/iris.csv")
    words = ("--target", "species", "--ignore", "label", "--epochs", "1", "--quiet")
    os.chdir("a")
    assert run("train", "iris.csv", *words, "--out", "run").code == 0
    assert run("train", "iris.csv", *words, "--out", "../beside/it").code == 0
    return Path.cwd()


def stored(path):
    return json.loads(Path(path).read_bytes())["data"]["source"]["path"]


def test_a_written_experiment_trains_from_its_own_folder_and_from_anywhere(run, trained, tmp_path):
    os.chdir("run")
    assert run("train", "experiment.json", "--quiet", "--out", "again").code == 0
    os.chdir("/")
    assert run("train", trained / "run" / "experiment.json", "--quiet", "--out", tmp_path / "away").code == 0
    assert stored(trained / "run" / "experiment.json") == str(trained / "iris.csv"), "it lies above the folder"


@pytest.mark.parametrize("file", ["experiment.json", "model.safetensors"])
def test_copied_with_its_table_it_is_found_by_name(run, trained, tmp_path, file):
    (tmp_path / "b").mkdir()
    for path in ("run/experiment.json", "run/model.safetensors", "iris.csv"):
        shutil.copy(path, tmp_path / "b")
    shutil.rmtree(trained)
    os.chdir("/")
    copied = tmp_path / "b" / file
    for command, more in (("train", ["--quiet"]), ("rates", ["--backend", "reference"])):
        out = ["--out", tmp_path / "out"]
        assert run(command, copied, *more, *out).code == 0, command
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        (tmp_path / "out").unlink(missing_ok=True)


def test_below_its_folder_it_is_stored_relative(run, trained):
    os.chdir("..")
    assert run("train", "a/run/experiment.json", "--quiet", "--out", "a", "--overwrite").code == 0
    assert stored("a/experiment.json") == "iris.csv"
    model = load("a/model.safetensors")
    assert model.experiment.data.source.path == str(trained / "iris.csv")
    assert run("export", "a/model.safetensors", "other.safetensors").code == 0
    assert load("other.safetensors").experiment == model.experiment


def test_a_model_whose_table_is_gone_still_predicts(run, trained):
    Path("rows.csv").write_bytes(Path("iris.csv").read_bytes())
    before = run("predict", "run/model.safetensors", "rows.csv")
    Path("iris.csv").unlink()
    assert run("predict", "run/model.safetensors", "rows.csv") == before
    assert before.code == 0
    refused = run("train", "run/model.safetensors", "--quiet", "--out", "again")
    assert refused.code == 2
    assert "iris.csv: can't be read: there is no such file or folder" in refused.err


def test_weights_to_start_from_are_found_beside_as_well(run, trained):
    start = "network.initializer=" + json.dumps({"type": "from_file", "path": "run/model.safetensors"})
    assert run("train", "iris.csv", "--target", "species", "--ignore", "label", "--set", start, "--quiet", "--out", "b").code == 0
    content = json.loads(Path("b/experiment.json").read_bytes())
    assert content["network"]["initializer"]["path"] == str(trained / "run" / "model.safetensors")
    shutil.copy("run/model.safetensors", "b/start.safetensors")
    content["network"]["initializer"]["path"] = "/gone/start.safetensors"
    Path("b/experiment.json").write_text(json.dumps(content))
    assert run("train", "b/experiment.json", "--quiet", "--out", "c").code == 0


@pytest.mark.parametrize("command", ["train", "rates"])
@pytest.mark.parametrize("kind", ["table", "weights"])
def test_another_computer_is_asked_only_if_that_is_said(run, trained, monkeypatch, command, kind):
    content = json.loads(Path("run/experiment.json").read_bytes())
    there = "//server/share/there.csv"
    if kind == "table":
        content["data"]["source"]["path"] = there
    else:
        content["network"]["initializer"] = {"type": "from_file", "path": there}
    Path("e.json").write_text(json.dumps(content))
    looked = []
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **more: looked.append(str(path)) or real(path, **more))
    refused = run(command, "e.json", "--out", "out")
    assert refused.code == 2
    assert "e.json: it names a file on another computer, server, " in refused.err
    assert "--from-elsewhere" in refused.err
    assert refused.err.count("\n") == 1
    assert there not in looked
    allowed = run(command, "e.json", "--out", "out", "--from-elsewhere")
    assert allowed.code == 2
    assert f"{there}: can't be read: there is no such file or folder" in allowed.err
    assert there in looked
