"""What the tests of model files share: random models of all layers, edits by hand, and the manner of a refusal."""

import json
import struct

import numpy as np
import pytest
from hypothesis import strategies as st

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.tasks import TASKS
from playground.data.preprocessing import Preprocessing
from playground.experiment import (
    AveragePool2D,
    BatchNorm,
    BundledSource,
    Conv2D,
    DataSpec,
    Dense,
    Dropout,
    Embedding,
    Experiment,
    FileSource,
    Flatten,
    LayerNorm,
    MaxPool2D,
    NetworkSpec,
    Residual,
    TrainingSpec,
    checked,
    target_range,
)
from playground.model import TrainedModel
from playground.storage import FileError

HIDDEN = [name for name, record in ACTIVATIONS.items() if record.hidden]
ScaledSigmoid = ACTIVATIONS["scaled_sigmoid"].spec
LeakyRelu, Elu = ACTIVATIONS["leaky_relu"].spec, ACTIVATIONS["elu"].spec


def refusal(action, *arguments):
    """The message of a refusal: one line, ending as a sentence."""
    with pytest.raises(FileError) as refused:
        action(*arguments)
    message = str(refused.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def with_header(data, change):
    """A safetensors file whose JSON header was changed by hand."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    changed = json.dumps(header).encode()
    return struct.pack("<Q", len(changed)) + changed + data[8 + length :]


def with_preprocessing(data, field, value):
    """A safetensors file in which one field of the preprocessing was changed by hand."""

    def change(header):
        preprocessing = json.loads(header["__metadata__"]["playground.preprocessing"])
        assert preprocessing[field] != value
        preprocessing[field] = value
        header["__metadata__"]["playground.preprocessing"] = json.dumps(preprocessing)

    return with_header(data, change)


def random_parameters(plan, seed):
    """Random numbers for every parameter; variances are positive, and the padding in between is 0."""
    random = np.random.default_rng(seed)
    parameters = np.zeros(plan.parameter_size, np.float32)
    for view in plan.parameters:
        numbers = random.normal(0.0, 0.7, view.shape)
        view.of(parameters)[:] = np.abs(numbers) + 0.2 if view.name.endswith("running_var") else numbers
    return parameters


# Random layers: each fits what comes before it.

activation_choices = st.one_of(
    st.sampled_from(HIDDEN),
    st.builds(LeakyRelu, negative_slope=st.floats(0, 1)),
    st.builds(Elu, alpha=st.floats(0.1, 3)),
)
epsilons = st.sampled_from([1e-5, 1e-3, 0.1])
normalizations = [
    st.builds(BatchNorm, epsilon=epsilons, momentum=st.floats(0, 1), activation=activation_choices),
    st.builds(LayerNorm, epsilon=epsilons, activation=activation_choices),
    st.builds(Dropout, rate=st.floats(0, 0.9)),
]


def windows(layer, size, shape, **fields):
    """Layers of this kind whose windows fit into an image."""
    strides, least = st.integers(1, 3), min(shape[:2])
    same = st.builds(layer, **{size: st.integers(1, 4)}, stride=strides, padding=st.just("same"), **fields)
    valid = st.builds(layer, **{size: st.integers(1, min(4, least))}, stride=strides, padding=st.just("valid"), **fields)
    return same | valid


def places_after(layer, size, kernel):
    return -(-size // layer.stride) if layer.padding == "same" else (size - kernel) // layer.stride + 1


def shape_after(layer, shape):
    """What a layer makes of a shape."""
    if isinstance(layer, Dense):
        return (layer.units,)
    if isinstance(layer, Flatten):
        return (int(np.prod(shape)),)
    if isinstance(layer, Conv2D | MaxPool2D | AveragePool2D):
        kernel = layer.kernel if isinstance(layer, Conv2D) else layer.size
        sizes = tuple(places_after(layer, size, kernel) for size in shape[:2])
        return (*sizes, layer.filters if isinstance(layer, Conv2D) else shape[2])
    return shape


@st.composite
def residuals(draw, shape):
    """A skip around layers that keep the shape."""
    inner = draw(st.lists(st.one_of(normalizations), max_size=1))
    if len(shape) == 3:
        inner.append(draw(st.builds(Conv2D, filters=st.just(shape[2]), kernel=st.integers(1, 3), activation=activation_choices)))
    else:
        inner.append(draw(st.builds(Dense, units=st.integers(1, 5), activation=activation_choices)))
        inner.append(draw(st.builds(Dense, units=st.just(shape[0]), activation=activation_choices)))
    return Residual(layers=tuple(inner), activation=draw(activation_choices))


@st.composite
def chains(draw, shape, most=5, skips=False, is_data=True):
    """A run of layers that the outputs can follow; skips only where an experiment's width is known without its data."""
    layers = []
    known = len(shape) == 3 or not is_data
    for number in range(draw(st.integers(0, most))):
        kinds = list(normalizations)
        if len(shape) == 3:
            kinds += [
                windows(Conv2D, "kernel", shape, filters=st.integers(1, 4), activation=activation_choices),
                windows(MaxPool2D, "size", shape),
                windows(AveragePool2D, "size", shape),
                st.just(Flatten()),
            ]
        if len(shape) == 1 or (number == 0 and is_data):
            kinds.append(st.builds(Dense, units=st.integers(1, 7), activation=activation_choices))
        if skips and known:
            kinds.append(residuals(shape))
        layers.append(draw(st.one_of(kinds)))
        shape = shape_after(layers[-1], shape)
        known = known or isinstance(layers[-1], Dense)
    if len(shape) == 3 and layers:
        layers.append(Flatten())
    return tuple(layers)


# Random models.


def quantities(draw, outputs):
    numbers = st.floats(-1e3, 1e3)
    scales = st.floats(1e-3, 1e3)
    return tuple(draw(numbers) for _ in range(outputs)), tuple(draw(scales) for _ in range(outputs))


@st.composite
def models(draw):
    """A model of any task and any layers, with made-up weights."""
    kind = draw(st.sampled_from(["rows", "images", "categories"]))
    task, output = "multiclass", None
    image, categories, outputs = (), (), draw(st.integers(1, 4))
    if kind == "rows":
        source, width = FileSource(path="table.csv"), draw(st.integers(1, 6))
        task = draw(st.sampled_from(list(TASKS)))
        output = draw(st.sampled_from(["sigmoid", "softmax"])) if task == "binary" else None
        layers = draw(chains((width,), skips=True))
    elif kind == "images":
        source, width, image = BundledSource(name="digits"), 64, (8, 8, 1)
        layers = draw(chains(image, skips=True))
    else:
        source, width, outputs = BundledSource(name="ratings"), 2, 1
        task = draw(st.sampled_from(["bounded", "regression"]))
        categories = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
        table = Embedding(units=draw(st.integers(1, 4)))
        layers = (table, *draw(chains((2 * table.units,), most=3, skips=True, is_data=False)))
    mean, scale = quantities(draw, 0 if categories else width)
    target_mean, target_scale = quantities(draw, 0 if TASKS[task].classes else outputs)
    if task == "bounded" and draw(st.booleans()):
        output = ScaledSigmoid(low=-2.0, high=7.5)
        target_mean, target_scale = (-2.0,) * outputs, (9.5,) * outputs
    if task == "binary":
        outputs = 2 if output == "softmax" else 1
    loss = "categorical_cross_entropy" if output == "softmax" else TASKS[task].loss
    experiment = checked(
        Experiment(
            name=draw(st.text(max_size=5).filter(lambda text: text.isprintable())),
            data=DataSpec(source=source),
            network=NetworkSpec(layers=layers, output_activation=output),
            training=TrainingSpec(task=task, loss=loss),
        )
    )
    low, high = target_range(experiment)
    preprocessing = Preprocessing(
        task=task,
        columns=tuple(f"column {number}" for number in range(width)),
        features=(),
        mean=mean or (0.0,) * width,
        scale=scale or (1.0,) * width,
        target_mean=target_mean,
        target_scale=target_scale,
        target_low=low,
        target_high=high,
        classes=tuple(map(str, range(2 if task == "binary" else outputs))) if TASKS[task].classes else (),
        target_names=tuple(f"target {n}" for n in range(1 if task in ("binary", "multiclass") else outputs)),
        outputs=outputs,
        image=image,
        categories=categories,
    )
    model = TrainedModel(experiment, np.zeros(0, np.float32), preprocessing, {"train_loss": 0.5})
    return TrainedModel(experiment, random_parameters(model.plan, draw(st.integers(0, 9))), preprocessing, model.metrics)


def some_rows(model, count=7):
    """Raw rows that a model can answer for."""
    random = np.random.default_rng(3)
    if model.preprocessing.categories:
        return np.column_stack([random.integers(0, size, count) for size in model.preprocessing.categories])
    mean, scale = np.array(model.preprocessing.mean), np.array(model.preprocessing.scale)
    return mean + scale * random.normal(size=(count, len(mean)))
