"""Heads compared: one against another over seeds, two softmax outputs as one sigmoid, and what a wrong head can't say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from playground.catalog import activations
from playground.catalog.losses import LOSSES
from playground.catalog.tasks import TASKS
from playground.data.dataset import Dataset
from playground.data.preprocessing import PreparedData, prepare
from playground.experiment import Experiment, ExperimentError, checked, loss_of, output_activation
from playground.insight.evaluation import Report, evaluate_outputs
from playground.kernels.reference import backend as reference
from playground.model import TrainedModel
from playground.training.trainer import train

Array = NDArray[Any]


@dataclass(frozen=True)
class HeadResult:
    """How one head did with one seed, on the test rows.

    Parameters
    ----------
    seed
        Of data, weights and training alike.
    report
        All metrics.
    outside
        Test rows with a prediction outside the scale of the answers; 0 where there is no scale.
    """

    seed: int
    report: Report
    outside: int


@dataclass(frozen=True)
class HeadComparison:
    """Two heads over the same seeds: the experiment's own, and another.

    Parameters
    ----------
    own, other
        The experiments.
    own_results, other_results
        One per seed.
    """

    own: Experiment
    other: Experiment
    own_results: tuple[HeadResult, ...]
    other_results: tuple[HeadResult, ...]

    def values(self, metric: str) -> tuple[Array, Array]:
        """A metric of both heads, float64 (seeds,) each."""
        own, other = (
            np.array([result.report.scores[metric].value for result in results])
            for results in (self.own_results, self.other_results)
        )
        return own, other

    def difference(self, metric: str) -> float:
        """Mean of the own head's metric less that of the other."""
        own, other = self.values(metric)
        return float(own.mean() - other.mean())


def compare_heads(
    experiment: Experiment, other_output_activation: str | msgspec.Struct, seeds: Sequence[int], backend: str = "auto"
) -> HeadComparison:
    """Train an experiment with its own head and with another, and judge both on the test rows.

    Parameters
    ----------
    experiment
        What to train.
    other_output_activation
        The other head. It learns with the loss that is computed on its logits, if there is one for the task, else with the
        experiment's own.
    seeds
        Each sets the seeds of data, weights and training.
    backend
        ``auto``, ``cpu`` or ``reference``.

    Raises
    ------
    ExperimentError
        If the other head doesn't fit the task.
    """
    other = with_head(experiment, other_output_activation)
    own_results, other_results = (
        tuple(_trained(with_seed(variant, seed), seed, backend) for seed in seeds) for variant in (experiment, other)
    )
    return HeadComparison(experiment, other, own_results, other_results)


def with_head(experiment: Experiment, choice: str | msgspec.Struct) -> Experiment:
    """The experiment with another output activation, and the loss that goes with it."""
    record, _ = activations.resolve(choice)
    task = experiment.training.task
    fused = [name for name, loss in LOSSES.items() if record.name in loss.fused_with and task in loss.tasks]
    loss = fused[0] if fused else experiment.training.loss
    return checked(
        replace(
            experiment,
            network=replace(experiment.network, output_activation=choice),
            training=replace(experiment.training, loss=loss),
        )
    )


def with_seed(experiment: Experiment, seed: int) -> Experiment:
    """The experiment with all three seeds set, as ``--seed`` does."""
    return checked(
        replace(
            experiment,
            data=replace(experiment.data, seed=seed),
            network=replace(experiment.network, seed=seed),
            training=replace(experiment.training, seed=seed),
        )
    )


def _trained(experiment: Experiment, seed: int, backend: str) -> HeadResult:
    model, data = train(experiment, backend=backend), prepare(experiment)
    outputs = reference.outputs(model.plan, model.parameters, data.test_inputs)
    report = evaluate_outputs(outputs, data.dataset.targets[data.test_rows], model.preprocessing)
    return HeadResult(seed, report, outside_the_scale(data.preprocessing.values(outputs), data.dataset))


def outside_the_scale(values: Array, dataset: Dataset) -> int:
    """How many rows of answers (rows, outputs) lie outside the data's scale; 0 where there is none."""
    if dataset.value_range is None:
        return 0
    low, high = dataset.value_range
    # The ends belong to the scale; float32 may miss them by a rounding.
    room = 1e-6 * (high - low)
    return int(((values < low - room) | (values > high + room)).any(axis=1).sum())


def has_two_softmax_outputs(experiment: Experiment) -> bool:
    """Whether a yes or no is answered by two softmax outputs instead of one sigmoid output."""
    return experiment.training.task == "binary" and activations.resolve(output_activation(experiment))[0].name == "softmax"


def softmax_as_sigmoid(model: TrainedModel) -> TrainedModel:
    """The same yes-or-no function with one sigmoid output in place of two softmax outputs.

    softmax(z₀, z₁)₁ = e^z₁ / (e^z₀ + e^z₁) = 1 / (1 + e^−(z₁ − z₀)) = σ(z₁ − z₀), so the last layer's weights and biases are
    w = w₁ − w₀ and b = b₁ − b₀ (C. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.2).

    Raises
    ------
    ExperimentError
        If the model isn't a binary one with two softmax outputs.
    """
    experiment = model.experiment
    if not has_two_softmax_outputs(experiment):
        raise ExperimentError("only a yes or no with two softmax outputs is a sigmoid; set network.output_activation to softmax.")
    sigmoid = TrainedModel(
        experiment=with_head(experiment, "sigmoid"),
        parameters=np.zeros(0, np.float32),
        preprocessing=replace(model.preprocessing, outputs=1),
    )
    plan = sigmoid.plan
    parameters = np.zeros(plan.parameter_size, np.float32)
    for old, new in zip(model.plan.parameters, plan.parameters, strict=True):
        values = old.of(model.parameters)
        # Only the last layer has another shape: (inputs, 2) and (2,) become (inputs, 1) and (1,).
        new.of(parameters)[:] = values if old.shape == new.shape else values[..., 1:] - values[..., :1]
    return _with_parameters(sigmoid, parameters)


def _with_parameters(model: TrainedModel, parameters: NDArray[np.float32]) -> TrainedModel:
    """The model with other parameters, and no metrics, which were those of the old ones."""
    return TrainedModel(model.experiment, parameters, model.preprocessing)


def largest_difference(softmax: TrainedModel, sigmoid: TrainedModel, rows: Array) -> float:
    """Largest difference between the probabilities of a yes that the two forms give raw rows (rows, columns)."""
    return float(np.abs(softmax.predict(rows)[:, 1] - sigmoid.predict(rows)[:, 0]).max())


def sigmoid_proof(model: TrainedModel, rows: Array) -> str:
    """In words: how far the two softmax outputs of a model are from the one sigmoid output that they are, on raw rows."""
    difference = largest_difference(model, softmax_as_sigmoid(model), rows)
    return f"Worked out both ways for {len(rows):,} rows, the probabilities differ by at most {difference:.0e}."


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
        return (
            "Two softmax outputs share one probability. They are the same function as one sigmoid output whose weights are the "
            "difference of the two: w = w₁ − w₀, b = b₁ − b₀."
        )
    usual = activations.ACTIVATIONS[task.output_activation].title
    return f"{record.title} outputs with {loss_of(experiment).title.lower()}, by choice. Usual here: {usual}. {task.reason}"


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
            f"{count.several:,} of {count.rows:,} rows have two or more labels. Softmax gets {count.right or 'none'} of them "
            "right: its outputs add up to 1, so only one can be above 0.5."
        )
    outside = outside_the_scale(data.preprocessing.values(outputs[rows]), dataset)
    if outside and dataset.value_range is not None:
        low, high = dataset.value_range
        found.append(
            f"{outside:,} of {len(rows):,} predictions lie outside the scale of {low:g} to {high:g}, where no answer can be; a "
            "scaled sigmoid never leaves it."
        )
    return found
