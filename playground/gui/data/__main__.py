"""Opens the data panel alone: ``python -m playground.gui.data [preset] [--png FILE]``."""

import sys

from playground.gui.data.data_panel import DataPanel
from playground.gui.preview import preview

if __name__ == "__main__":
    sys.exit(preview(DataPanel))
