"""The first experiment for a bare table: what is guessed, and what is refused."""

import pytest
from tables import FLOWERS, refusal

from playground.data.columns import MOST_CLASSES, ColumnError
from playground.data.sources import load_dataset
from playground.data.suggest import suggest
from playground.experiment import Adam, Dense, FileSource, decode, encode


def test_text_to_learn_from_is_refused_with_the_column_and_the_way_out(write):
    path = write("name,height,kind\nAnna,1,cat\nBob,2,dog\n")
    with pytest.raises(ColumnError) as refused:
        suggest(path)
    assert refused.value.column == "name"
    assert "column 'name' holds text ('Anna' in line 2)" in str(refused.value)
    assert "--ignore name" in str(refused.value)
    assert suggest(path, ignore=("name",)).data.source.ignore == ("name",)


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


def test_too_many_classes_are_refused(write):
    rows = "".join(f"{row},c{row}\n" for row in range(MOST_CLASSES + 1))
    assert f"up to {MOST_CLASSES} classes" in refusal(suggest, write("a,y\n" + rows))


def test_a_changed_file_is_read_again(write):
    experiment = suggest(write("a,y\n1,0\n2,1\n3,0\n"))
    write("a,y\n1,0\n2,1\n30,0\n")
    assert load_dataset(experiment.data, "binary").features[2, 0] == 30


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


def test_quantities_with_a_decimal_comma_are_quantities(write):
    path = write("a;y\n1;0,5\n2;−1,5\n3;1e1\n4;2\n")
    assert suggest(path).training.task == "regression"
    assert load_dataset(suggest(path).data, "regression").targets[:, 0].tolist() == [0.5, -1.5, 10, 2]


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


def test_the_experiment_finds_its_table_from_any_folder_and_complaints_name_it_as_it_was_named(write, tmp_path, monkeypatch):
    path = write("a,y\n1,0\n2,1\n3,0\n")
    monkeypatch.chdir(tmp_path)
    experiment = suggest("table.csv")
    assert experiment.data.source.path == path
    monkeypatch.chdir("/")
    assert load_dataset(experiment.data, "binary").features.tolist() == [[1], [2], [3]]
    monkeypatch.chdir(tmp_path)
    write("name,y\nAnna,0\nBob,1\n")
    assert refusal(suggest, "table.csv").startswith("table.csv: column 'name' holds text")
