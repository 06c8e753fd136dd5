"""What was measured while a run went on: one table that only grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from playground.catalog.tasks import TASKS

Array = NDArray[Any]
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class History:
    """What was measured so far: one row per measurement, row 0 before training. Rows are only ever added.

    Parameters
    ----------
    columns
        ``epoch``; ``train_loss``, ``validation_loss`` (where rows are kept back for it), ``test_loss``; the same parts of
        each metric of the task; ``gradient_size_`` and ``gradient_noise_`` of each layer that learns.
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
        """The newest row by column name."""
        return dict(zip(self.columns, self.rows[self.length - 1].tolist(), strict=True)) if self.length else {}


def history_columns(task: str, validates: bool = False, layers: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the columns recorded for a task."""
    parts = PARTS if validates else ("train", "test")
    numbers = [f"{part}_{name}" for name in ("loss", *TASKS[task].metrics) for part in parts]
    gradients = [f"gradient_{what}_{name}" for name in layers for what in ("size", "noise")]
    return ("epoch", *numbers, *gradients)
