"""Two softmax outputs are one sigmoid: the difference of their weights, and the same answers."""

import numpy as np
import pytest

from playground.data.preprocessing import prepare
from playground.experiment import ExperimentError, decode, set_field
from playground.experiment.edits import with_seed
from playground.insight.sigmoid_form import largest_difference, sigmoid_proof, softmax_as_sigmoid
from playground.storage import resource
from playground.training.trainer import train


def preset(name, epochs):
    return set_field(decode(resource("presets", f"{name}.json").read_bytes()), "training.epochs", str(epochs))


@pytest.fixture(scope="module")
def tumors():
    experiment = preset("breast_cancer_softmax", epochs=3)
    return train(experiment, backend="reference"), prepare(experiment)


def test_two_softmax_outputs_are_one_sigmoid_with_the_difference_of_their_weights(tumors):
    model, data = tumors
    sigmoid = softmax_as_sigmoid(model)
    assert sigmoid.preprocessing.outputs == 1
    weights, biases = [values for _, values in model.weights()][-2:]
    weight, bias = [values for _, values in sigmoid.weights()][-2:]
    assert np.array_equal(weight, weights[:, 1:] - weights[:, :1])
    assert np.array_equal(bias, biases[1:] - biases[:1])
    assert largest_difference(model, sigmoid, data.dataset.features) < 1e-6
    assert np.array_equal(model.predict_labels(data.dataset.features), sigmoid.predict_labels(data.dataset.features))
    assert "for 569 rows" in sigmoid_proof(model, data.dataset.features)
    # The proof must be able to fail: other weights are another function.
    other = train(with_seed(model.experiment, 1), epochs=1, backend="reference")
    assert largest_difference(other, sigmoid, data.dataset.features) > 1e-3


def test_the_sigmoid_form_is_a_model_that_can_be_saved_and_opened(tumors, tmp_path):
    from playground.formats import safetensors

    model, data = tumors
    sigmoid = softmax_as_sigmoid(model)
    safetensors.save(sigmoid, tmp_path / "sigmoid.safetensors")
    opened = safetensors.load(tmp_path / "sigmoid.safetensors")
    assert largest_difference(model, opened, data.dataset.features) < 1e-6


def test_only_a_yes_or_no_with_two_outputs_is_a_sigmoid():
    with pytest.raises(ExperimentError, match="two softmax outputs"):
        softmax_as_sigmoid(train(preset("iris", epochs=1), backend="reference"))
    with pytest.raises(ExperimentError, match="softmax"):
        softmax_as_sigmoid(train(preset("breast_cancer", epochs=1), backend="reference"))
