"""The list of torch modules is right: torch makes them as written, loads the tensors strictly and gives the same logits."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import HIDDEN, Elu, LeakyRelu, chains, random_parameters

from playground.experiment import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Inputs,
    LayerNorm,
    MaxPool2D,
    Residual,
)
from playground.formats.torch_modules import chain, in_words, is_chain, named_tensors
from playground.kernels.reference import backend as reference
from playground.network.building import plan_network
from playground.network.layers import LAYERS

ROW, IMAGE, NAMES = Inputs(6), Inputs(64, (8, 8, 1)), Inputs(2, categories=(5, 4))
ONE_OF_EACH = {
    "dense": (Dense(units=5), ROW),
    "dropout": (Dropout(), ROW),
    "batch_norm": (BatchNorm(), ROW),
    "layer_norm": (LayerNorm(), ROW),
    "conv2d": (Conv2D(filters=3), IMAGE),
    "max_pool2d": (MaxPool2D(), IMAGE),
    "average_pool2d": (AveragePool2D(), IMAGE),
    "flatten": (Flatten(), IMAGE),
    "embedding": (Embedding(units=3), NAMES),
    "residual": (Residual(layers=(Dense(units=6),)), ROW),
}


def network(layers, inputs, outputs=3):
    """A network's plan and random parameters."""
    plan = plan_network(layers, "softmax", "categorical_cross_entropy", inputs, outputs)
    return plan, random_parameters(plan, 5)


def state_dict(torch, layers, plan, parameters):
    return {
        name: torch.tensor(0) if tensor is None else torch.from_numpy(tensor.read(parameters))
        for name, tensor in named_tensors(layers, plan).items()
    }


def made_as_written(torch, text):
    """The network that the words of a file describe; the one activation that torch.nn lacks is made here."""

    class Sine(torch.nn.Module):
        def forward(self, x):
            return torch.sin(x)

    return eval(text, vars(torch.nn) | {"Sine": Sine})


def torch_logits(torch, layers, inputs, plan, parameters, rows):
    """The logits of torch's Sequential, in float64, from the strictly loaded float32 tensors."""
    sequential = made_as_written(torch, in_words(layers, plan))
    sequential.load_state_dict(state_dict(torch, layers, plan, parameters), strict=True)
    if "Unflatten" in in_words(layers, plan):
        # Torch takes an image color after color.
        rows = rows.reshape(-1, *inputs.image).transpose(0, 3, 1, 2).reshape(len(rows), -1)
    with torch.no_grad():
        return sequential.double().eval()(torch.from_numpy(np.ascontiguousarray(rows, np.float64))).numpy()


def assert_torch_agrees(torch, layers, inputs):
    plan, parameters = network(layers, inputs)
    rows = np.random.default_rng(1).normal(size=(4, inputs.width)).astype(np.float32)
    ours = reference.logits(plan, parameters, rows)
    theirs = torch_logits(torch, layers, inputs, plan, parameters, rows)
    assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(ours).max())))


@pytest.mark.torch
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_any_chain_over_rows_or_images_gives_torchs_logits(data):
    torch = pytest.importorskip("torch")
    if data.draw(st.booleans(), label="images"):
        image = data.draw(st.tuples(st.integers(2, 7), st.integers(2, 7), st.integers(1, 3)))
        inputs, shape = Inputs(int(np.prod(image)), image), image
    else:
        inputs = Inputs(data.draw(st.integers(1, 6)))
        shape = (inputs.width,)
    assert_torch_agrees(torch, data.draw(chains(shape)), inputs)


@pytest.mark.torch
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_every_window_gives_torchs_logits(size, stride, padding):
    torch = pytest.importorskip("torch")
    for height, width in ((5, 8), (7, 6)):
        inputs = Inputs(height * width * 2, (height, width, 2))
        for layer in (
            Conv2D(filters=3, kernel=size, stride=stride, padding=padding),
            MaxPool2D(size=size, stride=stride, padding=padding),
            AveragePool2D(size=size, stride=stride, padding=padding),
        ):
            assert_torch_agrees(torch, (layer, Flatten()), inputs)


@pytest.mark.torch
@pytest.mark.parametrize("choice", [*HIDDEN, LeakyRelu(negative_slope=0.37), Elu(alpha=0.4)], ids=str)
def test_every_activation_gives_torchs_logits(choice):
    torch = pytest.importorskip("torch")
    assert_torch_agrees(torch, (Dense(units=5, activation=choice), BatchNorm(activation=choice)), ROW)


@pytest.mark.torch
@pytest.mark.parametrize(
    "layers",
    [
        (Conv2D(filters=3), Flatten(), Dense(units=4)),
        (Conv2D(filters=3), Flatten(), BatchNorm(activation="tanh"), Dense(units=4)),
        (Conv2D(filters=3), Flatten(), Dropout(), LayerNorm(), Flatten(), Dense(units=4), BatchNorm()),
        (MaxPool2D(), Conv2D(filters=2), LayerNorm(), BatchNorm(), Flatten()),
    ],
)
def test_what_follows_a_flatten_is_in_torchs_order(layers):
    torch = pytest.importorskip("torch")
    assert_torch_agrees(torch, layers, Inputs(30, (5, 6, 1)))


def test_the_digits_network_is_written_as_people_write_it():
    layers = (
        Conv2D(filters=16),
        MaxPool2D(),
        Conv2D(filters=32, stride=2),
        Flatten(),
        Dropout(rate=0.5),
        Dense(units=20, activation=LeakyRelu(negative_slope=0.2)),
    )
    plan, _ = network(layers, IMAGE, 10)
    assert in_words(layers, plan) == (
        "Sequential(Unflatten(1, (1, 8, 8)), Conv2d(1, 16, 3, padding=1), ReLU(), MaxPool2d(2), ZeroPad2d((0, 1, 0, 1)), "
        "Conv2d(16, 32, 3, stride=2), ReLU(), Flatten(), Dropout(0.5), Linear(128, 20), LeakyReLU(negative_slope=0.2), "
        "Linear(20, 10))"
    )
    shapes = {name: tensor.shape for name, tensor in named_tensors(layers, plan).items()}
    assert shapes == {
        "1.weight": (16, 1, 3, 3),
        "1.bias": (16,),
        "5.weight": (32, 16, 3, 3),
        "5.bias": (32,),
        "9.weight": (20, 128),
        "9.bias": (20,),
        "11.weight": (10, 20),
        "11.bias": (10,),
    }


@pytest.mark.parametrize(
    ("layers", "inputs", "first"),
    [
        ((), IMAGE, "Linear"),
        ((Dense(),), IMAGE, "Linear"),
        ((Flatten(), Dense()), IMAGE, "Flatten"),
        ((BatchNorm(), Flatten()), IMAGE, "Unflatten"),
        ((Dropout(), Flatten()), IMAGE, "Unflatten"),
        ((BatchNorm(),), ROW, "BatchNorm1d"),
    ],
)
def test_rows_become_images_only_where_the_first_layer_works_on_images(layers, inputs, first):
    plan, _ = network(layers, inputs)
    assert chain(layers, plan)[0].kind == first


@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_is_named_and_all_its_numbers_are_there_once(kind):
    layer, inputs = ONE_OF_EACH[kind]
    layers = (layer, Flatten()) if inputs.image and kind != "flatten" else (layer,)
    plan, _ = network(layers, inputs)
    tensors = [tensor for tensor in named_tensors(layers, plan).values() if tensor is not None]
    assert sorted(tensor.view.name for tensor in tensors) == sorted(view.name for view in plan.parameters)
    assert all(np.prod(tensor.shape) == tensor.view.size for tensor in tensors)
    assert is_chain(layers) == (kind not in ("embedding", "residual"))


# Networks that are no chain


@pytest.mark.torch
def test_a_skip_over_convolutions_is_what_its_layouts_say():
    """The network as somebody would write it down in torch, from the names in the file."""
    torch = pytest.importorskip("torch")
    layers = (
        Conv2D(filters=3, activation="tanh"),
        Residual(layers=(Conv2D(filters=3, kernel=1, activation="tanh"), LayerNorm(), BatchNorm()), activation="tanh"),
        Flatten(),
        Residual(layers=(Dense(units=192, activation="tanh"),)),
    )
    plan, parameters = network(layers, IMAGE)
    rows = np.random.default_rng(1).normal(size=(4, 64)).astype(np.float32)
    t = {name: tensor.double() for name, tensor in state_dict(torch, layers, plan, parameters).items()}
    functional = torch.nn.functional
    x = torch.from_numpy(rows).double().reshape(4, 1, 8, 8)
    x = torch.tanh(functional.conv2d(x, t["layers.0.weight"], t["layers.0.bias"], padding=1))
    inner = torch.tanh(functional.conv2d(x, t["layers.1.layers.0.weight"], t["layers.1.layers.0.bias"]))
    inner = functional.layer_norm(inner, (3, 8, 8), t["layers.1.layers.1.weight"], t["layers.1.layers.1.bias"])
    own = "layers.1.layers.2"
    inner = functional.batch_norm(inner, t[f"{own}.running_mean"], t[f"{own}.running_var"], t[f"{own}.weight"], t[f"{own}.bias"])
    x = torch.tanh(x + inner).permute(0, 2, 3, 1).flatten(1)
    x = x + torch.tanh(functional.linear(x, t["layers.3.layers.0.weight"], t["layers.3.layers.0.bias"]))
    logits = functional.linear(x, t["layers.4.weight"], t["layers.4.bias"]).numpy()
    assert np.allclose(reference.logits(plan, parameters, rows), logits, rtol=1e-5, atol=1e-5)
    assert chain(layers, plan) is None
    assert in_words(layers, plan).startswith("Not a Sequential: Residual is no step of a chain.")


@pytest.mark.torch
def test_tables_are_torchs_embeddings():
    torch = pytest.importorskip("torch")
    layers = (Embedding(units=3), Dense(units=4, activation="tanh"))
    plan, parameters = network(layers, NAMES)
    t = {name: tensor.double() for name, tensor in state_dict(torch, layers, plan, parameters).items()}
    rows = np.array([[0, 3], [4, 0], [2, 2]])
    functional = torch.nn.functional
    x = torch.cat([functional.embedding(torch.from_numpy(rows[:, n]), t[f"layers.0.table.{n}"]) for n in (0, 1)], dim=1)
    x = torch.tanh(functional.linear(x, t["layers.1.weight"], t["layers.1.bias"]))
    logits = functional.linear(x, t["layers.2.weight"], t["layers.2.bias"]).numpy()
    assert np.allclose(reference.logits(plan, parameters, rows), logits, rtol=1e-5, atol=1e-5)
    assert in_words(layers, plan).startswith("Not a Sequential: Embedding is no step of a chain.")
