"""A job: one case on one engine, ready to be checked and to be timed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """What an engine makes of a case.

    Parameters
    ----------
    error
        Does the work once, and returns how far the result is from float64's.
    tolerance
        The largest error that is right.
    rate
        ``rate(seconds)``: works for about so long, and returns FLOP or samples per second.
    """

    error: Callable[[], float]
    tolerance: float
    rate: Callable[[float], float]


def clocked(run: Callable[[int], None]) -> Callable[[int], float]:
    """A function that does something so many times, as one that returns the seconds that took."""

    def seconds(times: int) -> float:
        start = time.perf_counter()
        run(times)
        return time.perf_counter() - start

    return seconds


class Paced:
    """Finds out how often something has to be done to fill a measurement.

    Parameters
    ----------
    run
        Does it so many times and returns the seconds that took.
    work
        FLOP or samples of doing it once.
    """

    def __init__(self, run: Callable[[int], float], work: float) -> None:
        self._run = run
        self._work = work
        self._second = 0.0  # times in a second, as the last measurement had it

    def rate(self, seconds: float) -> float:
        """Do it for about so long; FLOP or samples per second."""
        if self._second == 0.0:
            self._second = self._estimate(seconds / 4)
        times = max(1, round(self._second * seconds))
        if times > 8:
            # Others have worked since: caches and clock come back before it counts.
            self._run(times // 8)
        elapsed = self._run(times)
        self._second = times / elapsed
        return self._work * self._second

    def _estimate(self, enough: float) -> float:
        """Times a second, from more and more until it takes long enough to tell."""
        times = 1
        # The first time may allocate or compile.
        self._run(1)
        while (elapsed := max(self._run(times), 1e-7)) < enough:
            times = math.ceil(times * min(10.0, 1.2 * enough / elapsed))
        return times / elapsed
