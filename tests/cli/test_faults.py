"""Faults of the program itself on the command line, and what `playground doctor` says."""

import re
import subprocess
import sys

import pytest

from playground import log
from playground.cli import presets
from playground.kernels import cache


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv(log.DEBUG, raising=False)
    monkeypatch.setattr(log, "_times", type(log._times)())
    return tmp_path / "state"


@pytest.fixture
def broken(monkeypatch):
    """`playground presets` with a fault in it."""

    def run(options):
        raise KeyError("a fault of ours")

    monkeypatch.setattr(presets, "run", run)


@pytest.mark.usefixtures("broken")
def test_a_fault_is_one_sentence_that_says_where_the_details_are(run, state):
    result = run("presets")
    assert result.code == 70
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert "(KeyError)" in result.err
    assert str(state / log.LOG) in result.err
    assert "playground doctor" in result.err
    assert "KeyError: 'a fault of ours'" in (state / log.LOG).read_text()


@pytest.mark.usefixtures("broken")
def test_on_request_the_traceback_is_there_too(run, monkeypatch):
    monkeypatch.setenv(log.DEBUG, "1")
    assert "Traceback" in run("presets").err


@pytest.mark.usefixtures("broken")
def test_without_a_log_the_traceback_is_on_the_terminal(run, state):
    (state / log.LOG).mkdir(parents=True)
    result = run("presets")
    assert result.code == 70
    assert "KeyError: 'a fault of ours'" in result.err


def lines_of(out):
    return {line[:20].strip(): line[21:] for line in out.splitlines()}


@pytest.mark.compile
def test_the_doctor_says_what_is_here(run, state):
    result = run("doctor")
    assert (result.code, result.err) == (0, "")
    said = lines_of(result.out)
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", said["NumPy"])
    assert re.fullmatch(r"(AVX-512|AVX2|NEON|SSE|plain), (16|8|4) numbers of 32 bits at once", said["Vector registers"])
    assert re.fullmatch(r"\d+ of \d+ may be used", said["Cores"])
    assert said["GPU"]
    assert said["Log in"] == f"{log.without_home(str(state))} (can be written)"
    assert said["Kernels"] == "complete and sound"
    assert re.match(r"Qt 6\.\d+\.\d+ on \w+; screens: \d+ × \d+ × \d", said["Window"])
    assert said["Window"].endswith("typeface Inter: there")
    assert (said["Last error"], said["Last crash"]) == ("none", "none")


@pytest.mark.usefixtures("broken")
def test_the_doctor_names_the_last_error(run):
    run("presets")
    assert " ERROR command line: " in lines_of(run("doctor").out)["Last error"]


def test_the_doctor_says_what_is_wrong_here(run, state, monkeypatch):
    monkeypatch.setattr(cache, "is_complete", lambda: False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "nothing_of_that_name")
    monkeypatch.setattr("playground.machine.tempfile.TemporaryFile", refuse)
    said = lines_of(run("doctor").out)
    assert said["Kernels"].startswith("not complete")
    assert said["Window"].startswith("Qt ends with code ")
    assert "nothing_of_that_name" in said["Window"]
    assert said["Log in"].endswith("(can't be written: read-only file system)")


def refuse(dir):
    raise OSError(30, "Read-only file system")


def test_the_version_is_said_without_starting_anything(state):
    script = "import sys; from playground.cli.main import run; run(['--version']); print({'numpy', 'numba'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.endswith("set()\n")
    assert not state.exists()
