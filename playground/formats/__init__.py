"""File formats for trained weights, one module a format; `FORMATS` lists them by suffix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playground.formats import npz, safetensors
from playground.model import TrainedModel
from playground.storage import FileError


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
    """

    suffix: str
    title: str
    description: str
    save: Callable[[TrainedModel, Path], None]
    load: Callable[[Path], TrainedModel] | None = None


FORMATS: dict[str, Format] = {
    form.suffix: form
    for form in (
        Format(
            ".safetensors",
            "Model (safetensors)",
            "Opens here again, and loads into torch.nn.Sequential as it is.",
            safetensors.save,
            safetensors.load,
        ),
        Format(".npz", "NumPy arrays (npz)", "Each weight matrix and bias as a NumPy array.", npz.save),
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
        problem = f"the ending {path.suffix!r} is no format known here" if path.suffix else "its name has no ending"
        raise FileError(f"{path}: {problem}; use one of {known}.")
    return FORMATS[path.suffix.lower()]
