"""run.py, driven with a stand-in for pip so that nothing is downloaded: what it makes, when it makes it again, what it says."""

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")


@pytest.fixture
def clone(tmp_path):
    """A folder with run.py and a project, and a .venv whose python writes down what it is asked."""
    for name in ("run.py", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def fake_environment(folder, fail_install=False):
    """``python`` that logs its words; ``-c`` (the version check) always succeeds."""
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    refusal = 'case "$*" in *"pip install"*) exit 1;; esac' if fail_install else ""
    python.write_text(f'#!/bin/sh\n[ "$1" = "-c" ] && exit 0\necho "$@" >> "{folder}/log"\n{refusal}\nexit 0\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)


def without_uv():
    """A PATH on which no uv is found, whatever is installed here."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not (Path(folder) / "uv").exists())


def run(folder, *words, path=None):
    environment = {**os.environ, "PATH": path or without_uv()}
    command = [sys.executable, str(folder / "run.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)


def fake_uv(folder, fails=False):
    """A PATH that begins with a uv, which logs its words."""
    uv = folder / "bin" / "uv"
    uv.parent.mkdir(exist_ok=True)
    uv.write_text(f'#!/bin/sh\necho "uv $@" >> "{folder}/log"\nexit {int(fails)}\n')
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    return os.pathsep.join([str(uv.parent), without_uv()])


def log(folder):
    lines = (folder / "log").read_text().splitlines() if (folder / "log").exists() else []
    (folder / "log").unlink(missing_ok=True)
    return lines


def test_the_first_start_installs_and_later_ones_only_start(clone):
    fake_environment(clone)
    result = run(clone)
    assert result.returncode == 0
    assert "once" in result.stderr
    asked = log(clone)
    assert f"-e {clone}" in asked[0]
    assert asked[-1] == "-m playground"
    assert run(clone, "train", "digits", "--epochs", "2").stderr == ""
    assert log(clone) == ["-m playground train digits --epochs 2"]


def test_another_pyproject_installs_again(clone):
    fake_environment(clone)
    run(clone)
    log(clone)
    with open(clone / "pyproject.toml", "a") as file:
        file.write("\n# changed\n")
    run(clone)
    assert any("pip install" in line for line in log(clone))


def test_the_tests_get_their_extras_and_words_go_to_pytest(clone):
    fake_environment(clone)
    run(clone, "test", "-k", "nothing")
    asked = log(clone)
    assert f"{clone}[test,oracles]" in asked[0]
    assert asked[-1].startswith("-m pytest")
    assert asked[-1].endswith("-k nothing")
    run(clone, "test", "--without-torch")
    asked = log(clone)
    assert f"{clone}[test]" in asked[0]
    assert "--without-torch" not in asked[-1]


def test_a_campaign_gets_its_words(clone):
    fake_environment(clone)
    run(clone, "campaign", "mutations", "--seed", "3")
    assert log(clone)[-1] == f"{clone}/tests/campaigns/run_campaign.py mutations --seed 3"
    assert (REPOSITORY / "tests" / "campaigns" / "run_campaign.py").exists()


def test_quick_tests_need_neither_pytorch_nor_compiled_kernels(clone):
    fake_environment(clone)
    run(clone, "test", "quick", "-k", "nothing")
    asked = log(clone)
    assert f"{clone}[test]" in asked[0]
    assert asked[1:] == ["-m pytest -n auto --dist loadfile --no-loadscope-reorder --quick -k nothing"]


def test_uv_installs_where_it_is_there(clone):
    fake_environment(clone)
    assert run(clone, path=fake_uv(clone)).returncode == 0
    asked = log(clone)
    assert asked[0] == f"uv pip install -q --python {clone}/.venv/bin/python -e {clone}"
    assert not [line for line in asked if "-m pip" in line]


def test_where_uv_cannot_pip_installs_and_that_is_said(clone):
    fake_environment(clone)
    result = run(clone, path=fake_uv(clone, fails=True))
    assert result.returncode == 0
    assert "pip tries next" in result.stderr
    assert log(clone)[1].startswith("-m pip install")


def test_uv_makes_the_environment_with_pip_in_it(clone):
    run(clone, path=fake_uv(clone))
    assert log(clone)[0] == f"uv venv -q --seed --python {sys.executable} {clone}/.venv"


def test_check_asks_for_all_parts_and_ends_well_if_none_complains(clone):
    fake_environment(clone)
    result = run(clone, "check")
    assert result.returncode == 0, result.stderr
    asked = log(clone)
    assert f"{clone}[test,quality]" in asked[0]
    assert not [line for line in asked if "warm" in line], "nothing is compiled for it"
    parts = {"-m mypy", "-m vulture", "-m ruff check .", "-m ruff format --check .", "-m pytest"}
    assert all(any(line.startswith(part) for line in asked) for part in parts)
    assert result.stderr.count("fine") == len(parts)


def test_check_says_what_complains_and_why(clone):
    fake_environment(clone)
    python = clone / ".venv" / "bin" / "python"
    lines = python.read_text().splitlines()
    python.write_text("\n".join([lines[0], '[ "$2" = "vulture" ] && echo "unused: x" && exit 3', *lines[1:]]) + "\n")
    result = run(clone, "check")
    assert result.returncode == 1
    assert "unused: x" in result.stderr
    assert result.stderr.count("fine") == 4


def test_check_mends_first_where_that_is_asked_for(clone):
    fake_environment(clone)
    run(clone, "check")
    log(clone)
    run(clone, "check", "--mend")
    assert log(clone)[:2] == ["-m ruff check --fix -q .", "-m ruff format -q ."]


def test_an_old_python_looks_for_all_newer_ones_those_that_are_tested_first(clone):
    names = ast.literal_eval(re.search(r"^NAMES = (.*)$", (clone / "run.py").read_text(), re.M)[1])
    assert names == ("python3.13", "python3.12", "python3.11", "python3.14", "python3.15")


def test_a_failed_installation_is_one_sentence_and_starts_over_next_time(clone):
    fake_environment(clone, fail_install=True)
    result = run(clone)
    assert result.returncode == 2
    assert "installation failed" in result.stderr
    assert "Traceback" not in result.stderr
    fake_environment(clone)
    log(clone)
    run(clone)
    assert "pip install" in log(clone)[0]


@pytest.mark.compile
def test_a_real_environment_is_made_where_there_is_none(clone):
    """Up to the installation, which is refused here by an installer that finds no index."""
    result = subprocess.run(
        [sys.executable, str(clone / "run.py")],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(clone), "PIP_CONFIG_FILE": os.devnull},
    )
    assert result.returncode == 2
    assert (clone / ".venv" / "bin" / "python").exists()
    assert "installation failed" in result.stderr


def test_run_py_needs_the_standard_library_alone_and_any_python_3_can_read_it():
    tree = ast.parse((REPOSITORY / "run.py").read_text(encoding="utf-8"), feature_version=(3, 4))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names <= set(sys.stdlib_module_names)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]


@pytest.mark.compile
def test_without_a_display_the_main_job_is_done_in_the_terminal(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    result = subprocess.run(
        [sys.executable, "-m", "playground"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(REPOSITORY)},
    )
    assert result.returncode == 0, result.stderr
    assert "no display" in result.stderr.splitlines()[0]
    folder = tmp_path / "circle-1"
    assert {path.name for path in folder.iterdir()} == {
        "experiment.json",
        "model.safetensors",
        "history.csv",
        "loss.png",
        "report.json",
    }
    for name in ("experiment.json", "model.safetensors", "history.csv", "loss.png", "report.json"):
        assert f"{name}  " in result.stdout, "each file is explained"
    assert "test_accuracy 0.9" in result.stdout
