"""How long the window's thread is away: ``python tests/benchmarks/window_stalls.py [table.csv …]``.

Prints the thread's own processor time, in milliseconds, of what people do: switching the theme, opening the settings and each of
their pages, each preset, undo, resizing, and opening tables, a wide one of its own among them. An action's time is that of the
longest piece of work between two rounds of Qt's events: what people would feel as a stall on an idle machine. Nothing here asks
for an answer: the document counts as saved before a file is opened.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["PLAYGROUND_CONFIG_DIR"] = tempfile.mkdtemp(prefix="playground-stalls-")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget

from playground.experiment.presets import preset_names
from playground.gui.app import settle
from playground.gui.window import Window

COLUMNS = 500
PATIENCE = 60.0


class Stopwatch:
    """Times one action after another."""

    def __init__(self, application, window):
        self.application = application
        self.window = window

    def until_shown(self):
        """Run Qt's events until the newest run is on the screen; the longest round in milliseconds."""
        window, worst, end = self.window, 0.0, time.monotonic() + PATIENCE
        rounds = 0
        while rounds < 20 or window.loop.shown_snapshot is None:
            worst = max(worst, self.spent(self.application.processEvents))
            time.sleep(0.004)
            rounds += 1
            if time.monotonic() > end:
                break
        return worst

    def spent(self, act):
        start = time.thread_time()
        act()
        return 1e3 * (time.thread_time() - start)

    def time(self, name, act):
        own = self.spent(act)
        after = self.until_shown()
        widgets = len(self.window.findChildren(QWidget))
        mark = "  <-- over 100 ms" if max(own, after) > 100 else ""
        print(f"{name:44} {own:7.1f} ms itself {after:7.1f} ms longest round after it   {widgets:5} widgets{mark}", flush=True)


def wide_table(folder):
    """A table with many columns of numbers."""
    rng = np.random.default_rng(0)
    path = Path(folder) / f"{COLUMNS}-columns.csv"
    head = ",".join([*(f"measured {column}" for column in range(COLUMNS)), "answer"])
    np.savetxt(path, np.column_stack([rng.normal(size=(60, COLUMNS)), np.arange(60) % 2]), "%.4f", ",", header=head, comments="")
    return path


def main(tables):
    application = QApplication(sys.argv[:1])
    QTimer.singleShot(0, lambda: go(application, tables))
    application.exec()


def go(application, tables):
    """Within Qt's own loop: a palette reaches the widgets only there."""
    start = time.thread_time()
    window = Window()
    window.resize(1600, 1000)
    window.show()
    print(f"{'the window itself':44} {1e3 * (time.thread_time() - start):7.1f} ms")
    window.panels.canvas.rasterizer.wait(60)
    watch = Stopwatch(application, window)
    watch.until_shown()
    settle()
    actions = window.actions_by_name

    def theme(name):
        watch.time(f"theme to {name}", lambda: window.set_theme(name))

    theme("dark")
    theme("light")
    watch.time("settings, first time", actions["settings"].toggle)
    for place in ("network", "data", "training", "network.layers.0", "network.output_activation"):
        watch.time(f"settings: {place}", lambda place=place: window.open_settings(place))
    theme("dark")
    theme("light")
    for name in preset_names():
        watch.time(f"preset {name}, settings open", lambda name=name: window.changes.choose_set(name))
    theme("dark")
    watch.time("settings closed", actions["settings"].toggle)
    theme("light")
    watch.time("metrics page", lambda: window.panels.output_pages.buttons["metrics"].click())
    for name in reversed(preset_names()):
        watch.time(f"preset {name}", lambda name=name: window.changes.choose_set(name))
    watch.time("output page", lambda: window.panels.output_pages.buttons["output"].click())
    watch.time("find a rate", window.find_rate)
    for _ in range(3):
        watch.time("undo", actions["undo"].trigger)
    watch.time("redo", actions["redo"].trigger)
    watch.time("smaller", lambda: window.resize(1280, 760))
    watch.time("larger", lambda: window.resize(1700, 1050))
    watch.time("help", lambda: actions["help"].trigger())
    with tempfile.TemporaryDirectory() as folder:
        for table in [wide_table(folder), *map(Path, tables)]:
            window.document.undo_stack.setClean()
            watch.time(f"open {table.name}", lambda table=table: window.open_path(table))
            watch.time("settings with it", actions["settings"].toggle)
            theme("dark")
            theme("light")
            watch.time("settings closed", actions["settings"].toggle)
        window.document.undo_stack.setClean()
        watch.time("new, from the table", actions["new"].trigger)
        theme("dark")
    watch.time("preset circle", lambda: window.changes.choose_set("circle"))
    window.document.undo_stack.setClean()
    window.close()
    application.quit()


if __name__ == "__main__":
    main(sys.argv[1:])
