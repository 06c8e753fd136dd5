"""Tables as CSV text that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import chain

# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_table(header: Sequence[str], rows: Iterable[Sequence[str]], has_words: bool) -> str:
    """A table as CSV, with a line feed after each row.

    Parameters
    ----------
    header
        Names of the columns; like other words, one that a spreadsheet would take for a formula gets an apostrophe in front.
    rows
        The cells of each row.
    has_words
        Whether cells may be words; where all are numbers, those below 0 must keep their sign in front.
    """
    line = io.StringIO()
    # Before Python 3.13 a carriage return is put in quotation marks only where lines end with one.
    writer = csv.writer(line, lineterminator="\r\n")
    lines = []
    for row in chain([[_safe(cell) for cell in header]], ([_safe(cell) for cell in row] if has_words else row for row in rows)):
        line.seek(0)
        line.truncate()
        writer.writerow(row)
        lines.append(line.getvalue().removesuffix("\r\n"))
    return "".join(f"{text}\n" for text in lines)


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
