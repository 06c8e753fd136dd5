"""Two softmax outputs as the one sigmoid output that they are, with the proof on real rows."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from playground.arrays import Array, Float32
from playground.catalog import activations
from playground.experiment import Experiment, ExperimentError, checked, output_activation
from playground.experiment.edits import with_output_activation
from playground.model import TrainedModel
from playground.words import tr


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
        raise ExperimentError(
            tr("only a yes or no with two softmax outputs is a sigmoid; set network.output_activation to softmax.")
        )
    sigmoid = TrainedModel(
        experiment=checked(with_output_activation(experiment, "sigmoid")),
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


def _with_parameters(model: TrainedModel, parameters: Float32) -> TrainedModel:
    """The model with other parameters, and no metrics, which were those of the old ones."""
    return TrainedModel(model.experiment, parameters, model.preprocessing)


def largest_difference(softmax: TrainedModel, sigmoid: TrainedModel, rows: Array) -> float:
    """Largest difference between the probabilities of a yes that the two forms give raw rows (rows, columns)."""
    return float(np.abs(softmax.predict(rows)[:, 1] - sigmoid.predict(rows)[:, 0]).max())


def sigmoid_proof(model: TrainedModel, rows: Array) -> str:
    """In words: how far the two softmax outputs of a model are from the one sigmoid output that they are, on raw rows."""
    difference = largest_difference(model, softmax_as_sigmoid(model), rows)
    return tr("Worked out both ways for {rows:,} rows, the probabilities differ by at most {difference:.0e}.").format(
        rows=len(rows), difference=difference
    )
