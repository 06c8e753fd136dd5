"""The style sheet of everything that isn't painted by its own widget, and how those widgets follow the palette."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLineEdit,
    QMenu,
    QMenuBar,
    QProgressBar,
    QPushButton,
    QScrollBar,
    QTextBrowser,
    QToolButton,
    QWidget,
)

# Kinds of widgets that have rules with colors in the sheet, and the names of frames that have.
STYLED = (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QMenu,
    QMenuBar,
    QProgressBar,
    QPushButton,
    QScrollBar,
    QTextBrowser,
    QToolButton,
)
FRAMES = frozenset({"banner", "card", "nested", "pill", "segmented", "status_line", "training_bar"})

# Colors go by the roles that `theme.ROLES` gives them. Tooltips and message boxes show names of columns, files and classes as
# they stand, whatever tags those contain.
SHEET = """
QToolTip { qproperty-textFormat:PlainText; background:palette(tooltip-base); color:palette(tooltip-text);
    border:1px solid palette(tooltip-base); padding:5px 8px; }
QDialog QLabel { qproperty-textFormat:PlainText; }
QFrame#card { background:palette(base); border:1px solid palette(mid); border-radius:14px; }
QFrame#card[floating="true"] { border-color:palette(dark); }
QFrame#nested { border:none; border-left:2px solid palette(mid); }
QFrame#training_bar { background:palette(base); border:none; border-bottom:1px solid palette(mid); }
QFrame#status_line { background:palette(base); border:none; border-top:1px solid palette(mid); }
QFrame#banner { background:palette(base); border:none; border-bottom:1px solid palette(mid);
    border-left:4px solid palette(link-visited); }
QFrame#banner[kind="tip"] { border-left:4px solid palette(highlight); }

QToolButton#icon { background:transparent; border:1px solid palette(mid); border-radius:10px; }
QToolButton#icon:hover { background:palette(midlight); }
QToolButton#icon:focus { border:2px solid palette(highlight); }
QToolButton#icon[bare="true"] { border:none; }
QToolButton#primary { background:palette(highlight); border:2px solid palette(highlight); border-radius:22px; }
QToolButton#primary:focus { border:2px solid palette(text); }

QPushButton { background:palette(alternate-base); color:palette(text); border:1px solid palette(mid); border-radius:8px;
    padding:6px 12px; }
QPushButton:hover { background:palette(midlight); }
QPushButton:focus { border:1px solid palette(highlight); }
QPushButton:disabled { color:palette(placeholder-text); }
QFrame#banner QPushButton { border-color:palette(dark); padding:5px 12px; }
QFrame#banner QPushButton:focus { border-color:palette(highlight); }
QFrame#segmented { background:palette(alternate-base); border:none; border-radius:9px; }
QFrame#segmented QPushButton { background:transparent; color:palette(bright-text); border:1px solid transparent;
    border-radius:7px; padding:0 4px; }
QFrame#segmented QPushButton:hover { color:palette(text); }
QFrame#segmented QPushButton:checked { background:palette(button); color:palette(text); border:1px solid palette(dark); }
QFrame#segmented QPushButton:focus { border:1px solid palette(highlight); }

QLineEdit { background:palette(alternate-base); color:palette(text); border:1px solid transparent; border-radius:8px;
    padding:4px 8px; selection-background-color:palette(highlight); selection-color:palette(highlighted-text); }
QLineEdit:focus { border:1px solid palette(highlight); }
QLineEdit#number { padding:2px 8px; }
QLineEdit#number[wrong="true"] { color:palette(link-visited); border:1px solid palette(link-visited); }

QWidget#pill { background:palette(base); border:1px solid palette(dark); border-radius:14px; }
QWidget#pill QToolButton#icon { border:none; border-radius:12px; }
QWidget#pill QToolButton#icon:focus { border:2px solid palette(highlight); }
QWidget#pill QLineEdit { background:transparent; border:none; padding:0; }
QWidget#pill QLineEdit:focus { border-bottom:2px solid palette(highlight); border-radius:0; }

QScrollBar:vertical { background:transparent; width:8px; margin:0; }
QScrollBar:horizontal { background:transparent; height:8px; margin:0; }
QScrollBar::handle { background:palette(dark); border-radius:4px; min-height:32px; min-width:32px; }
QScrollBar::add-line, QScrollBar::sub-line { height:0; width:0; }
QScrollBar::add-page, QScrollBar::sub-page { background:transparent; }
QAbstractScrollArea::corner { background:transparent; border:none; }

QMenuBar { background:transparent; color:palette(bright-text); spacing:0; }
QMenuBar::item { background:transparent; padding:2px 5px; border-radius:6px; }
QMenuBar::item:selected, QMenuBar::item:pressed { background:palette(midlight); color:palette(text); }
QMenu { background:palette(base); color:palette(text); border:1px solid palette(dark); padding:6px; }
QMenu::item { padding:6px 28px 6px 26px; border-radius:6px; }
QMenu::item:selected { background:palette(shadow); }
QMenu::item:disabled { color:palette(placeholder-text); }
QMenu::separator { height:1px; background:palette(mid); margin:5px 8px; }
QMenu::indicator { width:14px; height:14px; left:7px; }

QComboBox { combobox-popup:0; }
QComboBox QAbstractItemView { background:palette(base); color:palette(text); border:1px solid palette(dark); padding:4px;
    selection-background-color:palette(shadow); selection-color:palette(text); outline:0; }
QComboBox QAbstractItemView::item { min-height:26px; padding:0 8px; }
QTableView { background:palette(base); color:palette(text); gridline-color:palette(mid); border:1px solid palette(mid);
    border-radius:8px; selection-background-color:palette(shadow); selection-color:palette(text);
    alternate-background-color:palette(light); outline:0; }
QHeaderView { background:palette(light); border:none; }
QHeaderView::section { background:palette(light); color:palette(bright-text); border:none; border-bottom:1px solid palette(mid);
    padding:4px 6px; }
QTextBrowser { background:palette(base); color:palette(text); border:none; }
QProgressBar { background:palette(alternate-base); border:none; border-radius:2px; }
QProgressBar::chunk { background:palette(highlight); border-radius:2px; }
"""


def polish(widget: QWidget) -> None:
    """Have the sheet's rules read again for one widget: the palette, or a property that a rule asks for, is another one."""
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()


def polish_anew(application: QApplication) -> int:
    """Have all widgets follow a new palette; how many had to be polished. The others follow by themselves."""
    styled = [widget for widget in application.allWidgets() if isinstance(widget, STYLED) or widget.objectName() in FRAMES]
    # Lines last: those within boxes have been handed the palette of their box.
    for widget in sorted(styled, key=lambda widget: isinstance(widget, QLineEdit)):
        polish(widget)
    return len(styled)
