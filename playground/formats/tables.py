"""Tables as CSV text that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import chain

# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Not so where the whole cell is a number: an apostrophe would make a word of it.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?|[-+](?:inf|nan)")


def csv_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as CSV, with a line feed after each row.

    Numbers stay as they are; a word that a spreadsheet would take for a formula gets an apostrophe in front.

    Parameters
    ----------
    header
        Names of the columns.
    rows
        The cells of each row.
    """
    line = io.StringIO()
    # Before Python 3.13 a carriage return is put in quotation marks only where lines end with one.
    writer = csv.writer(line, lineterminator="\r\n")
    lines = []
    for row in chain([header], rows):
        line.seek(0)
        line.truncate()
        writer.writerow([_safe(cell) for cell in row])
        lines.append(line.getvalue().removesuffix("\r\n"))
    return "".join(f"{text}\n" for text in lines)


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(cell) else cell
