"""The line at the bottom: what the run does, how fast, and whether the last change kept the weights."""

from __future__ import annotations

import time

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from playground.gui.widgets.controls import ElidedLabel, TextLabel
from playground.gui.widgets.theme import Theme
from playground.training.protocol import Snapshot
from playground.words import tr

NOTICE_SECONDS = 6.0
# From one figure of the speed to the next.
SPEED_PAUSE = 0.5
_SPEED_TIP = tr("GFLOP/s: billions of additions and multiplications a second in the matrix products of training.")


def giga_flops(speed: float) -> str:
    """Operations a second for people, in three digits: ``0.84 GFLOP/s``, ``5,210 GFLOP/s``."""
    number = speed / 1e9
    digits = 2 if number < 10 else 1 if number < 100 else 0
    return f"{number:,.{digits}f} GFLOP/s"


class StatusLine(QFrame):
    """State, steps a second and frames a second on the left; a notice in the middle; seed and numbers on the right."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, objectName="status_line", accessibleName=tr("Status"))
        self.setFixedHeight(30)
        self._theme = theme
        self._token = "text_faint"
        self._hint = ""
        self._notice = ""
        self._backend_notice = ""
        self._dot = QLabel(fixedSize=QSize(8, 8))
        self.state = TextLabel(theme, weight=500)
        self._steps = TextLabel(theme, weight=500, toolTip=tr("Training steps a second: each updates every weight once."))
        self._frames = TextLabel(theme, weight=500, toolTip=tr("Pictures a second."))
        self._middle = ElidedLabel(theme, pixels=12, weight=500, alignment=Qt.AlignmentFlag.AlignCenter)
        self._seed, self._numbers, self.backend = (TextLabel(theme, weight=500, color="text_faint") for _ in range(3))
        self._seed.setToolTip(tr("The number that the random initial weights are drawn from; Shift+R takes the next one."))
        self._numbers.setText("float32")
        self._numbers.setToolTip(tr("All training arithmetic is done in 32-bit floating point."))
        self._backend_words, self._speed_shown = "", 0.0
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 0, 20, 0)
        layout.setSpacing(18)
        layout.addWidget(self._dot)
        layout.addSpacing(-10)
        for label in (self.state, self._steps, self._frames):
            layout.addWidget(label)
        layout.addWidget(self._middle, 1)
        for label in (self._seed, self._numbers, self.backend):
            layout.addWidget(label)
        self._expiry = QTimer(self, singleShot=True)
        self._expiry.setInterval(int(NOTICE_SECONDS * 1000))
        self._expiry.timeout.connect(self.clear_notice)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_state(self, text: str, token: str) -> None:
        """Show a state in words beside a dot of the palette's color ``token``."""
        if text != self.state.text():
            self.state.setText(text)
        if token != self._token:
            self._token = token
            self._restyle()

    def show_rates(self, steps: float | None, frames: float | None) -> None:
        """Show speeds per second; ``None`` shows nothing."""
        self._steps.setText("" if steps is None else tr("{0} steps/s").format(f"{steps:,.0f}"))
        self._frames.setText("" if frames is None else tr("{0} fps").format(f"{frames:.0f}"))

    def show_seed(self, seed: int) -> None:
        self._seed.setText(tr("Seed {0}").format(seed))

    def show_backend(self, snapshot: Snapshot) -> None:
        """Show what computes: the GPU and its memory, or the threads of the processor, and how fast; why in the tooltip.

        A notice about it is said once, and stays in the tooltip.
        """
        device, threads = snapshot.device, snapshot.threads
        if device is not None:
            name = device.name.removeprefix("NVIDIA ")
            words = tr("{0}, {1} GiB").format(name, f"{device.memory / 2**30:.0f}")
        elif snapshot.backend == "cpu":
            words = tr("Numba, {0} threads").format(threads) if threads > 1 else tr("Numba, 1 thread")
        else:
            words = tr("NumPy, while kernels compile")
        self._show_speed(words, snapshot.speed if snapshot.backend != "reference" else 0.0)
        self.backend.setToolTip("\n".join(part for part in (snapshot.notice, snapshot.reason, _SPEED_TIP) if part))
        if snapshot.notice and snapshot.notice != self._backend_notice:
            self._backend_notice = snapshot.notice
            self.show_notice(snapshot.notice)

    def _show_speed(self, words: str, speed: float) -> None:
        """The speed, renewed twice a second, so that it can be read."""
        now = time.monotonic()
        if words != self._backend_words or now - self._speed_shown >= SPEED_PAUSE:
            self._backend_words, self._speed_shown = words, now
            self.backend.setText(f"{words} · {giga_flops(speed)}" if speed else words)

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
        parts = [label.text() for label in (self.state, self._steps, self._frames, self._middle, self._seed)]
        return ", ".join(part for part in parts if part)

    def _show_middle(self) -> None:
        self._middle.set_text(self.text)

    def _restyle(self) -> None:
        self._dot.setStyleSheet(f"background:{self._theme.color(self._token).name()};border-radius:4px")
