"""What lies in the GPU's memory: a run's buffers, and the data, uploaded once and kept as long as they are used."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from playground.arrays import Array
from playground.kernels.cuda import target as cuda_target
from playground.kernels.cuda.instructions import Network
from playground.kernels.cuda.target import SIMULATED
from playground.kernels.cuda.team import THREADS
from playground.kernels.cuda.tiles import SMALL
from playground.network.parameters import padded
from playground.network.plan import Plan

DeviceArray = Any
# Simulated threads are Python's own: a few show the same as many.
GRID_THREADS = 8 if SIMULATED else THREADS
MOST_BLOCK_THREADS = 8 if SIMULATED else 256
# float32 numbers that a block may keep in shared memory; every GPU grants 48 KiB without being asked for more.
BLOCK_NUMBERS = 12_288
# Arrays that are kept for calls which come without a run: grids that a window draws, tables that are predicted.
KEPT_ARRAYS, KEPT_PLANS = 12, 4


def empty(size: int, dtype: Any = np.float32) -> DeviceArray:
    """So many numbers on the GPU, whatever they are."""
    return cuda_target.load().device_array(size, dtype)


def upload(array: Array) -> DeviceArray:
    """A copy on the GPU."""
    array = np.ascontiguousarray(array)
    on_device = empty(array.size, array.dtype)
    if array.size:
        on_device.copy_to_device(array.reshape(-1))
    return on_device


def upload_table(table: Array, dtype: Any) -> DeviceArray:
    """A copy of a table of two dimensions."""
    return cuda_target.load().to_device(np.ascontiguousarray(table, dtype))


class Kept:
    """Arrays of the host and their copies on the GPU. An array must not be changed once it is here."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._arrays: OrderedDict[int, tuple[Array, DeviceArray]] = OrderedDict()

    def of(self, array: Array) -> DeviceArray:
        """The copy of an array of float32 numbers, flat; made now if there is none yet."""
        key = id(array)
        # As long as the array is held here, nobody else can have its identity.
        if key not in self._arrays:
            self._arrays[key] = array, upload(np.asarray(array, np.float32))
            while len(self._arrays) > self._most:
                self._arrays.popitem(last=False)
        self._arrays.move_to_end(key)
        return self._arrays[key][1]

    def clear(self) -> None:
        """Let go of all."""
        self._arrays.clear()


class Own(threading.local):
    """What a thread keeps between calls that come without a run; threads share nothing, so several may predict at once."""

    def __init__(self) -> None:
        self.data = Kept(KEPT_ARRAYS)
        self.room = ScriptRoom()
        self.tables: OrderedDict[int, PlanTables] = OrderedDict()
        self.chunk: tuple[Any, BatchRoom, GridRoom] | None = None

    @functools.cached_property
    def stream(self) -> Any:
        """Where this thread's calls without a run are computed."""
        return cuda_target.load().stream()

    def tables_of(self, plan: Plan) -> PlanTables:
        """A plan's tables."""
        key = id(plan)
        if key not in self.tables:
            self.tables[key] = PlanTables(plan)
            while len(self.tables) > KEPT_PLANS:
                self.tables.popitem(last=False)
        return self.tables[key]

    def room_for(self, plan: Plan, rows: int) -> tuple[BatchRoom, GridRoom]:
        """Room for a chunk of so many rows or more; kept for the next call that needs no more."""
        key = plan.units, plan.widths[-1], plan.parameter_size
        if self.chunk is None or self.chunk[0] != key or self.chunk[1].capacity < rows:
            # Let go of the old one first: both together may be too much.
            self.chunk = None
            self.chunk = key, BatchRoom(plan, rows), GridRoom(most_work(plan, rows))
        return self.chunk[1:]


class PlanTables:
    """A plan's tables on the GPU."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        # 32 bits are enough for a place, and a GPU's native size.
        self.instructions = upload_table(plan.instructions, np.int32)
        self.settings = upload_table(plan.settings, np.float32)
        self.spans = upload_table(plan.spans, np.int32)

    def network(self, parameters: DeviceArray, gradients: DeviceArray, room: BatchRoom, sums: DeviceArray) -> Network:
        """The plan with these numbers, as kernels take it."""
        return Network(
            instructions=self.instructions,
            settings=self.settings,
            spans=self.spans,
            parameters=parameters,
            gradients=gradients,
            values=room.values,
            deltas=room.deltas,
            sums=sums,
            capacity=room.capacity,
            width=self.plan.widths[0],
        )


class GridRoom:
    """What the blocks of a grid meet at, and room for parts of their products."""

    def __init__(self, most_work: int) -> None:
        multiprocessors = 1 if SIMULATED else cuda_target.facts().multiprocessors
        self.blocks = max(1, min(multiprocessors, -(-most_work // GRID_THREADS)))
        # Two products at once, each with as many tiles in parts as there are blocks.
        self.sums = empty(2 * self.blocks * SMALL * SMALL if not SIMULATED else 64)
        self.partial = empty(self.blocks)
        self._meeting = upload(np.zeros(8, np.int32))
        self.signals, self.arrivals = self._meeting[:4], self._meeting[4:]
        self._zeros = np.zeros(8, np.int32)

    def reset(self, stream: Any) -> None:
        """Before a launch: nobody has arrived, nothing has been signaled."""
        self._meeting.copy_to_device(self._zeros, stream=stream)


class BatchRoom:
    """Values and slopes of a batch on the GPU, and its targets and weights."""

    def __init__(self, plan: Plan, rows: int) -> None:
        self.capacity = padded(rows)
        self.values, self.deltas = empty(plan.units * self.capacity), empty(plan.units * self.capacity)
        outputs = plan.widths[-1] * self.capacity
        self.targets, self.weights = empty(outputs), empty(outputs)


class ScriptRoom:
    """Room on the GPU for what a call brings: rows, steps, their numbers; and for the losses that it takes away."""

    def __init__(self) -> None:
        self._rooms: dict[str, DeviceArray] = {}
        # What is being copied must stay until it is there.
        self._sources: dict[str, Array] = {}

    def bring(self, name: str, array: Array, stream: Any) -> DeviceArray:
        """A copy of an array of one dimension or of rows of a fixed width."""
        room = self.take(name, len(array), array.shape[1:], array.dtype)
        self._sources[name] = np.ascontiguousarray(array)
        room.copy_to_device(self._sources[name], stream=stream)
        return room

    def take(self, name: str, rows: int, shape: tuple[int, ...] = (), dtype: Any = np.float32) -> DeviceArray:
        """Room for so many rows; allocated anew only where there is too little."""
        room = self._rooms.get(name)
        if room is None or len(room) < rows:
            # More than asked for: calls grow until they take about as long as a frame.
            room = self._rooms[name] = cuda_target.load().device_array((2 * rows, *shape), dtype)
        return room[:rows]


def numbers_in_a_block(plan: Plan, rows: int, slots: int, threads: int) -> int:
    """float32 numbers that a network needs in a block's shared memory; see `kernels.train_in_blocks`."""
    capacity = padded(rows)
    return threads + (2 + slots) * plan.parameter_size + 2 * capacity * (plan.units + plan.widths[-1]) + 1


def threads_of_a_block(plan: Plan, rows: int) -> int:
    """A thread for each value of the widest layer and batch, in whole warps and powers of two."""
    threads = 32
    while threads < rows * max(plan.widths) and threads < 256:
        threads *= 2
    return min(threads, MOST_BLOCK_THREADS)


def most_work(plan: Plan, rows: int) -> int:
    """Numbers of the widest thing that a step of so many rows computes: more threads would stand idle."""
    return max(plan.parameter_size, rows * max(plan.region_widths.values()))


own = Own()
