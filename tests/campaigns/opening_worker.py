"""The process that opens damaged files by the program's own doors, and says what became of each."""

from __future__ import annotations

import resource
import sys
import time
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from playground.experiment import ExperimentError
from playground.formats.npz import read_arrays
from playground.formats.opening import load, open_file
from playground.storage import FileError
from playground.training.run import plan_run

# What ``ru_maxrss`` counts in.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
# More than this in all, and the machine is protected.
MOST_MEMORY = 6 << 30


class Answer(NamedTuple):
    """What became of a file: refused in a sentence, a traceback, or sound; and what it cost."""

    sentence: str
    trace: str
    wrong: str
    seconds: float
    bytes: int


def serve(pipe: Connection, sound: list[str]) -> None:
    """Open what is asked for until the other end is gone; first all sound files, which loads what opening needs."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    # Overflow in damaged weights is no fault.
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    for path in sound:
        answer = opened(Path(path))
        assert not (answer.sentence or answer.trace or answer.wrong), f"{path}: {answer}"
    pipe.send("ready")
    while True:
        try:
            path = pipe.recv()
        except EOFError:
            return
        pipe.send(opened(Path(path)))


def opened(path: Path) -> Answer:
    """Open a file as the program would."""
    sentence, trace, wrong = "", "", ""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    try:
        wrong = what_is_wrong(path)
    except (FileError, ExperimentError) as error:
        sentence = str(error)
    except Exception:
        trace = traceback.format_exc()
    seconds = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * RSS_UNIT
    return Answer(sentence, trace, wrong, seconds, grown)


def what_is_wrong(path: Path) -> str:
    """Open a file that claims to be sound, and use what is in it; in words what can't be, or nothing."""
    if path.suffix == ".npz":
        arrays = read_arrays(path)
        return "" if all(isinstance(array, np.ndarray) for array in arrays.values()) else "no array"
    if path.suffix == ".safetensors":
        model = load(path)
        outputs = model.predict(np.zeros((3, len(model.preprocessing.columns))))
        if (
            np.isfinite(model.parameters).all()
            and np.abs(model.parameters).max(initial=0) < 1e3
            and not np.isfinite(outputs).all()
        ):
            return "answers that are not finite"
    experiment = open_file(path).experiment
    run = plan_run(experiment)
    return "" if np.isfinite(run.data.train_inputs).all() else "inputs that are not finite"
