"""What a campaign is: actions drawn by chance, played, and where something fails, as few of them as it takes.

An action is a plain value that JSON can hold, so that a failure can be written down and played again.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import playground

Actions = list[Any]
PACKAGE = Path(playground.__file__).parent


class Failure(NamedTuple):
    """What went wrong.

    Parameters
    ----------
    kind
        One line that is the same whenever the same thing is wrong.
    details
        What helps to mend it: the action, the traceback.
    """

    kind: str
    details: str


@dataclass(frozen=True)
class Campaign:
    """A kind of attack.

    Parameters
    ----------
    name, sentence
        What it is called, and what it does.
    draw
        Actions of one round from a source of chance; the second argument is how many.
    play
        Plays them from a fresh start; what went wrong, or None.
    size
        Actions in a round.
    sample, sample_size
        Rounds, and actions in each, of the fixed sample that the suite plays.
    close
        Called when no more rounds come.
    shrinks
        Whether what fails is tried with fewer actions.
    """

    name: str
    sentence: str
    draw: Callable[[random.Random, int], Actions]
    play: Callable[[Actions], Failure | None]
    size: int
    sample: int
    sample_size: int
    close: Callable[[], None] = lambda: None
    shrinks: bool = True


def kind_of(trace: str) -> str:
    """A traceback in a few words: the exception's type, and the innermost line of the program's."""
    name = trace.strip().splitlines()[-1].partition(":")[0]
    places = re.findall(rf'File "{re.escape(str(PACKAGE))}.([^"]+)", line (\d+)', trace)
    return f"{name} at {':'.join(places[-1]) if places else '?'}"


class Found(NamedTuple):
    """A failure, the seed that led to it, and the fewest actions that were found to lead to it."""

    seed: int
    failure: Failure
    actions: Actions


def rounds(campaign: Campaign, seed: int, size: int, now: Path | None = None) -> Iterator[tuple[int, Actions, Failure | None]]:
    """Round after round: its seed, its actions and what went wrong; each seed is one more than the last.

    What is being played stands in the file ``now``, which stays there if the process itself comes to its end by it.
    """
    while True:
        actions = campaign.draw(random.Random(seed), size)
        if now is not None:
            write_replay(now, campaign, Found(seed, Failure("the process came to its end", ""), actions))
        failure = campaign.play(actions)
        if now is not None:
            now.unlink()
        yield seed, actions, failure
        seed += 1


def shrunk(campaign: Campaign, actions: Actions, failure: Failure, seconds: float) -> Actions:
    """Leave out actions as long as the same thing goes wrong: delta debugging, for so many seconds at most."""
    end = time.monotonic() + seconds

    def fails(fewer: Actions) -> bool:
        again = campaign.play(fewer)
        return again is not None and again.kind == failure.kind

    parts = 2
    while len(actions) > 1 and time.monotonic() < end:
        length = -(-len(actions) // parts)
        for start in range(0, len(actions), length):
            fewer = actions[:start] + actions[start + length :]
            if time.monotonic() >= end:
                break
            if fewer and fails(fewer):
                actions, parts = fewer, max(2, parts - 1)
                break
        else:
            if length == 1:
                break
            parts = min(2 * parts, len(actions))
    return actions


def write_replay(path: Path, campaign: Campaign, found: Found) -> None:
    """Write down what was found, to be played again."""
    path.write_text(
        json.dumps(
            {"campaign": campaign.name, "seed": found.seed, **found.failure._asdict(), "actions": found.actions},
            ensure_ascii=True,
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )


def read_replay(path: Path) -> Actions:
    """The actions of a file that `write_replay` wrote."""
    actions: Actions = json.loads(path.read_text(encoding="utf-8"))["actions"]
    return actions
