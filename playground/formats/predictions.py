"""Predictions of a model as a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Array
from playground.catalog.tasks import TASKS
from playground.data.preprocessing import class_shares
from playground.experiment import ExperimentError, gives_probabilities
from playground.formats.tables import csv_table
from playground.model import TrainedModel
from playground.words import tr


def prediction_table(model: TrainedModel, rows: NDArray[np.float64]) -> str:
    """Predictions for raw rows as CSV, in the order of the rows.

    Columns for one class out of several: ``prediction``, the class as the training table spells it, and ``probability_<class>``
    for each. For labels: ``prediction_<label>``, 0 or 1, and ``probability_<label>``. For quantities: ``prediction``, or
    ``prediction_<target>`` for several.

    Outputs that are no probabilities (linear ones, those from -1 to 1, a sigmoid for each of several classes) stand as they are
    in ``output_<class>``; where a single one answers a yes or no, only the yes has it.

    Raises
    ------
    ExperimentError
        If a row has no answer that is a number.
    """
    outputs, answers = model.predict(rows), model.predict_labels(rows)
    wrong = ~np.isfinite(outputs).all(axis=1)
    if wrong.any():
        raise ExperimentError(
            tr("row {row}: the network's answer is no number; its values are too far from what was learned from.").format(
                row=int(wrong.argmax()) + 1
            )
        )
    task, classes = model.preprocessing.task, model.classes
    if not TASKS[task].classes:
        names = model.preprocessing.target_names
        header = ["prediction"] if len(names) == 1 else [f"prediction_{name}" for name in names]
        table = [[f"{value:.9g}" for value in row] for row in answers]
        return csv_table(header, table)
    titles, numbers = _numbers_of_classes(model, outputs)
    if task == "multilabel":
        header = [*(f"prediction_{name}" for name in classes), *titles]
        table = [[*map(str, marks), *row] for marks, row in zip(answers, numbers, strict=True)]
    else:
        header = ["prediction", *titles]
        table = [[classes[answer], *row] for answer, row in zip(answers, numbers, strict=True)]
    return csv_table(header, table)


def _numbers_of_classes(model: TrainedModel, outputs: Array) -> tuple[list[str], list[list[str]]]:
    """The columns that say how sure a model is of each class, and their cells by rows."""
    if gives_probabilities(model.experiment):
        shares = class_shares(outputs, model.preprocessing)
        return [f"probability_{name}" for name in model.classes], [[f"{share:.6f}" for share in row] for row in shares]
    names = model.classes[-outputs.shape[1] :]
    return [f"output_{name}" for name in names], [[f"{value:.9g}" for value in row] for row in outputs]
