"""The log: each of Python's hooks with a real exception, a real crash, folders that can't be written, two programs at once."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from playground import log
from playground.training import session as sessions
from playground.training.protocol import Status, Use

ENTRY = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ (\w+) ", re.MULTILINE)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A log of its own, in which nothing has gone wrong yet."""
    folder = tmp_path / "state"
    monkeypatch.setenv("PLAYGROUND_STATE_DIR", str(folder))
    monkeypatch.delenv(log.DEBUG, raising=False)
    monkeypatch.setattr(log, "_times", type(log._times)())
    monkeypatch.setattr(log, "listeners", [])
    return folder


def program(script, **environment):
    """Run a script as a program that watches."""
    lines = "import sys, threading\nfrom playground import log\nlog.watch()\n" + script
    return subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )


def raised(error):
    """The exception with a traceback that ends here."""
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("script", "place"),
    [
        ("1 / 0", "window or main thread"),
        ("threading.Thread(target=lambda: 1 / 0, name='helper').start()", "thread helper"),
        ("class Thing:\n    def __del__(self): 1 / 0\nThing()", "cleaning up"),
    ],
    ids=["main thread", "another thread", "cleaning up"],
)
def test_what_nobody_catches_is_in_the_log_with_its_traceback(state, script, place):
    result = program(script)
    text = (state / log.LOG).read_text()
    assert ENTRY.findall(text) == ["ERROR"]
    assert place in text
    assert "Traceback (most recent call last):" in text
    assert text.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "Traceback" not in result.stderr, "the terminal gets one line at most"
    assert result.stderr.count("\n") <= 1


def test_on_request_the_traceback_is_on_the_terminal_too(state):
    result = program("1 / 0", **{log.DEBUG: "1"})
    assert "ZeroDivisionError" in result.stderr
    assert "ZeroDivisionError" in (state / log.LOG).read_text()


def test_a_crash_of_the_interpreter_leaves_where_it_was(state):
    result = program("def at_this_place():\n    import ctypes; ctypes.string_at(0)\nat_this_place()")
    assert result.returncode not in (0, 1)
    crashes = (state / log.CRASHES).read_text()
    assert "at_this_place" in crashes
    assert log.last_crash()


def test_crashes_do_not_fill_the_disk(state):
    state.mkdir()
    (state / log.CRASHES).write_text("x" * (log.LARGEST + 1))
    program("")
    assert (state / log.CRASHES).stat().st_size == 0
    assert (state / f"{log.CRASHES}.1").exists()


def test_ctrl_c_and_exits_are_no_faults(state):
    assert program("raise KeyboardInterrupt").returncode not in (0, None)
    assert program("sys.exit(3)").returncode == 3
    assert program("threading.Thread(target=sys.exit).start()").stderr == ""
    assert not (state / log.LOG).exists()


def test_a_hook_that_was_there_before_hears_it_as_well(state):
    script = (
        "import sys; sys.excepthook = lambda *_: print('before')\nfrom playground import log\nlog.watch(); log.watch()\n1 / 0"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert result.stdout == "before\n", "once, however often it is watched"
    assert (state / log.LOG).exists()


@pytest.mark.parametrize("trouble", ["a folder in the log's place", "a file in the folder's place"])
def test_a_log_that_cannot_be_written_stops_nothing(tmp_path, state, trouble):
    if trouble.startswith("a folder"):
        (state / log.LOG).mkdir(parents=True)
        (state / log.CRASHES).mkdir()
        result = program("threading.Thread(target=lambda: 1 / 0).start(); print('goes on')")
        assert "ZeroDivisionError" in result.stderr, "where it can't be kept it is said"
    else:
        state.write_text("")
        result = program("threading.Thread(target=lambda: 1 / 0).start(); print('goes on')", TMPDIR=str(tmp_path))
        kept = list(tmp_path.glob(f"neural-playground-*/{log.LOG}"))
        assert len(kept) == 1
        assert str(kept[0]) in result.stderr
    assert result.stdout == "goes on\n"
    assert result.returncode == 0


def test_a_full_disk_stops_nothing(state, capsys):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no device that is always full")
    state.mkdir()
    (state / log.LOG).symlink_to(full)
    assert log.unexpected(raised(ValueError("odd")), "here") is None
    assert "ValueError: odd" in capsys.readouterr().err


def test_two_programs_write_whole_entries_into_one_log(state, monkeypatch):
    """Small files, so that both rotate all the time."""
    script = """
from playground import log
log.LARGEST, log.KEPT = 4000, 500
for number in range(150):
    assert log.write("ERROR", f"{sys.argv[1]} {number} " + "x" * 300 + " end") is not None
"""
    lines = "import sys\n" + script
    both = [subprocess.Popen([sys.executable, "-c", lines, name]) for name in ("first", "second")]
    assert [process.wait(60) for process in both] == [0, 0]
    entries = [line for path in state.glob(f"{log.LOG}*") if path.suffix != ".lock" for line in path.read_text().splitlines()]
    found = {tuple(match.groups()) for entry in entries if (match := re.search(r"ERROR (\w+) (\d+) x{300} end$", entry))}
    assert len(entries) == len(found) == 300


def test_the_log_rotates_and_stays_small(state):
    for number in range(60):
        log.write("WARNING", f"{number} " + "x" * 50_000)
    files = [path for path in state.glob(f"{log.LOG}*") if path.suffix != ".lock"]
    assert len(files) == log.KEPT + 1
    assert all(path.stat().st_size <= log.LARGEST for path in files)


def test_what_goes_wrong_again_and_again_is_told_but_not_written_each_time(state):
    heard = []
    log.listeners.append(heard.append)
    for _ in range(250):
        log.unexpected(raised(ValueError("the same")), "painting")
    text = (state / log.LOG).read_text()
    assert text.count("Traceback") == 1
    assert "100 times" in text
    assert len(ENTRY.findall(text)) < 20
    assert len(heard) == 250
    assert len({mishap.key for mishap in heard}) == 1


def test_a_listener_that_fails_harms_neither_the_log_nor_the_others(state):
    heard = []

    def fails(mishap):
        raise RuntimeError("deleted")

    log.listeners += [fails, heard.append]
    assert log.unexpected(raised(KeyError("x")), "here") == state / log.LOG
    assert [mishap.place for mishap in heard] == ["here"]


def test_the_newest_error_is_found_again(state):
    assert log.last_error() == ""
    log.unexpected(raised(ValueError("first")), "there")
    log.write("WARNING", "of Qt")
    log.unexpected(raised(KeyError("second")), "here")
    log.write("WARNING", "later")
    assert re.fullmatch(r"\d{4}-\S+ \S+ \d+ ERROR here: Traceback.*", log.last_error())


def test_the_last_actions_are_kept(monkeypatch):
    monkeypatch.setattr(log, "_actions", type(log._actions)(maxlen=log.MOST_ACTIONS))
    for number in range(80):
        log.did(f"action {number}")
    for _ in range(30):
        log.did("a drag")
    kept = log.last_actions()
    assert len(kept) == 50
    assert re.fullmatch(r"\d\d:\d\d:\d\d action 31", kept[0])
    assert kept[-1].endswith(" a drag (30 times)")


def test_a_report_names_neither_the_home_folder_nor_what_stands_in_files(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("USERPROFILE", "/home/ada")
    error = raised(ValueError("could not convert string to float: 'Ada Lovelace' in /home/ada/secret.csv" + "x" * 500))
    told = log.for_report("".join(log.traceback.format_exception(error)))
    assert "ValueError: could not convert string to float" in told
    assert "raise error" in told, "the code stays"
    assert "Lovelace" not in told
    assert "/home/ada" not in told
    assert max(map(len, told.splitlines())) < 300


def test_an_exception_of_nobody_in_the_training_thread_is_logged(state, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a fault of ours")

    from playground.experiment.presets import preset

    monkeypatch.setattr(sessions, "Trainer", broken)
    session = sessions.TrainingSession("reference")
    session.start()
    session.send(Use(preset("circle"), None, False))
    for _ in range(3000):
        if session.latest is not None:
            break
        sessions.time.sleep(0.01)
    assert session.close()
    assert session.latest.status is Status.FAILED
    assert "training: Traceback" in (state / log.LOG).read_text()


def test_a_sentence_for_people_is_no_fault(state, tmp_path):
    from playground.experiment import FileSource
    from playground.experiment.edits import with_field
    from playground.experiment.presets import preset

    session = sessions.TrainingSession("reference")
    session.start()
    session.send(Use(with_field(preset("circle"), "data.source", FileSource(path=str(tmp_path / "none.csv"))), None, False))
    for _ in range(3000):
        if session.latest is not None:
            break
        sessions.time.sleep(0.01)
    assert session.close()
    assert "none.csv" in session.latest.error
    assert not (state / log.LOG).exists()
