"""Gets the compiled edge painter without making the window wait: compiling and loading happen off its thread."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from playground.gui.background import Background

Draw = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], object]


class Rasterizer:
    """Draws edges once it is ready; until then ``ready`` is False and the canvas uses Qt's own lines."""

    def __init__(self) -> None:
        self._draw: Draw | None = None
        self._background = Background("rasterizer")

    @property
    def ready(self) -> bool:
        return self._draw is not None

    def start(self) -> None:
        """Begin to load; the first time on a machine a process of its own compiles, because compiling holds the interpreter."""
        if not self.ready and not self._background.busy:
            self._background.run(_load, self._take)

    def wait(self, seconds: float) -> bool:
        """Wait until it is ready, for pictures that must be complete; whether it is."""
        self._background.wait(seconds)
        return self.ready

    def draw(self, image: NDArray[Any], curves: NDArray[Any], colors: NDArray[Any]) -> None:
        """See `edges.draw_edges`; only when ready."""
        assert self._draw is not None
        self._draw(image, curves, colors)

    def _take(self, draw: Draw) -> None:
        self._draw = draw


def _load() -> Draw:
    """On a thread of its own: the compiled painter."""
    from playground.kernels import edges

    if not edges.is_warm():
        subprocess.run(
            [sys.executable, "-m", "playground.kernels.edges"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    edges.warm()
    draw: Draw = edges.draw_edges
    return draw
