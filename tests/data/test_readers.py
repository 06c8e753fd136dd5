"""Tables as they stand in files: what is read, and what is refused with which mend."""

import pytest
from tables import PLAIN, refusal, source

from playground.data.columns import load_table
from playground.data.readers import ENDINGS, READERS, Reader, read_table


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


def test_a_column_named_twice_is_refused(write):
    message = refusal(read_table, write("height,kind, height\n1,cat,2\n"))
    assert "'height' is there twice" in message


@pytest.mark.parametrize(
    ("rows", "line", "cells"),
    [
        ("1,2\n3,4,5\n6,7\n", 3, 3),
        ("1,2,3\n4,5,6\n", 2, 3),
        ("1,2,3,4\n5,6,7,8\n", 2, 4),
        ("1,2,\n3,4,5\n", 3, 3),
        ('1,"2\n3"\n\n4,5,6\n', 5, 3),
    ],
    ids=["one row", "every row by one", "every row by two", "some rows", "below a line break in quotes"],
)
def test_rows_with_more_cells_than_the_header_are_refused_by_their_line(write, rows, line, cells):
    message = refusal(read_table, write("a,b\n" + rows))
    assert f"can't be read as a table: line {line} has {cells} cells, the header has 2; every row needs as many" in message


def test_a_delimiter_at_the_end_of_every_row_is_forgiven(write):
    frame = read_table(write("a,b\n1,2,\n3,4,\n"))
    assert frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_a_quote_that_never_ends_is_refused(write):
    assert "a quotation mark is opened and never closed" in refusal(read_table, write('a,b\n"1,2\n3,4\n'))


def test_every_ending_has_one_reader_and_any_other_is_read_as_text(write):
    assert len(set(ENDINGS)) == len(ENDINGS) == sum(len(reader.endings) for reader in READERS)
    assert all(ending == ending.lower() and ending.startswith(".") for ending in ENDINGS)
    for name in (*(f"table{ending}" for ending in ENDINGS), "TABLE.CSV", "table.data", "table"):
        assert read_table(write(PLAIN, name))["weight"].tolist() == [50, 75, 80]


def test_a_further_format_is_one_record(write, monkeypatch):
    """As a spreadsheet's would be: whatever asks for a table by its path gets it from the reader of its ending."""
    import pandas as pd

    frame = pd.DataFrame({"a": [1.0, 2.0], "y": [0, 1]}, index=[2, 3])
    monkeypatch.setattr("playground.data.readers.READERS", (*READERS, Reader("Sheet", (".sheet",), lambda path, spelled: frame)))
    dataset = load_table(source(write("no text", "book.SHEET")), "binary")
    assert dataset.features.tolist() == [[1.0], [2.0]]
