"""The loss curves as a PNG, drawn off screen: what ``playground train`` leaves beside the weights."""

from __future__ import annotations

import os
import sys
from functools import cache

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from playground.gui.views.loss.plot import LossPlot
from playground.gui.widgets.theme import Theme
from playground.training.history import History


@cache
def _application() -> object:
    """The process's application; made off screen if there is none. Qt's lives as long as it is held: the cache holds it."""
    running = QApplication.instance()
    if running is not None:
        return running
    # Nothing is shown, so no display is needed, and one that is named but can't be reached must not matter.
    if sys.platform.startswith("linux"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return QApplication(sys.argv[:1])


def loss_png(history: History, theme: str = "light", size: tuple[int, int] = (960, 540)) -> bytes:
    """The curves of a history as the bytes of a PNG; needs no screen."""
    _application()
    look = Theme(theme)
    look.apply()
    plot = LossPlot(look)
    plot.resize(QSize(*size))
    plot.setContentsMargins(20, 16, 24, 12)
    # Only the curves and their legend: there is nothing to press in a picture.
    plot.quantities.hide()
    plot.log_button.hide()
    plot.show_history(history)
    image = QImage(QSize(*size), QImage.Format.Format_RGB32)
    image.fill(look.color("surface"))
    # The first rendering lays out the axes, the second draws with them.
    for _ in range(2):
        plot.ensurePolished()
        plot.grab()
    plot.render(image, QPoint(0, 0), renderFlags=QWidget.RenderFlag.DrawChildren)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    plot.deleteLater()
    return bytes(buffer.data().data())
