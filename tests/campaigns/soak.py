"""Training for minutes, other data every while: memory, Qt's objects, threads and open files stay as many as they are."""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from campaign import Actions, Campaign, Failure
from driven_window import PATIENCE_SECONDS, DrivenWindow, driven
from PySide6.QtCore import QObject

from playground.catalog.datasets import DATASETS

# The long campaign stays with each data set for so long.
SECONDS = 20.0
# Data sets in turn, again and again: what is counted is compared with the last time that the same one was there.
IN_TURN = 3
# Turns in which caches fill.
WARM_UP = 2
MOST_BYTES_A_SWITCH = 1 << 20


class Counts(NamedTuple):
    """What must not grow."""

    objects: int
    threads: int
    files: int
    memory: int


def draw(chance: random.Random, size: int) -> Actions:
    """A few data sets in turn; the number of seconds stands in each action."""
    names = chance.sample(sorted(DATASETS), IN_TURN)
    seconds = SECONDS if size > 4 * IN_TURN else 0.05
    return [["data", names[place % IN_TURN], seconds] for place in range(size)]


def play(actions: Actions) -> Failure | None:
    """Train, switch and count."""
    counts: list[Counts] = []
    with driven() as window:
        window.window.player.play_or_pause()
        for action in actions:
            _, name, seconds = action
            window.do(action, lambda name=name: window.window.panels.data.set_chosen.emit(name))
            if not window.wait(PATIENCE_SECONDS, window.follows):
                window.failures.append(Failure("the session does not follow the document", str(action)))
            end = time.monotonic() + seconds
            while time.monotonic() < end and not window.failures:
                window.wait(0.1)
                if not window.window.player.running:
                    # At its last epoch: it goes on.
                    window.window.player.play_or_pause()
            if window.failures:
                break
            counts.append(count(window))
        if not window.close():
            window.failures.append(Failure("the session does not end", ""))
    if window.failures:
        return window.failures[0]
    return growth(counts)


def growth(counts: list[Counts]) -> Failure | None:
    """What has grown in the turns after the first ones."""
    turns = [counts[place : place + IN_TURN] for place in range(0, len(counts) - IN_TURN + 1, IN_TURN)][WARM_UP:]
    if len(turns) < 2:
        return None
    switches = IN_TURN * (len(turns) - 1)
    told = "\n".join(" ".join(str(numbers) for numbers in turn) for turn in turns)
    for field, most in (("objects", 0), ("threads", 0), ("files", 0), ("memory", MOST_BYTES_A_SWITCH * switches)):
        before, after = ([getattr(numbers, field) for numbers in turn] for turn in (turns[0], turns[-1]))
        # Each compared with itself a few turns ago; one may be caught in between.
        if min(late - early for early, late in zip(before, after, strict=True)) > most:
            return Failure(f"{field} grow", f"{before} → {after} in {switches} switches\n{told}")
    return None


def count(window: DrivenWindow) -> Counts:
    """What there is now."""
    gc.collect()
    window.wait(0.02)
    objects = len(window.window.findChildren(QObject)) + len(window.application.topLevelWidgets())
    folder = Path("/proc/self/fd")
    files = len(os.listdir(folder)) if folder.exists() else 0
    return Counts(objects, threading.active_count(), files, memory())


def memory() -> int:
    """Bytes of memory that the process holds; 0 where the system doesn't tell."""
    if not sys.platform.startswith("linux"):
        return 0
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


CAMPAIGN = Campaign(
    name="soak",
    sentence=f"Trains, with other data every {SECONDS:.0f} seconds, and counts what must not grow.",
    draw=draw,
    play=play,
    size=36,
    sample=1,
    sample_size=4 * IN_TURN,
    shrinks=False,
)
