"""Opens the loss curves alone: ``python -m playground.gui.views.loss [preset] [--png FILE]``."""

import sys

from playground.gui.preview import preview
from playground.gui.views.loss.plot import LossPlot

if __name__ == "__main__":
    sys.exit(preview(LossPlot))
