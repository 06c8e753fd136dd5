"""Opens what a user names, wherever it is named: an experiment, a trained model or a table, by the ending of its name."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass, replace
from pathlib import Path

from playground.arrays import Float32
from playground.data.preprocessing import Preprocessing
from playground.data.readers import ENDINGS
from playground.data.suggest import suggest
from playground.experiment import Experiment, ExperimentError, decode
from playground.experiment.places import found, refuse_elsewhere
from playground.formats import FORMATS, safetensors
from playground.model import TrainedModel
from playground.storage import FileError, read_beginning, read_bytes
from playground.words import tr

EXPERIMENT = ".json"
# No experiment comes near it; what is larger is something else.
EXPERIMENT_LIMIT = 16 << 20
# As much of a file of no known ending is looked at to see whether it is text.
BEGINNING = 1 << 16


@dataclass(frozen=True, eq=False)
class Opened:
    """What a file holds.

    Parameters
    ----------
    experiment
        The experiment; a first one for a table that is nothing but a table.
    parameters
        float32, flat, in the plan's layout: the weights of a model, to go on from; None for the others.
    is_table
        Whether it is such a table.
    preprocessing
        What came with a model's weights.
    """

    experiment: Experiment
    parameters: Float32 | None = None
    is_table: bool = False
    preprocessing: Preprocessing | None = None


def open_file(
    path: str | os.PathLike[str],
    targets: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    task: str | None = None,
    elsewhere: bool = False,
) -> Opened:
    """Open an experiment, a model or a table; a name of no known ending is taken for a table in text.

    What an experiment or a model names is looked for as `experiment.places` says.

    Parameters
    ----------
    path
        The file.
    targets, ignore, task
        Of a table: columns to predict and to leave out, and what the targets are; for `suggest`.
    elsewhere
        Whether an experiment or a model may name files on other computers.

    Raises
    ------
    FileError
        If it can't be read, or isn't what its ending says; a `ColumnError` where leaving out a column would mend that,
        an `ElsewhereError` where it names another computer's file.
    """
    path = Path(path)
    if is_table(path):
        if path.suffix.lower() not in ENDINGS and not _begins_with_text(path):
            raise FileError(
                tr("{path}: files that open end in {opening_endings}; choose one of those.").format(
                    path=path, opening_endings=", ".join(opening_endings())
                )
            )
        return Opened(suggest(path, targets, ignore, task), is_table=True)
    if path.suffix.lower() == EXPERIMENT:
        try:
            opened = Opened(found(decode(read_bytes(path, EXPERIMENT_LIMIT)), path))
        except ExperimentError as error:
            raise FileError(tr("{path}: {error}").format(path=path, error=error)) from None
    else:
        model = load(path)
        opened = Opened(model.experiment, model.parameters, preprocessing=model.preprocessing)
    if not elsewhere:
        refuse_elsewhere(opened.experiment, path)
    return opened


def load(path: str | os.PathLike[str]) -> TrainedModel:
    """Open a model that ``playground train`` or the window saved, such as a ``.safetensors`` file.

    Raises
    ------
    FileError
        If there is no such file, or it isn't such a model.
    """
    path = Path(path)
    form = FORMATS.get(path.suffix.lower())
    # Whatever it is called, it may be a model in the usual format.
    model = form.load(path) if form is not None and form.load is not None else safetensors.load(path)
    return replace(model, experiment=found(model.experiment, path))


def is_table(path: str | os.PathLike[str]) -> bool:
    """Whether a file would be opened as a table: neither an experiment nor a model by its ending."""
    return Path(path).suffix.lower() not in (EXPERIMENT, *_model_endings())


def opening_endings() -> tuple[str, ...]:
    """The endings of all files that open, experiments first."""
    return (EXPERIMENT, *_model_endings(), *ENDINGS)


def _model_endings() -> tuple[str, ...]:
    return tuple(suffix for suffix, form in FORMATS.items() if form.load is not None)


def _begins_with_text(path: Path) -> bool:
    """Whether a file may be text; one that can't be read may, so that the reader says why."""
    try:
        beginning = read_beginning(path, BEGINNING)
        # The last letter may be cut in two.
        return b"\0" not in beginning and bool(codecs.getincrementaldecoder("utf-8")().decode(beginning) or not beginning)
    except UnicodeDecodeError:
        return False
    except FileError:
        return True
