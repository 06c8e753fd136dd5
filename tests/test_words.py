"""Words and numbers for people: one catalog for core and window, and nothing that a translator can't reach."""

import ast
import math
import os
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from translations import LOCALE, catalog_of_sentences, write_mo

import playground
from playground import words
from playground.words import duration, in_sentence, number, plain_number, tr, trn, two_figures

PACKAGE = Path(playground.__file__).parent
SOURCES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
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
# Commands of a fresh program, in the language of brackets.
COMMAND = """
import sys
from playground import words
words.choose_language(sys.argv[1], ["de"])
words.choose_language = lambda *_: None
from playground.cli.main import run
sys.exit(run(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def brackets(tmp_path_factory):
    """A language in which every sentence is the English one in brackets; the folder of its catalog."""
    folder = tmp_path_factory.mktemp("locale")
    catalog = catalog_of_sentences()
    catalog.locale = "de"
    for message in catalog:
        if message.id:
            texts = message.id if isinstance(message.id, tuple) else (message.id,)
            bracketed = tuple(f"⟦{text}⟧" for text in texts)
            message.string = bracketed if isinstance(message.id, tuple) else bracketed[0]
    write_mo(catalog, folder, "de")
    return folder


@pytest.fixture
def in_brackets(brackets):
    words.choose_language(brackets, ["de"])
    yield
    words.choose_language(brackets, ["en"])


def test_english_stands_in_the_code():
    assert tr("What the network puts out.") == "What the network puts out."
    assert tr("") == ""
    assert trn("one row", "{count} rows", 1) == "one row"
    assert trn("one row", "{count} rows", 2).format(count=2) == "2 rows"


def test_a_language_is_chosen_once_for_all(in_brackets):
    assert tr("Close this message") == "⟦Close this message⟧"
    assert tr("no sentence of the program") == "no sentence of the program"
    assert tr("") == "", "not the catalog's own head"


def test_a_language_that_is_not_there_is_english(tmp_path):
    words.choose_language(tmp_path, ["xx"])
    assert tr("Close this message") == "Close this message"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_marked_can_be_found_by_a_translators_tool(path):
    """A sentence that is put together before it is marked is in no catalog."""
    for node in ast.walk(SOURCES[path]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "trn"):
            marked = node.args[:1] if node.func.id == "tr" else node.args[:2]
            assert all(isinstance(text, ast.Constant) and isinstance(text.value, str) for text in marked), (
                f"line {node.lineno}: {ast.unparse(node)}"
            )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_error_for_people_is_marked(path):
    for node in ast.walk(SOURCES[path]):
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
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", script, str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, cwd=cwd)


def test_the_whole_window_speaks_the_chosen_language(brackets):
    result = in_the_language_of_brackets(WINDOW, brackets)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == ""


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["--help"], "⟦train an experiment, a preset or a table⟧"),
        (["presets"], "⟦A disc inside a ring: one closed boundary.⟧"),
        (["train", "nothing-of-that-name"], "⟦`playground presets` lists the presets.⟧"),
        pytest.param(
            ["train", "circle", "--set", "training.loss=hinge", "--set", "network.output_activation=softmax"],
            "⟦",
            marks=pytest.mark.compile,
        ),
        (["predict", "no.safetensors", "no.csv"], "⟦there is no such file or folder⟧"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_command_line_speaks_the_same_language(brackets, tmp_path, command, sentence):
    result = in_the_language_of_brackets(COMMAND, brackets, *command, cwd=tmp_path)
    assert sentence in " ".join((result.stdout + result.stderr).split())


def fields_in(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_translations_put_the_same_things_in():
    from babel.messages import pofile

    for path in LOCALE.rglob("*.po"):
        with path.open("rb") as file:
            for message in pofile.read_po(file):
                if message.id and message.string:
                    assert fields_in(message.string) == fields_in(message.id), message.id


def test_every_sentence_can_be_filled_in():
    """Braces are balanced; what is put in has a name or a number."""
    for message in catalog_of_sentences():
        for text in message.id if isinstance(message.id, tuple) else (message.id,):
            assert "" not in fields_in(text), text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0003, "0.0003"),
        (4096, "4,096"),
        (1e-8, "1e−08"),
        (2.5, "2.5"),
        (-0.5, "−0.5"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (0, "0"),
    ],
)
def test_settings_are_written_as_people_write_them(value, text):
    assert plain_number(value) == text


@given(st.floats(-1e9, 1e9).map(lambda value: float(f"{value:.6g}")))
def test_a_setting_is_read_back_as_it_was(value):
    assert float(plain_number(value).replace("−", "-").replace(",", "")) == pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("value", "digits", "text"), [(-1.23456, 3, "−1.235"), (0.5, 1, "0.5"), (12345678.0, 3, "1.23e+07")])
def test_measured_numbers_have_a_true_minus(value, digits, text):
    assert number(value, digits) == text


@pytest.mark.parametrize(("seconds", "text"), [(3.14e-6, "3.14 µs"), (0.00024, "240 µs"), (0.012, "12 ms"), (2.0, "2 s")])
def test_short_times_have_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("title", "text"), [("Accuracy", "accuracy"), ("RMSE", "RMSE"), ("R²", "R²"), ("Log loss", "log loss")])
def test_a_title_within_a_sentence(title, text):
    assert in_sentence(title) == text


@given(st.floats(1e-9, 1e9))
def test_a_suggestion_has_two_figures_and_is_close(value):
    assert two_figures(value) == pytest.approx(value, rel=0.05)
    assert len(f"{two_figures(value):.10e}".partition("e")[0].rstrip("0").replace(".", "")) <= 2
