"""Whatever a person may do in the window, in any order: all its controls, menus, keys, the mouse, data sets, odd files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, TypeVar

from campaign import Actions, Campaign, Failure
from driven_window import PATIENCE_SECONDS, DrivenWindow, driven
from mutating import apply_edits, draw_edit
from mutations import folder as sound_folder
from mutations import sound_files
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QApplication, QComboBox, QDialog, QLineEdit, QMenu, QWidget

from playground.catalog.datasets import DATASETS
from playground.gui.actions import ACTIONS

T = TypeVar("T")
W = TypeVar("W", bound=QWidget)
# The rest would end the round, or leave the screen.
TRIGGERED = [record.name for record in ACTIONS if record.name not in ("quit", "full_screen")]
OFTEN = ["undo", "redo", "play", "play", "step", "reset", "settings"]
TEXTS = ["", "0", "-1", "1e9", "nan", "inf", "0.5", "3", "7", "64", "9" * 30, "x" * 200, "1,5", "−2", "\u202e0", "1e-30"]
KEYS = ["Tab", "Backtab", "Space", "Return", "Escape", "Left", "Right", "Up", "Down", "Home", "End", "Delete", "Plus", "Minus"]
SIZES = [(1280, 720), (1280, 760), (1600, 1000), (2200, 1300)]
# How often each kind of action comes.
KINDS = {
    "click": 24, "choose": 10, "slide": 8, "type": 8, "key": 8, "mouse": 6, "drag": 8, "hover": 8, "wheel": 4, "trigger": 10,
    "often": 12, "menu": 4, "data": 6, "drop": 5, "resize": 3, "theme": 2, "wait": 12, "save": 3, "speed": 2,
}  # fmt: skip


def draw(chance: random.Random, size: int) -> Actions:
    """So many actions."""
    return [draw_action(chance) for _ in range(size)]


def draw_action(chance: random.Random) -> list[Any]:
    """One action; places are shares of what there is when it is played."""
    kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
    share = chance.random
    match kind:
        case "type":
            return [kind, share(), chance.choice(TEXTS)]
        case "key":
            return [kind, chance.choice(KEYS), chance.choice([0, 0, 0, 1])]
        case "drag":
            return [kind, share(), share(), share(), share()]
        case "trigger":
            return ["trigger", chance.choice(TRIGGERED)]
        case "often":
            return ["trigger", chance.choice(OFTEN)]
        case "data":
            return [kind, chance.choice(list(DATASETS))]
        case "drop":
            name = chance.choice(sound_files())
            return [kind, name, [draw_edit(chance, Path(name).suffix) for _ in range(chance.choice([0, 0, 1]))]]
        case "resize":
            return [kind, *chance.choice(SIZES)]
        case "theme":
            return [kind, chance.choice(["light", "dark", "system"])]
        case "wait":
            return [kind, chance.choice([0.0, 0.02, 0.1])]
        case "save":
            return [kind, chance.choice(["save_as", "export"]), chance.choice([".json", ".safetensors", ".npz", ".txt", ""])]
        case "speed":
            return [kind, chance.choice([None, 0.1, 1.0, 10.0])]
    return [kind, share(), share()]


def play(actions: Actions) -> Failure | None:
    """Play them in a new window; the first thing that goes wrong."""
    # Written now: no action of the window's is to wait for it.
    sound_folder()
    with driven() as window:
        for action in actions:
            carry_out(window, action)
            if window.failures:
                break
        if not window.failures and not window.wait(PATIENCE_SECONDS, window.follows):
            window.failures.append(Failure("the session does not follow the document", str(actions[-3:])))
        if not window.close():
            window.failures.append(Failure("the session does not end", str(actions[-3:])))
    if window.failures:
        kind, details = window.failures[0]
        return Failure(kind, f"{str(window.action)[:300]}\n{details}")
    # What is slow hides nothing that is wrong.
    return max(window.stalls)[1] if window.stalls else None


def pick(things: list[T], share: float) -> T | None:
    """One of the things, by its share of the way through them."""
    return things[int(share * len(things))] if things else None


def shown(window: DrivenWindow, kind: type[W]) -> list[W]:
    """Widgets of a kind that can be used now, those of dialogs and menus too."""
    return [
        widget
        for top in QApplication.topLevelWidgets()
        if top.isVisible() and (top is window.window or isinstance(top, (QDialog, QMenu)))
        for widget in top.findChildren(kind)
        if widget.isVisible() and widget.isEnabled()
    ]


def carry_out(window: DrivenWindow, action: list[Any]) -> None:
    """Do what an action says, as far as there is such a thing now."""
    kind, *words = action
    if kind == "wait":
        window.action = action
        window.wait(words[0])
    window.do(action, lambda: DO[kind](window, *words))


def click(window: DrivenWindow, share: float, _: float) -> None:
    button = pick(shown(window, QAbstractButton), share)
    if button is not None:
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(window: DrivenWindow, share: float, index: float) -> None:
    box = pick(shown(window, QComboBox), share)
    if box is not None and box.count():
        box.setCurrentIndex(int(index * box.count()))
        box.activated.emit(box.currentIndex())


def slide(window: DrivenWindow, share: float, value: float) -> None:
    slider = pick(shown(window, QAbstractSlider), share)
    if slider is not None:
        slider.setValue(round(slider.minimum() + value * (slider.maximum() - slider.minimum())))


def type_text(window: DrivenWindow, share: float, text: str) -> None:
    field = pick(shown(window, QLineEdit), share)
    if field is not None and not field.isReadOnly():
        field.setFocus()
        field.selectAll()
        if text.isascii():
            QTest.keyClicks(field, text)
        else:
            # As by pasting: the tester's keyboard has no such keys, and ends the process.
            field.insert(text)
        QTest.keyClick(field, Qt.Key.Key_Return)


def press_key(window: DrivenWindow, name: str, shifted: int) -> None:
    target = QApplication.activePopupWidget() or window.window.focusWidget() or window.window
    modifier = Qt.KeyboardModifier.ShiftModifier if shifted else Qt.KeyboardModifier.NoModifier
    QTest.keyClick(target, getattr(Qt.Key, f"Key_{name}"), modifier)


def at(window: DrivenWindow, x: float, y: float) -> tuple[QWidget, QPoint]:
    """What lies at a place of the window, and the place in it."""
    place = QPoint(int(x * window.window.width()), int(y * window.window.height()))
    widget = window.window.childAt(place) or window.window
    return widget, widget.mapFrom(window.window, place)


def mouse(window: DrivenWindow, x: float, y: float) -> None:
    widget, place = at(window, x, y)
    if widget.isEnabled():
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place)


def drag(window: DrivenWindow, x: float, y: float, x2: float, y2: float) -> None:
    widget, start = at(window, x, y)
    end = widget.mapFrom(window.window, QPoint(int(x2 * window.window.width()), int(y2 * window.window.height())))
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 6):
        move(widget, start + (end - start) * step / 5, Qt.MouseButton.LeftButton)
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=end)


def hover(window: DrivenWindow, x: float, y: float) -> None:
    move(*at(window, x, y), Qt.MouseButton.NoButton)


def move(widget: QWidget, place: QPoint, button: Qt.MouseButton) -> None:
    here, none = QPointF(place), Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(QEvent.Type.MouseMove, here, QPointF(widget.mapToGlobal(place)), Qt.MouseButton.NoButton, button, none)
    QApplication.sendEvent(widget, event)


def wheel(window: DrivenWindow, x: float, y: float) -> None:
    widget, place = at(window, x, y)
    turn = QPoint(0, 120 if x > 0.5 else -120)
    none, phase = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    there = QPointF(widget.mapToGlobal(place))
    QApplication.sendEvent(
        widget, QWheelEvent(QPointF(place), there, QPoint(), turn, Qt.MouseButton.NoButton, none, phase, False)
    )


def menu(window: DrivenWindow, share: float, other: float) -> None:
    """A file of the menus that are filled when they open."""
    chosen = window.window.examples_menu if share < 0.7 else window.window.recent_menu
    chosen.aboutToShow.emit()
    action = pick([entry for entry in chosen.actions() if entry.isEnabled()], other)
    if action is not None:
        action.trigger()


def drop(window: DrivenWindow, name: str, edits: list[Any]) -> None:
    """A file of the program's, damaged or not, dropped on the window."""
    path = window.folder / f"dropped{Path(name).suffix}"
    path.write_bytes(apply_edits((sound_folder() / name).read_bytes(), path.suffix, edits))
    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile(str(path))])
    place, action, button = QPointF(500, 300), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    # Qt hands these on only within a drag of its own; a person takes a while to let go.
    words = QPoint(500, 300), action, dropped, button, Qt.KeyboardModifier.NoModifier
    window.window.dragEnterEvent(QDragEnterEvent(*words))
    window.wait(PATIENCE_SECONDS, lambda: not window.window._loading.busy)
    window.window.dropEvent(QDropEvent(place, action, dropped, button, Qt.KeyboardModifier.NoModifier))


def save(window: DrivenWindow, name: str, ending: str) -> None:
    window.file_name = str(window.folder / f"saved{ending}")
    window.window.actions_by_name[name].trigger()
    window.file_name = ""


DO = {
    "click": click,
    "choose": choose,
    "slide": slide,
    "type": type_text,
    "key": press_key,
    "mouse": mouse,
    "drag": drag,
    "hover": hover,
    "wheel": wheel,
    "menu": menu,
    "drop": drop,
    "save": save,
    "trigger": lambda window, name: window.window.actions_by_name[name].trigger(),
    "data": lambda window, name: window.window.panels.data.set_chosen.emit(name),
    "resize": lambda window, width, height: window.window.resize(width, height),
    "theme": lambda window, mode: window.window.set_theme(mode),
    "speed": lambda window, speed: window.window.set_speed(speed),
    "wait": lambda window, seconds: None,
}

CAMPAIGN = Campaign(
    name="actions",
    sentence="Whatever a person may do in the window is done, in any order.",
    draw=draw,
    play=play,
    size=300,
    sample=1,
    sample_size=80,
)
