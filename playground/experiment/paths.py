"""Dotted paths into an experiment: what stands at one, and a copy with something else there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from playground.experiment.specs import ExperimentError
from playground.words import tr


def value_at(spec: Any, path: str) -> Any:
    """What stands at a path.

    Parameters
    ----------
    spec
        An ``Experiment`` or a part of one, or its plain dicts and lists.
    path
        Field names joined by dots, items by number from 0: ``training.optimizer.learning_rate``, ``network.layers.0.units``.

    Raises
    ------
    ExperimentError
        If there is no such field.
    """
    return _chain(spec, path)[-1]


def replaced(spec: Any, path: str, value: Any) -> Any:
    """A copy with another value at a path, as in `value_at`; the value is not checked here.

    Raises
    ------
    ExperimentError
        If there is no such field.
    """
    holders = _chain(spec, path)[:-1]
    for holder, name in zip(reversed(holders), reversed(path.split(".")), strict=True):
        if isinstance(holder, (list, tuple)):
            items = list(holder)
            items[int(name)] = value
            value = type(holder)(items)
        else:
            value = replace(holder, **{name: value}) if isinstance(holder, msgspec.Struct) else {**holder, name: value}
    return value


def differences(old: Any, new: Any) -> list[str]:
    """The paths at which two specs, or their plain dicts, differ, each as deep as both have the same fields there."""
    ours, theirs = fields_of(old), fields_of(new)
    if ours is None or theirs is None or type(old) is not type(new) or ours.keys() != theirs.keys():
        return [] if old == new else [""]
    return [f"{name}.{path}".rstrip(".") for name in ours for path in differences(ours[name], theirs[name])]


def nearest(word: str, choices: Iterable[str]) -> str:
    """`` (did you mean 'tanh'?)`` where a known name is close, else nothing."""
    close = difflib.get_close_matches(word, list(choices), 1)
    return tr(" (did you mean {close!r}?)").format(close=close[0]) if close else ""


def _chain(spec: Any, path: str) -> list[Any]:
    """The spec, what it holds on the way along a path, and last what stands there."""
    found, names = [spec], path.split(".")
    for depth, name in enumerate(names):
        holder = found[-1]
        if isinstance(holder, (list, tuple)):
            if name not in map(str, range(len(holder))):
                raise ExperimentError(
                    tr("{path}: there is no item {name!r}; there are {count}, counted from 0.").format(
                        path=path, name=name, count=len(holder)
                    )
                )
            found.append(holder[int(name)])
            continue
        fields = fields_of(holder)
        if fields is None:
            raise ExperimentError(tr("{path}: {names} has no fields to set.").format(path=path, names=".".join(names[:depth])))
        if name not in fields:
            raise ExperimentError(
                tr("{path}: there is no field {name!r}{hint}.").format(path=path, name=name, hint=nearest(name, fields))
            )
        found.append(fields[name])
    return found


def fields_of(holder: Any) -> Mapping[str, Any] | None:
    """The fields of a spec or of a plain dict by their names; None for what has none."""
    fields = asdict(holder) if isinstance(holder, msgspec.Struct) else holder
    return fields if isinstance(fields, Mapping) else None
