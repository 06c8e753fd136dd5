"""Tables from files: what is read, what is refused and with which mend, and the first experiment guessed for a bare table."""

import numpy as np
import pytest

from playground.data.columns import MOST_CLASSES, ColumnError, feature_rows, load_table, read_table, suggest
from playground.data.dataset import load_dataset
from playground.data.preprocessing import prepare
from playground.experiment import (
    Adam,
    DataSpec,
    Dense,
    Experiment,
    FileSource,
    NetworkSpec,
    TrainingSpec,
    decode,
    default_loss,
    encode,
)
from playground.storage import FileError

PLAIN = "height,weight,kind\n1.5,50,cat\n1.75,75,dog\n2,80,cat\n"
FLOWERS = "sepal,petal,species\n5.1,1.4,setosa\n6.0,4.2,versicolor\n6.5,5.5,virginica\n5.0,1.3,setosa\n"


@pytest.fixture
def write(tmp_path):
    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def source(path, *targets, ignore=()):
    return FileSource(path=path, targets=targets, ignore=ignore)


def outputs_for(file_source, task):
    """How many outputs a network for the table has."""
    training = TrainingSpec(task=task, loss=default_loss(task))
    data = prepare(Experiment(data=DataSpec(source=file_source), network=NetworkSpec(), training=training))
    return data.preprocessing.outputs


def refusal(action, *arguments, **keywords):
    """The message of a refusal, which is one sentence in one line."""
    with pytest.raises(FileError) as refused:
        action(*arguments, **keywords)
    message = str(refused.value)
    assert message.endswith((".", "?"))
    assert "\n" not in message
    return message


# Reading


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_columns_are_parted_by_what_the_header_has_most_of(write, delimiter):
    frame = read_table(write(PLAIN.replace(",", delimiter)))
    assert list(frame.columns) == ["height", "weight", "kind"]
    assert frame["height"].tolist() == [1.5, 1.75, 2.0]
    assert frame["kind"].tolist() == ["cat", "dog", "cat"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_systems_line_ends_are_read(write, ending):
    frame = read_table(write(PLAIN.replace("\n", ending)))
    assert frame["weight"].tolist() == [50, 75, 80]
    assert list(frame.columns)[-1] == "kind"


def test_a_byte_order_mark_is_no_part_of_the_first_name(write):
    assert read_table(write(b"\xef\xbb\xbf" + PLAIN.encode())).columns[0] == "height"


def test_blanks_around_names_and_before_cells_are_dropped(write):
    frame = read_table(write(" height , kind\n1, cat\n2, dog\n"))
    assert list(frame.columns) == ["height", "kind"]
    assert frame["kind"].tolist() == ["cat", "dog"]


def test_quoted_cells_may_hold_delimiters(write):
    frame = read_table(write('"size, in m",kind\n1,"cat, small"\n2,dog\n'))
    assert list(frame.columns) == ["size, in m", "kind"]
    assert frame["kind"].tolist() == ["cat, small", "dog"]


def test_delimiters_inside_quoted_names_do_not_count(write):
    frame = read_table(write('"width, height";"weight"\n1;2\n3;4\n'))
    assert list(frame.columns) == ["width, height", "weight"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_commas_are_numbers(write, delimiter):
    text = "height;weight\n1,5;50\n-1,75;75\n2;1,5e3\n".replace(";", delimiter)
    frame = read_table(write(text))
    assert frame["height"].tolist() == [1.5, -1.75, 2.0]
    assert frame["weight"].tolist() == [50, 75, 1500]


def test_decimal_commas_stay_numbers_beside_text_with_dots(write):
    frame = read_table(write("height.m;town\n1,5;St. Gallen\n2,5;Bern\n"))
    assert frame["height.m"].tolist() == [1.5, 2.5]


def test_decimal_points_stay_points_beside_text_with_commas(write):
    frame = read_table(write("height;town\n1.5;Bern, CH\n2.5;Basel\n"))
    assert frame["height"].tolist() == [1.5, 2.5]


def test_letters_of_every_language_are_read(write):
    frame = read_table(write("größe,種類\n1,猫\n2,犬\n"))
    assert frame["種類"].tolist() == ["猫", "犬"]


# Refusals


def test_a_missing_file_is_named(tmp_path):
    message = refusal(read_table, tmp_path / "nowhere.csv")
    assert "nowhere.csv" in message
    assert "no such file" in message


def test_a_folder_is_no_table(tmp_path):
    assert "is a folder" in refusal(read_table, tmp_path)


def test_other_encodings_are_refused_by_line(write):
    message = refusal(read_table, write("name,kind\nAnna,cat\nJörg,dog\n".encode("latin-1")))
    assert "line 3 isn't UTF-8" in message
    assert "save the file as CSV in UTF-8" in message


@pytest.mark.parametrize("content", [PLAIN.encode("utf-16"), b"PK\x03\x04\x00\x00\x00", b"\x00\x01\x02\x03"])
def test_what_is_no_text_is_refused(write, content):
    assert "in UTF-8" in refusal(read_table, write(content))


@pytest.mark.parametrize("content", ["", "\n\n", "   \n", "\ufeff"])
def test_an_empty_file_is_refused(write, content):
    assert "it is empty" in refusal(read_table, write(content))


@pytest.mark.parametrize("content", ["height,kind", "height,kind\n", "height,kind\n\n\n"])
def test_a_header_alone_is_refused(write, content):
    assert "no rows" in refusal(read_table, write(content))


def test_a_single_row_is_refused(write):
    assert "single row" in refusal(load_table, source(write("height,kind\n1,cat\n")), "binary")
    assert "single row" in refusal(suggest, write("height,kind\n1,cat\n"))


def test_a_column_named_twice_is_refused(write):
    message = refusal(read_table, write("height,kind, height\n1,cat,2\n"))
    assert "'height' is there twice" in message


@pytest.mark.parametrize(
    "rows",
    ["1,2\n3,4,5\n6,7\n", "1,2,3\n4,5,6\n", "1,2,3,4\n5,6,7,8\n", "1,2,\n3,4,5\n"],
    ids=["one row", "every row by one", "every row by two", "some rows"],
)
def test_rows_with_more_cells_than_the_header_are_refused(write, rows):
    message = refusal(read_table, write("a,b\n" + rows))
    assert "can't be read as a table" in message
    assert "every row needs as many" in message


def test_a_delimiter_at_the_end_of_every_row_is_forgiven(write):
    frame = read_table(write("a,b\n1,2,\n3,4,\n"))
    assert frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_a_quote_that_never_ends_is_refused(write):
    assert "a quotation mark is opened and never closed" in refusal(read_table, write('a,b\n"1,2\n3,4\n'))


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


def test_text_to_learn_from_is_refused_with_the_column_and_the_way_out(write):
    path = write("name,height,kind\nAnna,1,cat\nBob,2,dog\n")
    with pytest.raises(ColumnError) as refused:
        suggest(path)
    assert refused.value.column == "name"
    assert "column 'name' holds text ('Anna' in line 2)" in str(refused.value)
    assert "--ignore name" in str(refused.value)
    assert suggest(path, ignore=("name",)).data.source.ignore == ("name",)


def test_one_word_among_numbers_is_named_by_its_line(write):
    message = refusal(load_table, source(write("a,y\n1,0\n2,1\n\nthree,0\n")), "binary")
    assert "'three' in line 5" in message


@pytest.mark.parametrize("cell", ["inf", "-inf", "1e999"])
def test_an_infinite_value_is_named_by_column_and_line(write, cell):
    message = refusal(load_table, source(write(f"a,y\n1,0\n{cell},1\n3,0\n")), "binary")
    assert "'a' is infinite in line 3" in message


@pytest.mark.parametrize(("role", "targets", "ignore"), [("target", ("spcies",), ()), ("ignore", (), ("spcies",))])
def test_an_unknown_column_suggests_the_nearest(write, role, targets, ignore):
    message = refusal(suggest, write(FLOWERS), targets, ignore)
    assert f"no column 'spcies' ({role})" in message
    assert "did you mean 'species'?" in message


def test_an_unknown_column_far_from_all_lists_what_there_is(write):
    assert "it has sepal, petal, species." in refusal(suggest, write(FLOWERS), ("xyz",))


def test_a_column_is_a_target_or_ignored_but_not_both(write):
    assert "both a target and ignored" in refusal(suggest, write(FLOWERS), ("species",), ("species",))


@pytest.mark.parametrize(
    ("targets", "ignore", "says"),
    [
        ((), ("sepal", "petal"), "at least one to learn from"),
        (("sepal", "petal", "species"), (), "no column is left to learn from"),
    ],
)
def test_something_must_be_left_to_learn_from(write, targets, ignore, says):
    assert says in refusal(suggest, write(FLOWERS), targets, ignore)


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


def test_too_many_classes_are_refused(write):
    rows = "".join(f"{row},c{row}\n" for row in range(MOST_CLASSES + 1))
    assert f"up to {MOST_CLASSES} classes" in refusal(suggest, write("a,y\n" + rows))


# Loading


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
        (["2.0", "1", "3"], ("1", "2", "3")),
        (["0.5", "1", "3"], ("0.5", "1", "3")),
        (["yes", "1", "No"], ("1", "No", "yes")),
    ],
)
def test_classes_are_sorted_and_named(write, cells, names):
    dataset = load_table(source(write("a,y\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells)))), "multiclass")
    assert dataset.class_names == names
    shown = [dataset.class_names[int(number)] for number in dataset.targets[:, 0]]
    assert [cell.removesuffix(".0") for cell in cells] == shown


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


def test_a_changed_file_is_read_again(write):
    experiment = suggest(write("a,y\n1,0\n2,1\n3,0\n"))
    write("a,y\n1,0\n2,1\n30,0\n")
    assert load_dataset(experiment.data, "binary").features[2, 0] == 30


def test_rows_for_a_model_follow_its_columns_and_pass_others_over(write):
    path = write("note,b,a\nx,1,2\ny,3,4\n")
    frame = read_table(path)
    assert feature_rows(frame, ("a", "b"), path).tolist() == [[2, 1], [4, 3]]
    assert "no column 'c' (model)" in refusal(feature_rows, frame, ("a", "c"), path)
    message = refusal(feature_rows, frame, ("note",), path)
    assert "'note' holds text" in message
    assert "--ignore" not in message, "a model can't do without its columns"


# The first experiment


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["cat", "dog", "cat"], "binary"),
        (["0", "1", "0"], "binary"),
        (["1.5", "2.5", "1.5"], "binary"),
        (["True", "False", "True"], "binary"),
        (["a", "b", "c"], "multiclass"),
        ([str(number) for number in range(10)], "multiclass"),
        ([f"{number}.0" for number in range(3)], "multiclass"),
        ([str(number) for number in range(11)], "regression"),
        (["1.5", "2", "3"], "regression"),
    ],
)
def test_the_task_is_guessed_from_the_target(write, cells, task):
    experiment = suggest(write("a,y\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells))))
    assert experiment.training.task == task


@pytest.mark.parametrize(("cell", "task"), [("1", "multilabel"), ("2", "regression"), ("0.5", "regression")])
def test_several_targets_are_labels_if_all_are_0_or_1(write, cell, task):
    path = write(f"a,p,q\n1,0,1\n2,1,{cell}\n3,0,0\n")
    experiment = suggest(path, targets=("p", "q"))
    assert experiment.training.task == task
    assert experiment.data.source.targets == ("p", "q")


def test_a_task_that_is_said_is_not_guessed(write):
    experiment = suggest(write("a,y\n1,0\n2,1\n3,2\n"), task="regression")
    assert (experiment.training.task, experiment.training.loss) == ("regression", "mean_squared_error")


def test_the_first_experiment_is_the_one_of_the_manual(write):
    path = write(FLOWERS, "flowers.csv")
    experiment = suggest(path)
    assert experiment.name == "flowers"
    assert experiment.data.source == FileSource(path=path, targets=("species",))
    assert experiment.data.test_fraction == 0.3
    assert experiment.network.layers == (Dense(units=16, activation="relu"), Dense(units=8, activation="relu"))
    assert experiment.training.optimizer == Adam(learning_rate=0.003)
    assert experiment.training.epochs == 100
    assert decode(encode(experiment)) == experiment
