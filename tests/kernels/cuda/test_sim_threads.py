"""Races: whatever the number of threads and whichever runs first between two barriers, the same numbers come out."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from alike import FORMS, assert_near, states
from every_kind import NETWORKS, states_of
from oracle import DIGITS, make_experiment
from turns import all_at_once, first_to_last, in_turns, last_to_first, shuffled

import playground
from playground import train_many
from playground.experiment import Adam, DataSpec, Dense, Experiment, Inputs, NetworkSpec, SyntheticSource, TrainingSpec
from playground.kernels.cpu import backend as cpu
from playground.kernels.cuda import backend
from playground.kernels.cuda import buffers as cuda_buffers
from playground.kernels.cuda import compiling as cuda_compiling
from playground.kernels.cuda import kernels as cuda_kernels
from playground.kernels.cuda import matmul as cuda_matmul
from playground.kernels.cuda import products as cuda_products
from playground.kernels.cuda import target as cuda_target
from playground.kernels.cuda import team as cuda_team

cuda = cuda_target.load()
ORDERS = {"first to last": first_to_last, "last to first": last_to_first, "shuffled": shuffled}
PRESET = Path(playground.__file__).parent.parent / "resources" / "presets" / "digits_conv.json"


@pytest.fixture(autouse=True)
def eight_threads(monkeypatch):
    """More than elsewhere, so that more of them meet."""
    for name in ("GRID_THREADS", "MOST_BLOCK_THREADS"):
        monkeypatch.setattr(cuda_buffers, name, 8)


def in_each_order(work):
    """What some work gives with the threads in each order; the first one's, after comparing the others with it."""
    found = []
    for order in ORDERS.values():
        with in_turns(order, watching=True):
            found.append(work())
    for other in found[1:]:
        for mine, theirs in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    return found[0]


def looked_and_trained(make, form, steps=2):
    """A function that trains a new state and looks at a batch; all the numbers that came of it."""

    def work():
        state, _, x, t = make(form)
        loss = backend.train(state, x, t, steps)
        if form == "block":
            return loss, state.parameters, state.first_moment, state.gradients
        trained = state.parameters.copy()
        trace, outputs = backend.trace(state, x, t), np.zeros_like(t)
        test_loss = backend.evaluate(state, x, t, outputs)
        values = [trace.values[stage.region.unit] for stage in state.plan.stages[:-1]]
        return loss, trained, state.first_moment, trace.gradients, *values, outputs, test_loss

    return work


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_no_thread_reads_what_another_one_writes_between_two_barriers(name, form):
    limits = {"clip_norm": 0.01, "clip_value": 0.1, "l2": 0.1, "weight_decay": 0.1}

    def make(form):
        return states_of(name, 6, form, batch_size=4, optimizer=Adam(), **limits)

    in_each_order(looked_and_trained(make, form))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_nor_where_rows_count_differently(task):
    def work():
        gpu, _, x, t = states(make_experiment(task, batch_size=4), 2, 9)
        gpu.weights = np.random.default_rng(0).uniform(0.5, 2, t.shape).astype(np.float32)
        return backend.train(gpu, x, t, 4), gpu.parameters

    in_each_order(work)


def test_nor_in_a_storm():
    experiment = Experiment(
        data=DataSpec(source=SyntheticSource(name="circle", samples=50)),
        network=NetworkSpec(layers=(Dense(units=3, activation="tanh"),)),
        training=TrainingSpec(task="binary", loss="binary_cross_entropy", batch_size=16, optimizer=Adam(), clip_norm=0.1),
    )

    def work():
        runs = train_many(experiment, seeds=[1, 2], epochs=2, backend="cuda")
        return runs.parameters, runs.train_losses, runs.test_losses

    in_each_order(work)


@pytest.mark.parametrize("rung", cuda_matmul.RUNGS)
def test_nor_in_a_matrix_product(rung):
    random = np.random.default_rng(0)
    a, b = random.normal(size=(20, 19)).astype(np.float32), random.normal(size=(19, 18)).astype(np.float32)

    def work():
        out = cuda.to_device(np.zeros((20, 18), np.float32))
        cuda_matmul.multiply(*(cuda.to_device(x) for x in (a, b)), out, rung=rung)
        return out.copy_to_host()

    in_each_order(work)


@pytest.mark.parametrize("missing", ["barrier", "block_barrier_of_sums"])
def test_a_missing_barrier_is_found(missing, monkeypatch):
    """That these tests can fail: without barriers the orders differ."""

    def none(team):
        """No barrier."""

    def hasty_sum(team, number):
        shared = team.shared
        shared[team.thread] = number
        half = team.threads // 2
        while half > 0:
            if team.thread < half:
                shared[team.thread] += shared[team.thread + half]
            half //= 2
        return shared[0]

    exchanged = (
        {cuda_team.barrier: none}
        if missing == "barrier"
        else {
            cuda_team.barrier: cuda_team.grid_barrier,
            cuda_team.block_sum: hasty_sum,
        }
    )
    kernel = cuda_compiling.Device(exchanged).kernel(cuda_kernels.train_on_grid)
    monkeypatch.setattr(cuda_kernels, "train_grid", kernel)
    with pytest.raises(AssertionError):
        in_each_order(looked_and_trained(lambda form: states_of("batch_norm", 6, form), "grid"))


def test_threads_that_part_before_a_barrier_are_found():
    def part(numbers):
        if cuda.threadIdx.x < numbers[0]:
            cuda.syncthreads()

    kernel = cuda_compiling.Device().kernel(part)
    numbers = cuda.to_device(np.array([4], np.int32))
    kernel[1, 4](numbers)
    with pytest.raises(AssertionError, match="others never come to"):
        kernel[1, 8](numbers)


def conv_experiment():
    """The preset of handwritten digits with its layers, for images of 4 × 4."""
    preset = msgspec.convert(json.loads(PRESET.read_text(encoding="utf-8")), Experiment)
    return make_experiment("multiclass", layers=preset.network.layers, source=DIGITS, batch_size=2), Inputs(16, (4, 4, 1))


@pytest.mark.parametrize("threads", [1, 2, 8, 16])
def test_any_number_of_threads_gives_the_same(threads, monkeypatch):
    monkeypatch.setattr(cuda_buffers, "GRID_THREADS", threads)
    experiment, inputs = conv_experiment()
    gpu, host, x, t = states(experiment, inputs, 2)
    with all_at_once():
        loss = backend.gradients(gpu, x, t)
    assert loss == pytest.approx(cpu.gradients(host, x, t), rel=1e-6)
    for view in host.plan.parameters:
        assert_near(view.of(gpu.gradients), view.of(host.gradients), 1e-5, view.name)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "skip within a skip"])
def test_threads_that_run_all_at_once_end_where_the_cpu_ends(name, form):
    gpu, host, x, t = states_of(name, 9, form, batch_size=4, clip_norm=0.1)
    with all_at_once():
        assert backend.train(gpu, x, t, 4) == pytest.approx(cpu.train(host, x, t, 4), rel=1e-5)
    assert_near(gpu.parameters, host.parameters)


class Way:
    """In the place of `way_of`, which would see too few threads here; as intrinsics are, it is taken as it stands."""

    def __init__(self, size):
        self.size = size

    def __call__(self, *arguments):
        return cuda_products.Way(self.size, 1)


@pytest.mark.parametrize("size", [cuda_products.SMALL, cuda_products.LARGE], ids=["small", "large"])
def test_a_grid_of_whole_blocks_multiplies_in_tiles(size, monkeypatch):
    """With as many threads as on a GPU, and products cut into tiles as there."""
    monkeypatch.setattr(cuda_buffers, "GRID_THREADS", cuda_team.THREADS)
    device = cuda_compiling.Device({cuda_team.barrier: cuda_team.grid_barrier, cuda_products.way_of: Way(size)})
    monkeypatch.setattr(cuda_kernels, "train_grid", device.kernel(cuda_kernels.train_on_grid))
    experiment = make_experiment("regression", layers=(Dense(units=9), Dense(units=10, activation="tanh")))
    gpu, host, x, t = states(experiment, 3, 18)
    for order in (first_to_last, last_to_first):
        with in_turns(order, watching=True):
            assert backend.gradients(gpu, x, t) == pytest.approx(cpu.gradients(host, x, t), rel=1e-5)
        for view in host.plan.parameters:
            assert_near(view.of(gpu.gradients), view.of(host.gradients), name=view.name)
