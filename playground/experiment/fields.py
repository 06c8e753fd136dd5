"""What the specs say about their fields, as forms and complaints need it: names in words, kinds, ranges, choices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import inspect, structs

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.datasets import DATASETS
from playground.catalog.features import FEATURES
from playground.catalog.initializers import INITIALIZERS
from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS
from playground.catalog.schedules import SCHEDULES
from playground.catalog.tasks import TASKS
from playground.network.layers import LAYERS
from playground.words import plain_number, tr, tr_known

# Where the choices of a field have their words: the one registry that knows all their names.
REGISTRIES: tuple[Mapping[str, Any], ...] = (ACTIVATIONS, LOSSES, OPTIMIZERS, SCHEDULES, INITIALIZERS, TASKS, LAYERS)
# Whose names have views of their own in the window.
OTHERS: tuple[Mapping[str, Any], ...] = (DATASETS, FEATURES)
# Fields that say how large a layer is, of which each kind has one at most.
SIZES = ("units", "filters")
# Choices whose numbers, where the name stands alone, are those of the data.
LEFT_TO_DATA = ("scaled_sigmoid",)
# Numbers that large are no limit.
UNLIMITED = 1e9


@dataclass(frozen=True)
class Number:
    """A whole number or not, within a range; an open end is a bound that itself is excluded."""

    whole: bool
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    @property
    def words(self) -> str:
        """The range for people, in one piece: ``1 … 4,096``, ``> 0 … 1``; empty where it is no limit to anybody."""
        if self.low <= -UNLIMITED and self.high >= UNLIMITED:
            return ""
        low, high = plain_number(self.low), plain_number(self.high)
        return f"{'> ' if self.low_open else ''}{low} … {'< ' if self.high_open else ''}{high}".replace(" ", "\N{NO-BREAK SPACE}")

    def admits(self, value: float) -> bool:
        """Whether a number lies within the range."""
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)


@dataclass(frozen=True)
class Yes:
    """On or off."""


@dataclass(frozen=True)
class Words:
    """Any text."""


@dataclass(frozen=True)
class Numbers:
    """A row of numbers."""

    item: Number


@dataclass(frozen=True)
class Names:
    """A row of names, such as a table's columns; these have views of their own and no place in a form.

    Parameters
    ----------
    known
        The names there are; none where any may stand.
    """

    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class Option:
    """One way to fill a field.

    Parameters
    ----------
    name
        Name in files; None stands for an empty field.
    title, description
        Words for people.
    record
        What the catalog knows about it, if it is from there.
    spec
        The struct that holds its fields, if it has any.
    named
        Whether the name alone may stand in an experiment.
    numbers
        Where the field takes a row of numbers instead.
    """

    name: str | None
    title: str
    description: str
    record: Any = None
    spec: type[msgspec.Struct] | None = None
    named: bool = True
    numbers: Numbers | None = None

    @property
    def value(self) -> Any:
        """What an experiment holds when this is chosen, with the usual settings.

        Raises
        ------
        TypeError
            If there is a field without a usual value, such as a file's path.
        """
        if self.numbers is not None:
            return (1.0, 1.0)
        return self.name if self.named or self.spec is None else self.spec()

    @property
    def spec_value(self) -> Any:
        """The struct with the usual numbers, for which the name alone may stand."""
        assert self.spec is not None
        return self.spec()

    @property
    def in_files(self) -> bool:
        """Whether its name stands in files, alone or as the type of what holds its fields."""
        return self.numbers is None and (self.spec is None or self.spec.__struct_config__.tag is not None)

    @property
    def needs_path(self) -> bool:
        """Whether a file has to be picked before it can be chosen."""
        return self.spec is not None and any(field.name == "path" and field.required for field in structs.fields(self.spec))


@dataclass(frozen=True)
class Choice:
    """One of several, some of which have fields of their own."""

    options: tuple[Option, ...]

    @property
    def is_switch(self) -> bool:
        """Whether it is one thing that is on or off."""
        return len(self.options) == 2 and self.options[0].name is None and self.options[1].spec is not None

    def index_of(self, value: Any) -> int:
        """Which option a value is; −1 for none."""
        for index, option in enumerate(self.options):
            if option.numbers is not None and isinstance(value, tuple):
                return index
            if value == option.name and (value is None or isinstance(value, str)):
                return index
            if option.spec is not None and type(value) is option.spec:
                return index
        return -1


@dataclass(frozen=True)
class Layers:
    """A run of layers, each of which is one of the item's options."""

    item: Choice
    most: int


Kind = Number | Yes | Words | Numbers | Names | Layers | Choice


@dataclass(frozen=True)
class Field:
    """A field of a spec.

    Parameters
    ----------
    name, title
        Name in files, and in words.
    kind
        What it takes.
    description
        One plain sentence; empty where the options have theirs.
    """

    name: str
    title: str
    kind: Kind
    description: str


@lru_cache(maxsize=128)
def fields_of(spec: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields of a spec in their order; one that can take a single value alone is left out."""
    return tuple(field for field in _all_fields(spec) if not isinstance(field.kind, Choice) or len(field.kind.options) > 1)


def field_of(spec: type[msgspec.Struct], name: str) -> Field:
    """One field of a spec, by its name."""
    return next(field for field in fields_of(spec) if field.name == name)


def names_at(spec: type[msgspec.Struct], path: str) -> list[str]:
    """The names that may stand at a dotted path below a spec, in the order of their registry; none where it isn't names."""
    names: list[str] = []
    for kind in _kinds_at(spec, path):
        if isinstance(kind, Names):
            names += kind.known
        elif isinstance(kind, Choice):
            names += [option.name for option in kind.options if option.name is not None and option.in_files]
    registry = next((known for known in (*REGISTRIES, *OTHERS) if set(names) <= known.keys()), {})
    # msgspec sorts some of them.
    return [name for name in registry if name in names] or list(dict.fromkeys(names))


def field_names_at(spec: type[msgspec.Struct], path: str) -> list[str]:
    """The names of the fields that what stands at a dotted path below a spec may have."""
    kinds = [kind for kind in _kinds_at(spec, path) if isinstance(kind, Choice)]
    specs = [option.spec for kind in kinds for option in kind.options if option.spec is not None]
    return list(dict.fromkeys(name for each in specs for name in each.__struct_fields__))


def title_of(name: str) -> str:
    """A field's name in words: ``batch_size`` → ``Batch size``, ``beta1`` → ``Beta 1``, ``l2`` → ``L2``."""
    words = re.sub(r"([a-z]{2,})(\d)", r"\1 \2", name.replace("_", " "))
    return tr_known(words[:1].upper() + words[1:])


def size_field(layer: Any) -> str | None:
    """Name of the field that says how large a layer is: ``units`` or ``filters``; None for kinds that follow their input."""
    return next((name for name in SIZES if name in layer.__struct_fields__), None)


def kind_title(layer: Any) -> str:
    """A layer and its size in words: ``Dense 8``, ``Dropout``."""
    size = size_field(layer)
    return f"{layer.title} {getattr(layer, size)}" if size is not None else str(layer.title)


@lru_cache(maxsize=128)
def _all_fields(spec: type[msgspec.Struct]) -> tuple[Field, ...]:
    info = inspect.type_info(spec)
    assert isinstance(info, inspect.StructType)
    return tuple(Field(field.name, title_of(field.name), *_read(field.type)) for field in info.fields)


def _kinds_at(spec: type[msgspec.Struct], path: str) -> list[Kind]:
    """What a field at a dotted path below a spec may take; several where it depends on what is chosen on the way."""
    kinds: list[Kind] = [Choice((Option(None, "", "", spec=spec),))]
    for name in filter(None, path.split(".")):
        kinds = [below for kind in kinds for below in _kinds_below(kind, name)]
    return kinds


def _kinds_below(kind: Kind, name: str) -> list[Kind]:
    if isinstance(kind, Layers):
        return [kind.item]
    if isinstance(kind, Names):
        return [kind]
    if not isinstance(kind, Choice):
        return []
    specs = [option for option in kind.options if option.spec is not None]
    if name == "type":
        return [Choice(tuple(specs))]
    return [field.kind for option in specs if option.spec for field in _all_fields(option.spec) if field.name == name]


def _read(kind: inspect.Type) -> tuple[Kind, str]:
    """The kind and the description of a type."""
    description = ""
    while isinstance(kind, inspect.Metadata):
        description = str((kind.extra_json_schema or {}).get("description", description))
        kind = kind.type
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        return _number(kind), description
    if isinstance(kind, inspect.BoolType):
        return Yes(), description
    if isinstance(kind, inspect.StrType):
        return Words(), description
    if isinstance(kind, inspect.VarTupleType):
        return _row(kind), description
    choice = Choice(_options(kind))
    if choice.is_switch and not description:
        # While it is off, its own words are nowhere else.
        description = choice.options[1].description
    return choice, description


def _number(kind: inspect.IntType | inspect.FloatType) -> Number:
    low = kind.ge if kind.ge is not None else kind.gt if kind.gt is not None else -math.inf
    high = kind.le if kind.le is not None else kind.lt if kind.lt is not None else math.inf
    return Number(
        whole=isinstance(kind, inspect.IntType),
        low=float(low),
        high=float(high),
        low_open=kind.ge is None and kind.gt is not None,
        high_open=kind.le is None and kind.lt is not None,
    )


def _row(kind: inspect.VarTupleType) -> Kind:
    """What a tuple holds: names, numbers or layers."""
    item = kind.item_type
    if isinstance(item, (inspect.LiteralType, inspect.StrType)):
        return Names(tuple(map(str, item.values)) if isinstance(item, inspect.LiteralType) else ())
    inner, _ = _read(item)
    if isinstance(inner, Number):
        return Numbers(inner)
    assert isinstance(inner, Choice)
    return Layers(inner, kind.max_length or 64)


def _options(kind: inspect.Type) -> tuple[Option, ...]:
    """The ways to fill a field that takes one of several things, in the order of their registry."""
    literals: list[Any] = []
    specs: dict[str, type[msgspec.Struct]] = {}
    numbers: Numbers | None = None
    empty = False
    for part in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        if isinstance(part, inspect.LiteralType):
            literals += part.values
        elif isinstance(part, inspect.StructType):
            specs[str(part.tag) if part.tag is not None else part.cls.__name__] = part.cls
        elif isinstance(part, inspect.VarTupleType):
            row = _row(part)
            numbers = row if isinstance(row, Numbers) else None
        else:
            empty = empty or isinstance(part, inspect.NoneType)
    names = dict.fromkeys([*map(str, literals), *specs])
    registry = next((known for known in REGISTRIES if names.keys() <= known.keys()), {})
    # Nothing chosen: whatever is usual among known things, else the thing itself is off.
    options = [Option(None, tr("As usual") if registry else tr("Off"), "")] if empty else []
    for name in (name for name in (registry or names) if name in names):
        record = registry.get(name)
        spec = specs.get(name)
        title = record.title if record is not None else title_of(name) if spec is None else tr("On")
        description = record.description if record is not None else tr_known(spec.__doc__ or "") if spec is not None else ""
        options.append(Option(name, title, description, record, spec, named=name in literals))
    if numbers is not None:
        options.append(Option("numbers", tr("Own numbers"), "", numbers=numbers))
    return tuple(options)
