"""What follows from an experiment: its head, its plan, its first weights, what keeps them, and what is probably not meant."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from playground.arrays import Float32
from playground.catalog import activations, losses
from playground.catalog.datasets import BUNDLED
from playground.catalog.losses import Loss
from playground.catalog.tasks import TASKS
from playground.experiment.specs import BundledSource, Experiment, ExperimentError, SyntheticSource
from playground.network.building import Inputs, plan_network
from playground.network.layers import BatchNorm, Layer, LayerError, LayerNorm, MaxPool2D
from playground.network.parameters import initialize
from playground.network.plan import UNKNOWN, Plan
from playground.words import tr


def output_activation(experiment: Experiment) -> str | msgspec.Struct:
    """The output layer's activation: what ``network.output_activation`` says, or else what fits the task."""
    return experiment.network.output_activation or TASKS[experiment.training.task].output_activation


def loss_of(experiment: Experiment) -> Loss:
    """The record of the experiment's loss."""
    return losses.resolve(experiment.training.loss)[0]


def build_plan(experiment: Experiment, inputs: int | Inputs, outputs: int) -> Plan:
    """The experiment's network as instructions, for data with such rows and that many targets per row.

    Raises
    ------
    ExperimentError
        If a layer doesn't fit what comes before it.
    """
    network, training = experiment.network, experiment.training
    rows = inputs if isinstance(inputs, Inputs) else Inputs(inputs)
    try:
        return plan_network(network.layers, output_activation(experiment), training.loss, rows, outputs)
    except LayerError as error:
        raise ExperimentError(tr("network.{error}").format(error=error)) from None


def sketch(experiment: Experiment) -> Plan:
    """The plan as far as it is known without the data: a table's width is left open, and so is how many outputs there are.

    Raises
    ------
    ExperimentError
        If a layer doesn't fit what comes before it.
    """
    source = experiment.data.source
    rows = Inputs(UNKNOWN)
    if isinstance(source, SyntheticSource):
        rows = Inputs(len(experiment.data.features))
    elif isinstance(source, BundledSource):
        known = BUNDLED[source.name]
        rows = Inputs(known.columns, known.image, (1,) * known.columns if known.names_things else ())
    two = experiment.training.task == "binary" and activations.resolve(output_activation(experiment))[0].name == "softmax"
    return build_plan(experiment, rows, 2 if two else 1)


def initial_parameters(experiment: Experiment, plan: Plan) -> Float32:
    """The weights and biases that the experiment's network starts from: float32, flat, in the plan's layout."""
    network = experiment.network
    return initialize(plan.parameters, plan.parameter_size, network.initializer, network.bias, network.seed)


def target_range(experiment: Experiment) -> tuple[float, float]:
    """Targets of a class that does not and does hold: (−1, 1) for an output or a loss made for it, else (0, 1)."""
    record, _ = activations.resolve(output_activation(experiment))
    return (-1.0, 1.0) if record.range == (-1.0, 1.0) or loss_of(experiment).signed else (0.0, 1.0)


def gives_probabilities(experiment: Experiment) -> bool:
    """Whether the outputs are probabilities of classes or labels: within 0 … 1, and sharing one where exactly one is right.

    Linear outputs (as hinge has), those from −1 to 1, and a sigmoid for each of several classes are scores and no more.
    """
    record, _ = activations.resolve(output_activation(experiment))
    one_each = record.range == (0.0, 1.0) and experiment.training.task in ("binary", "multilabel")
    return TASKS[experiment.training.task].classes and (record.name == "softmax" or one_each)


def default_loss(task: str) -> str:
    """Name of the loss that fits a task."""
    return TASKS[task].loss


def keeps_weights(old: Experiment, new: Experiment) -> bool:
    """Whether a run of ``old`` goes on with its weights as ``new``.

    True exactly when the parameters' layout, where they start from, and the data stay as they are; then only how
    learning goes on changes (rate, loss, optimizer, batch size, activations, …).
    """
    return weights_key(old) == weights_key(new)


def weights_key(experiment: Experiment) -> tuple[Any, ...]:
    """What decides about the weights: equal keys, same parameters and data (see `keeps_weights`)."""
    network = experiment.network
    record, _ = activations.resolve(output_activation(experiment))
    # What the answers are scaled to is part of the data.
    scale = output_activation(experiment) if record.name == "scaled_sigmoid" else None
    return (
        experiment.data,
        tuple((view.shape, view.fan_in, view.start) for view in sketch(experiment).parameters),
        network.initializer,
        network.bias,
        network.seed,
        experiment.training.task,
        target_range(experiment),
        scale,
    )


def warnings(experiment: Experiment) -> list[str]:
    """What can be trained but probably isn't meant: one sentence each, with the usual choice."""
    task = TASKS[experiment.training.task]
    record, _ = activations.resolve(output_activation(experiment))
    loss = loss_of(experiment)
    layers = experiment.network.layers
    found = []
    if task.name == "multilabel" and record.name == "softmax":
        found.append(
            tr("Softmax outputs add up to 1, so two labels can never both be above 0.5; a sigmoid each fits several labels.")
        )
    if task.name == "multiclass" and record.name not in ("softmax", "sigmoid") and not loss.signed:
        found.append(
            tr("{title} outputs are no probabilities; softmax fits one class out of several.").format(title=record.title)
        )
    if task.name == "regression" and record.range != (-math.inf, math.inf) and record.name != "scaled_sigmoid":
        low, high = record.range
        reach = f"{low:g} … {high:g}" if math.isfinite(high) else tr("{low:g} and up").format(low=low)
        found.append(
            tr("{title} outputs stay within {reach}, so targets beyond can't be met; identity fits regression.").format(
                title=record.title, reach=reach
            )
        )
    if task.name == "bounded" and record.name != "scaled_sigmoid":
        found.append(tr("{title} outputs can leave the scale of the answers; a scaled sigmoid can't.").format(title=record.title))
    if task.classes and loss.name.endswith("squared_error") and record.name in ("sigmoid", "softmax"):
        found.append(
            tr("Squared error on {lower} outputs learns slowly where it is most wrong; cross-entropy fits classes.").format(
                lower=record.title.lower()
            )
        )
    flat = _all_layers(layers)
    if layers and not any(_bends(layer) for layer in flat):
        found.append(tr("Without an activation, all layers together are one linear layer: the boundary stays straight."))
    if experiment.training.batch_size == 1 and any(isinstance(layer, BatchNorm) and layer.trainable for layer in flat):
        found.append(tr("A batch of one row is its own mean, so BatchNorm makes zeros of it; take batches of 16 rows or more."))
    if layers and experiment.network.initializer in ("zeros", "ones"):
        found.append(
            tr(
                "From weights that are all {initializer} every neuron of a layer stays the same; draw them at random instead."
            ).format(initializer=experiment.network.initializer)
        )
    return found


def _all_layers(layers: tuple[Layer, ...]) -> list[Layer]:
    """The layers, and those within residual blocks."""
    return [inner for layer in layers for inner in (layer, *_all_layers(getattr(layer, "layers", ())))]


def _bends(layer: Layer) -> bool:
    """Whether a layer is more than a linear map when predicting."""
    return getattr(layer, "activation", "identity") != "identity" or isinstance(layer, (LayerNorm, MaxPool2D))
