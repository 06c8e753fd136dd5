"""Trainer: runs a Plan on a backend, evaluates it and keeps its history; synchronous, without threads."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from msgspec import structs

from playground.arrays import Array, Float32
from playground.data.preprocessing import PreparedData
from playground.data.weighting import row_weights
from playground.experiment import Experiment, ExperimentError, checked, keeps_weights
from playground.kernels.state import EPOCH, POSITION, TrainingState
from playground.model import TrainedModel
from playground.training.backends import BackendChoice, Work, pick
from playground.training.compute import Compute
from playground.training.diagnosis import Trouble, find_trouble
from playground.training.history import History, Recorder
from playground.training.measuring import Measurement, Measuring, columns_of, gradient_numbers, no_gradient_numbers
from playground.training.run import for_so_long, plan_run, start_parameters, thread_count
from playground.training.stopping import Patience
from playground.words import tr

# A training loss this many times the lowest one so far marks weights that are no good to go back to.
BLOWN_UP = 100.0


class Trainer:
    """Trains one experiment step by step.

    Parameters
    ----------
    experiment
        A checked experiment.
    backend
        One of `BACKEND_CHOICES`; ``auto`` measures which one is the fastest for this run, and says so in ``choice``.
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
        self.run = plan_run(experiment, data, backend)
        data, plan = self.run.data, self.run.plan
        start = start_parameters(experiment, plan) if parameters is None else np.asarray(parameters)
        if start.shape != (plan.parameter_size,):
            raise ExperimentError(tr("the weights were trained for a network of another shape; open their own experiment."))
        weights = row_weights(experiment, data)
        threads = thread_count(threads)
        if backend == "auto":
            numbers = data.train_inputs, self.run.training_targets, weights.astype(np.float32)
            work = Work(plan, experiment.training, start, *numbers, threads)
            self.choice = pick(work, before_compiling, may_compile)
        else:
            self.choice = BackendChoice(backend, "")
        self.compute = Compute(self.choice.name, plan, experiment.training, start, len(data.train_rows))
        self.state.threads = threads
        self.state.weights = weights.astype(self.state.dtype)
        self._patience = self._new_patience()
        self.outputs = np.zeros((len(data.dataset.features), plan.widths[-1]), np.float32)
        """float32 (rows, outputs): outputs for every row of the data set, in its order, as last measured; never written to."""
        self._measuring = Measuring(self.run)
        self._recorder = Recorder(columns_of(self.run))
        # The weights to go back to, the epoch that they are of, their row in the history if it is there, and whether they
        # were measured and found good, rather than only given.
        self._good = self.compute.parameters.copy()
        self._good_epoch = 0.0
        self._good_row: int | None = None
        self._proven = False
        self._lowest_loss = math.inf
        # The epoch of the weights that the run has gone back to; None while it has those of its newest step.
        self._back_at: float | None = None
        self._measured_step = -1
        self._has_gradients = False
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
    def rows_done(self) -> int:
        """Rows trained on so far, in each epoch anew."""
        return int(self.state.counters[EPOCH]) * self.state.order.size + int(self.state.counters[POSITION])

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
    def parameters(self) -> Float32:
        """A copy of the parameters, float32, flat; after a divergence the last ones that were good."""
        # A run that blows up in float64 may have left float32 already.
        with np.errstate(over="ignore"):
            return self.compute.parameters.astype(np.float32)

    @property
    def history(self) -> History:
        """What was recorded so far."""
        return self._recorder.history

    @property
    def weights_epoch(self) -> float:
        """Epochs that the present parameters have been trained for: fewer than ``epoch`` where the run has gone back."""
        return self.epoch if self._back_at is None else self._back_at

    @property
    def measured(self) -> bool:
        """Whether the history's last row is that of the present parameters."""
        # A GPU that is lost takes the run back to an earlier step.
        return self._measured_step == self.step

    @property
    def measurement(self) -> dict[str, float]:
        """Losses and metrics of the present parameters, by column; empty where they weren't measured."""
        if not self.measured:
            return {}
        return {name: value for name, value in self.history.last().items() if not name.startswith("gradient_")}

    # What moves it on

    def use_threads(self, threads: int) -> None:
        """Let so many threads compute from the next call on."""
        self.state.threads = threads

    def stop(self) -> None:
        """Ask the present call, from whatever thread, to end after its mini-batch; none trains until `release`."""
        # Read inside the kernels after every mini-batch.
        self.state.stop[0] = 1

    @property
    def asked_to_stop(self) -> bool:
        """Whether `stop` was called since the last `release`."""
        return bool(self.state.stop[0])

    def release(self) -> None:
        """Let calls train again after `stop`."""
        self.state.stop[0] = 0

    def resume(self) -> None:
        """Try again after a divergence, from the last good weights; where nothing diverged this does nothing."""
        self.diverged = False

    def train_steps(self, steps: int) -> bool:
        """Do some mini-batches; False if a number broke, which ends the run with the last good weights (see ``trouble``).

        Early stopping may end it sooner (see ``stopped``). Whichever goes back to earlier weights, their measurement is the
        history's last row then, under the epoch that they are of.
        """
        if self.diverged:
            return False
        self.stopped = ""
        while steps > 0 and not self.diverged and not self.stopped and not self.asked_to_stop:
            # With early stopping, no call goes beyond the end of an epoch.
            epoch = int(self.state.counters[EPOCH])
            part = steps if self._patience is None else min(steps, self.steps_until(epoch + 1))
            self._train(part)
            steps -= part
            if self._patience is not None and not self.diverged and self.state.counters[EPOCH] > epoch:
                self._look_at_validation(self._patience)
        return not self.diverged

    def _train(self, steps: int) -> None:
        before = self.step
        # A run that blows up is reported by its loss, not by warnings from the middle of the arithmetic.
        with np.errstate(all="ignore"):
            loss = self.compute.train(self.run.data.train_inputs, self.run.training_targets, steps)
        if self.step != before:
            self._back_at = None
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
            if patience.best_epoch != epoch:
                # What the last epoch's own weights reached: nobody can measure them later.
                self._add_if_finite()
            self.compute.put(patience.best_parameters)
            self._back_at = float(patience.best_epoch)
            patience.wait_again(epoch)
            why = (
                tr("no lower validation loss for {patience} epochs").format(patience=patience.rule.patience)
                if waited_enough
                else tr("the last epoch is over")
            )
            self.stopped = tr(
                "Stopped after epoch {epoch}: {why}. The weights are those of epoch {best_epoch}, "
                "with a validation loss of {best_loss:.4f}."
            ).format(epoch=epoch, why=why, best_epoch=patience.best_epoch, best_loss=patience.best_loss)
            self.record()

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
            The measurement by column name; where a number broke, that of the last good weights, which the run has gone back to.
        """
        loss = self._add_if_finite(with_gradients)
        if not math.isfinite(loss):
            self._diverge()
            return self.history.last()
        self._lowest_loss = min(self._lowest_loss, loss)
        # Weights on their way to infinity are still numbers; going back to them would only diverge again.
        if loss <= BLOWN_UP * self._lowest_loss + 1e-6:
            self._good[:] = self.compute.parameters
            self._good_epoch, self._good_row, self._proven = self.weights_epoch, self.history.length - 1, True
        return self.history.last()

    def add_gradients(self) -> None:
        """Measure the gradients that the history's last row was recorded without, if it is that of the present weights."""
        if self.measured and not self._has_gradients:
            numbers = gradient_numbers(self.run, self.compute)
            # Measuring may lose the GPU, and the weights with it.
            if self.measured:
                self._recorder.amend(dict(zip(self.history.columns[-len(numbers) :], numbers, strict=True)))
                self._has_gradients = True

    def _add_if_finite(self, with_gradients: bool = True) -> float:
        """Add a row for the present weights if they and their loss are numbers; the loss, else NaN."""
        measured, gradients = self._measure(with_gradients)
        if not (math.isfinite(measured.losses[0]) and np.isfinite(self.compute.parameters).all()):
            return math.nan
        self._add(measured, gradients)
        self._has_gradients = with_gradients
        return measured.losses[0]

    def _measure(self, with_gradients: bool) -> tuple[Measurement, list[float]]:
        """All of it with the same weights: a GPU that is lost in between takes the run back to earlier ones."""
        while True:
            step = self.step
            measured = self._measuring.measure(self.compute)
            gradients = gradient_numbers(self.run, self.compute) if with_gradients else no_gradient_numbers(self.run)
            if self.step == step:
                return measured, gradients

    def _add(self, measured: Measurement, gradients: list[float]) -> None:
        self.outputs = measured.outputs
        self._recorder.add([self.weights_epoch, *measured.losses, *measured.metrics, *gradients])
        self._measured_step = self.step

    def use(self, experiment: Experiment) -> bool:
        """Go on with a changed experiment if that keeps the weights; False (and nothing done) if it doesn't."""
        if not keeps_weights(self.run.experiment, experiment):
            return False
        old = self.run.experiment
        # What may be refused comes first, so that nothing has changed then.
        run, weights = plan_run(experiment, self.run.data, self.backend.NAME), row_weights(experiment, self.run.data)
        self.compute.configure(run.plan, experiment.training)
        self.run, self.state.weights = run, weights.astype(self.state.dtype)
        # The layers with parameters are the same ones, perhaps under other numbers.
        self._recorder.columns = columns_of(run)
        self.diverged, self.trouble, self.stopped = False, None, ""
        same_loss = (old.network, old.training.loss) == (experiment.network, experiment.training.loss)
        if not same_loss:
            # Another loss has another scale, and the same weights another row.
            self._lowest_loss = math.inf
            self._good_row, self._measured_step = None, -1
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
            raise ExperimentError(tr("the weights were trained for a network of another shape; open their own experiment."))
        self._good[:] = parameters
        self._good_epoch, self._good_row, self._proven = self.epoch, None, False
        self._back_at, self._measured_step = None, -1
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
        numbers = data.train_inputs, self.run.training_targets, self.state.weights.astype(np.float32)
        work = Work(self.run.plan, self.run.experiment.training, self.parameters, *numbers, self.state.threads)
        self.choice = pick(work, may_compile=may_compile)
        if self.choice.name != self.backend.NAME:
            self.switch_backend(self.choice.name)

    def stay_on_cpu(self, reason: str) -> None:
        """Take note of why the CPU, where the run is, is where it stays."""
        self.choice = BackendChoice("cpu", reason)

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
        """The trained model as it can be saved, with its measurement."""
        if not self.measured:
            self.record()
        return TrainedModel(self.run.experiment, self.parameters, self.run.data.preprocessing, self.measurement)

    def _diverge(self) -> None:
        """Back to the last weights that were good, with the optimizer's memory emptied; the history's last row is theirs."""
        self.diverged = True
        with np.errstate(all="ignore"):
            self.trouble = find_trouble(self.run, self.compute, trained=self._proven)
        self.compute.put(self._good)
        self._back_at = self._good_epoch
        measured, gradients = self._measure(with_gradients=True)
        if self._good_row is not None and self._good_row == self.history.length - 1:
            self.outputs, self._measured_step = measured.outputs, self.step
            return
        # Whatever they are worth: where a run starts with weights that are no good, so does its history.
        self._add(measured, gradients)
        self._good_row, self._has_gradients = self.history.length - 1, True

    def _new_patience(self) -> Patience | None:
        rule = self.run.experiment.training.early_stopping
        return Patience(rule) if rule is not None else None


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
        One of `BACKEND_CHOICES`.
    parameters
        Start values, for going on from a trained model's ``parameters``.
    threads
        How many threads may compute; None for one a core.
    progress
        Called after each epoch with the `Trainer`.

    Returns
    -------
    model
        The trained model, with its measurement as its metrics; its experiment says how long it was trained.

    Raises
    ------
    ExperimentError, FileError
        If it can't be trained, or its data can't be loaded: one sentence with the field's path.
    """
    experiment, epochs = for_so_long(experiment, epochs)
    trainer = Trainer(experiment, backend, parameters, threads=threads)
    trainer.record()
    for _ in range(epochs):
        if not trainer.train_epochs():
            break
        if not trainer.measured:
            trainer.record()
        if progress is not None:
            progress(trainer)
        if trainer.stopped:
            break
    return trainer.model()
