"""The command line: ``playground [train | rates | predict | export | bench | presets]``; without a word, the window.

Results go to stdout, progress and complaints to stderr. Exit codes: 0 done, 1 diverged (bench: a wrong result, rates: none
helps), 2 bad input, 130 interrupted. Each command has a file: ``add_to`` says what it takes, ``run`` does it, and everything
heavy is imported inside ``run``, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from playground.cli import bench, export, predict, presets, rates, train, window
from playground.cli.parsing import BAD_INPUT, DONE, INTERRUPTED, Parser
from playground.storage import resource
from playground.words import choose_language, tr

# In the order in which --help lists them.
COMMANDS = (window, presets, train, rates, predict, export, bench)


def parser() -> argparse.ArgumentParser:
    """The words and options of the command line; ``run`` of the result is what carries it out."""
    top = Parser(
        prog="playground",
        description=tr("Build a small neural network, watch it learn, take the weights away. Without a command: the window."),
    )
    top.add_argument("--version", action="store_true", help=tr("print the version"))
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
        0 done, 1 diverged, 2 bad input, 130 interrupted.
    """
    _survive_a_narrow_console()
    # Before anything is imported that has words in it.
    choose_language(resource("locale"))
    try:
        options = parser().parse_args(words)
        if options.version:
            from playground import __version__

            print(f"Neural Playground {__version__}")
            return DONE
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
            raise
        print(f"playground: {error}", file=sys.stderr)
        return BAD_INPUT


def _survive_a_narrow_console() -> None:
    """A console that can't show ² or − gets a substitute instead of an exception."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
