"""Qt's system libraries: what is missing is named with the line that mends it, or installed by root on Debian."""

import subprocess
import sys

import pytest

from playground.gui import libraries

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere Qt's wheel has all it needs")


@pytest.fixture
def machine(monkeypatch):
    """A machine where some libraries are missing and every command is written down instead of run."""
    state = {"missing": set(), "calls": [], "apt": True, "uid": 1000}

    def call(command, **_keywords):
        state["calls"].append(command)
        if command[1] == "install":
            state["missing"] -= {name for name, package in libraries.OFF_SCREEN.items() if package in command}
            state["missing"] -= {name for name, package in libraries.ON_SCREEN.items() if package in command}
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(libraries, "_loads", lambda name: name not in state["missing"])
    monkeypatch.setattr(libraries.shutil, "which", lambda name: "/usr/bin/apt-get" if state["apt"] else None)
    monkeypatch.setattr(libraries.os, "geteuid", lambda: state["uid"])
    monkeypatch.setattr(libraries.subprocess, "run", call)
    monkeypatch.setenv("DISPLAY", ":0")
    return state


def test_nothing_is_said_where_nothing_is_missing(machine):
    assert libraries.complaint() is None
    assert libraries.provide() is None
    assert machine["calls"] == []


@linux
def test_a_user_is_told_the_exact_line(machine):
    machine["missing"] = {"libEGL.so.1", "libxcb-cursor.so.0"}
    text = libraries.provide()
    assert "sudo apt-get install -y libegl1 libxcb-cursor0" in text
    assert machine["calls"] == []


@linux
def test_root_gets_them_installed_and_is_told(machine, capsys):
    machine["missing"], machine["uid"] = {"libGL.so.1", "libdbus-1.so.3"}, 0
    assert libraries.provide() is None
    assert machine["calls"][-1] == ["apt-get", "install", "-y", "-qq", "libgl1", "libdbus-1-3"]
    assert "libgl1 libdbus-1-3" in capsys.readouterr().err


@linux
def test_other_distributions_get_the_names_of_the_libraries(machine):
    machine["missing"], machine["apt"] = {"libGL.so.1"}, False
    assert "libGL.so.1" in libraries.complaint()


@linux
def test_the_libraries_of_a_screen_matter_only_with_one(machine, monkeypatch):
    machine["missing"] = {"libxcb-cursor.so.0"}
    assert libraries.complaint(screen=False) is None
    monkeypatch.delenv("DISPLAY")
    assert libraries.complaint() is None


@linux
def test_qt_is_not_imported_to_find_out():
    code = "import sys; import playground.gui.libraries as l; l.complaint(); print([m for m in sys.modules if 'PySide' in m])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_window_command_stops_with_the_complaint(monkeypatch, capsys):
    from playground.cli import main as cli

    monkeypatch.setattr(libraries, "provide", lambda: "Qt needs libraries; type: apt-get install x")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert cli.run([]) == 2
    assert capsys.readouterr().err.strip() == "playground: Qt needs libraries; type: apt-get install x"


@pytest.mark.compile
def test_training_goes_on_without_its_picture(monkeypatch, capsys, tmp_path):
    from playground.cli import main as cli

    monkeypatch.setattr(libraries, "complaint", lambda screen=True: "Qt needs libraries; type: apt-get install x")
    assert cli.run(["train", "iris", "--epochs", "2", "--out", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out" / "loss.png").exists()
    assert "loss.png is left out: Qt needs libraries" in capsys.readouterr().err
