"""Where commands read and write: ordinary files only, refused before any work is done."""

import os
import re
from pathlib import Path

import pytest
from command_lines import FILES, write_iris

pytestmark = [pytest.mark.compile, pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")]

COMMANDS = {
    "predict": lambda model, place: ["predict", model, "iris.csv", "--out", place],
    "export": lambda model, place: ["export", model, place],
    "rates": lambda model, place: ["rates", "iris", "--out", place],
    "bench": lambda model, place: ["bench", "matmul", "--json", place],
}


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "no folder"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_that_takes_no_file_is_refused_at_once(run, iris_model, monkeypatch, command, kind):
    write_iris()
    place = Path("place.npz" if command == "export" else "place.csv")
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/null")
    elif kind == "folder":
        place.mkdir()
    else:
        place = "none" / place
    before = place.lstat() if os.path.lexists(place) else None
    for heavy in ("playground.formats.opening.load", "playground.cli.rates.provide_kernels", "playground.bench.command.host"):
        monkeypatch.setattr(heavy, lambda *_: pytest.fail("the work is done first"))
    result = run(*COMMANDS[command](iris_model, place))
    assert result.code == 2
    assert result.err.startswith(f"playground: {place}: can't be written: ")
    assert result.err.count("\n") == 1
    assert (place.lstat() if os.path.lexists(place) else None) == before
    assert os.path.exists("/dev/null")


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_run_does_not_replace_a_pipe_in_its_folder(run, monkeypatch, name):
    Path("out").mkdir()
    os.mkfifo(f"out/{name}")
    monkeypatch.setattr("playground.training.trainer.Trainer.train_epochs", lambda *_: pytest.fail("it is trained first"))
    result = run("train", "circle", "--out", "out", "--overwrite")
    assert result.code == 2
    assert "it is a device, a pipe or a socket" in result.err
    assert os.listdir("out") == [name]


def test_what_is_written_over_another_run_leaves_nothing_of_it(run, monkeypatch):
    words = ("train", "circle", "--epochs", "1", "--quiet", "--out", "out")
    assert run(*words).code == 0
    assert set(os.listdir("out")) == FILES
    # Where Qt can't load, there is no picture; the old one would be that of another run.
    monkeypatch.setattr("playground.cli.training_run.TrainingRun._picture", lambda self: None)
    assert run(*words, "--seed", "5", "--overwrite").code == 0
    assert set(os.listdir("out")) == FILES - {"loss.png"}


@pytest.mark.parametrize("ending", ["csv", "json", "safetensors", "table"])
@pytest.mark.parametrize("command", ["train", "predict", "rates", "export"])
def test_a_pipe_is_not_read(run, iris_model, command, ending):
    os.mkfifo(f"pipe.{ending}")
    more = {"predict": [iris_model], "export": []}.get(command, [])
    last = ["out.npz"] if command == "export" else []
    result = run(command, *more, f"pipe.{ending}", *last)
    assert result.code == 2
    assert result.err == f"playground: pipe.{ending}: it is a device, a pipe or a socket; name an ordinary file.\n"


def test_what_was_trained_is_kept_where_its_folder_takes_nothing_any_more(run, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    from playground.training.trainer import Trainer

    train = Trainer.train_epochs

    def in_the_way(self):
        # The folder has gone, and something else is there.
        Path("out").rmdir()
        os.mkfifo("out")
        return train(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_epochs", in_the_way)
        result = run("train", "circle", "--epochs", "1", "--quiet", "--out", "out")
    assert result.code == 2
    folder = Path(re.search(r" What was trained lies in (.*)\.$", result.err)[1])
    assert folder.parent == tmp_path / "temporary"
    assert set(os.listdir(folder)) == FILES
    # And where no other takes it either, the reason alone is said.
    Path("out").unlink()
    monkeypatch.setattr("tempfile.mkdtemp", lambda prefix: "/proc/none")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_epochs", in_the_way)
        result = run("train", "circle", "--epochs", "1", "--quiet", "--out", "out")
    assert result.code == 2
    assert "What was trained" not in result.err


def test_a_folder_that_has_gone_is_made_again(run, without_plot, monkeypatch):
    from playground.training.trainer import Trainer

    train = Trainer.train_epochs

    def gone(self):
        Path("out").rmdir()
        return train(self)

    monkeypatch.setattr(Trainer, "train_epochs", gone)
    assert run("train", "circle", "--epochs", "1", "--quiet", "--out", "out").code == 0
    assert set(os.listdir("out")) == FILES - {"loss.png"}
