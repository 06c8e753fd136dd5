"""``playground open``, and ``playground`` alone: the window; where none can appear, the welcome experiment in the terminal."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from playground.cli import train
from playground.cli.parsing import BAD_INPUT, Parser
from playground.words import tr


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Say what the command takes."""
    window = commands.add_parser("open", help=tr("open the window, with a file if one is named"))
    window.add_argument("file", nargs="?", help=tr("an experiment (.json), a model (.safetensors) or a table (.csv)"))
    window.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Open the window and wait until it is closed."""
    if not _has_display():
        print(tr("There is no display, so the welcome experiment is trained here in the terminal."), file=sys.stderr)
        return _train_the_welcome_experiment()
    from playground.gui.libraries import provide

    missing = provide()
    if missing:
        print(f"playground: {missing}", file=sys.stderr)
        return BAD_INPUT
    from playground.gui.app import main

    return main(options.file)


def _train_the_welcome_experiment() -> int:
    from playground.experiment.presets import WELCOME

    parser = Parser(prog="playground")
    train.add_to(parser.add_subparsers())
    return train.run(parser.parse_args(["train", WELCOME]), explain=True)


def _has_display() -> bool:
    """Whether a window can appear: Linux needs a display server, unless Qt is told to draw elsewhere."""
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
