"""How smoothly the window runs while a 2-8-8-8-1 network trains: ``python tests/benchmarks/window_frames.py [seconds]``.

Prints frames a second and the times between them, how long each view takes, and how long a click takes until the session
has acted on it and the window shows it. Run it on a real or virtual display (Xvfb); off screen works as well.
"""

import os
import sys
import time

os.environ["PLAYGROUND_CONFIG_DIR"] = "/tmp/playground-benchmark"
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from playground.experiment import set_field
from playground.experiment.presets import preset
from playground.gui.app import settle
from playground.gui.window import Window
from playground.training.protocol import Status


def percentile(values, share):
    return float(np.percentile(values, share)) if len(values) else float("nan")


def main(seconds):
    application = QApplication(sys.argv[:1])
    experiment = preset("spiral")
    layer = '{"type": "dense", "units": 8, "activation": "tanh"}'
    experiment = set_field(experiment, "network.layers", f"[{layer}, {layer}, {layer}]")
    experiment = set_field(experiment, "training.epochs", "1000000")
    window = Window(experiment)
    window.resize(1600, 1000)
    window.show()
    window.panels.canvas.rasterizer.wait(60)
    settle()
    frames, costs, clicks = [], {}, []
    for view, _, _ in window.loop.views:
        show, name = view.show_snapshot, type(view).__name__

        def timed(snapshot, show=show, name=name):
            start = time.perf_counter()
            show(snapshot)
            costs.setdefault(name, []).append(time.perf_counter() - start)

        view.show_snapshot = timed
    # A frame counts once it is painted: the canvas is repainted with every snapshot.
    paint = window.panels.canvas.paintEvent

    def painted(event):
        start = time.perf_counter()
        paint(event)
        costs.setdefault("NetworkCanvas.paintEvent", []).append(time.perf_counter() - start)
        frames.append(time.perf_counter())

    window.panels.canvas.paintEvent = painted

    def click():
        status = window.session.latest.status
        start = time.perf_counter()
        QTest.mouseClick(window.bar.play_button, Qt.MouseButton.LeftButton)

        def check():
            latest = window.session.latest
            shown = window.bar.running == (latest.status is Status.RUNNING)
            if latest.status is not status and shown:
                clicks.append(time.perf_counter() - start)
                watcher.stop()

        watcher = QTimer(window, interval=1, timerType=Qt.TimerType.PreciseTimer)
        watcher.timeout.connect(check)
        watcher.start()

    def begin():
        frames.clear()
        costs.clear()
        window.steps_at_start = window.session.latest.step, time.perf_counter()

    QTimer.singleShot(3000, begin)
    QTimer.singleShot(int(3000 + 1000 * seconds), lambda: finish())

    def finish():
        gaps = np.diff(frames) * 1e3
        step, at = window.steps_at_start
        rate = (window.session.latest.step - step) / (time.perf_counter() - at)
        print(f"window {window.width()} × {window.height()}, platform {application.platformName()}, {rate:,.0f} steps/s")
        print(
            f"frames/s {1e3 / gaps.mean():.1f}   between frames: median {np.median(gaps):.1f} ms, "
            f"95 % {percentile(gaps, 95):.1f} ms, worst {gaps.max():.1f} ms"
        )
        for name, values in sorted(costs.items(), key=lambda item: -np.mean(item[1])):
            print(
                f"  {name:28} median {1e3 * np.median(values):5.2f} ms   95 % {1e3 * percentile(values, 95):5.2f} ms   "
                f"{len(values) / seconds:5.1f}/s"
            )
        for number in range(10):
            QTimer.singleShot(200 * number, click)
        QTimer.singleShot(2600, leave)

    def leave():
        print(f"clicks: {len(clicks)} of 10 answered, median {1e3 * np.median(clicks):.1f} ms, worst {1e3 * max(clicks):.1f} ms")
        window.document.undo_stack.setClean()
        window.close()
        application.quit()

    application.exec()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
