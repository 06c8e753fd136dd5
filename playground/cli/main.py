"""The command line: ``playground [train | rates | predict | export | bench | presets | doctor]``; without a word, the window.

Results go to stdout, progress and complaints to stderr. Exit codes: 0 done, 1 diverged (bench: a wrong result, rates: none
helps), 2 bad input, 70 a fault of the program, whose traceback is in the log (PLAYGROUND_DEBUG=1: on stderr, too), 130
interrupted, be it by Ctrl+C, TERM or HUP. Each command has a file: ``add_to`` says what it takes, ``run`` does it, and
everything heavy is imported inside ``run``, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from playground import log
from playground.cli import bench, doctor, export, predict, presets, rates, train, window
from playground.cli.parsing import BAD_INPUT, DONE, FAULT, INTERRUPTED, Parser
from playground.ending import heard
from playground.storage import resource
from playground.words import choose_language, tr

# In the order in which --help lists them.
COMMANDS = (window, presets, train, rates, predict, export, bench, doctor)


def parser() -> argparse.ArgumentParser:
    """The words and options of the command line; ``run`` of the result is what carries it out."""
    top = Parser(
        prog="playground",
        description=tr("Build a small neural network, watch it learn, take the weights away. Without a command: the window."),
    )
    top.add_argument("--version", action="store_true", help=tr("print the versions of the program and of what it runs on"))
    top.set_defaults(run=window.run, file=None)
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return top


def run(words: Sequence[str]) -> int:
    """Carry out a command line; never a traceback for what a user can mend.

    Returns
    -------
    code
        0 done, 1 diverged, 2 bad input, 70 a fault of the program, 130 interrupted.
    """
    _survive_a_narrow_console()
    # Before anything is imported that has words in it.
    choose_language(resource("locale"))
    try:
        options = parser().parse_args(words)
        if options.version:
            from playground.machine import versions

            print(", ".join(f"{title} {version}" for title, version in versions().items()))
            return DONE
        log.watch()
        with heard():
            code: int = options.run(options)
        return code
    except SystemExit as stop:
        # argparse leaves this way: 0 after --help, 2 after a wrong word.
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (playground presets | head): nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (ValueError, RuntimeError) as error:
        from playground.experiment import ExperimentError
        from playground.kernels.cuda.target import GpuError
        from playground.storage import FileError

        if not isinstance(error, (ExperimentError, FileError, GpuError)):
            return _own_up(error)
        print(f"playground: {error}", file=sys.stderr)
        return BAD_INPUT
    except Exception as error:
        return _own_up(error)


def _own_up(error: Exception) -> int:
    """A fault of the program itself: say where the details are; the exit code."""
    path = log.unexpected(error, "command line")
    if path is not None:
        words = tr(
            "playground: something went wrong that nobody expected ({kind}); please report it with the end of {path} "
            "and what `playground doctor` prints."
        )
        print(words.format(kind=type(error).__name__, path=path), file=sys.stderr)
    return FAULT


def _survive_a_narrow_console() -> None:
    """A console that can't show ² or − gets a substitute instead of an exception."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
