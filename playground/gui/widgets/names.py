"""Names from people's files where they stand alone: in one line, of a length that fits, never taken for keys or formatting."""

from __future__ import annotations

import re
from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QFontMetricsF

from playground.words import cut

# Letters of a name, and lines of a tooltip.
LETTERS, LINES = 200, 24
# Breaks a line, moves the pen or turns the direction of what comes after it.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def one_line(name: str) -> str:
    """A name in one line: what can't be seen is a space, and of a very long one the middle is left out."""
    return _CONTROLS.sub(" ", cut(name, LETTERS))


def elided(metrics: QFontMetrics | QFontMetricsF, name: str, width: float) -> str:
    """A name in one line that ends in … where it is wider than so many pixels."""
    return metrics.elidedText(one_line(name), Qt.TextElideMode.ElideRight, int(width))


def on_button(name: str) -> str:
    """A name as the text of a button or a menu: an ampersand there would underline the letter after it."""
    return one_line(name).replace("&", "&&")


def tip(lines: Iterable[str]) -> str:
    """A tooltip of a line each, not higher than a screen."""
    shown = [one_line(line) for line in lines]
    return "\n".join(shown if len(shown) <= LINES else [*shown[: LINES - 1], "…"])
