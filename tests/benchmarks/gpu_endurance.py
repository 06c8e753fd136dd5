"""A long run in a session on the GPU that is looked at all the while: does it hold, and does the GPU's memory?"""

import gc
import time

from msgspec import structs

from playground.experiment import SGD, Dense, decode
from playground.kernels.cuda import target as cuda_target
from playground.storage import resource

# Bytes of the GPU's memory that a session may take while it goes on.
MOST_LOST = 16 * 2**20


def free_memory():
    """Bytes of the GPU's memory that are free."""
    if cuda_target.SIMULATED:
        return cuda_target.facts().memory
    return int(cuda_target.load().current_context().get_memory_info()[0])


def endure(seconds, sizes):
    """Train in a session that is looked at 60 times a second: whether it and the GPU's memory ``held``, and all in ``words``."""
    from playground.training.session import TrainingSession

    session = TrainingSession("cuda")
    session.start()
    try:
        found = _watch(session, seconds, sizes)
    except Exception as error:
        # The table shall be shown all the same.
        return {"held": False, "words": f"the run failed: {error}"}
    finally:
        session.close(60)
    lost = found["free_after_a_fifth"] - found["free_at_the_end"]
    found["held"] = lost <= MOST_LOST
    found["words"] = (
        f"{found['seconds'] / 60:.1f} minutes in a session, {found['frames_per_second']:.1f} frames and "
        f"{found['steps_per_second']:,.0f} steps a second. Free memory of the GPU after a fifth of the time "
        f"{found['free_after_a_fifth'] / 2**20:,.1f} MiB, at the end {found['free_at_the_end'] / 2**20:,.1f} MiB: "
        f"it {'held' if found['held'] else 'shrank'}."
    )
    return found


def _watch(session, seconds, sizes):
    """Frames and steps a second, and free memory after a fifth of the time and at the end.

    Raises
    ------
    RuntimeError
        If the run fails or leaves the GPU.
    """
    from playground.training import parts
    from playground.training.pace import FRAME
    from playground.training.protocol import Status, Train, Use, Watch

    experiment = decode(resource("presets", "circle.json").read_bytes())
    source = structs.replace(experiment.data.source, samples=sizes.samples)
    network = structs.replace(experiment.network, layers=(Dense(units=8, activation="tanh"),) * 3)
    training = structs.replace(experiment.training, optimizer=SGD(learning_rate=0.03), epochs=1_000_000)
    data = structs.replace(experiment.data, source=source)
    session.send(Use(structs.replace(experiment, data=data, network=network, training=training)))
    session.send(Watch(frozenset(getattr(parts, name) for name in sizes.views)))
    session.send(Train())
    _wait_for_steps(session)
    begin, first_step, seen, frames, after_a_fifth = time.monotonic(), session.latest.step, None, 0, None
    while (passed := time.monotonic() - begin) < seconds:
        snapshot = session.latest
        if snapshot is not seen:
            frames, seen = frames + 1, snapshot
            _refuse_trouble(snapshot)
            if snapshot.status is Status.FINISHED:
                # All its epochs are over; it goes on all the same.
                session.send(Train())
        if after_a_fifth is None and passed >= seconds / 5:
            gc.collect()
            after_a_fifth = free_memory()
        time.sleep(FRAME / 2)
    gc.collect()
    return {
        "seconds": passed,
        "frames_per_second": frames / passed,
        "steps_per_second": (session.latest.step - first_step) / passed,
        "free_after_a_fifth": after_a_fifth or 0,
        "free_at_the_end": free_memory(),
    }


def _wait_for_steps(session):
    """Until it trains: kernels may have to be compiled first."""
    end = time.monotonic() + 600
    while session.latest is None or not session.latest.step:
        if session.latest is not None and session.latest.error:
            raise RuntimeError(session.latest.error)
        if time.monotonic() > end:
            raise RuntimeError("the session did no step in ten minutes.")
        time.sleep(0.05)


def _refuse_trouble(snapshot):
    if snapshot.error:
        raise RuntimeError(f"{snapshot.status}: {snapshot.error}")
    if snapshot.backend != "cuda":
        raise RuntimeError(f"the run left the GPU: it goes on on {snapshot.backend}.")
