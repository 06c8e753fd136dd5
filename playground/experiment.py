"""The Experiment: one frozen value that says everything that is to be trained; its file, schema and rules."""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import msgspec
import numpy as np
from numpy.typing import NDArray

from playground.catalog import activations, initializers
from playground.catalog.activations import ACTIVATIONS
from playground.catalog.initializers import INITIALIZERS
from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS, SGD, Adam, Momentum, Optimizer
from playground.catalog.tasks import TASKS
from playground.network.layers import Dense, OutputActivationChoice
from playground.network.parameters import initialize
from playground.network.plan import Plan, plan_network

__all__ = [
    "SGD",
    "Adam",
    "BundledSource",
    "DataSpec",
    "Dense",
    "Experiment",
    "ExperimentError",
    "FileSource",
    "Momentum",
    "NetworkSpec",
    "SyntheticSource",
    "TrainingSpec",
    "build_plan",
    "checked",
    "decode",
    "default_loss",
    "encode",
    "initial_parameters",
    "keeps_weights",
    "output_activation",
    "schema",
    "set_field",
    "target_range",
    "warnings",
    "weights_key",
]

# The task that each set poses; a source and a task that don't go together are refused.
SYNTHETIC_TASKS = {
    "circle": "binary",
    "xor": "binary",
    "gauss": "binary",
    "spiral": "binary",
    "moons": "binary",
    "rings": "binary",
    "checkerboard": "binary",
    "plane": "regression",
    "multi_gauss": "regression",
}
BUNDLED_TASKS = {
    "breast_cancer": "binary",
    "iris": "multiclass",
    "wine": "multiclass",
    "digits": "multiclass",
    "diabetes": "regression",
    "linnerud": "regression",
    "multilabel": "multilabel",
}
FEATURES = ("x1", "x2", "x1_squared", "x2_squared", "x1_times_x2", "sin_x1", "sin_x2")

_NAMED_INITIALIZERS = tuple(INITIALIZERS)
_INITIALIZER_SPECS = tuple(record.spec for record in INITIALIZERS.values() if record.spec is not None)

if TYPE_CHECKING:
    InitializerChoice = str | msgspec.Struct
    OptimizerChoice = Optimizer
    TaskName = str
    LossName = str
    SyntheticName = str
    BundledName = str
    FeatureName = str
else:
    InitializerChoice = Union[(Literal[_NAMED_INITIALIZERS], *_INITIALIZER_SPECS)]
    OptimizerChoice = Union[tuple(record.spec for record in OPTIMIZERS.values())]  # noqa: UP007
    TaskName = Literal[tuple(TASKS)]
    LossName = Literal[tuple(LOSSES)]
    SyntheticName = Literal[tuple(SYNTHETIC_TASKS)]
    BundledName = Literal[tuple(BUNDLED_TASKS)]
    FeatureName = Literal[FEATURES]

Seed = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class ExperimentError(ValueError):
    """An experiment that can't be; the message names the field and says what would be right."""


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all specs: frozen, and strict about unknown fields."""


class SyntheticSource(Spec, frozen=True, kw_only=True, tag_field="type", tag="synthetic"):
    """Points in the plane, drawn by a rule."""

    name: SyntheticName
    samples: Annotated[int, msgspec.Meta(ge=10, le=100_000, description="How many points are drawn.")] = 500
    noise: Annotated[float, msgspec.Meta(ge=0, le=100, description="How much chance is mixed in, in percent.")] = 0.0


class BundledSource(Spec, frozen=True, kw_only=True, tag_field="type", tag="bundled"):
    """A real data set that comes with the program."""

    name: BundledName


class FileSource(Spec, frozen=True, kw_only=True, tag_field="type", tag="file"):
    """A table in a file: a header, a row per example, a column or more to predict."""

    path: Annotated[str, msgspec.Meta(min_length=1, description="The table's file.")]
    targets: Annotated[tuple[str, ...], msgspec.Meta(description="Columns to predict; none means the last.")] = ()
    ignore: Annotated[tuple[str, ...], msgspec.Meta(description="Columns to leave out.")] = ()


class DataSpec(Spec, frozen=True, kw_only=True):
    """What is learned from."""

    source: SyntheticSource | BundledSource | FileSource
    features: Annotated[
        tuple[FeatureName, ...], msgspec.Meta(min_length=1, description="Inputs computed from a point of the plane.")
    ] = ("x1", "x2")
    test_fraction: Annotated[
        float, msgspec.Meta(ge=0, le=0.9, description="Share of the rows kept back to test on; never trained on.")
    ] = 0.3
    standardize: Annotated[
        bool, msgspec.Meta(description="Shift and scale each input (and regression target) to mean 0, deviation 1.")
    ] = True
    seed: Annotated[Seed, msgspec.Meta(description="Draws synthetic points and the split into training and test.")] = 0


class NetworkSpec(Spec, frozen=True, kw_only=True):
    """What learns: the hidden layers; the output layer follows from task and data."""

    layers: Annotated[tuple[Dense, ...], msgspec.Meta(max_length=64, description="The hidden layers, first to last.")] = (
        Dense(units=8),
    )
    initializer: InitializerChoice = "glorot_uniform"
    bias: Annotated[float, msgspec.Meta(ge=-100, le=100, description="Every bias at the start.")] = 0.0
    output_activation: OutputActivationChoice | None = None
    seed: Annotated[Seed, msgspec.Meta(description="Draws the initial weights.")] = 0


class TrainingSpec(Spec, frozen=True, kw_only=True):
    """How it learns."""

    task: TaskName
    loss: LossName
    optimizer: OptimizerChoice = Adam()
    l1: Annotated[float, msgspec.Meta(ge=0, le=10, description="Pulls weights to exactly zero; acts on weights only.")] = 0.0
    l2: Annotated[float, msgspec.Meta(ge=0, le=10, description="Keeps weights small; acts on weights only.")] = 0.0
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=65_536, description="Rows per training step.")] = 32
    epochs: Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="Where training first stops.")] = 100
    seed: Annotated[Seed, msgspec.Meta(description="Shuffles the rows.")] = 0


class Experiment(Spec, frozen=True, kw_only=True):
    """Everything that is to be trained: data, network and training."""

    version: Literal[1] = 1
    name: Annotated[str, msgspec.Meta(max_length=200, description="A name for people.")] = "Untitled"
    data: DataSpec
    network: NetworkSpec
    training: TrainingSpec


def output_activation(experiment: Experiment) -> str | msgspec.Struct:
    """The output layer's activation: what ``network.output_activation`` says, or else what fits the task."""
    return experiment.network.output_activation or TASKS[experiment.training.task].output_activation


def build_plan(experiment: Experiment, inputs: int, outputs: int) -> Plan:
    """The experiment's network as instructions, for data with that many inputs and targets per row."""
    network, training = experiment.network, experiment.training
    return plan_network(network.layers, output_activation(experiment), training.loss, inputs, outputs)


def initial_parameters(experiment: Experiment, plan: Plan) -> NDArray[np.float32]:
    """The weights and biases that the experiment's network starts from: float32, flat, in the plan's layout."""
    network = experiment.network
    return initialize(plan.parameters, plan.parameter_size, network.initializer, network.bias, network.seed)


def target_range(experiment: Experiment) -> tuple[float, float]:
    """Targets of a class that does not and does hold: (−1, 1) for an output in −1 … 1 such as tanh, else (0, 1)."""
    record, _ = activations.resolve(output_activation(experiment))
    return (-1.0, 1.0) if record.range == (-1.0, 1.0) else (0.0, 1.0)


def default_loss(task: str) -> str:
    """Name of the loss that fits a task."""
    return TASKS[task].loss


def checked(experiment: Experiment) -> Experiment:
    """Return the experiment if it can be trained; every edit goes through here.

    Constructors and ``structs.replace`` accept anything, so the whole value is checked again: types, ranges, finite
    numbers, and combinations that make no sense.

    Raises
    ------
    ExperimentError
        One sentence with the field's path and what would be right.
    """
    return _from_builtins(msgspec.to_builtins(experiment))


def decode(data: bytes | str) -> Experiment:
    """Read an experiment from its JSON.

    Raises
    ------
    ExperimentError
        If it isn't JSON, or not an experiment that can be trained.
    """
    try:
        # json instead of msgspec: it names line and column, which people need to mend a file by hand.
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        return _from_builtins(json.loads(text))
    except UnicodeDecodeError as error:
        raise ExperimentError(f"it isn't UTF-8 text (byte {error.start + 1}); save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ExperimentError(
            f"it isn't JSON: {error.msg[:1].lower()}{error.msg[1:]} in line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise ExperimentError("it is nested too deeply to be an experiment.") from None


def encode(experiment: Experiment) -> bytes:
    """The experiment as JSON, UTF-8, indented for people."""
    return msgspec.json.format(msgspec.json.encode(experiment), indent=2) + b"\n"


def schema() -> dict[str, Any]:
    """JSON Schema of the experiment file."""
    return msgspec.json.schema(Experiment)


def keeps_weights(old: Experiment, new: Experiment) -> bool:
    """Whether a run of ``old`` goes on with its weights as ``new``.

    True exactly when the parameters' layout, where they start from, and the data stay as they are; then only how
    learning goes on changes (rate, loss, optimizer, batch size, activations, …).
    """
    return weights_key(old) == weights_key(new)


def weights_key(experiment: Experiment) -> tuple[Any, ...]:
    """What decides about the weights: equal keys, same parameters and data (see `keeps_weights`)."""
    network = experiment.network
    return (
        experiment.data,
        tuple(layer.units for layer in network.layers),
        network.initializer,
        network.bias,
        network.seed,
        experiment.training.task,
        target_range(experiment),
    )


def warnings(experiment: Experiment) -> list[str]:
    """What can be trained but probably isn't meant: one sentence each, with the usual choice."""
    task = TASKS[experiment.training.task]
    record, _ = activations.resolve(output_activation(experiment))
    loss = LOSSES[experiment.training.loss]
    found = []
    if task.name == "multilabel" and record.name == "softmax":
        found.append("Softmax outputs add up to 1, so two labels can never both be likely; a sigmoid each fits several labels.")
    if task.name == "multiclass" and record.name not in ("softmax", "sigmoid"):
        found.append(f"{record.title} outputs are no probabilities; softmax fits one class out of several.")
    if task.name == "regression" and record.range != (-math.inf, math.inf):
        low, high = record.range
        reach = f"{low:g} … {high:g}" if math.isfinite(high) else f"{low:g} and up"
        found.append(f"{record.title} outputs stay within {reach}, so targets beyond can't be met; identity fits regression.")
    if task.classes and loss.name.endswith("squared_error") and record.name in ("sigmoid", "softmax"):
        found.append(
            f"Squared error on {record.title.lower()} outputs learns slowly where it is most wrong; cross-entropy fits classes."
        )
    if experiment.network.layers and all(layer.activation == "identity" for layer in experiment.network.layers):
        found.append("Without an activation, all layers together are one linear layer: the boundary stays straight.")
    if len(experiment.network.layers) > 0 and experiment.network.initializer == "zeros":
        found.append("From all-zero weights every neuron of a layer stays the same; draw them at random instead.")
    return found


def set_field(experiment: Experiment, path: str, value: str) -> Experiment:
    """Set one field by its path, as ``--set training.optimizer.learning_rate=0.01`` does.

    Parameters
    ----------
    path
        Field names joined by dots; list items by number: ``network.layers.0.units``.
    value
        JSON, or plain text where that isn't JSON. A name alone picks a choice with its defaults
        (``training.optimizer=sgd``).

    Raises
    ------
    ExperimentError
        If there is no such field or the value doesn't fit.
    """
    root = msgspec.to_builtins(experiment)
    try:
        parsed = json.loads(value)
    except RecursionError:
        raise ExperimentError(f"{path}: the value is nested too deeply.") from None
    except ValueError:
        parsed = value
    holder: Any = root
    *parents, last = path.split(".")
    for depth, part in enumerate([*parents, last]):
        if isinstance(holder, (list, tuple)):
            if not part.isdecimal() or int(part) >= len(holder):
                raise ExperimentError(f"{path}: there is no item {part!r}; there are {len(holder)}, counted from 0.")
        elif not isinstance(holder, dict):
            raise ExperimentError(f"{path}: {'.'.join(path.split('.')[:depth])} has no fields to set.")
        elif part not in holder:
            raise ExperimentError(f"{path}: there is no field {part!r}{_nearest(part, list(holder))}.")
        if depth < len(parents):
            key = int(part) if isinstance(holder, (list, tuple)) else part
            if isinstance(holder[key], tuple):
                holder[key] = list(holder[key])
            holder = holder[key]
    key = int(last) if isinstance(holder, list) else last
    if isinstance(holder[key], dict) and isinstance(parsed, str):
        parsed = {"type": parsed}
    holder[key] = parsed
    return _from_builtins(root)


def _from_builtins(value: Any) -> Experiment:
    """Turn plain dicts and lists into a checked Experiment."""
    if not isinstance(value, dict):
        raise ExperimentError("it isn't an experiment: a JSON object with data, network and training is expected.")
    _refuse_unstorable(value, "")
    try:
        experiment = msgspec.convert(value, Experiment)
    except msgspec.ValidationError as error:
        raise ExperimentError(_sentence(str(error), value)) from None
    except RecursionError:
        raise ExperimentError("it is nested too deeply to be an experiment.") from None
    _check_combinations(experiment)
    return experiment


def _refuse_unstorable(value: Any, path: str) -> None:
    """msgspec lets NaN and infinity pass every range, and text that isn't Unicode; a spec must not hold them."""
    if isinstance(value, str) and not value.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ExperimentError(f"{path}: the text holds half of a character, which no file can store; write it anew.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExperimentError(f"{path}: {value} is not a number that can be used; give a finite one.")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_unstorable(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _refuse_unstorable(item, f"{path}.{index}")


def _sentence(message: str, root: Any) -> str:
    """Rewrite msgspec's message: the field's path first, then what would be right."""
    text, _, place = message.partition(" - at `")
    path = re.sub(r"\[(\d+)\]", r".\1", place.rstrip("`").removeprefix("$").removeprefix("."))
    at = f"{path}: " if path else ""
    given = _value_at(root, path)
    unknown = re.search(r"unknown field `(.*)`", text)
    if unknown:
        return f"{at}there is no field {unknown[1]!r}{_nearest(unknown[1], _fields_near(given))}."
    missing = re.search(r"missing required field `(.*)`", text)
    if missing:
        return f"{at}the field {missing[1]!r} is missing; add it."
    if "Invalid enum value" in text or "Invalid value" in text:
        choices = _choices(path)
        if given in choices:
            return f"{at}{given!r} doesn't go with the other fields beside it; change those first, such as the type."
        allowed = f"; choose one of {', '.join(choices)}" if choices else ""
        return f"{at}{given!r} is not a choice{_nearest(str(given), choices)}{allowed}."
    expected = text.replace("`", "").replace("Expected ", "").replace(", got ", ", not ")
    shown = f"{given!r}" if isinstance(given, (int, float, str, bool)) or given is None else "that value"
    return f"{at}{shown} doesn't fit: expected {expected}."


def _value_at(root: Any, path: str) -> Any:
    """The value in nested dicts and lists that a dotted path names; None if there is none."""
    for part in filter(None, path.split(".")):
        try:
            root = root[int(part)] if isinstance(root, (list, tuple)) else root[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return root


def _fields_near(given: Any) -> list[str]:
    """Field names of the struct that a wrong object was meant to be: all names used anywhere in an experiment."""
    own = set(given) if isinstance(given, dict) else set()
    names: set[str] = set()
    for struct in (Experiment, DataSpec, NetworkSpec, TrainingSpec, Dense, SyntheticSource, BundledSource, FileSource):
        names.update(struct.__struct_fields__)
    for record in OPTIMIZERS.values():
        names.update(record.spec.__struct_fields__)
    return sorted(names - own)


def _choices(path: str) -> list[str]:
    """The names that a field with a fixed list of choices takes."""
    last = [part for part in path.split(".") if not part.isdigit()][-1:] or [""]
    if path.endswith("source.type"):
        return ["synthetic", "bundled", "file"]
    if path.endswith("optimizer.type"):
        return list(OPTIMIZERS)
    table: dict[str, list[str]] = {
        "task": list(TASKS),
        "loss": list(LOSSES),
        "features": list(FEATURES),
        "initializer": list(INITIALIZERS),
        "activation": [name for name, record in ACTIVATIONS.items() if record.hidden],
        "output_activation": list(ACTIVATIONS),
        "name": [*SYNTHETIC_TASKS, *BUNDLED_TASKS],
        "version": ["1"],
    }
    return table.get(last[0], [])


def _nearest(word: str, choices: list[str]) -> str:
    """``; did you mean 'tanh'?`` where a known name is close, else nothing."""
    close = difflib.get_close_matches(word, choices, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _check_combinations(experiment: Experiment) -> None:
    """Refuse what no single field shows: a task that the data don't pose, a loss that the outputs can't have."""
    source, task = experiment.data.source, TASKS[experiment.training.task]
    posed = {**SYNTHETIC_TASKS, **BUNDLED_TASKS}.get(source.name) if not isinstance(source, FileSource) else task.name
    if posed != task.name:
        raise ExperimentError(f"training.task: {source.name} poses a {posed} task, not {task.name}; set it to {posed!r}.")  # type: ignore[union-attr]
    if len(set(experiment.data.features)) != len(experiment.data.features):
        raise ExperimentError("data.features: a feature is listed twice; list each once.")
    record, _ = activations.resolve(output_activation(experiment))
    if task.name == "binary" and record.name == "softmax":
        raise ExperimentError(
            "network.output_activation: softmax of a single output is always 1; use 'sigmoid' for a binary task."
        )
    loss = LOSSES[experiment.training.loss]
    if task.name not in loss.tasks:
        fitting = ", ".join(name for name, other in LOSSES.items() if task.name in other.tasks)
        raise ExperimentError(f"training.loss: {loss.name} does not fit a {task.name} task; choose one of {fitting}.")
    if loss.outputs and record.name not in loss.outputs:
        raise ExperimentError(
            f"training.loss: {loss.name} needs {' or '.join(loss.outputs)} outputs, not {record.name}; "
            f"change the loss or network.output_activation."
        )
    _, numbers = initializers.resolve(experiment.network.initializer)
    if isinstance(numbers, initializers.Uniform) and numbers.low > numbers.high:
        raise ExperimentError("network.initializer: low is above high; swap them.")
