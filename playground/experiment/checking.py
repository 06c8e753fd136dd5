"""Reading and checking experiments: JSON in and out, ranges, combinations, and sentences that say what would be right."""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import Any

import msgspec

from playground.catalog import activations, initializers
from playground.catalog.activations import ACTIVATIONS
from playground.catalog.datasets import DATASETS
from playground.catalog.features import FEATURES
from playground.catalog.initializers import INITIALIZERS
from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS
from playground.catalog.schedules import SCHEDULES
from playground.catalog.tasks import TASKS
from playground.experiment.rules import loss_of, output_activation, sketch
from playground.experiment.specs import (
    BundledSource,
    DataSpec,
    EarlyStopping,
    Experiment,
    ExperimentError,
    FileSource,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
)
from playground.network.layers import LAYERS


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
    structs: tuple[Any, ...] = (
        *(Experiment, DataSpec, NetworkSpec, TrainingSpec, EarlyStopping, SyntheticSource, BundledSource, FileSource),
        *LAYERS.values(),
        *(record.spec for record in OPTIMIZERS.values()),
        *(record.spec for record in SCHEDULES.values()),
    )
    for struct in structs:
        names.update(struct.__struct_fields__)
    return sorted(names - own)


def _choices(path: str) -> list[str]:
    """The names that a field with a fixed list of choices takes."""
    last = [part for part in path.split(".") if not part.isdigit()][-1:] or [""]
    if path.endswith("source.type"):
        return ["synthetic", "bundled", "file"]
    if path.endswith("optimizer.type"):
        return list(OPTIMIZERS)
    if path.endswith("schedule.type"):
        return list(SCHEDULES)
    if re.search(r"layers\.\d+\.type$", path):
        return list(LAYERS)
    table: dict[str, list[str]] = {
        "task": list(TASKS),
        "loss": list(LOSSES),
        "features": list(FEATURES),
        "initializer": list(INITIALIZERS),
        "activation": [name for name, record in ACTIVATIONS.items() if record.hidden],
        "output_activation": list(ACTIVATIONS),
        "name": list(DATASETS),
        "version": ["1"],
        "padding": ["same", "valid"],
        "class_weights": ["balanced"],
    }
    return table.get(last[0], [])


def _nearest(word: str, choices: list[str]) -> str:
    """``; did you mean 'tanh'?`` where a known name is close, else nothing."""
    close = difflib.get_close_matches(word, choices, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _check_combinations(experiment: Experiment) -> None:
    """Refuse what no single field shows: a task that the data don't pose, a loss that the outputs can't have."""
    source, task = experiment.data.source, TASKS[experiment.training.task]
    if not isinstance(source, FileSource):
        posed = TASKS[DATASETS[source.name].task]
        quantities = not posed.classes and not task.classes
        if posed != task and not quantities:
            raise ExperimentError(
                f"training.task: {source.name} poses a {posed.name} task, not {task.name}; set it to {posed.name!r}."
            )
    if len(set(experiment.data.features)) != len(experiment.data.features):
        raise ExperimentError("data.features: a feature is listed twice; list each once.")
    _check_head(experiment)
    _check_training(experiment)
    _, numbers = initializers.resolve(experiment.network.initializer)
    if isinstance(numbers, initializers.Uniform) and numbers.low > numbers.high:
        raise ExperimentError("network.initializer: low is above high; swap them.")
    sketch(experiment)


def _check_head(experiment: Experiment) -> None:
    """Output activation and loss must fit the task and each other."""
    task = TASKS[experiment.training.task]
    choice = output_activation(experiment)
    record, _ = activations.resolve(choice)
    loss = loss_of(experiment)
    if record.name == "softmax" and not task.classes:
        raise ExperimentError(
            f"network.output_activation: softmax divides one probability among classes; use {task.output_activation!r} for a "
            f"{task.name} task."
        )
    if record.name == "scaled_sigmoid":
        if task.classes:
            raise ExperimentError(
                f"network.output_activation: scaled_sigmoid is for quantities on a scale; use {task.output_activation!r} for a "
                f"{task.name} task."
            )
        if not isinstance(choice, str) and choice.low >= choice.high:  # type: ignore[attr-defined]
            raise ExperimentError("network.output_activation: low must be below high; swap them.")
    if task.name not in loss.tasks:
        fitting = ", ".join(name for name, other in LOSSES.items() if task.name in other.tasks)
        raise ExperimentError(f"training.loss: {loss.name} does not fit a {task.name} task; choose one of {fitting}.")
    if loss.outputs and record.name not in loss.outputs:
        raise ExperimentError(
            f"training.loss: {loss.name} needs {' or '.join(loss.outputs)} outputs, not {record.name}; "
            f"change the loss or network.output_activation."
        )


def _check_training(experiment: Experiment) -> None:
    """What only makes sense for classes, or with rows kept back."""
    training, task = experiment.training, TASKS[experiment.training.task]
    if training.class_weights is not None and not task.classes:
        raise ExperimentError(f"training.class_weights: a {task.name} task has no classes to weigh; remove it.")
    if training.label_smoothing and (not task.classes or loss_of(experiment).signed):
        what = f"a {task.name} task has no classes" if not task.classes else f"{loss_of(experiment).name} only asks for the side"
        raise ExperimentError(f"training.label_smoothing: {what}, so there is nothing to smooth; set it to 0.")
    if training.early_stopping is not None and not experiment.data.validation_fraction:
        raise ExperimentError(
            "training.early_stopping: it needs rows to watch that are neither trained nor tested on; "
            "set data.validation_fraction, such as 0.2."
        )
