"""What is measured: matrix products and networks, each with the engines that take part; nothing heavy is imported here.

An engine is a rung of our ladder, a backend of ours, or a library. Each runs in a process of its own for every number of
threads, because the thread pools of several libraries in one process get in each other's way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import NamedTuple

SUITES = ("matmul", "train")
PEAK = "FMA peak"
THREADS = (1, 2)
# FLOP of a matrix product from which a second thread has something to do.
WORTH_A_THREAD = 1e6

# Our rungs in order, and the largest product in FLOP that each is given: a single one takes about half a second then.
RUNGS = {"neuron by neuron": 7e4, "naive": 4e7, "reordered": 3e8, "blocked": 3e9, "packed": 1e12, "parallel": 1e12}
# In the order of their codes in `kernels.matmul`.
FORMS = AB, ATB, ABT = ("A·B", "Aᵀ·B", "A·Bᵀ")
# Rows × inner × columns: squares, layers as they are common, and last layers.
SHAPES = (
    (10, 8, 8),
    (32, 32, 10),
    (32, 32, 32),
    (64, 64, 64),
    (128, 128, 10),
    (128, 128, 128),
    (32, 784, 128),
    (784, 128, 128),
    (256, 256, 256),
    (128, 784, 256),
    (512, 512, 512),
    (256, 1024, 1024),
    (1024, 1024, 1024),
)

# Networks with their optimizer and batch size.
NETWORKS = (
    ((2, 4, 2, 1), "SGD", 10),
    ((2, 4, 2, 1), "Adam", 10),
    ((2, 8, 8, 8, 1), "SGD", 10),
    ((2, 8, 8, 8, 1), "SGD", 32),
    ((2, 16, 16, 1), "SGD", 10),
    ((64, 32, 10), "SGD", 32),
    ((64, 32, 10), "Adam", 32),
    ((784, 128, 10), "SGD", 128),
    ((784, 128, 10), "Adam", 128),
    ((784, 512, 256, 10), "momentum", 128),
)
ROWS = 2000
# Data sources of the program by their number of inputs: what a session can train on.
SOURCES = {2: "multi_gauss", 64: "digits"}


class Participant(NamedTuple):
    """An engine, and the number of threads it may use."""

    engine: str
    threads: int


@dataclass(frozen=True)
class MatmulCase:
    """A matrix product: (rows, inner) times (inner, columns), stored so that one of them is read transposed or none."""

    rows: int
    inner: int
    columns: int
    form: str
    threads: int
    suite = "matmul"
    unit = "gflops"
    # What the ratios compare with.
    peers = ("openblas", "openblas-c", "torch")

    @cached_property
    def name(self) -> str:
        """Such as ``A·B 128×784×256, 1 thread``."""
        return f"{self.form} {self.shape}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    @property
    def group(self) -> str:
        """Cases of a group share their engines' processes."""
        return f"{self.suite} {self.threads}"

    @property
    def shape(self) -> str:
        """Such as ``128×784×256``."""
        return f"{self.rows}×{self.inner}×{self.columns}"

    @property
    def flop(self) -> float:
        """Multiplications and additions."""
        return 2.0 * self.rows * self.inner * self.columns

    @property
    def participants(self) -> tuple[Participant, ...]:
        """One thread: the rungs up to ``packed``; several: the one that deals work out. The libraries with both."""
        rungs = [rung for rung in RUNGS if rung != "parallel"] if self.threads == 1 else ["parallel"]
        ours = [rung for rung in rungs if self.flop <= RUNGS[rung]]
        return tuple(Participant(engine, self.threads) for engine in (*ours, *self.peers, PEAK))


@dataclass(frozen=True)
class TrainCase:
    """A network, its optimizer and its batch size; the outputs are values with few inputs, and else ten classes."""

    widths: tuple[int, ...]
    optimizer: str
    batch: int
    suite = "train"
    unit = "samples/s"
    peers = ("torch", "scikit-learn", "numpy")

    @cached_property
    def name(self) -> str:
        """Such as ``784-128-10 SGD, batch 128``."""
        return f"{'-'.join(map(str, self.widths))} {self.optimizer}, batch {self.batch}"

    @property
    def group(self) -> str:
        """All networks share their engines' processes."""
        return self.suite

    @property
    def is_regression(self) -> bool:
        """tanh, identity and mean squared error; else ReLU, softmax and cross-entropy."""
        return self.widths[-1] == 1

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Libraries get every number of threads, and the better one counts; ours gets those that have something to do."""
        largest = max(2.0 * self.batch * inputs * units for inputs, units in pairwise(self.widths))
        ours = [Participant("playground", threads) for threads in THREADS if threads == 1 or largest > WORTH_A_THREAD]
        session = [Participant("session", 1)] if self.widths[0] in SOURCES else []
        return (*ours, *session, *(Participant(engine, threads) for engine in (*self.peers, PEAK) for threads in THREADS))


Case = MatmulCase | TrainCase


def all_cases() -> list[Case]:
    """Every case, the matrix products with one thread first."""
    products = [
        MatmulCase(*shape, form, threads)
        for threads, shape, form in product(THREADS, SHAPES, FORMS)
        if threads == 1 or 2.0 * shape[0] * shape[1] * shape[2] > WORTH_A_THREAD
    ]
    return [*products, *(TrainCase(*network) for network in NETWORKS)]


def chosen_cases(suite: str | None, text: str) -> list[Case]:
    """The cases of a suite (None: of both) whose name contains a text; case doesn't matter, and x stands for × too."""
    wanted = _plain(text)
    return [case for case in all_cases() if suite in (None, case.suite) and wanted in _plain(case.name)]


def case_named(suite: str, name: str) -> Case:
    """The case of this name.

    Raises
    ------
    KeyError
        If there is none.
    """
    return {(case.suite, case.name): case for case in all_cases()}[suite, name]


def _plain(text: str) -> str:
    return text.lower().replace("×", "x")
