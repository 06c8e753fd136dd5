"""``playground bench``: measures how fast matrix products and training are here, beside other libraries."""

from __future__ import annotations

import argparse
from typing import Any

from playground.cli.parsing import seconds
from playground.words import tr


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Say what the command takes."""
    from playground.bench.cases import SUITES

    bench = commands.add_parser(
        "bench", help=tr("measure how fast matrix products and training are here, beside other libraries")
    )
    bench.add_argument("suite", nargs="?", choices=SUITES, help=tr("what to measure (default: both)"))
    bench.add_argument("--json", metavar="FILE", help=tr("file for the results"))
    bench.add_argument("--warm", action="store_true", help=tr("only compile the kernels into the cache"))
    bench.add_argument("--seconds", type=seconds, default=0.03, metavar="S", help=tr("budget of one measurement (default: 0.03)"))
    bench.add_argument("--only", default="", metavar="TEXT", help=tr("cases whose name contains the text, such as 128 or Adam"))
    bench.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, or only compile."""
    from playground.bench.command import bench, warm_up

    return warm_up() if options.warm else bench(options.suite, options.only, options.json, options.seconds)
