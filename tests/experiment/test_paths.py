"""Dotted paths: what stands there, copies with something else there, and what is no path."""

import msgspec
import pytest

from playground.experiment import (
    Dense,
    ExperimentError,
    NetworkSpec,
    Residual,
)
from playground.experiment.paths import differences, replaced, value_at

NETWORK = NetworkSpec(layers=(Dense(units=3), Residual(layers=(Dense(units=3), Dense(units=3, activation="tanh")))))


@pytest.mark.parametrize("spec", [NETWORK, msgspec.to_builtins(NETWORK)], ids=["specs", "plain"])
def test_a_field_is_found_and_replaced_in_specs_and_in_what_a_file_holds(spec):
    path = "layers.1.layers.1.activation"
    assert value_at(spec, path) == "tanh"
    changed = replaced(spec, path, "relu")
    assert type(changed) is type(spec)
    assert value_at(changed, path) == "relu"
    assert value_at(spec, path) == "tanh", "the old one stays as it is"
    assert replaced(changed, path, "tanh") == spec
    assert value_at(replaced(spec, "layers.0", Dense(units=9)), "layers.0").units == 9


@pytest.mark.parametrize("act", [value_at, lambda spec, path: replaced(spec, path, 1)])
@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("layers.2", "layers.2: there is no item '2'; there are 2, counted from 0."),
        ("layers.²", "layers.²: there is no item '²'; there are 2, counted from 0."),
        ("layers.-1", "layers.-1: there is no item '-1'; there are 2, counted from 0."),
        ("layers.0.unit", "layers.0.unit: there is no field 'unit' (did you mean 'units'?)."),
        ("sead", "sead: there is no field 'sead' (did you mean 'seed'?)."),
        ("seed.first", "seed.first: seed has no fields to set."),
        ("", ": there is no field ''."),
    ],
)
def test_what_is_no_path_is_one_sentence(act, path, says):
    with pytest.raises(ExperimentError) as refused:
        act(NETWORK, path)
    assert str(refused.value) == says


@pytest.mark.parametrize("plain", [lambda spec: spec, msgspec.to_builtins], ids=["specs", "plain"])
def test_two_specs_differ_at_the_paths_where_they_do(plain):
    other = replaced(replaced(NETWORK, "seed", 3), "layers", NETWORK.layers[:1])
    assert differences(plain(NETWORK), plain(NETWORK)) == []
    assert differences(plain(NETWORK), plain(other)) == ["layers", "seed"]
    assert differences(plain(Dense(units=3)), plain(Dense(units=4))) == ["units"]
    assert differences(plain(Dense(units=3)), plain(NETWORK)) == [""], "nothing of the one is in the other"
