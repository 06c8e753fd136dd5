"""Tables in text files: comma, semicolon, tab or bar between the columns, decimal point or comma."""

from __future__ import annotations

import csv
import io
import os
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.storage import FileError, read_bytes
from playground.words import tr

if TYPE_CHECKING:
    import pandas as pd


def load(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table with a header.

    Returns
    -------
    frame
        The rows, indexed by the line of the file where each begins.

    Raises
    ------
    FileError
        If it can't be read, or is no such table; the message says what to mend.
    """
    import pandas as pd

    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FileError(
            tr("{path}: line {line} isn't UTF-8 text; save the file as CSV in UTF-8.").format(path=path, line=line)
        ) from None
    if "\0" in text:
        raise FileError(tr("{path}: it isn't a text table; save it as CSV in UTF-8.").format(path=path))
    if not text.strip():
        raise FileError(tr("{path}: it is empty; a header and at least two rows are needed.").format(path=path))
    header = text.lstrip(" \r\n").splitlines()[0]
    # Delimiters inside quotes belong to a name.
    delimiter = max(",;\t|", key=re.sub(r'"[^"]*"', "", header).count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    for name in names:
        if names.count(name) > 1:
            raise FileError(
                tr("{path}: the column {name!r} is there twice; give each column a name of its own.").format(path=path, name=name)
            )
    # A decimal comma only makes sense where the comma doesn't part columns, and no number has a decimal point.
    decimal = "," if delimiter != "," and _has_numbers(text, delimiter, ",") and not _has_numbers(text, delimiter, ".") else "."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # pandas only warns where cells beyond the header's columns would be dropped.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text),
                sep=delimiter,
                skipinitialspace=True,
                index_col=False,
                on_bad_lines="error",
                decimal=decimal,
                # Only an empty cell has no value: "NA" and "None" may well be names of classes.
                keep_default_na=False,
                na_values=[""],
            )
    except pd.errors.ParserWarning:
        raise FileError(
            tr("{path}: it can't be read as a table: its rows have more cells than the header; every row needs as many.").format(
                path=path
            )
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        if "EOF inside string" in reason:
            raise FileError(
                tr("{path}: a quotation mark is opened and never closed; close it or remove it.").format(path=path)
            ) from None
        raise FileError(
            tr("{path}: it can't be read as a table: {reason}; every row needs as many cells as the header.").format(
                path=path, reason=reason
            )
        ) from None
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    if frame.empty:
        raise FileError(tr("{path}: it has a header but no rows; add at least two.").format(path=path))
    # Complaints name the line that an editor shows.
    frame.index = pd.Index(_lines_of_rows(text, delimiter, len(frame)))
    return frame


def _has_numbers(text: str, delimiter: str, point: str) -> bool:
    """Whether a cell is a number with that decimal point."""
    edge, number = re.escape(delimiter), rf"[-+]?\d+{re.escape(point)}\d+(?:[eE][-+]?\d+)?"
    return re.search(rf'(?:^|{edge})[ "]*{number}[ "]*(?:\r?$|{edge})', text, re.MULTILINE) is not None


def _lines_of_rows(text: str, delimiter: str, count: int) -> Sequence[int]:
    """The line where each row begins, counted from 1; blank lines and line breaks in quotes push it down."""
    usual = range(2, count + 2)
    if text.rstrip().count("\n") == count:
        return usual
    lines, begin = [], 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if len(cells) > 1 or "".join(cells).strip():
                lines.append(begin)
            begin = reader.line_num + 1
    except csv.Error:
        return usual
    return lines[1:] if len(lines) == count + 1 else usual
