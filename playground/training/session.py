"""TrainingSession: the thread that trains. Commands go in, snapshots come out; nothing that changes is shared.

The thread trains for about 10 ms at a time, looks for commands in between, and publishes what a screen can show. Only the
newest snapshot counts: it holds state, never an event, so whoever reads may skip any number of them.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import replace

from playground import log
from playground.experiment import Experiment, ExperimentError, FileSource, output_activation, target_range
from playground.kernels import cache
from playground.kernels.cuda import target as cuda_target
from playground.kernels.state import available_cores
from playground.storage import FileError
from playground.training.looking import Look, look
from playground.training.pace import FRAME, Pace
from playground.training.parts import watched_parts
from playground.training.protocol import Close, Command, Pause, Snapshot, Status, TestRates, Train, Use, Watch
from playground.training.rate_finder import RateTest, find_rate
from playground.training.trainer import Trainer
from playground.training.warming import Warming
from playground.words import tr

# Measuring and drawing up a snapshot may take this share of the thread's time at most.
PUBLISH_SHARE = 0.35
# Seconds from one close look (gradients, parts that are `Seldom`) to the next: what it shows changes slowly.
CLOSE_LOOK_PAUSE = 0.5
# What is left of a call's weight in the speed after each later one.
FADING = 0.9


class TrainingSession:
    """Trains experiments on a thread of its own.

    Parameters
    ----------
    backend
        ``auto``: the fastest one for each run, NumPy while the CPU's kernels are still being compiled, and the CPU while
        the GPU's are; or a backend's name.
    threads
        How many threads may compute; None for one a core, less one for the window while it paints.
    """

    def __init__(self, backend: str = "auto", threads: int | None = None) -> None:
        self.latest: Snapshot | None = None
        self.generation = 0
        self._backend = backend
        self._threads = threads
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="training", daemon=True)
        # Belongs to the thread from here on.
        self._trainer: Trainer | None = None
        # Stands in for a run whose data can't be loaded.
        self._look: Look | None = None
        self._seen_generation = 0
        self._status = Status.IDLE
        self._error: str | None = None
        self._steps_left: int | None = None
        self._pace = Pace()
        self._warming = Warming()
        self._watch = Watch()
        self._last_publish = 0.0
        self._publish_cost = 0.0
        self._changed = False
        # Floating-point operations of the last calls, and their seconds.
        self._work, self._seconds = 0.0, 0.0
        self._rates: RateTest | None = None
        self._last_close_look = 0.0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def send(self, command: Command) -> None:
        """Hand in a command; it takes effect within about 10 ms (a large network: after the present mini-batch)."""
        if isinstance(command, Use):
            self.generation += 1
        trainer = self._trainer
        if trainer is not None and not isinstance(command, Watch):
            # So that a long call ends at once.
            trainer.stop()
        self._commands.put(command)

    def close(self, timeout: float = 2.0) -> bool:
        """End the thread and wait for it; False if it didn't end in time (seconds)."""
        if self._thread.is_alive():
            self.send(Close())
            self._thread.join(timeout)
        return not self._thread.is_alive()

    # Everything below runs on the session's thread.

    def _loop(self) -> None:
        while self._drain():
            try:
                self._advance()
            except Exception as error:  # the thread must live on, whatever a run does
                self._fail(error)
        # On this thread, to which the GPU belongs.
        self._trainer = None
        self._warming.end()

    def _drain(self) -> bool:
        """Carry out waiting commands; sleeps for one if there's nothing else to do. False on Close."""
        while True:
            try:
                wait = self._idle_seconds()
                command = self._commands.get(timeout=wait) if wait != 0 else self._commands.get_nowait()
            except queue.Empty:
                return True
            if isinstance(command, Close):
                return False
            try:
                self._carry_out(command)
            except Exception as error:
                self._fail(error)

    def _idle_seconds(self) -> float | None:
        """How long the thread may sleep: None for until the next command, 0 for not at all."""
        if self._changed:
            return 0
        if self._status is not Status.RUNNING:
            return 0.1 if self._warming.busy else None
        if self._pace.epochs_per_frame is None or self._steps_left is not None:
            return 0
        # At a chosen pace one wake a frame does all steps that are due, then publishes: polling would keep the window waiting.
        until_publish = self._last_publish + FRAME - time.perf_counter()
        return max(0.0, until_publish, self._pace.seconds_ahead(self._trainer))

    def _carry_out(self, command: Command) -> None:
        self._changed = True
        if isinstance(command, Use):
            self._seen_generation += 1
            self._use(command)
        elif isinstance(command, Watch):
            self._watch = command
            if self._trainer is not None:
                self._trainer.use_threads(self._compute_threads())
        elif isinstance(command, Pause):
            if self._status is Status.RUNNING:
                self._status = Status.PAUSED
        elif isinstance(command, TestRates) and self._trainer is not None:
            # It takes a second or so: what changes the run meanwhile ends it, as it ends a long call of a kernel.
            trainer = self._trainer
            trainer.release()
            self._rates = find_rate(trainer, stop=lambda: trainer.asked_to_stop)
        elif isinstance(command, Train) and self._trainer is not None and self._status is not Status.FAILED:
            self._status = Status.RUNNING
            self._error = None
            self._trainer.resume()
            self._steps_left = command.steps
            self._pace.epochs_per_frame = command.epochs_per_frame
            self._pace.start(self._trainer)
        if self._trainer is not None:
            self._trainer.release()

    def _use(self, command: Use) -> None:
        running = self._status is Status.RUNNING
        self._error = None
        if self._trainer is not None and not command.restart and self._trainer.use(command.experiment):
            if command.parameters is not None:
                self._trainer.put(command.parameters)
            # Other weights, or others of their answers, have another measurement.
            if not self._trainer.measured:
                self._trainer.record(with_gradients=False)
            if not running and self._status is not Status.IDLE:
                self._status = Status.PAUSED
        else:
            old = self._trainer
            same_data = old is not None and _same_data(old.run.experiment, command.experiment, command.restart)
            data = old.run.data if old is not None and same_data else None
            # Nothing of a run that failed to start may stay: the window would show it under the new name.
            self._trainer = None
            self._status = Status.IDLE
            try:
                self._trainer = Trainer(
                    command.experiment,
                    self._warming.backend() if self._backend == "auto" else self._backend,
                    command.parameters,
                    data,
                    self._compute_threads(),
                    may_compile=False,
                )
            except FileError as error:
                self._look_at(command)
                if self._look is None:
                    raise
                words = tr("{error} The model's network and weights are shown; without its table nothing is trained.")
                raise FileError(words.format(error=error)) from None
            self._look = None
            self._warming.warm_gpu_for(self._trainer)
            # Row 0 of the history: where the run starts from.
            self._trainer.record()
            self._rates, self._last_close_look = None, 0.0
            self._work, self._seconds = 0.0, 0.0
            self._pace.forget()
            self._status = Status.RUNNING if running else Status.IDLE
        self._pace.start(self._trainer)

    def _look_at(self, command: Use) -> None:
        """Have a model looked at whose data can't be loaded, or what was looked at before and has been edited."""
        if command.preprocessing is not None and command.parameters is not None:
            self._look = look(command.experiment, command.parameters, command.preprocessing)
        elif self._look is not None:
            self._look = self._look.of(command.experiment, command.parameters)

    def _compute_threads(self) -> int:
        """What was asked for; else one a core, less the one that paints what is watched."""
        if self._threads is not None:
            return self._threads
        return max(1, available_cores() - bool(self._watch.parts))

    def _advance(self) -> None:
        """Train for about a slice, then publish if a frame is over."""
        trainer = self._trainer
        if self._warming.look_after(trainer):
            self._changed = True
        if trainer is not None and self._status is Status.RUNNING:
            self._train_slice(trainer)
        due = time.perf_counter() - self._last_publish >= max(FRAME, self._publish_cost / PUBLISH_SHARE)
        if self._changed or (due and self._status is Status.RUNNING):
            self._publish()

    def _train_slice(self, trainer: Trainer) -> None:
        steps = self._pace.slice_steps
        before_stop = trainer.steps_until(trainer.run.experiment.training.epochs)
        if before_stop > 0:
            steps = min(steps, before_stop)
        if self._steps_left is not None:
            steps = min(steps, self._steps_left)
        elif self._pace.epochs_per_frame is not None:
            steps = min(steps, self._pace.steps_due(trainer))
        if steps <= 0:
            return
        before, rows, start = trainer.step, trainer.rows_done, time.perf_counter()
        good = trainer.train_steps(steps)
        elapsed = max(1e-6, time.perf_counter() - start)
        done = trainer.step - before
        self._note_work((trainer.rows_done - rows) * trainer.run.plan.operations, elapsed)
        if done == steps:
            self._pace.learn(steps, elapsed)
        if self._steps_left is not None:
            self._steps_left -= done
        if not good:
            self._diverge(trainer)
        elif trainer.stopped or 0 < before_stop <= done:
            self._status = Status.FINISHED
            self._changed = True
        elif self._steps_left == 0:
            self._status = Status.PAUSED
            self._changed = True

    def _note_work(self, work: float, seconds: float) -> None:
        """Keep running sums of what was computed and how long it took: each call counts for as long as it lasted."""
        self._work, self._seconds = FADING * self._work + work, FADING * self._seconds + seconds

    def _diverge(self, trainer: Trainer) -> None:
        self._status = Status.DIVERGED
        self._changed = True
        assert trainer.trouble is not None
        kept = tr(" The last good weights are kept.") if trainer.trouble.rate else ""
        self._error = f"{trainer.trouble.sentence}{kept}"

    def _fail(self, error: Exception) -> None:
        """Report an exception in the snapshot; sentences of our own stand as they are."""
        ours = isinstance(error, (ExperimentError, FileError, cuda_target.GpuError))
        if not ours:
            log.unexpected(error, "training")
        self._error = str(error) if ours else f"Training stopped: {type(error).__name__}: {error}."
        self._status = Status.FAILED
        self._changed = True
        try:
            self._publish()
        except Exception:
            # What can't even be measured is shown without its numbers.
            self._trainer = None
            self._publish()

    # Snapshots.

    def _publish(self) -> None:
        start = time.perf_counter()
        self._changed = False
        trainer = self._trainer
        if trainer is None:
            plain = Snapshot(self._seen_generation, self._status, error=self._error)
            shown = self._look
            self.latest = replace(plain, run=shown.run, parameters=shown.parameters) if shown is not None else plain
            return
        # While it runs, now and then; a run that stands still is looked at once, for good.
        closely = self._status is not Status.RUNNING or start - self._last_close_look >= CLOSE_LOOK_PAUSE
        if closely:
            self._last_close_look = start
        while True:
            if self._status is not Status.FAILED:
                self._measure(trainer, closely)
            parts = watched_parts(trainer, self._watch, closely and self._status is not Status.FAILED)
            parameters = trainer.parameters
            # A GPU that was lost meanwhile has taken the run back to an earlier step: once more, on the CPU.
            if trainer.measured or self._status is Status.FAILED:
                break
        parameters.flags.writeable = False
        self.latest = Snapshot(
            generation=self._seen_generation,
            status=self._status,
            step=trainer.step,
            epoch=trainer.epoch,
            history=trainer.history,
            measurement=trainer.measurement,
            parameters=parameters,
            parts=parts,
            error=self._error,
            trouble=trainer.trouble if trainer.diverged else None,
            stopped=trainer.stopped,
            rates=self._rates,
            run=trainer.run,
            backend=trainer.backend.NAME,
            device=cuda_target.facts() if trainer.backend.NAME == "cuda" else None,
            reason=trainer.choice.reason,
            speed=self._work / self._seconds if self._seconds else 0.0,
            threads=trainer.state.threads,
            notice=trainer.compute.notice or cache.notice(),
        )
        # From due time to due time, so that neither a snapshot's cost nor a late wake lowers how often there is one.
        self._last_publish = max(self._last_publish + FRAME, start - FRAME / 2)
        # Time spent waiting for the interpreter is no cost of the snapshot's: a high reading counts little.
        cost = time.perf_counter() - start
        self._publish_cost = min(cost, 0.9 * self._publish_cost + 0.1 * cost)

    def _measure(self, trainer: Trainer, closely: bool) -> None:
        """See to it that the history's last row is that of the weights that are shown."""
        if not trainer.measured:
            trainer.record(with_gradients=closely)
            if trainer.diverged and self._status is not Status.DIVERGED:
                self._diverge(trainer)
                self._changed = False
        if closely and self._status is not Status.RUNNING:
            trainer.add_gradients()


def _same_data(old: Experiment, new: Experiment, restart: bool) -> bool:
    """Whether prepared data can be used again: same source, split and target encoding; a restart reads files anew."""
    if restart and isinstance(new.data.source, FileSource):
        return False
    same_task = old.training.task == new.training.task
    # The width and the scale of the targets follow from the output activation.
    same_outputs = target_range(old) == target_range(new) and output_activation(old) == output_activation(new)
    return same_task and old.data == new.data and same_outputs
