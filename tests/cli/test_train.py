"""Training from the command line: what it writes, says and returns."""

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
from command_lines import CLASS_COLUMNS, FILES, QUANTITY_COLUMNS, history, rows_of, value_of, write_table

from playground.data.bundled import load_bundled
from playground.experiment import decode
from playground.experiment.presets import preset_names
from playground.formats.opening import load
from playground.training.trainer import Trainer

pytestmark = pytest.mark.compile


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


@pytest.mark.parametrize("name", preset_names())
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


def test_the_reference_backend_trains_the_same_network(run, without_plot):
    for backend in ("cpu", "reference"):
        assert run("train", "gauss", "--epochs", "5", "--quiet", "--backend", backend, "--out", backend).code == 0
    assert np.allclose(history("cpu")[1], history("reference")[1], atol=1e-4)


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


def test_no_more_than_five_recoveries(run, without_plot):
    # Inputs of tens of thousands: nothing above a rate of about 1e-9 can be trained with.
    write_table("table.csv", ["a", "b", "y"], [[10_000 + 37 * row, 20_000 - 91 * row, row % 7] for row in range(60)])
    words = ["--set", "training.optimizer=sgd", "--set", "training.optimizer.learning_rate=1000"]
    words += ["--task", "regression", "--set", "data.standardize=false"]
    result = run("train", "table.csv", *words, "--recover", "--quiet", "--out", "out")
    assert result.code == 1
    said = [line.rpartition("Going on with ")[2] for line in result.err.splitlines() if "Going on with" in line]
    assert said == ["100.", "10.", "1.", "0.1.", "0.01."]
    assert decode(Path("out/experiment.json").read_bytes()).training.optimizer.learning_rate == pytest.approx(0.01)


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


@pytest.mark.parametrize("calls", [1, 2, 5])
def test_an_interruption_between_training_and_measuring_keeps_both_in_step(run, without_plot, monkeypatch, calls):
    """Ctrl+C may come anywhere; the last row must still be that of the weights that are saved."""
    original, left = Trainer.train_epochs, [calls]

    def interrupted(self, *arguments):
        result = original(self, *arguments)
        left[0] -= 1
        if left[0] == 0:
            signal.raise_signal(signal.SIGINT)
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


def test_ctrl_c_keeps_what_was_trained_and_exits_130(folder):
    pty = pytest.importorskip("pty")
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


@pytest.mark.parametrize("name", ["[/x]", "bracket[bold].csv", "[red]a[/red]", "a\nb\x1b[31m", "[link=a]y", "\\[x]", ":smile:"])
def test_a_name_is_shown_as_it_is(run, without_plot, name):
    result = run("train", "circle", "--epochs", "2", "--set", f"name={json.dumps(name)}", "--out", "out")
    assert result.code == 0
    assert name.replace("\n", "\\n").replace("\x1b", "\\x1b") in result.err
    assert decode(Path("out/experiment.json").read_bytes()).name == name


def test_threads_are_said_and_give_the_same_network(run, without_plot):
    trained = {}
    for threads in ("1", "2"):
        code, _, _ = run("train", "digits", "--epochs", "2", "--threads", threads, "--out", threads, "--quiet")
        assert code == 0
        trained[threads] = load(f"{threads}/model.safetensors").parameters
    np.testing.assert_array_equal(trained["2"], trained["1"])
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
