"""Reads and writes files safely, and knows where the program keeps its own."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from playground.words import tr

READ_LIMIT = 1 << 30


class FileError(ValueError):
    """A file could not be read or written; the message names it, says why and how to mend it."""


def explain(error: OSError) -> str:
    """Say in a few plain words why the operating system refused (``no such file``, ``no permission``, …)."""
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
        The file.
    limit
        Largest size accepted, in bytes; a bigger file is refused before anything is read.

    Raises
    ------
    FileError
        If the file can't be read or is larger than ``limit``.
    """
    try:
        if os.path.isdir(path):
            raise FileError(tr("{path}: it is a folder, not a file; name a file in it.").format(path=path))
        size = os.path.getsize(path)
        if size > limit:
            raise FileError(
                tr("{path}: it has {size:,} bytes, more than the {limit:,} that are read; use a smaller file.").format(
                    path=path, size=size, limit=limit
                )
            )
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise FileError(
            tr("{path}: can't be read: {error}; check the name and try again.").format(path=path, error=explain(error))
        ) from error


def atomic_write(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace a file's content in one step, or leave it byte for byte as it was.

    The bytes go into a temporary file beside the target, are counted and forced to the disk, and only then
    take the target's name. A full disk, a kill or a power cut in between loses nothing.

    Raises
    ------
    FileError
        If the folder or disk refuses.
    """
    target = Path(path)
    # A link keeps pointing where it points: its target is what gets replaced.
    target = target.resolve() if target.is_symlink() else target
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            if file.write(data) != len(data):
                raise OSError(tr("the disk took only part of the data"))
            file.flush()
            os.fsync(file.fileno())
        if os.path.getsize(temporary) != len(data):
            raise OSError(tr("the disk took only part of the data"))
        os.chmod(temporary, _permissions(target))
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise FileError(
            tr("{path}: can't be written: {error}; choose another folder or make room.").format(path=path, error=explain(error))
        ) from error


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


def _own_folder(variable: str, kind: str) -> Path:
    """One of the program's own folders; an environment variable moves it (tests, portable installs)."""
    chosen = os.environ.get(variable)
    if chosen:
        folder = Path(chosen)
    else:
        import platformdirs

        folder = getattr(platformdirs, kind)("neural-playground", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        # A read-only home is no reason not to start: what can't be kept lives for this run only.
        folder = Path(tempfile.mkdtemp(prefix="neural-playground-"))
        os.environ[variable] = str(folder)
    return folder
