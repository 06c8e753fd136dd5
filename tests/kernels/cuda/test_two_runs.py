"""``run.py test`` runs pytest twice, without Numba's simulator and with it; driven with a stand-in for Python."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")
ALL = "-m pytest -n auto --dist loadfile --no-loadscope-reorder"


@pytest.fixture
def clone(tmp_path):
    """A folder with run.py, two test folders, and a python that logs what it is asked and ends with what it is told."""
    for name in ("run.py", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    for name in ("kernels/cuda", "gui"):
        (tmp_path / "tests" / name).mkdir(parents=True)
    for name in ("kernels/cuda/test_sim_many.py", "kernels/cuda/test_ptx.py", "gui/test_views.py"):
        (tmp_path / "tests" / name).touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\n[ "$1 $2" = "-m pytest" ] || exit 0\necho "$NUMBA_ENABLE_CUDASIM $@" >> "{tmp_path}/log"\n'
        f'[ -e "{tmp_path}/wait" ] && sleep 60\nexit $(cat "{tmp_path}/code-$NUMBA_ENABLE_CUDASIM" || echo 0)\n'
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def runs(folder, *words, plain=0, simulated=0):
    """How ``run.py test`` ends, and the words of each run of pytest, where the two end with these codes."""
    for number, code in enumerate((plain, simulated)):
        (folder / f"code-{number}").write_text(str(code))
    result = subprocess.run([sys.executable, str(folder / "run.py"), "test", *words], capture_output=True, text=True, timeout=60)
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return result.returncode, [line.replace(ALL, "…") for line in lines]


def test_all_tests_are_two_runs(clone):
    assert runs(clone) == (0, ["0 …", "1 … tests/kernels/cuda"])
    assert runs(clone, "--without-torch") == (0, ["0 …", "1 … tests/kernels/cuda"])


def test_no_process_of_the_tests_compiles_the_same_sources_again(clone, monkeypatch):
    """Nothing but a setting tells Python to keep no bytecode; many images of containers have it."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    python = clone / ".venv" / "bin" / "python"
    python.write_text(
        python.read_text().replace("$NUMBA_ENABLE_CUDASIM $@", "${PYTHONDONTWRITEBYTECODE-kept} $NUMBA_ENABLE_CUDASIM")
    )
    assert runs(clone) == (0, ["kept 0", "kept 1"])
    assert runs(clone, "quick")[1] == ["kept "]


def test_words_go_to_both(clone):
    assert runs(clone, "-k", "frozen", "-x") == (0, ["0 … -k frozen -x", "1 … tests/kernels/cuda -k frozen -x"])
    # A word that only looks like a folder.
    assert runs(clone, "-k", "tests") == (0, ["0 … -k tests", "1 … tests/kernels/cuda -k tests"])


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["tests/gui"], ["0 … tests/gui"]),
        (["tests/gui/test_views.py::test_x", "-k", "y"], ["0 … tests/gui/test_views.py::test_x -k y"]),
        (["tests/kernels/cuda"], ["0 … tests/kernels/cuda", "1 … tests/kernels/cuda"]),
        (["tests", "-x"], ["0 … tests -x", "1 … tests/kernels/cuda -x"]),
        (["tests/kernels/cuda/test_ptx.py"], ["0 … tests/kernels/cuda/test_ptx.py"]),
        (["tests/kernels/cuda/test_sim_many.py"], ["1 … tests/kernels/cuda/test_sim_many.py"]),
        (["tests/kernels/cuda/test_sim_many.py::test_x[1]"], ["1 … tests/kernels/cuda/test_sim_many.py::test_x[1]"]),
        (
            ["tests/gui", "tests/kernels/cuda/test_sim_many.py"],
            ["0 … tests/gui tests/kernels/cuda/test_sim_many.py", "1 … tests/kernels/cuda/test_sim_many.py"],
        ),
    ],
    ids=" ".join,
)
def test_paths_start_what_they_ask_for(clone, paths, expected):
    assert runs(clone, *paths) == (0, expected)


@pytest.mark.parametrize(
    ("plain", "simulated", "code"), [(1, 0, 1), (0, 1, 1), (1, 1, 1), (5, 0, 0), (0, 5, 0), (5, 5, 5), (5, 1, 1), (1, 5, 1)]
)
def test_either_run_fails_both(clone, plain, simulated, code):
    assert runs(clone, plain=plain, simulated=simulated) == (code, ["0 …", "1 … tests/kernels/cuda"])


@pytest.mark.parametrize("code", [2, 3, 4])
def test_a_run_that_was_ended_or_asked_for_nonsense_is_the_only_one(clone, code):
    assert runs(clone, plain=code) == (code, ["0 …"])


def test_no_tests_where_they_were_asked_for_is_said_as_pytest_says_it(clone):
    assert runs(clone, "tests/gui", plain=5) == (5, ["0 … tests/gui"])


def test_ctrl_c_ends_pytest_and_starts_nothing_more(clone):
    (clone / "wait").touch()
    process = subprocess.Popen([sys.executable, str(clone / "run.py"), "test"], start_new_session=True, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not (clone / "log").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert b"Traceback" not in said
    assert process.returncode != 0
    assert (clone / "log").read_text().splitlines() == [f"0 {ALL}"]


@pytest.mark.long
def test_the_two_kinds_of_tests_are_all_tests_of_the_folder():
    """Each file runs in exactly one of the two."""
    folder = Path(__file__).parent
    collected = {}
    for simulated in "01":
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", str(folder)]
        environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": simulated}
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, cwd=REPOSITORY)
        assert result.returncode == 0, result.stdout
        collected[simulated] = {Path(line.split("::")[0]).name for line in result.stdout.splitlines() if "::" in line}
    assert not collected["0"] & collected["1"]
    assert collected["0"] | collected["1"] == {path.name for path in folder.glob("test_*.py")}
    assert all(name.startswith("test_sim_") for name in collected["1"])
