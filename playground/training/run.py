"""What a run is about, what it starts from, and whether this machine can hold it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from playground.arrays import Float32
from playground.catalog.initializers import FromFile
from playground.data.preprocessing import PreparedData, prepare
from playground.data.weighting import training_targets
from playground.experiment import Experiment, ExperimentError, TrainingSpec, build_plan, checked, initial_parameters, plain
from playground.formats import read_parameters
from playground.kernels.state import available_cores
from playground.network.parameters import padded
from playground.network.plan import Plan
from playground.words import tr

# Most of the machine's memory that a run may ask for.
MEMORY_SHARE = 0.7


@dataclass(frozen=True, eq=False)
class RunInfo:
    """What a run is about; the same object for all of a run's snapshots, until an edit.

    Parameters
    ----------
    experiment
        What is trained.
    data
        Its data, split and ready for the network.
    plan
        Its network.
    training_targets
        float32 (training rows, outputs): what the training rows are trained on; their targets, or smoothed ones.
    """

    experiment: Experiment
    data: PreparedData
    plan: Plan
    training_targets: Float32


def plan_run(experiment: Experiment, data: PreparedData | None = None) -> RunInfo:
    """Make an experiment ready to be trained.

    Parameters
    ----------
    experiment
        A checked experiment.
    data
        Its data if they are at hand; None loads them.

    Raises
    ------
    ExperimentError, FileError
        If the data can't be loaded or don't fit, or the network fills the memory.
    """
    data = data if data is not None else prepare(experiment)
    plan = build_plan(experiment, data.preprocessing.network_inputs, data.preprocessing.outputs)
    refuse_what_does_not_fit(plan, experiment.training, len(data.train_rows))
    return RunInfo(experiment, data, plan, training_targets(experiment, data))


def for_so_long(experiment: Experiment, epochs: int | None) -> tuple[Experiment, int]:
    """An experiment that knows how long it is trained, as schedules and early stopping must, and for how many epochs that is.

    Parameters
    ----------
    epochs
        None for its own; 0 for not at all, which leaves the experiment as it is.

    Raises
    ------
    ExperimentError
        If it can't be trained, or not for so long.
    """
    epochs = plain(epochs, "training.epochs")
    if epochs is None or (type(epochs) is int and epochs == 0):
        experiment = checked(experiment)
        return experiment, experiment.training.epochs if epochs is None else 0
    experiment = checked(replace(experiment, training=replace(experiment.training, epochs=epochs)))
    return experiment, experiment.training.epochs


def thread_count(threads: int | None) -> int:
    """How many threads shall compute; None for one a core.

    Raises
    ------
    ExperimentError
        If that is no number of threads.
    """
    threads = plain(threads, "threads")
    if threads is None:
        return available_cores()
    if type(threads) is not int or threads < 1:
        raise ExperimentError(tr("threads: {threads!r} is no number of threads; give 1 or more.").format(threads=threads))
    return threads


def refuse_what_does_not_fit(plan: Plan, training: TrainingSpec, rows: int) -> None:
    """Refuse a network whose values would fill the memory; asking for them may end the whole program.

    Raises
    ------
    ExperimentError
        One sentence with what it needs and how to make it smaller.
    """
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # Values and slopes of a batch, or of the least that a measurement takes; parameters, gradients and two memories.
    batch = max(16, padded(min(training.batch_size, max(1, rows))))
    needed = 4 * (2 * plan.units * batch + 4 * plan.parameter_size)
    if needed > MEMORY_SHARE * memory:
        raise ExperimentError(
            tr(
                "network.layers: a batch of {batch:,} rows takes {needed:,.0f} GB, and this machine has "
                "{memory:,.0f}; take smaller batches, fewer units or filters, or smaller windows."
            ).format(batch=batch, needed=needed / 2**30, memory=memory / 2**30)
        )


def start_parameters(experiment: Experiment, plan: Plan) -> Float32:
    """The parameters that a run starts from: drawn, or read from a file.

    Raises
    ------
    FileError
        If the initializer names a file that holds no weights for such layers.
    """
    initializer = experiment.network.initializer
    if isinstance(initializer, FromFile):
        return read_parameters(Path(initializer.path), plan)
    return initial_parameters(experiment, plan)
