"""``.safetensors``: a model that reopens here and loads strictly into ``torch.nn.Sequential``.

Dense layer n is module 2n of the Sequential (an activation module follows each hidden one), so its tensors are ``0.weight``
(out, in), ``0.bias``, ``2.weight``, … The output activation is left out: the outputs are logits. Everything else is text in
the file's metadata.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from playground.data.preprocessing import EXPANSIONS, Preprocessing
from playground.experiment import Experiment, ExperimentError, decode, encode
from playground.model import TrainedModel
from playground.storage import FileError, atomic_write, read_bytes

KEY = "playground.experiment"


def tensors(model: TrainedModel) -> dict[str, NDArray[np.float32]]:
    """The tensors by their names in ``torch.nn.Sequential``; weights are (out, in) there, (in, out) here."""
    named = {}
    for name, array in model.weights():
        _, layer, kind = name.split(".")
        # safetensors writes the memory as it lies, so a transposed view would be stored wrong.
        named[f"{2 * int(layer)}.{kind}"] = np.ascontiguousarray(array.T)
    return named


def save(model: TrainedModel, path: Path) -> None:
    """Write a model, read it back and compare.

    Raises
    ------
    FileError
        If it can't be written.
    """
    from safetensors.numpy import save as serialize

    metadata = {
        KEY: encode(model.experiment).decode(),
        "playground.preprocessing": msgspec.json.encode(model.preprocessing).decode(),
        "playground.classes": json.dumps(model.classes),
        "playground.metrics": msgspec.json.encode(dict(model.metrics)).decode(),
    }
    atomic_write(path, serialize(tensors(model), metadata))
    if not np.array_equal(load(path).parameters, model.parameters):
        raise FileError(f"{path}: the file read back differs from what was written; try another disk.")


def load(path: Path) -> TrainedModel:
    """Read a model.

    Raises
    ------
    FileError
        If it can't be read, or isn't a model of this program.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as deserialize

    data = read_bytes(path)
    try:
        arrays = deserialize(data)
        metadata = _metadata(data)
    except (SafetensorError, ValueError, KeyError, RecursionError, struct.error):
        raise FileError(f"{path}: it isn't a safetensors file, or it is damaged; open a model saved by this program.") from None
    if KEY not in metadata:
        raise FileError(f"{path}: it is a model of another program: it says nothing about data and network; open one saved here.")
    try:
        experiment = decode(metadata[KEY])
        preprocessing = msgspec.json.decode(metadata["playground.preprocessing"], type=Preprocessing)
        metrics = msgspec.json.decode(metadata.get("playground.metrics", "{}"), type=dict[str, float | None])
        if not _fit(preprocessing, experiment):
            raise ValueError("its preprocessing is not that of its experiment; save the model again.")
        model = TrainedModel(
            experiment,
            np.zeros(0, np.float32),
            preprocessing,
            {name: float("nan") if value is None else value for name, value in metrics.items()},
        )
        return _filled(model, arrays)
    except (ExperimentError, msgspec.MsgspecError, KeyError, ValueError) as error:
        raise FileError(f"{path}: its description of the model can't be used: {_reason(error)}") from None


def _metadata(data: bytes) -> dict[str, str]:
    """The file's own key-value texts: a JSON header whose length stands in the first 8 bytes."""
    (length,) = struct.unpack("<Q", data[:8])
    metadata: Any = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    return metadata if isinstance(metadata, dict) else {}


def _fit(preprocessing: Preprocessing, experiment: Experiment) -> bool:
    """Whether the preprocessing is whole and meant for the experiment; somebody may have edited the file."""
    task, outputs = preprocessing.task, preprocessing.outputs
    features, columns = preprocessing.features, preprocessing.columns
    return (
        task == experiment.training.task
        and (not features or (set(features) <= set(EXPANSIONS) and len(columns) == 2))
        and len(preprocessing.mean) == len(preprocessing.scale) == len(features or columns)
        and len(preprocessing.target_mean) == len(preprocessing.target_scale) == (outputs if task == "regression" else 0)
        and len(preprocessing.target_names) == (1 if task in ("binary", "multiclass") else outputs)
        and len(preprocessing.classes) == {"binary": 2, "regression": 0}.get(task, outputs)
        and preprocessing.target_low < preprocessing.target_high
        and all(scale > 0 for scale in (*preprocessing.scale, *preprocessing.target_scale))
    )


def _filled(model: TrainedModel, arrays: dict[str, NDArray[Any]]) -> TrainedModel:
    """The model with its parameters taken from the tensors."""
    plan = model.plan
    parameters = np.zeros(plan.parameter_size, np.float32)
    expected = {}
    for view in plan.parameters:
        _, layer, kind = view.name.split(".")
        expected[f"{2 * int(layer)}.{kind}"] = view
    if set(arrays) != set(expected):
        raise ValueError("its tensors are not those of its network; save the model again.")
    for name, view in expected.items():
        if arrays[name].shape != view.shape[::-1] or arrays[name].dtype != np.float32:
            raise ValueError(f"the tensor {name} has the wrong shape or type; save the model again.")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"the tensor {name} holds values that are no numbers; train the model again.")
        view.of(parameters)[:] = arrays[name].T
    return TrainedModel(model.experiment, parameters, model.preprocessing, model.metrics)


def _reason(error: Exception) -> str:
    text = error.args[0] if isinstance(error, KeyError) else str(error)
    return text if str(text).endswith(".") else f"{text}."
