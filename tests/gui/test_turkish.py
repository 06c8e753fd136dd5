"""In Turkish the large letter of i isn't I, and Qt's Python finds no property by a keyword that begins with it: the window has to
open there as well. That is checked in the code itself, as few machines have the locale."""

import ast
from pathlib import Path

import PySide6.QtCore
import PySide6.QtGui
import PySide6.QtWidgets
import pytest
from PySide6.QtCore import QMetaObject

import playground.gui

pytestmark = pytest.mark.window

ROOM = Path(playground.gui.__file__).parent


def properties():
    """Names of all properties of Qt's that begin with an i."""
    names = set()
    for module in (PySide6.QtCore, PySide6.QtGui, PySide6.QtWidgets):
        for kind in vars(module).values():
            meta = getattr(kind, "staticMetaObject", None)
            if isinstance(meta, QMetaObject):
                names |= {meta.property(index).name() for index in range(meta.propertyCount())}
    return {name for name in names if name.startswith("i")}


def own_parameters(trees):
    """Each function and class of the window's own, with the names that it takes itself: a record's are those of its fields."""
    found = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef):
            parts = [node]
        elif isinstance(node, ast.ClassDef):
            parts = [part for part in node.body if getattr(part, "name", "__init__") == "__init__"]
        else:
            continue
        names = found.setdefault(node.name, set())
        for part in parts:
            if isinstance(part, ast.FunctionDef):
                names.update(argument.arg for argument in (*part.args.posonlyargs, *part.args.args, *part.args.kwonlyargs))
            elif isinstance(part, ast.AnnAssign):
                names.add(part.target.id)
    return found


def misnamed(sources):
    """Calls that hand one of those properties to Qt by its name: (file, line, name)."""
    trees = {path: ast.parse(source) for path, source in sources.items()}
    own, names = own_parameters(trees.values()), properties()
    found = []
    for path, tree in trees.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            callee = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            taken = own.get(callee, set())
            found += [(path, call.lineno, word.arg) for word in call.keywords if word.arg in names and word.arg not in taken]
    return found


def test_no_property_is_named_that_turkish_has_no_setter_for():
    assert misnamed({path.name: path.read_text(encoding="utf-8") for path in ROOM.rglob("*.py")}) == []


def test_such_a_keyword_is_found():
    source = "def button(icon): ...\nclass Label:\n    def __init__(self, words, **more): ...\n"
    source += "button(icon=1)\nQTimer(self, singleShot=True, interval=5)\nLabel('a', indent=2)\n"
    assert misnamed({"a.py": source}) == [("a.py", 5, "interval"), ("a.py", 6, "indent")]
