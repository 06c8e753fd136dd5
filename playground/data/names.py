"""Names of columns: equal however their accents are put together, each there once, and short enough to be shown."""

from __future__ import annotations

import difflib
import os
import shlex
import textwrap
import unicodedata
from collections.abc import Collection, Sequence

from playground.storage import FileError
from playground.words import tr

MOST_LETTERS = 200
# Comparing a word with more than these takes longer than a reader waits.
_MOST_COMPARED = 5000


def in_one_form(name: str) -> str:
    """The name in Unicode's form NFC: ``é`` is one letter, whether the file or the keyboard made two of it."""
    return unicodedata.normalize("NFC", name)


def column_names(cells: Sequence[str], path: str | os.PathLike[str]) -> list[str]:
    """The names that a header's cells give the columns; one without a name is called by its place, as pandas does.

    Raises
    ------
    FileError
        If two are equal, or one is too long.
    """
    names: dict[str, int] = {}
    for place, cell in enumerate(cells):
        if len(cell) > MOST_LETTERS:
            raise FileError(
                tr("{path}: the name of column {place} has {letters:,} letters, up to {most} are possible; shorten it.").format(
                    path=path, place=place + 1, letters=len(cell), most=MOST_LETTERS
                )
            )
        name = in_one_form(_bare(cell)) or f"Unnamed: {place}"
        if name in names:
            other, own = _bare(cells[names[name]]), _bare(cell)
            look = difference(other, own) if other and own else ""
            raise FileError(
                tr("{path}: the column {name!r} is there twice{difference}; give each column a name of its own.").format(
                    path=path, name=name, difference=look
                )
            )
        names[name] = place
    return list(names)


def _bare(cell: str) -> str:
    """A name without what can't be seen around it: blanks, and marks of the byte order that were put twice."""
    return cell.strip().strip("\ufeff").strip()


def difference(one: str, other: str) -> str:
    """`` (U+0301 in one, U+00E9 in the other)`` where two words differ by letters that may look alike, else nothing."""
    ours, theirs = sorted(set(one) - set(other)), sorted(set(other) - set(one))
    if one == other or all("!" <= letter <= "~" for letter in ours + theirs):
        return ""
    return tr(" ({ours} in one, {theirs} in the other)").format(ours=_codes(ours), theirs=_codes(theirs))


def _codes(letters: list[str]) -> str:
    """Letters by their numbers in Unicode, as they can't be told apart by sight."""
    return ", ".join(f"U+{ord(letter):04X}" for letter in letters[:3]) or tr("nothing else")


def nearest_column(name: str, names: Collection[str]) -> str:
    """Which column may have been meant, or which ones there are: the end of a sentence."""
    close = difflib.get_close_matches(name, list(names)[:_MOST_COMPARED], 1) if len(name) <= MOST_LETTERS else []
    if not close:
        return tr("it has {columns}.").format(columns=listed(names))
    return tr("did you mean {close!r}{difference}?").format(close=close[0], difference=difference(name, close[0]))


def listed(names: Collection[str]) -> str:
    """The first of some names, as many as a sentence has room for."""
    return textwrap.shorten(", ".join(shown(name) for name in list(names)[:12]), 100, placeholder=" …")


def shown(name: str) -> str:
    """A name as part of a sentence: in one line, and not longer than one."""
    line = name if name.isprintable() else repr(name)[1:-1]
    return line if len(line) <= 60 else f"{line[:59]}…"


def option(word: str, name: str) -> str:
    """An option of the command line with a column's name, as a shell takes it: ``--ignore 'my column'``."""
    return f"{word} {shlex.quote(shown(name))}"
