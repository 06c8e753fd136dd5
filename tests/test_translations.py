"""One catalog of words for core, command line and window, and nothing in them that a translator can't reach."""

import ast
import json
import os
import string
import subprocess
import sys
from pathlib import Path

import pytest
from translations import LOCALE, catalog_of_sentences, write_mo

import playground

PACKAGE = Path(playground.__file__).parent
# Of each file what may hold a sentence.
SOURCES = {
    path: [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, (ast.Call, ast.Raise))]
    for path in sorted(PACKAGE.rglob("*.py"))
}
# What raises these speaks to people.
ERRORS = {"ColumnError", "ExperimentError", "FileError", "GpuError", "LayerError", "NewerVersionError", "ArgumentTypeError"}
# Looks at every text of a window that has just been opened, settings and all; prints what is not in brackets. Not ours to
# translate: pyqtgraph's own menus, sources and formulas, and names that come from data or stand in files.
WINDOW = r"""
import re, sys, time
from playground import words
words.choose_language(sys.argv[1], ["de"])
from PySide6.QtWidgets import QApplication, QComboBox, QMenu
application = QApplication([])
from playground.experiment.presets import preset
from playground.gui.window import Window
from playground.training.session import TrainingSession
window = Window(preset("circle"), session=TrainingSession("reference"), running=False)
window.show()
window.actions_by_name["settings"].setChecked(True)
end = time.monotonic() + 60
while time.monotonic() < end and not (window.loop.shown_snapshot and "probe" in str(window.loop.shown_snapshot.parts)):
    application.processEvents()
    time.sleep(0.01)
READ = "text", "toolTip", "statusTip", "accessibleName", "accessibleDescription", "placeholderText"
OTHERS = re.compile(r"(18|19|20)\d\d|log|float32|^(orange|blue)")
def texts():
    for widget in application.allWidgets():
        above = widget
        while above is not None and not isinstance(above, QMenu):
            above = above.parentWidget()
        if above is not None:
            continue
        for name in READ:
            value = getattr(widget, name, "")
            yield name, widget, value() if callable(value) else value
        if isinstance(widget, QComboBox):
            yield from (("item", widget, widget.itemText(index)) for index in range(widget.count()))
    for action in window.actions_by_name.values():
        yield from (("action", action, text) for text in (action.text(), action.toolTip()))
found = [(name, type(thing).__name__, text) for name, thing, text in texts() if isinstance(text, str)]
assert len(found) > 500
bare = {entry for entry in found if re.search("[A-Za-z]{3}", entry[2]) and "⟦" not in entry[2]}
bare = sorted(entry for entry in bare if not OTHERS.search(entry[2]))
print("\n".join(map(str, bare)))
window.session.close()
"""
# Command lines in a fresh program, in the language of brackets, one after the other; prints what each says.
COMMANDS = """
import contextlib, io, json, sys
from playground import words
words.choose_language(sys.argv[1], ["de"])
words.choose_language = lambda *_: None
from playground.cli.main import run
said = []
for command in json.loads(sys.argv[2]):
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        run(command)
    said.append(text.getvalue())
print(json.dumps(said))
"""
SENTENCES = {
    "--help": "⟦train an experiment, a preset or a table⟧",
    "presets": "⟦A disc inside a ring: one closed boundary.⟧",
    "train nothing-of-that-name": "⟦`playground presets` lists the presets.⟧",
    "predict no.safetensors no.csv": "⟦there is no such file or folder⟧",
}


@pytest.fixture(scope="module")
def catalog():
    return catalog_of_sentences()


@pytest.fixture(scope="module")
def brackets(catalog, tmp_path_factory):
    """A language in which every sentence is the English one in brackets; the folder of its catalog."""
    folder = tmp_path_factory.mktemp("locale")
    catalog.locale = "de"
    for message in catalog:
        if message.id:
            texts = message.id if isinstance(message.id, tuple) else (message.id,)
            bracketed = tuple(f"⟦{text}⟧" for text in texts)
            message.string = bracketed if isinstance(message.id, tuple) else bracketed[0]
    write_mo(catalog, folder, "de")
    return folder


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_marked_can_be_found_by_a_translators_tool(path):
    """A sentence that is put together before it is marked is in no catalog."""
    for node in SOURCES[path]:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "trn"):
            marked = node.args[:1] if node.func.id == "tr" else node.args[:2]
            assert all(isinstance(text, ast.Constant) and isinstance(text.value, str) for text in marked), (
                f"line {node.lineno}: {ast.unparse(node)}"
            )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_error_for_people_is_marked(path):
    for node in SOURCES[path]:
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and getattr(node.exc.func, "id", "") in ERRORS:
            for text in node.exc.args:
                sentence = isinstance(text, ast.Constant) and isinstance(text.value, str) and " " in text.value
                assert not sentence, f"line {node.lineno}: {ast.unparse(text)}"
                if isinstance(text, ast.JoinedStr):
                    # A path before somebody else's sentence, at most.
                    own = [part.value for part in text.values if isinstance(part, ast.Constant)]
                    assert not any(letter.isalpha() for part in own for letter in part) or " " not in "".join(own).strip(), (
                        f"line {node.lineno}: {ast.unparse(text)}"
                    )


def in_the_language_of_brackets(script, folder, *words, cwd=None):
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "PYTHONIOENCODING": "utf-8"}
    # The brackets are no letters of ASCII, which is all that some systems take on a command line.
    command = [sys.executable, "-c", f"exec({script!a})", str(folder), *words]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, env=environment, cwd=cwd)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.window
def test_the_whole_window_speaks_the_chosen_language(brackets):
    assert in_the_language_of_brackets(WINDOW, brackets).strip() == ""


@pytest.fixture(scope="module")
def said(brackets, tmp_path_factory):
    """What each command says; all in one process, whose start takes longer than they do."""
    commands = json.dumps([command.split() for command in SENTENCES])
    texts = json.loads(in_the_language_of_brackets(COMMANDS, brackets, commands, cwd=tmp_path_factory.mktemp("commands")))
    return dict(zip(SENTENCES, texts, strict=True))


@pytest.mark.parametrize("command", SENTENCES)
def test_the_command_line_speaks_the_same_language(said, command):
    assert SENTENCES[command] in " ".join(said[command].split())


@pytest.mark.compile
def test_a_run_on_the_command_line_speaks_the_same_language(brackets, tmp_path):
    words = "train circle --epochs 2 --set training.loss=hinge --set network.output_activation=softmax"
    (said,) = json.loads(in_the_language_of_brackets(COMMANDS, brackets, json.dumps([words.split()]), cwd=tmp_path))
    assert "⟦" in said


def fields_in(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_translations_put_the_same_things_in():
    from babel.messages import pofile

    for path in LOCALE.rglob("*.po"):
        with path.open("rb") as file:
            for message in pofile.read_po(file):
                if message.id and message.string:
                    assert fields_in(message.string) == fields_in(message.id), message.id


def test_every_sentence_can_be_filled_in(catalog):
    """Braces are balanced; what is put in has a name or a number."""
    for message in catalog:
        for text in message.id if isinstance(message.id, tuple) else (message.id,):
            assert "" not in fields_in(text), text
