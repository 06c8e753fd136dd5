"""Where the files lie that an experiment names: how its own file stores them, and where they are found when it is opened.

A file in or below the experiment's folder is stored relative to it, so that the folder can be moved and handed on, any other
absolute. It is looked up as stored, then beside the experiment by its name. What lies on another computer is never looked at
just because a file says so: a system may log on there by itself, or wait for a long time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

from msgspec.structs import replace

from playground.catalog.initializers import FromFile
from playground.experiment.specs import Experiment, FileSource
from playground.storage import FileError
from playground.words import tr


class ElsewhereError(FileError):
    """A file that is opened names a file on another computer, and nobody has said that it may be fetched.

    Parameters
    ----------
    path
        The file that is opened.
    computer
        The other computer's name.
    """

    def __init__(self, path: str | os.PathLike[str], computer: str) -> None:
        super().__init__(
            tr(
                "{path}: it names a file on another computer, {computer}, which is not asked for it; if you trust it, "
                "open the table itself, or add --from-elsewhere."
            ).format(path=path, computer=computer)
        )
        self.computer = computer


def stored(experiment: Experiment, file: str | os.PathLike[str]) -> Experiment:
    """The experiment as a file of that place holds it: what lies in or below its folder is named from there."""
    folder = Path(os.path.realpath(file)).parent

    def name(path: str) -> str:
        if computer_of(path) or not os.path.exists(path):
            # Neither looked at nor known from here: it stays what it is.
            return path
        whole = Path(os.path.realpath(path))
        return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else str(whole)

    return _renamed(experiment, name)


def found(experiment: Experiment, file: str | os.PathLike[str]) -> Experiment:
    """The experiment of a file with what it names where it is; what is nowhere to be found keeps its name."""
    folder = Path(os.path.realpath(file)).parent

    def name(path: str) -> str:
        places = [] if computer_of(path) else [folder / path, Path(path)]
        # By its name alone, which either kind of stroke ends, wherever the file was written.
        places += [folder / last for last in (Path(path).name, PureWindowsPath(path).name) if last]
        # isfile answers without an error whatever the name is.
        return next((os.path.realpath(place) for place in places if os.path.isfile(place)), path)

    return _renamed(experiment, name)


def refuse_elsewhere(experiment: Experiment, file: str | os.PathLike[str]) -> None:
    """Refuse an opened experiment that names a file on another computer than its own file's.

    Raises
    ------
    ElsewhereError
        With that computer's name.
    """
    own = computer_of(os.fspath(file))

    def name(path: str) -> str:
        if (computer := computer_of(path)) not in ("", own):
            raise ElsewhereError(file, computer)
        return path

    _renamed(experiment, name)


def computer_of(path: str) -> str:
    """The other computer that a path names, by its text alone; empty for a path on this one.

    Such are ``//computer/share`` with strokes of either kind, ``//?/UNC/computer``, addresses such as ``file://computer`` or
    ``smb://computer``, and ``/net/computer``, which Unix systems fetch by themselves. The answer is the same on every system.
    """
    if address := re.match(r"\s*([A-Za-z][A-Za-z0-9+.-]+):[\\/]{2}([^\\/]*)(.*)", path, re.DOTALL):
        scheme, computer, rest = address.groups()
        return computer_of(rest) if scheme.lower() == "file" and computer.lower() in ("", "localhost") else computer or scheme
    parts = re.split(r"[\\/]", path.strip())
    if parts[:2] == ["", ""] and len(parts) > 2:
        rest = [part for part in parts[2:] if part]
        if rest[:1] not in (["?"], ["."]):
            return rest[0] if rest else ""
        if len(rest) > 2 and rest[1].upper() == "UNC":
            return rest[2]
        # A drive of this computer is named by a letter; what else stands there may lead anywhere.
        return "" if len(rest) < 2 or re.fullmatch(r"[A-Za-z]:.*", rest[1]) else rest[1]
    return parts[2] if parts[:2] == ["", "net"] and len(parts) > 3 else ""


def _renamed(experiment: Experiment, name: Callable[[str], str]) -> Experiment:
    """The experiment with the table and the weights to start from under other names."""
    source, initializer = experiment.data.source, experiment.network.initializer
    if isinstance(source, FileSource):
        experiment = replace(experiment, data=replace(experiment.data, source=replace(source, path=name(source.path))))
    if isinstance(initializer, FromFile):
        start = replace(initializer, path=name(initializer.path))
        experiment = replace(experiment, network=replace(experiment.network, initializer=start))
    return experiment
