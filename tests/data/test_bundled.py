"""Bundled sets are scikit-learn's, number by number, with words for people."""

import numpy as np
import pytest
from sklearn import datasets

from playground.catalog.datasets import BUNDLED
from playground.data.bundled import LOADERS, load_bundled
from playground.data.preprocessing import output_width
from playground.data.sources import load_dataset
from playground.experiment import (
    BundledSource,
    DataSpec,
    Experiment,
    NetworkSpec,
    TrainingSpec,
    default_loss,
)

SHAPES = {
    "breast_cancer": (569, 30, 1),
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "digits": (1797, 64, 10),
    "diabetes": (442, 10, 1),
    "linnerud": (20, 3, 3),
    "multilabel": (1000, 20, 5),
    "ratings": (5400, 2, 1),
}
TASK_OF = {
    "breast_cancer": "binary",
    "iris": "multiclass",
    "wine": "multiclass",
    "digits": "multiclass",
    "diabetes": "regression",
    "linnerud": "regression",
    "multilabel": "multilabel",
    "ratings": "bounded",
}


def class_of_each_row(dataset):
    return [dataset.class_names[int(number)] for number in dataset.targets[:, 0]]


def test_what_the_catalog_knows_of_a_set_is_what_it_is():
    for name, record in BUNDLED.items():
        dataset = load_bundled(name)
        assert (dataset.name, dataset.title, dataset.description) == (name, record.title, record.description)
        assert record.columns == dataset.features.shape[1]
        assert record.image == ((*dataset.image_shape, 1) if dataset.image_shape else ())
        assert (record.columns if record.names_things else 0) == len(dataset.categories)
    assert {name for name, record in BUNDLED.items() if record.image} == {"digits"}
    assert {name for name, record in BUNDLED.items() if record.names_things} == {"ratings"}


def test_every_set_can_be_chosen_and_poses_its_task():
    assert list(LOADERS) == list(BUNDLED) == list(TASK_OF)
    assert {name: load_bundled(name).task for name in BUNDLED} == TASK_OF


@pytest.mark.parametrize("name", BUNDLED)
def test_shapes_and_words_go_together(name):
    data, task = DataSpec(source=BundledSource(name=name)), TASK_OF[name]
    dataset = load_dataset(data, task)
    experiment = Experiment(data=data, network=NetworkSpec(), training=TrainingSpec(task=task, loss=default_loss(task)))
    rows, columns, outputs = SHAPES[name]
    assert dataset.name == name
    assert dataset.features.shape == (rows, columns)
    assert len(dataset.targets) == rows
    assert output_width(experiment, dataset) == outputs
    assert dataset.features.dtype == dataset.targets.dtype == np.float64
    assert np.isfinite(dataset.features).all()
    assert len(set(dataset.feature_names)) == columns
    assert len(dataset.target_names) == dataset.targets.shape[1]
    assert dataset.title and dataset.description.endswith((".", "?"))
    assert not dataset.planar


@pytest.mark.parametrize("name", [name for name, task in TASK_OF.items() if task in ("binary", "multiclass")])
def test_every_class_has_a_name_and_occurs(name):
    dataset = load_bundled(name)
    assert set(dataset.targets[:, 0]) == set(range(len(dataset.class_names)))


def test_breast_cancer_says_yes_to_malignant():
    bunch, dataset = datasets.load_breast_cancer(), load_bundled("breast_cancer")
    assert np.array_equal(dataset.features, bunch.data)
    assert class_of_each_row(dataset) == list(bunch.target_names[bunch.target])
    assert dataset.class_names == ("benign", "malignant")
    assert dataset.feature_names == tuple(bunch.feature_names)


def test_iris_has_its_species():
    bunch, dataset = datasets.load_iris(), load_bundled("iris")
    assert np.array_equal(dataset.features, bunch.data)
    assert class_of_each_row(dataset) == list(bunch.target_names[bunch.target])
    assert dataset.class_names == ("setosa", "versicolor", "virginica")


def test_wine_has_its_growers():
    bunch, dataset = datasets.load_wine(), load_bundled("wine")
    assert np.array_equal(dataset.features, bunch.data)
    assert np.array_equal(dataset.targets[:, 0], bunch.target)
    assert dataset.feature_names == tuple(bunch.feature_names)


def test_digits_are_images_from_0_to_1():
    bunch, dataset = datasets.load_digits(), load_bundled("digits")
    assert np.array_equal(dataset.features.reshape(-1, *dataset.image_shape) * 16, bunch.images)
    assert class_of_each_row(dataset) == [str(digit) for digit in bunch.target]
    assert (dataset.features.min(), dataset.features.max()) == (0, 1)
    assert dataset.feature_names[8 * 2 + 5] == "pixel 2,5"


def test_diabetes_is_in_the_units_people_measure():
    bunch, dataset = datasets.load_diabetes(scaled=False), load_bundled("diabetes")
    assert np.array_equal(dataset.features, bunch.data)
    assert np.array_equal(dataset.targets[:, 0], bunch.target)
    assert 18 < dataset.features[:, dataset.feature_names.index("age")].mean() < 80
    assert dataset.class_names == ()


def test_linnerud_predicts_three_quantities_at_once():
    bunch, dataset = datasets.load_linnerud(), load_bundled("linnerud")
    assert np.array_equal(dataset.features, bunch.data)
    assert np.array_equal(dataset.targets, bunch.target)
    assert [name.split()[0].lower() for name in dataset.target_names] == [name.lower() for name in bunch.target_names]


def test_topics_may_hold_together_or_not_at_all():
    dataset = load_bundled("multilabel")
    assert np.array_equal(dataset.targets, load_bundled("multilabel").targets)
    assert set(np.unique(dataset.targets)) == {0.0, 1.0}
    assert {0, 1, 2} <= set(dataset.targets.sum(axis=1))
    assert dataset.class_names == dataset.target_names


def test_ratings_are_stars_of_some_users_for_some_items_and_pile_up_at_both_ends():
    dataset = load_bundled("ratings")
    assert np.array_equal(dataset.targets, load_bundled("ratings").targets)
    users, items = dataset.categories
    assert len(dataset.features) == pytest.approx(0.18 * users * items)
    assert len(np.unique(dataset.features, axis=0)) == len(dataset.features), "nobody rates twice"
    for column, count in enumerate(dataset.categories):
        assert set(np.unique(dataset.features[:, column])) <= set(range(count))
    stars, counts = np.unique(dataset.targets, return_counts=True)
    assert stars.tolist() == [1, 2, 3, 4, 5]
    assert dataset.value_range == (1, 5)
    # A scale that ends too soon gathers more at its ends than beside them.
    assert counts[0] > 1.1 * counts[1]
    assert counts[4] > 1.5 * counts[3]
    assert "made-up" in dataset.description


@pytest.mark.parametrize("name", ["multilabel", "ratings"])
def test_what_nobody_measured_is_said_to_be_made_up(name):
    assert "made-up" in load_bundled(name).description
