"""Files are replaced in one step or not at all, and every refusal is one sentence."""

import os
import stat

import pytest

from playground import storage
from playground.storage import FileError, atomic_write, read_bytes


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.bin"
    atomic_write(path, b"first")
    atomic_write(path, b"second")
    assert read_bytes(path) == b"second"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_byte_for_byte(tmp_path, monkeypatch, step):
    path = tmp_path / "a.bin"
    atomic_write(path, b"old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, step, refuse)
    with pytest.raises(FileError, match=r"a\.bin: can't be written: no space left on device"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_link_stays_a_link_and_permissions_stay(tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"1")
    target.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(target)
    atomic_write(link, b"2")
    assert link.is_symlink()
    assert target.read_bytes() == b"2"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_refusals_name_the_file(tmp_path):
    with pytest.raises(FileError, match=r"none\.csv: can't be read: there is no such file"):
        read_bytes(tmp_path / "none.csv")
    with pytest.raises(FileError, match="it is a folder"):
        read_bytes(tmp_path)
    with pytest.raises(FileError, match="there is no such file or folder"):
        atomic_write(tmp_path / "missing" / "a", b"")
    (tmp_path / "big").write_bytes(b"12345")
    with pytest.raises(FileError, match="5 bytes"):
        read_bytes(tmp_path / "big", limit=4)


def test_own_folders_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_CACHE_DIR", str(tmp_path / "deep" / "cache"))
    assert storage.cache_folder() == tmp_path / "deep" / "cache"
    assert storage.cache_folder().is_dir()


def test_a_home_that_cannot_be_written_is_no_reason_not_to_start(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PLAYGROUND_CACHE_DIR", str(tmp_path / "file" / "cache"))
    folder = storage.cache_folder()
    assert folder.is_dir()
    assert tmp_path not in folder.parents
    assert storage.cache_folder() == folder, "the same one for the rest of this run"


def test_without_a_word_folders_are_the_systems(tmp_path, monkeypatch):
    monkeypatch.delenv("PLAYGROUND_CONFIG_DIR", raising=False)
    monkeypatch.setattr("platformdirs.user_config_path", lambda name, appauthor: tmp_path / name)
    assert storage.config_folder() == tmp_path / "neural-playground"
    assert storage.config_folder().is_dir()
    monkeypatch.delenv("PLAYGROUND_STATE_DIR", raising=False)
    monkeypatch.setattr("platformdirs.user_state_path", lambda name, appauthor: tmp_path / "state" / name)
    assert storage.state_folder() == tmp_path / "state" / "neural-playground"


def test_a_disk_that_takes_a_part_alone_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    atomic_write(path, b"old")
    monkeypatch.setattr(storage.os.path, "getsize", lambda _: 1)
    with pytest.raises(FileError, match="the disk took only part of the data"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_write_that_comes_up_short_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    atomic_write(path, b"old")

    class Short:
        def __init__(self, descriptor, _mode):
            os.close(descriptor)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def write(self, data):
            return len(data) - 1

    monkeypatch.setattr(storage.os, "fdopen", Short)
    with pytest.raises(FileError, match="the disk took only part of the data"):
        atomic_write(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
