"""Files that the program wrote, damaged by chance: each opens because it is sound, or is refused in one sentence, soon."""

from __future__ import annotations

import multiprocessing
import random
import tempfile
from functools import cache
from pathlib import Path

from campaign import Actions, Campaign, Failure, kind_of
from mutating import apply_edits, draw_edit
from opening_worker import Answer, serve
from sound_files import write_sound_files

# A letter more than any sentence for people has.
LONGEST_SENTENCE = 300
# Of the worker's own processor time, and of the clock: other programs may be at work.
MOST_SECONDS, PATIENCE_SECONDS, START_SECONDS = 1.0, 20.0, 120.0
MOST_BYTES = 500 << 20
MOST_EDITS = 4


@cache
def folder() -> Path:
    """Where the sound files lie, and the damaged one of the moment."""
    path = Path(tempfile.mkdtemp(prefix="mutations-"))
    write_sound_files(path)
    return path


@cache
def sound_files() -> tuple[str, ...]:
    """Names of the sound files, as many of each ending."""
    names = sorted(path.name for path in folder().iterdir())
    endings = sorted({Path(name).suffix for name in names})
    most = max(sum(name.endswith(ending) for name in names) for ending in endings)
    return tuple(
        same[place % len(same)]
        for ending in endings
        for same in [[n for n in names if n.endswith(ending)]]
        for place in range(most)
    )


class Worker:
    """A process that opens files; a new one takes its place when it hangs, dies or has taken too much memory."""

    def __init__(self) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None

    def ask(self, path: Path) -> Answer | str:
        """What became of a file, or in words what became of the process."""
        if self._process is None:
            self._start()
        try:
            self._pipe.send(str(path))
            if not self._pipe.poll(PATIENCE_SECONDS):
                self.close()
                return f"no answer within {PATIENCE_SECONDS:.0f} s"
            answer: Answer = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            code = self._process.exitcode
            self.close()
            return f"the process ended with code {code}"
        if answer.bytes > MOST_BYTES:
            self.close()
        return answer

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, [str(folder() / name) for name in set(sound_files())]), daemon=True
        )
        self._process.start()
        theirs.close()
        # Once everything is loaded.
        if not self._pipe.poll(START_SECONDS):
            raise TimeoutError("the process that opens files did not start")
        self._pipe.recv()


WORKER = Worker()


def draw(chance: random.Random, size: int) -> Actions:
    """One of the sound files and up to so many damages."""
    name = chance.choice(sound_files())
    return [{"file": name}, *(draw_edit(chance, Path(name).suffix) for _ in range(chance.randint(1, size)))]


def play(actions: Actions) -> Failure | None:
    """Damage the file, and have it opened."""
    if not isinstance(actions[0], dict):
        return None
    name = actions[0]["file"]
    damaged = apply_edits((folder() / name).read_bytes(), Path(name).suffix, actions[1:])
    path = folder().with_name(f"{folder().name}-damaged{Path(name).suffix}")
    path.write_bytes(damaged)
    answer = WORKER.ask(path)
    kind = Path(name).suffix[1:]
    if isinstance(answer, str):
        return Failure(f"{kind}: {answer}", "")
    if answer.trace:
        return Failure(f"{kind}: {kind_of(answer.trace)}", answer.trace[-3000:])
    if len(answer.sentence) > LONGEST_SENTENCE or "\n" in answer.sentence:
        return Failure(f"{kind}: a sentence too long for people", answer.sentence[:600])
    if answer.seconds > MOST_SECONDS:
        return Failure(f"{kind}: more than {MOST_SECONDS:.0f} s", f"{answer.seconds:.2f} s: {answer.sentence or 'sound'}")
    if answer.bytes > MOST_BYTES:
        return Failure(f"{kind}: more than {MOST_BYTES >> 20} MB", f"{answer.bytes >> 20} MB: {answer.sentence or 'sound'}")
    if answer.wrong:
        return Failure(f"{kind}: {answer.wrong}", "")
    return None


CAMPAIGN = Campaign(
    name="mutations",
    sentence="Files that the program wrote are damaged and opened.",
    draw=draw,
    play=play,
    size=MOST_EDITS,
    sample=240,
    sample_size=MOST_EDITS,
    close=WORKER.close,
)
