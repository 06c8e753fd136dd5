"""From WHAT to what is trained: a file or a preset, and the changes that the options ask for."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from typing import TYPE_CHECKING

from playground.words import tr

if TYPE_CHECKING:
    from playground.experiment import Experiment
    from playground.formats.opening import Opened


def opened(options: argparse.Namespace) -> Opened:
    """What WHAT names, be it a file or a preset; a file wins.

    Raises
    ------
    FileError
        If there is neither, or the file can't be opened.
    ExperimentError
        If it isn't a table, but its columns are spoken of.
    """
    from playground.experiment.presets import preset, preset_names
    from playground.formats.opening import Opened, is_table, open_file
    from playground.storage import FileError

    what: str = options.what
    if not is_table(what):
        _refuse_table_options(options)
    # Path.exists raises for a name that is too long or a folder that may not be entered.
    if os.path.exists(what):
        return open_file(what, tuple(options.target), tuple(options.ignore), options.task, options.from_elsewhere)
    _refuse_table_options(options)
    names = preset_names()
    if what in names:
        return Opened(preset(what))
    close = difflib.get_close_matches(what, names, 1)
    hint = tr("did you mean {close!r}?").format(close=close[0]) if close else tr("`playground presets` lists the presets.")
    raise FileError(tr("{what}: there is no such file, and no preset of that name; {hint}").format(what=what, hint=hint))


def changed(experiment: Experiment, changes: list[str]) -> Experiment:
    """The experiment with the fields set that ``--set FIELD=VALUE`` names, one after the other.

    Raises
    ------
    ExperimentError
        If one isn't written so, there is no such field, or the value doesn't fit.
    """
    from playground.experiment import ExperimentError, set_field

    for change in changes:
        field, equals, value = change.partition("=")
        if not equals or not field.strip():
            raise ExperimentError(
                tr("--set {change}: write it as FIELD=VALUE, such as training.optimizer.learning_rate=0.01.").format(
                    change=change
                )
            )
        before, experiment = experiment, set_field(experiment, field.strip(), value.strip())
        _say_what_followed(field.strip(), before, experiment)
    return experiment


def _say_what_followed(field: str, before: Experiment, after: Experiment) -> None:
    """Say what had to change with a field: nobody asked for it."""
    from msgspec import json

    from playground.experiment.paths import differences, value_at

    for path in differences(before, after):
        if not (path.startswith(field) or field.startswith(path)):
            value = json.encode(value_at(after, path)).decode()
            print(
                tr("playground: {path} is {value} now, as {field} would not go with what it was.").format(
                    path=path, value=value, field=field
                ),
                file=sys.stderr,
            )


def _refuse_table_options(options: argparse.Namespace) -> None:
    """--target and the like say what the columns of a table are; silently passing them over would mislead."""
    from playground.experiment import ExperimentError

    for name in ("target", "ignore", "task"):
        if getattr(options, name):
            raise ExperimentError(
                tr("--{name}: {what} is no table, so its data are settled already; leave --{name} out.").format(
                    name=name, what=options.what
                )
            )
