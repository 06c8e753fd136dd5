"""A network of the playground rebuilt in torch, and random networks to compare on."""

from __future__ import annotations

import itertools

import numpy as np

from playground.catalog import activations
from playground.catalog.losses import LOSSES
from playground.catalog.tasks import TASKS
from playground.experiment import (
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    ExperimentError,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    checked,
    output_activation,
    target_range,
)

HIDDEN = [name for name, record in activations.ACTIVATIONS.items() if record.hidden]
OUTPUTS = {"binary": 1, "multiclass": 3, "multilabel": 3, "regression": 2}
SOURCES = {
    "binary": SyntheticSource(name="circle"),
    "multiclass": BundledSource(name="iris"),
    "multilabel": BundledSource(name="multilabel"),
    "regression": BundledSource(name="linnerud"),
}


def make_experiment(task, loss=None, widths=(5, 4), activation="tanh", output=None, **training):
    """A checked experiment of this shape; its data source only has to fit the task."""
    return checked(
        Experiment(
            data=DataSpec(source=SOURCES[task]),
            network=NetworkSpec(
                layers=tuple(Dense(units=units, activation=activation) for units in widths), output_activation=output
            ),
            training=TrainingSpec(task=task, loss=loss or TASKS[task].loss, **training),
        )
    )


def all_heads():
    """Every task, loss and output activation that go together."""
    for task, loss, output in itertools.product(TASKS, LOSSES, activations.ACTIVATIONS):
        try:
            make_experiment(task, loss, output=output)
        except ExperimentError:
            continue
        yield task, loss, output


def random_batch(experiment, rows, inputs, seed=0):
    """Random inputs, and targets as the task has them: float32 (rows, inputs) and (rows, outputs)."""
    random = np.random.default_rng(seed)
    task = experiment.training.task
    outputs = OUTPUTS[task]
    x = random.normal(size=(rows, inputs)).astype(np.float32)
    low, high = target_range(experiment)
    if task == "regression":
        t = random.normal(size=(rows, outputs))
    elif task == "multiclass":
        t = np.where(np.eye(outputs)[random.integers(0, outputs, rows)] > 0, high, low)
    else:
        t = np.where(random.random((rows, outputs)) < 0.5, high, low)
    return x, t.astype(np.float32)


def torch_activation(choice):
    """The same activation as a torch function."""
    import torch

    record, parameter = activations.resolve(choice)
    if record.name == "softmax":
        return lambda z: torch.softmax(z, dim=1)
    if record.name == "leaky_relu":
        return lambda z: torch.nn.functional.leaky_relu(z, parameter)
    return getattr(torch.nn, record.torch)()


def torch_loss(experiment, logits, outputs, targets):
    """The experiment's loss on torch tensors, by torch's own functions."""
    from torch.nn import functional

    name = experiment.training.loss
    head = activations.resolve(output_activation(experiment))[0].name
    if name == "categorical_cross_entropy":
        return functional.cross_entropy(logits, targets)
    if name == "binary_cross_entropy" and head == "sigmoid":
        return functional.binary_cross_entropy_with_logits(logits, targets)
    if name == "binary_cross_entropy":
        return functional.binary_cross_entropy(outputs, targets)
    if name == "half_squared_error":
        return 0.5 * ((outputs - targets) ** 2).sum(dim=1).mean()
    return functional.mse_loss(outputs, targets)


def torch_gradients(experiment, plan, parameters, x, t):
    """Loss and gradient of every parameter by torch's autograd in float64: ``(loss, {name: array})``."""
    import torch

    tensors = {view.name: torch.tensor(np.array(view.of(parameters), np.float64), requires_grad=True) for view in plan.parameters}
    values = torch.tensor(np.asarray(x, np.float64))
    choices = [layer.activation for layer in experiment.network.layers]
    for layer, choice in enumerate(choices):
        z = values @ tensors[f"layers.{layer}.weight"] + tensors[f"layers.{layer}.bias"]
        values = torch_activation(choice)(z)
    last = len(choices)
    logits = values @ tensors[f"layers.{last}.weight"] + tensors[f"layers.{last}.bias"]
    outputs = torch_activation(output_activation(experiment))(logits)
    loss = torch_loss(experiment, logits, outputs, torch.tensor(np.asarray(t, np.float64)))
    loss.backward()
    return loss.item(), {name: tensor.grad.numpy() for name, tensor in tensors.items()}
