"""What stands on the canvas, lane by lane, without a window: against the experiment and its plan."""

import numpy as np
import pytest
from msgspec.structs import replace

from playground.catalog.features import FEATURES
from playground.experiment import BatchNorm, Dense, Dropout, Inputs, Residual, build_plan
from playground.experiment.layer_edits import with_layer, with_layer_moved
from playground.experiment.presets import preset
from playground.gui.canvas.arrangement import FIELD, arrange
from playground.gui.canvas.lanes import (
    about_neuron,
    contents_of,
    insertion_path,
    links,
    nesting,
    siblings,
    span,
    title_of,
)

NESTED = (
    Dense(units=4),
    Residual(layers=(Dense(units=4), Residual(layers=(Dense(units=4),)), Dropout())),
    BatchNorm(),
    Dense(units=2),
)


def with_layers(*layers):
    experiment = preset("circle")
    return replace(experiment, network=replace(experiment.network, layers=layers))


def shown(experiment):
    plan = build_plan(experiment, Inputs(len(experiment.data.features)), 1)
    return contents_of(experiment, plan), plan


def test_a_lane_for_inputs_every_layer_and_outputs_blocks_after_what_is_in_them():
    contents, plan = shown(with_layers(*NESTED))
    assert [content.path for content in contents] == [
        (), (0,), (1, 0), (1, 1, 0), (1, 1), (1, 2), (1,), (2,), (3,), (),
    ]  # fmt: skip
    assert [content.number for content in contents] == list(range(len(plan.stages)))
    assert contents[0].kind == "inputs" and contents[-1].kind == "outputs"
    assert contents[4].layer is NESTED[1].layers[1] and contents[3].layer is NESTED[1].layers[1].layers[0]
    assert [nesting(content) for content in contents] == [0, 0, 0, 0, 1, 0, 2, 0, 0, 0]
    assert span(contents, contents[6]) == (2, 6) and span(contents, contents[4]) == (3, 4)


def test_dense_layers_are_counted_through_all_blocks():
    contents, _ = shown(with_layers(*NESTED))
    titles = [title_of(contents, content) for content in contents[1:-1]]
    assert titles == ["Hidden 1", "Hidden 2", "Hidden 3", "Residual", "Dropout", "Residual", "BatchNorm", "Hidden 4"]


def test_siblings_are_the_layers_of_one_list():
    contents, _ = shown(with_layers(*NESTED))
    for content in contents[1:-1]:
        found = siblings(contents, content)
        assert content in found
        within = NESTED if len(content.path) == 1 else NESTED[1].layers if len(content.path) == 2 else NESTED[1].layers[1].layers
        assert [other.layer for other in found] == list(within)


@pytest.mark.parametrize("gap", range(len(NESTED) + 5))
def test_a_layer_put_into_a_gap_stands_in_the_lane_after_it(gap):
    experiment = with_layers(*NESTED)
    contents, plan = shown(experiment)
    path = insertion_path(contents, gap)
    new = with_layer(experiment, "dropout", path, contents[gap].shape, Inputs(2), plan.widths[-1])
    after, _ = shown(new)
    assert len(after) == len(contents) + 1
    assert after[gap + 1].kind == "dropout" and after[gap + 1].path == path


def test_moving_a_layer_moves_its_lane_among_its_siblings_only():
    experiment = with_layers(Dense(units=4), Dropout(), Dense(units=2))
    contents, _ = shown(with_layer_moved(experiment, (1,), 2))
    assert [content.kind for content in contents[1:-1]] == ["dense", "dense", "dropout"]


def test_numbers_go_straight_on_where_a_layer_has_no_weights():
    contents, plan = shown(with_layers(*NESTED))
    kinds = [link.kind for link in links(contents, plan)]
    assert kinds == ["weights", "weights", "weights", "each", "each", "each", "each", "weights", "weights"]
    for link, content in zip(links(contents, plan), contents[1:], strict=True):
        if link.kind == "weights":
            assert link.weight == f"{content.prefix}.weight"


def test_a_neuron_is_described_by_its_own_numbers():
    experiment = with_layers(Dense(units=3, activation="relu"), BatchNorm())
    contents, plan = shown(experiment)
    parameters = np.arange(plan.parameter_size, dtype=np.float32)
    known = experiment, plan, parameters
    for node in range(3):
        bias = float(plan.view(parameters, "layers.0.bias")[node])
        assert about_neuron(contents, 1, node, "", known) == [f"Neuron {node + 1}", "ReLU", f"bias {bias:.4f}"]
        said = about_neuron(contents, 2, node, "", known)
        expected = [
            float(plan.view(parameters, f"layers.1.{name}")[node]) for name in ("weight", "bias", "running_mean", "running_var")
        ]
        assert said[0] == f"Neuron {node + 1}" and len(said) == 5
        assert [float(line.split()[-1]) for line in said[1:]] == expected
    assert about_neuron(contents, 1, 2, "", None) == ["Neuron 3"]
    assert about_neuron(contents, 0, 1, "x₂", None) == ["x₂"]


def test_features_that_are_off_keep_their_place_on_the_first_lane():
    experiment = preset("circle")
    experiment = replace(experiment, data=replace(experiment.data, features=("x2", "sin_x1")))
    arranged = arrange(experiment, None)
    assert arranged.units[0] == len(FEATURES) and arranged.active == (1, 5)
    assert arranged.input_names == tuple(feature.symbol for feature in FEATURES.values())
    assert arranged.output_names == () and arranged.image_columns == 0


def test_room_is_kept_for_fields_notes_and_skips_only_where_there_are_some():
    size = arrange(with_layers(Dense(units=3)), None).size(900, 600, (60, 30), 0)
    assert (size.width, size.height, size.label_room, size.output_room) == (900, 600, 60, 30)
    assert size.foot == 0 and size.head == 0
    assert arrange(with_layers(Dense(units=3)), None).size(900, 600, (60, 30), 20).head == 20
    assert arrange(with_layers(Dense(units=3, activation="leaky_relu")), None).size(900, 600, (60, 30), 0).foot == FIELD
    one, two = (arrange(with_layers(*NESTED[:1], block), None).size(900, 600, (60, 30), 0).head for block in (
        Residual(layers=(Dense(units=4),)), NESTED[1],
    ))  # fmt: skip
    assert 0 < one < two, "skips within skips lie over each other"
