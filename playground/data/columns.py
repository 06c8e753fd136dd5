"""From a table to rows of numbers: its columns as features and targets, refused by name and line where they are neither."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.catalog.tasks import TASKS
from playground.data.cells import numbers
from playground.data.classes import class_names
from playground.data.dataset import Dataset
from playground.data.names import in_one_form, listed, nearest_column, option
from playground.data.readers import read_table
from playground.experiment import FileSource
from playground.storage import FileError
from playground.words import tr

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 100
# Squares of larger numbers leave the range of float64, and float32 ends at 3e38.
LARGEST = 1e30
# A column without a larger number than this is one of zeros for float32, and divided by its deviation one of anything.
SMALLEST = 1e-30
# Kinds of columns that hold numbers alone: yes and no, whole ones, any.
_NUMBERS = "biuf"


class ColumnError(FileError):
    """A column can't be learned from; leaving it out would mend that.

    Parameters
    ----------
    problem, mend
        The two halves of the sentence; the window has a button in place of the second.
    column
        The column's name.
    """

    def __init__(self, problem: str, mend: str, column: str) -> None:
        super().__init__(problem + mend)
        self.problem = problem
        self.column = column


def load_table(source: FileSource, task: str) -> Dataset:
    """Load a table as a data set.

    Raises
    ------
    FileError
        If a column is missing, a feature is text, a value is missing, or the targets don't fit the task.
    """
    one_of_several = task in ("binary", "multiclass")
    frame = read_table(source.path, lambda names: target_columns(names, source) if one_of_several else ())
    return dataset_of(frame, source, task)


def dataset_of(frame: pd.DataFrame, source: FileSource, task: str) -> Dataset:
    """A table that has been read as a data set, as `load_table` gives it; a target of classes is there as text."""
    targets = target_columns(list(frame.columns), source)
    left_out = {*targets, *(_known_column(frame.columns, name, source.path, "ignore") for name in source.ignore)}
    features = [name for name in frame.columns if name not in left_out]
    if not features:
        raise FileError(
            tr("{path}: no column is left to learn from; name fewer targets or ignore fewer columns.").format(path=source.path)
        )
    if len(frame) < 2:
        raise FileError(tr("{path}: a single row is too little to learn from; add rows.").format(path=source.path))
    values = _matrix(frame, features, source.path, "feature")
    encoded, classes = _encode_targets(frame, targets, task, source.path)
    name = Path(source.path).stem
    return Dataset(
        name=name,
        title=name,
        description=tr("{values:,} rows of {name}: {features} columns to learn from, to predict {targets}.").format(
            values=len(values), name=Path(source.path).name, features=len(features), targets=listed(targets)
        ),
        task=task,
        features=values,
        targets=encoded,
        feature_names=tuple(features),
        target_names=tuple(targets),
        class_names=classes,
    )


def feature_rows(
    frame: pd.DataFrame, columns: tuple[str, ...], path: str | os.PathLike[str], categories: tuple[int, ...] = ()
) -> np.ndarray[Any, Any]:
    """The columns a model was trained on, in its order: float64 (rows, columns); further columns are passed over.

    Parameters
    ----------
    categories
        How many different whole numbers each column holds, where all columns only name things.

    Raises
    ------
    FileError
        If one is missing, or holds text, gaps or the number of nothing that was learned.
    """
    names = [_known_column(frame.columns, name, path, "model") for name in columns]
    rows = _matrix(frame, names, path, "input")
    for name, count, values in zip(names, categories, rows.T, strict=False):
        unknown = (values < 0) | (values >= count) | (values != np.floor(values))
        if unknown.any():
            at = int(unknown.argmax())
            raise FileError(
                tr(
                    "{path}: column {name!r} holds {values:g} in line {index}, which was not learned; "
                    "use a whole number from 0 to {count}."
                ).format(path=path, name=name, values=values[at], index=frame.index[at], count=count - 1)
            )
    return rows


def target_columns(names: Collection[str], source: FileSource) -> list[str]:
    """Which of a table's columns are to be predicted: those named, else the last one that isn't ignored."""
    known, ignored = dict.fromkeys(names), {in_one_form(name) for name in source.ignore}
    targets = [_known_column(known, name, source.path, "target") for name in source.targets]
    for name, times in Counter(targets).items():
        if name in ignored:
            raise FileError(
                tr("{path}: the column {name!r} is both a target and ignored; choose one.").format(path=source.path, name=name)
            )
        if times > 1:
            raise FileError(tr("{path}: the target {name!r} is named twice; name it once.").format(path=source.path, name=name))
    if targets:
        return targets
    left = [name for name in names if name not in ignored]
    if len(left) < 2:
        raise FileError(
            tr("{path}: a column to predict and at least one to learn from are needed; it has {left}.").format(
                path=source.path, left=len(left)
            )
        )
    return left[-1:]


def _known_column(names: Collection[str], name: str, path: str | os.PathLike[str], role: str) -> str:
    """The column's name as the table has it, which may differ in how accents are put together."""
    own = in_one_form(name)
    if own not in names:
        raise FileError(
            tr("{path}: there is no column {name!r} ({role}); {hint}").format(
                path=path, name=name, role=role, hint=nearest_column(name, names)
            )
        )
    return own


def _matrix(frame: pd.DataFrame, names: list[str], path: str | os.PathLike[str], role: str) -> np.ndarray[Any, Any]:
    """Columns as float64 (rows, columns); refuses text, gaps and infinities by name and line."""
    # Twenty thousand columns one by one would take seconds: those of numbers are taken together.
    numeric = np.array([dtype.kind in _NUMBERS for dtype in frame.dtypes[names]])
    if numeric.all():
        values = frame[names].to_numpy(np.float64)
    else:
        values = np.empty((len(frame), len(names)))
        values[:, numeric] = frame[[name for name, own in zip(names, numeric, strict=True) if own]].to_numpy(np.float64)
        for place in np.flatnonzero(~numeric).tolist():
            values[:, place] = numbers(frame[names[place]].tolist(), _decimal(frame))
    size = np.abs(values).max(axis=0)
    # What a model is given may well be small.
    least = 0.0 if role == "input" else SMALLEST
    wrong = ~((size == 0) | ((size >= least) & (size <= LARGEST)))
    if wrong.any():
        place = int(wrong.argmax())
        raise _refusal(frame[names[place]], values[:, place], path, role)
    return values


def _refusal(column: pd.Series[Any], values: np.ndarray[Any, Any], path: str | os.PathLike[str], role: str) -> FileError:
    """Why a column's values can't be used, by its name and the first line where they can't."""
    name, may_be_left_out = str(column.name), role == "feature"
    leave_out = tr(", or leave the column out with {ignored}").format(ignored=option("--ignore", name)) if may_be_left_out else ""
    gaps, words, beyond = column.isna().to_numpy(), np.isnan(values), np.abs(values) > LARGEST
    at = int(next((where.argmax() for where in (gaps, words, beyond) if where.any()), 0))
    line = column.index[at]
    if gaps.any():
        problem = tr("{path}: line {line} has no value in column {name!r}").format(path=path, line=line, name=name)
        mend = tr("fill it in{leave_out}").format(leave_out=leave_out)
    elif words.any():
        problem = tr("{path}: column {name!r} holds text ({text!r} in line {line})").format(
            path=path, name=name, text=str(column.iloc[at])[:40], line=line
        )
        mend = tr("make it numbers{leave_out}").format(leave_out=leave_out) if leave_out else tr("give a number there")
    elif not beyond.any():
        problem = tr("{path}: column {name!r} holds no number beyond ±{smallest:g}").format(
            path=path, name=name, smallest=SMALLEST
        )
        mend = tr("use a smaller unit")
    elif np.isinf(values[at]):
        problem = tr("{path}: column {name!r} is infinite in line {line}").format(path=path, name=name, line=line)
        mend = tr("give a finite number there")
    else:
        problem = tr("{path}: column {name!r} holds a number beyond ±{largest:g} in line {line}").format(
            path=path, name=name, largest=LARGEST, line=line
        )
        mend = tr("use a larger unit")
    return ColumnError(problem, f"; {mend}.", name) if may_be_left_out else FileError(f"{problem}; {mend}.")


def _encode_targets(
    frame: pd.DataFrame, targets: list[str], task: str, path: str
) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Targets as `Dataset` has them, and the names of the classes."""
    for name in targets:
        if frame[name].isna().any():
            line = frame.index[int(frame[name].isna().to_numpy().argmax())]
            raise FileError(
                tr("{path}: line {line} has no value in the target column {name!r}; fill it in or delete the row.").format(
                    path=path, line=line, name=name
                )
            )
    if not TASKS[task].classes:
        return _matrix(frame, targets, path, "target"), ()
    if task == "multilabel":
        labels = _matrix(frame, targets, path, "target")
        if not np.isin(labels, (0, 1)).all():
            raise FileError(
                tr("{path}: labels must be 0 or 1; change the columns {targets} or the task.").format(
                    path=path, targets=listed(targets)
                )
            )
        return labels, tuple(targets)
    if len(targets) != 1:
        raise FileError(
            tr("{path}: a {task} task has one target column, not {targets}; name one.").format(
                path=path, task=task, targets=len(targets)
            )
        )
    column = frame[targets[0]].astype(str)
    distinct = column.nunique()
    if distinct > MOST_CLASSES:
        raise FileError(
            tr(
                "{path}: the target {targets!r} has {names} different values; up to {most} classes are possible, "
                "or set the task to regression."
            ).format(path=path, targets=targets[0], names=distinct, most=MOST_CLASSES)
        )
    names = class_names(column, path, _decimal(frame))
    if len(names) < 2:
        raise FileError(
            tr(
                "{path}: the target {targets!r} is the same in every row, so there is nothing to learn; choose another target."
            ).format(path=path, targets=targets[0])
        )
    if task == "binary" and len(names) != 2:
        raise FileError(
            tr(
                "{path}: the target {targets!r} has {names} different values, a binary task has 2; "
                "set the task to multiclass or regression."
            ).format(path=path, targets=targets[0], names=len(names))
        )
    number = {name: index for index, name in enumerate(names)}
    return column.map(number).to_numpy(np.float64)[:, None], names


def _decimal(frame: pd.DataFrame) -> str:
    """The decimal mark of a table's numbers, which stands in those cells that were read as text."""
    return str(frame.attrs.get("decimal", "."))
