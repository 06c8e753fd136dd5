"""Which row or point is looked at: from a click to the outputs that are shown for it."""

from __future__ import annotations

import numpy as np

from playground.data.dataset import Dataset
from playground.gui.frame_loop import FrameLoop
from playground.gui.panels import Panels
from playground.training.run import RunInfo
from playground.words import number, tr

# Share of the plane's extent within which a click means the data point there.
SNAP = 0.025
FIRST_POINT = (1.4, -2.1)


class Prober:
    """Has the session watch a row or a point, and the views say which."""

    def __init__(self, loop: FrameLoop, panels: Panels) -> None:
        self._loop = loop
        self._panels = panels
        # Whether the run on the screen is about points of the plane.
        self._planar = False

    def probe_point(self, point: tuple[float, float]) -> None:
        """Look at a point of the plane; close to a data point, at that one, whose target is known."""
        dataset, row = self._dataset(), None
        if dataset is not None and dataset.planar:
            distances = np.hypot(*(dataset.features - np.array(point)).T)
            nearest = int(distances.argmin())
            if distances[nearest] <= SNAP * dataset.extent:
                row, point = nearest, tuple(dataset.features[nearest].tolist())
        self._probe(point, row, planar=True)

    def probe_row(self, row: int) -> None:
        """Look at a row of the data; a click may still come from a list whose data are being replaced by fewer."""
        dataset = self._dataset()
        if dataset is not None and row < len(dataset.features):
            self._probe(tuple(dataset.features[row].tolist()), row, dataset.planar)

    def show_run(self, run: RunInfo) -> None:
        """A new run: what was looked at may not be there any more."""
        planar, probe = run.data.dataset.planar, self._loop.probe
        from_plane, self._planar = self._planar, planar
        if planar and (probe is None or not from_plane):
            self._probe(FIRST_POINT, None, planar)
        elif planar and probe is not None:
            # The points may be others now: what was a data point is a free point until it is clicked again.
            self.probe_point((probe[0], probe[1]))

    def _dataset(self) -> Dataset | None:
        snapshot = self._loop.newest
        return snapshot.run.data.dataset if snapshot is not None and snapshot.run is not None else None

    def _probe(self, values: tuple[float, ...], row: int | None, planar: bool) -> None:
        panels = self._panels
        self._loop.probe = values
        panels.outputs.set_row(row)
        panels.surface.show_probe(values if planar else None)
        words = [] if row is None else [tr("row {0}").format(row + 1)]
        if planar:
            words += [f"x₁ {number(values[0], 2)}", f"x₂ {number(values[1], 2)}"]
        panels.probe_words.set_text("   ".join(words))
