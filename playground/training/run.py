"""What a run is about, and what it starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from playground.arrays import Float32
from playground.catalog.initializers import FromFile
from playground.data.preprocessing import PreparedData, prepare
from playground.data.weighting import training_targets
from playground.experiment import Experiment, ExperimentError, build_plan, checked, initial_parameters, plain
from playground.formats import read_parameters
from playground.kernels.state import available_cores
from playground.network.plan import Plan
from playground.training.memory import refuse_what_does_not_fit
from playground.words import tr


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


def plan_run(experiment: Experiment, data: PreparedData | None = None, backend: str = "auto", others: int = 0) -> RunInfo:
    """Make an experiment ready to be trained.

    Parameters
    ----------
    experiment
        A checked experiment.
    data
        Its data if they are at hand; None loads them.
    backend, others
        What computes, and how many more copies of the weights there will be: what decides about the memory that it takes.

    Raises
    ------
    ExperimentError, FileError
        If the data can't be loaded or don't fit, or the network fills the memory.
    """
    data = data if data is not None else prepare(experiment)
    plan = build_plan(experiment, data.preprocessing.network_inputs, data.preprocessing.outputs)
    refuse_what_does_not_fit(plan, experiment.training, data, backend, others)
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
