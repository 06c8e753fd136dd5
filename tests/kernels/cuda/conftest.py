"""The CUDA backend without a GPU: kernels as plain Python, in Numba's simulator, and what the compiler makes of them.

Numba decides at its import whether it simulates, so each run of pytest has one kind of tests: with NUMBA_ENABLE_CUDASIM=1
those in ``test_sim_*.py``, without it the others. ``run.py test`` starts both.
"""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from playground.kernels.cuda.target import SIMULATED  # noqa: E402

collect_ignore = [path.name for path in HERE.glob("test_*.py") if path.name.startswith("test_sim_") != SIMULATED]


def pytest_collection_modifyitems(items):
    """A file that is asked for by its name is collected all the same: say why its tests don't run."""
    why = pytest.mark.skip(reason=f"needs NUMBA_ENABLE_CUDASIM={0 if SIMULATED else 1}; run.py test starts both kinds")
    for item in items:
        if item.path.parent == HERE and item.path.name.startswith("test_sim_"):
            item.add_marker(pytest.mark.simulator)
        if item.path.parent == HERE and item.path.name.startswith("test_sim_") != SIMULATED:
            item.add_marker(why)


@pytest.fixture(autouse=True)
def a_few_threads_in_turns(monkeypatch):
    """Simulated threads take turns, which is several times faster, and each barrier is watched; see ``turns.py``."""
    if not SIMULATED:
        yield
        return
    from turns import in_turns

    from playground.kernels.cuda import backend as cuda
    from playground.kernels.cuda import buffers as cuda_buffers
    from playground.kernels.cuda import many as cuda_many

    # How long launches take here must not decide how many there are.
    for module in (cuda, cuda_many):
        monkeypatch.setattr(module, "LAUNCH_SECONDS", 1e9)
    for name in ("GRID_THREADS", "MOST_BLOCK_THREADS"):
        monkeypatch.setattr(cuda_buffers, name, 4)
    with in_turns(watching=True):
        yield
