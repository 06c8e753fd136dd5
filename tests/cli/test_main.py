"""The command line as a whole: help, the presets, no display, and the real program."""

import importlib.util
import os
import platform
import re
import subprocess
import sys

import numba
import numpy
import PySide6
import pytest
from command_lines import FILES

from playground.catalog.tasks import TASKS
from playground.experiment.presets import preset_names
from playground.kernels import BACKENDS


def test_presets_are_listed_a_line_each_with_a_sentence(run):
    result = run("presets")
    lines = result.out.splitlines()
    assert result.code == 0
    assert [line.split()[0] for line in lines] == preset_names()
    assert {"circle", "multi_gauss", "breast_cancer"} <= set(preset_names())
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

    code, out, err = run("--version")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert out.startswith(f"Neural Playground {__version__}, Python {platform.python_version()}, Qt {PySide6.__version__}, ")
    assert f"NumPy {numpy.__version__}, Numba {numba.__version__}, " in out


@pytest.mark.compile
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


def test_every_backend_can_be_asked_for(run):
    refused = run("train", "circle", "--backend", "guess")
    assert refused.code == 2
    assert all(f"'{name}'" in refused.err for name in ("auto", "cpu", "cuda", "reference"))
    for name, home in BACKENDS.items():
        assert importlib.util.find_spec(home) is not None, name


def test_the_tasks_of_the_command_line_are_the_catalogs(run):
    refused = run("train", "a.csv", "--task", "guess")
    assert refused.code == 2
    assert all(f"'{name}'" in refused.err for name in TASKS)


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
    # As bytes, which is what any system's command line is: where that is ASCII, Python can't write the letters itself.
    result = playground("train", "größe".encode(), env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.returncode == 2
    assert re.search(r"gr(\?|\\udc..)+e: there is no such file", result.stderr)
