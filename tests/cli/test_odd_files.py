"""Odd files by every command: sound, or refused in one sentence that fits on a few lines; never a traceback, never endless."""

import math
import os

import pytest
from command_lines import rows_of
from odd_files import ODD, write

from playground.experiment import ExperimentError
from playground.formats.opening import open_file
from playground.storage import FileError
from playground.words import SENTENCE

pytestmark = [
    pytest.mark.compile,
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the places that they name are those of Unix"),
]


def refused(result):
    assert result.code == 2
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("playground: ")
    assert len(result.err) <= len("playground: \n") + SENTENCE
    result.err.encode()


def why_it_does_not_open(path):
    try:
        open_file(path)
    except (FileError, ExperimentError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_sound_or_refused_in_one_sentence(run, without_plot, folder, name):
    path, opens = write(name, folder), ODD[name][1]
    said = why_it_does_not_open(path)
    assert not (opens and said)
    assert len(said) <= SENTENCE
    assert len(said.splitlines()) <= 1
    trained = run("train", path, "--epochs", "1", "--quiet", "--backend", "reference", "--out", "out")
    if opens:
        assert trained.code == 0
    else:
        refused(trained)
    if path.suffix == ".safetensors":
        (folder / "rows.csv").write_text("x1,x2\n0,0\n1,-2\n1e6,3\n")
        predicted, exported = run("predict", path, "rows.csv"), run("export", path, "weights.npz")
        if opens:
            assert predicted.code == exported.code == 0
            assert all(math.isfinite(float(cell)) for row in rows_of(predicted.out)[1:] for cell in row[1:])
        else:
            refused(predicted)
            refused(exported)
            assert not (folder / "weights.npz").exists()
