"""Heads: softmax never names two labels, a scaled sigmoid stays on its scale, and the words say so."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from playground.catalog.tasks import TASKS
from playground.data.dataset import Dataset
from playground.data.preprocessing import prepare
from playground.experiment import decode, set_field
from playground.experiment.edits import with_loss, with_output_activation
from playground.insight.heads import head_reason, head_warnings, outside_the_scale, two_labels_above_half
from playground.kernels.reference import backend as reference
from playground.storage import resource
from playground.training.trainer import train


def preset(name, epochs=None):
    experiment = decode(resource("presets", f"{name}.json").read_bytes())
    return set_field(experiment, "training.epochs", str(epochs)) if epochs else experiment


@pytest.fixture(scope="module")
def compare_heads():
    """The benchmark's own comparison of two heads over seeds."""
    path = Path(__file__).parents[1] / "benchmarks" / "heads.py"
    spec = importlib.util.spec_from_file_location("heads_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["heads_benchmark"] = module
    spec.loader.exec_module(module)
    return module.compare_heads


def softmax_on_labels(epochs):
    """A head that can name one label only, with the loss that is computed on its logits."""
    return with_loss(with_output_activation(preset("multilabel", epochs), "softmax"), "categorical_cross_entropy")


def outputs_of(model, data):
    return reference.outputs(model.plan, model.parameters, data.preprocessing.inputs(data.dataset.features))


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
    experiment = softmax_on_labels(epochs=2)
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
    assert "Usual here: Scaled sigmoid" in head_reason(with_output_activation(preset("ratings"), "identity"))


def test_answers_beyond_the_scale_are_counted():
    stars = Dataset("x", "X", "", "bounded", np.zeros((3, 1)), np.ones((3, 1)), ("a",), ("t",), value_range=(1.0, 5.0))
    assert outside_the_scale(np.array([[0.9], [3.0], [5.2]]), stars) == 2
    assert outside_the_scale(np.array([[1.0], [5.0], [5.0000001]]), stars) == 0


@pytest.mark.long
def test_the_sigmoid_head_beats_softmax_on_labels(compare_heads):
    found = compare_heads(preset("multilabel", epochs=30), softmax_on_labels(epochs=30), range(2), "reference")
    assert found.difference("subset_accuracy") >= 0.08
    own, other = found.values("subset_accuracy")
    assert (own > other).all()


@pytest.mark.long
def test_the_scaled_sigmoid_beats_no_activation_on_ratings_and_never_leaves_the_scale(compare_heads):
    ratings = preset("ratings", epochs=10)
    found = compare_heads(ratings, with_output_activation(ratings, "identity"), range(2), "reference")
    assert found.difference("rmse") < 0
    assert [result.outside for result in found.own_results] == [0, 0]
    assert all(result.outside > 0 for result in found.other_results)
    assert found.other.training.loss == "mean_squared_error"


def test_the_answers_beyond_the_scale_are_warned_of():
    experiment = with_output_activation(preset("ratings", epochs=8), "identity")
    model, data = train(experiment, backend="reference"), prepare(experiment)
    (warning,) = head_warnings(experiment, data, outputs_of(model, data), data.test_rows)
    values = model.predict(data.dataset.features[data.test_rows])
    assert warning.startswith(f"{((values < 1) | (values > 5)).sum():,} of 1,620 predictions")
