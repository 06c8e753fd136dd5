"""Classes are spelled as in the file, in the order of their values, and no two spellings are taken for one in silence."""

import json

import pytest
from tables import refusal, source

from playground.api import predict
from playground.data.columns import load_table
from playground.data.suggest import suggest
from playground.experiment import decode, encode, set_field
from playground.formats import safetensors
from playground.formats.predictions import prediction_table
from playground.training.trainer import train


def table(cells, delimiter=","):
    rows = (f"{row}{delimiter}{cell}\n" for row, cell in enumerate(cells))
    return f"a{delimiter}y\n" + "".join(rows)


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["012", "007", "105"], ("007", "012", "105")),
        (["1", "-1", "1"], ("-1", "1")),
        (["1", "−1", "1"], ("−1", "1")),
        (["1.0", "0.0"], ("0.0", "1.0")),
        (["+3", "-3", "0"], ("-3", "0", "+3")),
        (["1e3", "999", "1001"], ("999", "1e3", "1001")),
        (["TRUE", "FALSE"], ("FALSE", "TRUE")),
        (["true", "false"], ("false", "true")),
        (["true", "maybe", "false"], ("false", "maybe", "true")),
        (["0x10", "1_0", "9"], ("0x10", "1_0", "9")),
        (["12345678901234567891", "12345678901234567890"], ("12345678901234567890", "12345678901234567891")),
        (["NA", "nan", "None"], ("NA", "None", "nan")),
        ([" b ", "a"], ("a", "b")),
        (["10", "9", "x"], ("10", "9", "x")),
    ],
    ids=str,
)
def test_classes_keep_their_spelling(write, cells, names):
    path = write(table(cells))
    dataset = load_table(source(path), "binary" if len(names) == 2 else "multiclass")
    assert dataset.class_names == names
    assert [names[int(number)] for number in dataset.targets[:, 0]] == [cell.strip() for cell in cells]
    assert suggest(path).training.task == dataset.task


def test_decimal_commas_are_kept_and_sorted_as_numbers(write):
    dataset = load_table(source(write(table(["10", "0,5", "9,5"], ";"))), "multiclass")
    assert dataset.class_names == ("0,5", "9,5", "10")


NUMBERS = [("01", "1"), ("1.0", "1"), ("1e3", "1000"), ("+1", "1"), ("−1", "-1"), ("-0", "0"), (".5", "0.5"), ("True", "TRUE")]
WORDS = [("caf\u00e9", "cafe\u0301"), ("\u212b", "\u00c5")]


@pytest.mark.parametrize(("one", "other"), [*NUMBERS, *WORDS])
def test_two_spellings_of_one_value_are_neither_one_class_nor_two(write, one, other):
    """Nobody but the table's owner knows whether 01 is 1."""
    third = "false" if one == "True" else "7"
    path = write(table([third, one, third, other]))
    for message in (refusal(suggest, path), refusal(load_table, source(path), "multiclass")):
        assert f"{one!r} in line 3 and {other!r} in line 5" in message
        assert ("U+" in message) == (not (one + other).isascii())
        assert len(message) < 300 + len(path)


def test_numbers_to_be_predicted_stay_numbers_however_they_are_spelled(write):
    path = write(table(["01", "1.0", "+1", "1e3", "2.5", "−4"]))
    assert suggest(path).training.task == "regression"
    assert load_table(source(path), "regression").targets[:, 0].tolist() == [1, 1, 1, 1000, 2.5, -4]


def test_a_class_longer_than_any_name_is_refused_by_its_line(write):
    message = refusal(suggest, write(table(["a", "b", "x" * 100_000])))
    assert "a class of 100,000 letters in line 4" in message
    assert len(message) < 300 + len(str(write("")))


def test_the_spelling_reaches_whatever_names_a_class(write, tmp_path):
    """The file of a model, its predictions as a table and as an array, and the note for PyTorch's side."""
    path = write(table(["007", "-1", "1.0"] * 10))
    experiment = set_field(suggest(path), "training.epochs", "1")
    assert decode(encode(experiment)) == experiment
    model = train(experiment, backend="reference")
    assert model.classes == ("-1", "1.0", "007")
    safetensors.save(model, tmp_path / "model.safetensors")
    raw = (tmp_path / "model.safetensors").read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
    assert json.loads(header["playground.classes"]) == ["-1", "1.0", "007"]
    opened = safetensors.load(tmp_path / "model.safetensors")
    rows = [[0.0], [1.0], [2.0]]
    assert set(predict(opened, rows)) <= {"-1", "1.0", "007"}
    header, *lines = prediction_table(opened, rows).splitlines()
    assert header == "prediction,probability_-1,probability_1.0,probability_007"
    assert {line.split(",")[0] for line in lines} <= {"-1", "1.0", "007"}
