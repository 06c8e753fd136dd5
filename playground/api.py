"""What a program that imports the playground asks of it beyond training: answers of a model."""

from __future__ import annotations

import os

import numpy as np

from playground.arrays import Array
from playground.formats.opening import load
from playground.model import TrainedModel


def predict(model: TrainedModel | str | os.PathLike[str], rows: Array) -> Array:
    """Answers of a model (or of a model's file) for raw rows: class names, labels 0/1 (rows, labels), or values.

    Parameters
    ----------
    model
        The model, or the file that it was saved to.
    rows
        (rows, columns) as the data have them, columns in the order of ``model.preprocessing.columns``.

    Returns
    -------
    answers
        Class names (rows,) for one class out of several; 0/1 (rows, labels) for labels; float64 (rows, outputs) else.

    Raises
    ------
    FileError
        If the file can't be opened as a model.
    ValueError
        If the rows have another number of columns.
    """
    model = model if isinstance(model, TrainedModel) else load(model)
    answers = model.predict_labels(rows)
    return np.array(model.classes)[answers] if model.preprocessing.task in ("binary", "multiclass") else answers
