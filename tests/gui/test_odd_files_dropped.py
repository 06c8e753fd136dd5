"""Odd files dropped on the window: they open, or one sentence says why not, at once or from the run, and nothing else changes."""

import os

import pytest
from odd_files import ODD, write
from PySide6.QtWidgets import QMessageBox
from test_window_files import drop

from playground.words import SENTENCE

pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the places that they name are those of Unix"),
]


@pytest.mark.parametrize("kind", ["json", "safetensors"])
def test_odd_files_open_or_are_refused_in_one_sentence(driver, tmp_path, monkeypatch, kind):
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[2]) or QMessageBox.StandardButton.No)
    window = driver.window
    for name, (_, opens) in ODD.items():
        if not name.endswith(kind):
            continue
        window.document.undo_stack.setClean()
        window.banner.dismiss()
        before, generation = driver.experiment, window.session.generation
        path = write(name, tmp_path)
        questions = len(asked)
        drop(window, path)
        if window.session.generation > generation:
            # It opened; what it names is looked for by the run.
            driver.until(lambda: driver.snapshot is not None and driver.snapshot.generation == window.session.generation)
            driver.until(lambda: driver.snapshot.run is not None or window.banner.kind == "failed")
        else:
            assert driver.experiment == before, name
        said = window.banner.text if len(asked) == questions else asked[-1]
        assert bool(said) != opens, (name, said)
        assert len(said) <= SENTENCE
        assert len(said.splitlines()) <= 1
        said.encode()
