"""What ends the program from outside, all alike: Ctrl+C, TERM (``kill``, a system that shuts down), HUP (a closed terminal)."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

# Those that this system has; SIGBREAK is Windows' for Ctrl+Break and a closed console.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if isinstance(getattr(signal, name, None), int)
)


class Ending:
    """Whether the program is asked to end.

    Parameters
    ----------
    tell
        Called as soon as it is, perhaps by another thread and twice.
    """

    def __init__(self, tell: Callable[[], object]) -> None:
        self.asked = False
        self.tell = tell


# Innermost last: work that an end has to wait for.
_waiting: list[Ending] = []


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Within, the first signal raises KeyboardInterrupt, and the second ends the program at once.

    What was ignored when the program started, as by ``nohup``, stays ignored.
    """
    before: dict[int, Any] = {}
    # Only a program's main thread hears signals.
    with contextlib.suppress(ValueError):
        for number in SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def held(tell: Callable[[], object] = lambda: None) -> Iterator[Ending]:
    """Within, the first signal interrupts nothing: it is only told, so that the work can come to a good end."""
    ending = Ending(tell)
    _waiting.append(ending)
    try:
        with _told_at_once(ending):
            yield ending
    finally:
        _waiting.remove(ending)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    for other in SIGNALS:
        if signal.getsignal(other) is _interrupt:
            signal.signal(other, signal.SIG_DFL)
    _let_go_of_a_dead_terminal()
    if not _waiting:
        raise KeyboardInterrupt
    _waiting[-1].asked = True
    _waiting[-1].tell()


def _let_go_of_a_dead_terminal() -> None:
    """Where the terminal has gone, writing to it would raise: what is said from now on goes nowhere."""
    for stream in (1, 2):
        with contextlib.suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode) and not os.isatty(stream):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream)
                os.close(nowhere)


@contextlib.contextmanager
def _told_at_once(ending: Ending) -> Iterator[None]:
    """Have a thread tell of a signal while compiled code runs, which Python's own handlers wait for."""
    import socket
    import threading

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        try:
            before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        except ValueError:
            yield
            return
        listener = threading.Thread(target=_listen, args=(ours, ending), daemon=True)
        listener.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            theirs.close()
            listener.join()


def _listen(numbers: socket.socket, ending: Ending) -> None:
    while heard_of := numbers.recv(16):
        if any(number in SIGNALS for number in heard_of):
            ending.tell()
