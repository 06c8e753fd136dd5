"""From raw rows to network inputs and back: features of the plane, standardizing, target encoding, the split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from playground.data.dataset import Dataset, load_dataset, output_width
from playground.experiment import Experiment, target_range

Array = NDArray[Any]

# Features of a point, each a function of its two coordinates.
EXPANSIONS = {
    "x1": lambda x1, x2: x1,
    "x2": lambda x1, x2: x2,
    "x1_squared": lambda x1, x2: x1 * x1,
    "x2_squared": lambda x1, x2: x2 * x2,
    "x1_times_x2": lambda x1, x2: x1 * x2,
    "sin_x1": lambda x1, x2: np.sin(x1),
    "sin_x2": lambda x1, x2: np.sin(x2),
}


class Preprocessing(msgspec.Struct, frozen=True, kw_only=True):
    """All that is done to raw rows before the network and to its outputs after it; saved with a model.

    Parameters
    ----------
    task
        The task's name.
    columns
        Names of the raw columns.
    features
        Features computed from a point of the plane; none where the columns are the inputs.
    mean, scale
        Of each network input: input = (value − mean) / scale.
    target_mean, target_scale
        The same for regression targets; else empty.
    target_low, target_high
        What a class that does not and does hold is encoded as.
    classes
        Names of classes or labels.
    target_names
        Names of the target columns.
    outputs
        Number of network outputs.
    """

    task: str
    columns: tuple[str, ...]
    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    target_mean: tuple[float, ...]
    target_scale: tuple[float, ...]
    target_low: float
    target_high: float
    classes: tuple[str, ...]
    target_names: tuple[str, ...]
    outputs: int

    def inputs(self, raw: Array) -> NDArray[np.float32]:
        """Network inputs, float32 (rows, inputs), of raw rows (rows, columns)."""
        expanded = expand(np.asarray(raw, np.float64), self.features)
        return np.ascontiguousarray((expanded - np.array(self.mean)) / np.array(self.scale), np.float32)

    def targets(self, raw: Array) -> NDArray[np.float32]:
        """Network targets, float32 (rows, outputs), of raw targets (rows, k)."""
        if self.task == "regression":
            return np.ascontiguousarray((raw - np.array(self.target_mean)) / np.array(self.target_scale), np.float32)
        holds = raw[:, :1] == np.arange(self.outputs) if self.task == "multiclass" else raw > 0.5
        return np.where(holds, self.target_high, self.target_low).astype(np.float32)

    def values(self, outputs: Array) -> Array:
        """Outputs in terms of the data: regression values in the data's units; scores of classes as they are."""
        if self.task != "regression":
            return outputs
        return np.asarray(outputs, np.float64) * np.array(self.target_scale) + np.array(self.target_mean)

    def labels(self, outputs: Array) -> Array:
        """Predictions: class numbers (rows,), labels 0/1 (rows, labels), or values (rows, outputs)."""
        if self.task == "regression":
            return self.values(outputs)
        if self.task == "multiclass":
            return outputs.argmax(axis=1)
        holds = (outputs > (self.target_low + self.target_high) / 2).astype(np.int64)
        return holds[:, 0] if self.task == "binary" else holds


@dataclass(frozen=True, eq=False)
class PreparedData:
    """A data set, split and ready for a network.

    Parameters
    ----------
    train_rows, test_rows
        int64 row numbers in the data set.
    train_inputs, test_inputs
        float32 (rows, inputs).
    train_targets, test_targets
        float32 (rows, outputs).
    """

    dataset: Dataset
    preprocessing: Preprocessing
    train_rows: NDArray[np.int64]
    test_rows: NDArray[np.int64]
    train_inputs: NDArray[np.float32]
    train_targets: NDArray[np.float32]
    test_inputs: NDArray[np.float32]
    test_targets: NDArray[np.float32]


def expand(raw: Array, features: tuple[str, ...]) -> Array:
    """The chosen features of points (rows, 2); any other rows as they are."""
    if not features:
        return raw
    return np.column_stack([EXPANSIONS[name](raw[:, 0], raw[:, 1]) for name in features])


def inputs_width(preprocessing: Preprocessing) -> int:
    """How many inputs the network has."""
    return len(preprocessing.mean)


def prepare(experiment: Experiment, dataset: Dataset | None = None) -> PreparedData:
    """Load, split, expand and standardize the data of an experiment.

    Mean and deviation come from the training rows alone: nothing of the test rows may reach the network.

    Raises
    ------
    FileError
        If the data can't be loaded or don't fit.
    """
    data = experiment.data
    dataset = dataset if dataset is not None else load_dataset(data, experiment.training.task)
    train_rows, test_rows = split(dataset, data.test_fraction, data.seed)
    features = data.features if dataset.planar else ()
    low, high = target_range(experiment)
    regression = dataset.task == "regression"
    mean, scale = _mean_and_scale(expand(dataset.features[train_rows], features), data.standardize)
    target_mean, target_scale = _mean_and_scale(dataset.targets[train_rows], data.standardize and regression)
    preprocessing = Preprocessing(
        task=dataset.task,
        columns=dataset.feature_names,
        features=tuple(features),
        mean=mean,
        scale=scale,
        target_mean=target_mean if regression else (),
        target_scale=target_scale if regression else (),
        target_low=low,
        target_high=high,
        classes=dataset.class_names,
        target_names=dataset.target_names,
        outputs=output_width(dataset),
    )
    inputs, targets = preprocessing.inputs(dataset.features), preprocessing.targets(dataset.targets)
    return PreparedData(
        dataset,
        preprocessing,
        train_rows,
        test_rows,
        np.ascontiguousarray(inputs[train_rows]),
        np.ascontiguousarray(targets[train_rows]),
        np.ascontiguousarray(inputs[test_rows]),
        np.ascontiguousarray(targets[test_rows]),
    )


def split(dataset: Dataset, test_fraction: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers for training and test; every class keeps its share in both, to within a row.

    Not scikit-learn's: importing that takes longer than all else until the first network learns.
    """
    rows = len(dataset.features)
    count = min(rows - 1, round(test_fraction * rows))
    if count == 0:
        return np.arange(rows), np.arange(0)
    order = np.random.default_rng([seed, 2]).permutation(rows)
    if dataset.task in ("binary", "multiclass"):
        # Class after class, in random order within each: rows at equal distances then hold each class's share.
        order = order[np.argsort(dataset.targets[order, 0], kind="stable")]
    chosen = ((np.arange(count) + 0.5) * rows / count).astype(np.int64)
    test = order[chosen]
    train = np.delete(order, chosen)
    return np.sort(train), np.sort(test)


def _mean_and_scale(values: Array, standardize: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each column; 0 and 1 where nothing shall change or the column never varies."""
    if not standardize:
        return (0.0,) * values.shape[1], (1.0,) * values.shape[1]
    mean, scale = values.mean(axis=0), values.std(axis=0)
    # A column of equal numbers has a deviation of rounding noise at most.
    scale = np.where(scale > 1e-12 * np.maximum(1.0, np.abs(mean)), scale, 1.0)
    return tuple(mean.tolist()), tuple(scale.tolist())
