"""What the specs say about their fields: ranges in words, choices with what they need, titles; checked against msgspec itself."""

import math

import msgspec
import pytest

from playground.catalog.tasks import TASKS
from playground.experiment import (
    DataSpec,
    Dense,
    EarlyStopping,
    Experiment,
    ExperimentError,
    NetworkSpec,
    TrainingSpec,
    set_field,
)
from playground.experiment.fields import (
    Choice,
    Number,
    Yes,
    field_names_at,
    field_of,
    fields_of,
    kind_title,
    names_at,
    size_field,
)
from playground.experiment.presets import examples, preset, preset_names, welcome_experiment
from playground.network.layers import BatchNorm, Conv2D

SPECS = (DataSpec, NetworkSpec, TrainingSpec, EarlyStopping, Dense)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (Number(True, 1, 4096), "1 … 4,096"),
        (Number(False, 0, 1, low_open=True), "> 0 … 1"),
        (Number(False, 0, 1, high_open=True), "0 … < 1"),
        (Number(False), ""),
        (Number(False, 0), "0 … ∞"),
    ],
)
def test_a_range_in_words(number, words):
    assert number.words.replace("\N{NO-BREAK SPACE}", " ") == words


def takes(spec, name, value):
    """Whether msgspec lets a value stand in a field."""
    kind = {field.name: field.type for field in msgspec.structs.fields(spec)}[name]
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("spec", "name"), [(spec, field.name) for spec in SPECS for field in fields_of(spec) if isinstance(field.kind, Number)]
)
def test_a_number_admits_what_msgspec_takes(spec, name):
    kind = field_of(spec, name).kind
    ends = [end for end in (kind.low, kind.high) if math.isfinite(end)]
    for value in {*ends, *(end - 1 for end in ends), *(end + 1 for end in ends), 0.0, 1.0}:
        value = int(value) if kind.whole else float(value)
        assert kind.admits(value) == takes(spec, name, value), value


@pytest.mark.parametrize(
    ("spec", "name"), [(spec, field.name) for spec in SPECS for field in fields_of(spec) if isinstance(field.kind, Choice)]
)
def test_every_option_can_stand_in_the_field_and_is_found_again(spec, name):
    choice = field_of(spec, name).kind
    for index, option in enumerate(choice.options):
        required = option.spec is not None and any(field.required for field in msgspec.structs.fields(option.spec))
        assert required or not option.needs_path
        if required:
            with pytest.raises(TypeError):
                _ = option.value
            continue
        assert takes(spec, name, msgspec.to_builtins(option.value))
        assert choice.index_of(option.value) == index
        if option.spec is not None:
            assert isinstance(option.spec_value, option.spec)
            assert choice.index_of(option.spec_value) == index
    assert choice.index_of(object()) == -1


def test_what_is_on_or_off_is_a_switch():
    assert field_of(TrainingSpec, "early_stopping").kind.is_switch
    assert not field_of(TrainingSpec, "loss").kind.is_switch
    assert isinstance(field_of(DataSpec, "standardize").kind, Yes)


def test_a_layer_has_its_size_in_its_name():
    assert (size_field(Dense(units=3)), size_field(Conv2D(filters=3)), size_field(BatchNorm())) == ("units", "filters", None)
    assert (kind_title(Dense(units=3)), kind_title(BatchNorm())) == ("Dense 3", "BatchNorm")


def test_a_field_has_a_name_in_words():
    titles = {field.name: field.title for spec in SPECS for field in fields_of(spec)}
    assert (titles["batch_size"], titles["l2"], titles["seed"]) == ("Batch size", "L2", "Seed")


def test_what_may_stand_at_a_path():
    assert names_at(Experiment, "training.task") == list(TASKS)
    assert names_at(Experiment, "training.epochs.more") == []
    assert field_names_at(Experiment, "training.early_stopping") == ["patience", "min_delta"]
    assert field_names_at(Experiment, "training.epochs") == []


def test_what_has_no_fields_cannot_be_set():
    with pytest.raises(ExperimentError, match=r"training\.epochs has no fields to set"):
        set_field(preset("circle"), "training.epochs.more", "1")


def test_presets_have_names_for_people():
    assert sorted(name for _, name in examples()) == preset_names()
    assert {name: title for title, name in examples()}["breast_cancer"] == preset("breast_cancer").name
    assert welcome_experiment() == preset("circle")
