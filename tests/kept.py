"""What tests make once and keep beside the user's compiled kernels, each checkout its own: copies, code for other processors.

Compiling takes most of a test run's time, and what is compiled depends only on sources and versions. So what tests compile
apart from the program's own kernels lies in a folder that outlives them, under a name, or with contents, that tell from what
it was made. Remove the folder, and the next run makes it again.
"""

import hashlib
import shutil
from pathlib import Path

from playground.storage import cache_folder

REPOSITORY = Path(__file__).resolve().parent.parent


def kept_folder(name):
    """A folder of this checkout's tests; made where it isn't there."""
    folder = cache_folder() / "tests" / hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:12] / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep_alike(folder, contents):
    """Make a folder hold exactly these files.

    What is as it should be isn't touched: Numba compiles anew what was written since, and another process may read it.

    Parameters
    ----------
    folder
        A `Path`.
    contents
        ``{relative path: Path of a file to copy, or text}``.
    """
    for path in sorted(folder.rglob("*"), reverse=True):
        # What Python and Numba put there themselves stays.
        if path.is_file() and path.suffix != ".pyc" and path.relative_to(folder).as_posix() not in contents:
            path.unlink()
    for name, content in contents.items():
        path = folder / name
        wanted = content.encode() if isinstance(content, str) else content.read_bytes()
        if path.is_file() and path.read_bytes() == wanted:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_bytes(wanted)
        else:
            shutil.copy2(content, path)
