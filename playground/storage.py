"""Reads and writes files safely, and knows where the program keeps its own."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from playground.words import tr

READ_LIMIT = 1 << 30
PART = ".playground.part"
# What killed writers left: as `tempfile` names what `_part` writes, and as the first version called it.
_LEFT_OVER = re.compile(r"\..{1,40}\.[a-z0-9_]{8}(\.playground)?\.part")
# Seconds after which nobody is still writing to a file under its temporary name, where that can't be seen otherwise.
ABANDONED = 3600.0


class FileError(ValueError):
    """A file could not be read or written; the message names it, says why and how to mend it."""


def explain(error: OSError | ValueError) -> str:
    """Say in a few plain words why the operating system refused (``no such file``, ``no permission``, …)."""
    if not isinstance(error, OSError):
        # Python itself refuses a name with a zero byte or half of a character.
        return tr("no file can have such a name")
    return {
        "FileNotFoundError": tr("there is no such file or folder"),
        "PermissionError": tr("this account may not use it"),
        "IsADirectoryError": tr("it is a folder, not a file"),
        "NotADirectoryError": tr("part of its path is a file, not a folder"),
    }.get(type(error).__name__, (error.strerror or str(error)).lower())


def read_bytes(path: str | os.PathLike[str], limit: int = READ_LIMIT) -> bytes:
    """Return the whole content of a file.

    Parameters
    ----------
    path
        The file. Devices, pipes and sockets, which may have no end or wait for ever, are refused.
    limit
        Largest size accepted, in bytes; a bigger file is refused before anything is read.

    Raises
    ------
    FileError
        If the file can't be read, is no regular file, or is larger than ``limit``.
    """
    return _read(path, limit)


def read_beginning(path: str | os.PathLike[str], size: int) -> bytes:
    """Return the first bytes of a file, at most ``size`` of them.

    Raises
    ------
    FileError
        If the file can't be read, or is no regular file.
    """
    return _read(path, None, size)


def _read(path: str | os.PathLike[str], limit: int | None, most: int | None = None) -> bytes:
    """A regular file of at most ``limit`` bytes, or what it begins with."""
    try:
        # Asked before it is opened, as some devices act on that alone, and again of what has been opened.
        mode = Path(path).stat().st_mode
        if stat.S_ISREG(mode):
            flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
                found = os.fstat(file.fileno())
                mode, size = found.st_mode, found.st_size
                if stat.S_ISREG(mode) and (limit is None or size <= limit):
                    # No more than it said: it may be growing, or be made up by the system as it is read, as in /proc.
                    return file.read(size if most is None else min(size, most))
    except (OSError, ValueError) as error:
        raise FileError(
            tr("{path}: can't be read: {error}; check the name and try again.").format(path=path, error=explain(error))
        ) from error
    if stat.S_ISREG(mode):
        raise FileError(
            tr("{path}: it has {size:,} bytes, more than the {limit:,} that are read; use a smaller file.").format(
                path=path, size=size, limit=limit
            )
        )
    if stat.S_ISDIR(mode):
        raise FileError(tr("{path}: it is a folder, not a file; name a file in it.").format(path=path))
    raise FileError(tr("{path}: it is a device, a pipe or a socket; name an ordinary file.").format(path=path))


def refuse_unwritable(path: str | os.PathLike[str]) -> None:
    """Refuse a place where no file can be written, before the work is done whose result is to go there.

    Raises
    ------
    FileError
        If a folder, a device, a pipe or a socket is there, or its folder isn't there or takes no files.
    """
    try:
        target = os.path.realpath(path)
        with contextlib.suppress(FileNotFoundError):
            mode = Path(target).stat().st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError
            if not stat.S_ISREG(mode):
                raise OSError(tr("it is a device, a pipe or a socket, whose place no file takes"))
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            raise FileNotFoundError
        if not os.access(folder, os.W_OK):
            raise PermissionError
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def _unwritable(path: str | os.PathLike[str], error: OSError | ValueError) -> FileError:
    return FileError(
        tr("{path}: can't be written: {error}; choose another folder or make room.").format(path=path, error=explain(error))
    )


def atomic_write(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace a file's content in one step, or leave it byte for byte as it was.

    The bytes go into a temporary file beside the target, are counted and forced to the disk, and only then
    take the target's name. A full disk, a kill or a power cut in between loses nothing.

    Raises
    ------
    FileError
        If the folder or disk refuses, or something is there that is no regular file.
    """
    write_together({Path(path): data})


def write_together(files: Mapping[Path, bytes], gone: Iterable[Path] = ()) -> None:
    """Replace files that belong together, as those of one run do, so that old and new ones never lie side by side.

    All new ones are on the disk under other names before any old one goes. Then the old ones go but for the first, which is
    replaced in one step, and the rest of the new ones take their names: whenever it is killed, the first file is there, the
    old one or the new, and beside it are only those that belong to it.

    Parameters
    ----------
    files
        What to write, by place; the one that all depends on first.
    gone
        Files of the old ones that the new ones don't have.

    Raises
    ------
    FileError
        If a folder or the disk refuses, or something is there that is no regular file.
    """
    parts: dict[str, str] = {}
    path: Path | None = None
    with contextlib.ExitStack() as folders:
        try:
            for path, data in files.items():
                refuse_unwritable(path)
                # A link keeps pointing where it points: its target is what gets replaced.
                target = os.path.realpath(path)
                folders.enter_context(_writing_in(os.path.dirname(target)))
                parts[target] = _part(target, data)
            for old in (*map(Path, parts), *gone)[1:]:
                old.unlink(missing_ok=True)
            for target in [*parts]:
                os.replace(parts[target], target)
                del parts[target]
        except (OSError, ValueError) as error:
            raise error if isinstance(error, FileError) else _unwritable(path or "", error) from error
        finally:
            for part in parts.values():
                with contextlib.suppress(OSError):
                    os.unlink(part)


def _part(target: str, data: bytes) -> str:
    """Write the bytes beside a target, under a name of their own; that name."""
    name = os.path.basename(target)[:20]
    descriptor, part = tempfile.mkstemp(prefix=f".{name}.", suffix=PART, dir=os.path.dirname(target))
    try:
        with os.fdopen(descriptor, "wb") as file:
            if file.write(data) != len(data):
                raise OSError(tr("the disk took only part of the data"))
            file.flush()
            os.fsync(file.fileno())
        if os.path.getsize(part) != len(data):
            raise OSError(tr("the disk took only part of the data"))
        os.chmod(part, _permissions(Path(target)))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
    return part


@contextlib.contextmanager
def _writing_in(folder: str) -> Iterator[None]:
    """Hold a folder as one that is written to, once what killed writers left there is gone.

    Writers share a lock on the folder, which ends with them. Who has it alone knows that no other writer lives; where there
    are no such locks, as on Windows, the age of what was left must tell.
    """
    descriptor, alone = None, False
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
    _sweep(folder, alone)
    try:
        if descriptor is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _sweep(folder: str, alone: bool) -> None:
    """Remove from a folder the temporary files of this account that no writer will come back to."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = _LEFT_OVER.fullmatch(entry.name)
            if name and entry.is_file(follow_symlinks=False):
                found = entry.stat(follow_symlinks=False)
                ours = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
                left = (alone and name[1]) or time.time() - found.st_mtime > ABANDONED
                if ours and left:
                    with contextlib.suppress(OSError):
                        os.unlink(entry.path)


def _permissions(target: Path) -> int:
    """Keep an existing file's permissions; give a new one what ``open`` would (``mkstemp`` makes it private)."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def resource(*parts: str) -> Path:
    """Path of a file that comes with the program: ``resource("presets", "circle.json")``."""
    package = Path(__file__).resolve().parent
    installed = package / "resources"
    return (installed if installed.is_dir() else package.parent / "resources").joinpath(*parts)


def cache_folder() -> Path:
    """Folder for what can be made again (compiled kernels, thumbnails)."""
    return _own_folder("PLAYGROUND_CACHE_DIR", "user_cache_path")


def config_folder() -> Path:
    """Folder for what the user has set (theme, recent files)."""
    return _own_folder("PLAYGROUND_CONFIG_DIR", "user_config_path")


def state_folder() -> Path:
    """Folder for what the program notes about itself (the log)."""
    return _own_folder("PLAYGROUND_STATE_DIR", "user_state_path")


def _own_folder(variable: str, kind: str) -> Path:
    """One of the program's own folders; an environment variable moves it (tests, portable installs)."""
    chosen = os.environ.get(variable)
    if chosen:
        folder = Path(chosen)
    else:
        import platformdirs

        folder = getattr(platformdirs, kind)("neural-playground", appauthor=False)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        # A read-only home is no reason not to start: what can't be kept lives for this run only.
        folder = Path(tempfile.mkdtemp(prefix="neural-playground-"))
        os.environ[variable] = str(folder)
    return folder
