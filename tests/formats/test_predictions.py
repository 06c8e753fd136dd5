"""Predictions as a table: the right columns for every task, and probabilities that are the model's."""

import csv
import io

import numpy as np
import pytest

from playground.data.preprocessing import prepare
from playground.experiment import set_field
from playground.experiment.presets import preset
from playground.formats.predictions import prediction_table
from playground.training.trainer import train

HEADERS = {
    "breast_cancer": ["prediction", "probability_benign", "probability_malignant"],
    "breast_cancer_softmax": ["prediction", "probability_benign", "probability_malignant"],
    "iris": ["prediction", "probability_setosa", "probability_versicolor", "probability_virginica"],
    "multilabel": [
        f"{what}_{topic}" for what in ("prediction", "probability") for topic in ["art", "music", "science", "sport", "travel"]
    ],
    "diabetes": ["prediction"],
    "linnerud": ["prediction_weight (lb)", "prediction_waist (in)", "prediction_pulse"],
    "ratings": ["prediction"],
}


@pytest.mark.parametrize("name", HEADERS)
def test_the_table_has_a_column_for_all_that_is_predicted(name):
    experiment = set_field(preset(name), "training.epochs", "2")
    model, rows = train(experiment, backend="reference"), prepare(experiment).dataset.features[:20]
    header, *lines = csv.reader(io.StringIO(prediction_table(model, rows)))
    assert header == HEADERS[name]
    assert len(lines) == 20
    outputs, answers = model.predict(rows), model.predict_labels(rows)
    probabilities = [column for column, title in enumerate(header) if title.startswith("probability")]
    if not probabilities:
        assert np.allclose(np.array(lines, float), outputs, rtol=1e-6)
        return
    shares = np.array([[float(line[column]) for column in probabilities] for line in lines])
    expected = np.column_stack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs
    assert np.allclose(shares, expected, atol=1e-6)
    if name == "multilabel":
        assert np.array_equal(np.array([line[:5] for line in lines], int), answers)
    else:
        assert [line[0] for line in lines] == [model.classes[answer] for answer in answers]
        assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
