"""Lets the oracle tests import ``oracle`` from the kernels' tests and ``networks`` from this folder; keeps torch on one core."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "kernels")]


@pytest.fixture(autouse=True, scope="session")
def one_torch_thread():
    """Networks this small only wait for each other on several cores."""
    try:
        import torch
    except ImportError:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
