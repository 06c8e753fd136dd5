"""Predictions of a model as a table."""

from __future__ import annotations

import csv
import io

import numpy as np
from numpy.typing import NDArray

from playground.catalog.tasks import TASKS
from playground.data.preprocessing import class_shares
from playground.model import TrainedModel

# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def prediction_table(model: TrainedModel, rows: NDArray[np.float64]) -> str:
    """Predictions for raw rows as CSV, in the order of the rows.

    Columns: ``prediction`` and ``probability_<class>`` for one class out of several; ``prediction_<label>`` and
    ``probability_<label>`` for labels; ``prediction`` (or ``prediction_<target>`` for several) for quantities.
    """
    outputs, answers = model.predict(rows), model.predict_labels(rows)
    task, classes = model.preprocessing.task, model.classes
    if not TASKS[task].classes:
        names = model.preprocessing.target_names
        header = ["prediction"] if len(names) == 1 else [f"prediction_{name}" for name in names]
        table = [[f"{value:.9g}" for value in row] for row in answers]
    elif task == "multilabel":
        shares = class_shares(outputs, model.preprocessing)
        header = [f"prediction_{name}" for name in classes] + [f"probability_{name}" for name in classes]
        table = [[*map(str, marks), *(f"{share:.6f}" for share in row)] for marks, row in zip(answers, shares, strict=True)]
    else:
        header = ["prediction", *(f"probability_{name}" for name in classes)]
        shares = class_shares(outputs, model.preprocessing)
        table = [[classes[answer], *(f"{share:.6f}" for share in row)] for answer, row in zip(answers, shares, strict=True)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_safe(cell) for cell in header])
    writer.writerows([_safe(cell) if TASKS[task].classes else cell for cell in row] for row in table)
    return out.getvalue()


def _safe(cell: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
