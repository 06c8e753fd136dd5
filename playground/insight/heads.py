"""Heads: why an output layer is what it is, and what a wrong one can't say, counted in the data's own rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playground.arrays import Array
from playground.catalog import activations
from playground.catalog.tasks import TASKS
from playground.data.dataset import Dataset
from playground.data.preprocessing import PreparedData
from playground.experiment import Experiment, loss_of, output_activation
from playground.insight.sigmoid_form import has_two_softmax_outputs
from playground.words import tr


def outside_the_scale(values: Array, dataset: Dataset) -> int:
    """How many rows of answers (rows, outputs) lie outside the data's scale; 0 where there is none."""
    if dataset.value_range is None:
        return 0
    low, high = dataset.value_range
    # The ends belong to the scale; float32 may miss them by a rounding.
    room = 1e-6 * (high - low)
    return int(((values < low - room) | (values > high + room)).any(axis=1).sum())


@dataclass(frozen=True)
class LabelsAboveHalf:
    """What a softmax head makes of rows with several labels.

    Parameters
    ----------
    rows
        How many rows there are.
    several
        How many of them truly have two or more labels.
    right
        How many of those the outputs get entirely right, a label being said where its output is above 0.5.
    most
        The most labels that any row has above 0.5; softmax outputs add up to 1, so it is 1 at most.
    """

    rows: int
    several: int
    right: int
    most: int


def two_labels_above_half(outputs: Array, targets: Array) -> LabelsAboveHalf:
    """Count how many rows with two or more labels are right: with softmax outputs none can be.

    Parameters
    ----------
    outputs
        (rows, labels), shares from 0 to 1.
    targets
        0/1 (rows, labels).
    """
    said, truth = np.asarray(outputs) > 0.5, np.asarray(targets) > 0.5
    several = truth.sum(axis=1) >= 2
    right = (said == truth).all(axis=1)
    most = int(said.sum(axis=1).max()) if len(said) else 0
    return LabelsAboveHalf(len(truth), int(several.sum()), int((several & right).sum()), most)


def head_reason(experiment: Experiment) -> str:
    """Why the head is what it is, in words: the task's own reason where the head is the task's, else what it misses."""
    task = TASKS[experiment.training.task]
    record, _ = activations.resolve(output_activation(experiment))
    if record.name == task.output_activation:
        return task.reason
    if has_two_softmax_outputs(experiment):
        return tr(
            "Two softmax outputs share one probability. They are the same function as one sigmoid output whose weights are the "
            "difference of the two: w = w₁ − w₀, b = b₁ − b₀."
        )
    usual = activations.ACTIVATIONS[task.output_activation].title
    return tr("{title} outputs with {lower}, by choice. Usual here: {usual}. {reason}").format(
        title=record.title, lower=loss_of(experiment).title.lower(), usual=usual, reason=task.reason
    )


def head_warnings(experiment: Experiment, data: PreparedData, outputs: Array, rows: Array) -> list[str]:
    """What the head can't say, with the data's own numbers: softmax on several labels, answers beyond the scale.

    Parameters
    ----------
    outputs
        (rows of the data set, outputs), after the output activation.
    rows
        Numbers of the rows to judge.
    """
    record, _ = activations.resolve(output_activation(experiment))
    dataset, found = data.dataset, []
    if experiment.training.task == "multilabel" and record.name == "softmax":
        count = two_labels_above_half(outputs[rows], dataset.targets[rows])
        found.append(
            tr(
                "{several:,} of {rows:,} rows have two or more labels. Softmax gets {right} of them "
                "right: its outputs add up to 1, so only one can be above 0.5."
            ).format(several=count.several, rows=count.rows, right=count.right or tr("none"))
        )
    outside = outside_the_scale(data.preprocessing.values(outputs[rows]), dataset)
    if outside and dataset.value_range is not None:
        low, high = dataset.value_range
        found.append(
            tr(
                "{outside:,} of {rows:,} predictions lie outside the scale of {low:g} to {high:g}, where no answer can be; a "
                "scaled sigmoid never leaves it."
            ).format(outside=outside, rows=len(rows), low=low, high=high)
        )
    return found
