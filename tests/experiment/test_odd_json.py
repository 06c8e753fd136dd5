"""Whatever stands in an experiment's file, what is wrong with it is said in one sentence."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.experiment import ExperimentError, FileSource, decode, encode, set_field
from playground.experiment.presets import preset

SOUND = json.loads(encode(preset("circle")))


def refusal(act, *words):
    with pytest.raises(ExperimentError) as caught:
        act(*words)
    sentence = str(caught.value)
    assert len(sentence) <= 300
    assert len(sentence.splitlines()) == 1
    assert sentence.endswith(".")
    # Consoles are strict about what they print.
    sentence.encode()
    return sentence


def changed(path, value):
    """The file's text with something else at a path."""
    content = json.loads(encode(preset("circle")))
    *above, last = path.split(".")
    inner = content
    for name in above:
        inner = inner[int(name)] if isinstance(inner, list) else inner[name]
    inner[int(last) if isinstance(inner, list) else last] = value
    return json.dumps(content)


def blocks(depth):
    """The file's text with so many blocks within each other."""
    layers = '[{"type": "dense", "units": 4}]'
    for _ in range(depth):
        layers = '[{"type": "residual", "layers": ' + layers + "}]"
    return changed("network.layers", "HERE").replace('"HERE"', '[{"type": "dense", "units": 4}, ' + layers[1:])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a\\ud800": 1}', "the field 'a\\ud800' holds half of a character"),
        (changed("data.a\udfff", 1), "data: the field 'a\\udfff' holds half of a character"),
        (changed("name", "\ud800"), "name: the text holds half of a character"),
        (changed("a - at `$[0]", 1), "there is no field 'a - at `$[0]'."),
        (changed("data.a`\nb", 1), "data: there is no field 'a`\\nb'"),
        (changed("data." + "x" * 100_000, 1), "data: there is no field 'xxx"),
        (changed("training.task", "x" * 100_000), "choose one of binary, multiclass"),
        (changed("training.epochs", 10**300), "training.epochs: a number of 301 digits doesn't fit: expected int <= 1000000"),
        (changed("version", 10**300), "it has version a number of 301 digits"),
        ('{"data": ' + "1" * 5000 + "}", "it holds a number of 5,000 digits"),
        ('{"data": -' + "1" * 100_000 + "}", "it holds a number of 100,001 digits"),
        ('{"data": 1' + "0" * 100_000 + ".5}", "data"),
        (blocks(65), "network.layers: blocks stand within blocks more than 64 deep; take fewer."),
        (blocks(340), "more than 64 deep"),
        (blocks(20_000), "nested too deeply"),
        ('{"data": {"seed": 1, "seed": 2}}', "the field 'seed' is there twice"),
        ('{"' + "k" * 100_000 + '": 1, "' + "k" * 100_000 + '": 2}', "is there twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        (changed("training.l1", float("nan")), "training.l1: nan is not a number"),
        (changed("training.l1", float("inf")), "training.l1: inf is not a number"),
        (changed("training.l1", 0).replace('"l1": 0', '"l1": 1e999'), "training.l1: inf is not a number"),
        (changed("training.epochs", True), "training.epochs: True doesn't fit: expected int, not bool"),
        (changed("training.epochs", 1.5), "training.epochs: 1.5 doesn't fit"),
        (changed("network.layers.0.units", [[[]]]), "network.layers.0.units: that value doesn't fit"),
        (changed("data.source.path", "a"), "data.source: there is no field 'path'"),
        ("", "it isn't JSON"),
        ("\0", "it isn't JSON"),
        ("null", "it isn't an experiment"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_odd_files_are_refused_in_one_sentence(text, says):
    assert says in refusal(decode, text)


def test_blocks_within_blocks_are_sound_as_deep_as_they_are_drawn():
    assert decode(encode(decode(blocks(64)))) == decode(blocks(64))


def test_so_are_odd_changes():
    for value in ("1" * 5000, "{" + '"a":{' * 50_000, "x" * 100_000, "nan", "\0"):
        assert "training.epochs" in refusal(set_field, preset("circle"), "training.epochs", value)


def test_a_path_that_no_disk_takes_is_kept_until_it_is_read():
    content = json.loads(encode(preset("circle")))
    content["data"]["source"] = {"type": "file", "path": "a\0b"}
    assert decode(json.dumps(content)).data.source == FileSource(path="a\0b")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)
PATHS = (
    "version", "name", "data", "data.source", "data.source.name", "data.source.samples", "data.features", "data.test_fraction",
    "data.seed", "network", "network.layers", "network.layers.0", "network.layers.0.units", "network.layers.0.activation",
    "network.initializer", "network.output_activation", "training", "training.task", "training.loss", "training.optimizer",
    "training.optimizer.type", "training.optimizer.learning_rate", "training.schedule", "training.class_weights",
    "training.early_stopping", "training.batch_size", "data.new", "new",
)  # fmt: skip


@given(st.sampled_from(PATHS), JSON)
def test_anything_anywhere_is_sound_or_refused_in_one_sentence(path, value):
    text = changed(path, value)
    try:
        experiment = decode(text)
    except ExperimentError:
        refusal(decode, text)
    else:
        assert decode(encode(experiment)) == experiment
        assert msgspec.to_builtins(experiment)
