"""Launches are as long as a driver that keeps a screen waiting allows: their steps follow from what launches have taken."""

import numpy as np
import pytest
from alike import states
from oracle import make_experiment

from playground.kernels.cuda import backend as cuda
from playground.kernels.cuda import kernels as cuda_kernels
from playground.kernels.cuda import state as cuda_state


class Counted:
    """A kernel whose launches are counted, each with the steps that it was to do."""

    def __init__(self, kernel):
        self.kernel, self.steps = kernel, []

    def __getitem__(self, launch):
        ready = self.kernel[launch]

        def call(network, run, *others):
            self.steps.append(len(run.steps))
            ready(network, run, *others)

        return call


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, [32, 1, 1, 1, 1]), (1e9, [32, 4])], ids=["slow", "fast"])
def test_a_slow_gpu_gets_short_launches_and_a_fast_one_long_ones(seconds, expected, monkeypatch):
    gpu, _, x, t = states(make_experiment("binary", batch_size=4), 2, 20, "block")
    counted = Counted(cuda_kernels.train_blocks)
    monkeypatch.setattr(cuda_kernels, "train_blocks", counted)
    monkeypatch.setattr(cuda, "LAUNCH_SECONDS", seconds)
    loss = cuda.train(gpu, x, t, 36)
    assert counted.steps == expected
    assert gpu.step == 36
    other, _, _, _ = states(make_experiment("binary", batch_size=4), 2, 20, "block")
    monkeypatch.setattr(cuda_state, "FIRST_STEPS", 100)
    other.pace = 100
    assert cuda.train(other, x, t, 36) == pytest.approx(loss, rel=1e-6)
    np.testing.assert_array_equal(gpu.parameters, other.parameters)


def test_rows_go_forward_in_as_many_launches_as_it_takes(monkeypatch):
    gpu, host, x, t = states(make_experiment("multiclass"), 3, 90, "grid")
    outputs, whole = np.zeros((90, t.shape[1]), np.float32), np.zeros((90, t.shape[1]), np.float32)
    loss = cuda.evaluate(gpu, x, t, whole)
    monkeypatch.setattr(cuda, "MOST_OPERATIONS", 1)
    monkeypatch.setattr(cuda, "CHUNK", 16)
    cuda.cuda_buffers.own.chunk = None
    assert cuda.evaluate(gpu, x, t, outputs) == pytest.approx(loss, rel=1e-6)
    np.testing.assert_array_equal(outputs, whole)
    for part, all_at_once in zip(cuda.activations(gpu.plan, gpu.parameters, x), host_layers(host, x), strict=True):
        np.testing.assert_allclose(part, all_at_once, atol=1e-5)


def host_layers(host, x):
    from playground.kernels.cpu import backend as cpu

    return cpu.activations(host.plan, host.parameters, x)
