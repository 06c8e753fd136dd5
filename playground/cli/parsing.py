"""What the commands share before anything is done: exit codes, a parser that complains in one line, types and options."""

from __future__ import annotations

import argparse
import os
from typing import NoReturn

from playground.kernels import BACKEND_CHOICES
from playground.words import tr

DONE, DIVERGED, BAD_INPUT, FAULT, INTERRUPTED = 0, 1, 2, 70, 130
THREADS_A_CORE = 8


class Parser(argparse.ArgumentParser):
    """Complains in one line, as the rest of the program does, instead of printing its whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, tr("playground: {message}; `{prog} --help` says more.\n").format(message=message, prog=self.prog))


def add_table_options(command: argparse.ArgumentParser) -> None:
    """What the columns of a table are."""
    from playground.catalog.tasks import TASKS

    command.add_argument("--target", metavar="COLUMN", action="append", default=[], help=tr("column to predict (repeatable)"))
    command.add_argument("--ignore", metavar="COLUMN", action="append", default=[], help=tr("column to leave out (repeatable)"))
    command.add_argument("--task", choices=tuple(TASKS), help=tr("what a table's target is"))


def add_backend(command: argparse.ArgumentParser) -> None:
    """What computes."""
    command.add_argument(
        "--backend", default="auto", choices=BACKEND_CHOICES, help=tr("what computes (default: the fastest here)")
    )


def add_changes(command: argparse.ArgumentParser) -> None:
    """Changes of the experiment's fields."""
    command.add_argument("--set", metavar="FIELD=VALUE", action="append", default=[], help=tr("change a field of the experiment"))


def add_elsewhere(command: argparse.ArgumentParser) -> None:
    """Files on other computers."""
    command.add_argument(
        "--from-elsewhere", action="store_true", help=tr("let an experiment or a model name files on other computers")
    )


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(tr("{text!r} is not a whole number from 1 on").format(text=text))
    return int(text)


def threads(text: str) -> int:
    """A number of threads, of which not too many only wait for each other."""
    number, most = positive(text), THREADS_A_CORE * (os.cpu_count() or 1)
    if number > most:
        raise argparse.ArgumentTypeError(
            tr("{number} threads would only wait for each other; {most} are the most here").format(number=number, most=most)
        )
    return number


def seconds(text: str) -> float:
    """A number of seconds above 0, up to 10."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 10:
        raise argparse.ArgumentTypeError(tr("{text!r} is not a number of seconds above 0, up to 10").format(text=text))
    return value


def seed(text: str) -> int:
    """A seed as experiments have them."""
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(tr("{text!r} is not a whole number from 0 to 4294967295").format(text=text))
    return int(text)
