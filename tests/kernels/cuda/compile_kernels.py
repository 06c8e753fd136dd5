"""Compiles kernels to PTX without a GPU: ``python compile_kernels.py FOLDER KERNEL …``; 3 where there is no compiler.

Numba's part, from Python to LLVM's language, is the same for every GPU and takes longest: it is done once, and NVIDIA's
part for each kind of GPU, several at once. Each kernel's PTX comes into a file ``KERNEL-80.ptx``, and so on.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from launch_types import LAUNCHES, TUPLES

CAPABILITIES = ((7, 5), (8, 0), (9, 0))
FIRST = (8, 0)
# Rungs that need newer GPUs.
NEEDS = {"tensor_cores": (8, 0)}
NO_COMPILER = 3


def capabilities_of(name):
    """For which kinds of GPUs a kernel is compiled."""
    return [capability for capability in CAPABILITIES if capability >= NEEDS.get(name, (0, 0))]


def pretend_there_is_a_gpu():
    """Device functions ask for the present one, although nothing of theirs depends on it."""
    from numba.cuda import dispatcher

    class Gpu:
        compute_capability = FIRST

    dispatcher.get_current_device = lambda: Gpu


def reason_without_compiler():
    """Why nothing can be compiled here; empty if something can."""
    try:
        pretend_there_is_a_gpu()
        from numba import cuda, float32

        def double(numbers):
            numbers[0] *= 2

        cuda.compile_ptx(double, (float32[::1],), cc=FIRST)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def kernel_source(name):
    """A kernel's function as its device has it: with what it calls exchanged."""
    from playground.kernels.cuda import kernels as cuda_kernels
    from playground.kernels.cuda import matmul as cuda_matmul

    for device, module in ((cuda_kernels.on_grid, cuda_kernels), (cuda_matmul._device, cuda_matmul)):
        if hasattr(module, name):
            return (cuda_kernels.in_block if name == "train_in_blocks" else device)._copy(getattr(module, name))
    raise AttributeError(name)


def kind_of(argument):
    """The compiler's type of an argument in ``launch_types``."""
    import numba

    from playground.kernels.cuda import kernels as cuda_kernels

    kinds = {
        "float32[::1]": numba.float32[::1],
        "float32[:,::1]": numba.float32[:, ::1],
        "int32[::1]": numba.int32[::1],
        "int32[:,::1]": numba.int32[:, ::1],
        "int64": numba.int64,
        "bool": numba.boolean,
        "float32": numba.float32,
    }
    if isinstance(argument, str):
        return kinds[argument]
    ((name, fields),) = ((name, fields) for name, fields in TUPLES.items() if fields == argument)
    made = getattr(cuda_kernels, name)
    assert made._fields == tuple(field for field, _ in fields)
    return numba.types.NamedTuple([kind_of(kind) for _, kind in fields], made)


def compiled(name):
    """A kernel's PTX for each kind of GPU."""
    from numba import cuda
    from numba.cuda.cudadrv import nvvm

    compile_ir, kept = nvvm.compile_ir, []

    def keep(modules, **options):
        kept.append((modules, options))
        return b""

    nvvm.compile_ir = keep
    try:
        cuda.compile_ptx(kernel_source(name), tuple(kind_of(argument) for argument in LAUNCHES[name]), cc=FIRST)
    finally:
        nvvm.compile_ir = compile_ir
    ((modules, options),) = kept

    def finish(capability):
        return compile_ir(modules, **{**options, "arch": "compute_{}{}".format(*capability)}).decode().strip("\0")

    with ThreadPoolExecutor() as pool:
        wanted = capabilities_of(name)
        return dict(zip(wanted, pool.map(finish, wanted), strict=True))


def main(folder, names):
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    reason = reason_without_compiler()
    if reason:
        print(" ".join(reason.split()))
        return NO_COMPILER
    for name in names:
        for (major, minor), text in compiled(name).items():
            (Path(folder) / f"{name}-{major}{minor}.ptx").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
