"""The process of one engine: ``python -m playground.bench.worker ENGINE THREADS``; a JSON line in, a JSON line out.

It first says ``{"ready": true}``, or ``{"missing": why}`` where the engine isn't installed. Then it answers

``{"do": "check", "suite": …, "case": name, "seed": n}``
    Makes the case ready, does it once and compares: ``{"error": e, "tolerance": t}``.
``{"do": "time", "seconds": s}``
    Works on that case for about so long: ``{"rate": FLOP or samples per second, "wall": s, "processor": s}``, the last
    two being the seconds that passed and those that all its threads ran.

Whatever goes wrong is answered with ``{"failed": why}``. The end of the input ends the process.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from playground.bench.cases import PEAK, case_named
from playground.bench.job import Job
from playground.bench.libraries import load
from playground.words import tr

Reply = dict[str, Any]
# A library's threads wait for more work before they sleep (OpenBLAS's spin for 0.1 s); nobody else is timed meanwhile.
# Seconds: processor time between two looks that counts as none, time between looks, and the longest wait.
QUIET, LOOK_EVERY, LONGEST_WAIT = 0.0005, 0.005, 0.5


def prepare(engine: str, threads: int, suite: str, name: str, seed: int) -> Job:
    """A case ready on an engine; imports only what that takes."""
    if engine == PEAK:
        from playground.bench import peak

        return peak.prepare(threads)
    case = case_named(suite, name)
    module = importlib.import_module({"matmul": "playground.bench.products", "train": "playground.bench.training"}[suite])
    job: Job = module.prepare(engine, threads, case, seed)
    return job


class Worker:
    """Answers requests for one engine.

    Parameters
    ----------
    engine, threads
        What this process is for.
    """

    def __init__(self, engine: str, threads: int) -> None:
        self._engine = engine
        self._threads = threads
        self._job: Job | None = None

    def ready(self) -> Reply:
        """Whether the engine is there."""
        try:
            load(self._engine, self._threads)
        except ImportError as error:
            return {"missing": tr("{error}; `pip install torch` adds PyTorch to the comparison.").format(error=error)}
        except LookupError as error:
            return {"missing": str(error)}
        return {"ready": True}

    def answer(self, request: Reply) -> Reply:
        """Do what a request asks for."""
        try:
            if request["do"] == "check":
                # The last case's arrays go before the next one's come.
                self._job = None
                self._job = prepare(self._engine, self._threads, request["suite"], request["case"], request["seed"])
                reply = {"error": self._job.error(), "tolerance": self._job.tolerance}
            else:
                assert self._job is not None, "a case is checked before it is timed"
                wall, processor = time.perf_counter(), time.process_time()
                reply = {"rate": self._job.rate(request["seconds"])}
                reply |= {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
        except Exception as error:  # whatever an engine does, the others go on
            return {"failed": f"{type(error).__name__}: {error}"}
        if self._threads > 1:
            _wait_until_quiet()
        return reply


def _wait_until_quiet() -> None:
    """Return when no thread of this process uses the processor any more, or after LONGEST_WAIT."""
    end = time.perf_counter() + LONGEST_WAIT
    used = time.process_time()
    while time.perf_counter() < end:
        time.sleep(LOOK_EVERY)
        before, used = used, time.process_time()
        if used - before < QUIET:
            return


def serve(worker: Any, write: Callable[[str], object]) -> None:
    """Answer the lines of stdin until they end; ``worker`` has the methods of `Worker`."""
    write(json.dumps(worker.ready()) + "\n")
    for line in sys.stdin:
        write(json.dumps(worker.answer(json.loads(line))) + "\n")


def main() -> None:
    """Serve the engine that the command line names."""
    # Ctrl+C reaches the whole group of processes; this one ends when its input does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The real stdout is for answers; what a library prints goes to stderr, from Python or from C.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    serve(Worker(sys.argv[1], int(sys.argv[2])), answers.write)


if __name__ == "__main__":
    main()
