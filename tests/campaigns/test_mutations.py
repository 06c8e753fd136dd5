"""The campaign of mutations sees what it is there to see: tracebacks, hangs, memory, a process that dies, long sentences."""

import os
import time

import mutations
import opening_worker
import pytest
from campaign import PACKAGE
from mutating import apply, apply_edits
from opening_worker import Answer

from playground.storage import FileError

pytestmark = pytest.mark.compile


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            Answer("", f'File "{PACKAGE}/data/columns.py", line 7, in f\nKeyError: 1', "", 0, 0),
            "KeyError at data/columns.py:7",
        ),
        (Answer("x" * 301, "", "", 0, 0), "a sentence too long for people"),
        (Answer("two\nlines", "", "", 0, 0), "a sentence too long for people"),
        (Answer("", "", "", 1.2, 0), "more than 1 s"),
        (Answer("no.", "", "", 0, 600 << 20), "more than 500 MB"),
        (Answer("", "", "no array", 0, 0), "no array"),
        ("the process ended with code -11", "the process ended with code -11"),
    ],
)
def test_what_is_wrong_is_a_failure(monkeypatch, answer, kind):
    monkeypatch.setattr(mutations.WORKER, "ask", lambda path: answer)
    assert mutations.play([{"file": "circle.json"}]).kind == f"json: {kind}"


@pytest.mark.parametrize(
    "answer", [Answer("f.json: it is damaged; take another.", "", "", 0.9, 0), Answer("", "", "", 0, 400 << 20)]
)
def test_what_is_right_is_none(monkeypatch, answer):
    monkeypatch.setattr(mutations.WORKER, "ask", lambda path: answer)
    assert mutations.play([{"file": "circle.json"}]) is None


def test_the_worker_tells_refusals_from_faults_and_measures(monkeypatch, tmp_path):
    def refuses(path):
        raise FileError("it is damaged")

    def fails(path):
        raise KeyError("x")

    def works_long(path):
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        return bytearray(os.urandom(1)) * (300 << 20) and ""

    monkeypatch.setattr(opening_worker, "what_is_wrong", refuses)
    assert opening_worker.opened(tmp_path)[:3] == ("it is damaged", "", "")
    monkeypatch.setattr(opening_worker, "what_is_wrong", fails)
    assert "KeyError" in opening_worker.opened(tmp_path).trace
    monkeypatch.setattr(opening_worker, "what_is_wrong", works_long)
    answer = opening_worker.opened(tmp_path)
    assert answer.seconds >= 0.2
    assert answer.bytes > 100 << 20


def test_a_process_that_hangs_or_dies_is_told_and_replaced(monkeypatch, tmp_path):
    worker = mutations.Worker()
    try:
        # Opening a pipe that nobody writes to waits for ever, unless it is refused first.
        assert isinstance(worker.ask(mutations.folder() / "circle.json"), Answer)
        first = worker._process
        os.kill(first.pid, 9)
        assert worker.ask(mutations.folder() / "circle.json") == "the process ended with code -9"
        monkeypatch.setattr(mutations, "PATIENCE_SECONDS", 0.0)
        answer = worker.ask(mutations.folder() / "words.csv")
        assert answer == "no answer within 0 s"
        monkeypatch.undo()
        assert isinstance(worker.ask(mutations.folder() / "circle.json"), Answer)
    finally:
        worker.close()


def test_each_kind_of_damage_does_something():
    sound = mutations.folder()
    experiment, table = (sound / "circle.json").read_bytes(), (sound / "words.csv").read_bytes()
    arrays, model = (sound / "circle.npz").read_bytes(), (sound / "circle.safetensors").read_bytes()
    for content, edit in (
        (experiment, ["flip", 0.5, 3]),
        (experiment, ["insert", 0.5, "00"]),
        (experiment, ["delete", 0.5, 4]),
        (experiment, ["copy", 0.5, 4, 0.1]),
        (experiment, ["cut", 0.5]),
        (experiment, ["number", 0.5, "1e999"]),
        (experiment, ["text", 0.5, "null"]),
        (experiment, ["swap", 0.5, 0.1]),
        (table, ["cell", 0.5, "nan"]),
        (table, ["repeat", 0.5, 2]),
        (model, ["head", ["text", 0.5, "null"]]),
        (arrays, ["member", 0.5, ["flip", 0.9, 1]]),
    ):
        assert apply(content, edit) != content, edit
    assert apply(experiment, ["no such kind", 0.5]) == experiment
    assert (
        apply_edits(b"", ".json", [["flip", 0.5, 1], ["number", 0.2, "1"], ["head", ["cut", 0.1]], ["member", 0.1, ["cut", 0.1]]])
        == b""
    )
