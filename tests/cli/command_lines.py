"""What the tests of the command line share: the files of a run, what is read in them, and tables to train on."""

import csv
import io
import re
from pathlib import Path

import numpy as np

from playground.data.bundled import load_bundled

FILES = {"experiment.json", "model.safetensors", "history.csv", "report.json", "loss.png"}
CLASS_COLUMNS = ["epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy"]
QUANTITY_COLUMNS = ["epoch", "train_loss", "test_loss", "train_rmse", "test_rmse", "train_r2", "test_r2"]


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def history(folder):
    """The history file without the gradients of the layers: its header, and its rows as numbers."""
    header, *rows = rows_of((Path(folder) / "history.csv").read_text())
    own = [name for name in header if not name.startswith("gradient_")]
    assert header[: len(own)] == own, "the usual columns come first"
    return own, np.array(rows, float)[:, : len(own)]


def value_of(out, name):
    """A number of the results on stdout."""
    return float(re.search(rf"^{name} (\S+)$", out, re.MULTILINE)[1])


def write_table(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def write_iris(path="iris.csv", rows=None):
    """The irises as a table with a number for each flower and the species in words."""
    dataset = load_bundled("iris")
    names = [dataset.class_names[int(number)] for number in dataset.targets[:, 0]]
    table = [[*features, f"flower {row}", name] for row, (features, name) in enumerate(zip(dataset.features, names, strict=True))]
    write_table(path, [*dataset.feature_names, "label", "species"], table[:rows])
    return dataset
