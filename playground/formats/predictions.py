"""Predictions of a model as a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.catalog.tasks import TASKS
from playground.data.preprocessing import class_shares
from playground.formats.tables import csv_table
from playground.model import TrainedModel


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
    return csv_table(header, table, has_words=TASKS[task].classes)
