"""Predictions as a table: the right columns for every task, and probabilities that are the model's."""

import csv
import io

import numpy as np
import pytest

from playground.data.preprocessing import prepare
from playground.experiment import ExperimentError, gives_probabilities, set_field
from playground.experiment.edits import fitting_output_activations, with_loss, with_output_activation
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


# Presets by their task, with the loss and the output activation that make scores of their outputs.
SCORES = {
    "linear hinge": ("circle", "hinge", None, ["output_blue"]),
    "tanh hinge": ("circle", "hinge", "tanh", ["output_blue"]),
    "tanh": ("circle", "mean_squared_error", "tanh", ["output_blue"]),
    "linear": ("circle", "mean_squared_error", "identity", ["output_blue"]),
    "several linear": ("iris", "hinge", None, ["output_setosa", "output_versicolor", "output_virginica"]),
    "a sigmoid each": ("iris", "binary_cross_entropy", "sigmoid", ["output_setosa", "output_versicolor", "output_virginica"]),
    "labels": ("multilabel", "hinge", "softsign", [f"output_{name}" for name in ("art", "music", "science", "sport", "travel")]),
}


def written(experiment, count=20):
    """The model's outputs and the table of its predictions, read back: header and cells."""
    model, rows = train(experiment, backend="reference"), prepare(experiment).dataset.features[:count]
    header, *lines = csv.reader(io.StringIO(prediction_table(model, rows)))
    return model.predict(rows), header, lines


@pytest.mark.parametrize("name", SCORES)
def test_what_is_no_probability_is_not_called_one(name):
    origin, loss, activation, columns = SCORES[name]
    experiment = with_loss(set_field(preset(origin), "training.epochs", "2"), loss)
    experiment = with_output_activation(experiment, activation) if activation else experiment
    assert experiment.training.loss == loss
    outputs, header, lines = written(experiment)
    assert header[-len(columns) :] == columns
    assert not any(title.startswith("probability") for title in header)
    assert np.array_equal(np.array([line[-len(columns) :] for line in lines], np.float32), outputs)


@pytest.mark.parametrize("name", ["circle", "iris", "multilabel"])
def test_whatever_is_called_a_probability_is_one(name):
    """Every head that can be chosen for classes, with a rate that drives the outputs far out."""
    experiment = set_field(set_field(preset(name), "training.epochs", "1"), "training.optimizer.learning_rate", "0.5")
    called = set()
    for activation in fitting_output_activations(experiment):
        headed = with_output_activation(experiment, activation)
        _, header, lines = written(headed)
        columns = [column for column, title in enumerate(header) if title.startswith("probability_")]
        assert bool(columns) == gives_probabilities(headed)
        shares = np.array([[float(line[column]) for column in columns] for line in lines])
        assert ((shares >= 0) & (shares <= 1)).all()
        if columns and name != "multilabel":
            assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
        called.add(bool(columns))
    assert called == {False, True}


def test_an_answer_that_is_no_number_is_refused_by_its_row():
    """Inputs that fit into float32 may still be too large for what the network makes of them."""
    experiment = set_field(set_field(preset("diabetes"), "network.layers", "[]"), "data.standardize", "false")
    model = train(set_field(experiment, "training.epochs", "1"), backend="reference")
    model.parameters[:] = 1e10
    rows = np.zeros((3, 10))
    assert len(prediction_table(model, rows).splitlines()) == 4
    rows[1] = 1e30
    with pytest.raises(ExperimentError, match="row 2: the network's answer is no number"):
        prediction_table(model, rows)
