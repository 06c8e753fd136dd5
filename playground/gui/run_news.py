"""What a run has to say: its state in the line at the bottom; divergence, failure and early stopping in the banner."""

from __future__ import annotations

from collections.abc import Callable

from playground.gui.banner import UNEXPECTED, Banner
from playground.gui.status_line import StatusLine
from playground.training.protocol import Snapshot, Status
from playground.words import tr


class RunNews:
    """Tells each change of a run's state once.

    Parameters
    ----------
    status, banner
        Where it is told.
    take_a_tenth
        Goes on after a divergence with a tenth of the learning rate.
    """

    def __init__(self, status: StatusLine, banner: Banner, take_a_tenth: Callable[[], object]) -> None:
        self._status = status
        self._banner = banner
        self._take_a_tenth = take_a_tenth
        self._told: tuple[int, Status, str] | None = None

    def show(self, snapshot: Snapshot) -> bool:
        """Show the state of a snapshot; whether it is news."""
        self._status.show_state(*self._words(snapshot))
        if snapshot.status is not Status.RUNNING:
            self._status.show_rates(None, None)
        told = (snapshot.generation, snapshot.status, snapshot.stopped)
        if told == self._told:
            return False
        self._told = told
        self._show_banner(snapshot)
        return True

    def _words(self, snapshot: Snapshot) -> tuple[str, str]:
        end = tr("Stopped early at epoch {0}; Play goes on") if snapshot.stopped else tr("Reached epoch {0}; Play goes on")
        return {
            Status.IDLE: (tr("Ready"), "text_faint"),
            Status.RUNNING: (tr("Training"), "good"),
            Status.PAUSED: (tr("Paused"), "text_faint"),
            Status.FINISHED: (end.format(f"{snapshot.epoch:,.0f}"), "accent"),
            Status.DIVERGED: (tr("Diverged"), "bad"),
            Status.FAILED: (tr("Stopped"), "bad"),
        }[snapshot.status]

    def _show_banner(self, snapshot: Snapshot) -> None:
        status, banner, trouble = snapshot.status, self._banner, snapshot.trouble
        if status is Status.DIVERGED and snapshot.error:
            # Where a row of the data or the first weights are to blame, a smaller rate is no remedy.
            slower = trouble is None or (trouble.rate > 0 and not trouble.row)
            offers = [(tr("Take a tenth of the rate"), self._take_a_tenth)] if slower else []
            banner.show_message("diverged", snapshot.error, *offers)
        elif status is Status.FAILED and snapshot.error and banner.kind != UNEXPECTED:
            banner.show_message("failed", snapshot.error)
        elif status is Status.FINISHED and snapshot.stopped:
            banner.show_message("tip", snapshot.stopped)
        elif status in (Status.RUNNING, Status.IDLE):
            for kind in ("diverged", "failed", "tip"):
                banner.dismiss(kind)
