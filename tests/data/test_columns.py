"""From tables to rows of numbers: what is learned from, what is refused, and by which name and line."""

import numpy as np
import pytest
from tables import FLOWERS, refusal, source

from playground.data.columns import ColumnError, feature_rows, load_table
from playground.data.preprocessing import prepare
from playground.data.readers import read_table
from playground.data.suggest import suggest
from playground.experiment import DataSpec, Experiment, NetworkSpec, TrainingSpec, default_loss


def outputs_for(file_source, task):
    """How many outputs a network for the table has."""
    training = TrainingSpec(task=task, loss=default_loss(task))
    data = prepare(Experiment(data=DataSpec(source=file_source), network=NetworkSpec(), training=training))
    return data.preprocessing.outputs


def test_a_single_row_is_refused(write):
    assert "single row" in refusal(load_table, source(write("height,kind\n1,cat\n")), "binary")
    assert "single row" in refusal(suggest, write("height,kind\n1,cat\n"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a,b,y\n1,2,0\n3,,1\n5,6,0\n", 3),
        ("a,b,y\n1,2,0\n3\n5,6,0\n", 3),
        ("a,b,y\n\n1,2,0\n\n3,,1\n5,6,0\n", 5),
        ("\n\na,b,y\n1,2,0\n3,,1\n", 5),
        ('a,b,y\n1,2,"no\nnever"\n3,,yes\n', 4),
        ("a,b,y\r\n1,2,0\r\n\r\n3,,1\r\n", 4),
    ],
    ids=["empty cell", "short row", "blank lines", "blank lines first", "line break in quotes", "Windows"],
)
def test_a_missing_value_is_named_by_the_line_an_editor_shows(write, text, line):
    with pytest.raises(ColumnError) as refused:
        load_table(source(write(text)), "binary")
    assert f"line {line} has no value in column 'b'" in str(refused.value)
    assert "--ignore b" in str(refused.value)
    assert refused.value.column == "b"


def test_one_word_among_numbers_is_named_by_its_line(write):
    message = refusal(load_table, source(write("a,y\n1,0\n2,1\n\nthree,0\n")), "binary")
    assert "'three' in line 5" in message


@pytest.mark.parametrize("cell", ["inf", "-inf", "1e999"])
def test_an_infinite_value_is_named_by_column_and_line(write, cell):
    message = refusal(load_table, source(write(f"a,y\n1,0\n{cell},1\n3,0\n")), "binary")
    assert "'a' is infinite in line 3" in message


@pytest.mark.parametrize(("cell", "says"), [("2e30", "a number beyond ±1e+30 in line 3"), ("9" * 400, "infinite")])
def test_numbers_too_large_for_float32_are_refused_by_column_and_line(write, cell, says):
    path = write(f"a,y\n1,0\n{cell},1\n3,0\n")
    assert says in refusal(load_table, source(path), "binary")
    assert says in refusal(feature_rows, read_table(path), ("a",), path)


def test_a_column_too_small_for_float32_is_refused_and_not_learned_as_zeros(write):
    path = write("a,y\n1e-300,0\n-3e-300,1\n0,0\n")
    assert "'a' holds no number beyond ±1e-30; use a smaller unit" in refusal(load_table, source(path), "binary")
    assert "'a' holds no number beyond" in refusal(load_table, source(path, "a", ignore=()), "regression")
    assert feature_rows(read_table(path), ("a",), path).tolist() == [[1e-300], [-3e-300], [0]]
    assert load_table(source(write("a,y\n0,0\n0,1\n")), "binary").features.tolist() == [[0], [0]]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_target_that_never_changes_is_refused(write, task):
    assert "same in every row" in refusal(load_table, source(write("a,y\n1,5\n2,5\n")), task)


@pytest.mark.parametrize(
    ("task", "targets", "says"),
    [
        ("binary", ("species",), "has 3 different values, a binary task has 2"),
        ("regression", ("species",), "'species' holds text ('setosa' in line 2)"),
        ("multilabel", ("petal",), "labels must be 0 or 1"),
        ("multiclass", ("petal", "species"), "one target column, not 2"),
    ],
)
def test_targets_that_do_not_fit_the_task_are_refused(write, task, targets, says):
    path = write(FLOWERS)
    ignore = () if "species" in targets else ("species",)
    assert says in refusal(load_table, source(path, *targets, ignore=ignore), task)


def test_a_target_without_a_value_is_named_by_line(write):
    message = refusal(load_table, source(write("a,y\n1,cat\n2,\n3,dog\n")), "binary")
    assert "line 3 has no value in the target column 'y'" in message


def test_a_table_becomes_a_data_set(write):
    dataset = load_table(source(write(FLOWERS, "my flowers.csv"), "species"), "multiclass")
    assert np.array_equal(dataset.features, [[5.1, 1.4], [6.0, 4.2], [6.5, 5.5], [5.0, 1.3]])
    assert dataset.features.dtype == np.float64
    assert dataset.targets.tolist() == [[0], [1], [2], [0]]
    assert dataset.class_names == ("setosa", "versicolor", "virginica")
    assert (dataset.feature_names, dataset.target_names) == (("sepal", "petal"), ("species",))
    assert dataset.name == "my flowers"
    assert outputs_for(source(write(FLOWERS, "my flowers.csv"), "species"), "multiclass") == 3


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["b", "a", "c"], ("a", "b", "c")),
        (["10", "9", "2"], ("2", "9", "10")),
        (["2.0", "1", "3"], ("1", "2.0", "3")),
        (["0.5", "1", "3"], ("0.5", "1", "3")),
        (["yes", "1", "No"], ("1", "No", "yes")),
    ],
)
def test_classes_are_sorted_and_named(write, cells, names):
    dataset = load_table(source(write("a,y\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells)))), "multiclass")
    assert dataset.class_names == names
    shown = [dataset.class_names[int(number)] for number in dataset.targets[:, 0]]
    assert cells == shown


def test_true_and_false_are_two_classes_and_numbers_to_learn_from(write):
    dataset = load_table(source(write("a,y\nTrue,False\nFalse,True\nTrue,True\n")), "binary")
    assert dataset.class_names == ("False", "True")
    assert dataset.targets[:, 0].tolist() == [0, 1, 1]
    assert dataset.features[:, 0].tolist() == [1, 0, 1]


def test_the_last_column_that_is_not_ignored_is_the_target(write):
    dataset = load_table(source(write(FLOWERS), ignore=("species",)), "regression")
    assert dataset.target_names == ("petal",)
    assert dataset.targets[:, 0].tolist() == [1.4, 4.2, 5.5, 1.3]


def test_several_quantities_and_several_labels(write):
    path = write("a,p,q\n1,0,1\n2,1,1\n3,0,0\n")
    quantities = load_table(source(path, "q", "p"), "regression")
    assert quantities.targets.tolist() == [[1, 0], [1, 1], [0, 0]]
    labels = load_table(source(path, "p", "q"), "multilabel")
    assert labels.class_names == ("p", "q")
    assert outputs_for(source(path, "p", "q"), "multilabel") == 2


def test_quantities_on_a_scale_are_read_as_quantities(write):
    path = write("a,stars\n1,1\n2,4.5\n3,5\n4,2\n")
    assert load_table(source(path), "bounded").targets[:, 0].tolist() == [1, 4.5, 5, 2]
    assert outputs_for(source(path), "bounded") == 1
    text = write("a,stars\n1,many\n2,few\n", "words.csv")
    assert "text" in refusal(load_table, source(text), "bounded")


def test_rows_for_a_model_follow_its_columns_and_pass_others_over(write):
    path = write("note,b,a\nx,1,2\ny,3,4\n")
    frame = read_table(path)
    assert feature_rows(frame, ("a", "b"), path).tolist() == [[2, 1], [4, 3]]
    assert "no column 'c' (model)" in refusal(feature_rows, frame, ("a", "c"), path)
    message = refusal(feature_rows, frame, ("note",), path)
    assert "'note' holds text" in message
    assert "--ignore" not in message, "a model can't do without its columns"


@pytest.mark.parametrize("cell", ["3", "-1", "0.5"])
def test_a_number_that_names_nothing_learned_is_refused_by_its_line(write, cell):
    path = write(f"user,item\n0,1\n2,{cell}\n")
    message = refusal(feature_rows, read_table(path), ("user", "item"), path, (3, 3))
    assert f"column 'item' holds {cell} in line 3, which was not learned; use a whole number from 0 to 2" in message
    assert feature_rows(read_table(path), ("user",), path, (3,)).tolist() == [[0], [2]]
