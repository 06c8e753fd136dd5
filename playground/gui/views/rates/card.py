"""The card that finds a learning rate: it asks for a range test, shows its curve, and offers to take the suggestion."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from playground.gui.views.rates.curve import RateCurve
from playground.gui.widgets.controls import Card, IconButton, TextLabel
from playground.gui.widgets.theme import Theme
from playground.training.protocol import Part, Snapshot, Status
from playground.training.rate_finder import STEPS, RateTest
from playground.training.run import RunInfo
from playground.words import plain_number, tr, two_figures

WIDTH, MARGIN = 328, 8


class RateCard(Card):
    """Lies above the other cards while it is open, and never in the way of training: the test runs on a copy.

    Signals
    -------
    test_asked()
        The user wants a range test.
    rate_chosen(float)
        The user takes the suggestion.
    """

    test_asked = Signal()
    rate_chosen = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "", parent)
        self.title.setText(tr("Find a learning rate"))
        self.setAccessibleName(self.title.text())
        self.setProperty("floating", True)
        self.setFixedWidth(WIDTH)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._waiting = False
        # What the newest snapshot held when the test was asked for: anything else is the answer.
        self._before: RateTest | None = None
        self._run: RunInfo | None = None
        self._test: RateTest | None = None
        self.pointed = TextLabel(theme, "", 11, 500, "text_faint")
        self.close_button = IconButton(theme, "close", tr("Close (Esc)"), size=28)
        self.header.addWidget(self.pointed)
        self.header.addWidget(self.close_button)
        self.curve = RateCurve(theme)
        self.busy = QProgressBar(textVisible=False, minimum=0, maximum=0)
        self.busy.setFixedHeight(4)
        self.busy.setAccessibleName(tr("Trying learning rates"))
        self.words = TextLabel(theme, "", 12, 400, "text_muted", wordWrap=True)
        self.use_button = QPushButton(cursor=Qt.CursorShape.PointingHandCursor)
        self.use_button.setFont(theme.font(12, 600, tabular=True))
        self.use_button.setToolTip(tr("Train with this learning rate from now on. Keeps the weights; Undo takes it back."))
        self.again_button = QPushButton(tr("Try again"), cursor=Qt.CursorShape.PointingHandCursor)
        self.again_button.setFont(theme.font(12, 500))
        self.again_button.setToolTip(tr("Try all learning rates once more, from the weights as they are now."))
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.use_button)
        buttons.addWidget(self.again_button)
        buttons.addStretch(1)
        for widget in (self.curve, self.busy, self.words):
            self.body.addWidget(widget)
        self.body.addLayout(buttons)
        self.close_button.clicked.connect(self.hide)
        self.again_button.clicked.connect(self.test_asked)
        self.use_button.clicked.connect(self._take)
        self.curve.pointed.connect(self.pointed.setText)
        self.hide()

    @property
    def waiting(self) -> bool:
        """Whether a test runs."""
        return self._waiting

    def begin(self, snapshot: Snapshot | None) -> bool:
        """Open, and wait for a test if there is a run to try rates on; whether there is.

        Parameters
        ----------
        snapshot
            The newest one, before the test is asked for.
        """
        self._waiting = snapshot is not None and snapshot.run is not None
        if snapshot is not None:
            self._before, self._run = snapshot.rates, snapshot.run
        self._show(None)
        if self._waiting:
            self.words.setText(tr("Trying {0} learning rates from tiny to far too large, on a copy of the run…").format(STEPS))
        else:
            self.words.setText(tr("There is no run to try learning rates on yet: try again once the data are loaded."))
        self._fit()
        self.show()
        self.raise_()
        self.setFocus()
        return self._waiting

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the test's result once it is there; a run of other data or another network takes it away."""
        if self._waiting:
            if snapshot.rates is not None and snapshot.rates is not self._before:
                self._run = snapshot.run
                self._finish(snapshot.rates, snapshot.rates.sentence)
            elif snapshot.status is Status.FAILED:
                self._finish(None, snapshot.error or "")
            elif snapshot.run is not self._run:
                self._finish(None, tr("The run has begun again meanwhile: find a rate again."))
        elif self._test is not None and snapshot.rates is not self._test:
            self._finish(None, tr("That was another run: find a rate again for this one."))

    def needs_parts(self) -> frozenset[Part]:
        """The result is in every snapshot."""
        return frozenset()

    def place_below(self, anchor: QWidget) -> None:
        """Stand below a control of the bar, within what the card lies on."""
        ground = self.parentWidget() or self
        corner = anchor.mapTo(ground, QPoint(0, anchor.height()))
        self.move(max(MARGIN, min(corner.x(), ground.width() - self.width() - MARGIN)), corner.y() + MARGIN)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def describe(self) -> str:
        """What came out, in words."""
        return self.words.text()

    def reset(self) -> None:
        """Close."""
        self.hide()

    def _take(self) -> None:
        assert self._test is not None
        rate = two_figures(self._test.suggestion)
        self.hide()
        self.rate_chosen.emit(rate)

    def _finish(self, test: RateTest | None, words: str) -> None:
        self._waiting = False
        self._show(test)
        self.words.setText(words)
        self._fit()

    def _show(self, test: RateTest | None) -> None:
        self._test = test
        self.curve.show_test(test)
        self.pointed.setText("")
        self.busy.setVisible(self._waiting)
        found = test is not None and not math.isnan(test.suggestion)
        self.use_button.setVisible(found)
        if test is not None and found:
            self.use_button.setText(tr("Use {0}").format(plain_number(two_figures(test.suggestion))))
            self.use_button.setAccessibleName(self.use_button.text())
        self.again_button.setEnabled(not self._waiting)

    def _fit(self) -> None:
        """No layout holds a card above the others: it takes the height that its words need."""
        self.body.activate()
        self.resize(WIDTH, self.heightForWidth(WIDTH))
