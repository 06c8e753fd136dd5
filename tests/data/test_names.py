"""Names of columns: equal after Unicode normalization is equal, twice is refused, look-alikes are told apart, none is endless."""

import unicodedata

import pytest
from tables import refusal, source

from playground.data.columns import feature_rows, load_table
from playground.data.names import difference
from playground.data.readers import read_table
from playground.data.suggest import suggest
from playground.experiment import FileSource

COMPOSED, COMBINING = "caf\u00e9", "cafe\u0301"
FORMS = [(COMPOSED, COMBINING), (COMBINING, COMPOSED)]


@pytest.mark.parametrize(("inside", "asked"), FORMS, ids=["file composed", "file combining"])
def test_a_column_is_found_however_its_accents_are_put_together(write, inside, asked):
    path = write(f"{inside},a,{inside}s\n1,2,3\n4,5,7\n8,8,8.5\n")
    assert suggest(path, ignore=(asked,)).data.source.ignore == (COMPOSED,)
    assert suggest(path, (asked,)).data.source.targets == (COMPOSED,)
    assert load_table(source(path, ignore=(asked,)), "regression").feature_names == ("a",)
    dataset = load_table(source(path, asked, ignore=("a",)), "regression")
    assert dataset.target_names == (COMPOSED,)
    assert dataset.targets[:, 0].tolist() == [1, 4, 8]
    assert feature_rows(read_table(path), (asked,), path).tolist() == [[1], [4], [8]]
    assert "both a target and ignored" in refusal(suggest, path, (asked,), (inside,))
    assert "is named twice" in refusal(suggest, path, (asked, inside), ("a",))


def test_two_columns_of_one_name_in_two_forms_are_the_same_name_twice(write):
    message = refusal(read_table, write(f"{COMPOSED},{COMBINING},y\n1,2,3\n"))
    assert f"the column {COMPOSED!r} is there twice (U+00E9 in one, U+0065, U+0301 in the other)" in message


def test_look_alikes_are_told_apart(write):
    message = refusal(suggest, write("p\u0430ge,y\n1,2\n3,4\n"), ("page",))
    assert "did you mean 'p\u0430ge' (U+0061 in one, U+0430 in the other)?" in message


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("tanh", "tanhh", ""),
        ("same", "same", ""),
        ("a b", "a\u00a0b", " (U+0020 in one, U+00A0 in the other)"),
        ("a", "a\u200b", " (nothing else in one, U+200B in the other)"),
    ],
)
def test_letters_are_numbered_only_where_sight_may_not_tell(one, other, said):
    assert difference(one, other) == said


def test_a_name_that_is_too_long_is_refused_by_its_column(write):
    path = write(f"a,{'x' * 100_000},y\n1,2,3\n4,5,6\n")
    message = refusal(suggest, path)
    assert "the name of column 2 has 100,000 letters, up to 200 are possible" in message
    longest = write(f"a,{'x' * 200},y\n1,2,3\n4,5,6\n")
    assert suggest(longest).data.source.targets == ("y",)


@pytest.mark.parametrize("letters", [150_000, 3_000_000])
def test_a_name_longer_than_a_cell_may_be_is_refused_alike(write, letters):
    assert "the name of column 1 has" in refusal(read_table, write(f"{'x' * letters},y\n1,2\n"))
    assert "the name of column 2 has" in refusal(read_table, write(f"y,{'x' * letters}\n1,2\n"))


def test_a_quote_that_opens_in_the_header_and_swallows_the_table_is_named(write):
    rows = "1,2\n" * 50_000
    for end in ("", '"\n'):
        assert "a quotation mark is opened and never closed" in refusal(read_table, write('a,"b\n' + rows + end))


def test_messages_stay_short_whatever_the_columns_are_called(write):
    names = [f"{letter * 199}" for letter in "abcdefghijklmn"]
    path = write(",".join(names) + "\n" + ",".join("1" * 14) + "\n" + ",".join("x" * 14) + "\n")
    for message in (refusal(suggest, path), refusal(suggest, path, ("nothing",)), refusal(suggest, path, ("z" * 100_000,))):
        assert len(message) < 100_500 if "zzz" in message else len(message) < 500


def test_columns_without_a_name_are_called_by_their_place(write):
    frame = read_table(write(',a,"  "\n1,2,3\n4,5,6\n'))
    assert list(frame.columns) == ["Unnamed: 0", "a", "Unnamed: 2"]
    assert "'Unnamed: 1' is there twice;" in refusal(read_table, write("Unnamed: 1,,y\n1,2,3\n"))


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x1c"])
def test_only_line_ends_end_the_header(write, sign):
    frame = read_table(write(f"a{sign}b,c,y\n1,2,3\n"))
    assert list(frame.columns) == [f"a{sign}b", "c", "y"]


def test_a_name_in_quotes_may_have_lines(write):
    frame = read_table(write('"a\nb",c,y\n1,2,3\n4,5,6\n'))
    assert list(frame.columns) == ["a\nb", "c", "y"]
    assert list(frame.index) == [3, 4]
    message = refusal(load_table, source(write('"a\nb",c,y\nx,2,3\n4,5,6\n')), "regression")
    assert "--ignore 'a\\nb'" in message


def test_a_quote_within_a_name_opens_nothing(write):
    assert list(read_table(write('5" pipe,b\n1,2\n3,4\n')).columns) == ['5" pipe', "b"]


def test_the_names_of_an_experiment_fit_a_file_that_was_moved(write):
    """Some file systems and spreadsheets take names apart when they save."""
    path = write(unicodedata.normalize("NFD", "größe,art,note\n1,2,x\n3,4,y\n5,6,x\n"))
    experiment_source = FileSource(path=path, targets=("note",), ignore=("größe",))
    assert load_table(experiment_source, "binary").feature_names == ("art",)
