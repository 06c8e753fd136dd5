"""Words and numbers for people: the one door through which sentences go to be translated, and how numbers are written.

Every sentence that a person may read is marked where it stands, with names for what is put in::

    tr("a rate of {rate} is too large").format(rate=number(rate))

English is in the code; `choose_language` brings another one in, from the same catalog for the window, the command line and the
core. Text in records (a title, a description) is marked by the field it stands in and translated where it is shown.

What is put in may come from anybody's file, so a `Sentence` keeps it to one line and to a length, in one place for all.
"""

from __future__ import annotations

import gettext
import math
import os
import re
from typing import Any

DOMAIN = "playground"
# Letters of a text in quotation marks, and of a whole sentence with what was put in.
QUOTED = 60
SENTENCE = 300
# Texts without quotation marks are whole where the sentence has room, else cut to the first of these that makes it fit.
_WIDTHS = (SENTENCE, 120, 60, 30, 29)
# What breaks a line, turns the direction of writing or is half a character: no console prints it as it is.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_catalog: gettext.NullTranslations = gettext.NullTranslations()
# Sentences without a gap, as said so far: put into another, they stay whole.
_whole: set[str] = set()


class Sentence(str):
    """A sentence of the program; what is put in is shown in one line, and shortened where it is long.

    Texts of others (names, paths, what somebody typed) lose the middle: in quotation marks (``{name!r}``) beyond 60 letters,
    without them as far as the whole would else pass 300. A Sentence that is put into another keeps its own words.
    A text of the program that is no sentence, such as a line to type, is made one by ``Sentence(text)``.
    """

    _made_of: tuple[str, tuple[object, ...], dict[str, object]] | None = None

    def format(self, *given: object, **named: object) -> Sentence:
        """The sentence with these put in."""
        for width in _WIDTHS:
            text = _filled(str(self), given, named, width)
            if len(text) <= SENTENCE:
                break
        filled = Sentence(text)
        filled._made_of = (str(self), given, named)
        return filled

    def within(self, width: int) -> str:
        """The same with texts of others cut to so many letters."""
        return _filled(*self._made_of, width) if self._made_of else self

    def __str__(self) -> str:
        # str() of an exception keeps what its sentence is made of.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Sentence, ("".join(self),)


class Choices(Sentence):
    """What there is to choose from; it is shortened only where all that others have written is short already."""

    def within(self, width: int) -> str:
        """The list, or its ends where there is no other way."""
        return cut(self, 80) if width == _WIDTHS[-1] else self


class _Text(str):
    """Somebody's text within a sentence; in quotation marks it is cut by itself."""

    def __new__(cls, whole: str, width: int) -> _Text:
        shown = super().__new__(cls, one_line(whole, width))
        shown.whole = whole
        return shown

    whole: str

    def __repr__(self) -> str:
        return cut(repr(cut(self.whole, QUOTED)), QUOTED + 2)


class _Huge(int):
    """A whole number with more digits than anybody reads; writing them out takes long, and Python refuses it."""

    def __format__(self, spec: str) -> str:
        return tr("a number of {count:,} digits").format(count=int(self.bit_length() * math.log10(2)) + 1)

    def __repr__(self) -> str:
        return format(self)

    __str__ = __repr__


def _filled(text: str, given: tuple[object, ...], named: dict[str, object], width: int) -> str:
    return str.format(
        text, *(_shown(value, width) for value in given), **{name: _shown(value, width) for name, value in named.items()}
    )


def _shown(value: object, width: int) -> object:
    """What is put into a sentence in place of a value."""
    # Nearly all are such, and the window writes many in each frame.
    if isinstance(value, int):
        return value if value.bit_length() < 200 else _Huge(value)
    if isinstance(value, float) or (type(value) is str and len(value) <= _WIDTHS[-1] and value.isprintable()):
        return value
    if isinstance(value, Exception):
        value = str(value)
    if type(value) is str and value in _whole:
        return value
    if isinstance(value, Sentence):
        return value.within(width)
    return _Text(os.fspath(value), width) if isinstance(value, (str, os.PathLike)) else value


def one_line(text: str, width: int) -> str:
    """Somebody's text in at most so many letters, with those spelled that would break the line or do things to a console."""
    return cut(_UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], cut(text, SENTENCE)), width)


def cut(text: str, width: int) -> str:
    """A text of at most so many letters: of a longer one the middle is left out, as a path's file and a name's ends tell more."""
    tail = width * 3 // 5
    return text if len(text) <= width else f"{text[: width - tail - 1]}…{text[len(text) - tail :]}"


def choose_language(folder: str | os.PathLike[str], languages: list[str] | None = None) -> None:
    """Translate from now on into the first of these languages that there is a catalog for; English if there is none.

    Parameters
    ----------
    folder
        Where the catalogs lie: ``de/LC_MESSAGES/playground.mo`` and so on.
    languages
        Codes such as ``de``, wanted most first; None takes what the environment says (LANGUAGE, LC_ALL, LC_MESSAGES, LANG).
    """
    global _catalog
    _catalog = gettext.translation(DOMAIN, folder, languages, fallback=True)


def tr(text: str) -> str:
    """The sentence in the chosen language."""
    # gettext keeps the catalog's own head under the empty text.
    return _own(_catalog.gettext(text)) if text else ""


def tr_known(text: str) -> str:
    """A text that nobody wrote as a sentence, in the chosen language: a field's name in words, a class's description.

    The tool that collects the sentences asks the records for these.
    """
    return _own(_catalog.gettext(text)) if text else ""


def trn(one: str, many: str, count: int) -> str:
    """The sentence for one thing or for ``count`` of them, in the chosen language; what is put in is the caller's."""
    return _own(_catalog.ngettext(one, many, count))


def _own(text: str) -> str:
    """A text of the program: a Sentence where something is to be put in, else the text itself, known as the program's."""
    if "{" in text:
        return Sentence(text)
    # A plain str, as libraries want it that take descriptions.
    _whole.add(text)
    return text


def in_sentence(title: str) -> str:
    """A title as it stands within a sentence: ``accuracy``; what has capitals alone keeps them, as ``RMSE`` does."""
    return title[:1].lower() + title[1:] if any(letter.islower() for letter in title) else title


def number(value: float, digits: int = 3) -> str:
    """A measured number: so many decimals, a true minus sign, no exponent for ordinary sizes."""
    text = f"{value:.{digits}f}" if abs(value) < 10**6 else f"{value:.{digits}g}"
    return text.replace("-", "−")


def two_figures(value: float) -> float:
    """A number as exact as a suggestion is meant: 0.012 for 0.01234."""
    return float(f"{value:.2g}")


def duration(seconds: float) -> str:
    """A short time: ``3.1 µs``, ``240 µs``, ``12 ms``."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def plain_number(value: float) -> str:
    """A setting as people write it: ``4,096``, ``0.0003``, ``1e-08``, ``2.5``."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size and not 1e-6 <= size < 1e10:
        text = f"{value:g}"
    else:
        whole = value == int(value)
        # What a float can't tell apart isn't shown: 0.1 and not 0.1000000015.
        text = f"{int(value):,}" if whole else f"{value:.12f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")
