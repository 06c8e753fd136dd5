"""What Qt draws on: ``python -m playground.gui.screen`` says it in one line."""

from __future__ import annotations

import sys

from PySide6.QtCore import qVersion
from PySide6.QtGui import QFontDatabase, QGuiApplication

from playground.gui.widgets.theme import FAMILY, load_fonts
from playground.words import tr


def screen_facts() -> str:
    """Qt's version and platform, the screens, and whether the typeface is there; an application must be running."""
    screens = ", ".join(
        f"{screen.size().width()} × {screen.size().height()} × {screen.devicePixelRatio():g}"
        for screen in QGuiApplication.screens()
    )
    return tr("Qt {version} on {platform}; screens: {screens}; typeface {family}: {there}").format(
        version=qVersion(),
        platform=QGuiApplication.platformName(),
        screens=screens or tr("none"),
        family=FAMILY,
        there=tr("there") if FAMILY in QFontDatabase.families() else tr("missing"),
    )


if __name__ == "__main__":
    application = QGuiApplication(sys.argv[:1])
    load_fonts()
    print(screen_facts())
