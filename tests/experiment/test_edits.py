"""Wishes become whole experiments: what has to change with a field changes, and nothing that was said is taken back."""

import pytest
from msgspec.structs import replace

from playground.catalog.losses import LOSSES
from playground.experiment import (
    SGD,
    Adam,
    BatchNorm,
    BundledSource,
    DataSpec,
    Dense,
    EarlyStopping,
    Experiment,
    ExperimentError,
    NetworkSpec,
    Residual,
    SyntheticSource,
    TrainingSpec,
    checked,
    edits,
    loss_of,
    output_activation,
    set_field,
)
from playground.experiment.edits import (
    RULES,
    fitting_output_activations,
    refusal,
    with_feature,
    with_field,
    with_optimizer,
    with_seed,
    with_task,
)
from playground.experiment.paths import value_at
from playground.experiment.presets import preset

CIRCLE = Experiment(
    data=DataSpec(source=SyntheticSource(name="circle")),
    network=NetworkSpec(layers=(Dense(units=4, activation="tanh"),)),
    training=TrainingSpec(task="binary", loss="binary_cross_entropy", optimizer=Adam(learning_rate=0.02)),
)
DIABETES = Experiment(
    data=DataSpec(source=BundledSource(name="diabetes")),
    network=NetworkSpec(output_activation="identity"),
    training=TrainingSpec(task="regression", loss="mean_squared_error"),
)


@pytest.mark.parametrize(
    ("path", "text", "follows", "becomes"),
    [
        ("training.loss", "categorical_cross_entropy", "network.output_activation", "softmax"),
        ("training.loss", "hinge", "network.output_activation", "identity"),
        ("network.output_activation", "softmax", "training.loss", "binary_cross_entropy"),
        ("network.output_activation", "tanh", "training.loss", "mean_squared_error"),
        ("training.early_stopping", "{}", "data.validation_fraction", 0.2),
    ],
)
def test_what_has_to_change_with_a_field_changes_for_a_text_as_for_the_window(path, text, follows, becomes):
    changed = set_field(CIRCLE, path, text)
    assert value_at(changed, follows) == becomes
    assert changed == checked(with_field(CIRCLE, path, value_at(changed, path)))


def test_rows_to_watch_and_early_stopping_go_together():
    stopping = set_field(CIRCLE, "training.early_stopping", '{"patience": 3}')
    assert stopping.training.early_stopping == EarlyStopping(patience=3)
    assert set_field(stopping, "data.validation_fraction", "0").training.early_stopping is None
    assert set_field(stopping, "data.validation_fraction", "0.4").training.early_stopping == EarlyStopping(patience=3)


def test_a_text_changes_nothing_else_where_the_value_alone_will_do():
    """The window keeps the rate for another optimizer, and takes the usual outputs of another task; a text means what it says."""
    assert set_field(CIRCLE, "training.optimizer", "sgd").training.optimizer == SGD()
    explicit = '{"type": "sgd", "learning_rate": 0.1}'
    assert set_field(CIRCLE, "training.optimizer", explicit).training.optimizer == SGD(learning_rate=0.1)
    assert with_optimizer(CIRCLE, "sgd").training.optimizer == SGD(learning_rate=0.02)
    assert set_field(DIABETES, "training.task", "bounded").network.output_activation == "identity"
    assert with_task(DIABETES, "bounded").network.output_activation is None


def test_what_no_other_field_could_mend_is_refused_for_its_own_reason():
    assert "poses a binary task" in refusal(with_field(CIRCLE, "training.task", "regression"))
    with pytest.raises(ValueError, match=r"training\.task: circle poses a binary task"):
        set_field(CIRCLE, "training.task", "regression")


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_that_fits_the_task_can_be_chosen(name):
    experiment = replace(CIRCLE, training=replace(CIRCLE.training, label_smoothing=0.1))
    changed = with_field(experiment, "training.loss", name)
    if "binary" in LOSSES[name].tasks:
        assert refusal(changed) == ""
        assert loss_of(changed).name == name
        assert changed.training.label_smoothing == (0.0 if LOSSES[name].signed else 0.1)
    else:
        assert f"{name} does not fit" in refusal(changed)


def test_every_output_activation_that_is_offered_can_be_chosen():
    offered = fitting_output_activations(CIRCLE)
    assert "sigmoid" in offered
    assert "scaled_sigmoid" not in offered, "it is for quantities"
    for name in offered:
        changed = checked(with_field(CIRCLE, "network.output_activation", name))
        assert output_activation(changed) == name


@pytest.mark.parametrize("path", RULES)
def test_a_rule_leaves_what_holds_as_it_is(path):
    assert with_field(CIRCLE, path, value_at(CIRCLE, path)) == CIRCLE


def test_one_seed_is_that_of_data_weights_and_training():
    seeded = with_seed(CIRCLE, 7)
    assert (seeded.data.seed, seeded.network.seed, seeded.training.seed) == (7, 7, 7)
    assert with_seed(seeded, 0) == CIRCLE


def test_features_keep_the_catalogs_order_and_the_last_one_stays():
    more = with_feature(with_feature(CIRCLE, "sin_x2", True), "x1_squared", True)
    assert more.data.features == ("x1", "x2", "x1_squared", "sin_x2")
    one = with_feature(with_feature(CIRCLE, "x1", False), "x2", False)
    assert one.data.features == ("x2",)


def test_other_data_bring_their_task():
    changed = edits.with_source(preset("circle"), BundledSource(name="diabetes"), "regression")
    assert edits.refusal(changed) == ""
    assert (changed.training.task, changed.training.loss) == ("regression", "mean_squared_error")


def test_one_activation_for_all_layers_that_choose_theirs_those_within_skips_as_well():
    layers = (Dense(units=3, activation="relu"), BatchNorm(), Residual(layers=(Dense(units=3, activation="relu"),)))
    experiment = replace(preset("circle"), network=replace(preset("circle").network, layers=layers))
    assert edits.chosen_activations(layers) == ["relu", "relu"]
    changed = edits.with_activation(experiment, "tanh")
    assert edits.chosen_activations(changed.network.layers) == ["tanh", "tanh"]
    assert changed.network.layers[1] == BatchNorm()
    assert edits.refusal(changed) == ""


def test_another_optimizer_keeps_the_rate():
    changed = edits.with_optimizer(preset("circle"), "sgd")
    assert changed.training.optimizer.learning_rate == preset("circle").training.optimizer.learning_rate


def test_a_text_nested_beyond_reason_is_one_sentence():
    with pytest.raises(ExperimentError, match="nested too deeply"):
        edits.set_field(preset("circle"), "name", "[" * 100_000)


@pytest.mark.parametrize("task", ["regression", "multiclass", "multilabel"])
def test_an_output_activation_that_was_chosen_for_one_task_is_not_kept_for_another(task):
    chosen = edits.with_output_activation(CIRCLE, "softmax" if task != "multiclass" else "identity")
    assert chosen.network.output_activation is not None
    assert edits.with_task(chosen, chosen.training.task).network.output_activation == chosen.network.output_activation
    assert edits.with_task(chosen, task).network.output_activation is None
