"""What NVIDIA's compiler makes of every kernel, for three kinds of GPUs, none of which is needed: no float64, no spills."""

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from compile_kernels import NO_COMPILER, capabilities_of
from kept import kept_folder
from launch_types import LAUNCHES

from playground.kernels.cache import cuda_folder

pytestmark = [pytest.mark.compile, pytest.mark.long]

HERE = Path(__file__).parent
# Compiled one after the other in a process each, about as long each: functions that kernels share are translated once.
GROUPS = (["train_on_grid"], [name for name in LAUNCHES if name != "train_on_grid"])
# The kernels that multiply in tiles, with multiplications written out in the inner loop, and pieces of tensor products.
TILES = {"register_tiles": 256, "part_of_a_tile": 64, "train_on_grid": 256, "predict_on_grid": 256}
RUNGS = ("one_output_a_thread", "shared_tiles", "register_tiles", "tensor_cores", "part_of_a_tile", "sum_of_parts")
KERNELS = [(name, *capability) for name in LAUNCHES for capability in capabilities_of(name)]


def made_from():
    """What the PTX depends on: the kernels' sources, what has them compiled, and the compilers' versions."""
    digest = hashlib.sha256(cuda_folder().name.encode())
    for name in ("compile_kernels.py", "launch_types.py"):
        digest.update((HERE / name).read_bytes())
    compilers = {
        f"{found.name} {found.version}"
        for found in importlib.metadata.distributions()
        if found.name.startswith(("nvidia-", "cuda-", "numba", "llvmlite"))
    }
    return hashlib.sha256(f"{digest.hexdigest()} {sorted(compilers)}".encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def ptx():
    """PTX by kernel and capability; compiled where that hasn't been done for these sources."""
    kept = kept_folder("ptx")
    folder = kept / made_from()
    if not folder.exists():
        for old in kept.iterdir():
            shutil.rmtree(old)
        begun = Path(tempfile.mkdtemp(dir=kept))
        compile_all(begun)
        # Under its name only once all is there.
        begun.rename(folder)
    return {kernel: (folder / "{}-{}{}.ptx".format(*kernel)).read_text(encoding="utf-8") for kernel in KERNELS}


def compile_all(folder):
    """Have all kernels compiled into a folder; skips where there is no compiler."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0"}
    command = [sys.executable, str(HERE / "compile_kernels.py"), str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "env": environment}
    processes = [subprocess.Popen([*command, *names], **pipes) for names in GROUPS]
    said = [process.communicate(timeout=900)[0] for process in processes]
    if all(process.returncode == NO_COMPILER for process in processes):
        pytest.skip(f"there is no compiler for GPUs here: {said[0].strip()[-200:]}")
    assert [process.returncode for process in processes] == [0] * len(GROUPS), "\n".join(said)


def blocks_of(text):
    """The stretches of instructions between two labels."""
    return re.split(r"^\$\w+:", text, flags=re.MULTILINE)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: "{}-{}.{}".format(*kernel))
def test_kernels_compute_in_float32_and_registers_alone(kernel, ptx):
    text = ptx[kernel]
    assert f".target sm_{kernel[1]}{kernel[2]}" in text
    assert text.count(".entry") == 1
    assert ".f64" not in text, "float64 is up to 64 times slower"
    assert ".local" not in text, "numbers that don't stay in registers"
    assert not re.search(r"^\s*(@\S+\s+)?call", text, re.MULTILINE), "a function that isn't put into its caller"
    # Four numbers are read at once from it: only the first symbol surely lies at a multiple of 16 bytes.
    shared = re.findall(r"^\s*(?:\.\w+ )*\.shared .*?(\w+)\[", text, re.MULTILINE)
    assert len(shared) <= 1


@pytest.mark.parametrize("name", TILES)
def test_tiles_multiply_without_a_pause(name, ptx):
    for capability in capabilities_of(name):
        text = ptx[(name, *capability)]
        inner = max(blocks_of(text), key=lambda block: block.count("fma.rn.f32"))
        assert inner.count("fma.rn.f32") >= TILES[name]
        assert inner.count("ld.shared.v4.f32") >= TILES[name] // 16
        assert "ld.local" not in inner
        # The strips come from global memory by four numbers, too; their addresses may be of any kind of memory.
        assert re.search(r"ld(\.global)?(\.nc)?\.v4\.f32", text)
        assert re.search(r"st\.shared\.v4\.f32", text)


def test_tensor_cores_multiply(ptx):
    for capability in capabilities_of("tensor_cores"):
        text = ptx["tensor_cores", *capability]
        inner = max(blocks_of(text), key=lambda block: block.count("mma.sync"))
        assert inner.count("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32") == 16
        assert text.count("cvt.rna.tf32.f32") >= 8


def test_blocks_wait_for_each_other_with_volatile_reads(ptx):
    for capability in capabilities_of("train_on_grid"):
        grid, block = ptx["train_on_grid", *capability], ptx["train_in_blocks", *capability]
        for text in (grid, block):
            assert "ld.volatile" in text, "the host's wish to stop must be read anew"
        assert re.search(r"atom\S*\.add", grid)
        assert grid.count("membar.gl") + grid.count("fence.") >= 2
        assert not re.search(r"atom\S*\.add", block)


@pytest.mark.skipif(shutil.which("ptxas") is None, reason="ptxas is not installed, so nothing says how many registers there are")
@pytest.mark.parametrize("kernel", [kernel for kernel in KERNELS if kernel[0] in RUNGS], ids="{0[0]}-{0[1]}.{0[2]}".format)
def test_two_blocks_of_a_rung_have_registers_enough(kernel, ptx, tmp_path):
    """As many as each thread may have so that two blocks of 256 fit on a multiprocessor."""
    said = assembled(ptx[kernel], "sm_{}{}".format(*kernel[1:]), tmp_path)
    # For 9.0, ptxas 13.0 needs as few by itself, but keeps some numbers elsewhere when it is told so.
    if kernel[1:] < (9, 0):
        assert "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads" in said
    assert int(re.search(r"Used (\d+) registers", said)[1]) <= 128


def assembled(text, kind, folder):
    """What ptxas says; where it is older than the compiler, the version is set back, as nothing newer is used."""
    (folder / "kernel.ptx").write_text(text, encoding="utf-8")
    command = ["ptxas", "-v", f"-arch={kind}", "--maxrregcount", "128", "kernel.ptx", "-o", "kernel.cubin"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    newest = re.search(r"Unsupported \.version \S+ current version is '([\d.]+)'", result.stderr)
    if newest and f".version {newest[1]}\n" not in text:
        return assembled(re.sub(r"\.version [\d.]+", f".version {newest[1]}", text), kind, folder)
    assert result.returncode == 0, result.stderr
    return result.stderr
