"""One view alone, on a preset that trains: to work on it without the window, and for pictures of what has been trained."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from playground.experiment import Experiment
from playground.experiment.presets import preset
from playground.gui.frame_loop import FrameLoop, View
from playground.gui.widgets.controls import Card
from playground.gui.widgets.theme import Theme
from playground.storage import FileError
from playground.training.protocol import Snapshot, Train, Use
from playground.training.session import TrainingSession
from playground.words import tr

PATIENCE_SECONDS = 60.0
# After the last step a view may still be computing what it shows, such as the report.
LAST_SECONDS = 0.6

V = TypeVar("V", bound=View)


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Run Qt's events until something holds; whether it came to hold in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        QApplication.processEvents()
        time.sleep(0.002)
    return True


def train_to_the_end(loop: FrameLoop) -> bool:
    """Let a session that trains come to its first stop, and the views show what came of it; whether it came there in time.

    What is watched changes as views come into sight, so there may be more than one last snapshot: the views are done once one
    has been shown and no other has come for a moment.
    """
    shown, since = loop.shown_snapshot, time.monotonic()

    def done() -> bool:
        nonlocal shown, since
        if loop.shown_snapshot is not shown:
            shown, since = loop.shown_snapshot, time.monotonic()
        ended = shown is not None and shown is loop.newest and shown.status.ended
        return ended and time.monotonic() - since > LAST_SECONDS

    return wait_until(done)


class Stage(Generic[V]):
    """A view with a session of its own, in a window with nothing else.

    Parameters
    ----------
    make
        Makes the view, a widget.
    begin
        What the view needs besides snapshots, once the first one is there.
    """

    def __init__(
        self,
        make: Callable[[Theme], V],
        experiment: Experiment,
        theme: Theme,
        begin: Callable[[Stage[V]], object] | None = None,
    ) -> None:
        self.view = make(theme)
        self.row = 0
        """Row of the data set that is looked at."""
        self.session = TrainingSession()
        self._experiment = experiment
        self._begin = begin
        self.ground = QWidget(objectName="root", windowTitle=type(self.view).__name__)
        self.loop = FrameLoop(self.session, parent=self.ground)
        self.loop.add_view(self.view)
        assert isinstance(self.view, QWidget)
        card = self.view if isinstance(self.view, Card) else Card(theme, experiment.name)
        if card is not self.view:
            card.body.addWidget(self.view, 1)
        layout = QVBoxLayout(self.ground)
        layout.addWidget(card)
        self.ground.resize(self.ground.sizeHint().expandedTo(self.ground.minimumSizeHint()))

    def train(self, epochs_per_frame: float) -> None:
        """Begin: the data are loaded, the first snapshot is looked at, and training runs."""
        show = getattr(self.view, "show_experiment", None)
        if show is not None:
            show(self._experiment)
        self.loop.shown.connect(self._look)
        self.session.start()
        self.session.send(Use(self._experiment))
        self.session.send(Train(epochs_per_frame=epochs_per_frame))
        self.loop.start()

    def close(self) -> None:
        self.loop.stop()
        self.session.close()

    def _look(self, snapshot: Snapshot) -> None:
        """Look at a row of the data, as the window does from the start."""
        if snapshot.run is None:
            return
        self.loop.shown.disconnect(self._look)
        rows = snapshot.run.data.test_rows
        self.row = int(rows[0]) if len(rows) else 0
        self.loop.probe = tuple(snapshot.run.data.dataset.features[self.row].tolist())
        if self._begin is not None:
            self._begin(self)


def preview(make: Callable[[Theme], V], usual: str = "circle", begin: Callable[[Stage[V]], object] | None = None) -> int:
    """Open a view alone: what ``python -m`` does with its module; returns the exit code.

    Parameters
    ----------
    make, begin
        As of `Stage`.
    usual
        The preset that is shown if none is named.
    """
    parser = argparse.ArgumentParser(description=tr("One view alone, on a preset that trains."))
    parser.add_argument(
        "preset",
        nargs="?",
        default=usual,
        help=tr("as `playground presets` lists them; {usual} if none is named").format(usual=usual),
    )
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument(
        "--png", type=Path, metavar="FILE", help=tr("train to the first stop, save a picture and leave, off screen")
    )
    options = parser.parse_args()
    if options.png is not None and sys.platform.startswith("linux"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    application = QApplication(sys.argv[:1])
    theme = Theme(options.theme)
    theme.apply()
    try:
        experiment = preset(options.preset)
    except FileError as error:
        print(error, file=sys.stderr)
        return 2
    stage = Stage(make, experiment, theme, begin)
    stage.ground.show()
    # Faster for a picture, yet slow enough that curves have their points.
    stage.train(1.0 if options.png is None else 5.0)
    code = 0
    if options.png is None:
        code = application.exec()
    elif train_to_the_end(stage.loop):
        stage.ground.grab().save(str(options.png))
    else:
        print(
            tr("{preset} did not come to its end within {seconds:.0f} seconds").format(
                preset=options.preset, seconds=PATIENCE_SECONDS
            ),
            file=sys.stderr,
        )
        code = 1
    stage.close()
    return code
