"""``playground export``: a trained model's weights in another format."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from playground.cli.parsing import DONE
from playground.words import tr


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Say what the command takes."""
    export = commands.add_parser("export", help=tr("write a trained model's weights in another format"))
    export.add_argument("model", metavar="MODEL.safetensors")
    export.add_argument("file", metavar="FILE", help=tr("FILE.npz or FILE.safetensors"))
    export.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the weights, and say what the file is good for."""
    from playground.formats import format_for
    from playground.formats.opening import load
    from playground.storage import refuse_unwritable

    path = Path(options.file)
    form = format_for(path)
    refuse_unwritable(path)
    model = load(options.model)
    form.save(model, path)
    print(f"{path}  {form.note(model) or form.description}")
    return DONE
