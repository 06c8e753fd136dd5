"""How a case is measured: every engine is checked, and then they are timed in turns, so that a busy moment hits them all."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from playground.bench.cases import PEAK, Case, Participant
from playground.words import tr

ROUNDS = 9
# Share of the time that a loop in registers must get to run, or else other programs were at work.
FREE = 0.85


class Engine(Protocol):
    """What answers requests; see `worker`."""

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the answer."""


@dataclass(frozen=True)
class Result:
    """An engine's speed in a case, in FLOP or samples per second.

    Parameters
    ----------
    engine, threads
        What was measured.
    rates
        One a round; none if the engine is wrong.
    wrong
        Why it was not timed, or None.
    running
        Share of the time in which its threads ran, rather than wait or make room for other programs.
    """

    engine: str
    threads: int
    rates: list[float] = field(default_factory=list)
    wrong: str | None = None
    running: float = 1.0

    @property
    def value(self) -> float:
        """The median; 0 if it is wrong."""
        return statistics.median(self.rates) if self.rates else 0.0

    @property
    def spread(self) -> float:
        """Interquartile range in percent of the median."""
        return _spread(self.rates)

    def over(self, other: Result) -> tuple[float, float]:
        """How many times as fast as another it is, and how far that spread in percent.

        The median of each round's own ratio: what slows down both of them, such as the clock, drops out.
        """
        ratios = [mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=True)]
        return statistics.median(ratios), _spread(ratios)


def _spread(values: list[float]) -> float:
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return 100.0 * (high - low) / middle


@dataclass(frozen=True)
class Measured:
    """A case with the results of its engines, and the processor's peak in the same rounds by number of threads."""

    case: Case
    results: list[Result]
    peaks: dict[int, Result] = field(default_factory=dict)

    @property
    def is_free(self) -> bool:
        """Whether the processor was free for as many threads as took part.

        Threads that wait for each other don't just get slower when one of them has to make room: they may stand still.
        """
        return all(peak.running >= FREE for peak in self.peaks.values())

    def result(self, engine: str, threads: int | None = None) -> Result | None:
        """An engine's result with so many threads (None: with those that suit it best); None if it took no part."""
        found = [result for result in self.results if result.engine == engine and threads in (None, result.threads)]
        return max(found, key=lambda result: result.value, default=None)


def measure(case: Case, engines: Mapping[Participant, Engine], seconds: float, seed: int = 1, rounds: int = ROUNDS) -> Measured:
    """Check all engines on a case, then time those that are right, in turns.

    Parameters
    ----------
    case
        What they do.
    engines
        Those that take part.
    seconds
        Budget of one measurement.
    seed
        Draws the numbers.
    rounds
        Measurements of each engine.
    """
    wrong: dict[Participant, str] = {}
    rates: dict[Participant, list[float]] = {}
    walls, processors = dict.fromkeys(engines, 0.0), dict.fromkeys(engines, 0.0)
    for participant, engine in engines.items():
        complaint = _complaint(engine.ask(do="check", suite=case.suite, case=case.name, seed=seed))
        if complaint is None:
            rates[participant] = []
        else:
            wrong[participant] = complaint
    for _ in range(rounds):
        for participant in list(rates):
            reply = engines[participant].ask(do="time", seconds=seconds)
            if "failed" in reply:
                wrong[participant] = reply["failed"]
                del rates[participant]
            else:
                rates[participant].append(reply["rate"])
                walls[participant] += reply["wall"]
                processors[participant] += reply["processor"]
    results = [
        Result(
            *participant,
            rates.get(participant, []),
            wrong.get(participant),
            processors[participant] / (walls[participant] * participant.threads) if walls[participant] else 0.0,
        )
        for participant in engines
    ]
    peaks = {result.threads: result for result in results if result.engine == PEAK and result.rates}
    return Measured(case, [result for result in results if result.engine != PEAK], peaks)


def _complaint(reply: Mapping[str, Any]) -> str | None:
    """Why an answer to ``check`` is not good enough, or None."""
    if "failed" in reply:
        return str(reply["failed"])
    # Not >: an error that is no number is wrong too.
    if not reply["error"] <= reply["tolerance"]:
        return tr("its result is {error:.1e} away from float64's, {tolerance:.0e} is allowed.").format(
            error=reply["error"], tolerance=reply["tolerance"]
        )
    return None
