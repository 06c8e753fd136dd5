"""Saved tables: what a spreadsheet would run is marked as text, numbers stay numbers, and all is read back as it was."""

import csv
import io

import pytest

from playground.formats.tables import csv_table


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_words_that_a_spreadsheet_would_run_are_marked_as_text(cell):
    # A carriage return within a cell would end the row, but for quotation marks.
    marked = f'"\'{cell}"' if "\r" in cell else f"'{cell}"
    assert csv_table([cell, "a"], [["b", cell]], has_words=True) == f"{marked},a\nb,{marked}\n"


def test_numbers_keep_their_sign_but_names_of_columns_are_words():
    assert csv_table(["-x", "y"], [["-0.5", "1"], ["nan", "-inf"]], has_words=False) == "'-x,y\n-0.5,1\nnan,-inf\n"


def test_whatever_stands_in_a_cell_is_read_back():
    rows = [["a,b", 'say "no"'], ["two\nlines", "Größe ✓"], ["", " "], ["one\rtwo", "both\r\nends"]]
    assert list(csv.reader(io.StringIO(csv_table(["one", "two"], rows, has_words=True), newline="")))[1:] == rows
