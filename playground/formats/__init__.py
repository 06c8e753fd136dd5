"""File formats for trained weights, one module a format; `FORMATS` lists them by suffix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playground.formats import npz, safetensors
from playground.formats.safetensors import read_parameters
from playground.model import TrainedModel
from playground.storage import FileError
from playground.words import tr

__all__ = ["FORMATS", "Format", "format_for", "read_parameters"]


@dataclass(frozen=True)
class Format:
    """A file format.

    Parameters
    ----------
    suffix, title, description
        ``.npz``, its name for people, one plain sentence.
    save
        Writes a model, reads it back and compares; raises FileError.
    load
        Reads a model, or None where the format doesn't hold enough.
    note
        What must be said about the file of this very model beside the description; empty where there is nothing.
    """

    suffix: str
    title: str
    description: str
    save: Callable[[TrainedModel, Path], None]
    load: Callable[[Path], TrainedModel] | None = None
    note: Callable[[TrainedModel], str] = lambda model: ""


FORMATS: dict[str, Format] = {
    form.suffix: form
    for form in (
        Format(
            ".safetensors",
            tr("Model (safetensors)"),
            tr("Opens here again; a chain of layers loads into torch.nn.Sequential as it is."),
            safetensors.save,
            safetensors.load,
            safetensors.note,
        ),
        Format(".npz", tr("NumPy arrays (npz)"), tr("Each weight matrix and bias as a NumPy array."), npz.save),
    )
}


def format_for(path: Path) -> Format:
    """The format that a file's name asks for.

    Raises
    ------
    FileError
        If no format has that suffix.
    """
    if path.suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        problem = (
            tr("the ending {suffix!r} is no format known here").format(suffix=path.suffix)
            if path.suffix
            else tr("its name has no ending")
        )
        raise FileError(tr("{path}: {problem}; use one of {known}.").format(path=path, problem=problem, known=known))
    return FORMATS[path.suffix.lower()]
