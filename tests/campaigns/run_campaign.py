"""``python3 run.py campaign NAME --minutes N``: attacks the program by chance and writes down, in few steps, what breaks it."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

from campaign import Campaign, Found, read_replay, rounds, shrunk, write_replay

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Nothing of the user's own is touched.
for variable in ("PLAYGROUND_CONFIG_DIR", "PLAYGROUND_STATE_DIR"):
    os.environ.setdefault(variable, tempfile.mkdtemp(prefix="campaign-"))
# By name, and the file of each; its record is CAMPAIGN there. Imported when it is wanted, as some bring the window along.
HOMES = {
    "mutations": "mutations",
    "actions": "gui_actions",
    "kills": "kills",
    "document": "document_states",
    "soak": "soak",
}
# Seconds that a failure may take to be shrunk.
SHRINK_SECONDS = 60.0


def campaign_by_name(name: str) -> Campaign:
    """The record of a campaign."""
    found: Campaign = importlib.import_module(HOMES[name]).CAMPAIGN
    return found


def main(words: list[str]) -> int:
    """Play a campaign; 1 if something went wrong."""
    parser = argparse.ArgumentParser(prog="run.py campaign", description=__doc__)
    parser.add_argument("name", choices=tuple(HOMES))
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default: 1)")
    parser.add_argument("--rounds", type=int, help="how many rounds, instead of minutes")
    parser.add_argument("--seed", type=int, help="of the first round; each next one has one more")
    parser.add_argument("--size", type=int, help="actions in a round")
    parser.add_argument("--replay", type=Path, help="play the actions of this file alone")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for what is found (default: here)")
    options = parser.parse_args(words)
    campaign = campaign_by_name(options.name)
    try:
        return replay(campaign, options.replay) if options.replay else play(campaign, options)
    except KeyboardInterrupt:
        return 130
    finally:
        campaign.close()


def replay(campaign: Campaign, path: Path) -> int:
    """Play what was written down; 1 if it still goes wrong."""
    failure = campaign.play(read_replay(path))
    print(f"{failure.kind}\n{failure.details}" if failure else "nothing went wrong", flush=True)
    return int(failure is not None)


def play(campaign: Campaign, options: argparse.Namespace) -> int:
    """Play until the time is over; each kind of failure is shrunk and written down once."""
    seed = options.seed if options.seed is not None else int(time.time()) % 10**6
    size = options.size or campaign.size
    print(f"{campaign.name}: {campaign.sentence} Rounds of {size} actions from seed {seed}.", flush=True)
    end = time.monotonic() + 60 * options.minutes
    counts: dict[str, int] = {}
    played = 0
    for now, actions, failure in rounds(campaign, seed, size, options.out / f"campaign-{campaign.name}-now.json"):
        played += 1
        if failure is not None:
            counts[failure.kind] = counts.get(failure.kind, 0) + 1
            if counts[failure.kind] == 1:
                tell(campaign, now, actions, failure, options.out)
        if played == options.rounds or (options.rounds is None and time.monotonic() >= end):
            break
    print(f"{played} rounds, {len(counts)} kinds of failure", flush=True)
    for kind, count in sorted(counts.items(), key=lambda entry: -entry[1]):
        print(f"{count:6} × {kind}", flush=True)
    return int(bool(counts))


def tell(campaign: Campaign, seed: int, actions: list[object], failure: object, folder: Path) -> None:
    """Shrink a failure, write it down, and say how to play it again."""
    print(f"\nseed {seed}: {failure.kind}\n{failure.details}", flush=True)
    fewer = shrunk(campaign, actions, failure, SHRINK_SECONDS) if campaign.shrinks else actions
    path = folder / f"campaign-{campaign.name}-{seed}.json"
    write_replay(path, campaign, Found(seed, failure, fewer))
    print(f"{len(actions)} actions, {len(fewer)} are enough: {fewer}"[:1000], flush=True)
    print(f"again: python3 run.py campaign {campaign.name} --replay {path}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
