"""Turns a wish of the user (other data, one more layer) into a whole experiment in which everything fits."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS
from playground.experiment import Dense, Experiment, default_loss


def with_optimizer(experiment: Experiment, name: str) -> Experiment:
    """Use another optimizer with its usual settings, at the same learning rate."""
    rate = experiment.training.optimizer.learning_rate
    optimizer = OPTIMIZERS[name].spec(learning_rate=rate)
    return replace(experiment, training=replace(experiment.training, optimizer=optimizer))


def with_task(experiment: Experiment, task: str) -> Experiment:
    """Learn another kind of answer: a loss that does not fit it gives way to the task's usual one."""
    training = experiment.training
    loss = training.loss if task in LOSSES[training.loss].tasks else default_loss(task)
    # The output activation was chosen for the old task; the new one's usual choice is always right.
    output = experiment.network.output_activation if task == training.task else None
    return replace(
        experiment,
        network=replace(experiment.network, output_activation=output),
        training=replace(training, task=task, loss=loss),
    )


def with_source(experiment: Experiment, source: Any, task: str) -> Experiment:
    """Learn from other data, whose usual task is ``task``."""
    return with_task(replace(experiment, data=replace(experiment.data, source=source)), task)


def with_activation(experiment: Experiment, activation: Any) -> Experiment:
    """Give every hidden layer the same activation."""
    layers = tuple(replace(layer, activation=activation) for layer in experiment.network.layers)
    return _with_layers(experiment, layers)


def with_layer(experiment: Experiment, position: int, units: int | None = None) -> Experiment:
    """Insert a hidden layer before ``position``, like its neighbor on the left (or the first one)."""
    layers = experiment.network.layers
    neighbor = layers[max(position - 1, 0)] if layers else Dense(units=4, activation="tanh")
    new = replace(neighbor, units=units if units is not None else neighbor.units)
    return _with_layers(experiment, (*layers[:position], new, *layers[position:]))


def without_layer(experiment: Experiment, position: int) -> Experiment:
    """Take the hidden layer at ``position`` out."""
    layers = experiment.network.layers
    return _with_layers(experiment, (*layers[:position], *layers[position + 1 :]))


def with_layer_moved(experiment: Experiment, start: int, end: int) -> Experiment:
    """Put the hidden layer at ``start`` where it becomes number ``end``."""
    layers = list(experiment.network.layers)
    layers.insert(end, layers.pop(start))
    return _with_layers(experiment, tuple(layers))


def with_feature(experiment: Experiment, name: str, on: bool, order: tuple[str, ...]) -> Experiment:
    """Switch an input feature on or off, keeping the catalog's order; the last one stays on."""
    features = set(experiment.data.features) | {name} if on else set(experiment.data.features) - {name}
    kept = tuple(feature for feature in order if feature in features)
    return replace(experiment, data=replace(experiment.data, features=kept)) if kept else experiment


def _with_layers(experiment: Experiment, layers: tuple[Dense, ...]) -> Experiment:
    return replace(experiment, network=replace(experiment.network, layers=layers))
