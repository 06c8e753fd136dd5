"""Backends by name: the CPU's kernels are there before the first run, compiled in a process of their own."""

from types import SimpleNamespace

import pytest

from playground.kernels.cpu import warm
from playground.training import backends

pytestmark = pytest.mark.compile


@pytest.fixture(autouse=True)
def anew():
    backends._have_kernels_compiled.cache_clear()
    yield
    backends._have_kernels_compiled.cache_clear()


@pytest.mark.parametrize("compiled", [False, True])
def test_a_process_runs_what_it_reads_from_the_disk_and_compiles_nothing_by_itself(monkeypatch, compiled):
    done = []
    compiling = SimpleNamespace(wait=lambda: done.append("waited"))
    monkeypatch.setattr(warm, "is_warm", lambda: compiled)
    monkeypatch.setattr(warm, "start_warming", lambda: done.append("compiled apart") or compiling)
    assert backends.load_backend("cpu").NAME == "cpu"
    assert done == ([] if compiled else ["compiled apart", "waited"])
    backends.load_backend("cpu")
    assert len(done) < 3, "once a process, even where it failed"
    assert backends.load_backend("reference").NAME == "reference"
