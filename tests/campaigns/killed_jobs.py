"""What is killed: jobs that a process forks which has loaded all they need, so that a kill seldom meets a mere import."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

# Written by a job that takes long to begin, when it has.
READY = "ready"
RATES = (0.01, 0.02, 0.03)
PATIENCE_SECONDS = 30.0


def nursery(pipe: Connection) -> None:
    """Run the jobs that are asked for, one at a time, and kill each after its time; answer with exit code and seconds."""
    # Loaded before the first fork.
    import sklearn.metrics  # noqa: F401

    from playground.cli import main  # noqa: F401
    from playground.cli.training_run import TrainingRun  # noqa: F401
    from playground.gui.views.loss import picture  # noqa: F401
    from playground.gui.window import Window  # noqa: F401

    while True:
        try:
            job, folder, number, kill_after = pipe.recv()
        except EOFError:
            return
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            run_and_leave(job, Path(folder), number)
        if kill_after is not None:
            while job == "save" and not (Path(folder) / READY).exists() and time.monotonic() - start < PATIENCE_SECONDS:
                time.sleep(0.005)
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        pipe.send((os.waitstatus_to_exitcode(status), time.monotonic() - start))


def run_and_leave(job: str, folder: Path, number: int) -> None:
    """In the child: do the job, and end without what the parent would do at its end."""
    code = 1
    try:
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        code = {"train": train, "save": save}[job](folder, number)
    finally:
        os._exit(code)


def train(folder: Path, number: int) -> int:
    """A short run that takes the place of another one; each has another learning rate."""
    from playground.cli.main import run

    rate = RATES[number % len(RATES)]
    words = ["train", "circle", "--out", str(folder), "--overwrite", "--quiet", "--epochs", "3", "--backend", "reference"]
    return run([*words, "--set", f"training.optimizer.learning_rate={rate}"])


def save(folder: Path, number: int) -> int:
    """A window that saves over and over, settings and weights by turns."""
    from PySide6.QtWidgets import QApplication

    from playground.gui.preferences import Preferences
    from playground.gui.window import Window
    from playground.training.session import TrainingSession

    application = QApplication([])
    window = Window(preferences=Preferences(folder / "settings.ini"), session=TrainingSession("reference"), running=False)
    while window.loop.newest is None:
        application.processEvents()
    count = 0
    while True:
        count += 1
        window.document.edit("rate", {"training.optimizer.learning_rate": 0.001 * (1 + count % 50)})
        path = folder / ("saved.json" if count % 2 else "saved.safetensors")
        window.files._attempt(partial(window.files._write, path))
        if count == 2:
            (folder / READY).touch()
        application.processEvents()
