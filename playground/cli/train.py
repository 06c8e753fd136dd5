"""``playground train``: trains an experiment, a preset or a table, and writes what comes out of it into a folder."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from playground.cli.compiling import provide_kernels, say_compiling
from playground.cli.experiments import changed, opened
from playground.cli.parsing import (
    DONE,
    INTERRUPTED,
    add_backend,
    add_changes,
    add_elsewhere,
    add_table_options,
    positive,
    seed,
    threads,
)
from playground.ending import held
from playground.words import tr


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Say what the command takes."""
    train = commands.add_parser("train", help=tr("train an experiment, a preset or a table"))
    train.add_argument(
        "what", metavar="WHAT", help=tr("an experiment (.json), a table (.csv), a model to go on with, or a preset")
    )
    train.add_argument("--out", metavar="DIR", help=tr("folder for the results (default: the first free NAME-1, NAME-2, …)"))
    add_table_options(train)
    train.add_argument("--epochs", type=positive, metavar="N", help=tr("how long to train"))
    add_backend(train)
    add_elsewhere(train)
    train.add_argument("--threads", type=threads, metavar="N", help=tr("how many threads compute (default: one a core)"))
    train.add_argument("--seed", type=seed, metavar="N", help=tr("sets the seeds of data, network and training"))
    add_changes(train)
    train.add_argument("--recover", action="store_true", help=tr("if the run diverges, go on with a tenth of the learning rate"))
    train.add_argument("--overwrite", action="store_true", help=tr("write into a folder that holds other things"))
    train.add_argument("--quiet", action="store_true", help=tr("no progress"))
    train.set_defaults(run=run)


def run(options: argparse.Namespace, explain: bool = False) -> int:
    """Train; ``explain`` says on stdout what each file is for."""
    from playground.cli.training_run import TrainingRun
    from playground.experiment.edits import with_seed

    start = opened(options)
    experiment = changed(start.experiment, options.set)
    if options.seed is not None:
        experiment = with_seed(experiment, options.seed)
    if options.epochs is not None:
        experiment = changed(experiment, [f"training.epochs={options.epochs}"])
    provide_kernels(options.backend)
    training = TrainingRun(
        experiment,
        start.parameters,
        backend=options.backend,
        folder=options.out,
        overwrite=options.overwrite,
        threads=options.threads,
        recover=options.recover,
        before_compiling=say_compiling,
    )
    # Whatever ends the program from now on: what was trained is written first.
    with held(training.trainer.stop) as ending:
        code = training.train(show_progress=not options.quiet)
        written = training.write()
    for path, words in written.items():
        if explain:
            print(f"{path}  {words}")
        elif not options.quiet:
            print(tr("wrote {path}").format(path=path), file=sys.stderr)
    for sentence in training.warnings():
        print(f"playground: {sentence}", file=sys.stderr)
    for name, value in training.results().items():
        print(f"{name} {value}")
    for line in training.report_lines():
        print(line)
    return INTERRUPTED if ending.asked and code == DONE else code
