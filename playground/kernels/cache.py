"""Where compiled kernels are kept: one folder per version of the core's sources and per kind of processor.

Numba's disk cache looks only at the file of the function itself. It misses an edit in a file whose functions are
compiled into it, and it may load code made for another machine from a shared home. So the folder's name is a hash of
all that matters, and it is chosen before the first kernel is defined.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from playground.storage import cache_folder

_SOURCES = ("catalog", "kernels", "network/plan.py", "gui/painting.py")
notice = ""


def prepare_cache() -> Path:
    """Point Numba's disk cache at this version's folder, and return it; call before a kernel is defined.

    A folder that can't be used is replaced by a temporary one; then `notice` holds one line that says so.
    """
    global notice
    import numba

    if _prepared:
        return _prepared[0]
    folder = cache_folder() / "kernels" / _key()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        notice = f"The folder for compiled kernels, {folder}, can't be written; they are compiled anew at each start."
        folder = Path(tempfile.mkdtemp(prefix="neural-playground-kernels-"))
    # Numba reads the variable once, at its import, which may already be past.
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    _prepared.append(folder)
    return folder


_prepared: list[Path] = []


def _key() -> str:
    """Hash of the sources that end up in compiled code, of Numba's version and of the processor's features."""
    import llvmlite
    import llvmlite.binding
    import numba

    digest = hashlib.sha256()
    package = Path(__file__).resolve().parent.parent
    for name in _SOURCES:
        path = package / name
        for source in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if source.exists():
                digest.update(source.name.encode() + source.read_bytes())
    features = llvmlite.binding.get_host_cpu_features().flatten()
    digest.update(f"{numba.__version__} {llvmlite.__version__} {features}".encode())
    digest.update(llvmlite.binding.get_host_cpu_name().encode())
    return digest.hexdigest()[:16]
