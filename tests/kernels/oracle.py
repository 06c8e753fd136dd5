"""Any network of the playground rebuilt in torch, layer by layer, and experiments and batches to compare on."""

from __future__ import annotations

import importlib
import itertools
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest

from playground.catalog import activations, losses
from playground.catalog.losses import LOSSES
from playground.catalog.tasks import TASKS
from playground.experiment import (
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    ExperimentError,
    Inputs,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    build_plan,
    checked,
    initial_parameters,
    output_activation,
    target_range,
)
from playground.kernels.dropping import drop_key, is_kept, threshold
from playground.network import table

HIDDEN = [name for name, record in activations.ACTIVATIONS.items() if record.hidden]
OUTPUTS = {"binary": 1, "multiclass": 3, "multilabel": 3, "regression": 2, "bounded": 2}
SOURCES = {
    "binary": SyntheticSource(name="circle"),
    "multiclass": BundledSource(name="iris"),
    "multilabel": BundledSource(name="multilabel"),
    "regression": BundledSource(name="linnerud"),
    "bounded": BundledSource(name="linnerud"),
}
DIGITS, RATINGS = BundledSource(name="digits"), BundledSource(name="ratings")
BACKENDS = ("reference", "cpu")


def needs(library):
    """Skips a module's tests one by one where an oracle isn't installed, so that their number is seen."""
    return pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is not installed, so nothing to compare with")


def optional(library):
    """The library, None where it isn't installed."""
    return importlib.import_module(library) if find_spec(library) else None


def load_backend(name):
    """A backend by name."""
    return importlib.import_module(f"playground.kernels.{name}.backend")


def make_experiment(task, loss=None, widths=(5, 4), activation="tanh", output=None, layers=None, source=None, **training):
    """A checked experiment of this shape; its data source only has to fit the task and the layers.

    Parameters
    ----------
    widths, activation
        Dense layers, where no ``layers`` are given.
    training
        Further fields of the training spec.
    """
    layers = tuple(Dense(units=units, activation=activation) for units in widths) if layers is None else layers
    return checked(
        Experiment(
            data=DataSpec(source=source or SOURCES[task]),
            network=NetworkSpec(layers=layers, output_activation=output),
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


def outputs_of(experiment):
    """How many outputs the network has here: as many as the task has, two for a yes or no with softmax."""
    task = experiment.training.task
    softmax = activations.resolve(output_activation(experiment))[0].name == "softmax"
    return 2 if task == "binary" and softmax else OUTPUTS[task]


def random_batch(experiment, rows, inputs, seed=0):
    """Random inputs, and targets as the task has them: float32 (rows, inputs) and (rows, outputs).

    Parameters
    ----------
    inputs
        Width, or `Inputs`; columns that name things hold whole numbers.
    """
    random = np.random.default_rng(seed)
    task, outputs = experiment.training.task, outputs_of(experiment)
    inputs = inputs if isinstance(inputs, Inputs) else Inputs(inputs)
    if inputs.categories:
        x = np.column_stack([random.integers(0, size, rows) for size in inputs.categories])
    else:
        x = random.normal(size=(rows, inputs.width))
    low, high = target_range(experiment)
    if task == "regression":
        t = random.normal(size=(rows, outputs))
    elif task == "bounded":
        t = random.random((rows, outputs))
    elif task == "multiclass" or outputs > OUTPUTS[task]:
        t = np.where(np.eye(outputs)[random.integers(0, outputs, rows)] > 0, high, low)
    else:
        t = np.where(random.random((rows, outputs)) < 0.5, high, low)
    return x.astype(np.float32), t.astype(np.float32)


def prepare(experiment, inputs, seed=0):
    """Plan and parameters, all of them random: also those that start at 0 or 1."""
    plan = build_plan(experiment, inputs, outputs_of(experiment))
    parameters = initial_parameters(experiment, plan)
    random = np.random.default_rng(seed)
    for view in plan.parameters:
        if view.is_statistic and view.start:
            view.of(parameters)[:] = random.uniform(0.5, 2.0, view.shape)
        elif not view.decays:
            view.of(parameters)[:] = (view.start or 0.0) + random.normal(scale=0.3, size=view.shape)
    return plan, parameters


def drop_masks(plan, seed, step, rows):
    """What each dropout layer keeps, as the kernels draw it: bool (rows, width) each, in the order of the layers."""
    masks = []
    for index, (row, settings) in enumerate(zip(plan.instructions, plan.settings, strict=True)):
        if row[table.OPERATION] == table.DROPOUT:
            width, least = int(row[table.INPUTS]), threshold(float(settings[table.SETTING]))
            kept = is_kept(drop_key(seed, step, index), np.arange(rows * width, dtype=np.int64), least)
            masks.append(kept.reshape(rows, width))
    return masks


@cache
def torch_activation(choice):
    """The same activation as a torch function; its parameter is a float32, as in a plan."""
    import torch
    from torch.nn import functional

    record, parameter = activations.resolve(choice)
    parameter = float(np.float32(parameter))
    own = {
        "softmax": lambda z: torch.softmax(z, dim=1),
        "leaky_relu": lambda z: functional.leaky_relu(z, parameter),
        "elu": lambda z: functional.elu(z, parameter),
        "sine": torch.sin,
    }
    return own[record.name] if record.name in own else getattr(torch.nn, record.torch)()


def torch_loss(experiment, logits, outputs, targets, weights=None):
    """The experiment's loss on torch tensors, by torch's own functions.

    Parameters
    ----------
    weights
        (rows, outputs): how much each row counts for each output; the mean is a weighted one then.
    """
    from torch.nn import functional

    record, parameter = losses.resolve(experiment.training.loss)
    head = activations.resolve(output_activation(experiment))[0].name
    if record.name == "categorical_cross_entropy":
        terms = functional.cross_entropy(logits, targets, reduction="none")
    elif record.name == "binary_cross_entropy" and head == "sigmoid":
        terms = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    elif record.name == "binary_cross_entropy":
        terms = functional.binary_cross_entropy(outputs, targets, reduction="none")
    elif record.name == "half_squared_error":
        terms = 0.5 * ((outputs - targets) ** 2).sum(dim=1)
    elif record.name == "mean_absolute_error":
        terms = functional.l1_loss(outputs, targets, reduction="none")
    elif record.name == "huber":
        terms = functional.huber_loss(outputs, targets, reduction="none", delta=float(np.float32(parameter)))
    elif record.name == "hinge":
        terms = functional.relu(1 - targets * outputs)
    else:
        terms = functional.mse_loss(outputs, targets, reduction="none")
    if weights is None:
        return terms.mean()
    own = weights[:, 0] if terms.ndim == 1 else weights
    if record.name == "half_squared_error":
        # Summed over outputs, each of which may count by another amount.
        terms, own = 0.5 * (outputs - targets) ** 2, weights
        return (terms * own).sum() / own.sum() * outputs.shape[1]
    return (terms * own).sum() / own.sum()


class TorchNetwork:
    """An experiment's network in torch, float64, from the plan's parameters by their names.

    Parameters
    ----------
    inputs
        Width, or `Inputs`, as the plan was built for.
    tensors
        Every parameter by name; running statistics don't require a gradient and move on in training.
    """

    def __init__(self, experiment, plan, parameters, inputs):
        import torch

        self.experiment, self.plan = experiment, plan
        self.inputs = inputs if isinstance(inputs, Inputs) else Inputs(inputs)
        self.tensors = {
            view.name: torch.from_numpy(np.array(view.of(parameters), np.float64)).requires_grad_(view.trainable)
            for view in plan.parameters
        }

    def logits(self, x, training=True, masks=()):
        """Weighted sums of the output layer, for a tensor (rows, inputs).

        Parameters
        ----------
        training
            Whether batch normalization looks at the batch (and moves its running statistics on), and dropout drops.
        masks
            What each dropout keeps; see `drop_masks`.
        """
        self._training, self._masks = training, iter(masks)
        layers = self.experiment.network.layers
        x = self._run(layers, x.reshape(len(x), *self.inputs.image) if self.inputs.image else x, "layers")
        return self._affine(x.reshape(len(x), -1), f"layers.{len(layers)}")

    def outputs(self, logits):
        """Outputs after the output activation."""
        return torch_activation(output_activation(self.experiment))(logits)

    def loss(self, x, t, training=True, masks=(), weights=None):
        """The experiment's mean loss of a batch, without penalties."""
        logits = self.logits(x, training, masks)
        return torch_loss(self.experiment, logits, self.outputs(logits), t, weights)

    def _run(self, layers, x, name):
        for number, layer in enumerate(layers):
            kind = str(layer.__struct_config__.tag)
            x = getattr(self, f"_{kind}")(layer, x, f"{name}.{number}")
            if hasattr(layer, "activation"):
                x = torch_activation(layer.activation)(x)
        return x

    def _affine(self, x, name):
        return x @ self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def _dense(self, layer, x, name):
        return self._affine(x.reshape(len(x), -1), name)

    def _flatten(self, layer, x, name):
        return x.reshape(len(x), -1)

    def _dropout(self, layer, x, name):
        import torch

        if not self._training:
            return x
        kept = torch.tensor(next(self._masks)).reshape(x.shape)
        return x * kept / (1 - float(np.float32(layer.rate)))

    def _batch_norm(self, layer, x, name):
        from torch.nn import functional

        own = (self.tensors[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        learns = self._training and layer.trainable
        settings = {"momentum": float(np.float32(layer.momentum)), "eps": float(np.float32(layer.epsilon))}
        return functional.batch_norm(x.reshape(-1, x.shape[-1]), *own, training=learns, **settings).reshape(x.shape)

    def _layer_norm(self, layer, x, name):
        from torch.nn import functional

        rows = x.reshape(len(x), -1)
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        eps = float(np.float32(layer.epsilon))
        return functional.layer_norm(rows, rows.shape[1:], weight, bias, eps).reshape(x.shape)

    def _conv2d(self, layer, x, name):
        from torch.nn import functional

        weight = self.tensors[f"{name}.weight"].reshape(layer.kernel, layer.kernel, x.shape[-1], layer.filters)
        images = functional.pad(x.permute(0, 3, 1, 2), _padding(layer, layer.kernel, x.shape))
        filters = weight.permute(3, 2, 0, 1).contiguous()
        found = functional.conv2d(images.contiguous(), filters, self.tensors[f"{name}.bias"], layer.stride)
        return found.permute(0, 2, 3, 1)

    def _max_pool2d(self, layer, x, name):
        from torch.nn import functional

        images = functional.pad(x.permute(0, 3, 1, 2), _padding(layer, layer.size, x.shape), value=-np.inf)
        return functional.max_pool2d(images, layer.size, layer.stride).permute(0, 2, 3, 1)

    def _average_pool2d(self, layer, x, name):
        import torch
        from torch.nn import functional

        # Padding doesn't count: sums of pixels over how many pixels there are.
        padding, images = _padding(layer, layer.size, x.shape), x.permute(0, 3, 1, 2)
        parts = [
            functional.avg_pool2d(functional.pad(part, padding), layer.size, layer.stride)
            for part in (images, torch.ones_like(images))
        ]
        return (parts[0] / parts[1]).permute(0, 2, 3, 1)

    def _embedding(self, layer, x, name):
        import torch
        from torch.nn import functional

        columns = range(x.shape[1])
        return torch.cat([functional.embedding(x[:, i].long(), self.tensors[f"{name}.table.{i}"]) for i in columns], dim=1)

    def _residual(self, layer, x, name):
        inner = self._run(layer.layers, x, f"{name}.layers")
        return x.reshape(inner.shape) + inner


def _padding(layer, window, shape):
    """Left, right, top, bottom: for 'same' as Keras has it, ⌈size / stride⌉ windows, the odd one to the right and below."""
    sides = []
    for size in (shape[2], shape[1]):
        total = max(0, (-(-size // layer.stride) - 1) * layer.stride + window - size) if layer.padding == "same" else 0
        sides += [total // 2, total - total // 2]
    return sides


def torch_gradients(experiment, plan, parameters, inputs, x, t, masks=(), weights=None):
    """Loss, outputs, and the gradient of every trainable parameter by its name, by torch's autograd in float64."""
    import torch

    network = TorchNetwork(experiment, plan, parameters, inputs)
    given = [torch.from_numpy(np.array(values, np.float64)) for values in (x, t)]
    weights = None if weights is None else torch.tensor(np.asarray(weights, np.float64))
    logits = network.logits(given[0], masks=masks)
    outputs = network.outputs(logits)
    loss = torch_loss(experiment, logits, outputs, given[1], weights)
    loss.backward()
    return (
        loss.item(),
        outputs.detach().numpy(),
        {name: tensor.grad.numpy() for name, tensor in network.tensors.items() if tensor.requires_grad},
    )
