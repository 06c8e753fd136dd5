"""Split, standardizing, features of the plane, and targets to and fro."""

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from msgspec.structs import replace
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from playground.catalog.datasets import BUNDLED
from playground.catalog.features import FEATURES
from playground.data.bundled import load_bundled
from playground.data.dataset import Dataset
from playground.data.preprocessing import expand, prepare, split
from playground.data.synthetic import draw
from playground.experiment import (
    BundledSource,
    DataSpec,
    Dense,
    Embedding,
    Experiment,
    ExperimentError,
    FileSource,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    checked,
    default_loss,
)


def bundled(name, output_activation=None, loss=None, **data):
    task = BUNDLED[name].task
    layers = (Embedding(),) if BUNDLED[name].names_things else (Dense(),)
    return checked(
        Experiment(
            data=DataSpec(source=BundledSource(name=name), **data),
            network=NetworkSpec(layers=layers, output_activation=output_activation),
            training=TrainingSpec(task=task, loss=loss or default_loss(task)),
        )
    )


def table(features, targets, task, classes=()):
    """A data set as a file would give it, and an experiment for it."""
    features, targets = np.asarray(features, float), np.asarray(targets, float)
    dataset = Dataset(
        name="table",
        title="Table",
        description="",
        task=task,
        features=features,
        targets=targets,
        feature_names=tuple(f"a{column}" for column in range(features.shape[1])),
        target_names=tuple(f"t{column}" for column in range(targets.shape[1])),
        class_names=classes,
    )
    experiment = Experiment(
        data=DataSpec(source=FileSource(path="table.csv")),
        network=NetworkSpec(),
        training=TrainingSpec(task=task, loss=default_loss(task)),
    )
    return experiment, dataset


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("name", ["breast_cancer", "iris", "digits", "diabetes", "linnerud", "multilabel"])
def test_split_parts_all_rows_without_overlap(name, fraction):
    dataset = load_bundled(name)
    train, test = split(dataset, fraction, 0)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(len(dataset.features)))
    assert len(test) == pytest.approx(fraction * len(dataset.features), abs=1)


@pytest.mark.parametrize("name", ["breast_cancer", "iris", "wine", "digits"])
def test_split_keeps_the_share_of_each_class(name):
    dataset = load_bundled(name)
    classes = dataset.targets[:, 0]
    _, test = split(dataset, 0.3, 4)
    for number in range(len(dataset.class_names)):
        assert (classes[test] == number).sum() == pytest.approx(0.3 * (classes == number).sum(), abs=1)


def test_split_follows_its_seed():
    dataset = load_bundled("iris")
    first, same, other = (split(dataset, 0.3, seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_without_a_test_share_every_row_trains():
    train, test = split(load_bundled("iris"), 0.0, 0)
    assert np.array_equal(train, np.arange(150))
    assert len(test) == 0


@settings(max_examples=100, deadline=None)
@given(
    classes=st.lists(st.integers(0, 3), min_size=2, max_size=60),
    fraction=st.floats(0, 0.9),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_split_leaves_rows_to_train_and_keeps_shares(classes, fraction, seed):
    _, dataset = table(np.zeros((len(classes), 1)), np.array(classes)[:, None], "multiclass", ("a", "b", "c", "d"))
    train, test = split(dataset, fraction, seed)
    assert len(train) >= 1
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(len(classes)))
    counts, in_test = np.bincount(classes), np.bincount(np.array(classes)[test], minlength=max(classes) + 1)
    # Shares of what is really tested: a small table can't be parted as finely as asked for.
    assert (np.abs(in_test - counts * len(test) / len(classes)) <= 1 + 1e-9).all()


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("rows", [2, 3, 5])
def test_the_smallest_tables_keep_a_row_to_train(task, rows):
    _, dataset = table(np.arange(rows)[:, None], np.arange(rows)[:, None] % 2, task, ("no", "yes"))
    train, test = split(dataset, 0.9, 0)
    assert len(train) == 1
    assert len(test) == rows - 1


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "diabetes", "linnerud"])
def test_inputs_are_standardized_as_scikit_learn_does_from_training_rows(name):
    data = prepare(bundled(name))
    features = data.dataset.features
    scaler = StandardScaler().fit(features[data.train_rows])
    assert np.allclose(data.train_inputs, scaler.transform(features[data.train_rows]), atol=1e-6)
    assert np.allclose(data.test_inputs, scaler.transform(features[data.test_rows]), rtol=1e-5, atol=1e-6)
    assert data.train_inputs.dtype == np.float32
    assert data.preprocessing.network_inputs.width == features.shape[1]


def test_regression_targets_are_standardized_from_training_rows():
    data = prepare(bundled("linnerud"))
    targets = data.dataset.targets
    scaler = StandardScaler().fit(targets[data.train_rows])
    assert np.allclose(data.train_targets, scaler.transform(targets[data.train_rows]), atol=1e-6)
    assert np.allclose(data.test_targets, scaler.transform(targets[data.test_rows]), atol=1e-6)


def test_nothing_of_the_test_rows_reaches_the_network():
    data = prepare(bundled("diabetes"))
    features, targets = data.dataset.features.copy(), data.dataset.targets.copy()
    features[data.test_rows] *= 1000
    targets[data.test_rows] += 5000
    changed = prepare(bundled("diabetes"), dataclasses.replace(data.dataset, features=features, targets=targets))
    assert np.array_equal(changed.test_rows, data.test_rows)
    assert changed.preprocessing == data.preprocessing
    assert np.array_equal(changed.train_inputs, data.train_inputs)
    assert np.array_equal(changed.train_targets, data.train_targets)


def test_without_standardizing_the_numbers_stay_as_they_are():
    data = prepare(bundled("linnerud", standardize=False))
    assert np.array_equal(data.train_inputs, data.dataset.features[data.train_rows])
    assert np.array_equal(data.train_targets, data.dataset.targets[data.train_rows])


def test_a_column_that_never_varies_becomes_zero():
    experiment, dataset = table([[0.1, row] for row in range(30)], [[row] for row in range(30)], "regression")
    data = prepare(experiment, dataset)
    assert np.abs(data.train_inputs[:, 0]).max() < 1e-6
    assert data.train_inputs[:, 1].std() == pytest.approx(1)


def test_features_of_the_plane_are_computed_from_both_coordinates():
    points = np.random.default_rng(0).uniform(-6, 6, (50, 2))
    x, y = points.T
    expected = {
        "x1": x,
        "x2": y,
        "x1_squared": x**2,
        "x2_squared": y**2,
        "x1_times_x2": x * y,
        "sin_x1": np.sin(x),
        "sin_x2": np.sin(y),
    }
    assert list(FEATURES) == list(expected)
    assert np.allclose(expand(points, tuple(FEATURES)), np.column_stack([expected[name] for name in FEATURES]))
    assert np.allclose(expand(points, ("sin_x2", "x1")), np.column_stack([np.sin(y), x])), "in the order asked for"


def test_features_are_standardized_after_they_are_computed():
    experiment = Experiment(
        data=DataSpec(source=SyntheticSource(name="circle"), features=("x1_squared", "x2_squared")),
        network=NetworkSpec(),
        training=TrainingSpec(task="binary", loss="binary_cross_entropy"),
    )
    data = prepare(experiment)
    squares = draw("circle", 500, 0, 0).features[data.train_rows] ** 2
    assert np.allclose(data.train_inputs, StandardScaler().fit_transform(squares), atol=1e-5)
    assert data.preprocessing.columns == ("x1", "x2"), "raw rows stay points"


def test_features_of_the_plane_leave_other_data_alone():
    data = prepare(bundled("iris", features=("sin_x1",), standardize=False))
    assert np.allclose(data.train_inputs, data.dataset.features[data.train_rows])
    assert data.preprocessing.features == ()


def test_several_classes_are_one_hot():
    data = prepare(bundled("wine"))
    expected = OneHotEncoder(sparse_output=False).fit_transform(data.dataset.targets)
    assert np.array_equal(data.train_targets, expected[data.train_rows])
    assert np.array_equal(data.test_targets, expected[data.test_rows])


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "multilabel"])
@pytest.mark.parametrize("low", [0.0, -1.0])
def test_class_targets_become_the_outputs_range_and_back(name, low):
    loss = "mean_squared_error"
    data = prepare(bundled(name, "tanh", loss) if low else bundled(name))
    preprocessing, raw = data.preprocessing, data.dataset.targets
    targets = preprocessing.targets(raw)
    assert set(np.unique(targets)) == {low, 1.0}
    assert targets.dtype == np.float32
    answers = preprocessing.labels(targets)
    assert np.array_equal(answers if raw.shape[1] > 1 else answers[:, None], raw)


def test_outputs_are_a_yes_from_the_middle_of_their_range_on():
    sigmoid = prepare(bundled("breast_cancer")).preprocessing
    tanh = prepare(bundled("breast_cancer", "tanh", "mean_squared_error")).preprocessing
    outputs = np.array([[0.4], [0.6], [-0.1]])
    assert list(sigmoid.labels(outputs)) == [0, 1, 0]
    assert list(tanh.labels(outputs)) == [1, 1, 0]


def test_columns_in_tiny_units_are_standardized_too():
    random = np.random.default_rng(0)
    columns = np.column_stack([random.normal(1e-14, 1e-15, 50), np.full(50, 0.1) + random.choice([0, 1.4e-17], 50)])
    experiment, dataset = table(columns, random.normal(size=(50, 1)), "regression")
    data = prepare(experiment, dataset)
    assert data.train_inputs[:, 0].std() == pytest.approx(1, rel=1e-5)
    assert data.preprocessing.scale[1] == 1, "rounding noise is no deviation"


@settings(max_examples=60, deadline=None)
@example(np.array([[1.87406988e-71], *[[0.0]] * 6, [1.0], *[[0.0]] * 11]))
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(2, 30), st.integers(1, 3)),
        elements=st.floats(-1e6, 1e6, allow_subnormal=False),
    )
)
def test_regression_values_come_back_from_their_targets(raw):
    experiment, dataset = table(np.arange(len(raw))[:, None], raw, "regression")
    preprocessing = prepare(experiment, dataset).preprocessing
    back = preprocessing.values(preprocessing.targets(raw))
    # float32 holds seven digits of what is left after shifting and scaling.
    largest = np.abs((raw - preprocessing.target_mean) / preprocessing.target_scale).max(axis=0)
    assert (np.abs(back - raw) <= 1e-6 * largest * preprocessing.target_scale + 1e-9 * np.abs(raw) + 1e-12).all()
    assert np.array_equal(preprocessing.labels(np.zeros((1, raw.shape[1]))), [preprocessing.target_mean])


def test_scores_of_classes_are_left_as_they_are():
    preprocessing = prepare(bundled("iris")).preprocessing
    outputs = np.random.default_rng(0).random((4, 3))
    assert preprocessing.values(outputs) is outputs


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_validation_rows_are_neither_trained_nor_tested_on(name):
    data = prepare(bundled(name, validation_fraction=0.2))
    without = prepare(bundled(name))
    rows = np.sort(np.concatenate([data.train_rows, data.validation_rows, data.test_rows]))
    assert np.array_equal(rows, np.arange(len(data.dataset.features)))
    assert np.array_equal(data.test_rows, without.test_rows), "the test rows stay the same"
    assert len(data.validation_rows) == pytest.approx(0.2 * len(without.train_rows), abs=1)
    assert np.allclose(data.train_inputs.mean(axis=0), 0, atol=1e-5), "mean and deviation are the training rows' alone"
    assert len(data.validation_inputs) == len(data.validation_targets) == len(data.validation_rows)
    assert len(without.validation_rows) == 0


def test_a_yes_or_no_with_softmax_has_two_outputs():
    preprocessing = prepare(bundled("breast_cancer", "softmax", "categorical_cross_entropy")).preprocessing
    assert preprocessing.outputs == 2
    assert preprocessing.targets(np.array([[0.0], [1.0]])).tolist() == [[1, 0], [0, 1]]
    assert preprocessing.labels(np.array([[0.7, 0.3], [0.2, 0.8]])).tolist() == [0, 1]


def test_answers_on_a_scale_become_zero_to_one_and_back():
    preprocessing = prepare(bundled("ratings")).preprocessing
    assert preprocessing.targets(np.array([[1.0], [3.0], [5.0]])).tolist() == [[0], [0.5], [1]]
    assert preprocessing.values(np.array([[0.0], [0.25], [1.0]])).tolist() == [[1], [2], [5]]


def test_a_scale_that_nobody_gave_goes_from_the_least_to_the_largest_answer_to_train_on():
    experiment, dataset = table([[0], [1], [2], [3]], [[2], [5], [3], [4]], "bounded")
    every_row = replace(experiment, data=replace(experiment.data, test_fraction=0.0))
    preprocessing = prepare(every_row, dataset).preprocessing
    assert (preprocessing.target_mean, preprocessing.target_scale) == ((2,), (3,))
    assert preprocessing.targets(dataset.targets)[:, 0].tolist() == pytest.approx([0, 1, 1 / 3, 2 / 3])


def test_numbers_that_only_name_things_stay_as_they_are_and_must_have_been_learned():
    data = prepare(bundled("ratings"))
    assert np.array_equal(data.train_inputs, data.dataset.features[data.train_rows])
    assert data.preprocessing.network_inputs.categories == (200, 150)
    for row, column in (([200, 0], "user"), ([0, 150], "item"), ([-1, 0], "user"), ([0, 0.5], "item")):
        with pytest.raises(ExperimentError, match=f"no {column} that was learned"):
            data.preprocessing.inputs(np.array([[0, 0], row]))


def test_images_keep_their_shape():
    assert prepare(bundled("digits")).preprocessing.network_inputs.image == (8, 8, 1)
    assert prepare(bundled("wine")).preprocessing.network_inputs.image == ()
