"""A run's buffers on the GPU and their pinned copies on the host, which are brought up to date when somebody reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from playground.arrays import Array
from playground.kernels.cuda import buffers as cuda_buffers
from playground.kernels.cuda import target as cuda_target
from playground.kernels.cuda.buffers import BatchRoom, GridRoom, PlanTables
from playground.kernels.cuda.script import FIRST_STEPS, Mark
from playground.kernels.cuda.target import OutOfMemory, sentences
from playground.kernels.state import TrainingState
from playground.network.plan import Plan
from playground.words import tr

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec


def _mirrored(name: str) -> Any:
    """A buffer that lies on the GPU: reading it fetches what has changed there, and so may wait for the GPU."""

    def get(state: State) -> Array:
        state.fetch()
        return state.host[name]

    def set_(state: State, value: Array) -> None:
        state.host[name] = value
        state.host_is_newer = True

    return property(get, set_)


class State(TrainingState):
    """Buffers for a run on this backend: on the GPU, and pinned copies of them on the host."""

    parameters = _mirrored("parameters")
    gradients = _mirrored("gradients")
    first_moment = _mirrored("first_moment")
    second_moment = _mirrored("second_moment")

    def __init__(self, plan: Plan, training: TrainingSpec, parameters: Array, rows: int) -> None:
        cuda = cuda_target.load()
        self.host: dict[str, Array] = {}
        self.on_device: dict[str, Any] = {}
        self._backup: dict[str, Any] = {}
        # Whose buffers are newer: the host's after an edit, the GPU's after a step.
        self.host_is_newer = self.device_is_newer = False
        # Steps of a launch, by what launches have taken so far.
        self.pace = FIRST_STEPS
        with sentences():
            self.stream = cuda.stream()
            super().__init__(plan, training, parameters, rows, np.float32)
            self.data, self.script = cuda_buffers.Kept(cuda_buffers.KEPT_ARRAYS), cuda_buffers.ScriptRoom()
            # The GPU reads it in the host's memory while it trains.
            self.stop = cuda.mapped_array(1, np.int32)
            self.stop[0] = 0
        self.mapped_stop = self.stop
        # Where the run stood when its parameters were last fetched: where it can go on if the GPU is lost.
        self.fetched = Mark(self)

    def zeros(self, size: int) -> Array:
        """Pinned memory, which the GPU reads and writes by itself."""
        if not size:
            return np.zeros(0, np.float32)
        numbers: Array = cuda_target.load().pinned_array(size, np.float32)
        numbers[:] = 0
        return numbers

    def make_room(self, size: int, outputs: int) -> None:
        """See `TrainingState.make_room`: on the GPU."""
        # Empty here, so that nobody takes it for the values of a batch.
        self.values = np.zeros(0, np.float32)

    def configure(self, plan: Plan, training: TrainingSpec) -> None:
        """See `TrainingState.configure`."""
        self.fetch()
        super().configure(plan, training)
        self.host_is_newer = True
        if self.batch_size * max(plan.region_widths.values()) >= 2**31:
            raise OutOfMemory(tr("a batch has more numbers than the GPU's kernels can count; take smaller batches."))
        with sentences():
            self.tables = PlanTables(plan)
            self.room: BatchRoom = BatchRoom(plan, self.batch_size)
            self.team = GridRoom(cuda_buffers.most_work(plan, self.batch_size))
        slots = self.optimizer.slots
        self.threads_in_block = cuda_buffers.threads_of_a_block(plan, self.batch_size)
        needed = cuda_buffers.numbers_in_a_block(plan, self.batch_size, slots, self.threads_in_block)
        self.block_bytes = 4 * needed if needed <= cuda_buffers.BLOCK_NUMBERS else 0

    def take_over(self, other: TrainingState) -> None:
        """See `TrainingState.take_over`."""
        self.fetch()
        super().take_over(other)
        self.host_is_newer = True
        self.fetched = Mark(self)

    def put(self, parameters: Array) -> None:
        """See `TrainingState.put`."""
        super().put(parameters)
        self.host_is_newer = True

    def forget_moments(self) -> None:
        """See `TrainingState.forget_moments`."""
        super().forget_moments()
        self.host_is_newer = True

    def fetch(self) -> None:
        """Bring what has changed on the GPU to the host."""
        if self.device_is_newer:
            with sentences():
                # A GPU that is lost says so here, before anything on the host is touched.
                self.stream.synchronize()
                for name, numbers in self.host.items():
                    if numbers.size:
                        self.on_device[name].copy_to_host(numbers, stream=self.stream)
                self.stream.synchronize()
            self.device_is_newer = False
            self.fetched = Mark(self)

    def bring(self) -> None:
        """Bring what has changed on the host to the GPU."""
        if self.host_is_newer:
            for name, numbers in self.host.items():
                if name not in self.on_device or self.on_device[name].size != numbers.size:
                    self.on_device[name] = cuda_buffers.empty(numbers.size)
                    self._backup[name] = cuda_buffers.empty(numbers.size if name != "gradients" else 0)
                if numbers.size:
                    self.on_device[name].copy_to_device(numbers, stream=self.stream)
            self.host_is_newer = False

    def abandon(self) -> None:
        """Go back to where the host last saw the run: the GPU doesn't answer any more."""
        self.device_is_newer = False
        self.fetched.restore(self)

    def back_up(self) -> None:
        """Keep, on the GPU, what a step changes."""
        for name, numbers in self._backup.items():
            if numbers.size:
                numbers.copy_to_device(self.on_device[name], stream=self.stream)

    def go_back(self) -> None:
        """Undo all steps since `back_up`."""
        for name, numbers in self._backup.items():
            if numbers.size:
                self.on_device[name].copy_to_device(numbers, stream=self.stream)
