"""What was measured while a run went on: one table that only grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from playground.arrays import Array
from playground.catalog.tasks import TASKS
from playground.formats.tables import csv_table

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class History:
    """What was measured so far: one row per measurement, row 0 before training. No row changes in a history that was handed out.

    A run that goes back to earlier weights, after a divergence or an early stop, adds their row once more, under their epoch:
    the last row is that of the weights that are kept.

    Parameters
    ----------
    columns
        ``epoch``, which the weights were trained for; ``train_loss``, ``validation_loss`` (where rows are kept
        back for it), ``test_loss``; the same parts of each metric of the task; ``gradient_size_`` and ``gradient_noise_`` of
        each layer that learns.
    rows
        float64 (at least length, columns).
    length
        How many rows there are.
    """

    columns: tuple[str, ...]
    rows: Array
    length: int

    def column(self, name: str) -> Array:
        """One column, float64 (length,).

        Raises
        ------
        ValueError
            If there is no such column.
        """
        return self.rows[: self.length, self.columns.index(name)]

    def last(self) -> dict[str, float]:
        """The newest row by column name; empty where there is none."""
        return self.row(self.length - 1) if self.length else {}

    def row(self, index: int) -> dict[str, float]:
        """One row by column name."""
        return dict(zip(self.columns, self.rows[index].tolist(), strict=True))


class Recorder:
    """Writes a history; those handed out before never change.

    Parameters
    ----------
    columns
        Names of the numbers of a row; new ones for the same numbers may be set.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self._rows = np.zeros((256, len(columns)))
        self._length = 0

    @property
    def history(self) -> History:
        """What was recorded so far."""
        return History(self.columns, self._rows, self._length)

    def add(self, row: Sequence[float]) -> None:
        """Record one measurement."""
        if self._length == len(self._rows):
            # A new array twice as long: histories handed out before keep looking at the old one.
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[self._length] = row
        self._length += 1

    def amend(self, numbers: Mapping[str, float]) -> None:
        """Write some columns of the last row, which weren't measured before, anew."""
        self._rows = self._rows.copy()
        for name, value in numbers.items():
            self._rows[self._length - 1, self.columns.index(name)] = value


def history_columns(task: str, validates: bool = False, layers: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the columns recorded for a task."""
    parts = PARTS if validates else ("train", "test")
    numbers = [f"{part}_{name}" for name in ("loss", *TASKS[task].metrics) for part in parts]
    gradients = [f"gradient_{what}_{name}" for name in layers for what in ("size", "noise")]
    return ("epoch", *numbers, *gradients)


def history_table(history: History) -> str:
    """The history as CSV: a header, then a row a measurement."""
    rows = ([f"{row[0]:g}", *(f"{value:.9g}" for value in row[1:])] for row in history.rows[: history.length])
    return csv_table(history.columns, rows)
