"""``.npz``: every parameter as a NumPy array with the name and shape that it has in the program.

``layers.0.weight`` is (in, out) of a dense layer and (kernel · kernel · channels, filters) of a convolution;
``layers.1.layers.0.weight`` lies within a residual block, ``layers.0.table.0`` is the table of the first column, and
``layers.2.running_mean`` and ``running_var`` are what BatchNorm predicts with.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model import TrainedModel
from playground.storage import FileError, atomic_write, read_bytes
from playground.words import tr

LIMIT = 1 << 30


def save(model: TrainedModel, path: Path) -> None:
    """Write a model's arrays, read them back and compare.

    Raises
    ------
    FileError
        If the file can't be written.
    """
    arrays = dict(model.weights())
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    atomic_write(path, buffer.getvalue())
    back = read_arrays(path)
    if set(back) != set(arrays) or not all(np.array_equal(back[name], array) for name, array in arrays.items()):
        raise FileError(tr("{path}: the file read back differs from what was written; try another disk.").format(path=path))


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz`` file.

    Raises
    ------
    FileError
        If it isn't one, or would unpack to more than 1 GiB.
    """
    data = read_bytes(path)
    try:
        # A small zip can unpack to any size: the sizes are checked before anything is unpacked.
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LIMIT:
                raise FileError(tr("{path}: it unpacks to more than 1 GiB; use a smaller file.").format(path=path))
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        # A member that doesn't begin as an array comes as its bytes.
        if not all(isinstance(array, np.ndarray) for array in found.values()):
            raise ValueError
        return found
    except FileError:
        raise
    except Exception:
        # Of a damaged file zipfile, zlib, tokenize and NumPy raise whatever they come across, even that memory is short.
        raise FileError(
            tr("{path}: it isn't an npz file, or it is damaged; export the weights again.").format(path=path)
        ) from None
