"""Finds the system libraries that Qt needs before Qt is imported, because Qt itself would abort with a misleading message.

Nothing here imports Qt. ``python -m playground.gui.libraries`` installs what is missing where it may.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

from playground.words import Sentence, tr

# Debian's package for each library. On Debian 13 some packages end in t64 and provide the name without it.
OFF_SCREEN = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
}
ON_SCREEN = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def missing_libraries(screen: bool = True) -> dict[str, str]:
    """Libraries that can't be loaded, with the Debian package of each; none outside Linux, where Qt's wheel has all."""
    if not sys.platform.startswith("linux"):
        return {}
    # The X11 libraries are for X11: Wayland and the off-screen platforms do without.
    wanted = OFF_SCREEN | (ON_SCREEN if screen and os.environ.get("DISPLAY") else {})
    return {library: package for library, package in wanted.items() if not _loads(library)}


def install_line(packages: list[str]) -> str:
    """What to type to install packages on Debian or Ubuntu."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {' '.join(packages)}"


def complaint(screen: bool = True) -> str | None:
    """One sentence on what is missing and what to type; None if nothing is."""
    missing = missing_libraries(screen)
    if not missing:
        return None
    if shutil.which("apt-get"):
        return tr("Qt needs system libraries that are missing here; type: {line}").format(
            line=Sentence(install_line(list(missing.values())))
        )
    return tr("Qt needs system libraries that are missing here: {missing}; install them with your package manager.").format(
        missing=", ".join(missing)
    )


def provide(screen: bool = True) -> str | None:
    """Install what is missing if this is root on Debian or Ubuntu, saying so; the complaint that is left, or None."""
    missing = missing_libraries(screen)
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        packages = list(missing.values())
        print(
            tr("Installing system libraries that Qt needs: {packages}").format(packages=" ".join(packages)),
            file=sys.stderr,
            flush=True,
        )
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "env": environment}
        # Package lists of a bare image are empty, so they are fetched first; old lists will do if that fails.
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", *packages], check=False, **quiet)
    return complaint(screen)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    left = provide(screen=bool(os.environ.get("DISPLAY")))
    if left:
        print(left, file=sys.stderr)
    sys.exit(1 if left else 0)
