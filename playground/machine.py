"""What a report of a fault needs to know about this machine, the libraries and the program's own folders."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playground import __version__, log
from playground.storage import cache_folder, config_folder, state_folder
from playground.words import tr

# As people know them, and as they are installed.
LIBRARIES = {"Qt": "PySide6-Essentials", "NumPy": "numpy", "Numba": "numba", "pyqtgraph": "pyqtgraph"}


def versions() -> dict[str, str]:
    """Versions of the program and of what it stands on; imports none of it."""
    found = {"Neural Playground": __version__, "Python": platform.python_version()}
    found |= {title: version(name) for title, name in LIBRARIES.items()}
    return found | {tr("System"): platform.platform()}


def version(name: str) -> str:
    """The version of an installed package, or that there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return tr("not installed")


def processor_name() -> str:
    """The processor's name as its maker has it, or as near as the system tells."""
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    if sys.platform == "darwin":
        answer = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        if answer.stdout.strip():
            return answer.stdout.strip()
    return platform.processor() or platform.machine()


def memory() -> str:
    """The machine's memory in GiB, where the system tells."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return tr("unknown")
    return f"{size / 2**30:.1f} GiB"


def hardware() -> dict[str, str]:
    """What computes: the processor with the registers that the kernels use, and the GPU or why there is none."""
    from playground.kernels.cuda import target as cuda_target
    from playground.kernels.simd.host import REGISTERS
    from playground.kernels.state import available_cores

    bits = tr("{name}, {width} numbers of 32 bits at once").format(name=REGISTERS.name, width=REGISTERS.width)
    return {
        tr("Processor"): processor_name(),
        tr("Vector registers"): bits,
        tr("Cores"): tr("{usable} of {all} may be used").format(usable=available_cores(), all=os.cpu_count()),
        tr("Memory"): memory(),
        tr("GPU"): cuda_target.problem() or cuda_target.facts().sentence,
    }


def folders() -> dict[str, str]:
    """The program's own folders, and whether they can be written."""
    kinds: dict[str, Callable[[], Path]] = {
        tr("Settings in"): config_folder,
        tr("Compiled kernels in"): cache_folder,
        tr("Log in"): state_folder,
    }
    return {title: tr("{path} ({state})").format(path=find(), state=_state(find())) for title, find in kinds.items()}


def kernels() -> str:
    """Whether all kernels lie compiled in their folder, sound."""
    from playground.kernels import cache

    complete = cache.is_complete()
    if cache.notice():
        return cache.notice()
    return tr("complete and sound") if complete else tr("not complete; the next start compiles them")


def mishaps() -> dict[str, str]:
    """What went wrong last, as the log has it."""
    never = tr("none")
    return {tr("Last error"): log.last_error() or never, tr("Last crash"): log.last_crash() or never}


def _state(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return tr("can be written")
    except OSError as error:
        return tr("can't be written: {error}").format(error=(error.strerror or str(error)).lower())
