"""``playground doctor``: what a report of a fault needs, and whether all is well here."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Any

from playground.cli.parsing import DONE
from playground.words import tr

# A display that doesn't answer is no reason to wait.
PATIENCE_SECONDS = 30


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Say what the command takes."""
    commands.add_parser("doctor", help=tr("say what is installed here and whether it works")).set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what a report needs, a line each."""
    from playground import machine
    from playground.log import without_home

    for part in (
        machine.versions,
        machine.hardware,
        machine.folders,
        lambda: {tr("Kernels"): machine.kernels()},
        lambda: {tr("Window"): window()},
        machine.mishaps,
    ):
        for title, value in part().items():
            print(f"{title:<20} {without_home(value)}", flush=True)
    return DONE


def window() -> str:
    """What Qt says about the display; asked in a process of its own, as Qt ends the one it runs in where it finds none."""
    from playground.gui.libraries import complaint

    missing = complaint()
    if missing:
        return missing
    command = [sys.executable, "-m", "playground.gui.screen"]
    try:
        # In UTF-8, whatever is set here: else Qt's first words are about that.
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}
        result = subprocess.run(
            command, capture_output=True, encoding="utf-8", env=environment, timeout=PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return tr("Qt did not answer within {seconds} seconds").format(seconds=PATIENCE_SECONDS)
    if result.returncode == 0:
        return result.stdout.strip()
    said = next((line for line in result.stderr.splitlines() if line.strip()), "")
    return tr("Qt ends with code {code}: {words}").format(code=result.returncode, words=said)
