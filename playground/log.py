"""The log: what nobody expected goes into a rotating file of the state folder, with what was done before it for a report.

`watch` hangs in wherever Python gives up an exception; nothing is imported or written before one comes, so a start costs
nothing. Sentences for people (a file that can't be read) don't belong here: the log is for faults of the program.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from playground.storage import state_folder
from playground.words import tr

if TYPE_CHECKING:
    import logging

# Any value but 0 prints tracebacks on stderr, too.
DEBUG = "PLAYGROUND_DEBUG"
LOG, CRASHES = "playground.log", "crashes.log"
LARGEST, KEPT = 256 << 10, 3
# How often, and after how many seconds, another program that is just writing is asked again.
ATTEMPTS, PAUSE = 20, 0.005
MOST_ACTIONS = 50
# Longest message of an exception in a report, in letters.
LONGEST_MESSAGE = 200


class Mishap(NamedTuple):
    """An exception that nobody expected: where it came up, its type with the line that raised it, and its traceback."""

    place: str
    key: str
    trace: str


listeners: list[Callable[[Mishap], object]] = []
"""Who is told of each mishap, on the thread where it happened."""
# When, what, and how many times in a row.
_actions: deque[tuple[float, str, int]] = deque(maxlen=MOST_ACTIONS)
_times: Counter[str] = Counter()
_writing = threading.RLock()
# What faulthandler writes to must stay open.
_crashes: list[object] = []


def did(action: str) -> None:
    """Note something that the user did, for the next report; no content of files."""
    times = 1
    if _actions and _actions[-1][1] == action:
        # A drag is one action.
        times += _actions.pop()[2]
    _actions.append((time.time(), action, times))


def last_actions() -> list[str]:
    """What was done last, a line each, the oldest first."""
    return [
        f"{time.strftime('%H:%M:%S', time.localtime(when))} {action}{f' ({times} times)' if times > 1 else ''}"
        for when, action, times in tuple(_actions)
    ]


def watch() -> None:
    """Hang into Python's hooks: exceptions that nobody catches, in any thread, and crashes of the interpreter itself."""
    _chain(sys, "excepthook", _in_main)
    _chain(threading, "excepthook", _in_thread)
    _chain(sys, "unraisablehook", _in_cleaning_up)
    _watch_for_crashes()


def unexpected(error: BaseException, place: str, *, told: bool = True) -> Path | None:
    """Log an exception and tell the listeners.

    Parameters
    ----------
    error
        The exception, with its traceback.
    place
        Where it came up, in words.
    told
        Whether the listeners hear of it.

    Returns
    -------
    path
        The log, or None where it can't be written.
    """
    frames = traceback.extract_tb(error.__traceback__)
    at = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    mishap = Mishap(place, f"{type(error).__name__} {at}", "".join(traceback.format_exception(error)))
    _times[mishap.key] += 1
    count = _times[mishap.key]
    # What goes wrong in every frame would fill the disk.
    if count == 1:
        path = write("ERROR", f"{place}: {mishap.trace}")
    else:
        path = write("ERROR", f"{place}: {mishap.key}, {count} times") if set(str(count)[1:]) == {"0"} else log_file()
    if path is None or os.environ.get(DEBUG, "0") != "0":
        with contextlib.suppress(OSError, AttributeError):
            sys.stderr.write(mishap.trace)
    for listener in tuple(listeners) if told else ():
        # One that has been deleted, or fails itself, must not start over.
        with contextlib.suppress(Exception):
            listener(mishap)
    return path


def log_file() -> Path:
    """Where the log lies."""
    return state_folder() / LOG


def write(level: str, text: str) -> Path | None:
    """Write an entry into the log; its path, or None where it can't be written.

    Parameters
    ----------
    level
        A level's name, as `logging` has them.
    text
        One line or more.
    """
    try:
        path = log_file()
        # Opened for each entry, as another window may have rotated the file in between.
        with _writing, _one_at_a_time(path), contextlib.closing(_handler(path)) as handler:
            handler.emit(_record(level, text))
    except Exception:
        # A log that can't be kept is no reason to stop.
        return None
    return path


def last_error() -> str:
    """The first line of the newest error in the log; empty if there is none."""
    lines = []
    for path in (log_file().with_name(f"{LOG}.1"), log_file()):
        with contextlib.suppress(OSError):
            lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in reversed(lines) if re.match(r"\d{4}-\S+ \S+ \d+ (ERROR|CRITICAL) ", line)), "")


def last_crash() -> str:
    """When the interpreter itself crashed last, as far as known; empty if it never did."""
    try:
        found = (state_folder() / CRASHES).stat()
    except OSError:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.st_mtime)) if found.st_size else ""


def for_report(trace: str) -> str:
    """A traceback as others may see it: the home folder is ~; texts in quotes, which may stand in files, are left out."""
    lines = []
    for line in trace.splitlines():
        # Lines of code and where they stand are indented; the rest are messages.
        quoted = line if line.startswith("  ") else re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", line)[:LONGEST_MESSAGE]
        lines.append(without_home(quoted))
    return "\n".join(lines)


def without_home(text: str) -> str:
    """A text in which the home folder is ~."""
    with contextlib.suppress(RuntimeError):
        home = str(Path.home())
        if len(home) > 1:
            return text.replace(home, "~")
    return text


def _chain(module: object, name: str, hook: Callable[..., None]) -> None:
    """Put a hook before another one, unless it is there; Python's own, which prints a traceback, is left out."""
    before = getattr(module, name)
    if getattr(before, "func", None) is not hook:
        setattr(module, name, functools.partial(hook, before if before is not getattr(module, f"__{name}__") else None))


def _in_main(
    before: Callable[..., object] | None, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Python gives up an exception of the main thread; Qt hands over those of slots and events."""
    if not isinstance(error, Exception):
        # Ctrl+C and exits.
        (before or sys.__excepthook__)(kind, error, trace)
        return
    _tell(unexpected(error.with_traceback(trace), "window or main thread"))
    if before is not None:
        before(kind, error, trace)


def _in_thread(before: Callable[..., object] | None, arguments: threading.ExceptHookArgs) -> None:
    error = arguments.exc_value
    if isinstance(error, Exception):
        name = arguments.thread.name if arguments.thread is not None else "?"
        _tell(unexpected(error, f"thread {name}"))
    if before is not None:
        before(arguments)


def _in_cleaning_up(before: Callable[..., object] | None, arguments: sys.UnraisableHookArgs) -> None:
    """Where an object is taken down nobody waits for anything: it is logged alone."""
    if arguments.exc_value is not None:
        unexpected(arguments.exc_value, "cleaning up", told=False)
    if before is not None:
        before(arguments)


def _tell(path: Path | None) -> None:
    """Say on the terminal, once, that something went wrong and where the details are."""
    if path is not None and sum(_times.values()) == 1:
        with contextlib.suppress(OSError, AttributeError):
            sys.stderr.write(tr("playground: something unexpected went wrong; the details are in {path}\n").format(path=path))


def _watch_for_crashes() -> None:
    """Have the interpreter write where it was if it crashes; nothing changes where that was asked for already."""
    import faulthandler

    if faulthandler.is_enabled():
        return
    try:
        path = state_folder() / CRASHES
        if path.exists() and path.stat().st_size > LARGEST:
            os.replace(path, path.with_name(f"{CRASHES}.1"))
        _crashes.append(open(path, "a", encoding="utf-8"))  # noqa: SIM115  (stays open until the end)
    except OSError:
        return
    faulthandler.enable(_crashes[-1])  # type: ignore[arg-type]


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Wait for other programs that write the log, but not for long; where files can't be locked it goes on without."""
    with open(path.with_name(f"{path.name}.lock"), "a", encoding="utf-8") as file:
        for _ in range(ATTEMPTS):
            try:
                _lock(file.fileno())
                break
            except OSError:
                time.sleep(PAUSE)
        yield


def _lock(descriptor: int) -> None:
    """Take a file's lock, which goes when the file is closed; an OSError if another program has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _record(level: str, text: str) -> logging.LogRecord:
    import logging

    return logging.LogRecord("playground", getattr(logging, level), "", 0, text.rstrip(), None, None)


def _handler(path: Path) -> logging.Handler:
    import logging.handlers

    class Handler(logging.handlers.RotatingFileHandler):
        """Raises instead of printing what went wrong with the log."""

        def handleError(self, record: logging.LogRecord) -> None:
            raise

    handler = Handler(path, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", errors="backslashreplace", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    return handler
