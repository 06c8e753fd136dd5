"""From a table to rows of numbers: its columns as features and targets, refused by name and line where they are neither."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.catalog.tasks import TASKS
from playground.data.dataset import Dataset
from playground.data.readers import read_table
from playground.experiment import FileSource
from playground.storage import FileError
from playground.words import tr

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 100
# Squares of larger numbers leave the range of float64, and float32 ends at 3e38.
LARGEST = 1e30


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
    frame = read_table(source.path)
    targets = target_columns(frame, source)
    for name in source.ignore:
        _require_column(frame, name, source.path, "ignore")
    features = [name for name in frame.columns if name not in targets and name not in source.ignore]
    if not features:
        raise FileError(
            tr("{path}: no column is left to learn from; name fewer targets or ignore fewer columns.").format(path=source.path)
        )
    if len(frame) < 2:
        raise FileError(tr("{path}: a single row is too little to learn from; add rows.").format(path=source.path))
    values = np.column_stack([_numbers(frame, name, source.path, "feature") for name in features])
    encoded, classes = _encode_targets(frame, targets, task, source.path)
    name = Path(source.path).stem
    return Dataset(
        name=name,
        title=name,
        description=tr("{values:,} rows of {name}: {features} columns to learn from, to predict {targets}.").format(
            values=len(values), name=Path(source.path).name, features=len(features), targets=", ".join(targets)
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
    for name in columns:
        _require_column(frame, name, path, "model")
    rows = np.column_stack([_numbers(frame, name, path, "input") for name in columns])
    for name, count, values in zip(columns, categories, rows.T, strict=False):
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


def target_columns(frame: pd.DataFrame, source: FileSource) -> list[str]:
    """The columns to predict: those named, else the last one that isn't ignored."""
    for name in source.targets:
        _require_column(frame, name, source.path, "target")
        if name in source.ignore:
            raise FileError(
                tr("{path}: the column {name!r} is both a target and ignored; choose one.").format(path=source.path, name=name)
            )
    if source.targets:
        return list(source.targets)
    left = [name for name in frame.columns if name not in source.ignore]
    if len(left) < 2:
        raise FileError(
            tr("{path}: a column to predict and at least one to learn from are needed; it has {left}.").format(
                path=source.path, left=len(left)
            )
        )
    return left[-1:]


def _require_column(frame: pd.DataFrame, name: str, path: str | os.PathLike[str], role: str) -> None:
    if name not in frame.columns:
        close = difflib.get_close_matches(name, list(frame.columns), 1)
        hint = (
            tr("did you mean {close!r}?").format(close=close[0])
            if close
            else tr("it has {columns}.").format(columns=", ".join(list(frame.columns)[:12]))
        )
        raise FileError(
            tr("{path}: there is no column {name!r} ({role}); {hint}").format(path=path, name=name, role=role, hint=hint)
        )


def _numbers(frame: pd.DataFrame, name: str, path: str | os.PathLike[str], role: str) -> np.ndarray[Any, Any]:
    """A column as float64; refuses text, gaps and infinities by name and line."""
    import pandas as pd

    column = frame[name]
    mend = tr("give a number there")

    def refusal(problem: str, mend: str) -> FileError:
        return ColumnError(problem, mend, name) if role == "feature" else FileError(problem + mend)

    if column.isna().any():
        line = column.index[int(column.isna().to_numpy().argmax())]
        mend = (
            tr("fill it in, or leave the column out with --ignore {name}").format(name=name)
            if role == "feature"
            else tr("fill it in")
        )
        raise refusal(
            tr("{path}: line {line} has no value in column {name!r}").format(path=path, line=line, name=name), f"; {mend}."
        )
    numbers = pd.to_numeric(column, errors="coerce") if column.dtype != bool else column.astype(float)
    if numbers.isna().any():
        at = int(numbers.isna().to_numpy().argmax())
        mend = (
            tr("make it numbers, or leave the column out with --ignore {name}").format(name=name) if role == "feature" else mend
        )
        text = tr("{path}: column {name!r} holds text ({text!r} in line {line})").format(
            path=path, name=name, text=str(column.iloc[at])[:40], line=column.index[at]
        )
        raise refusal(text, f"; {mend}.")
    values = numbers.to_numpy(np.float64)
    beyond = np.abs(values) > LARGEST
    if beyond.any():
        line, infinite = column.index[int(beyond.argmax())], not np.isfinite(values[beyond.argmax()])
        what = tr("is infinite") if infinite else tr("holds a number beyond ±{largest:g}").format(largest=LARGEST)
        mend = tr("give a finite number there") if infinite else tr("use a larger unit")
        raise refusal(
            tr("{path}: column {name!r} {what} in line {line}").format(path=path, name=name, what=what, line=line), f"; {mend}."
        )
    return values


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
        values = np.column_stack([_numbers(frame, name, path, "target") for name in targets])
        return values, ()
    if task == "multilabel":
        labels = np.column_stack([_numbers(frame, name, path, "target") for name in targets])
        if not np.isin(labels, (0, 1)).all():
            raise FileError(
                tr("{path}: labels must be 0 or 1; change the columns {targets} or the task.").format(
                    path=path, targets=", ".join(targets)
                )
            )
        return labels, tuple(targets)
    if len(targets) != 1:
        raise FileError(
            tr("{path}: a {task} task has one target column, not {targets}; name one.").format(
                path=path, task=task, targets=len(targets)
            )
        )
    column = frame[targets[0]]
    # Numbers sort as numbers, everything else as text; 1.0 and 1 are shown alike.
    names = sorted(column.unique()) if column.dtype != object else sorted(column.unique(), key=str)
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
    if len(names) > MOST_CLASSES:
        raise FileError(
            tr(
                "{path}: the target {targets!r} has {names} different values; up to {most} classes are possible, "
                "or set the task to regression."
            ).format(path=path, targets=targets[0], names=len(names), most=MOST_CLASSES)
        )
    number = {name: index for index, name in enumerate(names)}
    return np.array([[number[value]] for value in column], np.float64), tuple(_class_name(name) for name in names)


def _class_name(value: Any) -> str:
    """A class's name for people: whole numbers without their decimals."""
    return str(int(value)) if isinstance(value, (float, np.floating)) and float(value).is_integer() else str(value)
