"""Command lines run in this process, each test in an empty folder of its own."""

from collections import namedtuple

import pytest

from playground.cli import main as cli

Result = namedtuple("Result", "code out err")


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
    monkeypatch.setattr("playground.cli.training_run.TrainingRun._picture", lambda self: None)


@pytest.fixture(scope="module")
def iris_model(tmp_path_factory):
    """A model of the iris preset, saved by the command line."""
    folder = tmp_path_factory.mktemp("iris") / "iris"
    assert cli.run(["train", "iris", "--epochs", "60", "--quiet", "--out", str(folder)]) == 0
    return folder / "model.safetensors"
