"""What WHAT names, and the changes that options make to it."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_lines import history, value_of, write_iris, write_table

from playground.data.suggest import suggest
from playground.experiment import decode, encode
from playground.formats.opening import load

pytestmark = pytest.mark.compile


def test_fields_are_set_from_the_command_line(run, without_plot):
    changes = {
        "training.optimizer.learning_rate": 0.05,
        "training.batch_size": 7,
        "name": "Zwei Ringe",
        "network.layers.0.activation": "relu",
    }
    words = [word for field, value in changes.items() for word in ("--set", f"{field}={value}")]
    assert run("train", "circle", "--epochs", "1", "--quiet", "--out", "out", *words).code == 0
    written = json.loads(Path("out/experiment.json").read_text(encoding="utf-8"))
    assert written["training"]["optimizer"]["learning_rate"] == 0.05
    assert written["training"]["batch_size"] == 7
    assert written["name"] == "Zwei Ringe"
    assert written["network"]["layers"][0]["activation"] == "relu"


def test_one_seed_sets_all_three_and_repeats_the_run(run, without_plot):
    for name, seed in (("a", 11), ("b", 11), ("c", 12)):
        assert run("train", "xor", "--epochs", "3", "--quiet", "--seed", seed, "--out", name).code == 0
    written = decode(Path("a/experiment.json").read_bytes())
    assert (written.data.seed, written.network.seed, written.training.seed) == (11, 11, 11)
    first, same, other = (load(f"{name}/model.safetensors").parameters for name in "abc")
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert Path("a/history.csv").read_bytes() == Path("b/history.csv").read_bytes()


def test_a_written_experiment_trains_again_to_the_same_weights(run, without_plot):
    assert run("train", "iris", "--epochs", "4", "--quiet", "--out", "first").code == 0
    assert run("train", "first/experiment.json", "--quiet", "--out", "second").code == 0
    assert Path("first/experiment.json").read_bytes() == Path("second/experiment.json").read_bytes()
    assert np.array_equal(load("first/model.safetensors").parameters, load("second/model.safetensors").parameters)


def test_a_model_goes_on_from_where_it_stopped(run, without_plot):
    assert run("train", "iris", "--epochs", "5", "--quiet", "--out", "first").code == 0
    assert run("train", "first/model.safetensors", "--epochs", "10", "--quiet", "--out", "second").code == 0
    first, second = history("first")[1], history("second")[1]
    assert second[0, 1:] == pytest.approx(first[-1, 1:], rel=1e-6)
    assert second[-1, 1] < first[-1, 1]


def test_an_existing_path_wins_over_a_preset(run, without_plot):
    write_table("circle", ["a", "y"], [[row, row % 2] for row in range(20)])
    assert run("train", "circle", "--epochs", "1", "--quiet", "--out", "out").code == 0
    assert decode(Path("out/experiment.json").read_bytes()).data.source.path == str(Path("circle").resolve())


def test_a_bare_table_trains_with_its_columns_named(run, without_plot, folder):
    dataset = write_iris()
    result = run("train", "iris.csv", "--ignore", "label", "--epochs", "30", "--quiet")
    assert result.code == 0
    assert value_of(result.out, "test_accuracy") > 0.8
    model = load(folder / "iris-1" / "model.safetensors")
    assert model.classes == dataset.class_names
    assert model.preprocessing.columns == dataset.feature_names
    assert model.experiment.data.source.ignore == ("label",)


def test_a_tables_targets_and_task_can_be_said(run, without_plot):
    write_iris()
    words = ["--ignore", "label", "--ignore", "species", "--target", "petal length (cm)", "--target", "petal width (cm)"]
    result = run("train", "iris.csv", *words, "--epochs", "2", "--quiet", "--out", "two")
    assert result.code == 0
    assert load("two/model.safetensors").preprocessing.target_names == ("petal length (cm)", "petal width (cm)")
    write_table("scores.csv", ["a", "score"], [[row, row % 5] for row in range(40)])
    assert run("train", "scores.csv", "--epochs", "1", "--quiet", "--out", "guessed").code == 0
    assert run("train", "scores.csv", "--task", "regression", "--epochs", "1", "--quiet", "--out", "said").code == 0
    assert load("guessed/model.safetensors").experiment.training.task == "multiclass"
    assert load("said/model.safetensors").experiment.training.task == "regression"


def test_a_table_in_another_folder_trains_and_so_does_its_own_experiment_from_anywhere(run, without_plot, folder, monkeypatch):
    (folder / "sub").mkdir()
    write_table("sub/points.csv", ["a", "y"], [[row, row % 2] for row in range(20)])
    assert run("train", "sub/points.csv", "--epochs", "1", "--quiet", "--out", "out").code == 0
    assert decode(Path("out/experiment.json").read_bytes()).data.source.path == str(folder / "sub" / "points.csv")
    monkeypatch.chdir(folder / "out")
    assert run("train", "experiment.json", "--quiet", "--out", "again").code == 0
    first, second = load("model.safetensors"), load("again/model.safetensors")
    assert np.array_equal(first.parameters, second.parameters)


@pytest.mark.parametrize("word", ["train", "rates"])
def test_an_experiment_finds_its_table_beside_it(run, without_plot, folder, word):
    (folder / "sub").mkdir()
    write_table("sub/points.csv", ["a", "y"], [[row, row % 2] for row in range(200)])
    experiment = json.loads(encode(suggest("sub/points.csv")))
    experiment["data"]["source"]["path"] = "points.csv"
    experiment["training"]["epochs"] = 1
    Path("sub/e.json").write_text(json.dumps(experiment), encoding="utf-8")
    result = run(word, "sub/e.json", "--backend", "reference")
    assert result.code == 0, result.err


def test_a_loss_brings_the_outputs_that_it_works_with(run, without_plot):
    words = ("--set", "training.loss=categorical_cross_entropy", "--epochs", "1", "--backend", "reference")
    result = run("train", "circle", *words, "--quiet", "--out", "out")
    assert result.code == 0
    assert result.err.splitlines() == [
        'playground: network.output_activation is "softmax" now, as training.loss would not go with what it was.'
    ]
    written = decode(Path("out/experiment.json").read_bytes())
    assert written.network.output_activation == "softmax"
    assert load("out/model.safetensors").preprocessing.outputs == 2
