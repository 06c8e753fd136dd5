"""The table of everything the menus and shortcuts can do, and the building of menus from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from playground.gui.panels import SWITCHED
from playground.words import tr

Standard = QKeySequence.StandardKey
Shortcut = QKeySequence.StandardKey | str | None


@dataclass(frozen=True)
class ActionRecord:
    """One thing the user can do: its menu, words, keys, and what it means."""

    name: str
    menu: str
    text: str
    shortcut: Shortcut
    tooltip: str
    icon: str | None = None
    separator_before: bool = False
    group: str | None = None
    """Actions of one group are choices of which exactly one holds."""
    checkable: bool = False


ACTIONS = (
    ActionRecord("new", "File", tr("&New"), Standard.New, tr("Begin again with the welcome experiment.")),
    ActionRecord(
        "open", "File", tr("&Open…"), Standard.Open, tr("Open an experiment, a trained model or a table of your own (CSV).")
    ),
    ActionRecord("save", "File", tr("&Save"), Standard.Save, tr("Write the experiment to its file."), separator_before=True),
    ActionRecord(
        "save_as",
        "File",
        tr("Save &as…"),
        "Ctrl+Shift+S",
        tr("Write the experiment to another file: .json holds the settings, .safetensors the trained weights too."),
    ),
    ActionRecord(
        "export",
        "File",
        tr("&Export weights…"),
        "Ctrl+E",
        tr("Take the trained weights away, for PyTorch (.safetensors) or NumPy (.npz)."),
        icon="export",
    ),
    ActionRecord("quit", "File", tr("&Quit"), "Ctrl+Q", tr("Close the program."), separator_before=True),
    ActionRecord("undo", "Edit", tr("&Undo"), Standard.Undo, tr("Take the last change back.")),
    ActionRecord("redo", "Edit", tr("&Redo"), Standard.Redo, tr("Do the change again that was taken back.")),
    # Space is no QAction shortcut: it would be taken from a button or field that has the focus.
    ActionRecord(
        "play",
        "Run",
        tr("&Play or pause\tSpace"),
        None,
        tr("Train, or hold still: the weights stay as they are."),
        icon="play",
    ),
    ActionRecord(
        "step", "Run", tr("&Step"), ".", tr("Train on one batch, then hold still: one update of every weight."), icon="step"
    ),
    ActionRecord(
        "reset",
        "Run",
        tr("&Reset to the same weights"),
        "R",
        tr("Go back to the start with the same initial weights, so that runs can be compared."),
        icon="reset",
        separator_before=True,
    ),
    ActionRecord(
        "new_weights",
        "Run",
        tr("&New weights"),
        "Shift+R",
        tr("Start again from other random weights: see how much of the result was luck."),
    ),
    ActionRecord(
        "find_rate",
        "Run",
        tr("&Find a learning rate…"),
        "Ctrl+L",
        tr("Try learning rates from tiny to far too large on a copy of the run, and see where the loss falls fastest."),
        separator_before=True,
    ),
    ActionRecord("theme_light", "View", tr("&Light"), None, tr("Dark text on light cards."), group="theme"),
    ActionRecord("theme_dark", "View", tr("&Dark"), None, tr("Light text on dark cards."), group="theme"),
    ActionRecord("theme_system", "View", tr("&Like the system"), None, tr("Follow the desktop's setting."), group="theme"),
    *(
        ActionRecord(panel.action, "View", panel.menu_text, panel.key, panel.tooltip, separator_before=not place, checkable=True)
        for place, panel in enumerate(SWITCHED)
    ),
    ActionRecord(
        "settings",
        "View",
        tr("S&ettings"),
        "Ctrl+5",
        tr("Show or hide every setting of training, network and data."),
        checkable=True,
    ),
    ActionRecord("full_screen", "View", tr("&Full screen"), "F11", tr("Fill the screen, for a projector."), checkable=True),
    ActionRecord("help", "Help", tr("&Five-minute walk"), "F1", tr("What to try first, in short steps.")),
    ActionRecord("shortcuts", "Help", tr("&Shortcuts"), "Ctrl+?", tr("All keys on one page.")),
    ActionRecord("about", "Help", tr("&About"), None, tr("Version and license."), separator_before=True),
)

MENUS = {"File": tr("&File"), "Edit": tr("&Edit"), "Run": tr("&Run"), "View": tr("&View"), "Help": tr("&Help")}


def build_actions(owner: QObject, handlers: Mapping[str, Callable[..., object]]) -> dict[str, QAction]:
    """Make one ``QAction`` per record.

    Parameters
    ----------
    owner
        Parent of the actions: the window.
    handlers
        Name → what happens; called without arguments, or with the new state where the action is checkable.

    Raises
    ------
    KeyError
        If a record has no handler.
    """
    actions: dict[str, QAction] = {}
    groups: dict[str, QActionGroup] = {}
    for record in ACTIONS:
        action = QAction(record.text, owner, toolTip=record.tooltip, statusTip=record.tooltip)
        action.setObjectName(record.name)
        if record.shortcut is not None:
            action.setShortcut(QKeySequence(record.shortcut))
        if record.group is not None:
            group = groups.setdefault(record.group, QActionGroup(owner))
            action.setCheckable(True)
            group.addAction(action)
        handler = handlers[record.name]
        if record.checkable:
            action.setCheckable(True)
            action.toggled.connect(handler)
        else:
            action.triggered.connect(lambda _checked=False, handler=handler: handler())
        actions[record.name] = action
    return actions


def fill_menu_bar(bar: QMenuBar, actions: Mapping[str, QAction]) -> dict[str, QMenu]:
    """Put the actions into their menus, in the table's order; returns the menus by name."""
    menus = {name: bar.addMenu(text) for name, text in MENUS.items()}
    for record in ACTIONS:
        if record.separator_before:
            menus[record.menu].addSeparator()
        menus[record.menu].addAction(actions[record.name])
    return menus


def shortcut_list(actions: Mapping[str, QAction]) -> list[tuple[str, str]]:
    """Return what has a key, as (key, meaning) in the table's order, for the page of shortcuts."""
    listed = []
    for record in ACTIONS:
        text, _, shown_key = record.text.replace("&", "").partition("\t")
        keys = shown_key or actions[record.name].shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        if keys:
            listed.append((keys, text.rstrip("…")))
    return listed
