"""Opens the network alone: ``python -m playground.gui.canvas [preset] [--png FILE]``."""

import sys

from playground.gui.canvas.canvas import NetworkCanvas
from playground.gui.preview import Stage, preview


def begin(stage: Stage[NetworkCanvas]) -> None:
    stage.view.rasterizer.start()
    stage.view.rasterizer.wait(60)


if __name__ == "__main__":
    sys.exit(preview(NetworkCanvas, begin=begin))
