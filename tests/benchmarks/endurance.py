"""Start, stop and tune a session from another thread, on and on: ``python tests/benchmarks/endurance.py [minutes]``.

Random commands at random moments: other experiments, settings that keep the weights, single steps, pauses, restarts, views
that come and go, learning rates that blow up. Prints the process's memory as it goes; ends with 1 if the session's thread
died, stopped answering, or the memory kept growing.
"""

import contextlib
import gc
import random
import sys
import threading
import time

from playground.experiment import ExperimentError, set_field
from playground.experiment.presets import preset, preset_names
from playground.training import parts
from playground.training.protocol import Pause, Status, Train, Use, Watch
from playground.training.session import TrainingSession

PRESETS = [preset(name) for name in preset_names()]
WIDE = '[{"type": "dense", "units": 300, "activation": "relu"}, {"type": "dense", "units": 200, "activation": "tanh"}]'
CHANGES = (
    ("training.optimizer.learning_rate", ("0.001", "0.1", "900")),
    ("training.batch_size", ("1", "7", "10", "32", "128", "1000")),
    ("training.l2", ("0", "0.01")),
    ("training.optimizer", ('{"type": "adam"}', '{"type": "sgd"}', '{"type": "momentum"}', '{"type": "rmsprop"}')),
    ("network.seed", ("1", "2")),
    ("network.layers", ('[{"type": "dense", "units": 8, "activation": "tanh"}]', WIDE)),
)
VIEWS = ({parts.outputs}, {parts.outputs, parts.neurons, parts.surface}, set())


def memory_megabytes():
    """What this process holds (Linux)."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return float("nan")


def command(draw, session, experiment):
    """Send one random command; returns the experiment that holds then."""
    choice = draw.random()
    if choice < 0.10:
        experiment = draw.choice(PRESETS)
        session.send(Use(experiment))
    elif choice < 0.40:
        field, values = draw.choice(CHANGES)
        # Some sets can't do without their own layers.
        with contextlib.suppress(ExperimentError):
            experiment = set_field(experiment, field, draw.choice(values))
        session.send(Use(experiment, restart=draw.random() < 0.2))
    elif choice < 0.60:
        session.send(Train(epochs_per_frame=draw.choice((None, None, 1, 0.1, 100))))
    elif choice < 0.70:
        session.send(Train(steps=draw.choice((1, 5, 1000))))
    elif choice < 0.85:
        session.send(Pause())
    else:
        session.send(Watch(frozenset(draw.choice(VIEWS))))
    return experiment


def endure(seconds, seed=0, say=print):
    """Keep a session busy for so long; the memory in MB at the start (once everything has run) and at the end."""
    draw = random.Random(seed)
    # More threads than there are cores: they must get along all the same.
    session = TrainingSession("cpu", threads=3)
    session.start()
    experiment = PRESETS[0]
    session.send(Use(experiment))
    begin, commands, first, told = time.monotonic(), 0, None, 0.0
    while (passed := time.monotonic() - begin) < seconds:
        experiment = command(draw, session, experiment)
        commands += 1
        time.sleep(draw.choice((0, 0.001, 0.01, 0.05)))
        snapshot = session.latest
        if snapshot is not None and snapshot.status is Status.FAILED:
            raise AssertionError(f"the session failed: {snapshot.error}")
        if first is None and passed > seconds / 5:
            gc.collect()
            first = memory_megabytes()
        if passed - told >= 60:
            told = passed
            say(f"{passed:6.0f} s  {commands:7} commands  {memory_megabytes():7.1f} MB  {threading.active_count()} threads")
    session.send(Pause())
    generation = session.generation
    end = time.monotonic() + 20
    while session.latest is None or session.latest.generation < generation or session.latest.status is Status.RUNNING:
        if time.monotonic() > end:
            raise AssertionError("the session no longer answers")
        time.sleep(0.01)
    if not session.close(20):
        raise AssertionError("the session's thread didn't end")
    gc.collect()
    return first, memory_megabytes()


def main(minutes):
    first, last = endure(60 * minutes)
    print(f"memory after a fifth of the time {first:.1f} MB, at the end {last:.1f} MB")
    sys.exit(0 if last < first + 30 else 1)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30)
