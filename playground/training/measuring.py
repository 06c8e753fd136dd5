"""Measures a run with its present weights: losses, metrics and outputs of each part of its data, and each layer's gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from playground.arrays import Array, Float32
from playground.catalog.metrics import recorded
from playground.catalog.tasks import TASKS
from playground.training.compute import Compute
from playground.training.diagnosis import gradient_layers, gradient_statistics
from playground.training.history import history_columns
from playground.training.run import RunInfo


@dataclass(frozen=True, eq=False)
class Measurement:
    """What some weights are worth.

    Parameters
    ----------
    losses
        Mean loss of the training, the validation (where rows are kept back for it) and the test rows.
    metrics
        Each metric of the task for each of those parts, part after part.
    outputs
        float32 (rows, outputs), read-only: outputs for every row of the data set, in its order.
    """

    losses: tuple[float, ...]
    metrics: tuple[float, ...]
    outputs: Float32


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows of the data set: their numbers, what the network sees, what metrics compare with, and room for outputs."""

    rows: Array
    inputs: Array
    targets: Array
    truth: Array
    outputs: Array


class Measuring:
    """Measures one run, again and again, whose data, task and outputs stay what they are.

    Parameters
    ----------
    run
        The run, before or after edits that keep its weights.
    """

    def __init__(self, run: RunInfo) -> None:
        self._preprocessing = run.data.preprocessing
        self._metrics = [recorded(name) for name in TASKS[run.experiment.training.task].metrics]
        self._parts = _parts_of(run)
        self._size = len(run.data.dataset.features), run.plan.widths[-1]

    def measure(self, compute: Compute) -> Measurement:
        """Run all rows forward with the present weights; neither they nor their place in the epoch change."""
        losses, outputs = [], np.zeros(self._size, np.float32)
        with np.errstate(all="ignore"):
            for part in self._parts:
                losses.append(compute.evaluate(part.inputs, part.targets, part.outputs))
                outputs[part.rows] = part.outputs
            answers = [self._preprocessing.labels(part.outputs) for part in self._parts]
            metrics = [
                metric(answer, part.truth) for metric in self._metrics for answer, part in zip(answers, self._parts, strict=True)
            ]
        outputs.flags.writeable = False
        return Measurement(tuple(losses), tuple(metrics), outputs)


def columns_of(run: RunInfo) -> tuple[str, ...]:
    """Names of the columns that are recorded of a run."""
    return history_columns(run.experiment.training.task, len(run.data.validation_rows) > 0, tuple(gradient_layers(run.plan)))


def gradient_numbers(run: RunInfo, compute: Compute) -> list[float]:
    """Size and noise of each layer's gradient, layer after layer, as the history's columns have them; takes two batches."""
    return [number for pair in gradient_statistics(run, compute) for number in pair]


def no_gradient_numbers(run: RunInfo) -> list[float]:
    """What stands in the history where gradients weren't measured."""
    return [math.nan, math.nan] * len(gradient_layers(run.plan))


def _parts_of(run: RunInfo) -> list[_Part]:
    """The training, validation (if there are any) and test rows."""
    data = run.data
    parts = [(data.train_rows, data.train_inputs, data.train_targets)]
    if len(data.validation_rows):
        parts.append((data.validation_rows, data.validation_inputs, data.validation_targets))
    parts.append((data.test_rows, data.test_inputs, data.test_targets))
    return [
        _Part(rows, inputs, targets, _truth(run, rows), np.zeros((len(rows), run.plan.widths[-1]), np.float32))
        for rows, inputs, targets in parts
    ]


def _truth(run: RunInfo, rows: Array) -> Array:
    """What the metrics compare with: class numbers (rows,), or labels and values (rows, outputs)."""
    targets = run.data.dataset.targets[rows]
    return targets[:, 0] if run.experiment.training.task in ("binary", "multiclass") else targets
