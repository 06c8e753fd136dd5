"""The gallery's words are the catalog's, and each preset on real data is shown as its own button."""

import pytest

from playground.catalog.datasets import BUNDLED, DATASETS
from playground.data.gallery import description_of, real_sets, shown_as, title_of
from playground.experiment import DataSpec, FileSource
from playground.experiment.paths import replaced
from playground.experiment.presets import preset


def test_the_words_made_ahead_are_the_catalogs():
    for name, record in BUNDLED.items():
        assert (real_sets()[name]["title"], real_sets()[name]["description"]) == (record.title, record.description)
        assert real_sets()[name]["task"] == record.task


@pytest.mark.parametrize("name", [*DATASETS, "digits_conv", "breast_cancer_softmax"])
def test_a_preset_is_shown_as_itself(name):
    experiment = preset(name)
    assert shown_as(experiment) == name
    assert title_of(name)
    assert description_of(name).endswith((".", "?"))


def test_a_table_of_ones_own_is_none_of_the_gallerys():
    experiment = preset("iris")
    table = replaced(experiment, "data", DataSpec(source=FileSource(path="a.csv")))
    assert shown_as(table) == ""
