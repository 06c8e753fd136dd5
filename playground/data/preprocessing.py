"""From raw rows to network inputs and back: features of the plane, standardizing, target encoding, the split."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from playground.arrays import Array, Float32
from playground.catalog import activations
from playground.catalog.features import FEATURES
from playground.catalog.tasks import TASKS
from playground.data.dataset import Dataset
from playground.data.sources import load_dataset
from playground.experiment import Experiment, ExperimentError, Inputs, output_activation, target_range
from playground.words import tr


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
    image
        Height, width and channels where a row is an image.
    categories
        How many different whole numbers each column holds, where all columns only name things.
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
    image: tuple[int, ...] = ()
    categories: tuple[int, ...] = ()

    @property
    def network_inputs(self) -> Inputs:
        """What the network gets."""
        return Inputs(len(self.mean), self.image, self.categories)

    @property
    def one_of_several(self) -> bool:
        """Whether the outputs are one number a class, of which the largest wins; a yes or no has two with softmax, else one."""
        return self.task == "multiclass" or (self.task == "binary" and self.outputs == 2)

    def inputs(self, raw: Array) -> Float32:
        """Network inputs, float32 (rows, inputs), of raw rows (rows, columns).

        Raises
        ------
        ExperimentError
            If a column that names things holds a number that names none, or a value has no place in float32: infinite, none at
            all, or too many deviations away from those that were learned.
        """
        expanded = expand(np.asarray(raw, np.float64), self.features)
        for column, count in enumerate(self.categories):
            own = expanded[:, column]
            wrong = np.flatnonzero(~((own >= 0) & (own < count) & (own == np.floor(own))))
            if wrong.size:
                raise ExperimentError(
                    tr("row {wrong}: {own:g} is no {columns} that was learned; use a whole number from 0 to {count}.").format(
                        wrong=wrong[0] + 1, own=own[wrong[0]], columns=self.columns[column], count=count - 1
                    )
                )
        return _float32(expanded, self.mean, self.scale, self.features or self.columns)

    def targets(self, raw: Array) -> Float32:
        """Network targets, float32 (rows, outputs), of raw targets (rows, k).

        Raises
        ------
        ExperimentError
            If a quantity has no place in float32.
        """
        if not TASKS[self.task].classes:
            return _float32(raw, self.target_mean, self.target_scale, self.target_names)
        holds = raw[:, :1] == np.arange(self.outputs) if self.one_of_several else raw > 0.5
        return np.where(holds, self.target_high, self.target_low).astype(np.float32)

    def values(self, outputs: Array) -> Array:
        """Outputs in terms of the data: regression values in the data's units; scores of classes as they are."""
        if TASKS[self.task].classes:
            return outputs
        return np.asarray(outputs, np.float64) * np.array(self.target_scale) + np.array(self.target_mean)

    def labels(self, outputs: Array) -> Array:
        """Predictions: class numbers (rows,), labels 0/1 (rows, labels), or values (rows, outputs)."""
        if not TASKS[self.task].classes:
            return self.values(outputs)
        if self.one_of_several:
            return outputs.argmax(axis=1)
        holds = (outputs > (self.target_low + self.target_high) / 2).astype(np.int64)
        return holds[:, 0] if self.task == "binary" else holds


def _float32(raw: Array, mean: tuple[float, ...], scale: tuple[float, ...], names: tuple[str, ...]) -> Float32:
    """(raw − mean) / scale, column by column; refuses by row and name what has no place in float32."""
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray((raw - np.array(mean)) / np.array(scale), np.float32)
    # What is no number itself goes on to training, which names its row when it breaks; files with such cells are refused before.
    wrong = np.isfinite(raw) & ~np.isfinite(values)
    if wrong.any():
        row, column = np.unravel_index(wrong.argmax(), wrong.shape)
        raise ExperimentError(
            tr(
                "row {row}: {value:g} in {name!r} is too far from what is learned from, by a scale of {scale:g}; use numbers of "
                "one size, or leave the row out."
            ).format(row=row + 1, value=raw[row, column], name=names[column], scale=scale[column])
        )
    return values


@dataclass(frozen=True, eq=False)
class PreparedData:
    """A data set, split and ready for a network.

    Parameters
    ----------
    train_rows, validation_rows, test_rows
        int64 row numbers in the data set.
    train_inputs, validation_inputs, test_inputs
        float32 (rows, inputs).
    train_targets, validation_targets, test_targets
        float32 (rows, outputs).
    """

    dataset: Dataset
    preprocessing: Preprocessing
    train_rows: NDArray[np.int64]
    validation_rows: NDArray[np.int64]
    test_rows: NDArray[np.int64]
    train_inputs: Float32
    train_targets: Float32
    validation_inputs: Float32
    validation_targets: Float32
    test_inputs: Float32
    test_targets: Float32


def class_shares(outputs: Array, preprocessing: Preprocessing) -> Array:
    """Outputs as a share 0 … 1 for each class or label, float64 (rows, classes): probabilities, where the head gives those.

    A single output of a yes or no is the share of the yes.
    """
    low, high = preprocessing.target_low, preprocessing.target_high
    shares = (np.asarray(outputs, np.float64) - low) / (high - low)
    single = preprocessing.task == "binary" and not preprocessing.one_of_several
    return np.column_stack([1 - shares, shares]) if single else shares


def expand(raw: Array, features: tuple[str, ...]) -> Array:
    """The chosen features of points (rows, 2); any other rows as they are."""
    if not features:
        return raw
    return np.column_stack([FEATURES[name].value(raw[:, 0], raw[:, 1]) for name in features])


def prepare(experiment: Experiment, dataset: Dataset | None = None) -> PreparedData:
    """Load, split, expand and standardize the data of an experiment.

    Mean and deviation come from the training rows alone: nothing of the test rows may reach the network.

    Raises
    ------
    FileError
        If the data can't be loaded or don't fit.
    ExperimentError
        If a value of a row has no place in float32.
    """
    data, task = experiment.data, experiment.training.task
    dataset = dataset if dataset is not None else load_dataset(data, task)
    train_rows, test_rows = split(dataset, data.test_fraction, data.seed)
    train_rows, validation_rows = _split_again(dataset, train_rows, data.validation_fraction, data.seed)
    features = data.features if dataset.planar else ()
    low, high = target_range(experiment)
    # Numbers that only name things have no mean.
    standardize = data.standardize and not dataset.categories
    mean, scale = _mean_and_scale(expand(dataset.features[train_rows], features), standardize)
    target_mean, target_scale = _target_scale(experiment, dataset, train_rows)
    preprocessing = Preprocessing(
        task=task,
        columns=dataset.feature_names,
        features=tuple(features),
        mean=mean,
        scale=scale,
        target_mean=target_mean,
        target_scale=target_scale,
        target_low=low,
        target_high=high,
        classes=dataset.class_names,
        target_names=dataset.target_names,
        outputs=output_width(experiment, dataset),
        image=(*dataset.image_shape, 1) if dataset.image_shape else (),
        categories=dataset.categories,
    )
    inputs, targets = preprocessing.inputs(dataset.features), preprocessing.targets(dataset.targets)
    parts = [
        np.ascontiguousarray(values[rows]) for rows in (train_rows, validation_rows, test_rows) for values in (inputs, targets)
    ]
    return PreparedData(dataset, preprocessing, train_rows, validation_rows, test_rows, *parts)


def output_width(experiment: Experiment, dataset: Dataset) -> int:
    """How many outputs the network needs: one a class where softmax shares a probability among them, else one a target."""
    record, _ = activations.resolve(output_activation(experiment))
    several = dataset.task == "multiclass" or (dataset.task == "binary" and record.name == "softmax")
    return len(dataset.class_names) if several else dataset.targets.shape[1]


def _target_scale(experiment: Experiment, dataset: Dataset, rows: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What quantities are shifted and divided by before they are learned; empty for classes.

    Where the outputs are a scaled sigmoid, its ends become 0 and 1.
    """
    if TASKS[experiment.training.task].classes:
        return (), ()
    choice = output_activation(experiment)
    record, _ = activations.resolve(choice)
    targets = dataset.targets[rows]
    if record.name != "scaled_sigmoid":
        return _mean_and_scale(targets, experiment.data.standardize)
    if not isinstance(choice, str):
        low, high = choice.low, choice.high  # type: ignore[attr-defined]
    else:
        low, high = dataset.value_range or (float(targets.min()), float(targets.max()))
    if low >= high:
        raise ExperimentError(tr("network.output_activation: all targets are alike, so there is no scale; give low and high."))
    return (low,) * targets.shape[1], (high - low,) * targets.shape[1]


def _split_again(dataset: Dataset, rows: Array, fraction: float, seed: int) -> tuple[Array, Array]:
    """Row numbers to train on and to validate on; every class keeps its share in both."""
    part = replace(dataset, features=dataset.features[rows], targets=dataset.targets[rows])
    if not fraction or len(rows) < 2:
        return rows, rows[:0]
    # A share of few rows is still a row.
    train, validation = split(part, max(fraction, 1 / len(rows)), seed + 1)
    return rows[train], rows[validation]


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


# Small enough for any unit, and large enough that a test row of another size, divided by it, still fits into float32.
LEAST_DEVIATION = 1e-30


def _mean_and_scale(values: Array, standardize: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each column; 0 and 1 where nothing shall change or the column never varies."""
    if not standardize:
        return (0.0,) * values.shape[1], (1.0,) * values.shape[1]
    mean, scale = values.mean(axis=0), values.std(axis=0)
    # A column of equal numbers has a deviation of rounding noise at most.
    scale = np.where(scale > np.maximum(1e-12 * np.abs(mean), LEAST_DEVIATION), scale, 1.0)
    return tuple(mean.tolist()), tuple(scale.tolist())
