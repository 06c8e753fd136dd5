"""Gets the compiled edge painter without making the window wait: compiling and loading happen off its thread."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

from numpy.typing import NDArray


class Rasterizer:
    """Draws edges once it is ready; until then ``ready`` is False and the canvas uses Qt's own lines."""

    def __init__(self) -> None:
        self._draw: Any = None
        self._thread: threading.Thread | None = None

    @property
    def ready(self) -> bool:
        return self._draw is not None

    def start(self) -> None:
        """Begin to load; the first time on a machine a process of its own compiles, because compiling holds the interpreter."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="rasterizer", daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until it is ready, for pictures that must be complete; whether it is."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self.ready

    def draw(self, image: NDArray[Any], curves: NDArray[Any], colors: NDArray[Any]) -> None:
        """See `edges.draw_edges`; only when ready."""
        self._draw(image, curves, colors)

    def _load(self) -> None:
        from playground.kernels import edges

        if not edges.is_warm():
            subprocess.run(
                [sys.executable, "-m", "playground.kernels.edges"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        edges.warm()
        self._draw = edges.draw_edges
