"""Work off the window's thread: one job at a time, its result comes back on the thread that asked, only the newest one waits."""

from __future__ import annotations

import atexit
import gc
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Generic, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

T = TypeVar("T")


class Mailbox(QObject):
    """Calls what other threads bring, on the window's thread, once Qt's events run there again.

    There is one for the whole program, and none brings it anything once the program ends: a signal from another thread crashes
    the program where its object is being deleted.
    """

    _brought = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._is_open = True
        # Also from the window's own thread: a call that brings another one must not find the lock taken.
        self._brought.connect(self._call, Qt.ConnectionType.QueuedConnection)
        # Before Python and Qt take apart what there is.
        atexit.register(self.close)

    def bring(self, call: Callable[[], object]) -> None:
        """Have something called there; from any thread."""
        with self._lock:
            if self._is_open:
                self._brought.emit(call)

    def close(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._is_open = False

    def _call(self, call: Callable[[], object]) -> None:
        call()


@cache
def mailbox() -> Mailbox:
    """The one mailbox; first asked for on the window's thread."""
    return Mailbox()


@dataclass(eq=False)
class Job(Generic[T]):
    """Something to be computed, and who is told."""

    compute: Callable[[], T]
    then: Callable[[T], object]
    results: tuple[T, ...] = ()

    def deliver(self) -> None:
        """Hand the result over; there is none if the computing failed."""
        for result in self.results:
            self.then(result)


class Background(QObject):
    """Computes one thing at a time on a thread of its own.

    A job that is asked for meanwhile waits, and takes the place of one that waits already: of several snapshots only the
    newest is worth the work. Jobs must not touch widgets; what they return is handed over on the thread that this object
    belongs to, which has to run Qt's events. An exception in a job is printed as any thread's is, and the next job begins.

    Parameters
    ----------
    name
        Of the threads, for whoever looks at them.
    parent
        Whom the results are for: once it is deleted they are dropped.
    """

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._mailbox = mailbox()
        # How many there were when the job began.
        self._modules = 0
        self._thread: threading.Thread | None = None
        self._job: Job[Any] | None = None
        self._waiting: Job[Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is being computed, or its result is on the way."""
        return self._job is not None

    def run(self, compute: Callable[[], T], then: Callable[[T], object]) -> None:
        """Compute something as soon as nothing else is being computed, unless something newer is asked for before that.

        Parameters
        ----------
        compute
            Called on another thread.
        then
            Called with the result on this thread.
        """
        job = Job(compute, then)
        if self.busy:
            self._waiting = job
        else:
            self._begin(job)

    def wait(self, seconds: float) -> bool:
        """Wait until the job at work is done and handed over, without Qt's events; whether it is."""
        job, thread = self._job, self._thread
        if job is not None and thread is not None:
            thread.join(seconds)
            if thread.is_alive():
                return False
            self._end(job)
        return True

    def _begin(self, job: Job[Any]) -> None:
        self._job = job
        self._modules = len(sys.modules)
        self._thread = threading.Thread(target=self._work, args=(job,), name=self._name, daemon=True)
        self._thread.start()

    def _work(self, job: Job[Any]) -> None:
        """On the thread."""
        try:
            job.results = (job.compute(),)
        finally:
            self._mailbox.bring(partial(self._end, job))

    def _end(self, job: Job[Any]) -> None:
        """Hand a result over and begin what waits; a job that `wait` has ended already is left alone."""
        # Whoever asked may have been closed, and this object with him.
        if job is not self._job or not shiboken6.isValid(self):
            return
        self._job, waiting, self._waiting = None, self._waiting, None
        if len(sys.modules) > self._modules:
            # A library that a job has brought stays: the collector's look through all of it would stop the window for frames.
            gc.freeze()
        if waiting is not None:
            self._begin(waiting)
        job.deliver()
