"""Only regular files are read and replaced; files of a run go together; what killed writers left is swept away."""

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from playground import storage
from playground.storage import FileError, atomic_write, read_beginning, read_bytes, refuse_unwritable, write_together

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")


@pytest.fixture
def kinds(tmp_path):
    """Things with a name that are no regular files; None where they can't be made here."""
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    # A socket's name has a length of its own.
    before = Path.cwd()
    os.chdir(tmp_path)
    server.bind("socket")
    os.chdir(before)
    (tmp_path / "link").symlink_to("/dev/zero")
    yield {"device": Path("/dev/zero"), "pipe": tmp_path / "pipe", "socket": tmp_path / "socket", "link": tmp_path / "link"}
    server.close()


@posix
@pytest.mark.parametrize("kind", ["device", "pipe", "socket", "link"])
def test_what_is_no_regular_file_is_neither_read_nor_replaced(kinds, kind):
    path = kinds[kind]
    before = path.lstat()
    for act in (read_bytes, lambda path: read_beginning(path, 10), lambda path: atomic_write(path, b"x"), refuse_unwritable):
        with pytest.raises(FileError, match="it is a device, a pipe or a socket"):
            act(path)
    after = path.lstat()
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)


@posix
def test_what_becomes_a_pipe_before_it_is_opened_is_not_waited_for(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    real = os.open
    monkeypatch.setattr(os, "open", lambda name, flags: real(tmp_path / "pipe", flags))
    with pytest.raises(FileError, match="it is a device, a pipe or a socket"):
        read_bytes(tmp_path / "file")


def test_no_more_is_read_than_the_file_said_it_has(tmp_path, monkeypatch):
    path = tmp_path / "growing"
    path.write_bytes(b"12345")
    real = os.open

    def grow(name, flags):
        descriptor = real(name, flags)
        with path.open("ab") as file:
            file.write(b"6")
        return descriptor

    monkeypatch.setattr(os, "open", grow)
    assert read_bytes(path, limit=6) == b"123456"
    with pytest.raises(FileError, match="it has 7 bytes, more than the 6"):
        read_bytes(path, limit=6)
    assert read_beginning(path, 3) == b"123"
    if Path("/proc/self/maps").exists():
        assert read_bytes("/proc/self/maps") == b"", "what is made up as it is read has no size, and may have no end"


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "n" * 5000, "n/" * 3000 + "x"])
def test_names_that_no_disk_takes_are_refused_in_a_sentence(tmp_path, name):
    path = os.path.join(tmp_path, name)
    for act in (read_bytes, lambda path: atomic_write(path, b"x"), refuse_unwritable):
        with pytest.raises(FileError) as caught:
            act(path)
        assert len(str(caught.value)) <= 300
        assert len(str(caught.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_place_is_refused_before_the_work_is_done(tmp_path):
    with pytest.raises(FileError, match="it is a folder"):
        refuse_unwritable(tmp_path)
    with pytest.raises(FileError, match="there is no such file or folder"):
        refuse_unwritable(tmp_path / "none" / "a")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(FileError, match=r"loop: can't be written"):
        atomic_write(tmp_path / "loop", b"")
    refuse_unwritable(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_takes_no_files_is_refused(tmp_path, monkeypatch):
    # Root may write anywhere, so the system's answer is put in.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(FileError, match="this account may not use it"):
        refuse_unwritable(tmp_path / "a")


def test_a_link_to_a_file_that_is_not_there_yet_keeps_pointing(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "later")
    atomic_write(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "later").read_bytes() == b"1"


# Stops itself at the given call of os.replace or os.unlink, as a kill would.
KILLED = """
import os, signal, sys
from pathlib import Path
from playground import storage
left = [int(sys.argv[1])]
def counted(act):
    def call(*words, **more):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*words, **more)
    return call
os.replace, Path.unlink, os.fsync = counted(os.replace), counted(Path.unlink), counted(os.fsync)
storage.write_together({Path(name): b"new" for name in ("model", "experiment", "history")}, gone=[Path("picture")])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="ends by a signal")
def test_a_kill_at_any_moment_never_leaves_files_of_two_runs(tmp_path):
    names = ("model", "experiment", "history")
    seen = set()
    for moment in range(20):
        folder = tmp_path / str(moment)
        folder.mkdir()
        for name in (*names, "picture"):
            (folder / name).write_bytes(b"old")
        environment = {**os.environ, "PYTHONPATH": str(Path(storage.__file__).parent.parent)}
        command = [sys.executable, "-c", KILLED, str(moment)]
        code = subprocess.run(command, cwd=folder, env=environment, timeout=60).returncode
        found = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(".part")}
        assert "model" in found
        assert len(set(found.values())) == 1, found
        seen.add(found["model"])
        atomic_write(folder / "another", b"")
        assert not list(folder.glob(".*.part")), "the next writer sweeps"
        if code == 0:
            assert found == dict.fromkeys(names, b"new")
            break
    assert code == 0
    assert seen == {b"old", b"new"}


def test_left_overs_go_when_nobody_can_be_writing_them(tmp_path):
    young, old = tmp_path / ".model.abcd_123.part", tmp_path / ".model.zzzz_123.part"
    others = [tmp_path / name for name in ("model.part", ".model.part", ".model.ABCD_123.part", "notes.abcd1234.part")]
    for path in (young, old, *others):
        path.write_bytes(b"")
    past = time.time() - 2 * storage.ABANDONED
    for path in (old, *others):
        os.utime(path, (past, past))
    atomic_write(tmp_path / "a", b"")
    assert young.exists(), "somebody may be writing it"
    assert not old.exists()
    assert all(path.exists() for path in others), "files of other programs stay"


@posix
def test_files_that_somebody_is_writing_stay(tmp_path):
    with storage._writing_in(str(tmp_path)):
        part = Path(storage._part(str(tmp_path / "theirs"), b"x"))
        atomic_write(tmp_path / "ours", b"")
        assert part.exists()
    atomic_write(tmp_path / "ours", b"")
    assert not part.exists()


def test_where_there_are_no_locks_age_tells(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    path = tmp_path / ".model.abcd_123.playground.part"
    path.write_bytes(b"")
    atomic_write(tmp_path / "a", b"1")
    assert path.exists()
    os.utime(path, (0, 0))
    atomic_write(tmp_path / "a", b"2")
    assert os.listdir(tmp_path) == ["a"]


def test_files_of_one_run_take_the_place_of_another_ones(tmp_path):
    for name in ("model", "history", "picture"):
        (tmp_path / name).write_bytes(b"old")
    write_together({tmp_path / name: b"new" for name in ("model", "report")}, gone=[tmp_path / "history", tmp_path / "picture"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"model": b"new", "report": b"new"}


def test_a_refusal_of_one_of_several_leaves_all_as_they_were(tmp_path):
    (tmp_path / "first").write_bytes(b"old")
    (tmp_path / "second").mkdir()
    with pytest.raises(FileError, match="second"):
        write_together({tmp_path / "first": b"new", tmp_path / "second": b"new"})
    assert (tmp_path / "first").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["first", "second"]
    assert stat.S_ISDIR((tmp_path / "second").stat().st_mode)
