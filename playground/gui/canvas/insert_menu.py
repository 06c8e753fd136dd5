"""The dashed + between two lanes, and its menu of every kind of layer; those that don't fit there say why."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QKeyEvent, QMouseEvent, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from playground.gui.widgets.controls import painting
from playground.gui.widgets.theme import Theme
from playground.network.layers import LAYERS
from playground.words import tr

CIRCLE, ARROW = 26, 12
LONG_PRESS_MILLISECONDS = 500


class InsertButton(QToolButton):
    """A dashed + between two lanes: a new dense layer there; the arrow below it offers every kind.

    Signals
    -------
    menu_asked()
        The arrow was clicked, or the button by the right mouse button, a long press, the Menu key or the Down key.
    """

    menu_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        tip = tr("Insert a layer here. Starts again from new weights.")
        more = tr("The arrow, a right click, a long press or the Menu key offers every kind.")
        super().__init__(
            parent, toolTip=f"{tip}\n{more}", statusTip=tip, accessibleName=tip, cursor=Qt.CursorShape.PointingHandCursor
        )
        self.setAccessibleDescription(more)
        self._theme = theme
        self.setFixedSize(CIRCLE, CIRCLE + ARROW)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._held = QTimer(self, singleShot=True)
        self._held.setInterval(LONG_PRESS_MILLISECONDS)
        self._held.timeout.connect(self._ask)
        theme.changed.connect(self.update)

    def _ask(self) -> None:
        # The press that asked is over: letting go must not insert as well.
        self.setDown(False)
        self.menu_asked.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.position().y() > CIRCLE:
            self._ask()
            return
        self._held.start()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held.stop()
        super().mouseReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.accept()
        self._held.stop()
        self._ask()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self._ask()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        lit = self.underMouse() or self.hasFocus()
        ink = "accent" if lit else "text_faint"
        with painting(self) as painter:
            painter.setPen(QPen(self._theme.color("accent" if lit else "border_strong"), 1.3, Qt.PenStyle.DashLine))
            painter.setBrush(self._theme.color("surface"))
            painter.drawEllipse(QRectF(2, 2, CIRCLE - 4, CIRCLE - 4))
            painter.drawPixmap(6, 6, self._theme.pixmap("plus", ink, 14))
            painter.setPen(QPen(self._theme.color(ink), 1.4))
            middle = QPointF(CIRCLE / 2, CIRCLE + ARROW / 2 - 1)
            painter.drawPolyline([middle + QPointF(-3.5, -1.8), middle + QPointF(0, 1.8), middle + QPointF(3.5, -1.8)])


def layer_menu(parent: QWidget, refusal: Callable[[str], str], chosen: Callable[[str], None]) -> QMenu:
    """A menu of every kind of layer.

    Parameters
    ----------
    refusal
        Why a kind can't be inserted, in one sentence; empty where it can.
    chosen
        Called with the kind that was picked.
    """
    menu = QMenu(parent)
    menu.setToolTipsVisible(True)
    menu.setAccessibleName(tr("Layers to insert"))
    for kind, layer in LAYERS.items():
        reason = refusal(kind)
        action = QAction(f"{layer.title}\t{_first_part(layer.description)}", menu)
        action.setData(kind)
        action.setEnabled(not reason)
        action.setToolTip(reason or layer.description)
        action.setStatusTip(reason or layer.description)
        action.triggered.connect(lambda _checked=False, kind=kind: chosen(kind))
        menu.addAction(action)
    return menu


def show_below(menu: QMenu, button: QWidget) -> None:
    """Open a menu under a button, without waiting for it to close."""
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.popup(button.mapToGlobal(QPoint(0, button.height())))


def _first_part(description: str) -> str:
    """What a layer does, as short as the menu needs it: up to the first colon or comma."""
    short = description.rstrip(".")
    for mark in (":", ",", ";"):
        short = short.partition(mark)[0]
    return short
