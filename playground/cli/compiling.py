"""Has the kernels compiled before a run begins, and says so: the first time on a machine that takes about a minute."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from playground.words import tr

if TYPE_CHECKING:
    import subprocess


def provide_kernels(backend: str) -> None:
    """Have the kernels of a backend compiled; only where they aren't yet, that is said."""
    if backend == "reference":
        return
    from playground.kernels import cache
    from playground.kernels.cpu import warm

    if backend == "cuda":
        from playground.kernels.cuda import warm as cuda_warm
        from playground.training.backends import load_backend

        # Says why, where there is no GPU to compile for.
        load_backend(backend)
        if not cuda_warm.is_warm():
            say_compiling()
            _wait_for(cuda_warm.start_warming())
    elif not warm.is_warm():
        print(tr("Compiling the kernels (once; about a minute) …"), file=sys.stderr)
        _wait_for(warm.start_warming())
    if notice := cache.notice():
        print(f"playground: {notice}", file=sys.stderr)


def _wait_for(compiling: subprocess.Popen[bytes]) -> None:
    try:
        compiling.wait()
    except KeyboardInterrupt:
        compiling.terminate()
        raise


def say_compiling() -> None:
    """Say that the GPU's kernels are being compiled."""
    print(tr("Compiling the GPU's kernels (once; about a minute) …"), file=sys.stderr)
