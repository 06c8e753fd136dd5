"""How soon the window is there and learns: ``python tests/benchmarks/start.py [--cold]``; cold is with nothing compiled.

Prints seconds since the process began, and the longest that the window's thread was away from its events meanwhile.
"""

import os
import sys
import tempfile
import time

BEGIN = time.perf_counter()

os.environ["PLAYGROUND_CONFIG_DIR"] = tempfile.mkdtemp()
if "--cold" in sys.argv:
    os.environ["PLAYGROUND_CACHE_DIR"] = tempfile.mkdtemp()
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# The clock runs before what it times is imported.
from PySide6.QtWidgets import QApplication  # noqa: E402

from playground.gui.window import Window  # noqa: E402


def tell(words):
    print(f"{time.perf_counter() - BEGIN:6.2f} s  {words}", flush=True)


def main():
    application = QApplication(sys.argv[:1])
    window = Window()
    window.show()
    application.processEvents()
    tell("the window is shown")
    learning, longest = False, 0.0
    while time.perf_counter() - BEGIN < 60:
        turn = time.perf_counter()
        application.processEvents()
        longest = max(longest, time.perf_counter() - turn)
        time.sleep(0.002)
        newest = window.loop.newest
        if newest is not None and newest.epoch >= 1 and not learning:
            learning = True
            tell(f"one epoch is learned, on the {newest.backend} backend")
        if learning and newest is not None and newest.backend == "cpu" and window.panels.canvas.rasterizer.ready:
            break
    tell(f"all is compiled; the window's thread was away for {1e3 * longest:.0f} ms at most")
    window.close()


if __name__ == "__main__":
    main()
