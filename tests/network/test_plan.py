"""A network as a table: what lies where, that nothing overlaps, and that what doesn't fit is refused in a sentence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.network import table
from playground.network.building import Inputs, plan_network
from playground.network.layers import BatchNorm, Conv2D, Dense, Embedding, Flatten, LayerError, MaxPool2D, Residual
from playground.network.parameters import PADDING, aligned_zeros, initialize, padded

CHAINS = {
    "dense": ((Dense(units=5), Dense(units=3, activation="tanh")), Inputs(4)),
    "images": ((Conv2D(filters=3), MaxPool2D(), Flatten(), Dense(units=7)), Inputs(64, (8, 8, 1))),
    "skips": ((Dense(units=4), Residual(layers=(Dense(units=4), BatchNorm()))), Inputs(2)),
    "names": ((Embedding(units=3),), Inputs(2, (), (10, 20))),
}


def plan_of(layers, inputs, outputs=2):
    return plan_network(layers, "softmax", "categorical_cross_entropy", inputs, outputs)


@pytest.mark.parametrize("name", CHAINS)
def test_parameters_lie_side_by_side_and_each_at_the_start_of_a_register(name):
    plan = plan_of(*CHAINS[name])
    end = 0
    for view in plan.parameters:
        assert view.offset == end
        assert view.offset % PADDING == 0
        end = view.offset + padded(view.size)
    assert plan.parameter_size == end


@pytest.mark.parametrize("name", CHAINS)
def test_regions_of_values_never_overlap(name):
    plan = plan_of(*CHAINS[name])
    taken = np.zeros(plan.units, int)
    for start, width in plan.region_widths.items():
        taken[start : start + width] += 1
    assert taken.max() == 1


@pytest.mark.parametrize("name", CHAINS)
def test_a_plan_ends_with_the_loss_of_what_the_last_stage_answers(name):
    plan = plan_of(*CHAINS[name])
    operations = plan.instructions[:, table.OPERATION]
    assert operations[-1] == table.LOSS
    assert (operations == table.LOSS).sum() == 1
    assert plan.stages[0].kind == "inputs"
    assert plan.stages[-1].kind == "outputs"
    assert plan.widths[-1] == 2
    assert plan.instructions[-1, table.INPUT] == plan.regions[-1]


@pytest.mark.torch
def test_it_has_as_many_parameters_as_pytorch_counts():
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(48, 7),
        torch.nn.Linear(7, 2),
    )
    layers, inputs = CHAINS["images"]
    assert plan_of(layers, inputs).parameter_count == sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("layers", "inputs", "place", "says"),
    [
        ((Conv2D(),), Inputs(4), "layers.0", "moves over an image"),
        ((Conv2D(), Dense()), Inputs(64, (8, 8, 1)), "layers.1", "put a Flatten before it"),
        ((Conv2D(),), Inputs(64, (8, 8, 1)), "layers.0", "put a Flatten after it"),
        ((Dense(),), Inputs(2, (), (3, 3)), "layers.0", "put an Embedding first"),
        ((Residual(layers=(Dense(units=3),)),), Inputs(2), "layers.0", "only equal shapes can be added"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(layers, inputs, place, says):
    with pytest.raises(LayerError, match=says) as refused:
        plan_of(layers, inputs)
    assert str(refused.value).startswith(place)


@given(st.integers(0, 10**9))
def test_sizes_are_rounded_up_to_whole_registers(size):
    assert 0 <= padded(size) - size < PADDING
    assert padded(size) % PADDING == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_buffers_begin_where_vector_instructions_like_it(dtype):
    for size in (1, 15, 1000):
        buffer = aligned_zeros(size, dtype)
        assert buffer.ctypes.data % 64 == 0
        assert buffer.shape == (size,)
        assert not buffer.any()


@pytest.mark.parametrize(
    ("name", "variance"), [("glorot_uniform", 2 / (300 + 200)), ("he_normal", 2 / 300), ("lecun_normal", 1 / 300)]
)
def test_weights_are_drawn_as_wide_as_their_papers_say_and_the_same_from_the_same_seed(name, variance):
    plan = plan_of((Dense(units=200),), Inputs(300))
    buffer = initialize(plan.parameters, plan.parameter_size, name, 0.25, seed=3)
    weight, bias = plan.parameters[0], plan.parameters[1]
    assert weight.of(buffer).var() == pytest.approx(variance, rel=0.03)
    assert (bias.of(buffer) == 0.25).all()
    np.testing.assert_array_equal(buffer, initialize(plan.parameters, plan.parameter_size, name, 0.25, seed=3))
    assert (buffer != initialize(plan.parameters, plan.parameter_size, name, 0.25, seed=4)).any()


def test_a_convolutions_weights_are_drawn_for_all_pixels_of_its_window():
    """Each filter is fed by window × channels numbers, and each number feeds window × filters (Glorot and Bengio, 2010)."""
    plan = plan_of((Conv2D(filters=5, kernel=3), Flatten()), Inputs(8 * 8 * 2, (8, 8, 2)))
    weight = plan.parameters[0]
    assert (weight.fan_in, weight.fan_out) == (9 * 2, 9 * 5)
    limit = np.sqrt(6 / (9 * 2 + 9 * 5))
    drawn = weight.of(initialize(plan.parameters, plan.parameter_size, "glorot_uniform", 0.0, seed=0))
    assert 0.9 * limit < np.abs(drawn).max() <= limit
