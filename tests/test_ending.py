"""TERM and HUP end the program as Ctrl+C does: what was trained is kept; a second signal ends it at once."""

import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from playground.ending import SIGNALS, heard, held
from playground.experiment import decode
from playground.experiment.presets import preset
from playground.formats.opening import load
from playground.training.trainer import Trainer

pytestmark = [pytest.mark.compile, pytest.mark.skipif(sys.platform == "win32", reason="signals can't be sent there")]
PATIENCE = 60


def wait_until(condition, process=None):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        assert process is None or process.poll() is None
        time.sleep(0.01)


def start(*words, ignoring=(), **more):
    """A program of its own that ignores some signals from the start, as ``nohup`` and ``&`` have it; the others as usual."""

    def set_signals():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN if number in ignoring else signal.SIG_DFL)

    command = [sys.executable, "-m", "playground", *words]
    return subprocess.Popen(command, preexec_fn=set_signals, stdout=subprocess.PIPE, text=True, **more)


@pytest.fixture
def training(tmp_path):
    """Starts a long run that is under way when it returns; what it says goes to a file."""
    started = []

    def begin(*words, **more):
        # Progress, though nothing of it is a terminal.
        environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parent.parent)}
        command = ("train", "digits", "--epochs", "1000000", "--out", "out", *words)
        with open(tmp_path / "said", "w") as said:
            process = start(*command, cwd=tmp_path, env=environment, stderr=said, **more)
        started.append(process)
        if "--quiet" in words:
            # Made just before the first epoch.
            wait_until(lambda: (tmp_path / "out").is_dir(), process)
            time.sleep(0.2)
        else:
            wait_until(lambda: re.search(r"[1-9]\d*/1000000", (tmp_path / "said").read_text()), process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_and_keeps_what_was_trained(training, tmp_path, number):
    process = training()
    process.send_signal(number)
    out, _ = process.communicate(timeout=PATIENCE)
    error = (tmp_path / "said").read_text()
    assert process.returncode == 130, error
    assert "what was trained so far is kept" in error
    assert "Traceback" not in error
    assert "test_accuracy" in out
    assert {"experiment.json", "model.safetensors", "history.csv", "report.json"} <= set(os.listdir(tmp_path / "out"))
    rows = (tmp_path / "out" / "history.csv").read_text().splitlines()
    assert len(rows) >= 2
    assert load(tmp_path / "out" / "model.safetensors").metrics["epoch"] == pytest.approx(float(rows[-1].split(",")[0]), rel=1e-5)
    assert decode((tmp_path / "out" / "experiment.json").read_bytes()).training.epochs == 1_000_000


def test_what_the_parent_had_ignored_stays_ignored_and_the_rest_ends_it(training):
    ignored = (signal.SIGINT, signal.SIGHUP)
    process = training("--quiet", ignoring=ignored)
    for number in ignored:
        process.send_signal(number)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


def test_a_run_whose_terminal_is_closed_keeps_what_was_trained(tmp_path):
    pty = pytest.importorskip("pty")
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "playground", "train", "digits", "--epochs", "1000000", "--out", "closed"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parent.parent)}
    # A session of its own with the terminal as its own, as a window with a shell is.
    process = subprocess.Popen(
        ["setsid", "--ctty", *command], stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment
    )
    os.close(theirs)
    try:
        shown, end = b"", time.monotonic() + PATIENCE
        while not re.search(rb"[1-9]\d*/1000000", shown):
            assert select.select([terminal], [], [], max(0, end - time.monotonic()))[0], shown
            shown += os.read(terminal, 4096)
        os.close(terminal)
        assert process.wait(PATIENCE) == 130
    finally:
        process.kill()
        process.wait()
    assert load(tmp_path / "closed" / "model.safetensors").metrics["epoch"] >= 1


def test_outside_of_held_work_a_signal_interrupts():
    before = [signal.getsignal(number) for number in SIGNALS]
    for number in SIGNALS:
        with heard(), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_the_second_signal_ends_at_once():
    script = (
        "import os, signal, sys, time\n"
        "from playground.ending import heard, held\n"
        "with heard(), held() as ending:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(0.1)\n"
        "    assert ending.asked\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    time.sleep(30)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.run([sys.executable, "-c", script], timeout=PATIENCE, env=environment)
    assert process.returncode == -signal.SIGHUP


def test_compiled_code_is_told_while_it_runs():
    """Python's own handlers wait until the main thread is back from such a call."""
    trainer = Trainer(preset("digits"), "cpu", threads=1)
    with heard(), held(trainer.stop) as ending:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        # A single call of compiled code; by itself it would take hours.
        trainer.train_epochs(10_000_000)
        assert ending.asked
    assert trainer.asked_to_stop
    assert 0 < trainer.epoch < 10_000_000


def test_only_the_main_thread_hears_signals():
    done = []

    def act():
        with heard(), held() as ending:
            done.append(ending.asked)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join(PATIENCE)
    assert done == [False]


WINDOW = """
import os, signal, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from playground.cli.main import run
def begin():
    window = next(widget for widget in QApplication.topLevelWidgets() if hasattr(widget, "document"))
    if window.loop.shown_snapshot is None or window.loop.shown_snapshot.epoch < 3:
        QTimer.singleShot(50, begin)
        return
    if "edited" in sys.argv:
        window.changes.set("learning rate", "training.optimizer.learning_rate", 0.0123)
    if "asking" in sys.argv:
        QTimer.singleShot(100, lambda: print("signal", flush=True))
        window.close()
    else:
        print("signal", flush=True)
QTimer.singleShot(0, begin)
sys.exit(run(["open"]))
"""


@pytest.mark.parametrize(
    ("state", "number"), [("trained", signal.SIGTERM), ("edited", signal.SIGHUP), ("edited asking", signal.SIGTERM)]
)
def test_the_window_ends_without_asking_and_keeps_what_no_file_holds(tmp_path, state, number):
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "PLAYGROUND_CONFIG_DIR": str(tmp_path),
        "QT_QPA_PLATFORM": "offscreen",
    }
    command = [sys.executable, "-c", WINDOW, *state.split()]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "signal\n"
        process.send_signal(number)
        _, error = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, error
    assert "Traceback" not in error
    model = load(tmp_path / "unsaved-work.safetensors")
    edited = model.experiment.training.optimizer.learning_rate == pytest.approx(0.0123)
    assert edited == (state != "trained")
    assert "unsaved-work.safetensors" in (tmp_path / "settings.ini").read_text()
