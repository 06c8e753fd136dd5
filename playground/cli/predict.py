"""``playground predict``: a trained model's answers for the rows of a table."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from playground.cli.parsing import DONE
from playground.words import tr


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Say what the command takes."""
    predict = commands.add_parser("predict", help=tr("predict the rows of a table with a trained model"))
    predict.add_argument("model", metavar="MODEL.safetensors")
    predict.add_argument("data", metavar="DATA.csv")
    predict.add_argument("--out", metavar="FILE.csv", help=tr("file for the predictions (default: stdout)"))
    predict.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Predict, to a file or to stdout."""
    from playground.data.columns import feature_rows
    from playground.data.readers import read_table
    from playground.experiment import ExperimentError
    from playground.formats.opening import load
    from playground.formats.predictions import prediction_table
    from playground.storage import FileError, atomic_write, refuse_unwritable

    if options.out and any(os.path.exists(f) and _same_file(options.out, f) for f in (options.model, options.data)):
        raise FileError(
            tr("{out}: predictions would take the place of what they are made from; name another file.").format(out=options.out)
        )
    if options.out:
        refuse_unwritable(options.out)
    model = load(options.model)
    preprocessing = model.preprocessing
    rows = feature_rows(read_table(options.data), preprocessing.columns, options.data, preprocessing.categories)
    try:
        text = prediction_table(model, rows)
    except ExperimentError as error:
        raise FileError(f"{options.data}: {error}") from None
    if options.out:
        atomic_write(options.out, text.encode())
        print(tr("wrote {path}").format(path=options.out), file=sys.stderr)
    else:
        sys.stdout.write(text)
    return DONE


def _same_file(first: str, second: str) -> bool:
    return os.path.realpath(first) == os.path.realpath(second)
