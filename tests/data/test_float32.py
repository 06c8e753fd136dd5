"""What has no place in float32, as it is or standardized, is refused by row and name: neither learned nor predicted."""

import numpy as np
import pytest

from playground.cli.main import run as command
from playground.data.preprocessing import prepare
from playground.data.suggest import suggest
from playground.experiment import ExperimentError, set_field
from playground.formats import safetensors
from playground.training.trainer import train


def table(far, column="a"):
    """Twenty rows of which the last is far from all others in a column."""
    cells = [[f"{row}e-27", f"{row % 7}e-27"] for row in range(19)] + [["1e-27", "1e-27"]]
    cells[-1]["ay".index(column)] = far
    return "a,y\n" + "".join(f"{a},{y}\n" for a, y in cells)


def without_the_last(experiment, path):
    """A seed that keeps the last row for the test."""
    for seed in range(100):
        seeded = set_field(experiment, "data.seed", str(seed))
        small = set_field(seeded, "data.standardize", "false")
        if 19 in prepare(small).test_rows:
            return seeded
    raise AssertionError(path)


@pytest.mark.parametrize("column", ["a", "y"])
def test_a_test_row_that_standardizing_drives_out_of_float32_is_named(write, column):
    path = write(table("1e20", column))
    experiment = without_the_last(suggest(path, task="regression"), path)
    with pytest.raises(ExperimentError) as refused:
        prepare(experiment)
    assert f"row 20: 1e+20 in {column!r} is too far from what is learned from" in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_row_to_predict_is_named_with_its_file_and_nothing_is_written(write, tmp_path, capsys):
    model = train(set_field(suggest(write(table("2e-27"))), "training.epochs", "1"), backend="reference")
    safetensors.save(model, tmp_path / "model.safetensors")
    rows = write("a\n1e-27\n3e29\n", "rows.csv")
    out = tmp_path / "out.csv"
    assert command(["predict", str(tmp_path / "model.safetensors"), rows, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert f"{rows}: row 2: 3e+29 in 'a' is too far from what is learned from" in said
    assert not out.exists()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_program_that_predicts_what_is_no_number_is_told_so(write, value):
    model = train(set_field(suggest(write(table("2e-27"))), "training.epochs", "1"), backend="reference")
    with pytest.raises(ExperimentError, match=rf"row 2: {value:g} in 'a' is no number"):
        model.predict([[1e-27], [value]])
