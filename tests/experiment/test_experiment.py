"""The experiment file: round trips, refusals that say what would be right, and which edits keep the weights."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.optimizers import OPTIMIZERS
from playground.catalog.tasks import TASKS
from playground.experiment import (
    SGD,
    Adam,
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    ExperimentError,
    FileSource,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    checked,
    decode,
    encode,
    keeps_weights,
    schema,
    set_field,
    warnings,
    weights_key,
)
from playground.experiment.checking import converted
from playground.experiment.edits import with_seed
from playground.experiment.paths import replaced
from playground.network.layers import LAYERS

CIRCLE = Experiment(
    data=DataSpec(source=SyntheticSource(name="circle")),
    network=NetworkSpec(layers=(Dense(units=4, activation="tanh"), Dense(units=2, activation="tanh"))),
    training=TrainingSpec(task="binary", loss="binary_cross_entropy"),
)
IRIS = Experiment(
    data=DataSpec(source=BundledSource(name="iris")),
    network=NetworkSpec(layers=()),
    training=TrainingSpec(task="multiclass", loss="categorical_cross_entropy"),
)
TABLE = Experiment(
    name="Meine Tabelle ✓",
    data=DataSpec(source=FileSource(path="a b.csv", targets=("y",), ignore=("id",)), test_fraction=0.0),
    network=NetworkSpec(layers=(Dense(units=3, activation="relu"),), initializer="he_normal", bias=0.1),
    training=TrainingSpec(task="regression", loss="mean_squared_error", optimizer=SGD(learning_rate=0.1), l1=0.01),
)


@pytest.mark.parametrize("experiment", [CIRCLE, IRIS, TABLE])
def test_a_file_brings_the_same_experiment_back(experiment):
    assert decode(encode(experiment)) == checked(experiment) == experiment


@settings(max_examples=100, deadline=None)
@given(
    units=st.lists(st.integers(1, 4096), max_size=8),
    activation=st.sampled_from([name for name, record in ACTIVATIONS.items() if record.hidden]),
    rate=st.floats(1e-9, 1000, exclude_min=True),
    seed=st.integers(0, 2**32 - 1),
    fraction=st.floats(0, 0.9),
)
def test_random_experiments_survive_the_file(units, activation, rate, seed, fraction):
    experiment = Experiment(
        data=DataSpec(source=SyntheticSource(name="spiral"), test_fraction=fraction, seed=seed),
        network=NetworkSpec(layers=tuple(Dense(units=count, activation=activation) for count in units), seed=seed),
        training=TrainingSpec(task="binary", loss="mean_squared_error", optimizer=Adam(learning_rate=rate)),
    )
    assert decode(encode(experiment)) == experiment


def test_the_file_is_the_one_of_the_manual():
    text = """{"version": 1, "name": "Tumor or not",
     "data": {"source": {"type": "bundled", "name": "breast_cancer"}, "test_fraction": 0.3, "standardize": true, "seed": 0},
     "network": {"layers": [{"type": "dense", "units": 8, "activation": "tanh"}], "initializer": "glorot_uniform", "seed": 0},
     "training": {"task": "binary", "loss": "binary_cross_entropy", "optimizer": {"type": "adam", "learning_rate": 0.003},
                  "l2": 0.01, "batch_size": 32, "epochs": 40, "seed": 0}}"""
    experiment = decode(text)
    assert experiment.network.layers == (Dense(units=8, activation="tanh"),)
    assert experiment.training.optimizer == Adam(learning_rate=0.003)
    assert decode("\ufeff".encode() + text.encode()) == experiment


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("training.optimizer.learning_rate", "-5", ["training.optimizer.learning_rate", "-5", "> 0"]),
        ("training.optimizer.learnin_rate", "1", ["learnin_rate", "did you mean 'learning_rate'"]),
        ("training.optimizer.learning_rate", "NaN", ["training.optimizer.learning_rate", "finite"]),
        ("training.batch_size", "1.5", ["training.batch_size", "int"]),
        ("training.batch_size", "true", ["training.batch_size", "int"]),
        ("training.loss", "binary_crossentropy", ["training.loss", "did you mean 'binary_cross_entropy'"]),
        ("training.task", "multiclass", ["training.task", "circle poses a binary task"]),
        ("network.layers.0.units", "0", ["network.layers.0.units", ">= 1"]),
        ("network.layers.7.units", "3", ["there is no item '7'"]),
        ("network.layers.0.activation", "tahn", ["network.layers.0.activation", "did you mean 'tanh'"]),
        ("network.layers.0.activation", "softmax", ["network.layers.0.activation", "relu"]),
        ("network.output_activation", "scaled_sigmoid", ["network.output_activation", "quantities on a scale", "'sigmoid'"]),
        ("network.layers", '[{"type": "conv2d"}]', ["network.layers.0", "Conv2D moves over an image", "2 numbers"]),
        ("network.layers", '[{"type": "embedding"}]', ["network.layers.0", "Embedding looks whole numbers up", "Dense"]),
        (
            "network.layers",
            '[{"type": "residual", "layers": [{"type": "dense", "units": 3}]}]',
            ["network.layers.0", "3 numbers of 2 numbers", "let the last one give 2 numbers"],
        ),
        ("network.layers", '[{"type": "dropuot"}]', ["network.layers.0", "did you mean 'dropout'"]),
        ("training.schedule", "cosin", ["training.schedule", "did you mean 'cosine'"]),
        ("training.label_smoothing", "0.95", ["training.label_smoothing", "<= 0.9"]),
        ("training.class_weights", '"balancd"', ["training.class_weights"]),
        ("network.initializer", '{"type": "uniform", "low": 2, "high": 1}', ["low is above high"]),
        ("data.features", '["x1", "x1"]', ["listed twice"]),
        ("data.features", "[]", ["data.features", "length"]),
        ("data.test_fraction", "0.95", ["data.test_fraction", "<= 0.9"]),
        ("data.source", "bundled", ["data.source", "'name' is missing"]),
        ("data.source.name", "cirle", ["data.source.name", "did you mean 'circle'"]),
        ("version", "2", ["version"]),
        ("name.first", "x", ["has no fields"]),
    ],
)
def test_what_cannot_be_is_refused_with_the_mend(path, value, says):
    with pytest.raises(ExperimentError) as refused:
        set_field(CIRCLE, path, value)
    for words in says:
        assert words in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("training.loss", "categorical_cross_entropy", ["training.loss", "needs softmax outputs", "network.output_activation"]),
        ("network.output_activation", "tanh", ["training.loss", "needs sigmoid or softmax or hard_sigmoid outputs"]),
        ("training.early_stopping", {}, ["training.early_stopping", "data.validation_fraction"]),
        ("training.task", "regression", ["training.task", "circle poses a binary task", "'binary'"]),
        ("data.source.name", "wine", ["data.source.name: 'wine' doesn't go with", "the type"]),
        ("with.a.dot", 1, ["there is no field 'with.a.dot'"]),
        ("name", "\ud800", ["name: the text holds half of a character", "write it anew"]),
    ],
)
def test_what_does_not_go_together_in_a_file_is_refused_with_the_mend(path, value, says):
    plain = msgspec.to_builtins(CIRCLE)
    with pytest.raises(ExperimentError) as refused:
        decode(json.dumps({**plain, path: value} if path.startswith("with.") else replaced(plain, path, value)))
    for words in says:
        assert words in str(refused.value)


DIABETES = Experiment(
    data=DataSpec(source=BundledSource(name="diabetes")),
    network=NetworkSpec(),
    training=TrainingSpec(task="regression", loss="huber"),
)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("network.output_activation", "softmax", "softmax divides one probability among classes"),
        ("network.output_activation", {"type": "scaled_sigmoid", "low": 2.0, "high": 1.0}, "low must be below high"),
        ("training.loss", "binary_cross_entropy", "does not fit a regression task; choose one of"),
        ("training.class_weights", "balanced", "has no classes to weigh"),
        ("training.label_smoothing", 0.1, "a regression task has no classes, so there is nothing to smooth"),
    ],
)
def test_what_makes_no_sense_for_quantities_is_refused(path, value, says):
    with pytest.raises(ExperimentError, match=says):
        decode(json.dumps(replaced(msgspec.to_builtins(DIABETES), path, value)))


def test_a_loss_that_asks_for_the_side_alone_has_nothing_to_smooth():
    hinge = set_field(set_field(CIRCLE, "network.output_activation", "tanh"), "training.loss", "hinge")
    with pytest.raises(ExperimentError, match="hinge only asks for the side"):
        decode(json.dumps(replaced(msgspec.to_builtins(hinge), "training.label_smoothing", 0.1)))


def test_a_value_nested_beyond_reason_is_refused():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(ExperimentError, match="nested too deeply"):
        converted({**msgspec.to_builtins(CIRCLE), "name": nested})


@pytest.mark.parametrize(
    ("path", "value", "choices"),
    [
        ("data.features", ["x3"], "x1, x2, x1_squared, x2_squared, x1_times_x2, sin_x1, sin_x2"),
        ("data.source.type", "made_up", "synthetic, bundled, file"),
        ("training.task", "ternary", "binary, multiclass, multilabel, regression, bounded"),
        ("training.class_weights", "some", "balanced"),
        ("training.optimizer.type", "rprop", ", ".join(OPTIMIZERS)),
        ("network.layers.0.type", "lstm", ", ".join(LAYERS)),
        ("network.layers.0.activation", {"type": "lreaky_elu"}, "leaky_relu, elu"),
        ("version", 0, "1"),
    ],
)
def test_a_name_that_is_no_choice_is_refused_with_all_that_are_in_the_catalogs_order(path, value, choices):
    with pytest.raises(ExperimentError) as refused:
        decode(json.dumps(replaced(msgspec.to_builtins(CIRCLE), path, value)))
    assert str(refused.value).endswith(f"choose one of {choices}.")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1, column 1"),
        ('{"version": 1,\n "data": }', "line 2"),
        ("[1, 2]", "JSON object"),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "UTF-8"),
        (encode(CIRCLE).replace(b'"training"', b'"trainning"'), "did you mean 'training'"),
    ],
)
def test_files_that_are_no_experiments_are_refused(text, says):
    with pytest.raises(ExperimentError) as refused:
        decode(text)
    assert says in str(refused.value)


def test_constructors_accept_anything_and_checked_refuses_it():
    training = msgspec.structs.replace(CIRCLE.training, optimizer=Adam(learning_rate=float("nan")))
    with pytest.raises(ExperimentError, match="learning_rate"):
        checked(msgspec.structs.replace(CIRCLE, training=training))


def test_fields_are_set_by_path():
    changed = set_field(CIRCLE, "training.optimizer", "sgd")
    assert changed.training.optimizer == SGD()
    changed = set_field(changed, "network.layers.1.activation", '{"type": "leaky_relu", "negative_slope": 0.2}')
    assert changed.network.layers[1].activation.negative_slope == 0.2
    assert set_field(CIRCLE, "name", "Zwei Ringe").name == "Zwei Ringe"


@pytest.mark.parametrize(
    ("path", "value", "keeps"),
    [
        ("training.optimizer.learning_rate", "0.5", True),
        ("training.optimizer", "sgd", True),
        ("training.loss", "mean_squared_error", True),
        ("training.batch_size", "7", True),
        ("training.l2", "0.1", True),
        ("network.layers.0.activation", "relu", True),
        ("name", "Other", True),
        ("network.layers.0.units", "5", False),
        ("network.layers", "[]", False),
        ("network.seed", "1", False),
        ("network.initializer", "zeros", False),
        ("data.seed", "1", False),
        ("data.source.noise", "10", False),
        ("data.features", '["x1", "x2", "sin_x1"]', False),
    ],
)
def test_which_edits_keep_the_weights(path, value, keeps):
    assert keeps_weights(CIRCLE, set_field(CIRCLE, path, value)) is keeps


def test_the_schema_describes_the_file():
    definition = json.dumps(schema())
    for word in ("learning_rate", "leaky_relu", "negative_slope", "x1_times_x2", "multi_gauss", "description"):
        assert word in definition


def test_classic_mistakes_are_pointed_out():
    assert warnings(CIRCLE) == []
    linear = set_field(set_field(CIRCLE, "network.layers.0.activation", "identity"), "network.layers.1.activation", "identity")
    assert "linear" in warnings(linear)[0]
    multilabel = Experiment(
        data=DataSpec(source=BundledSource(name="multilabel")),
        network=NetworkSpec(output_activation="softmax"),
        training=TrainingSpec(task="multilabel", loss="binary_cross_entropy"),
    )
    assert "two labels" in warnings(checked(multilabel))[0]


def of(task, source, **network):
    """An experiment of a task whose network differs from the usual one; not checked, as some can't be."""
    return Experiment(
        data=DataSpec(source=BundledSource(name=source)),
        network=NetworkSpec(**{"layers": (Dense(units=3, activation="relu"),), **network}),
        training=TrainingSpec(task=task, loss=TASKS[task].loss),
    )


@pytest.mark.parametrize(
    ("experiment", "says"),
    [
        (of("multiclass", "wine", output_activation="identity"), "Identity outputs are no probabilities"),
        (of("regression", "diabetes", output_activation="sigmoid"), "Sigmoid outputs stay within 0 … 1"),
        (of("regression", "diabetes", output_activation="relu"), "ReLU outputs stay within 0 and up"),
        (of("bounded", "ratings", output_activation="identity"), "can leave the scale"),
        (set_field(CIRCLE, "training.loss", "mean_squared_error"), "Squared error on sigmoid outputs learns slowly"),
        (
            set_field(set_field(CIRCLE, "network.layers", '[{"type": "batch_norm"}]'), "training.batch_size", "1"),
            "A batch of one row is its own mean",
        ),
        (set_field(CIRCLE, "network.initializer", "zeros"), "From weights that are all zeros"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_probably_not_meant_is_said(experiment, says):
    assert any(says in sentence for sentence in warnings(experiment))


def test_each_seed_is_another_run_in_data_weights_and_order():
    seeded = with_seed(TABLE, 3)
    assert (seeded.data.seed, seeded.network.seed, seeded.training.seed) == (3, 3, 3)
    assert with_seed(seeded, 0) == with_seed(TABLE, 0)
    assert len({weights_key(with_seed(CIRCLE, seed)) for seed in range(3)}) == 3
