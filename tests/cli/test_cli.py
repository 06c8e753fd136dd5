"""The command line from word to file: what it writes, says and returns, and how it refuses."""

import csv
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from playground.catalog.tasks import TASKS
from playground.cli import main as cli
from playground.data.bundled import load_bundled
from playground.experiment import decode
from playground.formats import npz
from playground.kernels.cpu.warm import warm
from playground.model import load
from playground.training.trainer import Trainer

Result = namedtuple("Result", "code out err")
FILES = {"experiment.json", "model.safetensors", "history.csv", "report.json", "loss.png"}
CLASS_COLUMNS = ["epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy"]
QUANTITY_COLUMNS = ["epoch", "train_loss", "test_loss", "train_rmse", "test_rmse", "train_r2", "test_r2"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command line in this process."""

    def run(*words):
        capsys.readouterr()
        code = cli.run([str(word) for word in words])
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def without_plot(monkeypatch):
    """Leave loss.png out, for tests that look at something else."""
    monkeypatch.setattr("playground.cli.training_run.TrainingRun._draw", lambda self, path: False)


@pytest.fixture(scope="module")
def iris_model(tmp_path_factory):
    """A model of the iris preset, saved by the command line."""
    folder = tmp_path_factory.mktemp("iris") / "iris"
    assert cli.run(["train", "iris", "--epochs", "60", "--quiet", "--out", str(folder)]) == 0
    return folder / "model.safetensors"


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def history(folder):
    """The history file without the gradients of the layers: its header, and its rows as numbers."""
    header, *rows = rows_of((Path(folder) / "history.csv").read_text())
    own = [name for name in header if not name.startswith("gradient_")]
    assert header[: len(own)] == own, "the usual columns come first"
    return own, np.array(rows, float)[:, : len(own)]


def value_of(out, name):
    """A number of the results on stdout."""
    return float(re.search(rf"^{name} (\S+)$", out, re.MULTILINE)[1])


def write_table(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def write_iris(path="iris.csv", rows=None):
    """The irises as a table with a number for each flower and the species in words."""
    dataset = load_bundled("iris")
    names = [dataset.class_names[int(number)] for number in dataset.targets[:, 0]]
    table = [[*features, f"flower {row}", name] for row, (features, name) in enumerate(zip(dataset.features, names, strict=True))]
    write_table(path, [*dataset.feature_names, "label", "species"], table[:rows])
    return dataset


# presets, help and the window's word


def test_presets_are_listed_a_line_each_with_a_sentence(run):
    result = run("presets")
    lines = result.out.splitlines()
    assert result.code == 0
    assert [line.split()[0] for line in lines] == cli.preset_names()
    assert {"circle", "multi_gauss", "breast_cancer"} <= set(cli.preset_names())
    assert all(": " in line and line.endswith((".", "?")) for line in lines)
    assert result.err == ""


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"]])
def test_help_lists_what_can_be_said(run, words):
    result = run(*words)
    assert result.code == 0
    assert result.err == ""
    for word in ("presets", "train", "predict", "export") if len(words) == 1 else ("WHAT", "--out", "--set", "--overwrite"):
        assert word in result.out


def test_the_version_is_the_packages(run):
    from playground import __version__

    assert run("--version") == (0, f"Neural Playground {__version__}\n", "")


def test_without_a_display_the_welcome_experiment_trains_in_the_terminal(run, monkeypatch, folder):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    result = run()
    assert result.code == 0
    assert result.err.startswith("There is no display")
    accuracy = re.search(r"^test_accuracy (0\.\d{4}|1\.0000)$", result.out, re.MULTILINE)
    assert float(accuracy[1]) > 0.9
    for name in FILES:
        assert re.search(rf"{name}  \w+", result.out), "each file with a few words"
    assert {path.name for path in (folder / "circle-1").iterdir()} == FILES


# train


def test_training_a_preset_writes_its_files_and_prints_the_results(run, folder):
    result = run("train", "circle", "--epochs", "25")
    results = folder / "circle-1"
    assert result.code == 0
    assert {path.name for path in results.iterdir()} == FILES
    experiment = decode((results / "experiment.json").read_bytes())
    assert (experiment.name, experiment.training.epochs) == ("Circle", 25)
    header, rows = history(results)
    assert header == CLASS_COLUMNS
    assert list(rows[:, 0]) == list(range(26))
    assert rows[0, 1] == pytest.approx(0.7, abs=0.2), "before training, a guess between two"
    assert rows[-1, 1] < rows[0, 1] / 2
    image = (results / "loss.png").read_bytes()
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert min(struct.unpack(">II", image[16:24])) >= 300
    names = [line.split()[0] for line in result.out.splitlines()]
    assert names[: len(CLASS_COLUMNS)] == CLASS_COLUMNS
    assert re.search(r"^test_accuracy (0\.\d{4}|1\.0000)$", result.out, re.MULTILINE)
    assert value_of(result.out, "test_accuracy") == pytest.approx(rows[-1, 4], abs=1e-4)
    assert len(names) == len(set(names)), "each number once"
    report = json.loads((results / "report.json").read_text(encoding="utf-8"))
    assert names[len(CLASS_COLUMNS) :] == [f"test_{name}" for name in report["metrics"] if name != "accuracy"]
    for name, score in report["metrics"].items():
        assert value_of(result.out, f"test_{name}") == pytest.approx(score["value"], abs=1e-4)
    assert np.sum(report["confusion_matrix"]) == report["rows"] == 150
    gradients = rows_of((results / "history.csv").read_text())[0][len(CLASS_COLUMNS) :]
    layers = ["layers.0", "layers.1", "layers.2"]
    assert gradients == [f"gradient_{what}_{layer}" for layer in layers for what in ("size", "noise")]
    model = load(results / "model.safetensors")
    assert model.experiment == experiment
    assert model.metrics["test_accuracy"] == pytest.approx(rows[-1, 4])
    assert all(f"wrote {Path('circle-1') / name}" in result.err for name in FILES)


def test_regressions_record_rmse_and_r2(run, without_plot):
    result = run("train", "linnerud", "--epochs", "3", "--out", "out")
    header, rows = history("out")
    assert header == QUANTITY_COLUMNS
    assert np.isfinite(rows).all()
    assert [line.split()[0] for line in result.out.splitlines()] == [*QUANTITY_COLUMNS, "test_mae"]


@pytest.mark.parametrize("name", cli.preset_names())
def test_every_preset_trains(run, without_plot, name):
    result = run("train", name, "--epochs", "1", "--quiet", "--out", "out")
    assert result.code == 0
    assert history("out")[1].shape[0] == 2


def test_quiet_says_nothing_but_the_results(run):
    result = run("train", "circle", "--epochs", "2", "--quiet")
    assert result.err == ""
    assert value_of(result.out, "epoch") == 2
    assert all(re.fullmatch(r"\w+ -?\d+(\.\d{4})?", line) for line in result.out.splitlines())


def test_quiet_keeps_sick_layers_and_early_stops_to_itself_and_otherwise_they_are_said_once(run, without_plot):
    words = [
        "train", "gauss", "--epochs", "40", "--set", "network.bias=-50", "--set", "network.layers.0.activation=relu",
        "--set", "data.validation_fraction=0.2", "--set", 'training.early_stopping={"patience": 25}',
    ]  # fmt: skip
    quiet, loud = run(*words, "--quiet", "--out", "quiet"), run(*words, "--out", "loud")
    assert (quiet.code, quiet.err) == (0, "")
    assert loud.code == 0
    assert len(re.findall(r"^layers\.0: \d of \d neurons are dead", loud.err, re.MULTILINE)) == 1
    assert len(re.findall(r"^Stopped after epoch", loud.err, re.MULTILINE)) == 1
    assert quiet.out == loud.out


def test_folders_are_numbered_and_named_after_the_data(run, without_plot, folder):
    (folder / "multi-gauss-2").mkdir()
    for _ in range(3):
        assert run("train", "multi_gauss", "--epochs", "1", "--quiet").code == 0
    assert {path.name for path in folder.iterdir()} == {f"multi-gauss-{number}" for number in (1, 2, 3, 4)}
    assert not list((folder / "multi-gauss-2").iterdir())


def test_out_makes_the_folders_that_are_missing(run, without_plot):
    assert run("train", "circle", "--epochs", "1", "--quiet", "--out", "a/b/c").code == 0
    assert Path("a/b/c/model.safetensors").exists()


def test_a_folder_that_holds_other_things_is_refused_until_overwrite(run, folder):
    (folder / "thesis").mkdir()
    (folder / "thesis" / "chapter.txt").write_text("years of work")
    words = ("train", "circle", "--epochs", "1", "--out", "thesis")
    refused = run(*words)
    assert refused.code == 2
    assert "chapter.txt" in refused.err
    assert "--overwrite" in refused.err
    assert os.listdir("thesis") == ["chapter.txt"]
    assert run(*words, "--overwrite").code == 0
    assert set(os.listdir("thesis")) == {"chapter.txt", *FILES}
    assert Path("thesis/chapter.txt").read_text() == "years of work"


def test_results_of_another_run_are_not_overwritten_by_themselves(run, without_plot):
    words = ("train", "circle", "--epochs", "1", "--quiet", "--out", "out")
    assert run(*words).code == 0
    before = Path("out/model.safetensors").read_bytes()
    refused = run(*words, "--seed", "5")
    assert refused.code == 2
    assert "results of another run" in refused.err
    assert Path("out/model.safetensors").read_bytes() == before
    assert run(*words, "--seed", "5", "--overwrite").code == 0
    assert Path("out/model.safetensors").read_bytes() != before


def test_fields_are_set_from_the_command_line(run, without_plot):
    changes = {
        "training.optimizer.learning_rate": 0.05,
        "training.batch_size": 7,
        "name": "Zwei Ringe",
        "network.layers.0.activation": "relu",
    }
    words = [word for field, value in changes.items() for word in ("--set", f"{field}={value}")]
    assert run("train", "circle", "--epochs", "1", "--quiet", "--out", "out", *words).code == 0
    written = json.loads(Path("out/experiment.json").read_text(encoding="utf-8"))
    assert written["training"]["optimizer"]["learning_rate"] == 0.05
    assert written["training"]["batch_size"] == 7
    assert written["name"] == "Zwei Ringe"
    assert written["network"]["layers"][0]["activation"] == "relu"


def test_one_seed_sets_all_three_and_repeats_the_run(run, without_plot):
    for name, seed in (("a", 11), ("b", 11), ("c", 12)):
        assert run("train", "xor", "--epochs", "3", "--quiet", "--seed", seed, "--out", name).code == 0
    written = decode(Path("a/experiment.json").read_bytes())
    assert (written.data.seed, written.network.seed, written.training.seed) == (11, 11, 11)
    first, same, other = (load(f"{name}/model.safetensors").parameters for name in "abc")
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert Path("a/history.csv").read_bytes() == Path("b/history.csv").read_bytes()


def test_the_reference_backend_trains_the_same_network(run, without_plot):
    for backend in ("cpu", "reference"):
        assert run("train", "gauss", "--epochs", "5", "--quiet", "--backend", backend, "--out", backend).code == 0
    assert np.allclose(history("cpu")[1], history("reference")[1], atol=1e-4)


def test_a_written_experiment_trains_again_to_the_same_weights(run, without_plot):
    assert run("train", "iris", "--epochs", "4", "--quiet", "--out", "first").code == 0
    assert run("train", "first/experiment.json", "--quiet", "--out", "second").code == 0
    assert Path("first/experiment.json").read_bytes() == Path("second/experiment.json").read_bytes()
    assert np.array_equal(load("first/model.safetensors").parameters, load("second/model.safetensors").parameters)


def test_a_model_goes_on_from_where_it_stopped(run, without_plot):
    assert run("train", "iris", "--epochs", "5", "--quiet", "--out", "first").code == 0
    assert run("train", "first/model.safetensors", "--epochs", "10", "--quiet", "--out", "second").code == 0
    first, second = history("first")[1], history("second")[1]
    assert second[0, 1:] == pytest.approx(first[-1, 1:], rel=1e-6)
    assert second[-1, 1] < first[-1, 1]


def test_an_existing_path_wins_over_a_preset(run, without_plot):
    write_table("circle", ["a", "y"], [[row, row % 2] for row in range(20)])
    assert run("train", "circle", "--epochs", "1", "--quiet", "--out", "out").code == 0
    assert decode(Path("out/experiment.json").read_bytes()).data.source.path == "circle"


def test_a_bare_table_trains_with_its_columns_named(run, without_plot, folder):
    dataset = write_iris()
    result = run("train", "iris.csv", "--ignore", "label", "--epochs", "30", "--quiet")
    assert result.code == 0
    assert value_of(result.out, "test_accuracy") > 0.8
    model = load(folder / "iris-1" / "model.safetensors")
    assert model.classes == dataset.class_names
    assert model.preprocessing.columns == dataset.feature_names
    assert model.experiment.data.source.ignore == ("label",)


def test_a_tables_targets_and_task_can_be_said(run, without_plot):
    write_iris()
    words = ["--ignore", "label", "--ignore", "species", "--target", "petal length (cm)", "--target", "petal width (cm)"]
    result = run("train", "iris.csv", *words, "--epochs", "2", "--quiet", "--out", "two")
    assert result.code == 0
    assert load("two/model.safetensors").preprocessing.target_names == ("petal length (cm)", "petal width (cm)")
    write_table("scores.csv", ["a", "score"], [[row, row % 5] for row in range(40)])
    assert run("train", "scores.csv", "--epochs", "1", "--quiet", "--out", "guessed").code == 0
    assert run("train", "scores.csv", "--task", "regression", "--epochs", "1", "--quiet", "--out", "said").code == 0
    assert load("guessed/model.safetensors").experiment.training.task == "multiclass"
    assert load("said/model.safetensors").experiment.training.task == "regression"


def test_a_diverging_run_exits_1_and_keeps_what_was_good(run):
    words = ["--set", "training.optimizer=sgd", "--set", "training.optimizer.learning_rate=1000"]
    result = run("train", "diabetes", *words, "--out", "out")
    assert result.code == 1
    assert {path.name for path in Path("out").iterdir()} == FILES
    assert "The last good weights are kept" in result.err
    assert "--set training.optimizer.learning_rate=100" in result.err
    assert "Traceback" not in result.err
    model = load("out/model.safetensors")
    assert np.isfinite(model.parameters).all()
    assert np.isfinite(history("out")[1]).all()
    assert np.isfinite(model.predict(load_bundled("diabetes").features)).all()


def test_recovering_says_each_time_what_happened_and_ends_well(run, without_plot):
    words = ["--set", "training.optimizer=sgd", "--set", "training.optimizer.learning_rate=100"]
    result = run("train", "diabetes", *words, "--recover", "--out", "out")
    assert result.code == 0
    said = [line for line in result.err.splitlines() if line.startswith("playground: ")]
    assert 1 <= len(said) <= 5
    for number, line in enumerate(said, start=1):
        rate = f"{100 / 10**number:g}"
        assert re.search(r"in epoch \d+, batch \d+: ", line)
        assert line.endswith(f"Go back to the last good weights with a learning rate of {rate}. Going on with {rate}.")
    written = decode(Path("out/experiment.json").read_bytes())
    assert written.training.optimizer.learning_rate == pytest.approx(100 / 10 ** len(said))
    _, rows = history("out")
    assert np.isfinite(rows).all()
    assert rows[-1, 0] == written.training.epochs
    assert rows[-1, 1] < rows[0, 1]
    assert load("out/model.safetensors").metrics["train_loss"] == pytest.approx(rows[-1, 1])
    quiet = run("train", "diabetes", *words, "--recover", "--quiet", "--out", "quiet")
    assert quiet.code == 0
    assert quiet.err.splitlines() == said, "a recovery is worth a word even then"


@pytest.mark.parametrize("recover", [[], ["--recover"]])
def test_a_bad_row_of_a_table_is_named_and_no_rate_is_blamed(run, recover):
    rows = [[row, row % 7, row % 3] for row in range(60)]
    rows[41][0] = 1e30
    write_table("table.csv", ["a", "b", "y"], rows)
    words = ["--task", "regression", "--set", "data.standardize=false", "--set", "data.test_fraction=0", *recover]
    result = run("train", "table.csv", *words, "--quiet", "--out", "out")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert result.err.startswith("playground: ")
    assert "Correct or remove row 42 of the data." in result.err
    assert "learning_rate" not in result.err
    assert np.isfinite(load("out/model.safetensors").parameters).all()


# rates


def test_rates_suggests_one_and_writes_its_curve(run, folder):
    result = run("rates", "breast_cancer", "--out", "curve.csv")
    assert result.code == 0
    suggestion = value_of(result.out, "learning_rate")
    header, *rows = rows_of(Path("curve.csv").read_text())
    assert header == ["learning_rate", "loss"]
    rates, losses = np.array(rows, float).T
    assert (np.diff(rates) > 0).all()
    assert rates[0] < suggestion < rates[losses.argmin()] * 1.001
    assert f"{suggestion:.2g}" in result.err
    assert [path.name for path in folder.iterdir()] == ["curve.csv"]
    assert run("train", "breast_cancer", "--set", f"training.optimizer.learning_rate={suggestion}", "--epochs", "5").code == 0


@pytest.mark.parametrize("calls", [1, 2, 5])
def test_an_interruption_between_training_and_measuring_keeps_both_in_step(run, without_plot, monkeypatch, calls):
    """Ctrl+C may come anywhere; the last row must still be that of the weights that are saved."""
    original, left = Trainer.train_epochs, [calls]

    def interrupted(self, *arguments):
        result = original(self, *arguments)
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_epochs", interrupted)
        result = run("train", "iris", "--out", "out")
    assert result.code == 130
    assert "what was trained so far is kept" in result.err
    model = load("out/model.safetensors")
    again = Trainer(model.experiment, "reference", model.parameters).record()
    _, rows = history("out")
    assert rows[-1, 0] == calls
    assert rows[-1, 1] == pytest.approx(again["train_loss"], rel=1e-4)
    assert model.metrics["train_loss"] == pytest.approx(again["train_loss"], rel=1e-4)


# predict


def test_predictions_come_in_input_order_with_a_probability_per_class(run, iris_model):
    dataset = write_iris()
    result = run("predict", iris_model, "iris.csv")
    header, *rows = rows_of(result.out)
    assert result.code == 0
    assert header == ["prediction", "probability_setosa", "probability_versicolor", "probability_virginica"]
    shares = np.array([row[1:] for row in rows], float)
    assert np.allclose(shares, load(iris_model).predict(dataset.features), atol=1e-6)
    assert [row[0] for row in rows] == [dataset.class_names[number] for number in shares.argmax(axis=1)]
    assert np.mean([row[0] == dataset.class_names[int(t)] for row, t in zip(rows, dataset.targets[:, 0], strict=True)]) > 0.9


def test_columns_are_found_by_name_and_rows_keep_their_order(run, iris_model):
    write_iris()
    header, *rows = rows_of(Path("iris.csv").read_text())
    write_table("mirrored.csv", header[::-1], [row[::-1] for row in rows[::-1]])
    straight, mirrored = run("predict", iris_model, "iris.csv"), run("predict", iris_model, "mirrored.csv")
    assert mirrored.code == 0
    assert rows_of(mirrored.out)[1:] == rows_of(straight.out)[:0:-1]


def test_predictions_go_into_a_file_where_one_is_named(run, iris_model):
    write_iris(rows=5)
    shown = run("predict", iris_model, "iris.csv")
    written = run("predict", iris_model, "iris.csv", "--out", "predictions.csv")
    assert (written.code, written.out) == (0, "")
    assert "predictions.csv" in written.err
    assert Path("predictions.csv").read_text() == shown.out
    assert len(shown.out.splitlines()) == 6


def test_yes_or_no_has_two_probabilities_that_add_up_to_one(run, without_plot):
    assert run("train", "gauss", "--epochs", "3", "--quiet", "--out", "out").code == 0
    write_table("points.csv", ["x1", "x2"], [[2, 2], [-2, -2], [3, 3]])
    header, *rows = rows_of(run("predict", "out/model.safetensors", "points.csv").out)
    assert header == ["prediction", "probability_orange", "probability_blue"]
    assert [row[0] for row in rows] == ["blue", "orange", "blue"]
    for answer, orange, blue in rows:
        assert (float(blue) > 0.5) == (answer == "blue")
        assert float(orange) + float(blue) == pytest.approx(1, abs=2e-6)


def test_quantities_and_labels_have_columns_of_their_names(run, without_plot):
    for name in ("linnerud", "diabetes", "multilabel"):
        dataset = load_bundled(name)
        assert run("train", name, "--epochs", "1", "--quiet", "--out", name).code == 0
        write_table("rows.csv", dataset.feature_names, dataset.features[:4])
        header, *rows = rows_of(run("predict", f"{name}/model.safetensors", "rows.csv").out)
        expected = load(f"{name}/model.safetensors").predict(dataset.features[:4])
        if name == "multilabel":
            assert header == [f"{kind}_{label}" for kind in ("prediction", "probability") for label in dataset.class_names]
            assert {cell for row in rows for cell in row[:5]} <= {"0", "1"}
            rows = [row[5:] for row in rows]
        else:
            assert header == (["prediction"] if name == "diabetes" else [f"prediction_{t}" for t in dataset.target_names])
        assert np.allclose(np.array(rows, float), expected, rtol=1e-6, atol=1e-6)


def test_no_spreadsheet_takes_a_prediction_for_a_formula(run, without_plot):
    names = ["=1+1", "+z", "-y", "@x", "plain"]
    write_table("table.csv", ["a", "kind"], [[row % 5, names[row % 5]] for row in range(100)])
    words = ("--epochs", "150", "--set", "training.optimizer.learning_rate=0.03")
    assert run("train", "table.csv", *words, "--quiet", "--out", "out").code == 0
    write_table("rows.csv", ["a"], [[row] for row in range(5)])
    header, *rows = rows_of(run("predict", "out/model.safetensors", "rows.csv").out)
    assert [row[0] for row in rows] == ["'=1+1", "'+z", "'-y", "'@x", "plain"]
    assert set(header[1:]) == {f"probability_{name}" for name in names}


def test_a_negative_quantity_is_a_number_not_a_text(run, without_plot):
    write_table("table.csv", ["a", "y"], [[row, -1.5 * row - 100] for row in range(30)])
    assert run("train", "table.csv", "--epochs", "2", "--quiet", "--out", "out").code == 0
    _, *rows = rows_of(run("predict", "out/model.safetensors", "table.csv").out)
    assert all(float(row[0]) < 0 for row in rows)


# export


def test_weights_are_exported_to_npz_and_to_safetensors(run, iris_model):
    result = run("export", iris_model, "weights.npz")
    assert result.code == 0
    assert result.out.startswith("weights.npz  ")
    model, arrays = load(iris_model), npz.read_arrays(Path("weights.npz"))
    assert list(arrays) == [name for name, _ in model.weights()]
    assert all(np.array_equal(arrays[name], array) for name, array in model.weights())
    assert run("export", iris_model, "copy.safetensors").code == 0
    assert np.array_equal(load("copy.safetensors").parameters, model.parameters)


# Bad input: exit 2, one line, the mend


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
        run = TrainingRun(experiment, None, "reference", "small", overwrite=False)
        run.train(show_progress=False)
        run._draw = lambda path: False
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


def test_the_tasks_of_the_command_line_are_the_catalogs():
    assert tuple(TASKS) == cli.TASKS


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


# The real program


def playground(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "playground", *words], capture_output=True, text=True, encoding="utf-8", timeout=60, **options
    )


def test_the_program_answers_for_help():
    result = playground("--help")
    assert result.returncode == 0
    assert "train" in result.stdout
    assert result.stderr == ""


def test_the_program_refuses_bad_input_without_a_traceback():
    result = playground("train", "cirlce")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "playground: cirlce: there is no such file, and no preset of that name; did you mean 'circle'?"
    ]


def test_a_reader_that_goes_away_is_no_error():
    """As with ``playground presets | head -0``."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "playground", "presets"], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_console_that_cannot_show_every_letter_still_gets_an_answer():
    result = playground("train", "größe", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.returncode == 2
    assert "gr??e: there is no such file" in result.stderr


def test_ctrl_c_keeps_what_was_trained_and_exits_130(folder):
    pty = pytest.importorskip("pty")
    warm()
    terminal, process_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "playground", "train", "--epochs", "1000000", "digits", "--out", "out"],
        stdout=subprocess.PIPE,
        stderr=process_end,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
        text=True,
    )
    os.close(process_end)
    try:
        shown = b""
        started = time.monotonic()
        while not re.search(rb"[1-9]\d*/1000000", shown):
            assert process.poll() is None, shown
            assert time.monotonic() - started < 60, shown
            shown += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        # A terminal that nobody reads fills up, and the program would wait.
        while process.poll() is None:
            try:
                shown += os.read(terminal, 4096)
            except OSError:
                break
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(terminal)
    assert process.returncode == 130
    assert b"what was trained so far is kept" in shown
    assert b"Traceback" not in shown
    assert {path.name for path in (folder / "out").iterdir()} == FILES
    _, rows = history("out")
    assert len(rows) >= 2
    assert rows[-1, 1] < rows[0, 1]
    assert value_of(out, "test_accuracy") == pytest.approx(rows[-1, 4], abs=1e-4)
    assert load("out/model.safetensors").metrics["train_loss"] == pytest.approx(rows[-1, 1])


def test_predictions_never_take_the_place_of_what_they_are_made_from(tmp_path, capsys):
    assert cli.run(["train", "iris", "--epochs", "2", "--out", str(tmp_path / "m"), "--quiet"]) == 0
    model, table = tmp_path / "m" / "model.safetensors", tmp_path / "rows.csv"
    table.write_text("sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n5,3,1,0.2\n")
    for target in (model, table):
        before = target.read_bytes()
        capsys.readouterr()
        assert cli.run(["predict", str(model), str(table), "--out", str(target)]) == 2
        assert "another file" in capsys.readouterr().err
        assert target.read_bytes() == before


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


def test_threads_are_said_and_give_the_same_network(run, without_plot):
    trained = {}
    for threads in ("1", "2"):
        code, _, _ = run("train", "digits", "--epochs", "2", "--threads", threads, "--out", threads, "--quiet")
        assert code == 0
        trained[threads] = load(f"{threads}/model.safetensors").parameters
    np.testing.assert_allclose(trained["2"], trained["1"], rtol=1e-4, atol=1e-5)
    code, _, error = run("train", "digits", "--threads", "0")
    assert code == 2
    assert "whole number from 1 on" in error


def test_the_first_time_it_says_that_it_compiles(run, without_plot, monkeypatch):
    from playground.kernels import cache
    from playground.kernels.cpu import warm as warming

    waited = []
    monkeypatch.setattr(warming, "is_warm", lambda: False)
    monkeypatch.setattr(warming, "start_warming", lambda: namedtuple("Process", "wait")(lambda: waited.append(True)))
    monkeypatch.setattr(cache, "notice", lambda: "The folder for compiled kernels, X, can't be used.")
    code, _, error = run("train", "iris", "--epochs", "1", "--quiet")
    assert code == 0
    assert waited == [True]
    assert error.splitlines() == [
        "Compiling the kernels (once; about a minute) …",
        "playground: The folder for compiled kernels, X, can't be used.",
    ]
    code, _, error = run("train", "iris", "--epochs", "1", "--quiet", "--backend", "reference")
    assert (code, error, waited) == (0, "", [True])


def test_more_threads_than_could_help_are_refused(run):
    code, _, error = run("train", "iris", "--threads", "100000000")
    assert code == 2
    assert "wait for each other" in error
    assert error.count("\n") == 1
