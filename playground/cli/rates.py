"""``playground rates``: tries learning rates from tiny to far too large, and suggests one."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from playground.cli.compiling import provide_kernels, say_compiling
from playground.cli.experiments import changed, opened
from playground.cli.parsing import DIVERGED, DONE, add_backend, add_changes, add_elsewhere, add_table_options
from playground.words import tr


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Say what the command takes."""
    rates = commands.add_parser("rates", help=tr("try learning rates from tiny to far too large, and suggest one"))
    rates.add_argument("what", metavar="WHAT", help=tr("an experiment (.json), a table (.csv), a model, or a preset"))
    rates.add_argument("--out", metavar="FILE.csv", help=tr("file for the curve: learning_rate,loss"))
    add_table_options(rates)
    add_backend(rates)
    add_elsewhere(rates)
    add_changes(rates)
    rates.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Try the rates, write the curve and print the one to take."""
    from playground.formats.tables import csv_table
    from playground.storage import atomic_write, refuse_unwritable
    from playground.training.rate_finder import find_rate
    from playground.training.trainer import Trainer

    if options.out:
        refuse_unwritable(options.out)
    start = opened(options)
    experiment = changed(start.experiment, options.set)
    provide_kernels(options.backend)
    test = find_rate(Trainer(experiment, options.backend, start.parameters, before_compiling=say_compiling))
    if options.out:
        rows = ([f"{rate:.6g}", f"{loss:.6g}"] for rate, loss in zip(test.rates, test.losses, strict=True))
        atomic_write(Path(options.out), csv_table(("learning_rate", "loss"), rows).encode())
    print(test.sentence, file=sys.stderr)
    if not math.isfinite(test.suggestion):
        return DIVERGED
    print(f"learning_rate {test.suggestion:.4g}")
    return DONE
