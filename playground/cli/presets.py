"""``playground presets``: lists what can be trained by its name alone."""

from __future__ import annotations

import argparse
from typing import Any

from playground.cli.parsing import DONE
from playground.words import tr


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Say what the command takes."""
    commands.add_parser("presets", help=tr("list the presets, a line each")).set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List the presets: each name, and what its data are."""
    from playground.data.sources import load_dataset
    from playground.experiment.presets import preset, preset_names

    names = preset_names()
    width = max(map(len, names))
    for name in names:
        experiment = preset(name)
        dataset = load_dataset(experiment.data, experiment.training.task)
        print(f"{name:{width}}  {experiment.name}: {dataset.description}")
    return DONE
