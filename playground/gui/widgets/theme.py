"""The look: palettes, fonts, icons and the style sheet, light and dark."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from playground.storage import resource

FAMILY = "Inter"


@dataclass(frozen=True)
class Palette:
    """Colors by what they are for."""

    name: str
    background: str
    surface: str
    sunken: str
    lane: str
    hover: str
    border: str
    border_strong: str
    text: str
    text_muted: str
    text_faint: str
    accent: str
    accent_soft: str
    on_accent: str
    good: str
    bad: str
    # The diverging scale: the same two colors in data, weights and outputs.
    negative: str
    negative_mid: str
    middle: str
    positive_mid: str
    positive: str
    grid_dot: str
    tip: str
    tip_text: str


LIGHT = Palette(
    name="light",
    background="#F4F5F7",
    surface="#FFFFFF",
    sunken="#F0F1F4",
    lane="#F7F8FA",
    hover="#E9EBEF",
    border="#E4E6EB",
    border_strong="#D3D7DE",
    text="#171A21",
    text_muted="#555D6B",
    text_faint="#6B7280",
    accent="#4F46E5",
    accent_soft="#ECEBFD",
    on_accent="#FFFFFF",
    good="#0E9F6E",
    bad="#C81E3A",
    negative="#DD6B10",
    negative_mid="#F3BC8C",
    middle="#F3F4F6",
    positive_mid="#93BDEA",
    positive="#1D63B8",
    grid_dot="#E6E8ED",
    tip="#171A21",
    tip_text="#FFFFFF",
)
DARK = Palette(
    name="dark",
    background="#0E1116",
    surface="#161A21",
    sunken="#1F242D",
    lane="#1A1F27",
    hover="#2A303B",
    border="#262C36",
    border_strong="#363E4B",
    text="#EDF0F5",
    text_muted="#A6AFBD",
    text_faint="#8592A3",
    accent="#8B83FF",
    accent_soft="#26254A",
    on_accent="#0E1116",
    good="#34D399",
    bad="#FF6B81",
    negative="#F5923E",
    negative_mid="#8A5024",
    middle="#1C222B",
    positive_mid="#28568C",
    positive="#5AA9FA",
    grid_dot="#222833",
    tip="#EDF0F5",
    tip_text="#0E1116",
)

# Classes beyond two: the muted qualitative scheme of Paul Tol (color-blind safe), with a marker's letter beside the color.
CLASS_COLORS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#BBBBBB", "#EE8866", "#44BB99", "#99DDFF")


class Theme(QObject):
    """The look that holds now; views repaint on ``changed``.

    Parameters
    ----------
    mode
        ``light``, ``dark`` or ``system``: like the desktop, where Qt reports it.
    """

    changed = Signal()

    def __init__(self, mode: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        load_fonts()
        self.mode = mode
        self.palette = self._chosen()
        hints = QApplication.styleHints()
        hints.colorSchemeChanged.connect(self._system_changed)

    def set_mode(self, mode: str) -> None:
        """Switch to ``light``, ``dark`` or ``system``."""
        self.mode = mode
        palette = self._chosen()
        if palette is not self.palette:
            self.palette = palette
            self.apply()
            self.changed.emit()

    def apply(self) -> None:
        """Dress the application: style, palette, font and style sheet."""
        application = QApplication.instance()
        if not isinstance(application, QApplication):
            return
        application.setStyle("Fusion")
        application.setPalette(self._qt_palette())
        application.setFont(self.font(13))
        application.setStyleSheet(style_sheet(self.palette))

    def color(self, token: str, alpha: float = 1.0) -> QColor:
        """A color by its field in `Palette`, or by its ``#rrggbb``."""
        color = QColor(token if token.startswith("#") else getattr(self.palette, token))
        color.setAlphaF(alpha)
        return color

    def class_color(self, index: int, classes: int) -> QColor:
        """Color of a class: orange and blue for two, else one of a color-blind-safe set."""
        if classes <= 2:
            return self.color("positive" if index else "negative")
        return QColor(CLASS_COLORS[index % len(CLASS_COLORS)])

    def font(self, pixels: int, weight: int = 400, tabular: bool = False) -> QFont:
        """Inter in pixels; ``tabular`` gives all figures the same width."""
        return _font(pixels, weight, tabular)

    def pixmap(self, name: str, color: str = "text_muted", size: int = 18) -> QPixmap:
        """An icon in a color, sharp on screens of any density."""
        return _pixmap(name, self.color(color).name(), size)

    def icon(self, name: str, color: str = "text_muted", size: int = 18) -> QIcon:
        """The same as `pixmap`, for buttons."""
        return QIcon(self.pixmap(name, color, size))

    def colors(self, fade: float = 0.0) -> NDArray[np.uint32]:
        """The diverging scale as 256 colors ``0xffrrggbb`` from −1 to 1.

        Parameters
        ----------
        fade
            Share of the middle color mixed in, so that points stand out on a surface.
        """
        return _scale(self.palette.name, fade)

    def _chosen(self) -> Palette:
        if self.mode == "system":
            return DARK if QApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark else LIGHT
        return DARK if self.mode == "dark" else LIGHT

    def _system_changed(self) -> None:
        if self.mode == "system":
            self.set_mode("system")

    def _qt_palette(self) -> QPalette:
        roles = QPalette.ColorRole
        palette = QPalette()
        for role, token in (
            (roles.Window, "background"),
            (roles.WindowText, "text"),
            (roles.Base, "surface"),
            (roles.AlternateBase, "sunken"),
            (roles.Text, "text"),
            (roles.PlaceholderText, "text_faint"),
            (roles.Button, "surface"),
            (roles.ButtonText, "text"),
            (roles.Highlight, "accent"),
            (roles.HighlightedText, "on_accent"),
            (roles.ToolTipBase, "tip"),
            (roles.ToolTipText, "tip_text"),
            (roles.Link, "accent"),
        ):
            palette.setColor(role, self.color(token))
        disabled = QPalette.ColorGroup.Disabled
        for role in (roles.Text, roles.ButtonText, roles.WindowText):
            palette.setColor(disabled, role, self.color("text_faint", 0.6))
        return palette


def load_fonts() -> None:
    """Register the bundled typeface once per application."""
    if FAMILY not in QFontDatabase.families():
        for path in sorted(resource("fonts").glob("*.otf")):
            QFontDatabase.addApplicationFont(str(path))


@lru_cache(maxsize=64)
def _font(pixels: int, weight: int, tabular: bool) -> QFont:
    font = QFont(FAMILY)
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight(weight))
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if tabular and hasattr(font, "setFeature"):
        font.setFeature(QFont.Tag("tnum"), 1)
    return font


@lru_cache(maxsize=256)
def _pixmap(name: str, color: str, size: int) -> QPixmap:
    text = resource("icons", f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
    # Twice the size and scaled down where the screen is coarse: sharp everywhere.
    pixmap = QPixmap(2 * size, 2 * size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(text.encode())).render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(2.0)
    return pixmap


@lru_cache(maxsize=8)
def _scale(palette_name: str, fade: float) -> NDArray[np.uint32]:
    palette = DARK if palette_name == "dark" else LIGHT
    stops = [palette.negative, palette.negative_mid, palette.middle, palette.positive_mid, palette.positive]
    colors = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], np.float64)
    colors += fade * (colors[2] - colors)
    at = np.linspace(0, len(stops) - 1, 256)
    red, green, blue = (np.interp(at, range(len(stops)), colors[:, i]).round().astype(np.uint32) for i in range(3))
    return np.uint32(0xFF000000) | red << np.uint32(16) | green << np.uint32(8) | blue


def style_sheet(palette: Palette) -> str:
    """The style sheet of everything that isn't painted by its own widget."""
    sheet = """
    QWidget#root, QMainWindow, QDialog, QMessageBox { background:@background; }
    QLabel { background:transparent; }
    QFrame#card { background:@surface; border:1px solid @border; border-radius:14px; }
    QToolButton#icon { background:transparent; border:1px solid @border; border-radius:10px; }
    QToolButton#icon:hover { background:@hover; }
    QToolButton#icon:focus { border:2px solid @accent; }
    QToolButton#icon:disabled { border-color:@border; }
    QToolButton#primary { background:@accent; border:2px solid @accent; border-radius:22px; }
    QToolButton#primary:focus { border:2px solid @text; }
    QToolTip { background:@tip; color:@tip_text; border:1px solid @tip; padding:5px 8px; }
    QScrollArea, QScrollArea > QWidget > QWidget { background:transparent; border:none; }
    QScrollBar:vertical { background:transparent; width:8px; margin:0; }
    QScrollBar:horizontal { background:transparent; height:8px; margin:0; }
    QScrollBar::handle { background:@border_strong; border-radius:4px; min-height:32px; min-width:32px; }
    QScrollBar::add-line, QScrollBar::sub-line { height:0; width:0; }
    QScrollBar::add-page, QScrollBar::sub-page { background:transparent; }
    QMenuBar { background:transparent; color:@text_muted; spacing:0; }
    QMenuBar::item { background:transparent; padding:2px 5px; border-radius:6px; }
    QMenuBar::item:selected, QMenuBar::item:pressed { background:@hover; color:@text; }
    QMenu { background:@surface; color:@text; border:1px solid @border_strong; padding:6px; }
    QMenu::item { padding:6px 28px 6px 26px; border-radius:6px; }
    QMenu::item:selected { background:@accent_soft; }
    QMenu::item:disabled { color:@text_faint; }
    QMenu::separator { height:1px; background:@border; margin:5px 8px; }
    QMenu::indicator { width:14px; height:14px; left:7px; }
    QComboBox { combobox-popup:0; }
    QComboBox QAbstractItemView { background:@surface; color:@text; border:1px solid @border_strong; padding:4px;
        selection-background-color:@accent_soft; selection-color:@text; outline:0; }
    QComboBox QAbstractItemView::item { min-height:26px; padding:0 8px; }
    QPushButton { background:@sunken; color:@text; border:1px solid @border; border-radius:8px; padding:6px 12px; }
    QPushButton:hover { background:@hover; }
    QPushButton:focus { border:1px solid @accent; }
    QPushButton:disabled { color:@text_faint; }
    QLineEdit { background:@sunken; color:@text; border:1px solid transparent; border-radius:8px; padding:4px 8px;
        selection-background-color:@accent; selection-color:@on_accent; }
    QLineEdit:focus { border:1px solid @accent; }
    QTableView { background:@surface; color:@text; gridline-color:@border; border:1px solid @border; border-radius:8px;
        selection-background-color:@accent_soft; selection-color:@text; alternate-background-color:@lane; outline:0; }
    QHeaderView::section { background:@lane; color:@text_muted; border:none; border-bottom:1px solid @border; padding:4px 6px; }
    QAbstractScrollArea::corner { background:transparent; border:none; }
    QHeaderView, QTableCornerButton::section { background:@lane; border:none; }
    """
    # Longest names first: @text_muted must not be taken for @text.
    for name in sorted((field.name for field in fields(Palette)), key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", getattr(palette, name))
    return sheet
