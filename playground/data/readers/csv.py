"""Tables in text files: comma, semicolon, tab or bar between the columns, decimal point or comma."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import os
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from playground.data.cells import each_number
from playground.data.names import column_names
from playground.storage import FileError, read_bytes
from playground.words import tr

if TYPE_CHECKING:
    import pandas as pd

# pandas looks at each column by itself: with more than these, that takes longer than reading the cells.
_MANY = 1000


def load(path: str | os.PathLike[str], spelled: Callable[[list[str]], Collection[str]]) -> pd.DataFrame:
    """Read a table with a header.

    Parameters
    ----------
    path
        The file.
    spelled
        Given the names of all columns, says which to read as text.

    Returns
    -------
    frame
        The rows, indexed by the line of the file where each begins, as `read_table` describes them.

    Raises
    ------
    FileError
        If it can't be read, or is no such table; the message says what to mend.
    """
    import pandas as pd

    text = _text(path)
    rows = io.StringIO(text.lstrip(" \r\n"), newline="")
    header = rows.readline()
    # Delimiters inside quotes belong to a name.
    delimiter = max(",;\t|", key=re.sub(r'"[^"]*"', "", header).count)
    rows.seek(0)
    try:
        # Reads no further than to the end of the header, which may be lines below where names are in quotes.
        names = column_names(next(csv.reader(rows, delimiter=delimiter, skipinitialspace=True)), path)
    except csv.Error:
        # A cell that is longer than it takes: a name, or the whole table.
        column_names(header.split(delimiter), path)
        raise _open_quote(path) from None
    as_text = [names.index(name) for name in spelled(names)]
    # A decimal comma only makes sense where the comma doesn't part columns, and no number has a decimal point.
    decimal = "," if delimiter != "," and _has_numbers(text, delimiter, ",") and not _has_numbers(text, delimiter, ".") else "."
    frame = None
    if len(names) > _MANY:
        with contextlib.suppress(csv.Error):
            frame = _many_columns(path, text, delimiter, decimal, len(names), as_text)
    if frame is None:
        frame = _pandas_frame(path, text, rows, delimiter, decimal, len(names), as_text)
    if frame.empty:
        if text.count('"') % 2:
            raise _open_quote(path)
        raise FileError(tr("{path}: it has a header but no rows; add at least two.").format(path=path))
    for place in as_text:
        column = frame[place].str.strip()
        frame[place] = column.mask(column == "")
    frame.columns = pd.Index(names)
    frame.attrs["decimal"] = decimal
    return frame


def _text(path: str | os.PathLike[str]) -> str:
    """The file's text, which holds more than blanks."""
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
    return text


def _pandas_frame(
    path: str | os.PathLike[str], text: str, rows: io.StringIO, delimiter: str, decimal: str, columns: int, as_text: list[int]
) -> pd.DataFrame:
    """The rows below the header, where ``rows`` stands, as pandas reads them."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # pandas only warns where cells beyond the header's columns would be dropped.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                rows,
                sep=delimiter,
                header=None,
                names=range(columns),
                dtype=dict.fromkeys(as_text, str),
                skipinitialspace=True,
                index_col=False,
                on_bad_lines="error",
                decimal=decimal,
                # Only an empty cell has no value: "NA" and "None" may well be names of classes.
                keep_default_na=False,
                na_values=[""],
            )
    except (pd.errors.ParserWarning, pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        if "EOF inside string" in str(error):
            raise _open_quote(path) from None
        raise _ragged(path, text, delimiter, columns) from None
    # Complaints name the line that an editor shows.
    frame.index = pd.Index(_lines_of_rows(text, delimiter, len(frame)))
    return frame


def _many_columns(
    path: str | os.PathLike[str], text: str, delimiter: str, decimal: str, columns: int, as_text: list[int]
) -> pd.DataFrame:
    """The same of a table with so many columns that pandas, which looks at each by itself, takes seconds.

    Raises
    ------
    csv.Error
        If a quotation mark stands where pandas knows better what it means.
    """
    import numpy as np
    import pandas as pd

    lines, values = [], []
    words: dict[int, dict[int, str]] = {place: {} for place in as_text}
    for row, (line, cells) in enumerate(itertools.islice(_rows(text, delimiter, strict=True), 1, None)):
        if any(cells[columns:]):
            raise _ragged(path, text, delimiter, columns)
        own = np.full(columns, np.nan)
        own[: len(cells)] = each_number(cells[:columns], decimal)
        for place in {*as_text, *np.flatnonzero(np.isnan(own[: len(cells)])).tolist()}:
            if place < len(cells) and cells[place]:
                words.setdefault(place, {})[row] = cells[place]
        lines.append(line)
        values.append(own)
    numbers = np.array(values).reshape(len(values), columns)
    texts = {}
    for place, known in words.items():
        column = numbers[:, place].astype(object)
        column[list(known)] = list(known.values())
        texts[place] = pd.array(column, "str") if place in as_text else column
    frame = pd.DataFrame(numbers, index=lines)
    if texts:
        frame = pd.concat([frame.drop(columns=list(texts)), pd.DataFrame(texts, index=lines)], axis=1)[list(range(columns))]
    return frame


def _open_quote(path: str | os.PathLike[str]) -> FileError:
    return FileError(tr("{path}: a quotation mark is opened and never closed; close it or remove it.").format(path=path))


def _ragged(path: str | os.PathLike[str], text: str, delimiter: str, columns: int) -> FileError:
    """The refusal of a table whose rows don't fit its header, by the first such line."""
    with contextlib.suppress(csv.Error):
        for line, cells in _rows(text, delimiter):
            if any(cells[columns:]):
                return FileError(
                    tr(
                        "{path}: it can't be read as a table: line {line} has {cells} cells, the header has {columns}; "
                        "every row needs as many."
                    ).format(path=path, line=line, cells=len(cells), columns=columns)
                )
    return FileError(tr("{path}: it can't be read as a table; every row needs as many cells as the header.").format(path=path))


def _has_numbers(text: str, delimiter: str, point: str) -> bool:
    """Whether a cell is a number with that decimal point."""
    edge, number = re.escape(delimiter), rf"[-+]?\d+{re.escape(point)}\d+(?:[eE][-+]?\d+)?"
    return re.search(rf'(?:^|{edge})[ "]*{number}[ "]*(?:\r?$|{edge})', text, re.MULTILINE) is not None


def _lines_of_rows(text: str, delimiter: str, count: int) -> Sequence[int]:
    """The line where each row begins, counted from 1; blank lines and line breaks in quotes push it down."""
    usual = range(2, count + 2)
    if text.rstrip().count("\n") == count:
        return usual
    try:
        lines = [line for line, _ in _rows(text, delimiter)]
    except csv.Error:
        return usual
    return lines[1:] if len(lines) == count + 1 else usual


def _rows(text: str, delimiter: str, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """The rows that aren't blank, header and all: the line where each begins, and its cells without blanks around them."""
    begin = 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=strict)
    for row in reader:
        cells = [cell.strip() for cell in row]
        if len(cells) > 1 or "".join(cells):
            yield begin, cells
        begin = reader.line_num + 1
