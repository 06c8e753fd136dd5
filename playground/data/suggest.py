"""A first experiment for a table that nobody has described: which column to predict, and what kind of answer that is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from playground.data.cells import numbers
from playground.data.columns import dataset_of, target_columns
from playground.data.names import in_one_form
from playground.data.readers import read_table
from playground.experiment import Adam, DataSpec, Dense, Experiment, FileSource, NetworkSpec, TrainingSpec, checked, default_loss

if TYPE_CHECKING:
    import pandas as pd


def suggest(
    path: str | os.PathLike[str],
    targets: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    task: str | None = None,
) -> Experiment:
    """A first experiment for a bare table.

    Text or at most two different values in the target make classes, and so do up to ten different whole numbers; anything
    else is a quantity. Several targets are labels if all are 0 or 1, else quantities.

    Parameters
    ----------
    path
        The table; the experiment names it from the root of the file system, so that it can be trained from any folder.
    targets
        Columns to predict; none means the last.
    ignore
        Columns to leave out.
    task
        What the targets are, where the guess would be wrong.

    Raises
    ------
    FileError
        If the table can't be used as it is.
    """
    source = FileSource(path=str(path), ignore=ignore, targets=targets)
    # A single target may be of classes, whose names are spelled as in the file.
    frame = read_table(path, lambda names: target_columns(names, source) if len(targets) < 2 else ())
    columns = target_columns(list(frame.columns), source)
    source = replace(source, targets=tuple(columns), ignore=tuple(map(in_one_form, ignore)))
    task = task or _guess_task(frame, list(source.targets))
    experiment = checked(
        Experiment(
            name=Path(path).stem[:200],
            data=DataSpec(source=source),
            network=NetworkSpec(
                layers=(Dense(units=16, activation="relu"), Dense(units=8, activation="relu")), initializer="he_uniform"
            ),
            training=TrainingSpec(task=task, loss=default_loss(task), optimizer=Adam(learning_rate=0.003), epochs=100),
        )
    )
    # Complaints name the file as it was named, but the experiment must find it from any folder.
    dataset_of(frame, source, task)
    found = replace(source, path=str(Path(path).resolve()))
    return replace(experiment, data=replace(experiment.data, source=found))


def _guess_task(frame: pd.DataFrame, targets: list[str]) -> str:
    if len(targets) > 1:
        zero_one = all(set(frame[name].dropna().unique()) <= {0, 1} for name in targets)
        return "multilabel" if zero_one else "regression"
    cells = frame[targets[0]].dropna().unique()
    values = np.unique(numbers(cells, str(frame.attrs.get("decimal", "."))))
    words = bool(np.isnan(values).any())
    distinct = len(cells) if words else len(values)
    if distinct <= 2:
        return "binary"
    if words:
        return "multiclass"
    whole = bool((values == values.round()).all())
    return "multiclass" if whole and distinct <= 10 else "regression"
