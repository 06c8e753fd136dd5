"""The processes of the engines, seen from the one that asks: started together, asked one at a time, ended in the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from playground.bench.cases import Participant
from playground.words import tr

Reply = dict[str, Any]
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def command_for(participant: Participant) -> list[str]:
    """The command line of an engine's process."""
    return [sys.executable, "-m", "playground.bench.worker", participant.engine, str(participant.threads)]


class EngineProcess:
    """A running engine.

    Parameters
    ----------
    participant
        The engine and its number of threads.
    command
        What to start.
    """

    def __init__(self, participant: Participant, command: Sequence[str]) -> None:
        self.participant = participant
        # Libraries read these once, at their import.
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(participant.threads)), "PYTHONIOENCODING": "utf-8"}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            encoding="utf-8",
        )

    def ask(self, **request: Any) -> Reply:
        """Send a request and wait for the answer; ``{"failed": why}`` where the process has ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError:
            return self._ended()
        return self.hear()

    def hear(self) -> Reply:
        """The next answer; the first one, which says whether the engine is there, comes without a request."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            return self._ended()
        reply: Reply = json.loads(line)
        return reply

    def hang_up(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        # It may have gone away with a request still on its way.
        with suppress(OSError):
            self._process.stdin.close()

    def close(self) -> None:
        """End the process: kindly, and then not."""
        self.hang_up()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _ended(self) -> Reply:
        return {"failed": tr("the process ended with code {code}.").format(code=self._process.wait())}


@contextmanager
def engine_processes(participants: Iterable[Participant], missing: dict[str, str]) -> Iterator[dict[Participant, EngineProcess]]:
    """Start engines together, and end them with the block.

    Parameters
    ----------
    participants
        What to start.
    missing
        Receives, by engine, why it isn't there.
    """
    processes = {}
    try:
        for participant in participants:
            if participant.engine not in missing:
                processes[participant] = EngineProcess(participant, command_for(participant))
        for participant, process in list(processes.items()):
            hello = process.hear()
            why = hello.get("missing", hello.get("failed"))
            if why is not None:
                missing[participant.engine] = why
                processes.pop(participant).close()
        yield processes
    finally:
        for process in processes.values():
            process.hang_up()
        for process in processes.values():
            process.close()
