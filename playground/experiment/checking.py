"""Reading and checking experiments: JSON in and out, ranges, combinations, and sentences that say what would be right."""

from __future__ import annotations

import json
import math
import numbers
import re
from typing import Any

import msgspec

from playground.catalog import activations, initializers
from playground.catalog.datasets import DATASETS
from playground.catalog.losses import LOSSES
from playground.catalog.tasks import TASKS
from playground.experiment.fields import field_names_at, names_at
from playground.experiment.paths import fields_of, nearest, value_at
from playground.experiment.rules import loss_of, output_activation, sketch
from playground.experiment.specs import VERSION, Experiment, ExperimentError, FileSource, NewerVersionError
from playground.words import Choices, tr

# Blocks within blocks: deeper than any network that is drawn.
DEEPEST = 64
# Of a whole number in a file; seeds, the longest there are, have ten.
MOST_DIGITS = 400


def checked(experiment: Experiment) -> Experiment:
    """Return the experiment if it can be trained; every edit goes through here.

    Constructors and ``structs.replace`` accept anything, so the whole value is checked again: types, ranges, finite
    numbers, and combinations that make no sense. Numbers of NumPy are Python's own in what is returned.

    Raises
    ------
    ExperimentError
        One sentence with the field's path and what would be right.
    """
    return _from_builtins(plain(experiment))


def decode(data: bytes | str) -> Experiment:
    """Read an experiment from its JSON.

    Raises
    ------
    ExperimentError
        If it isn't JSON, or not an experiment that can be trained; a `NewerVersionError` if a newer program made it.
    """
    try:
        # json instead of msgspec: it names line and column, which people need to mend a file by hand.
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        value = json.loads(text, parse_int=_whole, object_pairs_hook=_object)
        version = value.get("version") if isinstance(value, dict) else None
        # Asked first: whatever else is unknown in such a file is not a mistake of its author.
        if type(version) is int and version > VERSION:
            raise NewerVersionError(version)
        return _from_builtins(value)
    except UnicodeDecodeError as error:
        raise ExperimentError(tr("it isn't UTF-8 text (byte {start}); save it as UTF-8.").format(start=error.start + 1)) from None
    except json.JSONDecodeError as error:
        raise ExperimentError(
            tr("it isn't JSON: {problem} in line {line}, column {column}.").format(
                problem=error.msg[:1].lower() + error.msg[1:], line=error.lineno, column=error.colno
            )
        ) from None
    except RecursionError:
        raise ExperimentError(tr("it is nested too deeply to be an experiment.")) from None


def _whole(digits: str) -> int:
    """A whole number of a file; Python reads none of more than 4,300 digits, and no field takes a tenth of that."""
    if len(digits) > MOST_DIGITS:
        raise ExperimentError(
            tr("it holds a number of {count:,} digits, and no field takes one; give a smaller one.").format(count=len(digits))
        )
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a file; of two fields of one name nobody could tell which is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ExperimentError(tr("the field {name!r} is there twice; remove one.").format(name=twice))
    return found


def encode(experiment: Experiment) -> bytes:
    """The experiment as JSON, UTF-8, indented for people."""
    return msgspec.json.format(msgspec.json.encode(plain(experiment)), indent=2) + b"\n"


def plain(value: Any, path: str = "") -> Any:
    """A spec, or any value of one, as dicts, lists, text, and Python's own numbers; arrays and numbers of NumPy as well.

    Parameters
    ----------
    path
        Where it stands in an experiment.

    Raises
    ------
    ExperimentError
        If it holds something that is none of these: one sentence with the field's path.
    """
    try:
        return msgspec.to_builtins(value, enc_hook=_as_pythons_own)
    except TypeError:
        fields = fields_of(value)
        items = fields.items() if fields is not None else enumerate(value) if isinstance(value, (list, tuple)) else ()
        for name, item in items:
            plain(item, f"{path}.{name}" if path else str(name))
        raise ExperimentError(
            tr("{at}a value of type {kind} can't be used; give a number, text or a list.").format(
                at=f"{path}: " if path else "", kind=type(value).__name__
            )
        ) from None


def _as_pythons_own(value: Any) -> Any:
    """What msgspec doesn't know: arrays as lists, numbers that keep to Python's rules as Python's own."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, numbers.Real) and not isinstance(value, (int, float)):
        # Long doubles stay what they are in tolist.
        return float(value)
    if type(value) in (bool, int, float, str, list, type(None)):
        return value
    raise TypeError


def schema() -> dict[str, Any]:
    """JSON Schema of the experiment file."""
    return msgspec.json.schema(Experiment)


def converted(value: Any) -> Experiment:
    """Plain dicts and lists as an Experiment whose fields are each what they may be; whether they go together isn't asked.

    Raises
    ------
    ExperimentError
        One sentence with the field's path and what would be right.
    """
    if not isinstance(value, dict):
        raise ExperimentError(tr("it isn't an experiment: a JSON object with data, network and training is expected."))
    try:
        _refuse_unstorable(value, "")
        return msgspec.convert(value, Experiment)
    except msgspec.ValidationError as error:
        raise ExperimentError(_sentence(str(error), value)) from None
    except RecursionError:
        raise ExperimentError(tr("it is nested too deeply to be an experiment.")) from None


def _from_builtins(value: Any) -> Experiment:
    """Turn plain dicts and lists into a checked Experiment."""
    experiment = converted(value)
    _check_combinations(experiment)
    return experiment


def _refuse_unstorable(value: Any, path: str) -> None:
    """msgspec lets NaN and infinity pass every range, and text that isn't Unicode; a spec must not hold them."""
    if isinstance(value, str) and _is_torn(value):
        raise ExperimentError(
            tr("{path}: the text holds half of a character, which no file can store; write it anew.").format(path=path)
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ExperimentError(
            tr("{path}: {value} is not a number that can be used; give a finite one.").format(path=path, value=value)
        )
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str) and _is_torn(key):
                raise ExperimentError(
                    tr("{at}the field {name!r} holds half of a character, which no name here has; remove it.").format(
                        at=f"{path}: " if path else "", name=key
                    )
                )
            _refuse_unstorable(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _refuse_unstorable(item, f"{path}.{index}")


def _is_torn(text: str) -> bool:
    return not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text)


def _sentence(message: str, root: Any) -> str:
    """Rewrite msgspec's message: the field's path first, then what would be right."""
    # At the outermost object there is no place, and the name of a field may look like one.
    placed = re.fullmatch(r"(.*unknown field `.*`|(?!.*unknown field).*) - at `\$([\w.\[\]]*)`", message, re.DOTALL)
    text, place = placed.groups() if placed else (message, "")
    path = re.sub(r"\[(\d+)\]", r".\1", place.removeprefix("."))
    at = f"{path}: " if path else ""
    given = value_at(root, path) if path else root
    unknown = re.search(r"unknown field `(.*)`", text, re.DOTALL)
    if unknown:
        own = given if isinstance(given, dict) else {}
        others = [name for name in field_names_at(Experiment, path) if name not in own]
        return tr("{at}there is no field {name!r}{hint}.").format(at=at, name=unknown[1], hint=nearest(unknown[1], others))
    missing = re.search(r"missing required field `(.*)`", text)
    if missing:
        return tr("{at}the field {missing!r} is missing; add it.").format(at=at, missing=missing[1])
    if "Invalid enum value" in text or "Invalid value" in text:
        choices = names_at(Experiment, path)
        if given in choices:
            return tr("{at}{given!r} doesn't go with the other fields beside it; change those first, such as the type.").format(
                at=at, given=given
            )
        allowed = tr("; choose one of {choices}").format(choices=Choices(", ".join(choices))) if choices else ""
        return tr("{at}{given!r} is not a choice{hint}{allowed}.").format(
            at=at, given=given, hint=nearest(str(given), choices), allowed=allowed
        )
    expected = text.replace("`", "").replace("Expected ", "").replace(", got ", ", not ")
    if not (isinstance(given, (int, float, str, bool)) or given is None):
        return tr("{at}that value doesn't fit: expected {expected}.").format(at=at, expected=expected)
    return tr("{at}{given!r} doesn't fit: expected {expected}.").format(at=at, given=given, expected=expected)


def _check_combinations(experiment: Experiment) -> None:
    """Refuse what no single field shows: a task that the data don't pose, a loss that the outputs can't have."""
    source, task = experiment.data.source, TASKS[experiment.training.task]
    if not isinstance(source, FileSource):
        posed = TASKS[DATASETS[source.name].task]
        quantities = not posed.classes and not task.classes
        if posed != task and not quantities:
            raise ExperimentError(
                tr("training.task: {data} poses a {posed} task, not {task}; set it to {posed!r}.").format(
                    data=source.name, posed=posed.name, task=task.name
                )
            )
    if len(set(experiment.data.features)) != len(experiment.data.features):
        raise ExperimentError(tr("data.features: a feature is listed twice; list each once."))
    _check_depth(experiment)
    _check_head(experiment)
    _check_training(experiment)
    _, drawn = initializers.resolve(experiment.network.initializer)
    if isinstance(drawn, initializers.Uniform) and drawn.low > drawn.high:
        raise ExperimentError(tr("network.initializer: low is above high; swap them."))
    sketch(experiment)


def _check_depth(experiment: Experiment) -> None:
    """Blocks may stand within blocks, but not endlessly: whatever walks them goes a call deeper for each."""
    layers, depth = list(experiment.network.layers), 0
    while layers:
        if depth > DEEPEST:
            raise ExperimentError(
                tr("network.layers: blocks stand within blocks more than {most} deep; take fewer.").format(most=DEEPEST)
            )
        layers = [inner for layer in layers for inner in getattr(layer, "layers", ())]
        depth += 1


def _check_head(experiment: Experiment) -> None:
    """Output activation and loss must fit the task and each other."""
    task = TASKS[experiment.training.task]
    choice = output_activation(experiment)
    record, _ = activations.resolve(choice)
    loss = loss_of(experiment)
    if record.name == "softmax" and not task.classes:
        raise ExperimentError(
            tr(
                "network.output_activation: softmax divides one probability among classes; use {output_activation!r} for a "
                "{name} task."
            ).format(output_activation=task.output_activation, name=task.name)
        )
    if record.name == "scaled_sigmoid":
        if task.classes:
            raise ExperimentError(
                tr(
                    "network.output_activation: scaled_sigmoid is for quantities on a scale; use {output_activation!r} for a "
                    "{name} task."
                ).format(output_activation=task.output_activation, name=task.name)
            )
        if not isinstance(choice, str) and choice.low >= choice.high:  # type: ignore[attr-defined]
            raise ExperimentError(tr("network.output_activation: low must be below high; swap them."))
    if task.name not in loss.tasks:
        fitting = ", ".join(name for name, other in LOSSES.items() if task.name in other.tasks)
        raise ExperimentError(
            tr("training.loss: {loss} does not fit a {task} task; choose one of {fitting}.").format(
                loss=loss.name, task=task.name, fitting=Choices(fitting)
            )
        )
    if loss.outputs and record.name not in loss.outputs:
        raise ExperimentError(
            tr(
                "training.loss: {loss} needs {outputs} outputs, not {activation}; change the loss or network.output_activation."
            ).format(loss=loss.name, outputs=tr(" or ").join(loss.outputs), activation=record.name)
        )


def _check_training(experiment: Experiment) -> None:
    """What only makes sense for classes, or with rows kept back."""
    training, task = experiment.training, TASKS[experiment.training.task]
    if training.class_weights is not None and not task.classes:
        raise ExperimentError(
            tr("training.class_weights: a {name} task has no classes to weigh; remove it.").format(name=task.name)
        )
    if training.label_smoothing and (not task.classes or loss_of(experiment).signed):
        what = (
            tr("a {name} task has no classes").format(name=task.name)
            if not task.classes
            else tr("{name} only asks for the side").format(name=loss_of(experiment).name)
        )
        raise ExperimentError(
            tr("training.label_smoothing: {what}, so there is nothing to smooth; set it to 0.").format(what=what)
        )
    if training.early_stopping is not None and not experiment.data.validation_fraction:
        raise ExperimentError(
            tr(
                "training.early_stopping: it needs rows to watch that are neither trained nor tested on; "
                "set data.validation_fraction, such as 0.2."
            )
        )
