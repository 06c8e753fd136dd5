"""A line across the window for what must not be missed: errors, divergence, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from playground.gui.widgets.controls import IconButton, TextLabel
from playground.gui.widgets.names import elided, on_button, tip
from playground.gui.widgets.style import polish
from playground.gui.widgets.theme import Theme
from playground.words import tr

# The kind of a message about a fault of the program itself.
UNEXPECTED = "unexpected"

Offer = tuple[str, Callable[[], object]]
WIDEST_OFFER = 320


class Banner(QFrame):
    """One sentence, up to a few buttons that mend it, and a cross to close it; hidden while there is nothing to say."""

    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, objectName="banner")
        self._theme = theme
        self.kind = ""
        self.offers: list[QPushButton] = []
        """The buttons of the message."""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 8, 12, 8)
        layout.setSpacing(12)
        self._mark = QLabel()
        selectable = Qt.TextInteractionFlag.TextSelectableByMouse
        self.label = TextLabel(theme, "", 13, 500, "text", wordWrap=True, textInteractionFlags=selectable)
        self._offer_line = QHBoxLayout()
        self._offer_line.setSpacing(8)
        self.close_button = IconButton(theme, "close", tr("Close this message"), size=28)
        self.close_button.clicked.connect(self.dismiss)
        layout.addWidget(self._mark)
        layout.addWidget(self.label, 1)
        layout.addLayout(self._offer_line)
        layout.addWidget(self.close_button)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.hide()

    @property
    def text(self) -> str:
        """What the banner says; empty while it is hidden."""
        return self.label.text() if self.kind else ""

    def show_message(self, kind: str, text: str, *offers: Offer) -> None:
        """Show a sentence.

        Parameters
        ----------
        kind
            What it is about (``"error"``, ``"diverged"``, ``"warning"``, ``"tip"``), so that ``dismiss`` can take
            back just that.
        text
            One plain sentence, with the mend.
        *offers
            Buttons as (words, what they do); pressing one also closes the banner.
        """
        self._clear_offers()
        self.kind = kind
        self.label.setText(text)
        self.setAccessibleName(text)
        for words, act in offers:
            button = QPushButton(self, cursor=Qt.CursorShape.PointingHandCursor)
            button.setFont(self._theme.font(12, 600))
            button.setText(on_button(elided(button.fontMetrics(), words, WIDEST_OFFER)))
            button.setAccessibleName(words)
            button.setToolTip(tip([words]))
            button.clicked.connect(lambda _checked=False, act=act: self._take(act))
            self._offer_line.addWidget(button)
            self.offers.append(button)
        self._restyle()
        self.show()

    def dismiss(self, kind: object = None) -> None:
        """Hide the banner; given a kind, only if it shows that kind."""
        if isinstance(kind, str) and kind != self.kind:
            return
        self.kind = ""
        self.hide()
        self.closed.emit()

    def _take(self, act: Callable[[], object]) -> None:
        self.dismiss()
        act()

    def _clear_offers(self) -> None:
        for button in self.offers:
            self._offer_line.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.offers.clear()

    def _restyle(self) -> None:
        tip = self.kind == "tip"
        self._mark.setPixmap(self._theme.pixmap("help" if tip else "warning", "accent" if tip else "bad", 18))
        self.setProperty("kind", self.kind)
        polish(self)
