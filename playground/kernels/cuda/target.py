"""The one place that knows which package compiles for NVIDIA GPUs, whether that works here, and if not, why.

`numba_cuda`, NVIDIA's own continuation of Numba's target, is taken where it is installed, else Numba's built-in one.
(`numba_cuda_mlir` 0.6 compiles neither the LLVM intrinsics that `primitives` is made of nor kernels that make named
tuples; beside the others it does no harm, and Numba's own is there whenever Numba is.) With NUMBA_ENABLE_CUDASIM=1 both run
kernels as plain Python threads, which is how they are tested without a GPU.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from typing import Any

from playground.words import tr

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
# Below this, GPUs lack what the kernels count on: one instruction pointer a thread, and a cache that fences clear.
OLDEST_CAPABILITY = (7, 0)
# CUDA 13 asks for a driver from 580 on. These are what the extras cuda13 and cuda12 install.
INSTALL = tr(
    'install the compiler: {executable} -m pip install "numba-cuda[cu13]" (with a driver older than 580 "numba-cuda[cu12]")'
).format(executable=sys.executable)


class GpuError(RuntimeError):
    """The GPU can't do what was asked; one sentence for people, with the mend."""


class OutOfMemory(GpuError):
    """The GPU's memory is full."""


@dataclass(frozen=True)
class GpuFacts:
    """What a GPU is.

    Parameters
    ----------
    name
        As the driver has it.
    memory
        Bytes in all.
    capability
        Compute capability, such as (8, 6).
    multiprocessors
        How many of them.
    package
        What compiles for it.
    """

    name: str
    memory: int
    capability: tuple[int, int]
    multiprocessors: int
    package: str

    @property
    def sentence(self) -> str:
        """Name, memory and compute capability."""
        major, minor = self.capability
        return f"{self.name} ({self.memory / 2**30:.0f} GiB, compute capability {major}.{minor})"


def package() -> str:
    """Which package compiles; empty where there is none."""
    if importlib.util.find_spec("numba_cuda") is not None:
        return "numba_cuda"
    if importlib.util.find_spec("numba") is not None and importlib.util.find_spec("numba.cuda") is not None:
        return "numba"
    return ""


@functools.cache
def load() -> Any:
    """The module ``cuda`` of whichever package there is.

    Raises
    ------
    GpuError
        If there is none.
    """
    if not package():
        raise GpuError(tr("nothing that compiles for GPUs is installed; {install}.").format(install=INSTALL))
    # Either package answers to this name: numba_cuda puts itself in its place.
    cuda = importlib.import_module("numba.cuda")
    for name in ("numba.core.config", "numba.cuda.core.config"):
        with contextlib.suppress(ImportError):
            # Few blocks are meant: a small network has work for no more.
            importlib.import_module(name).CUDA_LOW_OCCUPANCY_WARNINGS = 0  # type: ignore[attr-defined]
    return cuda


def has_driver() -> bool:
    """Whether NVIDIA's driver is installed; answers at once, without loading anything heavy."""
    if SIMULATED:
        return True
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(os.environ.get("NUMBA_CUDA_DRIVER") or name)
    except OSError:
        return False
    return True


@functools.cache
def problem() -> str:
    """Why no GPU can be used here, as one sentence; empty if one can."""
    if SIMULATED:
        return ""
    if sys.platform == "darwin":
        return tr("NVIDIA has no driver for macOS.")
    if not has_driver():
        return tr("no NVIDIA driver is installed here.")
    try:
        cuda = load()
        found = facts()
        if found.capability < OLDEST_CAPABILITY:
            major, minor = found.capability
            return f"{found.name} is too old: its compute capability is {major}.{minor}, and 7.0 is needed."
        _try_a_kernel(cuda)
    except Exception as error:
        return explain(error)
    return ""


def _try_a_kernel(cuda: Any) -> None:
    """Compile the smallest kernel, run it and look at the answer: the whole way that training takes."""
    import numpy as np

    def double(numbers: Any) -> None:
        place = cuda.grid(1)
        numbers[place] = numbers[place] * 2

    numbers = cuda.to_device(np.arange(32, dtype=np.int32))
    options = {"lto": False} if package() == "numba_cuda" else {}
    cuda.jit(double, **options)[1, 32](numbers)
    if numbers.copy_to_host().tolist() != list(range(0, 64, 2)):
        raise GpuError(tr("the GPU computes wrong numbers; restart the machine, or leave the GPU out with --backend cpu."))


@functools.cache
def facts() -> GpuFacts:
    """What the GPU is."""
    if SIMULATED:
        return GpuFacts("Numba's simulator", 2**30, (9, 0), 1, package())
    cuda = load()
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    memory = int(cuda.current_context().get_memory_info()[1])
    major, minor = device.compute_capability
    return GpuFacts(name, memory, (int(major), int(minor)), int(device.MULTIPROCESSOR_COUNT), package())


def explain(error: BaseException) -> str:
    """What went wrong on the GPU, as one sentence with the mend."""
    if isinstance(error, GpuError):
        return str(error)
    text = f"{type(error).__name__}: {error}"
    for marks, sentence in _EXPLANATIONS:
        if any(mark in text for mark in marks):
            return sentence
    words = " ".join(str(error).split())
    return tr("the GPU's driver or compiler failed ({kind}: {words}).").format(kind=type(error).__name__, words=words[:160])


# Marks in the texts of drivers, compilers and Numba, the particular ones first.
_EXPLANATIONS = (
    (
        ("UNSUPPORTED_PTX_VERSION", "CUDA_ERROR_INSUFFICIENT_DRIVER", "SYSTEM_DRIVER_MISMATCH", "driver version is insufficient"),
        tr(
            "the NVIDIA driver is too old for the installed compiler; update the driver, or install an older compiler: "
            '{executable} -m pip install "numba-cuda[cu12]".'
        ).format(executable=sys.executable),
    ),
    (
        ("CUDA_ERROR_NO_DEVICE", "no CUDA-capable device", "CUDA_VISIBLE_DEVICES"),
        tr("there is an NVIDIA driver, but no GPU that it can use."),
    ),
    (
        ("driver library cannot be found", "libcuda.so", "nvcuda.dll"),
        tr("no NVIDIA driver is installed here."),
    ),
    (
        ("CCSupportError", "is not supported(requires"),
        tr(
            "this GPU is too old for the installed compiler; install an older compiler: "
            '{executable} -m pip install "numba-cuda[cu12]".'
        ).format(executable=sys.executable),
    ),
    (
        ("NvvmSupportError", "libnvvm", "libNVVM", "libnvrtc", "libdevice", "DynamicLibNotFound", "libnvJitLink"),
        tr("the compiler's NVVM library isn't found; {install}.").format(install=INSTALL),
    ),
    (
        ("CUDA_ERROR_OUT_OF_MEMORY", "MEMORY_ALLOCATION", "out of memory"),
        tr("the GPU's memory is full; close other programs that use it, or take smaller batches or fewer units."),
    ),
    (
        ("LAUNCH_TIMEOUT",),
        tr("the driver ended a computation that took too long; take smaller batches or fewer units."),
    ),
    (
        ("UNAVAILABLE", "ECC", "UNKNOWN", "ILLEGAL", "LAUNCH_FAILED", "CONTEXT_IS", "LOST", "HARDWARE_STACK", "NOT_INITIALIZED"),
        tr("the GPU stopped answering; restarting the program, or the machine, usually helps."),
    ),
)


@contextlib.contextmanager
def sentences() -> Any:
    """Turn whatever the driver or the compiler raises into a `GpuError` with one sentence."""
    try:
        yield
    except GpuError:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        memory_is_full = any(mark in text for mark in ("CUDA_ERROR_OUT_OF_MEMORY", "MEMORY_ALLOCATION", "out of memory"))
        if not (memory_is_full or _is_of_the_driver(error)):
            raise
        raise (OutOfMemory if memory_is_full else GpuError)(explain(error)) from error


# Parts of the names of what drivers, compilers and their loaders raise.
_ERRORS = ("cuda", "nvvm", "nvrtc", "nvjitlink", "linkererror", "dynamiclib")


def _is_of_the_driver(error: BaseException) -> bool:
    """Whether an exception comes from the driver or compiler, and not from a mistake of ours."""
    names = [kind.__name__.lower() for kind in type(error).__mro__]
    return any(part in name for part in _ERRORS for name in names)
