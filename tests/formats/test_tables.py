"""Saved tables: what a spreadsheet would run is marked as text, numbers stay numbers, and all is read back as it was."""

import csv
import io

import numpy as np
import pytest

from playground.formats.tables import csv_table


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-x", "@SUM(A1)", "\tx", "\rx", "-1e", "+1 2", "--1", "-", "-1\n"])
def test_words_that_a_spreadsheet_would_run_are_marked_as_text(cell):
    # A line end within a cell would end the row, but for quotation marks.
    marked = f'"\'{cell}"' if "\r" in cell or "\n" in cell else f"'{cell}"
    assert csv_table([cell, "a"], [["b", cell]]) == f"{marked},a\nb,{marked}\n"


@pytest.mark.parametrize("cell", ["-1", "+5", "1e-3", "-.5", "-1.", "+1E+5", "-0.5", "-inf", "nan"])
def test_numbers_stay_numbers_wherever_they_stand(cell):
    """An apostrophe would make a word of them, for spreadsheets and for every other reader."""
    assert csv_table([cell, "-x"], [["word", cell]]) == f"{cell},'-x\nword,{cell}\n"
    assert np.isnan(float(cell)) == (cell == "nan"), "a number for Python, too"


def test_a_number_with_a_decimal_comma_is_one_as_well():
    assert csv_table(["a"], [["-1,5"], ["-1,5,3"]]) == 'a\n"-1,5"\n"\'-1,5,3"\n'


def test_whatever_stands_in_a_cell_is_read_back():
    rows = [["a,b", 'say "no"'], ["two\nlines", "Größe ✓"], ["", " "], ["one\rtwo", "both\r\nends"]]
    assert list(csv.reader(io.StringIO(csv_table(["one", "two"], rows), newline="")))[1:] == rows
