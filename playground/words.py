"""Words and numbers for people: the one door through which sentences go to be translated, and how numbers are written.

Every sentence that a person may read is marked where it stands, with names for what is put in::

    tr("a rate of {rate} is too large").format(rate=number(rate))

English is in the code; `choose_language` brings another one in, from the same catalog for the window, the command line and the
core. Text in records (a title, a description) is marked by the field it stands in and translated where it is shown.
"""

from __future__ import annotations

import gettext
import math
import os

DOMAIN = "playground"
_catalog: gettext.NullTranslations = gettext.NullTranslations()


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
    return _catalog.gettext(text) if text else ""


def tr_known(text: str) -> str:
    """A text that nobody wrote as a sentence, in the chosen language: a field's name in words, a class's description.

    The tool that collects the sentences asks the records for these.
    """
    return _catalog.gettext(text) if text else ""


def trn(one: str, many: str, count: int) -> str:
    """The sentence for one thing or for ``count`` of them, in the chosen language; what is put in is the caller's."""
    return _catalog.ngettext(one, many, count)


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
