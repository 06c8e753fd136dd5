"""Predictions from the command line."""

from pathlib import Path

import numpy as np
import pytest
from command_lines import rows_of, write_iris, write_table

from playground.cli import main as cli
from playground.data.bundled import load_bundled
from playground.formats.opening import load

pytestmark = pytest.mark.compile


def test_predictions_come_in_input_order_with_a_probability_per_class(run, iris_model):
    dataset = write_iris()
    result = run("predict", iris_model, "iris.csv")
    header, *rows = rows_of(result.out)
    assert result.code == 0
    assert header == ["prediction", "probability_setosa", "probability_versicolor", "probability_virginica"]
    shares = np.array([row[1:] for row in rows], float)
    assert np.allclose(shares, load(iris_model).predict(dataset.features), atol=1e-6)
    assert [row[0] for row in rows] == [dataset.class_names[number] for number in shares.argmax(axis=1)]
    assert np.mean([row[0] == dataset.class_names[int(t)] for row, t in zip(rows, dataset.targets[:, 0], strict=True)]) > 0.9


def test_columns_are_found_by_name_and_rows_keep_their_order(run, iris_model):
    write_iris()
    header, *rows = rows_of(Path("iris.csv").read_text())
    write_table("mirrored.csv", header[::-1], [row[::-1] for row in rows[::-1]])
    straight, mirrored = run("predict", iris_model, "iris.csv"), run("predict", iris_model, "mirrored.csv")
    assert mirrored.code == 0
    assert rows_of(mirrored.out)[1:] == rows_of(straight.out)[:0:-1]


def test_predictions_go_into_a_file_where_one_is_named(run, iris_model):
    write_iris(rows=5)
    shown = run("predict", iris_model, "iris.csv")
    written = run("predict", iris_model, "iris.csv", "--out", "predictions.csv")
    assert (written.code, written.out) == (0, "")
    assert "predictions.csv" in written.err
    assert Path("predictions.csv").read_text() == shown.out
    assert len(shown.out.splitlines()) == 6


def test_yes_or_no_has_two_probabilities_that_add_up_to_one(run, without_plot):
    assert run("train", "gauss", "--epochs", "3", "--quiet", "--out", "out").code == 0
    write_table("points.csv", ["x1", "x2"], [[2, 2], [-2, -2], [3, 3]])
    header, *rows = rows_of(run("predict", "out/model.safetensors", "points.csv").out)
    assert header == ["prediction", "probability_orange", "probability_blue"]
    assert [row[0] for row in rows] == ["blue", "orange", "blue"]
    for answer, orange, blue in rows:
        assert (float(blue) > 0.5) == (answer == "blue")
        assert float(orange) + float(blue) == pytest.approx(1, abs=2e-6)


def test_quantities_and_labels_have_columns_of_their_names(run, without_plot):
    for name in ("linnerud", "diabetes", "multilabel"):
        dataset = load_bundled(name)
        assert run("train", name, "--epochs", "1", "--quiet", "--out", name).code == 0
        write_table("rows.csv", dataset.feature_names, dataset.features[:4])
        header, *rows = rows_of(run("predict", f"{name}/model.safetensors", "rows.csv").out)
        expected = load(f"{name}/model.safetensors").predict(dataset.features[:4])
        if name == "multilabel":
            assert header == [f"{kind}_{label}" for kind in ("prediction", "probability") for label in dataset.class_names]
            assert {cell for row in rows for cell in row[:5]} <= {"0", "1"}
            rows = [row[5:] for row in rows]
        else:
            assert header == (["prediction"] if name == "diabetes" else [f"prediction_{t}" for t in dataset.target_names])
        assert np.allclose(np.array(rows, float), expected, rtol=1e-6, atol=1e-6)


def test_no_spreadsheet_takes_a_prediction_for_a_formula(run, without_plot):
    names = ["=1+1", "+z", "-y", "@x", "plain"]
    write_table("table.csv", ["a", "kind"], [[row % 5, names[row % 5]] for row in range(100)])
    words = ("--epochs", "150", "--set", "training.optimizer.learning_rate=0.03")
    assert run("train", "table.csv", *words, "--quiet", "--out", "out").code == 0
    write_table("rows.csv", ["a"], [[row] for row in range(5)])
    header, *rows = rows_of(run("predict", "out/model.safetensors", "rows.csv").out)
    assert [row[0] for row in rows] == ["'=1+1", "'+z", "'-y", "'@x", "plain"]
    assert set(header[1:]) == {f"probability_{name}" for name in names}


def test_a_negative_quantity_is_a_number_not_a_text(run, without_plot):
    write_table("table.csv", ["a", "y"], [[row, -1.5 * row - 100] for row in range(30)])
    assert run("train", "table.csv", "--epochs", "2", "--quiet", "--out", "out").code == 0
    _, *rows = rows_of(run("predict", "out/model.safetensors", "table.csv").out)
    assert all(float(row[0]) < 0 for row in rows)


def test_predictions_never_take_the_place_of_what_they_are_made_from(tmp_path, capsys):
    assert cli.run(["train", "iris", "--epochs", "2", "--out", str(tmp_path / "m"), "--quiet"]) == 0
    model, table = tmp_path / "m" / "model.safetensors", tmp_path / "rows.csv"
    table.write_text("sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n5,3,1,0.2\n")
    for target in (model, table):
        before = target.read_bytes()
        capsys.readouterr()
        assert cli.run(["predict", str(model), str(table), "--out", str(target)]) == 2
        assert "another file" in capsys.readouterr().err
        assert target.read_bytes() == before
