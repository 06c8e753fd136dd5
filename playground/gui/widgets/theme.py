"""The look: palettes, fonts and icons, light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QCoreApplication, QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QToolTip

from playground.gui.widgets.style import SHEET, polish_anew
from playground.storage import resource

FAMILY = "Inter"
Role = QPalette.ColorRole


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
        application = QApplication.instance()
        if palette is not self.palette and isinstance(application, QApplication):
            self.palette = palette
            self._show_palette(application)
            polish_anew(application)
            self.changed.emit()

    def apply(self) -> None:
        """Dress the application: style, palette, font and style sheet.

        The sheet names colors by their roles in Qt's palette, so it is set once: setting one anew lays every widget out again.
        """
        application = QApplication.instance()
        if not isinstance(application, QApplication):
            return
        # Without this a palette stops at the first widget that a sheet styles.
        QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_UseStyleSheetPropagationInWidgetStyles)
        application.setStyle("Fusion")
        self._show_palette(application)
        application.setFont(self.font(13))
        application.setStyleSheet(SHEET)

    def _show_palette(self, application: QApplication) -> None:
        palette = qt_palette(self.palette)
        application.setPalette(palette)
        QToolTip.setPalette(palette)

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


# What each color of a `Palette` is called in Qt's: labels and the style sheet name these roles.
ROLES = {
    "background": (Role.Window,),
    "surface": (Role.Base,),
    "sunken": (Role.AlternateBase,),
    "lane": (Role.Light,),
    "hover": (Role.Midlight,),
    "border": (Role.Mid,),
    "border_strong": (Role.Dark,),
    "text": (Role.WindowText, Role.Text, Role.ButtonText),
    "text_muted": (Role.BrightText,),
    "text_faint": (Role.PlaceholderText,),
    "accent": (Role.Highlight, Role.Link, Role.Accent),
    "accent_soft": (Role.Shadow,),
    "on_accent": (Role.HighlightedText,),
    "bad": (Role.LinkVisited,),
    "tip": (Role.ToolTipBase,),
    "tip_text": (Role.ToolTipText,),
}


def role(token: str) -> QPalette.ColorRole:
    """The role of a color in Qt's palette: what is painted with it follows the theme by itself."""
    return ROLES[token][0]


def qt_palette(colors: Palette) -> QPalette:
    """Qt's palette with these colors."""
    palette = QPalette()
    for token, roles in ROLES.items():
        for each in roles:
            palette.setColor(each, QColor(getattr(colors, token)))
    # What stands out of the cards: white on gray, or light gray on black.
    palette.setColor(Role.Button, QColor(colors.surface if colors.name == "light" else colors.hover))
    faint = QColor(colors.text_faint)
    faint.setAlphaF(0.6)
    for each in (Role.Text, Role.ButtonText, Role.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, each, faint)
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
