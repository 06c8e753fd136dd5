"""Opens the rows alone: ``python -m playground.gui.views.rows [preset] [--png FILE]``."""

import sys

from playground.gui.preview import preview
from playground.gui.views.rows.view import RowsView

if __name__ == "__main__":
    sys.exit(preview(RowsView, "digits"))
