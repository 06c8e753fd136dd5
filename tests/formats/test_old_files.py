"""Files that the program wrote before still open as they did then, and those of a newer program are refused as such.

The predictions are equal bit for bit here, with and without AVX in NumPy and with several kernels of OpenBLAS; another
processor's library may round the last bit of a float32 otherwise, which the tests let pass.
"""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from model_files import refusal, with_header

from playground import load, predict
from playground.cli import main as cli
from playground.data.readers import read_table
from playground.experiment import encode
from playground.formats.opening import open_file
from playground.formats.safetensors import KEY
from playground.training.trainer import Trainer

OLD = Path(__file__).resolve().parent.parent / "files" / "v1"
EXPERIMENTS = sorted(path.name for path in OLD.glob("*.json"))
MODELS = sorted(path.stem for path in OLD.glob("*.safetensors"))


def says_what(old, new):
    """Whether a file says all that an older one said; fields that have come since may stand beside."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(name in new and says_what(value, new[name]) for name, value in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(says_what, old, new))
    return type(old) is type(new) and old == new


def rows_of(name):
    return read_table(OLD / f"{name}.rows.csv").to_numpy(np.float64)


def close(new, old):
    """Equal to within a float32's last bit at the largest value."""
    return new.shape == old.shape and np.abs(new - old).max() <= np.spacing(np.float32(np.abs(old).max()))


def test_there_are_files_of_every_kind():
    assert EXPERIMENTS == ["circle.json", "digits_conv.json", "odd.json", "ratings.json", "residual.json", "trees.json"]
    assert MODELS == ["conv", "dense", "labels", "odd", "quantities", "ratings", "residual", "trees"]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_old_experiment_is_the_same_one(name):
    content = json.loads((OLD / name).read_text(encoding="utf-8"))
    opened = open_file(OLD / name)
    assert opened.parameters is None
    if name == "trees.json":
        # Its table lies beside it, and it says so without the folder.
        assert content["data"]["source"]["path"] == "trees.csv"
        content["data"]["source"]["path"] = str(OLD / "trees.csv")
    assert says_what(content, json.loads(encode(opened.experiment)))


def test_an_old_experiment_of_a_table_trains():
    trainer = Trainer(open_file(OLD / "trees.json").experiment, "reference")
    assert trainer.run.data.dataset.class_names == ("=ash", "oak", "pine")
    assert trainer.train_epochs()


@pytest.mark.parametrize("name", MODELS)
def test_an_old_model_predicts_as_it_did(name):
    model, rows = load(OLD / f"{name}.safetensors"), rows_of(name)
    old = np.load(OLD / f"{name}.predictions.npz")
    outputs = model.predict(rows)
    assert outputs.dtype == old["outputs"].dtype
    assert close(outputs, old["outputs"])
    labels, answers = model.predict_labels(rows), predict(OLD / f"{name}.safetensors", rows)
    assert labels.dtype.kind == old["labels"].dtype.kind
    assert close(labels, old["labels"])
    assert np.array_equal(answers, old["answers"]) if answers.dtype.kind in "US" else close(answers, old["answers"])


@pytest.mark.parametrize("name", MODELS)
def test_an_old_model_answers_on_the_command_line_as_it_did(name, tmp_path):
    out = tmp_path / "out.csv"
    assert cli.run(["predict", str(OLD / f"{name}.safetensors"), str(OLD / f"{name}.rows.csv"), "--out", str(out)]) == 0
    (header, *new), (old_header, *old) = (
        list(csv.reader(path.read_text(encoding="utf-8").splitlines())) for path in (out, OLD / f"{name}.predictions.csv")
    )
    assert header == old_header
    assert len(new) == len(old) == len(rows_of(name))
    for row, old_row in zip(new, old, strict=True):
        for cell, old_cell in zip(row, old_row, strict=True):
            # Written with six digits behind the point, or nine in all.
            assert cell == old_cell or float(cell) == pytest.approx(float(old_cell), rel=2e-7, abs=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_an_old_model_is_gone_on_with_from_its_weights(name):
    opened, model = open_file(OLD / f"{name}.safetensors"), load(OLD / f"{name}.safetensors")
    assert np.array_equal(opened.parameters, model.parameters)
    if name == "trees":
        assert opened.experiment.data.source.path == str(OLD / "trees.csv"), "beside the model, as beside an experiment"
    trainer = Trainer(opened.experiment, "reference", opened.parameters)
    assert np.array_equal(trainer.record()["train_loss"], trainer.history.column("train_loss")[0])
    assert trainer.history.last()["train_loss"] == pytest.approx(model.metrics["train_loss"], rel=1e-5)


def newer(experiment):
    """What a newer program might write: another version, and a field that nobody knows today."""
    return json.dumps(json.loads(experiment) | {"version": 2, "mood": "good"})


def test_an_experiment_of_a_newer_program_is_refused_as_such(tmp_path):
    path = tmp_path / "tomorrow.json"
    path.write_text(newer((OLD / "circle.json").read_text(encoding="utf-8")), encoding="utf-8")
    assert refusal(open_file, path) == (
        f"{path}: it was made by a newer version of Neural Playground: it has version 2, and this program reads files up to "
        "version 1; update Neural Playground to open it."
    )


@pytest.mark.parametrize("action", [load, open_file])
def test_a_model_of_a_newer_program_is_refused_as_such(action, tmp_path):
    path = tmp_path / "tomorrow.safetensors"

    def change(header):
        header["__metadata__"][KEY] = newer(header["__metadata__"][KEY])

    path.write_bytes(with_header((OLD / "dense.safetensors").read_bytes(), change))
    assert refusal(action, path) == (
        f"{path}: it was made by a newer version of Neural Playground: it has version 2, and this program reads files up to "
        "version 1; update Neural Playground to open it."
    )


@pytest.mark.parametrize("version", [0, -1, "2", 1.5, None, True])
def test_a_version_that_never_was_is_a_mistake_in_the_file(version, tmp_path):
    path = tmp_path / "odd.json"
    content = json.loads((OLD / "circle.json").read_text(encoding="utf-8")) | {"version": version}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "newer" not in refusal(open_file, path)


@pytest.mark.parametrize("word", ["train", "rates", "predict", "export"])
def test_the_command_line_refuses_newer_files_in_one_line(word, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(OLD / "dense.rows.csv", "rows.csv")
    if word in ("train", "rates"):
        Path("new.json").write_text(newer((OLD / "circle.json").read_text(encoding="utf-8")), encoding="utf-8")
        words = [word, "new.json"]
    else:
        data = (OLD / "dense.safetensors").read_bytes()
        Path("new.safetensors").write_bytes(
            with_header(data, lambda header: header["__metadata__"].update({KEY: newer(header["__metadata__"][KEY])}))
        )
        words = [word, "new.safetensors", "rows.csv" if word == "predict" else "out.npz"]
    assert cli.run(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"playground: {words[1]}: it was made by a newer version")
    assert error.count("\n") == 1
