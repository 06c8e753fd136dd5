"""The history: a table that only grows, and its form as a file."""

import csv
import io
import math

import numpy as np

from playground.training.history import History, Recorder, history_columns, history_table


def test_rows_are_added_and_earlier_histories_stay_as_they_are():
    recorder, handed_out = Recorder(("epoch", "train_loss")), []
    for epoch in range(1000):
        recorder.add([epoch, 1 / (epoch + 1)])
        handed_out.append(recorder.history)
    for number, history in enumerate(handed_out, start=1):
        assert history.length == number
        assert history.last() == {"epoch": number - 1, "train_loss": 1 / number}
    np.testing.assert_array_equal(handed_out[-1].column("epoch"), np.arange(1000))
    assert handed_out[-1].row(7) == {"epoch": 7.0, "train_loss": 1 / 8}
    assert len(handed_out[20].column("epoch")) == 21


def test_a_history_without_rows_has_no_last_one():
    assert Recorder(("epoch",)).history.last() == {}


def test_layers_may_come_to_stand_under_other_names():
    recorder = Recorder(("epoch", "gradient_size_layers.0"))
    recorder.add([0, 2.0])
    before = recorder.history
    recorder.columns = ("epoch", "gradient_size_layers.1")
    recorder.add([1, 3.0])
    assert before.columns[1] == "gradient_size_layers.0"
    np.testing.assert_array_equal(recorder.history.column("gradient_size_layers.1"), [2.0, 3.0])


def test_the_columns_are_those_of_the_task_part_by_part():
    assert history_columns("multiclass") == ("epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy")
    columns = history_columns("regression", validates=True, layers=("layers.0",))
    assert columns[:4] == ("epoch", "train_loss", "validation_loss", "test_loss")
    assert columns[-2:] == ("gradient_size_layers.0", "gradient_noise_layers.0")


def test_the_table_holds_every_row_to_nine_digits_and_keeps_signs():
    rows = np.array([[0.0, 1 / 3, -0.25], [1.5, math.nan, 12345.6789012], [2.0, 0.0, 0.0]])
    text = history_table(History(("epoch", "test_loss", "test_r2"), rows, 2))
    assert text == "epoch,test_loss,test_r2\n0,0.333333333,-0.25\n1.5,nan,12345.6789\n"
    _, *lines = csv.reader(io.StringIO(text))
    np.testing.assert_allclose(np.array(lines, float), rows[:2], rtol=1e-8)


def test_a_column_that_a_spreadsheet_would_take_for_a_formula_is_marked_as_text():
    assert history_table(History(("=cmd",), np.zeros((1, 1)), 1)).startswith("'=cmd\n")
