"""The status line says what computes, how fast and why, and once what is wrong with it."""

import pytest

from playground.gui import status_line
from playground.gui.status_line import StatusLine, giga_flops
from playground.gui.widgets.theme import Theme
from playground.kernels.cuda.target import GpuFacts
from playground.training.protocol import Snapshot, Status


@pytest.fixture
def line(qtbot, qapp):
    line = StatusLine(Theme())
    qtbot.addWidget(line)
    return line


def snapshot(backend="cpu", threads=1, **fields):
    return Snapshot(1, Status.RUNNING, backend=backend, threads=threads, **fields)


def test_it_names_the_backend_and_its_threads(line):
    line.show_backend(snapshot())
    assert line.backend.text() == "Numba, 1 thread"
    line.show_backend(snapshot(threads=3))
    assert line.backend.text() == "Numba, 3 threads"
    line.show_backend(snapshot("reference"))
    assert line.backend.text().startswith("NumPy")
    assert line.text == ""


def test_it_names_the_gpu_its_memory_and_its_speed(line):
    facts = GpuFacts("NVIDIA GeForce RTX 4090", 24 * 2**30, (8, 9), 128, "numba_cuda")
    line.show_backend(snapshot("cuda", device=facts, speed=5.21e12, reason="Training on the GPU: it is faster."))
    assert line.backend.text() == "GeForce RTX 4090, 24 GiB · 5,210 GFLOP/s"
    assert "Training on the GPU: it is faster." in line.backend.toolTip()


def test_the_speed_stays_for_half_a_second(line, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(status_line.time, "monotonic", lambda: now[0])
    line.show_backend(snapshot(speed=1.5e9))
    line.show_backend(snapshot(speed=9.9e9))
    assert line.backend.text() == "Numba, 1 thread · 1.50 GFLOP/s"
    now[0] += 0.6
    line.show_backend(snapshot(speed=9.9e9))
    assert line.backend.text() == "Numba, 1 thread · 9.90 GFLOP/s"


def test_speeds_have_three_digits():
    assert [giga_flops(speed) for speed in (8.4e8, 1.234e10, 4.56e11)] == ["0.84 GFLOP/s", "12.3 GFLOP/s", "456 GFLOP/s"]


def test_a_notice_about_the_kernels_is_said_once_and_stays_in_the_tooltip(line):
    line.show_backend(snapshot(notice="They are compiled anew."))
    assert line.text == "They are compiled anew."
    line.clear_notice()
    line.show_backend(snapshot(notice="They are compiled anew."))
    assert line.text == ""
    assert "They are compiled anew." in line.backend.toolTip()
