"""What a run leaves: the same bytes for the same command, one name for each number, and which rows were judged."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from command_lines import FILES, history, rows_of, value_of

from playground.formats import npz, safetensors
from playground.formats.opening import load

pytestmark = pytest.mark.compile


def playground(*words, seed, folder):
    """The program in a process of its own whose sets and dicts of texts have an order of their own."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "playground", *words]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=300)


def test_the_same_command_twice_leaves_the_same_bytes(tmp_path):
    found = []
    for seed in (1, 2, 3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        playground("train", "multilabel", "--epochs", "2", "--out", "out", "--threads", "1", seed=seed, folder=folder)
        playground("export", "out/model.safetensors", "weights.npz", seed=seed, folder=folder)
        playground("export", "out/model.safetensors", "copy.safetensors", seed=seed, folder=folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        found.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert set(found[0]) == {"weights.npz", "copy.safetensors", *(str(Path("out", name)) for name in FILES)}
    assert found[0] == found[1] == found[2]
    assert found[0]["copy.safetensors"] == found[0][str(Path("out", "model.safetensors"))]


def test_a_model_saved_often_is_the_same_file_each_time(run, without_plot):
    run("train", "iris", "--epochs", "1", "--quiet", "--out", "out")
    model = load("out/model.safetensors")
    first = Path("out/model.safetensors").read_bytes()
    for number in range(20):
        safetensors.save(model, Path(f"{number}.safetensors"))
        assert Path(f"{number}.safetensors").read_bytes() == first
    head = json.loads(first[8 : 8 + int.from_bytes(first[:8], "little")])
    assert list(head["__metadata__"]) == sorted(head["__metadata__"])
    assert int.from_bytes(first[:8], "little") % 8 == 0
    npz.save(model, Path("weights.npz"))
    with zipfile.ZipFile("weights.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}, "no time of the clock"


def test_of_several_labels_a_number_has_one_name_everywhere(run, without_plot):
    out = run("train", "multilabel", "--epochs", "2", "--out", "out", "--quiet").out
    names = [line.split()[0] for line in out.splitlines()]
    assert [name for name in names if "accuracy" in name] == ["train_subset_accuracy", "test_subset_accuracy"]
    report = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    header, rows = history("out")
    last = dict(zip(header, rows[-1], strict=True))
    shown = value_of(out, "test_subset_accuracy")
    assert report["metrics"]["subset_accuracy"]["value"] == pytest.approx(last["test_subset_accuracy"])
    assert load("out/model.safetensors").metrics["test_subset_accuracy"] == pytest.approx(last["test_subset_accuracy"])
    assert shown == pytest.approx(last["test_subset_accuracy"], abs=1e-4)


@pytest.mark.parametrize(("fraction", "judged", "prefix"), [("0", "training", "train_"), ("0.5", "test", "test_")])
def test_the_report_says_which_rows_it_judges(run, without_plot, fraction, judged, prefix):
    out = run("train", "iris", "--epochs", "3", "--set", f"data.test_fraction={fraction}", "--out", "out", "--quiet").out
    report = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    assert (report["judged"], report["rows"]) == (judged, 150 if judged == "training" else 75)
    assert value_of(out, f"{prefix}f1") == pytest.approx(report["metrics"]["f1"]["value"], abs=1e-4)
    assert value_of(out, f"{prefix}accuracy") == pytest.approx(report["metrics"]["accuracy"]["value"], abs=1e-4)


def test_after_an_early_stop_the_files_say_what_the_kept_epoch_reached(run, without_plot):
    words = ("--set", "data.validation_fraction=0.3", "--set", 'training.early_stopping={"patience": 3}')
    result = run("train", "iris", "--epochs", "200", *words, "--set", "training.optimizer.learning_rate=0.1", "--out", "out")
    best = int(result.err.partition("those of epoch ")[2].partition(",")[0])
    stop = int(result.err.partition("Stopped after epoch ")[2].partition(":")[0])
    header, *rows = rows_of(Path("out/history.csv").read_text())
    numbers = np.array(rows, float)
    assert best < stop
    assert numbers[:, 0].tolist() == [*range(stop + 1), best]
    assert rows[-1] == rows[best], "the kept weights' row, once more"
    metrics = load("out/model.safetensors").metrics
    assert metrics["epoch"] == value_of(result.out, "epoch") == best
    for name in ("validation_loss", "test_accuracy"):
        assert metrics[name] == pytest.approx(numbers[best, header.index(name)])
        assert value_of(result.out, name) == pytest.approx(numbers[best, header.index(name)], abs=1e-4)
