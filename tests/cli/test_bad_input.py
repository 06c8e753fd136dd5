"""Bad input: exit code 2, one line that names the mend, and nothing left behind."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from playground.cli import main as cli
from playground.experiment import decode
from playground.training.trainer import Trainer


def changed_circle(change):
    """The circle preset's JSON with a change made by hand."""
    from playground.storage import resource

    content = json.loads(resource("presets", "circle.json").read_text(encoding="utf-8"))
    change(content)
    return json.dumps(content)


def write(name, content):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def stranger():
    from safetensors.numpy import save

    return write("stranger.safetensors", save({"0.weight": np.zeros((2, 2), np.float32)}))


def misspelled(content):
    content["training"]["optimizer"]["learnin_rate"] = content["training"]["optimizer"].pop("learning_rate")


def below_zero(content):
    content["training"]["optimizer"]["learning_rate"] = -5


def table(text="a,y\n1,0\n2,1\n3,0\n"):
    return write("table.csv", text)


BAD = {
    "no such file": (lambda: ["train", "nowhere.csv"], "nowhere.csv", "no such file", "`playground presets`"),
    "no such folder": (lambda: ["train", "nowhere/table.csv"], "nowhere/table.csv", "no such file"),
    "a name longer than files may have": (lambda: ["train", "a" * 300], "no such file"),
    "a folder": (lambda: ["train", "."], "is a folder", "name a file"),
    "not UTF-8": (
        lambda: ["train", write("latin.csv", "größe,y\n1,2\n".encode("latin-1"))],
        "latin.csv",
        "line 1",
        "save the file as CSV in UTF-8",
    ),
    "an experiment that isn't UTF-8": (lambda: ["train", write("e.json", b"\xff\xfe{}")], "e.json", "save it as UTF-8"),
    "empty": (lambda: ["train", table("")], "table.csv", "empty", "a header and at least two rows"),
    "an empty experiment": (lambda: ["train", write("e.json", "")], "e.json", "line 1, column 1"),
    "without rows": (lambda: ["train", table("a,y\n")], "table.csv", "no rows", "add at least two"),
    "one row": (lambda: ["train", table("a,y\n1,2\n")], "table.csv", "single row", "add rows"),
    "text in a number column": (
        lambda: ["train", table("name,a,y\nAnna,1,0\nBob,2,1\nCid,3,0\n")],
        "table.csv",
        "'name'",
        "'Anna' in line 2",
        "--ignore name",
    ),
    "a missing value": (lambda: ["train", table("a,b,y\n1,2,0\n,3,1\n")], "table.csv", "line 3", "'a'", "--ignore a"),
    "too many cells": (lambda: ["train", table("a,y\n1,2,3\n4,5,6\n")], "table.csv", "every row needs as many"),
    "an unknown target": (lambda: ["train", table(), "--target", "Y"], "table.csv", "no column 'Y'", "it has a, y"),
    "an unknown column to ignore": (lambda: ["train", table(), "--ignore", "b"], "no column 'b'", "it has a, y"),
    "a target that never changes": (lambda: ["train", table("a,y\n1,5\n2,5\n")], "'y'", "choose another target"),
    "a model of another program": (lambda: ["train", stranger()], "stranger.safetensors", "another program", "saved here"),
    "predicting with another program's model": (lambda: ["predict", stranger(), table()], "another program", "saved here"),
    "exporting another program's model": (lambda: ["export", stranger(), "a.npz"], "another program", "saved here"),
    "predicting with a table": (lambda: ["predict", table(), table()], "isn't a safetensors file", "saved by this program"),
    "a typo in a field": (
        lambda: ["train", write("typo.json", changed_circle(misspelled))],
        "typo.json",
        "training.optimizer",
        "learnin_rate",
        "did you mean 'learning_rate'",
    ),
    "a rate of -5": (
        lambda: ["train", write("rate.json", changed_circle(below_zero))],
        "rate.json",
        "training.optimizer.learning_rate: -5",
        "> 0",
    ),
    "a rate of -5 set by a word": (
        lambda: ["train", "circle", "--set", "training.optimizer.learning_rate=-5"],
        "training.optimizer.learning_rate: -5",
        "> 0",
    ),
    "an unknown field": (lambda: ["train", "circle", "--set", "training.epoch=5"], "no field 'epoch'", "did you mean 'epochs'"),
    "a change without a value": (lambda: ["train", "circle", "--set", "training.epochs"], "FIELD=VALUE"),
    "no JSON": (lambda: ["train", write("e.json", '{"version": 1,\n "data": }')], "e.json", "line 2, column 10"),
    "another shape of network": (
        lambda: ["train", small_model(), "--set", "network.layers.0.units=77"],
        "another shape",
        "open their own experiment",
    ),
    "a folder below a file": (
        lambda: ["train", "circle", "--out", f"{table()}/below"],
        "table.csv",
        "part of its path is a file",
        "choose another with --out",
    ),
    "a folder that is a file": (lambda: ["train", "circle", "--out", table()], "table.csv", "choose another with --out"),
    "predictions below a file": (
        lambda: ["predict", small_model(), write("points.csv", "x1,x2\n1,2\n"), "--out", "points.csv/p.csv"],
        "points.csv/p.csv",
        "part of its path is a file",
        "choose another folder",
    ),
    "an export below a file": (
        lambda: ["export", small_model(), f"{table()}/weights.npz"],
        "table.csv/weights.npz",
        "choose another folder",
    ),
    "an export of no known kind": (lambda: ["export", small_model(), "weights.h5"], "'.h5'", ".safetensors, .npz"),
    "predicting without a column": (
        lambda: ["predict", small_model(), table("x1,y\n1,2\n3,4\n")],
        "no column 'x2'",
        "it has x1, y",
    ),
    "predicting a gap": (lambda: ["predict", small_model(), table("x1,x2\n1,2\n3,\n")], "line 3", "'x2'", "fill it in"),
    "predicting an unknown user": (
        lambda: ["predict", ratings_model(), table("user,item\n1,2\n\n3,999999\n")],
        "table.csv",
        "'item'",
        "999999 in line 4",
        "whole number from 0 to",
    ),
    "predicting half an item": (
        lambda: ["predict", ratings_model(), table("user,item\n1,2.5\n")],
        "'item' holds 2.5 in line 2",
        "whole number from 0 to",
    ),
    "predicting text": (lambda: ["predict", small_model(), table("x1,x2\n1,2\n3,z\n")], "'z' in line 3", "give a number"),
    "an unknown preset": (lambda: ["train", "cirlce"], "cirlce", "did you mean 'circle'?"),
    "a preset far from all": (lambda: ["train", "qqq"], "qqq", "`playground presets` lists"),
    "no epochs": (lambda: ["train", "circle", "--epochs", "0"], "--epochs", "'0'", "whole number from 1 on"),
    "a number that is none": (lambda: ["train", "circle", "--epochs", "²"], "--epochs", "'²'", "whole number from 1 on"),
    "a seed below 0": (lambda: ["train", "circle", "--seed=-1"], "--seed", "'-1'", "from 0 to 4294967295"),
    "an unknown backend": (lambda: ["train", "circle", "--backend", "gpu"], "'gpu'", "reference"),
    "an unknown option": (lambda: ["train", "circle", "--rate", "5"], "--rate", "--help"),
    "an unknown command": (lambda: ["trian", "circle"], "'trian'", "'train'"),
    "a word too few": (lambda: ["predict", "model.safetensors"], "DATA.csv", "--help"),
}


def small_model():
    """A model of the gauss preset, trained for an epoch."""
    if not Path("small").exists():
        from playground.cli.training_run import TrainingRun

        experiment = decode(changed_circle(lambda content: content["training"].update(epochs=1)))
        run = TrainingRun(experiment, backend="reference", folder="small")
        run.train(show_progress=False)
        run._picture = lambda: None
        run.write()
    return "small/model.safetensors"


def ratings_model():
    """A model of the ratings preset as it is before training."""
    if not Path("ratings.safetensors").exists():
        from playground.formats import safetensors
        from playground.storage import resource

        trainer = Trainer(decode(resource("presets", "ratings.json").read_bytes()), "reference")
        trainer.record()
        safetensors.save(trainer.model(), Path("ratings.safetensors"))
    return "ratings.safetensors"


@pytest.mark.compile
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_one_line_that_names_the_mend(run, case):
    words, *says = BAD[case]
    words = words()
    before = sorted(os.listdir())
    result = run(*words)
    assert result.code == 2
    assert result.out == ""
    assert "Traceback" not in result.err
    assert len(result.err.splitlines()) == 1, result.err
    assert result.err.startswith("playground: ")
    for part in says:
        assert part in result.err
    assert sorted(os.listdir()) == before, "and nothing is left behind"


def test_numbers_too_large_to_compute_with_are_refused_before_anything_is_written(tmp_path, capsys):
    table = tmp_path / "huge.csv"
    table.write_text("a,b,y\n" + "".join(f"{(-1) ** i}e300,{i},{i % 2}\n" for i in range(20)))
    assert cli.run(["train", str(table), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "'a'" in error
    assert "line 2" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    ["network.layers.²=1", 'name="\\ud800"', "data=" + 100_000 * "[", "=1", "training.epochs.x=1", "data.source.name=circle"],
)
def test_odd_changes_are_one_sentence(change, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["train", "iris", "--set", change]) == 2
    error = capsys.readouterr().err
    assert error.startswith("playground: ")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_more_threads_than_could_help_are_refused(run):
    code, _, error = run("train", "iris", "--threads", "100000000")
    assert code == 2
    assert "wait for each other" in error
    assert error.count("\n") == 1
