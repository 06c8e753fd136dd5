"""``.safetensors``: a model that reopens here and loads strictly into ``torch.nn.Sequential``.

Tensors have the names and layouts of the Sequential that `torch_modules` lists: each layer is followed by its activation's
module, so those of a network of dense layers are ``0.weight`` (out, in), ``0.bias``, ``2.weight``, … The output activation is
left out: the outputs are logits. Everything else is text in the file's metadata; ``playground.torch`` says how the Sequential
is made, or, for a network with a skip or with tables, that it is none. Such a model reopens here all the same.
"""

from __future__ import annotations

import json
import struct
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.catalog import activations
from playground.catalog.datasets import BUNDLED
from playground.catalog.features import FEATURES
from playground.catalog.tasks import TASKS
from playground.data.columns import LARGEST
from playground.data.preprocessing import LEAST_DEVIATION, Preprocessing
from playground.experiment import (
    BundledSource,
    Experiment,
    ExperimentError,
    decode,
    encode,
    output_activation,
    target_range,
)
from playground.experiment.places import stored
from playground.experiment.specs import NewerVersionError
from playground.formats.torch_modules import in_words, is_chain, named_tensors
from playground.kernels.reference import backend as reference
from playground.model import TrainedModel
from playground.network.parameters import ParameterView, aligned_zeros
from playground.network.plan import Plan
from playground.storage import FileError, atomic_write, read_bytes
from playground.words import tr

KEY = "playground.experiment"


def tensors(model: TrainedModel) -> dict[str, NDArray[Any]]:
    """The tensors by their names in ``torch.nn.Sequential``, in torch's layouts; see `torch_modules`."""
    # BatchNorm's count of batches is of no use here, but torch doesn't load without it.
    return {
        name: np.zeros((), np.int64) if tensor is None else tensor.read(model.parameters)
        for name, tensor in named_tensors(model.experiment.network.layers, model.plan).items()
    }


def note(model: TrainedModel) -> str:
    """What must be said about a model's file beside what is true of all; empty where there is nothing."""
    layers = model.experiment.network.layers
    return "" if is_chain(layers) else in_words(layers, model.plan)


def save(model: TrainedModel, path: Path) -> None:
    """Write a model, read it back and compare; the same model gives the same bytes.

    Raises
    ------
    FileError
        If it can't be written.
    """
    atomic_write(path, to_bytes(model, path))
    refuse_another(model, path)


def refuse_another(model: TrainedModel, path: Path) -> None:
    """Compare a model with what has been written of it.

    Raises
    ------
    FileError
        If the file holds other weights.
    """
    if not np.array_equal(load(path).parameters, model.parameters):
        raise FileError(tr("{path}: the file read back differs from what was written; try another disk.").format(path=path))


def to_bytes(model: TrainedModel, path: Path) -> bytes:
    """A model as the content of a file of that place.

    Raises
    ------
    FileError
        If it couldn't be opened again, as its weights don't give numbers.
    """
    from safetensors.numpy import save as serialize

    metadata = {
        KEY: encode(stored(model.experiment, path)).decode(),
        "playground.preprocessing": msgspec.json.encode(model.preprocessing).decode(),
        "playground.classes": json.dumps(model.classes),
        "playground.metrics": msgspec.json.encode({name: float(value) for name, value in model.metrics.items()}).decode(),
        "playground.torch": in_words(model.experiment.network.layers, model.plan),
    }
    if not np.isfinite(model.parameters).all() or not _answers(model):
        raise FileError(
            tr("{path}: the weights are too large to compute with; go back to smaller ones, then save.").format(path=path)
        )
    return _in_order(serialize(tensors(model), metadata))


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
        raise FileError(
            tr("{path}: it isn't a safetensors file, or it is damaged; open a model saved by this program.").format(path=path)
        ) from None
    if KEY not in metadata:
        raise FileError(
            tr("{path}: it is a model of another program: it says nothing about data and network; open one saved here.").format(
                path=path
            )
        )
    try:
        experiment = decode(metadata[KEY])
        preprocessing = msgspec.json.decode(metadata["playground.preprocessing"], type=Preprocessing)
        metrics = msgspec.json.decode(metadata.get("playground.metrics", "{}"), type=dict[str, float | None])
        if not _fit(preprocessing, experiment):
            raise ValueError(tr("its preprocessing is not that of its experiment; save the model again."))
        model = TrainedModel(
            experiment,
            np.zeros(0, np.float32),
            preprocessing,
            {name: float("nan") if value is None else value for name, value in metrics.items()},
        )
        return _filled(model, arrays)
    except OverflowError:
        raise FileError(
            tr("{path}: its description of the model can't be used: a number is too large; save the model again.").format(
                path=path
            )
        ) from None
    except RecursionError:
        raise FileError(
            tr("{path}: its description of the model can't be used: it is nested too deeply; save the model again.").format(
                path=path
            )
        ) from None
    except NewerVersionError as error:
        raise FileError(tr("{path}: {error}").format(path=path, error=error)) from None
    except (ExperimentError, msgspec.MsgspecError, KeyError, ValueError) as error:
        raise FileError(
            tr("{path}: its description of the model can't be used: {error}").format(path=path, error=_reason(error))
        ) from None


def _in_order(data: bytes) -> bytes:
    """The same file with its head in order: safetensors writes the texts as chance has it, so no two files would be alike."""
    (length,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8 : 8 + length])
    texts = head.pop("__metadata__")
    tensors = sorted(head.items(), key=lambda item: (item[1]["data_offsets"], item[0]))
    head = {"__metadata__": dict(sorted(texts.items())), **dict(tensors)}
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    # The numbers behind begin at a multiple of 8 bytes.
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _metadata(data: bytes) -> dict[str, str]:
    """The file's own key-value texts: a JSON header whose length stands in the first 8 bytes."""
    (length,) = struct.unpack("<Q", data[:8])
    metadata: Any = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    return metadata if isinstance(metadata, dict) else {}


def read_parameters(path: Path, plan: Plan) -> Float32:
    """The weights of a saved model as a network with the same parameters starts from them.

    The layers may stand elsewhere in the network, as after a Dropout more or less, but not in another order.

    Returns
    -------
    parameters
        float32, flat, in the plan's layout.

    Raises
    ------
    FileError
        If the file can't be read, or its parameters have other shapes.
    """
    model = load(path)
    theirs, ours = model.plan.parameters, plan.parameters
    for own, other in zip_longest(ours, theirs):
        if own is None or other is None or own.shape != other.shape or _kind(own) != _kind(other):
            here, there = (f"{view.name} {view.shape}" if view else tr("nothing in its place") for view in (own, other))
            raise FileError(
                tr(
                    "{path}: its weights don't fit this network: here is {here}, there is {there}; "
                    "use a model with the same layers."
                ).format(path=path, here=here, there=there)
            )
    parameters = aligned_zeros(plan.parameter_size)
    for own, other in zip(ours, theirs, strict=True):
        own.of(parameters)[:] = other.of(model.parameters)
    return parameters


def _kind(view: ParameterView) -> str:
    """``weight``, ``bias``, …: a parameter's name without its place in the network."""
    return view.name.rpartition(".")[2]


def _fit(preprocessing: Preprocessing, experiment: Experiment) -> bool:
    """Whether the preprocessing is whole and meant for the experiment; somebody may have edited the file."""
    task, outputs = preprocessing.task, preprocessing.outputs
    features, columns = preprocessing.features, preprocessing.columns
    quantities = task == experiment.training.task and not TASKS[task].classes
    scales = [
        *zip(preprocessing.mean, preprocessing.scale, strict=False),
        *zip(preprocessing.target_mean, preprocessing.target_scale, strict=False),
    ]
    return (
        task == experiment.training.task
        and (not features or (set(features) <= set(FEATURES) and len(columns) == 2))
        and len(preprocessing.mean) == len(preprocessing.scale) == len(features or columns)
        and len(preprocessing.target_mean) == len(preprocessing.target_scale) == (outputs if quantities else 0)
        and len(preprocessing.target_names) == (1 if task in ("binary", "multiclass") else outputs)
        and len(preprocessing.classes) == {"binary": 2, "regression": 0, "bounded": 0}.get(task, outputs)
        and (preprocessing.target_low, preprocessing.target_high) == target_range(experiment)
        and len(set(columns)) == len(columns)
        and len(set(preprocessing.classes)) == len(preprocessing.classes)
        and all(_is_scale(mean, scale) for mean, scale in scales)
        and _head_fits(preprocessing, experiment)
        and _rows_fit(preprocessing, experiment)
    )


def _is_scale(mean: float, scale: float) -> bool:
    """Whether numbers that a table may hold stay numbers when they are shifted and divided by these."""
    # Comparisons with what is no number are false.
    return abs(mean) <= LARGEST and (scale == 1 or max(1e-20 * abs(mean), LEAST_DEVIATION) <= scale <= 2 * LARGEST)


def _head_fits(preprocessing: Preprocessing, experiment: Experiment) -> bool:
    """Whether there are as many outputs as the head makes, and answers on the scale that it was given."""
    choice = output_activation(experiment)
    record, _ = activations.resolve(choice)
    if preprocessing.task == "binary":
        return preprocessing.outputs == (2 if record.name == "softmax" else 1)
    if record.name == "scaled_sigmoid" and not isinstance(choice, str):
        low, high = choice.low, choice.high  # type: ignore[attr-defined]
        return set(preprocessing.target_mean) == {low} and set(preprocessing.target_scale) == {high - low}
    return preprocessing.outputs > 0


def _rows_fit(preprocessing: Preprocessing, experiment: Experiment) -> bool:
    """Whether rows are images, or numbers that name things, exactly where the experiment's data are."""
    source, image, categories = experiment.data.source, preprocessing.image, preprocessing.categories
    known = BUNDLED[source.name] if isinstance(source, BundledSource) else None
    # Models saved before there were convolutions say nothing about images.
    return image in ((), known.image if known else ()) and (
        len(categories) == (known.columns if known and known.names_things else 0)
        and (not categories or (set(preprocessing.mean) == {0.0} and set(preprocessing.scale) == {1.0}))
    )


def _filled(model: TrainedModel, arrays: dict[str, NDArray[Any]]) -> TrainedModel:
    """The model with its parameters taken from the tensors."""
    plan = model.plan
    expected = named_tensors(model.experiment.network.layers, plan)
    if set(arrays) != set(expected):
        raise ValueError(tr("its tensors are not those of its network; save the model again."))
    # All is checked before there is room for the parameters: an edited file may ask for any amount.
    for name, tensor in expected.items():
        array = arrays[name]
        shape, kind = ((), np.int64) if tensor is None else (tensor.shape, np.float32)
        if array.shape != shape or array.dtype != kind:
            raise ValueError(tr("the tensor {name} has the wrong shape or type; save the model again.").format(name=name))
        if not np.isfinite(array).all():
            raise ValueError(tr("the tensor {name} holds values that are no numbers; train the model again.").format(name=name))
        if name.endswith("running_var") and (array < 0).any():
            raise ValueError(
                tr("the tensor {name} holds negative values, which no variance has; save the model again.").format(name=name)
            )
    parameters = np.zeros(plan.parameter_size, np.float32)
    for name, tensor in expected.items():
        if tensor is not None:
            tensor.write(parameters, arrays[name])
    filled = TrainedModel(model.experiment, parameters, model.preprocessing, model.metrics)
    if not _answers(filled):
        raise ValueError(tr("its weights are too large to compute with; train the model again."))
    return filled


def _answers(model: TrainedModel) -> bool:
    """Whether the network gives numbers for usual rows: the means, and a deviation to either side where columns are numbers."""
    steps = (0.0,) if model.preprocessing.categories else (0.0, 1.0, -1.0)
    rows = np.repeat(np.array(steps, np.float32)[:, None], len(model.preprocessing.mean), axis=1)
    with np.errstate(all="ignore"):
        return bool(np.isfinite(reference.outputs(model.plan, model.parameters, rows)).all())


def _reason(error: Exception) -> str:
    text = error.args[0] if isinstance(error, KeyError) else str(error)
    return text if str(text).endswith(".") else f"{text}."
