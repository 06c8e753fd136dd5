"""Where compiled kernels are kept: one folder per version of the core's sources and per kind of processor.

Numba's disk cache looks only at the file of the function itself. It misses an edit in a file whose functions are
compiled into it, it may load code made for another machine from a shared home, and it trusts whatever lies there, though
half a file after a power cut would bring the process down. So the folder's name is a hash of all that matters, chosen
before the first kernel is defined, and a list with each file's checksum, written last, says that all is there and sound.

What lies there is run, and whoever can write it can write the list as well: checksums guard against damage, not against others.
So a folder is used only where this account alone can write it: it and the folders above it belong to this account or to root,
and neither a group nor all may write them, but for a group of one's own (as Linux gives each account), and for folders such as
``/tmp`` where nobody may move what is another's. Windows keeps an account's folders to itself.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib
import importlib.metadata
import json
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from playground.storage import FileError, atomic_write, cache_folder
from playground.words import tr

# What ends up in compiled code, or decides what does. Records that only the host reads are left out, such as data sets and
# metrics: a new one compiles nothing again.
_SOURCES = (
    "catalog/activations.py",
    "catalog/elementary.py",
    "catalog/losses.py",
    "catalog/optimizers.py",
    "catalog/record.py",
    "catalog/schedules.py",
    "kernels/*.py",
    "kernels/cpu/*.py",
    "kernels/simd/*.py",
    "network/parameters.py",
    "network/table.py",
)
_CUDA_SOURCES = ("kernels/cuda/*.py",)
_LIST = "complete.json"


def prepare_cache() -> Path:
    """Point Numba's disk cache at this version's folder, and return it; call before a kernel is defined.

    A folder that can't be used, or that others can write, is replaced by a temporary one, and damaged files are removed; then
    `notice` says so.
    """
    import numba

    if _prepared:
        return _prepared[0].folder
    found = ""
    folder = cache_folder() / "kernels" / _key()
    try:
        for made in (folder.parent, folder):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        for used in (folder, *folder.parent.glob("cuda-*")):
            _refuse_what_others_write(used)
        with tempfile.TemporaryFile(dir=folder):
            pass
        if (folder / _LIST).exists() and not _is_sound(folder):
            found = tr("The compiled kernels in {folder} were damaged and are compiled anew.").format(folder=folder)
            shutil.rmtree(folder)
            folder.mkdir()
    except OSError as error:
        found = (
            tr(
                "The folder for compiled kernels, {folder}, can't be trusted, as others can write {place}: they are compiled "
                "anew at each start; take that right away, or name a folder of your own in PLAYGROUND_CACHE_DIR."
            ).format(folder=folder, place=error.place)
            if isinstance(error, _SharedError)
            else tr("The folder for compiled kernels, {folder}, can't be used; they are compiled anew at each start.").format(
                folder=folder
            )
        )
        folder = _temporary_folder() / "kernels" / _key()
        folder.mkdir(parents=True)
    # Numba reads the variable once, at its import, which may already be past.
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    _prepared.append(_Prepared(folder, found))
    return folder


class _SharedError(OSError):
    """Others can put code into a folder, or another folder in its place."""

    def __init__(self, place: Path) -> None:
        super().__init__(str(place))
        self.place = place


def _refuse_what_others_write(folder: Path) -> None:
    """Refuse a folder of code that somebody else could have written; see the head of this file."""
    if not hasattr(os, "geteuid"):
        return
    folder, me = Path(os.path.realpath(folder)), os.geteuid()
    if folder.stat().st_uid != me or _others_write(folder):
        raise _SharedError(folder)
    for above in folder.parents:
        status = above.stat()
        if status.st_uid not in (0, me) or (_others_write(above) and not status.st_mode & stat.S_ISVTX):
            raise _SharedError(above)
    # What others left while they could is still there.
    for path in folder.rglob("*"):
        # Numba writes under another name first, which may have gone by now: another process compiles.
        with contextlib.suppress(FileNotFoundError):
            if path.lstat().st_uid != me:
                raise _SharedError(path)
    # Files that are made with too many rights can't be reached then.
    folder.chmod(stat.S_IMODE(folder.stat().st_mode) & 0o700)


def _others_write(folder: Path) -> bool:
    """Whether another account may write a folder; a group that has this account alone is none."""
    status = folder.stat()
    if status.st_mode & stat.S_IWOTH:
        return True
    if not status.st_mode & stat.S_IWGRP:
        return False
    import grp
    import pwd

    try:
        group, account = grp.getgrgid(status.st_gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return True
    return account.pw_gid != group.gr_gid or bool(set(group.gr_mem) - {account.pw_name}) or group.gr_name != account.pw_name


class _Prepared(NamedTuple):
    """The folder that this process uses, and what there is to say about it."""

    folder: Path
    notice: str


# Once a process: empty before.
_prepared: list[_Prepared] = []


def notice() -> str:
    """One line for people if the folder had to be replaced; empty if not, and as long as nothing needed it."""
    return _prepared[0].notice if _prepared else ""


def cuda_folder() -> Path:
    """Where the GPU's kernels of this version are kept."""
    return prepare_cache().parent / f"cuda-{_key(with_cuda=True)}"


@contextlib.contextmanager
def cuda_cache() -> Iterator[None]:
    """Point Numba's CUDA cache, while kernels for the GPU are defined, at a folder that goes with their sources."""
    folder = cuda_folder()
    configs = _cuda_configs()
    before = [config.CACHE_DIR for config in configs]
    for config in configs:
        config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        for config, old in zip(configs, before, strict=True):
            config.CACHE_DIR = old


def _cuda_configs() -> list[Any]:
    """Where Numba's CUDA target reads the folder's name: numba_cuda has a configuration of its own."""
    import numba

    found: list[Any] = [numba.config]
    with contextlib.suppress(ImportError):
        found.append(importlib.import_module("numba.cuda.core.config"))
    return found


def is_complete() -> bool:
    """Whether all kernels of this version lie compiled in the folder."""
    return (prepare_cache() / _LIST).exists()


def mark_complete() -> None:
    """Write the list that says that all is there."""
    folder = prepare_cache()
    # Without the list the kernels are compiled again next time: slow, but right.
    with contextlib.suppress(FileError):
        atomic_write(folder / _LIST, json.dumps(_checksums(folder)).encode())


def clear() -> None:
    """Remove whatever was compiled for this version."""
    folder = prepare_cache()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def _checksums(folder: Path) -> dict[str, int]:
    """Checksum of every file of compiled code, and 0 for every index, which changes when code is added to it."""
    code = {path: zlib.crc32(path.read_bytes()) for path in folder.rglob("*.nbc")}
    indexes = dict.fromkeys(folder.rglob("*.nbi"), 0)
    return {path.relative_to(folder).as_posix(): checksum for path, checksum in sorted({**code, **indexes}.items())}


def _is_sound(folder: Path) -> bool:
    """Whether every listed file is there as it was."""
    try:
        listed = json.loads((folder / _LIST).read_bytes())
        return all(_is_sound_file(folder / name, checksum) for name, checksum in listed.items())
    except (OSError, ValueError, AttributeError):
        return False


def _is_sound_file(path: Path, checksum: int) -> bool:
    content = path.read_bytes()
    if path.suffix == ".nbi":
        # The first and last byte of what Python writes for an object: half a file lacks the last.
        return content[:1] == b"\x80" and content[-1:] == b"."
    return zlib.crc32(content) == checksum


def _temporary_folder() -> Path:
    """A cache folder for this process and those it starts; gone when it ends."""
    folder = tempfile.mkdtemp(prefix="neural-playground-")
    os.environ["PLAYGROUND_CACHE_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _key(with_cuda: bool = False) -> str:
    """Hash of the sources that end up in compiled code, of what compiles them, and of what for; the GPU's apart."""
    import llvmlite
    import numba

    from playground.kernels.simd.host import REGISTERS, target

    digest = hashlib.sha256()
    package = Path(__file__).resolve().parent.parent
    for pattern in (*_SOURCES, *(_CUDA_SOURCES if with_cuda else ())):
        for source in sorted(package.glob(pattern)):
            digest.update(source.relative_to(package).as_posix().encode() + source.read_bytes())
    # Numba files code by where its source lies and by Python's version: another clone's folder would hold nothing for us.
    digest.update(f"{package} {sys.implementation.cache_tag}".encode())
    digest.update(f"{numba.__version__} {llvmlite.__version__} {REGISTERS} {target()}".encode())
    if with_cuda:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            digest.update(importlib.metadata.version("numba-cuda").encode())
    return digest.hexdigest()[:16]
