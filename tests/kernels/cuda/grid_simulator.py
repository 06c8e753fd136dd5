"""A simulator of several blocks that run at once, which Numba's isn't: there one block ends before the next begins.

Every thread of every block is a Python thread, so that the grid's barrier, shares of blocks and parts of products can be
tried. It works on the kernels' Python functions, with ``cuda`` exchanged for an object of its own.
"""

import sys
import threading
from types import SimpleNamespace

import numpy as np

from playground.kernels.cuda.compiling import Device
from playground.kernels.cuda.team import barrier, grid_barrier

# Whoever waits longer for others has been forgotten by them.
PATIENCE = 60.0


class Grid:
    """Runs a kernel's function on so many blocks of so many threads; stands in for the module ``cuda`` meanwhile."""

    def __init__(self, blocks, threads):
        self.gridDim, self.blockDim = SimpleNamespace(x=blocks, y=1), SimpleNamespace(x=threads, y=1)
        self.atomic, self.shared = SimpleNamespace(add=self._add), SimpleNamespace(array=self._array)
        self._own = threading.local()
        self._lock = threading.Lock()
        self._barriers = [threading.Barrier(threads) for _ in range(blocks)]
        self._arrays = {}
        self._error = None

    @property
    def threadIdx(self):
        return SimpleNamespace(x=self._own.thread, y=0)

    @property
    def blockIdx(self):
        return SimpleNamespace(x=self._own.block, y=0)

    def syncthreads(self):
        self._barriers[self._own.block].wait(PATIENCE)

    def threadfence(self):
        """Python's threads see each other's writes at once."""

    def _add(self, array, index, number):
        with self._lock:
            before = int(array[index])
            array[index] = before + number
        return before

    def _array(self, size, dtype):
        with self._lock:
            return self._arrays.setdefault(self._own.block, np.zeros(size, np.float32))

    def run(self, function, *arguments):
        """Launch a kernel, and wait for it."""
        device = Device({barrier: grid_barrier})
        device._simulator = self
        kernel = device._copy(function)
        switching = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            workers = [
                threading.Thread(target=self._work, args=(kernel, block, thread, arguments), daemon=True)
                for block in range(self.gridDim.x)
                for thread in range(self.blockDim.x)
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        finally:
            sys.setswitchinterval(switching)
        if self._error is not None:
            raise self._error

    def _work(self, kernel, block, thread, arguments):
        self._own.block, self._own.thread = block, thread
        try:
            with np.errstate(all="ignore"):
                kernel(*arguments)
        except threading.BrokenBarrierError:
            self._error = self._error or AssertionError(f"block {block} waits for threads that never come")
        except BaseException as error:
            self._error = error
            for waiting in self._barriers:
                waiting.abort()
