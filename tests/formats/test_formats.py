"""Model files: torch loads them and answers alike, they come back as they were, and strangers' files are refused."""

import json
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from model_files import refusal, with_header, with_preprocessing

from playground.data.sources import load_dataset
from playground.experiment import (
    Adam,
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    checked,
    decode,
    encode,
    set_field,
)
from playground.formats import FORMATS, format_for, npz, safetensors
from playground.formats.opening import load
from playground.model import TrainedModel
from playground.training.trainer import train


def experiment(source, task, loss, *activations, output=None, **data):
    layers = tuple(Dense(units=6 - index, activation=activation) for index, activation in enumerate(activations))
    return checked(
        Experiment(
            name="Modell ✓",
            data=DataSpec(source=source, **data),
            network=NetworkSpec(layers=layers, output_activation=output),
            training=TrainingSpec(task=task, loss=loss, optimizer=Adam(learning_rate=0.01), epochs=3),
        )
    )


EXPERIMENTS = {
    "binary": experiment(
        SyntheticSource(name="circle", samples=100),
        "binary",
        "binary_cross_entropy",
        "tanh",
        "relu",
        features=("x1", "x2", "x1_squared", "sin_x2"),
    ),
    "multiclass": experiment(BundledSource(name="iris"), "multiclass", "categorical_cross_entropy", "sigmoid"),
    "multilabel": experiment(BundledSource(name="multilabel"), "multilabel", "binary_cross_entropy", "identity", "tanh"),
    "regression": experiment(BundledSource(name="linnerud"), "regression", "mean_squared_error", "relu", test_fraction=0.0),
    "without hidden layers": experiment(BundledSource(name="diabetes"), "regression", "mean_squared_error"),
    "tanh output": experiment(SyntheticSource(name="xor"), "binary", "mean_squared_error", "tanh", output="tanh"),
}
EXPERIMENTS["leaky"] = set_field(
    EXPERIMENTS["multiclass"], "network.layers.0.activation", '{"type": "leaky_relu", "negative_slope": 0.3}'
)


@pytest.fixture(scope="module")
def models():
    """A trained model of each kind."""
    return {name: train(experiment, backend="reference") for name, experiment in EXPERIMENTS.items()}


@pytest.fixture(params=EXPERIMENTS)
def model(request, models):
    return models[request.param]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def raw_rows(model):
    return load_dataset(model.experiment.data, model.experiment.training.task).features


# safetensors and torch


def torch_network(torch, experiment, inputs, outputs):
    """The experiment as somebody would write it down in torch, its output activation left out."""
    modules = {"identity": torch.nn.Identity, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
    chain, width = [], inputs
    for layer in experiment.network.layers:
        slope = getattr(layer.activation, "negative_slope", None)
        chain.append(torch.nn.Linear(width, layer.units))
        chain.append(modules[layer.activation]() if slope is None else torch.nn.LeakyReLU(slope))
        width = layer.units
    return torch.nn.Sequential(*chain, torch.nn.Linear(width, outputs))


@pytest.mark.torch
def test_torch_loads_the_file_strictly_and_gives_the_same_outputs(model, path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    safetensors.save(model, path)
    preprocessing = model.preprocessing
    network = torch_network(torch, model.experiment, len(preprocessing.mean), preprocessing.outputs)
    network.load_state_dict(load_file(path), strict=True)
    rows = raw_rows(model)
    with torch.no_grad():
        logits = network(torch.from_numpy(preprocessing.inputs(rows)))
    head = {
        "binary": torch.sigmoid,
        "multiclass": lambda logits: torch.softmax(logits, dim=1),
        "multilabel": torch.sigmoid,
        "regression": lambda logits: logits,
    }[preprocessing.task]
    outputs = (torch.tanh if model.experiment.network.output_activation == "tanh" else head)(logits).numpy()
    if preprocessing.task == "regression":
        outputs = outputs * np.array(preprocessing.target_scale) + np.array(preprocessing.target_mean)
    assert np.allclose(model.predict(rows), outputs, rtol=1e-5, atol=1e-5)
    assert outputs.std() > 1e-3, "and they are not all alike"


def test_the_tensors_are_those_of_the_chain_and_nothing_else(models, path):
    from safetensors.numpy import load_file

    safetensors.save(models["binary"], path)
    shapes = {name: tensor.shape for name, tensor in load_file(path).items()}
    assert shapes == {
        "0.weight": (6, 4),
        "0.bias": (6,),
        "2.weight": (5, 6),
        "2.bias": (5,),
        "4.weight": (1, 5),
        "4.bias": (1,),
    }


def test_the_metadata_are_text_that_other_programs_can_read(models, path):
    from safetensors import safe_open

    safetensors.save(models["multiclass"], path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert set(metadata) == {f"playground.{name}" for name in ("experiment", "preprocessing", "classes", "metrics", "torch")}
    assert decode(metadata["playground.experiment"]) == EXPERIMENTS["multiclass"]
    assert json.loads(metadata["playground.classes"]) == ["setosa", "versicolor", "virginica"]
    assert json.loads(metadata["playground.preprocessing"])["columns"][0] == "sepal length (cm)"
    assert 0 <= json.loads(metadata["playground.metrics"])["test_accuracy"] <= 1
    assert metadata["playground.torch"] == "Sequential(Linear(4, 6), Sigmoid(), Linear(6, 3))"


# Reading back


def test_a_model_comes_back_as_it_was(model, path):
    safetensors.save(model, path)
    back = load(path)
    assert back.experiment == model.experiment
    assert back.preprocessing == model.preprocessing
    assert np.array_equal(back.parameters, model.parameters)
    assert back.parameters.dtype == np.float32
    assert back.metrics == pytest.approx(dict(model.metrics), nan_ok=True)
    rows = raw_rows(model)
    assert np.array_equal(back.predict(rows), model.predict(rows))


def test_metrics_without_test_rows_come_back_as_no_numbers(models, path):
    safetensors.save(models["regression"], path)
    assert np.isnan(load(path).metrics["test_rmse"])
    assert load(path).metrics["train_rmse"] > 0


def test_a_reopened_model_goes_on_training_from_its_weights(models, path):
    safetensors.save(models["multiclass"], path)
    model = load(path)
    unchanged = train(model.experiment, epochs=0, backend="reference", parameters=model.parameters)
    assert unchanged.metrics["train_loss"] == pytest.approx(model.metrics["train_loss"], rel=1e-6)
    further = train(model.experiment, epochs=20, backend="reference", parameters=model.parameters)
    assert further.metrics["train_loss"] < model.metrics["train_loss"]
    assert not np.array_equal(further.parameters, model.parameters)


def test_npz_holds_every_weight_by_name(model, tmp_path):
    file = tmp_path / "weights.npz"
    npz.save(model, file)
    with np.load(file, allow_pickle=False) as arrays:
        assert set(arrays.files) == {name for name, _ in model.weights()}
        for name, array in model.weights():
            assert arrays[name].dtype == np.float32
            assert np.array_equal(arrays[name], array)
    back = npz.read_arrays(file)
    assert all(np.array_equal(back[name], array) for name, array in model.weights())


def test_a_member_that_is_no_array_is_damage(model, tmp_path):
    file = tmp_path / "weights.npz"
    npz.save(model, file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("layers.9.weight.npy", b"text")
    assert "weights.npz: it isn't an npz file, or it is damaged" in refusal(npz.read_arrays, file)


def test_npz_weights_are_inputs_by_units(models, tmp_path):
    npz.save(models["multiclass"], tmp_path / "weights.npz")
    arrays = npz.read_arrays(tmp_path / "weights.npz")
    inputs = models["multiclass"].preprocessing.inputs(raw_rows(models["multiclass"]))
    hidden = 1 / (1 + np.exp(-(inputs @ arrays["layers.0.weight"] + arrays["layers.0.bias"])))
    logits = hidden @ arrays["layers.1.weight"] + arrays["layers.1.bias"]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(shares, models["multiclass"].predict(raw_rows(models["multiclass"])), atol=1e-5)


# Formats by their names


def test_a_format_is_found_by_the_files_ending(tmp_path):
    assert format_for(tmp_path / "Weights.NPZ") is FORMATS[".npz"]
    assert format_for(tmp_path / "a.b.safetensors") is FORMATS[".safetensors"]
    assert FORMATS[".safetensors"].load is safetensors.load


@pytest.mark.parametrize("name", ["weights.h5", "weights", "npz"])
def test_an_unknown_ending_lists_the_known_ones(name, tmp_path):
    message = refusal(format_for, tmp_path / name)
    for suffix in FORMATS:
        assert suffix in message


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_folder_that_is_missing_is_named(suffix, models, tmp_path):
    path = tmp_path / "nowhere" / f"model{suffix}"
    message = refusal(FORMATS[suffix].save, models["binary"], path)
    assert message.startswith(f"{path}: can't be written")


# Files of others, and damaged ones


def test_a_model_of_another_program_is_refused(path):
    from safetensors.numpy import save_file

    save_file({"0.weight": np.zeros((2, 2), np.float32)}, path, {"format": "pt"})
    assert refusal(load, path).startswith(f"{path}: it is a model of another program")


@pytest.mark.torch
def test_number_types_that_numpy_lacks_are_refused(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    save_file({"0.weight": torch.zeros(2, 2, dtype=torch.bfloat16)}, path)
    assert str(path) in refusal(load, path)


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_refused(path, seed):
    path.write_bytes(np.random.default_rng(seed).bytes(10 ** (seed + 1)))
    assert "isn't a safetensors file, or it is damaged" in refusal(load, path)


@pytest.mark.parametrize("header", [b"", b"[]", b"[1]", b"null", b"\xff\xfe", b"[" * 50_000])
def test_a_header_that_is_no_object_is_refused(path, header):
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    assert "isn't a safetensors file, or it is damaged" in refusal(load, path)


@pytest.mark.parametrize("kept", [0, 4, 8, 100, 0.5, -1])
def test_a_truncated_model_is_refused(models, path, kept):
    safetensors.save(models["binary"], path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    assert "isn't a safetensors file, or it is damaged" in refusal(load, path)


@pytest.mark.parametrize("text", ["{}", '{"version": 1}', "a,b\n1,2\n"])
def test_a_text_file_renamed_is_refused(path, text):
    path.write_text(text)
    assert "isn't a safetensors file, or it is damaged" in refusal(load, path)


def test_an_npz_renamed_is_refused(models, path):
    npz.save(models["binary"], path)
    assert "isn't a safetensors file" in refusal(load, path)


def test_a_missing_model_is_named(path):
    assert "no such file" in refusal(load, path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("playground.experiment", "{"),
        ("playground.experiment", '{"version": 1}'),
        ("playground.preprocessing", None),
        ("playground.preprocessing", "[]"),
        ("playground.preprocessing", "[" * 50_000),
        ("playground.preprocessing", '{"x":' * 50_000),
        ("playground.metrics", '{"test_accuracy": "high"}'),
    ],
)
def test_a_description_that_was_spoiled_is_refused(models, path, key, value):
    safetensors.save(models["binary"], path)

    def change(header):
        header["__metadata__"].pop(key) if value is None else header["__metadata__"].update({key: value})

    path.write_bytes(with_header(path.read_bytes(), change))
    assert refusal(load, path).startswith(f"{path}: its description of the model can't be used")


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("binary", "task", "regression"),
        ("binary", "columns", ["x1"]),
        ("binary", "features", ["x1", "x2", "x1_squared", "cube_root"]),
        ("binary", "features", ["x1", "x2"]),
        ("binary", "scale", [1.0]),
        ("binary", "mean", [0.0, 0.0]),
        ("binary", "classes", ["yes"]),
        ("binary", "target_high", 0.0),
        ("binary", "target_high", 2.0),
        ("binary", "mean", [0.0, None, 0.0, 0.0]),
        ("binary", "outputs", 2),
        ("binary", "image", [2, 2, 1]),
        ("binary", "categories", [3, 3]),
        ("multiclass", "columns", ["a", "b", "c"]),
        ("multiclass", "classes", ["setosa"]),
        ("multiclass", "outputs", 2),
        ("regression", "target_mean", [1.0]),
        ("regression", "target_scale", []),
        ("regression", "target_names", []),
        ("binary", "mean", [1e308, 0.0, 0.0, 0.0]),
        ("binary", "scale", [1e-320, 1.0, 1.0, 1.0]),
        ("binary", "scale", [1.0, -1.0, 1.0, 1.0]),
        ("binary", "scale", [1.0, 0.0, 1.0, 1.0]),
        ("binary", "scale", [1e308, 1.0, 1.0, 1.0]),
        ("regression", "target_mean", [1e308] * 3),
        ("regression", "target_scale", [1e-320] * 3),
        ("multiclass", "classes", ["setosa"] * 3),
        ("multiclass", "columns", ["a"] * 4),
    ],
)
def test_preprocessing_that_does_not_fit_the_network_is_refused(models, path, kind, field, value):
    safetensors.save(models[kind], path)
    path.write_bytes(with_preprocessing(path.read_bytes(), field, value))
    assert refusal(load, path).startswith(f"{path}: its description of the model can't be used")


@pytest.mark.parametrize("size", [1e30, np.nan])
def test_weights_that_give_no_numbers_are_neither_saved_nor_opened(models, path, size):
    from safetensors.numpy import load_file, save_file

    model = models["regression"]
    safetensors.save(model, path)
    before = path.read_bytes()
    huge = replace(model, parameters=model.parameters * np.float32(size))
    assert "the weights are too large to compute with" in refusal(safetensors.save, huge, path)
    assert path.read_bytes() == before
    metadata = json.loads(before[8 : 8 + struct.unpack("<Q", before[:8])[0]])["__metadata__"]
    save_file({name: tensor * np.float32(size) for name, tensor in load_file(path).items()}, path, metadata)
    said = "its weights are too large to compute with" if np.isfinite(size) else "holds values that are no numbers"
    assert said in refusal(load, path)


def test_tensors_of_another_network_are_refused(models, path):
    wider = set_field(EXPERIMENTS["multiclass"], "network.layers.0.units", "9")
    deeper = set_field(EXPERIMENTS["multiclass"], "network.layers", '[{"type": "dense"}, {"type": "dense"}]')
    for other, says in ((wider, "the tensor 0.weight has the wrong shape"), (deeper, "not those of its network")):
        safetensors.save(models["multiclass"], path)
        text = encode(other).decode()
        metadata = {"playground.experiment": text}
        changed = with_header(path.read_bytes(), lambda header, new=metadata: header["__metadata__"].update(new))
        path.write_bytes(changed)
        assert says in refusal(load, path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all", np.random.default_rng(0).bytes(1000)])
def test_what_is_no_npz_is_refused(tmp_path, content):
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    assert refusal(npz.read_arrays, path).startswith(f"{path}: it isn't an npz file")


def test_a_truncated_npz_is_refused(models, tmp_path):
    path = tmp_path / "weights.npz"
    npz.save(models["binary"], path)
    path.write_bytes(path.read_bytes()[:-30])
    assert "isn't an npz file, or it is damaged" in refusal(npz.read_arrays, path)


def test_npz_files_never_run_what_they_hold(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, weights=np.array([{"an": "object"}], dtype=object))
    assert "isn't an npz file" in refusal(npz.read_arrays, path)


def test_a_small_file_that_unpacks_to_more_than_a_gigabyte_is_refused(models, tmp_path, monkeypatch):
    path = tmp_path / "weights.npz"
    np.savez_compressed(path, zeros=np.zeros(100_000, np.float32))
    assert path.stat().st_size < 10_000
    assert npz.read_arrays(path)["zeros"].shape == (100_000,)
    monkeypatch.setattr(npz, "LIMIT", 100_000)
    assert "unpacks to more than" in refusal(npz.read_arrays, path)


# A failing disk


@pytest.mark.parametrize("form", [safetensors, npz], ids=["safetensors", "npz"])
def test_a_file_that_reads_back_differently_is_reported(models, tmp_path, monkeypatch, form):
    """The disk that turns a bit: the bytes on it are those of a model with one weight changed."""
    model = models["binary"]
    other = TrainedModel(model.experiment, model.parameters.copy(), model.preprocessing, model.metrics)
    other.parameters[0] += 1
    form.save(other, tmp_path / "other")
    monkeypatch.setattr(form, "atomic_write", lambda path, data: path.write_bytes((tmp_path / "other").read_bytes()))
    assert "read back differs" in refusal(form.save, model, tmp_path / "model")
