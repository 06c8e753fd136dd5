"""Simulated threads that take turns: always one runs, up to its next barrier, so an order of threads is a thing to choose.

Numba's simulator lets all threads of a block run at once and polls them, which is slow, and shows a missing barrier only
by luck. In turns the same launch gives the same numbers every time, and a phase between two barriers that reads what
another thread writes gives other numbers in another order.
"""

import contextlib
import importlib
import itertools
import sys
import threading

import numpy as np

simulator = importlib.import_module("numba.cuda.simulator.kernel")
_ALL_AT_ONCE = simulator.BlockManager.run
# Threads that have come to the end of a block and wait for another one: starting one takes longer than most have to do.
_idle = []


class Abort(BaseException):
    """Ends a thread of a block in which another one has failed."""


class TakingTurns(threading.Thread):
    """A thread of a simulated block, in the place of Numba's ``BlockThread``."""

    def __init__(self):
        super().__init__(daemon=True)
        # A lock that is released when it is this one's turn, and that of whoever comes after it.
        self.turn, self.next_turn = _taken_lock(), None
        self.start()

    def take(self, work, block, thread, dimensions, watching):
        """Be this thread of this block from the next turn on."""
        self.blockIdx, self.threadIdx = simulator.Dim3(*block), simulator.Dim3(*thread)
        self.thread_id = thread[0] + dimensions[0] * (thread[1] + dimensions[1] * thread[2])
        self.error, self.waits, self.aborted, self.place = None, False, False, None
        self._work, self._watching = work, watching

    def run(self):
        while True:
            self.turn.acquire()
            try:
                # A GPU warns of nothing, and each Python thread has settings of its own.
                with np.errstate(all="ignore"):
                    self._work()
            except Abort:
                pass
            except BaseException as error:
                self.error = error
            self._work, self.waits = None, False
            self.next_turn.release()

    def syncthreads(self):
        """Called by the kernel."""
        if self._watching:
            self.place = _place(sys._getframe(2))
        self.waits = True
        self.next_turn.release()
        self.turn.acquire()
        if self.aborted:
            raise Abort


def _taken_lock():
    lock = threading.Lock()
    lock.acquire()
    return lock


def take_turns(threads):
    """Let each run to its next barrier or its end, one after the other; returns those that wait at a barrier now."""
    over = _taken_lock()
    for thread, following in itertools.pairwise(threads):
        thread.next_turn = following.turn
    threads[-1].next_turn = over
    threads[0].turn.release()
    over.acquire()
    return [thread for thread in threads if thread.waits]


def _place(frame):
    """The lines by which a kernel has come to a barrier."""
    lines = []
    while frame is not None and frame.f_code.co_filename != threading.__file__:
        lines.append((frame.f_code.co_name, frame.f_lineno))
        frame = frame.f_back
    return tuple(lines)


def block_runner(order, watching):
    """A ``BlockManager.run`` in which threads take turns in an order; see `in_turns`."""

    def run(self, grid_point, *arguments):
        points = list(np.ndindex(*self._block_dim))
        threads = [_idle.pop() if _idle else TakingTurns() for _ in points]
        for thread, point in zip(threads, points, strict=True):
            thread.take(lambda: self._f(*arguments), grid_point, point, self._block_dim, watching)
        phase, waiting = 0, threads
        try:
            while waiting:
                waiting = take_turns(order(waiting, phase))
                for thread in threads:
                    if thread.error is not None:
                        raise thread.error
                if watching and waiting:
                    assert len(waiting) == len(threads), "some threads wait at a barrier that others never come to"
                    places = {thread.place for thread in waiting}
                    assert len(places) == 1, f"threads wait at different barriers: {places}"
                phase += 1
        finally:
            for thread in waiting:
                thread.aborted = True
            if waiting:
                take_turns(waiting)
            _idle.extend(threads)

    return run


def first_to_last(threads, phase):
    return sorted(threads, key=lambda thread: thread.thread_id)


def last_to_first(threads, phase):
    return sorted(threads, key=lambda thread: -thread.thread_id)


def shuffled(threads, phase):
    """Another order in each phase, the same in each launch."""
    return [first_to_last(threads, phase)[i] for i in np.random.default_rng(phase).permutation(len(threads))]


@contextlib.contextmanager
def in_turns(order=first_to_last, watching=False):
    """Let the threads of simulated blocks take turns.

    Parameters
    ----------
    order
        Which one comes when: a function of the threads and the number of the phase.
    watching
        Whether to check that all threads of a block always wait at the same barrier.
    """
    with _running(block_runner(order, watching)):
        yield


@contextlib.contextmanager
def all_at_once():
    """Let the threads of simulated blocks run as Numba has them: in any order, and each at any moment."""
    interval = sys.getswitchinterval()
    # They are polled; Python's own 5 ms between two of them would make that 70 times slower.
    sys.setswitchinterval(1e-6)
    try:
        with _running(_ALL_AT_ONCE):
            yield
    finally:
        sys.setswitchinterval(interval)


@contextlib.contextmanager
def _running(run):
    before = simulator.BlockManager.run
    simulator.BlockManager.run = run
    try:
        yield
    finally:
        simulator.BlockManager.run = before
