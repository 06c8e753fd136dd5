"""What reads tables, one module a format; `READERS` lists them, and a file's ending says which one is meant.

A reader gives the table as it stands in the file: what its columns mean is said by ``data/columns.py`` for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playground.data.readers import csv
from playground.words import tr

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reader:
    """A format of tables.

    Parameters
    ----------
    name, endings
        Its name for people; how such files' names end, in small letters: ``.csv``, ….
    load
        Reads a file as `read_table` does; is given the path, and what says which columns to read as text; raises FileError.
    """

    name: str
    endings: tuple[str, ...]
    load: Callable[[str | os.PathLike[str], Callable[[list[str]], Collection[str]]], pd.DataFrame]


TEXT = Reader(tr("Text table"), (".csv", ".tsv", ".txt"), csv.load)
READERS: tuple[Reader, ...] = (TEXT,)
ENDINGS = tuple(ending for reader in READERS for ending in reader.endings)


def read_table(path: str | os.PathLike[str], spelled: Callable[[list[str]], Collection[str]] = lambda names: ()) -> pd.DataFrame:
    """Read a table with the reader of its ending; a name that no reader knows is taken for text.

    Parameters
    ----------
    path
        The file.
    spelled
        Given the names of all columns, says which to read as text, each cell as it is spelled in the file but for blanks
        around it: 007 and 1.0 may be names of classes. All other columns are numbers where all their cells are.

    Returns
    -------
    frame
        The rows, indexed by the line of the file where each begins. Names of columns are in Unicode's form NFC, each is there
        once. ``frame.attrs["decimal"]`` is the decimal mark of its numbers.

    Raises
    ------
    FileError
        If it can't be read, or is no such table; the message says what to mend.
    """
    ending = Path(path).suffix.lower()
    return next((reader for reader in READERS if ending in reader.endings), TEXT).load(path, spelled)
