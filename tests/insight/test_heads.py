"""Heads: two softmax outputs are one sigmoid, softmax never names two labels, a scaled sigmoid stays on its scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from playground.catalog.tasks import TASKS
from playground.data.dataset import Dataset
from playground.data.preprocessing import prepare
from playground.experiment import ExperimentError, decode, set_field, weights_key
from playground.insight.heads import (
    compare_heads,
    head_reason,
    head_warnings,
    largest_difference,
    outside_the_scale,
    sigmoid_proof,
    softmax_as_sigmoid,
    two_labels_above_half,
    with_head,
    with_seed,
)
from playground.kernels.reference import backend as reference
from playground.storage import resource
from playground.training.trainer import train


def preset(name, epochs=None):
    experiment = decode(resource("presets", f"{name}.json").read_bytes())
    return set_field(experiment, "training.epochs", str(epochs)) if epochs else experiment


def outputs_of(model, data):
    return reference.outputs(model.plan, model.parameters, data.preprocessing.inputs(data.dataset.features))


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


@settings(max_examples=100, deadline=None)
@given(arrays(np.float64, (6, 4), elements=st.floats(-30, 30)), arrays(np.bool_, (6, 4)))
def test_no_softmax_whatever_its_logits_names_two_labels(logits, labels):
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    count = two_labels_above_half(shares, labels.astype(float))
    assert count.right == 0
    assert count.most <= 1
    assert count.several == (labels.sum(axis=1) >= 2).sum()


def test_sigmoids_can_name_two_labels():
    count = two_labels_above_half(np.array([[0.9, 0.8], [0.9, 0.1]]), np.array([[1, 1], [1, 0]]))
    assert (count.rows, count.several, count.right, count.most) == (2, 1, 1, 2)


def test_softmax_on_labels_is_warned_of_with_the_datas_own_number():
    experiment = with_head(preset("multilabel", epochs=2), "softmax")
    assert experiment.training.loss == "categorical_cross_entropy"
    model, data = train(experiment, backend="reference"), prepare(experiment)
    several = int((data.dataset.targets[data.test_rows].sum(axis=1) >= 2).sum())
    (warning,) = head_warnings(experiment, data, outputs_of(model, data), data.test_rows)
    assert warning.startswith(f"{several} of {len(data.test_rows)} rows have two or more labels.")
    assert "none of them right" in warning
    own = preset("multilabel", epochs=2)
    assert not head_warnings(own, data, outputs_of(train(own, backend="reference"), data), data.test_rows)


def test_the_head_says_why():
    for name in ("breast_cancer", "wine", "multilabel", "linnerud", "ratings"):
        experiment = preset(name)
        assert head_reason(experiment) == TASKS[experiment.training.task].reason
    assert "w₁ − w₀" in head_reason(preset("breast_cancer_softmax"))
    assert "Usual here: Scaled sigmoid" in head_reason(with_head(preset("ratings"), "identity"))


def test_answers_beyond_the_scale_are_counted():
    stars = Dataset("x", "X", "", "bounded", np.zeros((3, 1)), np.ones((3, 1)), ("a",), ("t",), value_range=(1.0, 5.0))
    assert outside_the_scale(np.array([[0.9], [3.0], [5.2]]), stars) == 2
    assert outside_the_scale(np.array([[1.0], [5.0], [5.0000001]]), stars) == 0


def test_each_seed_is_another_run():
    experiment = preset("ratings")
    keys = {weights_key(with_seed(experiment, seed)) for seed in range(3)}
    assert len(keys) == 3


def test_the_sigmoid_head_beats_softmax_on_labels():
    found = compare_heads(preset("multilabel", epochs=30), "softmax", range(2), "reference")
    assert found.difference("subset_accuracy") >= 0.08
    own, other = found.values("subset_accuracy")
    assert (own > other).all()


def test_the_scaled_sigmoid_beats_no_activation_on_ratings_and_never_leaves_the_scale():
    found = compare_heads(preset("ratings", epochs=10), "identity", range(2), "reference")
    assert found.difference("rmse") < 0
    assert [result.outside for result in found.own_results] == [0, 0]
    assert all(result.outside > 0 for result in found.other_results)
    assert found.other.training.loss == "mean_squared_error"


def test_the_answers_beyond_the_scale_are_warned_of():
    experiment = with_head(preset("ratings", epochs=8), "identity")
    model, data = train(experiment, backend="reference"), prepare(experiment)
    (warning,) = head_warnings(experiment, data, outputs_of(model, data), data.test_rows)
    values = model.predict(data.dataset.features[data.test_rows])
    assert warning.startswith(f"{((values < 1) | (values > 5)).sum():,} of 1,620 predictions")
