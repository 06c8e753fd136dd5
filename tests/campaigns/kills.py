"""`playground train` and a window that saves, killed at any moment: each file is the old one or the new one, whole."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import random
import tempfile
from functools import cache
from pathlib import Path

from campaign import Actions, Campaign, Failure
from killed_jobs import READY, nursery

from playground.experiment import ExperimentError, decode
from playground.formats.opening import load
from playground.storage import FileError

FILES = ("model.safetensors", "experiment.json", "history.csv", "report.json", "loss.png")
PATIENCE_SECONDS = 60.0
# A kill comes at any moment of a run, and a little after its usual end; of a window within so many seconds of its saving.
LATEST, SAVING_SECONDS = 1.2, 0.4


class Killer:
    """A process that has loaded what the jobs need, and forks one of them at a time."""

    def __init__(self) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None

    def run(self, job: str, folder: Path, number: int, kill_after: float | None) -> tuple[int, float]:
        """Run a job, and kill it so many seconds after it is ready, or let it end; its exit code and how long it took."""
        if self._process is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=nursery, args=(theirs,))
            self._process.start()
            theirs.close()
        self._pipe.send((job, str(folder), number, kill_after))
        if not self._pipe.poll(PATIENCE_SECONDS):
            self.close()
            return -1, PATIENCE_SECONDS
        result: tuple[int, float] = self._pipe.recv()
        return result

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


KILLER = Killer()


@cache
def usual_seconds() -> float:
    """How long a run takes here, once everything is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        KILLER.run("train", Path(folder) / "run", 0, None)
        return KILLER.run("train", Path(folder) / "run", 1, None)[1]


def draw(chance: random.Random, size: int) -> Actions:
    """Kills: of what, and when, as a share of how long it takes. Runs write files at their end, so more of them are late."""
    return [
        [chance.choices(["train", "save"], [3, 1])[0], chance.choice([chance.random(), chance.uniform(0.6, 1.0)])]
        for _ in range(size)
    ]


def play(actions: Actions) -> Failure | None:
    """Kill one after the other, each beside what the last one left; then let one end, which must find all in order."""
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name)
        KILLER.run("train", folder / "run", 0, None)
        for number, (job, share) in enumerate(actions, start=1):
            before = contents(folder)
            if job == "train":
                KILLER.run(job, folder / "run", number, LATEST * share * usual_seconds())
            else:
                (folder / READY).unlink(missing_ok=True)
                KILLER.run(job, folder, number, SAVING_SECONDS * share)
            wrong = what_is_wrong(folder, before)
            if wrong:
                return Failure(f"{job}: {wrong.partition(':')[0]}", f"{wrong} after kill {number}")
        code, _ = KILLER.run("train", folder / "run", 0, None)
        if code:
            return Failure("the next run fails", f"code {code}")
        left = [path.name for path in (folder / "run").iterdir() if path.name not in FILES]
        return Failure("something is left over", ", ".join(left)) if left else None


def contents(folder: Path) -> dict[str, bytes]:
    """Files by name that people know; what is being written isn't among them."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".part"
    }


def what_is_wrong(folder: Path, before: dict[str, bytes]) -> str:
    """A sentence if a file can't be read, or lies beside one of another run; empty else."""
    for name, content in contents(folder).items():
        if content == before.get(name):
            continue
        try:
            read(folder / name)
        except (FileError, ExperimentError, ValueError, KeyError) as error:
            return f"{Path(name).name} can't be read: {error}"
    if "run/model.safetensors" in before and not (folder / "run" / "model.safetensors").exists():
        return "the model is gone"
    run = folder / "run"
    if (run / "experiment.json").exists():
        model = load(run / "model.safetensors")
        if decode((run / "experiment.json").read_bytes()) != model.experiment:
            return "files of two runs lie side by side"
        for path in (run / "report.json", run / "history.csv"):
            if path.exists() and not tells_of(path, model.metrics["test_loss"]):
                return f"{path.name} of another run lies beside the model"
    return ""


def tells_of(path: Path, loss: float) -> bool:
    """Whether a report or history is that of the model with this loss."""
    if path.suffix == ".json":
        return True
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    return any(abs(float(row["test_loss"]) - loss) <= 1e-6 * abs(loss) for row in rows)


def read(path: Path) -> None:
    """Read a file as its ending says.

    Raises
    ------
    FileError, ExperimentError, ValueError, KeyError
        If it is not whole.
    """
    if path.suffix == ".safetensors":
        load(path)
    elif path.name == "report.json":
        json.loads(path.read_bytes())
    elif path.suffix == ".json":
        decode(path.read_bytes())
    elif path.suffix == ".csv":
        text = path.read_text(encoding="utf-8")
        rows = list(csv.reader(io.StringIO(text)))
        if not text.endswith("\n") or len({len(row) for row in rows}) != 1:
            raise ValueError("the last row is cut")
    elif path.suffix == ".png" and not path.read_bytes().endswith(b"IEND\xaeB`\x82"):
        raise ValueError("the picture is cut")


CAMPAIGN = Campaign(
    name="kills",
    sentence="`playground train` and a window that saves are killed at any moment.",
    draw=draw,
    play=play,
    size=20,
    sample=1,
    sample_size=4,
    close=KILLER.close,
)
