"""Trainer: runs a Plan on a backend, evaluates it and keeps its history; synchronous, without threads."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from playground.catalog.initializers import FromFile
from playground.catalog.metrics import recorded
from playground.catalog.tasks import TASKS
from playground.data.preprocessing import PreparedData, prepare
from playground.data.weighting import row_weights, training_targets
from playground.experiment import Experiment, ExperimentError, build_plan, checked, initial_parameters, keeps_weights
from playground.kernels.state import EPOCH, POSITION, TrainingState, available_cores
from playground.network.parameters import padded
from playground.network.plan import Plan
from playground.training.backends import Choice, Work, pick
from playground.training.compute import Compute
from playground.training.diagnosis import Trouble, find_trouble, gradient_layers, gradient_statistics
from playground.training.history import History, history_columns
from playground.training.stopping import Patience

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec
    from playground.model import TrainedModel

Array = NDArray[Any]
# A training loss this many times the lowest one so far marks weights that are no good to go back to.
BLOWN_UP = 100.0
# Most of the machine's memory that a run may ask for.
MEMORY_SHARE = 0.7


@dataclass(frozen=True)
class RunInfo:
    """What a run is about: the experiment, its data and its plan; the same object for all of a run's snapshots."""

    experiment: Experiment
    data: PreparedData
    plan: Plan


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
            f"network.layers: a batch of {batch:,} rows takes {needed / 2**30:,.0f} GB, and this machine has "
            f"{memory / 2**30:,.0f}; take smaller batches, fewer units or filters, or smaller windows."
        )


def start_parameters(experiment: Experiment, plan: Plan) -> NDArray[np.float32]:
    """The parameters that a run starts from: drawn, or read from a file.

    Raises
    ------
    FileError
        If the initializer names a file that holds no weights for such layers.
    """
    initializer = experiment.network.initializer
    if isinstance(initializer, FromFile):
        from playground.formats import read_parameters

        return read_parameters(Path(initializer.path), plan)
    return initial_parameters(experiment, plan)


class Trainer:
    """Trains one experiment step by step.

    Parameters
    ----------
    experiment
        A checked experiment.
    backend
        A name of `backends.NAMES`; ``auto`` measures which one is the fastest for this run, and says so in ``choice``.
    parameters
        Start values in the plan's flat layout; None draws them from ``network.seed``.
    data
        The experiment's data if they are at hand; None loads them.
    threads
        How many threads may compute; None for one a core. The same number gives the same weights bit for bit.
    before_compiling
        Called if the GPU's kernels must be compiled first, which takes about a minute.
    may_compile
        Whether to wait for that; else ``choice.waits`` says that it is to be done.

    Raises
    ------
    ExperimentError, FileError
        If the data can't be loaded or don't fit.
    """

    def __init__(
        self,
        experiment: Experiment,
        backend: str = "auto",
        parameters: Array | None = None,
        data: PreparedData | None = None,
        threads: int | None = None,
        before_compiling: Callable[[], None] = lambda: None,
        may_compile: bool = True,
    ) -> None:
        data = data if data is not None else prepare(experiment)
        plan = build_plan(experiment, data.preprocessing.network_inputs, data.preprocessing.outputs)
        self.run = RunInfo(experiment, data, plan)
        refuse_what_does_not_fit(plan, experiment.training, len(data.train_rows))
        start = start_parameters(experiment, plan) if parameters is None else parameters
        if start.shape != (plan.parameter_size,):
            raise ExperimentError("the weights were trained for a network of another shape; open their own experiment.")
        self.training_targets = training_targets(experiment, data)
        weights = row_weights(experiment, data)
        threads = threads or available_cores()
        if backend == "auto":
            numbers = data.train_inputs, self.training_targets, weights.astype(np.float32)
            work = Work(plan, experiment.training, start, *numbers, threads)
            self.choice = pick(work, before_compiling, may_compile)
        else:
            self.choice = Choice(backend, "")
        self.compute = Compute(self.choice.name, plan, experiment.training, start, len(data.train_rows))
        self.state.threads = threads
        self.state.weights = weights.astype(self.state.dtype)
        self._patience = self._new_patience()
        # Outputs for every row of the data set, in its order; refreshed by each evaluation.
        self.outputs = np.zeros((len(data.dataset.features), plan.widths[-1]), np.float32)
        self._part_outputs = [np.zeros((len(rows), plan.widths[-1]), np.float32) for rows in self._part_rows()]
        self._true = [self._truth(rows) for rows in self._part_rows()]
        self._columns = self._column_names()
        self._rows = np.zeros((256, len(self._columns)))
        self._length = 0
        self._good = self.compute.parameters.copy()
        self._good_row = 0
        self._lowest_loss = math.inf
        self.diverged = False
        self.trouble: Trouble | None = None
        # Set when early stopping has gone back to the best weights: one sentence.
        self.stopped = ""
        self.kept: dict[Any, Any] = {}
        """What the parts of snapshots have worked out for this run and look up again; it ends with the run."""

    # The run as it stands

    @property
    def backend(self) -> ModuleType:
        """What computes."""
        return self.compute.backend

    @property
    def state(self) -> TrainingState:
        """The run's buffers."""
        return self.compute.state

    @property
    def step(self) -> int:
        """Mini-batches done."""
        return int(self.state.step)

    @property
    def epoch(self) -> float:
        """Epochs done, with the part of the present one."""
        return float(self.state.epoch)

    @property
    def steps_per_epoch(self) -> int:
        """Mini-batches in one epoch."""
        return max(1, math.ceil(self.state.order.size / self.state.batch_size))

    def steps_until(self, epochs: int) -> int:
        """Mini-batches left until so many epochs are done; 0 if they are."""
        counters, rows, batch = self.state.counters, self.state.order.size, self.state.batch_size
        whole = epochs - int(counters[EPOCH])
        if whole <= 0:
            return 0
        return math.ceil((rows - int(counters[POSITION])) / batch) + (whole - 1) * self.steps_per_epoch

    @property
    def parameters(self) -> NDArray[np.float32]:
        """A copy of the parameters, float32, flat; after a divergence the last ones that were good."""
        # A run that blows up in float64 may have left float32 already.
        with np.errstate(over="ignore"):
            return self.compute.parameters.astype(np.float32)

    @property
    def history(self) -> History:
        """What was recorded so far."""
        return History(self._columns, self._rows, self._length)

    @property
    def measurement(self) -> dict[str, float]:
        """The newest measurement of the present parameters, by column; after a divergence that of the last good ones."""
        if not self._length:
            return {}
        row = self._good_row if self.diverged else self._length - 1
        found = dict(zip(self._columns, self._rows[row].tolist(), strict=True))
        return {name: value for name, value in found.items() if not name.startswith("gradient_")}

    # What moves it on

    def use_threads(self, threads: int) -> None:
        """Let so many threads compute from the next call on."""
        self.state.threads = threads

    def train_steps(self, steps: int) -> bool:
        """Do some mini-batches; False if a number broke, which ends the run with the last good weights (see ``trouble``).

        Early stopping may end it sooner (see ``stopped``).
        """
        if self.diverged:
            return False
        self.stopped = ""
        while steps > 0 and not self.diverged and not self.stopped and not self.state.stop[0]:
            # With early stopping, no call goes beyond the end of an epoch.
            epoch = int(self.state.counters[EPOCH])
            part = steps if self._patience is None else min(steps, self.steps_until(epoch + 1))
            self._train(part)
            steps -= part
            if self._patience is not None and not self.diverged and self.state.counters[EPOCH] > epoch:
                self._look_at_validation(self._patience)
        return not self.diverged

    def _train(self, steps: int) -> None:
        # A run that blows up is reported by its loss, not by warnings from the middle of the arithmetic.
        with np.errstate(all="ignore"):
            loss = self.compute.train(self.run.data.train_inputs, self.training_targets, steps)
        if not math.isfinite(loss):
            self._diverge()

    def _look_at_validation(self, patience: Patience) -> None:
        """After an epoch: go back to the best weights if it has been long enough without better ones, or at the end."""
        data, epoch = self.run.data, int(self.state.counters[EPOCH])
        outputs = np.zeros_like(data.validation_targets)
        with np.errstate(all="ignore"):
            loss = self.compute.evaluate(data.validation_inputs, data.validation_targets, outputs)
        waited_enough = patience.look(epoch, loss, self.compute.parameters)
        at_the_end = epoch == self.run.experiment.training.epochs
        if (waited_enough or at_the_end) and patience.best_parameters is not None:
            self.compute.put(patience.best_parameters)
            patience.wait_again(epoch)
            why = f"no lower validation loss for {patience.rule.patience} epochs" if waited_enough else "the last epoch is over"
            self.stopped = (
                f"Stopped after epoch {epoch}: {why}. The weights are those of epoch {patience.best_epoch}, "
                f"with a validation loss of {patience.best_loss:.4f}."
            )

    def train_epochs(self, epochs: int = 1) -> bool:
        """Go to the end of the present epoch, and on for the others; see `train_steps`."""
        return self.train_steps(self.steps_until(int(self.state.counters[EPOCH]) + epochs))

    def record(self, with_gradients: bool = True) -> dict[str, float]:
        """Measure losses and metrics on all parts with the present weights, and add them to the history.

        Parameters
        ----------
        with_gradients
            Whether to measure each layer's gradient, too, which takes two more batches; else its numbers are NaN.

        Returns
        -------
        row
            The measurement by column name.
        """
        losses, metrics = self._measure()
        measured = gradient_statistics(self) if with_gradients else [(math.nan, math.nan)] * len(gradient_layers(self.run.plan))
        gradients = [number for pair in measured for number in pair]
        if not (math.isfinite(losses[0]) and np.isfinite(self.compute.parameters).all()):
            self._diverge()
            return self.history.last()
        self._lowest_loss = min(self._lowest_loss, losses[0])
        # Weights on their way to infinity are still numbers; going back to them would only diverge again.
        if losses[0] <= BLOWN_UP * self._lowest_loss + 1e-6:
            self._good[:] = self.compute.parameters
            self._good_row = self._length
        if self._length == len(self._rows):
            # A new array twice as long: histories handed out before keep looking at the old one.
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[self._length] = [self.epoch, *losses, *metrics, *gradients]
        self._length += 1
        return self.history.last()

    def use(self, experiment: Experiment) -> bool:
        """Go on with a changed experiment if that keeps the weights; False (and nothing done) if it doesn't."""
        if not keeps_weights(self.run.experiment, experiment):
            return False
        data, old = self.run.data, self.run.experiment
        plan = build_plan(experiment, data.preprocessing.network_inputs, data.preprocessing.outputs)
        # What may be refused comes first, so that nothing has changed then.
        targets, weights = training_targets(experiment, data), row_weights(experiment, data)
        refuse_what_does_not_fit(plan, experiment.training, len(data.train_rows))
        self.compute.configure(plan, experiment.training)
        self.run = RunInfo(experiment, data, plan)
        self.training_targets, self.state.weights = targets, weights.astype(self.state.dtype)
        # The layers with parameters are the same ones, perhaps under other numbers.
        self._columns = self._column_names()
        self.diverged, self.trouble, self.stopped = False, None, ""
        same_loss = (old.network, old.training.loss) == (experiment.network, experiment.training.loss)
        if not same_loss:
            # Another loss has another scale.
            self._lowest_loss = math.inf
        if not same_loss or old.training.early_stopping != experiment.training.early_stopping:
            self._patience = self._new_patience()
        return True

    def put(self, parameters: Array) -> None:
        """Go on from other weights of the same layout, with the optimizer's memory emptied.

        Raises
        ------
        ExperimentError
            If they belong to a network of another shape.
        """
        if parameters.shape != self._good.shape:
            raise ExperimentError("the weights were trained for a network of another shape; open their own experiment.")
        self._good[:] = parameters
        self._lowest_loss = math.inf
        # The best weights so far were another run's.
        self._patience = self._new_patience()
        self.compute.put(self._good)

    def recover(self) -> Experiment:
        """Go on after a divergence from the last good weights with a tenth of the learning rate; returns what is now trained."""
        experiment = self.run.experiment
        optimizer = experiment.training.optimizer
        slower = structs.replace(optimizer, learning_rate=optimizer.learning_rate / 10)
        training = structs.replace(experiment.training, optimizer=slower)
        self.use(checked(structs.replace(experiment, training=training)))
        return self.run.experiment

    def choose_backend(self, may_compile: bool = True) -> None:
        """Measure once more which backend is the fastest, and go on there."""
        data = self.run.data
        numbers = data.train_inputs, self.training_targets, self.state.weights.astype(np.float32)
        work = Work(self.run.plan, self.run.experiment.training, self.parameters, *numbers, self.state.threads)
        self.choice = pick(work, may_compile=may_compile)
        if self.choice.name != self.backend.NAME:
            self.switch_backend(self.choice.name)

    def switch_backend(self, name: str) -> None:
        """Go on with the same weights, memory and place in the epoch on another backend."""
        self.compute.switch(name, self.run.experiment.training)

    def activations(self, inputs: Array) -> tuple[Array, ...]:
        """Values of every layer for some network inputs; see ``reference.activations``."""
        return self.compute.activations(inputs)

    def outputs_for(self, inputs: Array) -> Array:
        """Outputs for some network inputs; see ``reference.outputs``."""
        return self.compute.outputs(inputs)

    def model(self) -> TrainedModel:
        """The trained model as it can be saved, with the newest measurement."""
        from playground.model import TrainedModel

        return TrainedModel(self.run.experiment, self.parameters, self.run.data.preprocessing, self.measurement)

    def _diverge(self) -> None:
        """Back to the last weights that were good, with the optimizer's memory emptied."""
        self.diverged = True
        with np.errstate(all="ignore"):
            self.trouble = find_trouble(self)
        self.compute.put(self._good)
        # The outputs shown beside the good weights are those of the good weights.
        self._measure()

    def _column_names(self) -> tuple[str, ...]:
        run = self.run
        layers = tuple(gradient_layers(run.plan))
        return history_columns(run.experiment.training.task, len(run.data.validation_rows) > 0, layers)

    def _new_patience(self) -> Patience | None:
        rule = self.run.experiment.training.early_stopping
        return Patience(rule) if rule is not None else None

    def _measure(self) -> tuple[list[float], list[float]]:
        """Losses of each part, and each metric of each part."""
        data, losses = self.run.data, []
        parts = [
            (data.train_inputs, data.train_targets),
            (data.validation_inputs, data.validation_targets),
            (data.test_inputs, data.test_targets),
        ]
        if not len(data.validation_rows):
            del parts[1]
        for (inputs, targets), rows, outputs in zip(parts, self._part_rows(), self._part_outputs, strict=True):
            with np.errstate(all="ignore"):
                losses.append(self.compute.evaluate(inputs, targets, outputs))
            self.outputs[rows] = outputs
        task = TASKS[self.run.experiment.training.task]
        preprocessing = data.preprocessing
        with np.errstate(all="ignore"):
            predicted = [preprocessing.labels(outputs) for outputs in self._part_outputs]
            metrics = [recorded(name)(predicted[part], self._true[part]) for name in task.metrics for part in range(len(parts))]
        return losses, metrics

    def _part_rows(self) -> tuple[Array, ...]:
        data = self.run.data
        if not len(data.validation_rows):
            return data.train_rows, data.test_rows
        return data.train_rows, data.validation_rows, data.test_rows

    def _truth(self, rows: Array) -> Array:
        """What the metrics compare with: class numbers (rows,), or labels and values (rows, outputs)."""
        targets = self.run.data.dataset.targets[rows]
        return targets[:, 0] if self.run.experiment.training.task in ("binary", "multiclass") else targets


def train(
    experiment: Experiment,
    *,
    epochs: int | None = None,
    backend: str = "auto",
    parameters: Array | None = None,
    threads: int | None = None,
    progress: Callable[[Trainer], None] | None = None,
) -> TrainedModel:
    """Train an experiment from start to end.

    Parameters
    ----------
    experiment
        What to train.
    epochs
        How long; None takes ``training.epochs``.
    backend
        A name of `backends.NAMES`.
    parameters
        Start values, for going on from a trained model's ``parameters``.
    threads
        How many threads may compute; None for one a core.
    progress
        Called after each epoch with the `Trainer`.

    Returns
    -------
    model
        The trained model, with the last measurement as its metrics.
    """
    if epochs is not None and epochs != experiment.training.epochs and epochs > 0:
        # Schedules and early stopping must know where the end is.
        experiment = checked(structs.replace(experiment, training=structs.replace(experiment.training, epochs=epochs)))
    trainer = Trainer(experiment, backend, parameters, threads=threads)
    trainer.record()
    for _ in range(experiment.training.epochs if epochs is None else epochs):
        if not trainer.train_epochs():
            break
        trainer.record()
        if progress is not None:
            progress(trainer)
        if trainer.stopped:
            break
    return trainer.model()
