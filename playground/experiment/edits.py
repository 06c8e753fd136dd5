"""Turns a wish of the user (other data, another loss, early stopping) into a whole experiment in which everything fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from playground.catalog import activations, losses
from playground.catalog.activations import ACTIVATIONS
from playground.catalog.features import FEATURES
from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS
from playground.catalog.tasks import TASKS
from playground.experiment.checking import checked, converted, plain
from playground.experiment.fields import size_field
from playground.experiment.paths import replaced, value_at
from playground.experiment.rules import default_loss, loss_of, output_activation
from playground.experiment.specs import EarlyStopping, Experiment, ExperimentError
from playground.network.layers import Residual
from playground.words import tr

# Share of the rows to watch when early stopping needs some and there are none.
USUAL_VALIDATION = 0.2


def with_optimizer(experiment: Experiment, name: str) -> Experiment:
    """Use another optimizer with its usual settings, at the same learning rate."""
    return with_optimizer_spec(experiment, OPTIMIZERS[name].spec())


def with_optimizer_spec(experiment: Experiment, optimizer: Any) -> Experiment:
    """Use an optimizer; one of another kind that comes with its usual rate takes over the rate that holds."""
    old = experiment.training.optimizer
    if type(optimizer) is not type(old) and optimizer.learning_rate == type(optimizer)().learning_rate:
        optimizer = replace(optimizer, learning_rate=old.learning_rate)
    return replace(experiment, training=replace(experiment.training, optimizer=optimizer))


def with_task(experiment: Experiment, task: str) -> Experiment:
    """Learn another kind of answer: a loss that does not fit it gives way to the task's usual one."""
    training = experiment.training
    loss = training.loss if task in loss_of(experiment).tasks else default_loss(task)
    # The output activation was chosen for the old task; the new one's usual choice is always right.
    output = experiment.network.output_activation if task == training.task else None
    changed = replace(
        experiment,
        network=replace(experiment.network, output_activation=output),
        training=replace(training, task=task, loss=loss),
    )
    return _without_needless(changed)


def with_loss(experiment: Experiment, loss: Any) -> Experiment:
    """Charge mistakes otherwise: an output activation that the loss can't work with gives way."""
    record, _ = losses.resolve(loss)
    output = experiment.network.output_activation
    if record.outputs and activations.resolve(output_activation(experiment))[0].name not in record.outputs:
        usual = TASKS[experiment.training.task].output_activation
        output = None if usual in record.outputs else record.outputs[0]
    changed = replace(
        experiment,
        network=replace(experiment.network, output_activation=output),
        training=replace(experiment.training, loss=loss),
    )
    return _without_needless(changed)


def with_output_activation(experiment: Experiment, activation: Any) -> Experiment:
    """End the network otherwise (None: as the task usually does): a loss that can't work with it gives way."""
    changed = replace(experiment, network=replace(experiment.network, output_activation=activation))
    name = activations.resolve(output_activation(changed))[0].name
    task, loss = changed.training.task, loss_of(changed)
    if loss.outputs and name not in loss.outputs:
        fitting = [
            known.name for known in LOSSES.values() if task in known.tasks and (not known.outputs or name in known.outputs)
        ]
        # What computes on the logits of just this activation goes first.
        fitting.sort(key=lambda known: name not in LOSSES[known].fused_with)
        changed = replace(changed, training=replace(changed.training, loss=fitting[0] if fitting else changed.training.loss))
    return _without_needless(changed)


def fitting_output_activations(experiment: Experiment) -> list[str]:
    """Names of the output activations that can be chosen now, in the catalog's order."""
    return [name for name in ACTIVATIONS if not refusal(with_output_activation(experiment, name))]


def with_early_stopping(experiment: Experiment, early_stopping: EarlyStopping | None) -> Experiment:
    """Stop early or not; what is watched for it must not be trained on, so some rows are kept back."""
    data = experiment.data
    if early_stopping is not None and not data.validation_fraction:
        data = replace(data, validation_fraction=USUAL_VALIDATION)
    return replace(experiment, data=data, training=replace(experiment.training, early_stopping=early_stopping))


def with_validation_fraction(experiment: Experiment, fraction: float) -> Experiment:
    """Keep rows back to watch; without any, early stopping has nothing to go by and is off."""
    training = experiment.training if fraction else replace(experiment.training, early_stopping=None)
    return replace(experiment, data=replace(experiment.data, validation_fraction=fraction), training=training)


def with_source(experiment: Experiment, source: Any, task: str) -> Experiment:
    """Learn from other data, whose usual task is ``task``."""
    return with_task(replace(experiment, data=replace(experiment.data, source=source)), task)


def with_activation(experiment: Experiment, activation: Any) -> Experiment:
    """Give every hidden layer whose activation is a choice of its own the same one."""
    return _with_layers(experiment, _activated(experiment.network.layers, activation))


def chosen_activations(layers: tuple[Any, ...]) -> list[Any]:
    """The activations that `with_activation` sets, first layer to last, those within skips as well."""
    found = []
    for layer in layers:
        found += chosen_activations(getattr(layer, "layers", ()))
        if _is_activated(layer):
            found.append(layer.activation)
    return found


def _activated(layers: tuple[Any, ...], activation: Any) -> tuple[Any, ...]:
    changed = []
    for layer in layers:
        if isinstance(layer, Residual):
            layer = replace(layer, layers=_activated(layer.layers, activation))
        changed.append(replace(layer, activation=activation) if _is_activated(layer) else layer)
    return tuple(changed)


def _is_activated(layer: Any) -> bool:
    """Whether a layer's activation is usually chosen: normalization and skips mostly end in none."""
    return size_field(layer) is not None and hasattr(layer, "activation")


def with_feature(experiment: Experiment, name: str, on: bool) -> Experiment:
    """Switch an input feature on or off, keeping the catalog's order; the last one stays on."""
    features = set(experiment.data.features) | {name} if on else set(experiment.data.features) - {name}
    kept = tuple(feature for feature in FEATURES if feature in features)
    return replace(experiment, data=replace(experiment.data, features=kept)) if kept else experiment


def with_seed(experiment: Experiment, seed: int) -> Experiment:
    """Draw the data, the initial weights and the order of training from the same seed."""
    return replace(
        experiment,
        data=replace(experiment.data, seed=seed),
        network=replace(experiment.network, seed=seed),
        training=replace(experiment.training, seed=seed),
    )


# Fields that can't change alone, and what changes with them.
RULES: dict[str, Callable[[Experiment, Any], Experiment]] = {
    "training.task": with_task,
    "training.loss": with_loss,
    "training.optimizer": with_optimizer_spec,
    "training.early_stopping": with_early_stopping,
    "data.validation_fraction": with_validation_fraction,
    "network.output_activation": with_output_activation,
}


def with_field(experiment: Experiment, path: str, value: Any) -> Experiment:
    """Set one field, named by its dotted path, and whatever has to change with it; not checked here.

    Raises
    ------
    ExperimentError
        If there is no such field.
    """
    rule = RULES.get(path)
    return rule(experiment, value) if rule is not None else replaced(experiment, path, value)


def set_field(experiment: Experiment, path: str, value: Any) -> Experiment:
    """Set one field by its path, as ``--set training.optimizer.learning_rate=0.01`` does.

    Where the experiment can't be with the new value alone, what has to change with it changes as in the window
    (`with_field`): another loss brings an output activation that it can work with.

    Parameters
    ----------
    path
        Field names joined by dots; list items by number: ``network.layers.0.units``.
    value
        A number or a list, also of NumPy; or text: JSON, or plain text where that isn't JSON. A name alone picks a choice
        with its defaults (``training.optimizer=sgd``).

    Raises
    ------
    ExperimentError
        If there is no such field or the value doesn't fit.
    """
    root = plain(experiment)
    old, value = value_at(root, path), _parsed(path, value) if isinstance(value, str) else plain(value, path)
    if isinstance(old, dict) and isinstance(value, str):
        value = {"type": value}
    wanted = converted(replaced(root, path, value))
    try:
        return checked(wanted)
    except ExperimentError:
        field = path.removesuffix(".type")
        mended = with_field(experiment, field, value_at(wanted, field))
        if refusal(mended):
            # What is wrong with the value itself, and not with what was tried in its favor.
            raise
        return checked(mended)


def _parsed(path: str, text: str) -> Any:
    """JSON, or the text itself where it is none."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ExperimentError(tr("{path}: the value is nested too deeply.").format(path=path)) from None
    except ValueError:
        return text


def refusal(experiment: Experiment) -> str:
    """Why an experiment can't be, in one sentence; empty if it can."""
    try:
        checked(experiment)
    except ExperimentError as error:
        return str(error)
    return ""


def _without_needless(experiment: Experiment) -> Experiment:
    """Drop what only makes sense for classes, or with a loss that knows probabilities, where it makes none."""
    training = experiment.training
    classes = TASKS[training.task].classes
    weights = training.class_weights if classes else None
    smoothing = training.label_smoothing if classes and not loss_of(experiment).signed else 0.0
    return replace(experiment, training=replace(training, class_weights=weights, label_smoothing=smoothing))


def _with_layers(experiment: Experiment, layers: tuple[Any, ...]) -> Experiment:
    return replace(experiment, network=replace(experiment.network, layers=layers))
