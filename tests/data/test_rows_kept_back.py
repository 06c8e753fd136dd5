"""Which rows are kept back: exactly how many, and for a seed always the same ones, as files of last year train on."""

import dataclasses

import numpy as np
import pytest

from playground.data.bundled import load_bundled
from playground.data.preprocessing import prepare, split
from playground.experiment import BundledSource, DataSpec, Experiment, NetworkSpec, TrainingSpec, default_loss

# Those of seed 5, a quarter of 20 rows each.
TRAINED = [0, 1, 3, 4, 5, 9, 11, 12, 14, 15, 16]
WATCHED = [2, 6, 18, 19]
TESTED = [7, 8, 10, 13, 17]


def experiment(**data):
    return Experiment(
        data=DataSpec(source=BundledSource(name="diabetes"), **data),
        network=NetworkSpec(),
        training=TrainingSpec(task="regression", loss=default_loss("regression")),
    )


def rows(count):
    """The first rows of a bundled set."""
    dataset = load_bundled("diabetes")
    return dataclasses.replace(dataset, features=dataset.features[:count], targets=dataset.targets[:count])


@pytest.mark.parametrize(
    ("count", "fraction", "tested"),
    [(10, 0.28, 3), (10, 0.22, 2), (10, 0.3, 3), (3, 0.5, 2), (7, 0.9, 6), (2, 0.9, 1), (442, 0.3, 133), (100, 0.001, 0)],
)
def test_the_share_of_test_rows_is_rounded(count, fraction, tested):
    train, test = split(rows(count), fraction, 0)
    assert (len(train), len(test)) == (count - tested, tested)


@pytest.mark.parametrize(("count", "fraction", "watched"), [(8, 0.01, 1), (8, 0.2, 2), (2, 0.1, 1), (1, 0.5, 0)])
def test_a_share_of_few_rows_to_watch_is_still_a_row(count, fraction, watched):
    data = prepare(experiment(test_fraction=0.0, validation_fraction=fraction), rows(count))
    assert (len(data.train_rows), len(data.validation_rows)) == (count - watched, watched)


def test_the_rows_of_a_seed_are_those_that_they_always_were():
    data = prepare(experiment(test_fraction=0.25, validation_fraction=0.25, seed=5), rows(20))
    assert data.train_rows.tolist() == TRAINED
    assert data.validation_rows.tolist() == WATCHED
    assert data.test_rows.tolist() == TESTED
    assert sorted([*TRAINED, *WATCHED, *TESTED]) == list(range(20))
    assert np.array_equal(data.test_inputs, data.preprocessing.inputs(data.dataset.features[TESTED]))
