"""Products as other processors compute them, in processes of their own, and at the end of memory."""

import os
import subprocess
import sys
from pathlib import Path

import check_matmul
import pytest
from kept import kept_folder

from playground.kernels.simd.host import IS_X86, WIDTH

pytestmark = pytest.mark.compile


def checked_elsewhere(width, *options, **environment):
    """What `check_matmul` prints where the environment asks for other registers: ``{name: value}``."""
    script = Path(check_matmul.__file__)
    root = script.parents[3]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    # The float64 products beside ours are small: threads of NumPy's would mostly wait for each other, and at work.
    environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", **environment}
    command = [sys.executable, str(script), str(width), *options]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"ended with {result.returncode}: {result.stderr[-3000:]}"
    return dict(line.rsplit(" ", 1) for line in result.stdout.splitlines())


def test_no_product_reads_or_writes_past_the_end_of_memory():
    found = checked_elsewhere(WIDTH)
    if os.name == "posix":
        assert int(found["between walls"]) > 1000


def test_products_of_a_wider_register_equal_float64():
    width = 8 if WIDTH == 16 else 16
    found = checked_elsewhere(width, PLAYGROUND_VECTOR_WIDTH=str(width), PLAYGROUND_CACHE_DIR=str(kept_folder("other-registers")))
    assert found["registers"] == {8: "AVX2", 16: "AVX-512"}[width]


@pytest.mark.skipif(not IS_X86, reason="the fallback of x86 processors")
def test_products_of_the_oldest_processors_equal_float64():
    found = checked_elsewhere(
        4,
        "only narrow",
        # The features choose the tile, the name keeps LLVM from using what this processor has.
        NUMBA_CPU_NAME="generic",
        NUMBA_CPU_FEATURES="+sse,+sse2,+x87,+cmov,+cx8,+fxsr,+mmx,+64bit",
        # A folder of its own: what compiles there keeps the instructions, which are looked at.
        PLAYGROUND_CACHE_DIR=str(kept_folder("oldest-processors")),
    )
    assert found["registers"] == "SSE"
