"""The line at the bottom: what the run does, how fast, and whether the last change kept the weights."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from playground.gui.theme import Theme

NOTICE_SECONDS = 6.0


class StatusLine(QFrame):
    """State, steps a second and frames a second on the left; a notice in the middle; seed and numbers on the right."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, objectName="status_line", accessibleName=self.tr("Status"))
        self.setFixedHeight(30)
        self._theme = theme
        self._token = "text_faint"
        self._hint = ""
        self._notice = ""
        self._backend_notice = ""
        self._dot = QLabel(fixedSize=QSize(8, 8))
        self._state = QLabel()
        self._steps = QLabel(toolTip=self.tr("Training steps a second: each updates every weight once."))
        self._frames = QLabel(toolTip=self.tr("Pictures a second."))
        self._middle = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._seed = QLabel(
            toolTip=self.tr("The number that the random initial weights are drawn from; Shift+R takes the next one.")
        )
        self._numbers = QLabel("float32", toolTip=self.tr("All training arithmetic is done in 32-bit floating point."))
        self._backend = QLabel(toolTip=self.tr("What does the arithmetic."))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 0, 20, 0)
        layout.setSpacing(18)
        layout.addWidget(self._dot)
        layout.addSpacing(-10)
        for label in (self._state, self._steps, self._frames):
            layout.addWidget(label)
        layout.addWidget(self._middle, 1)
        for label in (self._seed, self._numbers, self._backend):
            layout.addWidget(label)
        self._expiry = QTimer(self, singleShot=True, interval=int(NOTICE_SECONDS * 1000))
        self._expiry.timeout.connect(self.clear_notice)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_state(self, text: str, token: str) -> None:
        """Show a state in words beside a dot of the palette's color ``token``."""
        if text != self._state.text():
            self._state.setText(text)
        if token != self._token:
            self._token = token
            self._restyle()

    def show_rates(self, steps: float | None, frames: float | None) -> None:
        """Show speeds per second; ``None`` shows nothing."""
        self._steps.setText("" if steps is None else self.tr("{0} steps/s").format(f"{steps:,.0f}"))
        self._frames.setText("" if frames is None else self.tr("{0} fps").format(f"{frames:.0f}"))

    def show_seed(self, seed: int) -> None:
        self._seed.setText(self.tr("Seed {0}").format(seed))

    def show_backend(self, name: str, threads: int, notice: str) -> None:
        """Show what computes on how many threads; a notice about it is said once, and stays in the tooltip."""
        words = self.tr("Numba, {0} threads") if threads > 1 else self.tr("Numba, 1 thread")
        self._backend.setText(words.format(threads) if name == "cpu" else self.tr("NumPy, while kernels compile"))
        if notice and notice != self._backend_notice:
            self._backend_notice = notice
            self._backend.setToolTip(notice)
            self.show_notice(notice)

    def show_notice(self, text: str) -> None:
        """Say something for a few seconds, e.g. that the last change kept the weights."""
        self._notice = text
        self._expiry.start()
        self._show_middle()

    def clear_notice(self) -> None:
        self._notice = ""
        self._show_middle()

    def show_hint(self, text: str) -> None:
        """Say what the thing under the pointer would do; empty once the pointer has left it."""
        self._hint = text
        self._show_middle()

    @property
    def text(self) -> str:
        """What stands in the middle."""
        return self._notice or self._hint

    def describe(self) -> str:
        """Say in words what the line shows, for screen readers."""
        parts = [label.text() for label in (self._state, self._steps, self._frames, self._middle, self._seed)]
        return ", ".join(part for part in parts if part)

    def _show_middle(self) -> None:
        metrics = self._middle.fontMetrics()
        self._middle.setText(metrics.elidedText(self.text, Qt.TextElideMode.ElideRight, max(self._middle.width(), 120)))
        self._middle.setToolTip(self.text)

    def _restyle(self) -> None:
        palette = self._theme.palette
        for label in (self._state, self._steps, self._frames, self._middle):
            label.setFont(self._theme.font(12, 500, tabular=True))
        for label in (self._seed, self._numbers, self._backend):
            label.setFont(self._theme.font(12, 500, tabular=True))
            label.setStyleSheet(f"color:{palette.text_faint}")
        for label in (self._state, self._steps, self._frames, self._middle):
            label.setStyleSheet(f"color:{palette.text_muted}")
        self._dot.setStyleSheet(f"background:{self._theme.color(self._token).name()};border-radius:4px")
        self.setStyleSheet(
            f"#status_line {{ background:{palette.surface}; border:none; border-top:1px solid {palette.border}; }}"
        )
