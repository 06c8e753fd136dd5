"""Files of every layer and task: models come back as they were, edited files are refused, and weights go into other models."""

import csv
import functools
import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import models, random_parameters, refusal, some_rows, with_header, with_preprocessing

from playground.api import predict
from playground.data.preprocessing import prepare
from playground.data.sources import load_dataset
from playground.experiment import (
    BatchNorm,
    BundledSource,
    Conv2D,
    DataSpec,
    Dense,
    Dropout,
    Embedding,
    Experiment,
    Flatten,
    LayerNorm,
    MaxPool2D,
    NetworkSpec,
    Residual,
    SyntheticSource,
    TrainingSpec,
    build_plan,
    checked,
    decode,
    default_loss,
    encode,
    set_field,
)
from playground.formats import FORMATS, npz, read_parameters, safetensors
from playground.formats.opening import load
from playground.formats.predictions import prediction_table
from playground.model import TrainedModel
from playground.storage import FileError
from playground.training.trainer import train

FEW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def untrained(source, task, *layers, loss=None, output=None):
    """A model with made-up weights, for the real data."""
    experiment = checked(
        Experiment(
            data=DataSpec(source=source),
            network=NetworkSpec(layers=layers, output_activation=output),
            training=TrainingSpec(task=task, loss=loss or default_loss(task)),
        )
    )
    model = TrainedModel(experiment, np.zeros(0, np.float32), prepare(experiment).preprocessing)
    return TrainedModel(experiment, random_parameters(model.plan, 0), model.preprocessing, {"train_loss": 1.0})


DIGITS, RATINGS, GAUSS = BundledSource(name="digits"), BundledSource(name="ratings"), SyntheticSource(name="gauss")
# Each is made once, when first asked for: real data take a moment to load.
MAKE = {
    "convolutions": lambda: untrained(
        DIGITS, "multiclass", Conv2D(filters=4), BatchNorm(activation="relu"), MaxPool2D(), Flatten(), LayerNorm(), Dropout()
    ),
    "images without convolutions": lambda: untrained(DIGITS, "multiclass", Dense(units=5)),
    "residual": lambda: untrained(
        BundledSource(name="iris"), "multiclass", Dense(units=6), Residual(layers=(BatchNorm(), Dense(units=6)))
    ),
    "ratings": lambda: untrained(RATINGS, "bounded", Embedding(units=3), Dense(units=4)),
    "ratings without a bound": lambda: untrained(RATINGS, "regression", Embedding(units=3)),
    "two outputs": lambda: untrained(GAUSS, "binary", Dense(units=3), output="softmax", loss="categorical_cross_entropy"),
    "bounded": lambda: untrained(BundledSource(name="diabetes"), "bounded", Dense(units=3)),
}


@functools.cache
def model_of(kind):
    return MAKE[kind]()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def write(path):
    """Save a model of some kind; returns the file's bytes."""

    def save(kind):
        safetensors.save(model_of(kind), path)
        return path.read_bytes()

    return save


# There and back


@pytest.mark.long
@FEW
@given(model=models())
def test_any_model_comes_back_as_it_was(tmp_path_factory, model):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    safetensors.save(model, path)
    back = load(path)
    assert (back.experiment, back.preprocessing) == (model.experiment, model.preprocessing)
    assert np.array_equal(back.parameters, model.parameters)
    rows = some_rows(model)
    assert np.array_equal(back.predict(rows), model.predict(rows), equal_nan=True)
    assert np.array_equal(back.predict_labels(rows), model.predict_labels(rows), equal_nan=True)


@pytest.mark.long
@FEW
@given(model=models())
def test_npz_holds_any_models_weights_as_in_the_program(tmp_path_factory, model):
    path = tmp_path_factory.getbasetemp() / "any.npz"
    npz.save(model, path)
    back = npz.read_arrays(path)
    assert {name: array.shape for name, array in back.items()} == {view.name: view.shape for view in model.plan.parameters}
    assert all(np.array_equal(back[name], array) and back[name].dtype == np.float32 for name, array in model.weights())


@pytest.mark.parametrize("kind", MAKE)
def test_real_data_are_answered_alike_by_the_reopened_model(kind, write, path):
    model = model_of(kind)
    write(kind)
    rows = load_dataset(model.experiment.data, model.experiment.training.task).features[:50]
    assert np.array_equal(predict(path, rows), predict(model, rows))
    assert np.ptp(load(path).predict(rows), axis=0).max() > 1e-3, "and they are not all alike"
    table = list(csv.reader(io.StringIO(prediction_table(load(path), rows))))
    assert len(table) == 51
    assert {len(row) for row in table} == {1 if not model.classes else 1 + len(model.classes)}
    if model.classes:
        assert all(float(row[1 + model.classes.index(row[0])]) == max(map(float, row[1:])) for row in table[1:])


def test_answers_on_a_scale_stay_on_it(write, path):
    write("ratings")
    stars = predict(path, load_dataset(model_of("ratings").experiment.data, "bounded").features)
    assert stars.min() >= 1
    assert stars.max() <= 5


def test_names_in_a_file_of_a_network_with_a_skip_are_the_programs(write, path):
    from safetensors import safe_open

    write("residual")
    with safe_open(path, framework="numpy") as file:
        shapes = {name: file.get_tensor(name).shape for name in file.keys()}  # noqa: SIM118
        words = file.metadata()["playground.torch"]
    own = "layers.1.layers"
    norm = {f"{own}.0.{name}": (6,) for name in ("weight", "bias", "running_mean", "running_var")}
    assert shapes == {
        "layers.0.weight": (6, 4),
        "layers.0.bias": (6,),
        **norm,
        f"{own}.0.num_batches_tracked": (),
        f"{own}.1.weight": (6, 6),
        f"{own}.1.bias": (6,),
        "layers.2.weight": (3, 6),
        "layers.2.bias": (3,),
    }
    assert words.startswith("Not a Sequential: Residual")


@pytest.mark.parametrize("kind", MAKE)
def test_only_networks_that_are_no_chain_need_a_note(kind):
    note = FORMATS[".safetensors"].note(model_of(kind))
    assert bool(note) == (kind == "residual" or kind.startswith("ratings"))
    assert FORMATS[".npz"].note(model_of(kind)) == ""


@pytest.mark.torch
def test_a_trained_convolutional_model_reopens_in_torch(path):
    torch = pytest.importorskip("torch")
    from safetensors import safe_open
    from safetensors.torch import load_file

    experiment = model_of("convolutions").experiment
    model = train(experiment, epochs=1, backend="reference")
    safetensors.save(model, path)
    with safe_open(path, framework="numpy") as file:
        network = eval(file.metadata()["playground.torch"], vars(torch.nn))
    network.load_state_dict(load_file(path), strict=True)
    rows = load_dataset(experiment.data, "multiclass").features
    with torch.no_grad():
        shares = network.eval()(torch.from_numpy(model.preprocessing.inputs(rows))).softmax(dim=1).numpy()
    assert np.allclose(model.predict(rows), shares, atol=1e-5)
    assert (shares.argmax(axis=1) == load_dataset(experiment.data, "multiclass").targets[:, 0]).mean() > 0.5


def test_a_model_saved_before_there_were_images_still_opens(write, path):
    write("images without convolutions")

    def change(header):
        preprocessing = json.loads(header["__metadata__"]["playground.preprocessing"])
        del preprocessing["image"], preprocessing["categories"]
        header["__metadata__"]["playground.preprocessing"] = json.dumps(preprocessing)
        del header["__metadata__"]["playground.torch"]

    path.write_bytes(with_header(path.read_bytes(), change))
    model = model_of("images without convolutions")
    rows = load_dataset(model.experiment.data, "multiclass").features[:9]
    assert np.array_equal(load(path).predict(rows), model.predict(rows))


# Edited and damaged files


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("convolutions", "image", []),
        ("convolutions", "image", [4, 16, 1]),
        ("convolutions", "image", [8, 8]),
        ("convolutions", "image", [8, 8, 2]),
        ("convolutions", "categories", [3] * 64),
        ("convolutions", "mean", [0.0]),
        ("images without convolutions", "image", [16, 4, 1]),
        ("ratings", "categories", []),
        ("ratings", "categories", [200]),
        ("ratings", "categories", [200, 0]),
        ("ratings", "categories", [200, -150]),
        ("ratings", "categories", [150, 200]),
        ("ratings", "categories", [200, 10**10]),
        ("ratings", "categories", [200, 2**62]),
        ("ratings", "categories", [200, 2**70]),
        ("ratings", "mean", [0.0, 1.0]),
        ("ratings", "scale", [1.0, 2.0]),
        ("ratings", "image", [2, 1, 1]),
        ("ratings", "target_mean", []),
        ("ratings", "target_scale", [0.0]),
        ("ratings", "task", "regression"),
        ("two outputs", "outputs", 1),
        ("two outputs", "classes", ["yes"]),
        ("bounded", "target_scale", [-1.0]),
        ("bounded", "classes", ["low", "high"]),
    ],
)
def test_preprocessing_that_does_not_fit_is_refused(kind, field, value, write, path):
    path.write_bytes(with_preprocessing(write(kind), field, value))
    assert refusal(load, path).startswith(f"{path}: its description of the model can't be used")


def test_another_scale_than_the_heads_is_refused(write, path):
    write("bounded")
    other = set_field(
        model_of("bounded").experiment, "network.output_activation", '{"type": "scaled_sigmoid", "low": 0, "high": 9}'
    )
    text = encode(other).decode()
    path.write_bytes(
        with_header(path.read_bytes(), lambda header: header["__metadata__"].update({"playground.experiment": text}))
    )
    assert "its preprocessing is not that of its experiment" in refusal(load, path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"network.layers.0.filters": "5"}, "the tensor 1.weight has the wrong shape"),
        ({"network.layers.0.kernel": "2"}, "its tensors are not those of its network"),
        ({"network.layers.0.kernel": "5"}, "the tensor 1.weight has the wrong shape"),
        ({"network.layers.2.padding": "same", "network.layers.2.size": "4", "network.layers.2.stride": "4"}, "wrong shape"),
        ({"network.layers.4.type": "dropout"}, None),
    ],
)
def test_tensors_of_another_network_are_refused(change, says, write, path):
    write("convolutions")
    experiment = model_of("convolutions").experiment
    try:
        for field, value in change.items():
            experiment = set_field(experiment, field, value)
        text = encode(experiment).decode()
    except ValueError:
        # A field of another layer's: only somebody who edits the file can write that.
        text = encode(experiment).decode().replace("layer_norm", "dropout")
    path.write_bytes(
        with_header(path.read_bytes(), lambda header: header["__metadata__"].update({"playground.experiment": text}))
    )
    message = refusal(load, path)
    assert (says or "its description of the model can't be used") in message


def broken(arrays, name, number=None, **change):
    """The tensors with one of them changed."""
    array = arrays[name].copy()
    if number is not None:
        array.flat[0] = number
    array = array.reshape(change.get("shape", array.shape)).astype(change.get("dtype", array.dtype))
    return {**arrays, name: np.ascontiguousarray(array)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: broken(a, "1.weight", np.nan), "the tensor 1.weight holds values that are no numbers"),
        (lambda a: broken(a, "3.running_mean", np.inf), "the tensor 3.running_mean holds values that are no numbers"),
        (lambda a: broken(a, "3.running_var", -0.5), "the tensor 3.running_var holds negative values"),
        (lambda a: broken(a, "7.weight", -np.inf), "the tensor 7.weight holds values that are no numbers"),
        (lambda a: broken(a, "1.weight", shape=(4, 9, 1, 1)), "the tensor 1.weight has the wrong shape or type"),
        (lambda a: broken(a, "7.weight", shape=(4, 4, 4)), "the tensor 7.weight has the wrong shape or type"),
        (lambda a: broken(a, "10.weight", dtype=np.float16), "the tensor 10.weight has the wrong shape or type"),
        (lambda a: broken(a, "3.num_batches_tracked", dtype=np.float32), "3.num_batches_tracked has the wrong shape or type"),
        (lambda a: broken(a, "3.num_batches_tracked", shape=(1,)), "3.num_batches_tracked has the wrong shape or type"),
        (lambda a: {n: t for n, t in a.items() if n != "3.running_var"}, "its tensors are not those of its network"),
        (lambda a: {n: t for n, t in a.items() if n != "3.num_batches_tracked"}, "its tensors are not those of its network"),
        (lambda a: {**a, "11.weight": a["10.weight"]}, "its tensors are not those of its network"),
    ],
)
def test_spoiled_tensors_are_refused(change, says, write, path):
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    write("convolutions")
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    arrays = load_file(path)
    arrays["7.weight"] = arrays["7.weight"].copy()
    save_file(change(arrays), path, metadata)
    assert says in refusal(load, path)


@pytest.mark.long
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(list(MAKE)), place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_file_with_any_byte_changed_opens_or_is_refused(path, kind, place, byte):
    """Never anything but a model or a refusal, wherever the byte."""
    safetensors.save(model_of(kind), path)
    content = bytearray(path.read_bytes())
    # Most of a file is weights, any of which may be any number; what can go wrong is in the words before them.
    content[int(place * content.index(b"}}"))] = byte
    path.write_bytes(content)
    try:
        back = load(path)
    except FileError as error:
        assert "model.safetensors: " in str(error)  # noqa: PT017
    else:
        assert np.isfinite(back.parameters).all()


# Weights for another network


def plan_like(kind, *layers):
    """The plan of a model's experiment with other layers."""
    model = model_of(kind)
    experiment = checked(
        Experiment(
            data=model.experiment.data,
            network=NetworkSpec(layers=layers),
            training=model.experiment.training,
        )
    )
    return build_plan(experiment, model.preprocessing.network_inputs, model.preprocessing.outputs)


@pytest.mark.parametrize("kind", MAKE)
def test_a_network_starts_from_the_weights_in_a_file(kind, write, path):
    write(kind)
    parameters = read_parameters(path, model_of(kind).plan)
    assert parameters.dtype == np.float32
    assert np.array_equal(parameters, model_of(kind).parameters)


def test_layers_without_weights_may_stand_in_between(write, path):
    write("images without convolutions")
    plan = plan_like("images without convolutions", Dropout(), Flatten(), Dense(units=5), Dropout())
    parameters = read_parameters(path, plan)
    model = model_of("images without convolutions")
    for ours, theirs in (("layers.2.weight", "layers.0.weight"), ("layers.4.bias", "layers.1.bias")):
        assert np.array_equal(plan.view(parameters, ours), model.plan.view(model.parameters, theirs))


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ((Dense(units=6),), "layers.0.weight (64, 6), there is layers.0.weight (64, 5)"),
        ((Dense(units=5), Dense(units=5)), "layers.1.weight (5, 5), there is layers.1.weight (5, 10)"),
        ((), "layers.0.weight (64, 10), there is layers.0.weight (64, 5)"),
        ((Dense(units=5), BatchNorm()), "layers.1.weight (5,), there is layers.1.weight (5, 10)"),
    ],
)
def test_weights_for_another_network_are_refused_with_the_first_that_differs(layers, says, write, path):
    write("images without convolutions")
    message = refusal(read_parameters, path, plan_like("images without convolutions", *layers))
    assert message.startswith(f"{path}: its weights don't fit this network: here is {says};")


def test_weights_left_over_or_missing_are_named(write, path):
    write("residual")
    shorter = plan_like("residual", Dense(units=6), BatchNorm(), Dense(units=3))
    assert "here is layers.2.weight (6, 3), there is layers.1.layers.1.weight (6, 6);" in refusal(read_parameters, path, shorter)
    write("images without convolutions")
    longer = plan_like("images without convolutions", Dense(units=5), Dense(units=10), Dense(units=10))
    assert "here is layers.2.weight (10, 10), there is nothing in its place;" in refusal(read_parameters, path, longer)
    safetensors.save(untrained(DIGITS, "multiclass", Dense(units=5), Dense(units=10)), path)
    plan = model_of("images without convolutions").plan
    message = refusal(read_parameters, path, plan)
    assert "here is nothing in its place, there is layers.2.weight (10, 10);" in message


def test_parameters_of_equal_shape_but_another_meaning_are_refused(path):
    iris = BundledSource(name="iris")
    safetensors.save(untrained(iris, "multiclass", Dense(units=6), BatchNorm()), path)
    message = refusal(read_parameters, path, plan_like("residual", Dense(units=6), LayerNorm(), LayerNorm()))
    assert "here is layers.2.weight (6,), there is layers.1.running_mean (6,);" in message


def test_a_file_that_is_no_model_gives_no_weights(path):
    path.write_bytes(b"no model")
    assert "isn't a safetensors file" in refusal(read_parameters, path, model_of("two outputs").plan)


def test_the_experiment_in_a_file_is_the_one_that_was_saved(write, path):
    from safetensors import safe_open

    write("ratings")
    with safe_open(path, framework="numpy") as file:
        assert decode(file.metadata()["playground.experiment"]) == model_of("ratings").experiment
