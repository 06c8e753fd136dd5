"""One opener for whatever is named: by its ending, with a table beside its experiment, and one sentence when it can't."""

import json

import numpy as np
import pytest
from model_files import refusal

from playground.data.columns import ColumnError
from playground.data.suggest import suggest
from playground.experiment import ExperimentError, encode
from playground.experiment.presets import preset
from playground.formats import FORMATS, safetensors
from playground.formats.opening import EXPERIMENT_LIMIT, is_table, load, open_file, opening_endings
from playground.storage import FileError
from playground.training.trainer import Trainer

TABLE = "a,b,kind\n" + "".join(f"{row},{row * row % 7},{'yes' if row % 3 else 'no'}\n" for row in range(30))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "sub" / "points.csv"
    path.parent.mkdir()
    path.write_text(TABLE)
    return path


@pytest.fixture(scope="module")
def model():
    trainer = Trainer(preset("gauss"), "reference")
    trainer.record()
    return trainer.model()


def write(path, content):
    path.write_bytes(content)
    return path


def naming(experiment, path):
    """The experiment's file with another name for its table."""
    content = json.loads(encode(experiment))
    content["data"]["source"]["path"] = str(path)
    return json.dumps(content).encode()


def test_the_endings_are_those_of_the_formats_and_readers():
    assert opening_endings() == (".json", ".safetensors", ".csv", ".tsv", ".txt")
    assert FORMATS[".npz"].load is None, "it holds weights alone"


def test_an_experiment_opens(tmp_path):
    opened = open_file(write(tmp_path / "circle.JSON", encode(preset("circle"))))
    assert opened.experiment == preset("circle")
    assert opened.parameters is None
    assert not opened.is_table


def test_a_model_opens_with_its_weights(tmp_path, model):
    safetensors.save(model, tmp_path / "gauss.safetensors")
    opened = open_file(str(tmp_path / "gauss.safetensors"))
    assert opened.experiment == model.experiment
    assert np.array_equal(opened.parameters, model.parameters)
    assert np.array_equal(load(tmp_path / "gauss.safetensors").parameters, model.parameters)


def test_a_model_under_another_name_loads_all_the_same(tmp_path, model):
    safetensors.save(model, tmp_path / "gauss")
    assert np.array_equal(load(tmp_path / "gauss").parameters, model.parameters)


def test_a_further_format_that_loads_is_found_by_its_ending(tmp_path, model, monkeypatch):
    form = FORMATS[".npz"].__class__(".own", "Own", "A test.", safetensors.save, lambda path: model)
    monkeypatch.setitem(FORMATS, ".own", form)
    assert ".own" in opening_endings()
    assert not is_table("a.own")
    assert open_file(write(tmp_path / "a.own", b"")).parameters is model.parameters


def test_a_table_opens_as_its_first_experiment(table):
    opened = open_file(table)
    assert opened.is_table
    assert opened.experiment == suggest(table)
    chosen = open_file(table, targets=("b",), ignore=("kind",), task="regression").experiment
    assert chosen.data.source.targets == ("b",)
    assert chosen.data.source.ignore == ("kind",)
    assert chosen.training.task == "regression"


def test_a_table_without_an_ending_is_read_as_text(tmp_path):
    assert open_file(write(tmp_path / "points", TABLE.encode())).is_table
    assert open_file(write(tmp_path / "points.data", TABLE.encode())).is_table


def test_a_column_that_cannot_be_learned_from_is_told_apart(tmp_path):
    with pytest.raises(ColumnError) as refused:
        open_file(write(tmp_path / "names.csv", b"name,y\nAnna,0\nBob,1\n"))
    assert refused.value.column == "name"


@pytest.mark.parametrize("name", ["points.csv", "./points.csv", "../sub/points.csv"])
def test_an_experiments_table_is_found_beside_it_from_any_folder(tmp_path, table, name, monkeypatch):
    path = write(table.parent / "e.json", naming(suggest(table), name))
    for folder in (tmp_path, table.parent, "/"):
        monkeypatch.chdir(folder)
        assert open_file(path).experiment.data.source.path == str(table)


def test_the_table_beside_comes_before_one_in_the_present_folder(tmp_path, table, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    write(other / "points.csv", b"x,y\n1,0\n2,1\n")
    monkeypatch.chdir(other)
    path = write(table.parent / "e.json", naming(suggest(table), "points.csv"))
    assert open_file(path).experiment.data.source.path == str(table)


def test_a_table_in_the_present_folder_is_still_found(tmp_path, table, monkeypatch):
    monkeypatch.chdir(table.parent)
    away = tmp_path / "away"
    away.mkdir()
    opened = open_file(write(away / "e.json", naming(suggest(table), "points.csv")))
    assert opened.experiment.data.source.path == str(table)
    assert Trainer(opened.experiment, "reference").run.data.dataset.feature_names == ("a", "b")


def test_an_absolute_name_stays_as_it_is(tmp_path, table):
    away = tmp_path / "away"
    away.mkdir()
    write(away / "points.csv", b"x,y\n1,0\n2,1\n")
    assert open_file(write(away / "e.json", naming(suggest(table), table))).experiment == suggest(table)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.json", None, "there is no such file"),
        ("none.csv", None, "there is no such file"),
        ("none.safetensors", None, "there is no such file"),
        ("none", None, "there is no such file"),
        ("typo.json", b'{"version": 1', "it isn't JSON"),
        ("rate.json", b"[]", "it isn't an experiment"),
        ("other.safetensors", b"\x08\0\0\0\0\0\0\0{}      ", "model of another program"),
        ("empty.csv", b"", "it is empty"),
        ("latin.csv", "größe,b\n1,2\n".encode("latin-1"), "save the file as CSV in UTF-8"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0", "files that open end in .json, .safetensors, .csv, .tsv, .txt"),
        ("weights.npz", b"PK\x03\x04\0\0", "files that open end in .json, .safetensors, .csv, .tsv, .txt"),
        ("notes.md", b"# Notes\n\nNothing here.\n", "a column to predict and at least one to learn from are needed"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence_that_names_it(tmp_path, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    message = refusal(open_file, path)
    assert message.startswith(f"{path}: ")
    assert says in message


def test_a_text_is_not_cut_in_the_middle_of_a_letter(tmp_path):
    content = "wörter,y\n" + "".join(f"{row}é,{row % 2}\n" for row in range(20_000))
    for shift in range(3):
        path = write(tmp_path / "long.data", (" " * shift + content).encode())
        with pytest.raises(ColumnError):
            open_file(path)


def test_no_experiment_is_larger_than_the_limit(tmp_path):
    path = write(tmp_path / "large.json", b" " * (EXPERIMENT_LIMIT + 1))
    assert "use a smaller file" in refusal(open_file, path)


def test_what_an_experiment_cannot_be_is_a_files_fault_here(tmp_path):
    content = json.loads(encode(preset("circle")))
    content["training"]["optimizer"]["learning_rate"] = -5
    path = write(tmp_path / "rate.json", json.dumps(content).encode())
    with pytest.raises(ValueError) as refused:
        open_file(path)
    assert not isinstance(refused.value, ExperimentError)
    assert "training.optimizer.learning_rate: -5" in str(refused.value)


def test_a_folder_is_refused_by_name_whatever_its_ending(tmp_path):
    (tmp_path / "things.odd").mkdir()
    with pytest.raises(FileError, match=r"things\.odd: it is a folder"):
        open_file(tmp_path / "things.odd")


def test_what_is_no_text_and_has_an_unknown_ending_is_told_which_endings_open(tmp_path):
    (tmp_path / "things.odd").write_bytes(b"\xff\xfe\x80" * 10)
    with pytest.raises(FileError, match=r"things\.odd: files that open end in \.json"):
        open_file(tmp_path / "things.odd")
