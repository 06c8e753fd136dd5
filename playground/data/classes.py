"""The classes of a target column: spelled as in the file, numbers in their order, nothing taken for equal in silence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from playground.data.cells import exact_values
from playground.data.names import MOST_LETTERS, difference, in_one_form
from playground.storage import FileError
from playground.words import tr

if TYPE_CHECKING:
    import pandas as pd


def class_names(column: pd.Series[str], path: str | os.PathLike[str], decimal: str = ".") -> tuple[str, ...]:
    """The different cells of a column of text, which has no gaps: numbers in their order, all else as text.

    Parameters
    ----------
    column
        The cells as they are spelled in the file, by the lines where their rows begin.
    decimal
        The table's decimal mark.

    Raises
    ------
    FileError
        If a number is spelled in two ways, such as 1 and 01, which may be one class or two, or a word in two of Unicode's forms;
        or if a name is too long.
    """
    names = [str(name) for name in column.unique()]
    longest = max(names, key=len)
    if len(longest) > MOST_LETTERS:
        raise FileError(
            tr(
                "{path}: the target {target!r} has a class of {letters:,} letters in line {line}, up to {most} are possible; "
                "choose another target or shorter names."
            ).format(path=path, target=column.name, letters=len(longest), line=_line(column, longest), most=MOST_LETTERS)
        )
    values = exact_values(names, decimal)
    # Words are the same in whichever of Unicode's forms they are written.
    meanings: dict[str, object] = {name: in_one_form(name) if values is None else values[name] for name in names}
    first: dict[object, str] = {}
    for name, meaning in meanings.items():
        other = first.setdefault(meaning, name)
        if other != name:
            raise FileError(
                tr(
                    "{path}: the target {target!r} spells one value in two ways, {one!r} in line {first} and {other!r} in line "
                    "{second}{difference}; spell it alike in every row, or put a letter before them if they are two classes."
                ).format(
                    path=path,
                    target=column.name,
                    one=other,
                    first=_line(column, other),
                    other=name,
                    second=_line(column, name),
                    difference=difference(other, name),
                )
            )
    return tuple(sorted(names) if values is None else sorted(names, key=values.__getitem__))


def _line(column: pd.Series[str], name: str) -> int:
    """The line where a class stands first."""
    return int(column.index[int((column == name).to_numpy().argmax())])
