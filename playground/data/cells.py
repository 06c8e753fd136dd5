"""What a cell of a table says: a number, exactly as it stands there, yes or no, or a word."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

# Digits of other scripts, underscores and hexadecimal numbers are words, as they are for spreadsheets; so are powers of ten that
# Decimal can't hold.
_NUMBER = re.compile(r"[-+]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,9})?|inf|infinity)", re.IGNORECASE)
_TRUTH = {"true": True, "false": False}


def numbers(cells: Iterable[object], decimal: str = ".") -> NDArray[np.float64]:
    """Cells as float64; NaN where one is a word. Where all of them are true or false they are 1 and 0.

    Parameters
    ----------
    decimal
        The table's decimal mark.
    """
    words = [_plain(cell, decimal) for cell in cells]
    if {word.lower() for word in words} <= _TRUTH.keys():
        return np.array([_TRUTH[word.lower()] for word in words], np.float64)
    return np.array([_number(word) for word in words], np.float64)


def each_number(cells: Iterable[str], decimal: str = ".") -> list[float]:
    """Each cell's number, or NaN where it is a word, true and false as well."""
    return [_number(_plain(cell, decimal)) for cell in cells]


def exact_values(spellings: Iterable[str], decimal: str = ".") -> dict[str, Decimal] | None:
    """The value of each spelling to its last digit, true being 1 and false 0; None if one of them is a word."""
    plain = {spelling: _plain(spelling, decimal) for spelling in spellings}
    if {word.lower() for word in plain.values()} <= _TRUTH.keys():
        return {spelling: Decimal(_TRUTH[word.lower()]) for spelling, word in plain.items()}
    if not all(_NUMBER.fullmatch(word) for word in plain.values()):
        return None
    return {spelling: Decimal(word) for spelling, word in plain.items()}


def _number(word: str) -> float:
    return float(word) if _NUMBER.fullmatch(word) else math.nan


def _plain(cell: object, decimal: str) -> str:
    """A cell's text with a decimal point, a hyphen for a true minus, and no blanks of any kind around it."""
    return str(cell).strip().replace("\N{MINUS SIGN}", "-").replace(decimal, ".")
