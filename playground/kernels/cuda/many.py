"""The seed storm on the GPU: hundreds of small networks of one plan, each in the shared memory of a block of its own.

They differ in their weights and learning rates and see the same rows in the same order, as in ``cpu/many.py``, whose
`train_many` this one resembles to the letter.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from playground.arrays import Array
from playground.kernels.cuda import buffers as cuda_buffers
from playground.kernels.cuda import kernels as cuda_kernels
from playground.kernels.cuda import target as cuda_target
from playground.kernels.cuda.buffers import BatchRoom, PlanTables
from playground.kernels.cuda.kernels import SIGNALS, RunBuffers, Scores
from playground.kernels.cuda.script import FIRST_STEPS, LAUNCH_SECONDS, MOST_ROWS, MOST_STEPS, Script, write_script
from playground.kernels.cuda.target import sentences
from playground.kernels.purposes import TRAIN
from playground.kernels.state import FULL_RATE, TrainingState
from playground.network.plan import Plan

if TYPE_CHECKING:
    from playground.experiment import TrainingSpec

# Threads that a multiprocessor's 65,536 registers suffice for, at the 255 that a thread may need; and threads that move as one.
MOST_THREADS, WARP = 256, 32


def fits(plan: Plan, training: TrainingSpec, rows: int) -> bool:
    """Whether a network of this plan can lie in a block's shared memory while it learns."""
    from playground.catalog.optimizers import record_of

    batch = max(1, min(training.batch_size, rows))
    slots, threads = record_of(training.optimizer).slots, cuda_buffers.threads_of_a_block(plan, batch)
    return cuda_buffers.numbers_in_a_block(plan, batch, slots, threads) <= cuda_buffers.BLOCK_NUMBERS


def train_many(
    plan: Plan,
    training: TrainingSpec,
    parameters: Array,
    rates: Array,
    parts: tuple[tuple[Array, Array], tuple[Array, Array]],
    epochs: int,
    stop: Array,
    weights: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Train networks of one plan at once, each as `cuda.train` would train it alone.

    Parameters
    ----------
    plan, training, parameters, rates, parts, epochs, stop
        As `many.train_many` has them; the plan must fit (see `fits`).
    weights
        float32 (rows, outputs): how much each training row counts; None where all count alike.

    Returns
    -------
    parameters, train_losses, test_losses
        As `many.train_many` has them.

    Raises
    ------
    GpuError
        If the GPU fails.
    """
    with sentences():
        return _Storm(plan, training, parameters, rates, parts, weights).train(epochs, stop)


def _threads_for(networks: int, most: int) -> int:
    """Threads of a block so that all networks learn at once, rather than some of them faster and the others later."""
    threads = most
    while threads > WARP and cuda_target.facts().multiprocessors * (MOST_THREADS // threads) < networks:
        threads //= 2
    return threads


class _Storm:
    """Buffers of many networks on the GPU."""

    def __init__(
        self,
        plan: Plan,
        training: TrainingSpec,
        parameters: Array,
        rates: Array,
        parts: tuple[tuple[Array, Array], tuple[Array, Array]],
        weights: Array | None,
    ) -> None:
        (inputs, targets), (test_inputs, test_targets) = parts
        # Its order, random numbers and schedule are those of all; each network has a rate of its own.
        self.state = TrainingState(plan, training, parameters[0], len(inputs), np.float32)
        self.state.hyper[FULL_RATE] = 1
        self.networks, slots = len(parameters), self.state.optimizer.slots
        self.threads = _threads_for(self.networks, cuda_buffers.threads_of_a_block(plan, self.state.batch_size))
        self.bytes = 4 * cuda_buffers.numbers_in_a_block(plan, self.state.batch_size, slots, self.threads)
        size = self.networks * plan.parameter_size
        zeros = np.zeros(size, np.float32)
        self.parameters = cuda_buffers.upload(parameters.astype(np.float32).reshape(-1))
        gradients = cuda_buffers.upload(zeros)
        # A block has its batch in its own memory; this one tells how many rows that is.
        self.room = BatchRoom(plan, self.state.batch_size)
        self.network = PlanTables(plan).network(self.parameters, gradients, self.room, cuda_buffers.empty(0))
        self.first_moment = cuda_buffers.upload(zeros[: size if slots > 0 else 0])
        self.second_moment = cuda_buffers.upload(zeros[: size if slots > 1 else 0])
        self.rates = cuda_buffers.upload(rates.astype(np.float32))
        self.data = [cuda_buffers.upload(np.asarray(array, np.float32)) for array in (inputs, targets)]
        self.data.append(cuda_buffers.upload(np.zeros(0, np.float32) if weights is None else weights.astype(np.float32)))
        self.test_data = [cuda_buffers.upload(np.asarray(array, np.float32)) for array in (test_inputs, test_targets)]
        self.signals = cuda_buffers.upload(np.zeros(self.networks * SIGNALS, np.int32))
        self.shape = parameters.shape

    def train(self, epochs: int, stop: Array) -> tuple[Array, Array, Array]:
        """See `train_many`."""
        train_losses = np.full((epochs, self.networks), np.nan, np.float32)
        test_losses = np.full((epochs, self.networks), np.nan, np.float32)
        steps = -(-self.state.order.size // self.state.batch_size)
        # As many epochs a launch as drivers allow; between launches somebody may have asked to stop.
        most = max(1, min(MOST_STEPS // steps, MOST_ROWS // max(1, self.state.order.size)))
        first, pace = 0, max(1, FIRST_STEPS // steps)
        while first < epochs and not stop[0]:
            count = min(most, pace, epochs - first)
            start = time.perf_counter()
            done = self.state.step
            on_train, on_test = self._launch(write_script(self.state, count * steps), count, done)
            train_losses[first : first + count] = on_train.reshape(self.networks, count).T
            if on_test.size:
                test_losses[first : first + count] = on_test.reshape(self.networks, count).T
            first += count
            share = LAUNCH_SECONDS / max(1e-6, time.perf_counter() - start)
            pace = max(1, min(max(pace, 4 * count), int(count * share)))
        trained: Array = self.parameters.copy_to_host().reshape(self.shape)
        return trained, train_losses, test_losses

    def _launch(self, script: Script, epochs: int, done: int) -> tuple[Array, Array]:
        """Some epochs of all networks: their losses (networks × epochs)."""
        plan, has_test = self.state.plan, self.test_data[1].size > 0
        unknown = np.full(self.networks * epochs, np.nan, np.float32)
        on_train, on_test = cuda_buffers.upload(unknown), cuda_buffers.upload(unknown[: unknown.size if has_test else 0])
        inputs, targets, weights = self.data
        run = RunBuffers(
            inputs=inputs,
            targets=targets,
            weights=weights,
            batch_targets=self.room.targets,
            batch_weights=self.room.weights,
            order=cuda_buffers.upload(script.order),
            steps=cuda_buffers.upload_table(script.steps, np.int32),
            numbers=cuda_buffers.upload_table(script.numbers, np.float32),
            hyper=cuda_buffers.upload(self.state.hyper),
            first_moment=self.first_moment,
            second_moment=self.second_moment,
            optimizer=self.state.optimizer.code,
            rate=np.float32(1),
            seed=self.state.seed,
            done_before=done,
            stop=cuda_buffers.upload(np.zeros(1, np.int32)),
            signals=self.signals,
            losses=cuda_buffers.empty(0),
        )
        test_inputs, test_targets = self.test_data
        scores = Scores(epoch_losses=on_train, test_inputs=test_inputs, test_targets=test_targets, test_losses=on_test)
        kernel = cuda_kernels.train_blocks[self.networks, self.threads, 0, self.bytes]
        kernel(self.network, run, self.rates, scores, plan.units, TRAIN)
        return on_train.copy_to_host(), on_test.copy_to_host()
