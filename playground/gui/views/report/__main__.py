"""Opens the report alone: ``python -m playground.gui.views.report [preset] [--png FILE]``."""

import sys

from playground.gui.preview import preview
from playground.gui.views.report.view import ReportView

if __name__ == "__main__":
    sys.exit(preview(ReportView, "breast_cancer"))
