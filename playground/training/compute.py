"""Compute: a run's state and the backend that moves it. Where the GPU fails in the middle, the run goes on on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from playground.arrays import Array
from playground.experiment import TrainingSpec
from playground.kernels.cuda.target import GpuError
from playground.kernels.state import Trace, TrainingState
from playground.network.plan import Plan
from playground.training.backends import load_backend
from playground.words import tr

# Runs whose GPU is lost: letting go of their memory would ask it once more, and print what it answers.
_lost: list[TrainingState] = []


class Compute:
    """Calls a backend's functions on a run's state; each is as ``kernels/reference/backend.py`` describes it.

    Parameters
    ----------
    backend
        The backend's name.
    plan, training, parameters, rows
        As `TrainingState` has them.
    """

    def __init__(self, backend: str, plan: Plan, training: TrainingSpec, parameters: Array, rows: int) -> None:
        self.notice = ""
        """One sentence if the run had to leave the GPU, else empty."""
        self.backend: ModuleType = load_backend(backend)
        try:
            self.state: TrainingState = self.backend.new_state(plan, training, parameters, rows)
        except GpuError as error:
            self.notice = tr("Training goes on on the CPU: {error}").format(error=error)
            self.backend = load_backend("cpu")
            self.state = self.backend.new_state(plan, training, parameters, rows)

    def train(self, inputs: Array, targets: Array, steps: int) -> float:
        """Do some mini-batches. After a loss of the GPU those since the parameters were last fetched are done again first."""
        end = self.state.step + steps
        return self._try(lambda: self.backend.train(self.state, inputs, targets, end - self.state.step))

    def evaluate(self, inputs: Array, targets: Array, outputs: Array) -> float:
        """Outputs and mean loss of some rows."""
        return self._try(lambda: self.backend.evaluate(self.state, inputs, targets, outputs))

    def gradients(self, inputs: Array, targets: Array, weights: Array | None = None) -> Array:
        """The gradient of one batch."""

        def look() -> Array:
            self.backend.gradients(self.state, inputs, targets, weights)
            return self.state.gradients

        return self._try(look)

    def trace(self, inputs: Array, targets: Array, weights: Array | None = None) -> Trace:
        """What a batch leaves behind."""
        return self._try(lambda: self.backend.trace(self.state, inputs, targets, weights))

    def activations(self, inputs: Array) -> tuple[Array, ...]:
        """Values of every layer for some rows."""
        return self._try(lambda: self.backend.activations(self.state.plan, self.state.parameters, inputs))

    def outputs(self, inputs: Array) -> Array:
        """Values of the last layer for some rows."""
        return self._try(lambda: self.backend.outputs(self.state.plan, self.state.parameters, inputs))

    @property
    def parameters(self) -> Array:
        """The parameters as they are; whoever changes them says so with `put`."""
        return self._try(lambda: self.state.parameters)

    def put(self, parameters: Array) -> None:
        """Go on from other parameters, with the optimizer's memory emptied."""

        def put() -> None:
            self.state.put(parameters)
            self.state.forget_moments()

        self._try(put)

    def configure(self, plan: Plan, training: TrainingSpec) -> None:
        """Take over changed settings; see `TrainingState.configure`."""
        self._try(lambda: self.state.configure(plan, training))

    def switch(self, name: str, training: TrainingSpec) -> None:
        """Go on with the same weights, memory and place in the epoch on another backend."""
        old, backend = self.state, load_backend(name)
        try:
            state = backend.new_state(old.plan, training, old.parameters, old.order.size)
            state.take_over(old)
        except GpuError as error:
            # Here the GPU is the new one, or the old one's numbers can't be read any more.
            self.notice = tr("Training goes on on the CPU: {error}").format(error=error)
            if self.backend.NAME == "cuda":
                self._leave_the_gpu(error)
            return
        state.threads = old.threads
        self.backend, self.state = backend, state

    def _try(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except GpuError as error:
            if self.backend.NAME != "cuda":
                raise
            self._leave_the_gpu(error)
            return call()

    def _leave_the_gpu(self, error: GpuError) -> None:
        """Go on on the CPU from where the host last saw the run."""
        old: Any = self.state
        _lost.append(old)
        lost = old.step
        old.abandon()
        lost -= old.step
        self.backend = load_backend("cpu")
        self.state = self.backend.new_state(old.plan, old.training, old.host["parameters"], old.order.size)
        self.state.take_over(old)
        self.state.threads = old.threads
        again = tr(" The last {lost:,} steps are done again.").format(lost=lost) if lost else ""
        self.notice = tr("Training goes on on the CPU: {error}{again}").format(error=error, again=again)
        # Who has asked to stop meanwhile still wants that.
        self.state.stop[0] = old.stop[0]
