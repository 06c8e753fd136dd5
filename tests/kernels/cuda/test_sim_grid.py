"""Several blocks on one network at once: the grid's barrier, who takes what, and products in parts."""

import numpy as np
import pytest
from grid_simulator import Grid

from playground.experiment import decode
from playground.kernels.cuda import backend as cuda
from playground.kernels.cuda import kernels as cuda_kernels
from playground.kernels.cuda import products as cuda_products
from playground.kernels.cuda import state as cuda_state
from playground.kernels.cuda.compiling import bare
from playground.kernels.cuda.products import Epilogue, finish_product, start_product, way_of
from playground.kernels.cuda.team import THREADS, Team, grid_barrier
from playground.kernels.cuda.tiles import SHARED, SMALL, matrix
from playground.storage import resource
from playground.training.trainer import Trainer


class OnGrid:
    """Takes the place of a kernel: runs it on a grid of several blocks, whatever launch was asked for."""

    def __init__(self, function, blocks, threads):
        self.function, self.blocks, self.threads = function, blocks, threads

    def __getitem__(self, launch):
        return self

    def __call__(self, *arguments):
        Grid(self.blocks, self.threads).run(self.function, *(bare(argument) for argument in arguments))


@pytest.fixture
def on_grid(monkeypatch):
    def use(blocks, threads):
        monkeypatch.setattr(cuda_kernels, "train_grid", OnGrid(cuda_kernels.train_on_grid, blocks, threads))
        monkeypatch.setattr(cuda_kernels, "predict_grid", OnGrid(cuda_kernels.predict_on_grid, blocks, threads))
        real = cuda_state.GridRoom

        def team(most_work):
            found = real(most_work)
            found.partial = np.zeros(blocks, np.float32)
            return found

        monkeypatch.setattr(cuda_state, "GridRoom", team)
        monkeypatch.setattr(cuda.cuda_buffers, "GridRoom", team)
        cuda.cuda_buffers.own.chunk = None

    yield use
    cuda.cuda_buffers.own.chunk = None


@pytest.mark.parametrize("preset", ["circle", "iris", "ratings", "multilabel"])
def test_blocks_together_train_and_measure_as_the_cpu_does(preset, on_grid):
    on_grid(3, 4)
    experiment = decode(resource("presets", f"{preset}.json").read_bytes())
    cpu, several = Trainer(experiment, "cpu", threads=1), Trainer(experiment, "cuda")
    several.state.block_bytes = 0
    assert cpu.train_steps(3)
    assert several.train_steps(3)
    np.testing.assert_allclose(several.parameters, cpu.parameters, atol=2e-6)
    assert several.state.counters.tolist() == cpu.state.counters.tolist()
    ours, theirs = several.record(), cpu.record()
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)


def product(team_of, a, b, c, rows, columns, depth, sums, used):
    """A kernel with one product, in whichever way is the cheapest."""
    team = team_of()
    way = way_of(team, rows, columns, depth, sums.size)
    used[0], used[1] = way
    epilogue = Epilogue(a, np.int64(-1), np.int64(cuda_products.IDENTITY), np.float32(0))
    into, parts = matrix(c, 0, columns, 1), matrix(sums, 0, 0, 0)
    from_a, from_b = matrix(a, 0, depth, 1), matrix(b, 0, 1, columns)
    start_product(team, way, 1, from_a, from_b, into, rows, columns, depth, (True, False), epilogue, parts)
    grid_barrier(team)
    finish_product(team, way, into, rows, columns, epilogue, parts)


@pytest.mark.parametrize(
    ("shape", "way"),
    [((70, 40, 220), (SMALL, 2)), ((3, 5, 7), (0, 1)), ((SMALL * 3 + 1, SMALL + 2, 20), (SMALL, 1))],
    ids=["in parts", "one output a thread", "tiles"],
)
def test_every_way_gives_the_product(shape, way):
    rows, columns, depth = shape
    random = np.random.default_rng(3)
    a, b = random.normal(size=(rows, depth)).astype(np.float32), random.normal(size=(depth, columns)).astype(np.float32)
    c, sums, used = np.zeros(rows * columns, np.float32), np.zeros(4 * rows * columns, np.float32), np.zeros(2, np.int64)
    grid = Grid(4, THREADS)
    arrivals, partial = np.zeros(1, np.int32), np.zeros(4, np.float32)

    def team_of():
        shared = grid.shared.array(SHARED, np.float32)
        return Team(grid.threadIdx.x, THREADS, grid.blockIdx.x, 4, shared, arrivals, partial)

    grid.run(product, team_of, a.reshape(-1), b.reshape(-1), c, rows, columns, depth, sums, used)
    assert tuple(used) == way
    np.testing.assert_allclose(c.reshape(rows, columns), a.astype(np.float64) @ b, rtol=1e-4, atol=1e-4)
