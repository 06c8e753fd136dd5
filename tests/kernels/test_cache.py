"""The folder of compiled kernels: damaged, missing, read-only or half-filled, the program starts and says it in one line."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from playground.kernels import cache

pytestmark = pytest.mark.compile
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="accounts keep their folders to themselves there")

# What fills a folder in a moment: one small kernel instead of all.
SMALL = """
from playground.kernels import cache
from playground.kernels.rates import correction
import numpy as np
correction(np.float32(0.9), 3)
print(sum(correction.stats.cache_hits.values()))
print(cache.prepare_cache())
print(cache.notice())
if {mark}:
    cache.mark_complete()
"""


def run(home, mark=True):
    """Run a small kernel in a process of its own: (cache hits, folder, notice)."""
    result = subprocess.run(
        [sys.executable, "-c", SMALL.format(mark=mark)],
        env={**os.environ, "PLAYGROUND_CACHE_DIR": str(home), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    hits, folder, notice = result.stdout.split("\n")[:3]
    return int(hits), Path(folder), notice


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache folder with a small kernel and its list; the compiled product, slow to make, comes with it."""
    home = tmp_path_factory.mktemp("filled")
    hits, folder, notice = run(home)
    assert (hits, notice) == (0, "")
    assert folder.is_relative_to(home)
    return home


@pytest.fixture
def home(filled, tmp_path):
    shutil.copytree(filled, tmp_path / "home")
    return tmp_path / "home"


def kernels_folder(home):
    (folder,) = (home / "kernels").iterdir()
    return folder


def files(home, kind):
    return sorted(kernels_folder(home).rglob(kind))


def test_a_second_process_compiles_nothing(home):
    hits, _, notice = run(home)
    assert hits == 1
    assert notice == ""


@pytest.mark.parametrize("kind", ["*.nbc", "*.nbi"])
@pytest.mark.parametrize("damage", ["cut", "empty", "gone"])
def test_a_damaged_folder_is_emptied_and_said(home, kind, damage):
    for path in files(home, kind):
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:100] if damage == "cut" else b"")
    hits, folder, notice = run(home)
    assert hits == 0
    assert folder == kernels_folder(home)
    assert "damaged" in notice
    assert len(notice.splitlines()) == 1
    assert run(home)[::2] == (1, ""), "it is whole again"


def test_a_changed_byte_of_machine_code_is_found(home):
    path = files(home, "*.nbc")[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "damaged" in run(home)[2]


def test_a_list_that_is_no_list_counts_as_damage(home):
    (kernels_folder(home) / "complete.json").write_text("[1, 2")
    assert "damaged" in run(home)[2]


def test_code_added_later_is_no_damage(home):
    path = files(home, "*.nbi")[0]
    # Numba writes the index anew when it adds a version of a kernel.
    path.write_bytes(path.read_bytes()[:-1] + b"0.")
    (path.parent / "more.nbc").write_bytes(b"later")
    assert cache._is_sound(kernels_folder(home))


def test_a_folder_without_a_list_is_used_but_not_trusted(home):
    (kernels_folder(home) / "complete.json").unlink()
    hits, _, notice = run(home, mark=False)
    assert (hits, notice) == (1, "")
    assert not (kernels_folder(home) / "complete.json").exists()


def test_the_list_names_every_compiled_file(home):
    listed = json.loads((kernels_folder(home) / "complete.json").read_text())
    assert set(listed) == {
        path.relative_to(kernels_folder(home)).as_posix() for path in files(home, "*.nbc") + files(home, "*.nbi")
    }


@pytest.mark.parametrize("obstacle", ["a file in its place", "a file above it"])
def test_a_folder_that_cannot_be_made_is_replaced_by_a_temporary_one(tmp_path, obstacle):
    home = tmp_path / "home"
    if obstacle == "a file above it":
        home.mkdir()
        (home / "kernels").write_text("in the way")
    else:
        home.mkdir()
        (home / "kernels").mkdir()
        (home / "kernels" / cache._key()).write_text("in the way")
    _, folder, notice = run(home)
    assert not folder.is_relative_to(home)
    assert not folder.exists(), "it goes with the process"
    assert "can't be used" in notice
    assert len(notice.splitlines()) == 1


@posix
@pytest.mark.parametrize("place", [".", "kernels", "kernels/*"])
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_folder_that_others_can_write_is_not_trusted(home, place, mode, monkeypatch):
    (folder,) = home.glob(place) if "*" in place else [home / place]
    group_of_many(monkeypatch)
    folder.chmod(mode)
    assert others_can_write(home) == folder
    folder.chmod(mode & 0o755)
    assert others_can_write(home) is None
    assert stat.S_IMODE(kernels_folder(home).stat().st_mode) == 0o700, "what is made in it later, nobody else reaches"


@posix
def test_processes_take_a_private_folder_instead_and_say_so(home):
    kernels_folder(home).chmod(0o777)
    hits, folder, notice = run(home)
    assert hits == 0, "nothing of it is run"
    assert not folder.is_relative_to(home)
    assert "can't be trusted, as others can write " in notice
    assert len(notice.splitlines()) == 1
    assert len(notice) <= 300


@posix
def test_folders_are_made_for_this_account_alone(tmp_path):
    before = os.umask(0)
    try:
        assert run(tmp_path / "new")[2] == ""
        assert run(tmp_path / "new")[::2] == (1, "")
    finally:
        os.umask(before)
    for folder in (tmp_path / "new", tmp_path / "new" / "kernels", kernels_folder(tmp_path / "new")):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@posix
def test_a_group_of_ones_own_is_nobody_else(home, monkeypatch):
    import grp
    import pwd

    me = pwd.getpwuid(os.geteuid())
    (home / "kernels").chmod(0o775)
    own = grp.struct_group((me.pw_name, "x", me.pw_gid, []))
    monkeypatch.setattr(grp, "getgrgid", lambda _: own)
    assert others_can_write(home) is None
    for wider in ((me.pw_name, "x", me.pw_gid, ["another"]), ("users", "x", me.pw_gid, []), (me.pw_name, "x", me.pw_gid + 1, [])):
        monkeypatch.setattr(grp, "getgrgid", lambda _, wider=wider: grp.struct_group(wider))
        assert others_can_write(home) == home / "kernels"

    def unknown(_):
        raise KeyError

    monkeypatch.setattr(grp, "getgrgid", unknown)
    assert others_can_write(home) == home / "kernels"


@posix
def test_sticky_folders_above_are_fine(home):
    home.chmod(0o1777)
    assert others_can_write(home) is None


@posix
@pytest.mark.parametrize("place", [".", "kernels", "kernels/*", "kernels/*/*"])
def test_what_belongs_to_another_account_is_not_trusted(home, place, monkeypatch):
    foreign = sorted(home.glob(place))[0] if "*" in place else home / place
    real_stat, real_lstat = Path.stat, Path.lstat
    monkeypatch.setattr(Path, "stat", lambda self, **more: owned_by(real_stat(self, **more), self == foreign))
    monkeypatch.setattr(Path, "lstat", lambda self: owned_by(real_lstat(self), self == foreign))
    assert others_can_write(home) == foreign


@posix
def test_the_gpus_folders_are_looked_at_as_well(home):
    (home / "kernels" / "cuda-of-somebody").mkdir()
    (home / "kernels" / "cuda-of-somebody").chmod(0o777)
    assert "can't be trusted" in run(home)[2]


@posix
def test_roots_folders_above_are_fine():
    cache._refuse_what_others_write(Path(tempfile.mkdtemp()))


@posix
def test_a_file_that_another_process_has_just_renamed_is_no_reason_to_compile_anew(home, monkeypatch):
    folder = kernels_folder(home)
    there = [*folder.rglob("*"), folder / "index.nbi.tmp.1234"]
    monkeypatch.setattr(Path, "rglob", lambda self, pattern: iter(there))
    cache._refuse_what_others_write(folder)


def others_can_write(home):
    """The place for which a cache is refused; None if it is used."""
    try:
        for folder in (home / "kernels").iterdir():
            cache._refuse_what_others_write(folder)
    except cache._SharedError as error:
        return error.place
    return None


def owned_by(status, another):
    return os.stat_result([value + (index == 4 and another) * 4321 for index, value in enumerate(status)])


def group_of_many(monkeypatch):
    import grp

    monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group(("users", "x", number, ["another"])))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_replaced_by_a_temporary_one(home):
    folder = kernels_folder(home)
    folder.chmod(0o500)
    try:
        assert "can't be used" in run(home)[2]
    finally:
        folder.chmod(0o700)


def test_the_key_changes_with_the_target(monkeypatch):
    from playground.kernels.simd import host

    before = cache._key()
    assert before == cache._key()
    monkeypatch.setattr(host, "target", lambda: ("x", "y", "z"))
    assert cache._key() != before


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the sources, as where the key finds them."""
    package = Path(cache.__file__).parent.parent
    copy = tmp_path / "playground"
    for name in ("catalog", "kernels", "network", "gui"):
        shutil.copytree(package / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "__file__", str(copy / "kernels" / "cache.py"))
    return copy


def keys_after_a_change_of(path):
    with path.open("a") as file:
        file.write("# changed\n")
    return cache._key(), cache._key(with_cuda=True)


def test_the_key_changes_with_any_source_of_the_core(copied):
    before = cache._key(), cache._key(with_cuda=True)
    for changed in ("kernels/simd/microkernel.py", "catalog/elementary.py", "network/table.py", "kernels/cpu/tiny.py"):
        after = keys_after_a_change_of(copied / changed)
        assert all(new != old for new, old in zip(after, before, strict=True)), changed
        before = after


@pytest.mark.parametrize(
    "changed",
    ["catalog/datasets.py", "catalog/metrics.py", "network/plan.py", "kernels/reference/layers.py", "gui/app.py"],
)
def test_what_is_never_compiled_leaves_the_key(changed, copied):
    before = cache._key(), cache._key(with_cuda=True)
    assert keys_after_a_change_of(copied / changed) == before


def test_the_gpus_sources_change_only_its_own_key(copied):
    before = cache._key(), cache._key(with_cuda=True)
    after = keys_after_a_change_of(copied / "kernels/cuda/layers.py")
    assert after[0] == before[0]
    assert after[1] != before[1]
