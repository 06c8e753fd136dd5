"""Many trainings of one experiment at once: seeds × learning rates, and which of them reach a goal.

One run says little: another seed may fail where this one succeeds. Small networks train side by side, in the lanes of the
processor's vectors or each in a block of the GPU, so that a few hundred of them take seconds or less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from playground.arrays import Array
from playground.data.preprocessing import PreparedData
from playground.data.weighting import row_weights
from playground.experiment import Experiment, ExperimentError, TrainingSpec, checked, plain
from playground.model import TrainedModel
from playground.training.backends import load_backend
from playground.training.run import RunInfo, for_so_long, plan_run, start_parameters, thread_count
from playground.words import tr


@dataclass(frozen=True, eq=False)
class ManyRuns:
    """What came out of many trainings; run number i has seed ``i // rates`` and rate ``i % rates``.

    Parameters
    ----------
    experiment
        What all of them share.
    data
        Its data.
    seeds, learning_rates
        What differs.
    parameters
        float32 (runs, …): the trained parameters in the plan's flat layout.
    train_losses, test_losses
        float32 (epochs, runs): mean loss during each epoch and on the test rows after it; NaN after a run was stopped, and
        without test rows.
    target
        The loss to reach.
    """

    experiment: Experiment
    data: PreparedData
    seeds: tuple[int, ...]
    learning_rates: tuple[float, ...]
    parameters: Array
    train_losses: Array
    test_losses: Array
    target: float

    @property
    def reached(self) -> Array:
        """Epoch after which each run's loss (on the test rows, if there are any) was first at or below the target; 0: never.

        int64 (seeds, learning rates): the success map.
        """
        losses = self.test_losses if len(self.data.test_rows) else self.train_losses
        below = losses <= self.target
        first = np.where(below.any(axis=0), below.argmax(axis=0) + 1, 0) if len(below) else np.zeros(below.shape[1])
        return first.astype(np.int64).reshape(len(self.seeds), len(self.learning_rates))

    def model(self, seed: int, learning_rate: float) -> TrainedModel:
        """The trained model of one run.

        Raises
        ------
        ValueError
            If there is no run with this seed or this learning rate.
        """
        index = self.seeds.index(seed) * len(self.learning_rates) + self.learning_rates.index(learning_rate)
        experiment = _variant(self.experiment, seed, learning_rate)
        metrics = {}
        if len(self.train_losses):
            metrics = {"train_loss": float(self.train_losses[-1, index]), "test_loss": float(self.test_losses[-1, index])}
        return TrainedModel(experiment, self.parameters[index], self.data.preprocessing, metrics)


def train_many(
    experiment: Experiment,
    *,
    seeds: Sequence[int],
    learning_rates: Sequence[float] | None = None,
    epochs: int | None = None,
    target: float = 0.01,
    backend: str = "auto",
    threads: int | None = None,
    stop: Array | None = None,
) -> ManyRuns:
    """Train an experiment from every seed for the initial weights at every learning rate.

    All runs see the same rows in the same order, which ``training.seed`` shuffles, so they differ in nothing else; each
    gives the weights that it would give alone, within float32's rounding. Nothing stops a run early: all go on to the last
    epoch.

    Parameters
    ----------
    experiment
        What to train.
    seeds
        Seeds of the initial weights; a list, a range or an array.
    learning_rates
        None takes the experiment's own.
    epochs
        How long; None takes ``training.epochs``.
    target
        The loss that counts as success.
    backend
        ``auto`` (the CPU), ``cpu``, ``cuda`` or ``reference``.
    threads
        How many threads may compute; None for one a core.
    stop
        int64 (1,): write 1 into it from another thread to end all runs early.

    Raises
    ------
    ExperimentError
        If the experiment, a seed or a learning rate isn't possible, or there is none: one sentence with the field's path.
    """
    # Each says how long it is trained: schedules must know, and so must the models.
    experiment, epochs = for_so_long(experiment, epochs)
    rates = [experiment.training.optimizer.learning_rate]
    rates = rates if learning_rates is None else _listed("learning_rates", learning_rates)
    seeds = _listed("seeds", seeds)
    if not seeds or not rates:
        raise ExperimentError(tr("there is nothing to train: give at least one seed and one learning rate."))
    target = plain(target, "target")
    if type(target) not in (int, float):
        raise ExperimentError(tr("target: {target!r} is no loss; give a number.").format(target=target))
    variants = [_variant(experiment, seed, rate) for seed in seeds for rate in rates]
    # Where each starts, and what it ends at.
    run = plan_run(experiment, backend=backend, others=2 * len(variants))
    parameters = np.stack([start_parameters(variant, run.plan) for variant in variants])
    backend = "cpu" if backend == "auto" else backend
    load_backend(backend)
    stop = np.zeros(1, np.int64) if stop is None else stop
    job = _Job(run, variants, parameters, epochs, stop, backend, thread_count(threads))
    train = _train_in_turn
    if backend == "cpu" and _fits_lanes(job):
        train = _train_on_lanes
    elif backend == "cuda" and _fits_blocks(job):
        train = _train_in_blocks
    trained, train_losses, test_losses = train(job)
    return ManyRuns(experiment, run.data, tuple(seeds), tuple(map(float, rates)), trained, train_losses, test_losses, target)


def _listed(name: str, values: Any) -> list[Any]:
    """What is in a list, a range or an array, as Python's own numbers.

    Raises
    ------
    ExperimentError
        If it is none of these.
    """
    values = plain(list(values) if isinstance(values, Sequence) and not isinstance(values, str) else values, name)
    if not isinstance(values, list):
        sentence = tr("{name}: {values!r} is no list of numbers; give one, such as [1, 2].")
        raise ExperimentError(sentence.format(name=name, values=values))
    return values


@dataclass(frozen=True, eq=False)
class _Job:
    """What is to be trained: the variants of a run's experiment, which share its plan and data, from their own parameters."""

    run: RunInfo
    variants: list[Experiment]
    parameters: Array
    epochs: int
    stop: Array
    backend: str
    threads: int

    @property
    def training(self) -> TrainingSpec:
        """How all of them are trained, but for the learning rate."""
        return self.variants[0].training

    @property
    def rates(self) -> Array:
        """float32 (variants,): their learning rates."""
        return np.array([variant.training.optimizer.learning_rate for variant in self.variants], np.float32)

    @property
    def weights(self) -> Array:
        """How much each row counts; empty where all count alike."""
        return row_weights(self.run.experiment, self.run.data)

    @property
    def parts(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Inputs and targets of the training and the test rows."""
        data = self.run.data
        return (data.train_inputs, self.run.training_targets), (data.test_inputs, data.test_targets)


def _variant(experiment: Experiment, seed: int, rate: float) -> Experiment:
    """The experiment with another seed for its weights and another learning rate."""
    network = msgspec.structs.replace(experiment.network, seed=seed)
    optimizer = msgspec.structs.replace(experiment.training.optimizer, learning_rate=rate)
    training = msgspec.structs.replace(experiment.training, optimizer=optimizer)
    return checked(msgspec.structs.replace(experiment, network=network, training=training))


def _fits_blocks(job: _Job) -> bool:
    from playground.kernels.cuda import many as cuda_many

    return cuda_many.fits(job.run.plan, job.training, len(job.run.data.train_rows))


def _train_in_blocks(job: _Job) -> tuple[Array, Array, Array]:
    """All at once on the GPU; see `kernels.cuda.many.train_many`."""
    from playground.kernels.cuda import many as cuda_many

    weights = job.weights.astype(np.float32) if job.weights.size else None
    return cuda_many.train_many(job.run.plan, job.training, job.parameters, job.rates, job.parts, job.epochs, job.stop, weights)


def _fits_lanes(job: _Job) -> bool:
    from playground.kernels.cpu import many

    # Rows that count differently are trained layer by layer.
    even = job.training.class_weights is None
    return even and many.fits(job.run.plan, min(job.training.batch_size, len(job.run.data.train_rows)))


def _train_on_lanes(job: _Job) -> tuple[Array, Array, Array]:
    """Side by side; see `kernels.cpu.many.train_many`."""
    from playground.kernels.cpu import many

    return many.train_many(job.run.plan, job.training, job.parameters, job.rates, job.parts, job.epochs, job.stop, job.threads)


def _train_in_turn(job: _Job) -> tuple[Array, Array, Array]:
    """One after the other: networks that are too large for lanes and blocks, and other backends."""
    kernels, stop, weights = load_backend(job.backend), job.stop, job.weights
    (inputs, targets), (test_inputs, test_targets) = job.parts
    trained = job.parameters.copy()
    train_losses = np.full((job.epochs, len(job.variants)), np.nan, np.float32)
    test_losses = np.full((job.epochs, len(job.variants)), np.nan, np.float32)
    outputs = np.zeros_like(test_targets)
    for number, variant in enumerate(job.variants):
        state = kernels.new_state(job.run.plan, variant.training, job.parameters[number], len(inputs))
        state.threads, state.stop, state.weights = job.threads, stop, weights.astype(state.dtype)
        steps = -(-state.order.size // state.batch_size)
        for epoch in range(job.epochs):
            with np.errstate(all="ignore"):
                loss = kernels.train(state, inputs, targets, steps)
                # An epoch that was cut short has no loss.
                if stop[0]:
                    break
                train_losses[epoch, number] = loss
                test_losses[epoch, number] = kernels.evaluate(state, test_inputs, test_targets, outputs)
            if not np.isfinite(train_losses[epoch, number]):
                break
        trained[number] = state.parameters
    return trained, train_losses, test_losses
