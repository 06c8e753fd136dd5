"""The building blocks of the panels: cards, labels and buttons."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from playground.gui.widgets.names import elided, tip
from playground.gui.widgets.theme import Theme, role

Align = Qt.AlignmentFlag
# Width of the rail at the left; in its cards the scroll bar has a gutter: nothing moves when it appears, and nothing is cut.
RAIL, GUTTER = 268, 12


# Of each widget, the places in the code that have failed while it was painted.
_failed: WeakKeyDictionary[QWidget, set[tuple[str, int]]] = WeakKeyDictionary()


@contextlib.contextmanager
def painting(widget: QWidget) -> Iterator[QPainter]:
    """A painter with smooth edges on a widget, ended in time whatever happens.

    What fails leaves the picture as far as it is and is told to `sys.excepthook` once for each widget and place in the code:
    a widget is painted many times a second, and what is said about a failure may itself have to be painted.
    """
    painter = QPainter(widget)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    try:
        yield painter
    except Exception as error:
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = (frame.tb_frame.f_code.co_filename, frame.tb_lineno) if frame is not None else ("", 0)
        known = _failed.setdefault(widget, set())
        if place not in known:
            known.add(place)
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        painter.end()


class TextLabel(QLabel):
    """A label in a size, a weight and a color of the theme; its text is shown as it stands, whatever tags are in it."""

    def __init__(
        self, theme: Theme, text: str = "", pixels: int = 12, weight: int = 400, color: str = "text_muted", **keywords: Any
    ) -> None:
        super().__init__(text, textFormat=Qt.TextFormat.PlainText, **keywords)
        self.setFont(theme.font(pixels, weight, tabular=True))
        self.setForegroundRole(role(color))
        if self.wordWrap():
            # However long a word is, what stands around the label keeps its place.
            self.setMinimumWidth(1)


class NumberLabel(QWidget):
    """A number that changes many times a second: it keeps its width, so that nothing around it is laid out again.

    Parameters
    ----------
    widest
        A text as wide as any that will be shown.
    """

    def __init__(
        self, theme: Theme, widest: str, pixels: int = 12, weight: int = 600, align: Qt.AlignmentFlag = Align.AlignLeft
    ) -> None:
        super().__init__()
        self._theme = theme
        self._text = ""
        self._align = align | Align.AlignVCenter
        self.setFont(theme.font(pixels, weight, tabular=True))
        metrics = self.fontMetrics()
        self.setFixedSize(metrics.horizontalAdvance(widest) + 4, metrics.height() + 2)
        theme.changed.connect(self.update)

    def text(self) -> str:
        return self._text

    def setText(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.setAccessibleDescription(text)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        with painting(self) as painter:
            painter.setFont(self.font())
            painter.setPen(self._theme.color("text"))
            painter.drawText(self.rect(), self._align, self._text)


class Card(QFrame):
    """A rounded panel with a title, room for a few words or buttons beside it, and ``body`` for the content."""

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, objectName="card", accessibleName=title)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 13, 16, 16)
        self.body.setSpacing(10)
        self.header = QHBoxLayout()
        self.header.setSpacing(8)
        self.title = TextLabel(theme, title, 13, 600, "text")
        self.header.addWidget(self.title)
        self.header.addStretch(1)
        self.body.addLayout(self.header)


class RailCard(Card):
    """A card of the left rail, whose content scrolls beside a gutter."""

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, title, parent)
        self.setFixedWidth(RAIL)
        self.body.setContentsMargins(16, 13, 16 - GUTTER, 10)
        self.header.setContentsMargins(0, 0, GUTTER, 0)

    def add_tabs(self, tabs: QWidget) -> None:
        """Put a choice of pages below the title."""
        line = QVBoxLayout()
        line.setContentsMargins(0, 0, GUTTER, 0)
        line.addWidget(tabs)
        self.body.addLayout(line)


def scroll_area(content: QWidget | None = None, bar: Qt.Orientation = Qt.Orientation.Vertical) -> QScrollArea:
    """An area without a frame that scrolls in one direction and leaves the focus to its content."""
    area = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame, focusPolicy=Qt.FocusPolicy.NoFocus)
    if bar == Qt.Orientation.Vertical:
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    else:
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.viewport().setAutoFillBackground(False)
    if content is not None:
        put_into(area, content)
    return area


def put_into(area: QScrollArea, content: QWidget) -> None:
    """Have an area scroll a widget, on the ground that the area lies on: Qt would fill it with the window's color."""
    area.setWidget(content)
    content.setAutoFillBackground(False)


class IconButton(QToolButton):
    """A button with an icon alone; its tooltip is its accessible name."""

    def __init__(
        self, theme: Theme, icon: str, tip: str, size: int = 36, primary: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            parent,
            objectName="primary" if primary else "icon",
            toolTip=tip,
            accessibleName=tip,
            cursor=Qt.CursorShape.PointingHandCursor,
            # By Tab alone: after a click Space still plays and pauses.
            focusPolicy=Qt.FocusPolicy.TabFocus,
        )
        self._theme = theme
        self._icon_name = icon
        self._primary = primary
        self.setFixedSize(size, size)
        pixels = 22 if primary else max(14, size // 2)
        self.setIconSize(QSize(pixels, pixels))
        theme.changed.connect(self._restyle)
        self._restyle()

    def set_icon(self, name: str) -> None:
        self._icon_name = name
        self._restyle()

    def _restyle(self) -> None:
        color = "on_accent" if self._primary else "text_muted"
        self.setIcon(self._theme.icon(self._icon_name, color, self.iconSize().width()))


class ElidedLabel(TextLabel):
    """One line that ends in … where it doesn't fit; the whole text is its tooltip."""

    def __init__(self, theme: Theme, **keywords: Any) -> None:
        super().__init__(theme, **keywords)
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str) -> None:
        if text != self._whole:
            self._whole = text
            self.setToolTip(tip(text.splitlines()))
            self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        self.setText(elided(self.fontMetrics(), self._whole, max(10, self.width())))
