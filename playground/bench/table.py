"""The results as plain text: a line for each case, a column for each engine, and a legend that says what is compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from playground.bench.cases import RUNGS, THREADS, Case, MatmulCase
from playground.bench.rounds import Measured, Result
from playground.words import tr, trn

ABSENT, WRONG = "–", "wrong"
# Percent of spread from which a ratio or share is marked.
NOISY = 30.0
_UNSURE = tr("""\
A ratio has a ? where it spread by more than {noisy:.0f} %, and is a mere ? where other programs kept the engines from the
processor: measure again without them.""")
_MATMUL_LEGEND = tr("""\
GFLOP/s, median ± interquartile range in percent of {rounds} rounds. The engines take turns, each in a process of its own,
and each result was compared with float64's before. A·B is a layer forward, Aᵀ·B the gradient of its weights, A·Bᵀ that
of its inputs, rows × inner × columns. "packed" and "parallel" are called from compiled code, as training calls them, and
so is OpenBLAS in the column "BLAS from C". All other columns are called from Python, which takes about 1 µs a call: for
small products it is this that they show, not the library's arithmetic. Peak: multiply-adds in registers alone, timed in
the same rounds. × is the speed of our last rung over the library's: the median of each round's own ratio.
OpenBLAS stands for what this NumPy brings: {blas}.
""")
_TRAIN_LEGEND = tr("""\
Samples/s, median ± interquartile range in percent of {rounds} rounds. The engines take turns, each in a process of its own,
and the weights after ten steps were compared with float64's before. With 2 inputs tanh and mean squared error, else
ReLU, softmax and cross-entropy; 2,000 rows. "session" trains as the window does, with 60 snapshots a second, on the
program's own data of that width. A library shows the better of 1 and 2 threads, × is our best over that: the median of
each round's own ratio. torch is eager, scikit-learn does a partial_fit an epoch without a penalty, NumPy is a textbook's
few lines in float32.
""")


class _Column(NamedTuple):
    """A column: its header, in lines, and what it shows of a case."""

    header: str
    cell: Callable[[Measured], str]


def matmul_table(measured: Sequence[Measured], blas: str, rounds: int) -> str:
    """The matrix products as text, a table for each number of threads."""
    tables = []
    for threads in THREADS:
        rows = [one for one in measured if isinstance(one.case, MatmulCase) and one.case.threads == threads]
        ours = "packed" if threads == 1 else "parallel"
        rungs = [rung for rung in RUNGS if any(one.result(rung) for one in rows)]
        columns = [
            _Column(f"{threads} thread{'s' if threads > 1 else ''}", lambda one: _product(one.case)),
            *(_Column(rung.replace(" neuron", "\nneuron"), _speed(rung, _gflops)) for rung in rungs),
            _Column("of\npeak", _share(ours)),
            *_peers(rows, ours, _gflops, {"openblas": "Open-\nBLAS", "openblas-c": "BLAS\nfrom C", "torch": "\ntorch"}),
        ]
        if rows:
            tables.append(_aligned(rows, columns))
    return _with_legend("\n\n".join(tables), _MATMUL_LEGEND.format(rounds=rounds, blas=blas))


def train_table(measured: Sequence[Measured], rounds: int) -> str:
    """The networks as text."""
    several = [threads for threads in THREADS if any(one.result("playground", threads) for one in measured)]
    columns = [
        _Column("network", lambda one: one.case.name),
        *(
            _Column(
                trn("ours, {count}\nthread", "ours, {count}\nthreads", threads).format(count=threads),
                _speed("playground", _samples, threads),
            )
            for threads in several
        ),
        _Column("session", _speed("session", _samples)),
        *_peers(measured, "playground", _samples, {"torch": "\ntorch", "scikit-learn": "scikit-\nlearn", "numpy": "\nNumPy"}),
    ]
    return _with_legend(_aligned(measured, columns), _TRAIN_LEGEND.format(rounds=rounds))


def _with_legend(table: str, legend: str) -> str:
    unsure = _UNSURE.format(noisy=NOISY) if "?" in table else ""
    return f"{table}\n\n{legend}{unsure}".rstrip()


def _peers(rows: Sequence[Measured], ours: str, show: Callable[[float], str], titles: dict[str, str]) -> list[_Column]:
    """A column for each library that took part, and after them one for each ratio."""
    present = [peer for peer in titles if any(one.result(peer) for one in rows)]
    speeds = [_Column(titles[peer], _speed(peer, show)) for peer in present]
    return speeds + [_Column(_times(titles[peer]), _ratio(ours, peer)) for peer in present]


def _times(title: str) -> str:
    first, second = title.split("\n")
    return f"× {first}\n{second}" if first else f"×\n{second}"


def _product(case: Case) -> str:
    """Name of a product without its threads, which the header says."""
    return case.name.rpartition(", ")[0]


def _speed(engine: str, show: Callable[[float], str], threads: int | None = None) -> Callable[[Measured], str]:
    def cell(one: Measured) -> str:
        result = one.result(engine, threads)
        if result is None:
            return ABSENT
        return f"{show(result.value)}±{result.spread:.0f}" if result.rates else WRONG

    return cell


def _ratio(ours: str, peer: str) -> Callable[[Measured], str]:
    return lambda one: _quotient(one, one.result(ours), one.result(peer), _short)


def _share(ours: str) -> Callable[[Measured], str]:
    def cell(one: Measured) -> str:
        result = one.result(ours)
        return _quotient(one, result, one.peaks.get(result.threads) if result else None, lambda share: f"{100 * share:.0f}%")

    return cell


def _quotient(one: Measured, first: Result | None, second: Result | None, show: Callable[[float], str]) -> str:
    if first is None or second is None or not (first.rates and second.rates):
        return ABSENT
    if not one.is_free:
        return "?"
    ratio, spread = first.over(second)
    return show(ratio) + ("?" if spread > NOISY else "")


def _short(value: float) -> str:
    """Three digits, but all before the point, and at most three after it."""
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2 if value >= 0.1 else 3
    return f"{value:.{decimals}f}"


def _gflops(value: float) -> str:
    return _short(value / 1e9)


def _samples(value: float) -> str:
    """Such as ``12.1M`` or ``254k``."""
    return f"{_short(value / 1e6)}M" if value >= 999_500 else f"{_short(value / 1e3)}k"


def _aligned(rows: Sequence[Measured], columns: Sequence[_Column]) -> str:
    """Lines with the first column to the left and the others to the right."""
    headers = [column.header.split("\n") for column in columns]
    height = max(map(len, headers))
    lines = [[header[index - height] if height - index <= len(header) else "" for header in headers] for index in range(height)]
    body = [[column.cell(row) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in [*lines, *body]) for index in range(len(columns))]
    text = [_line(line, widths) for line in lines]
    return "\n".join([*text, "─" * (sum(widths) + len(widths) - 1), *(_line(line, widths) for line in body)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    others = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return " ".join([cells[0].ljust(widths[0]), *others]).rstrip()
