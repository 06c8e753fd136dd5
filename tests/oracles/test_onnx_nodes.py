"""The node cases that come with the ``onnx`` package: single operators with inputs and outputs, run through the backends."""

import re
import warnings
from functools import cache

import numpy as np
import pytest
from onnx_nodes import OPERATORS
from oracle import BACKENDS, load_backend, needs, optional

from playground.catalog.activations import ACTIVATIONS

onnx = optional("onnx")
pytestmark = [pytest.mark.compile, needs("onnx")]

# Cases of our operators that are left out: a pattern of their names, and why.
LEFT_OUT = {
    r"(averagepool|maxpool)_3d": "pooling in three dimensions: the layers here are for images",
    r"(averagepool|maxpool)_2d_dilations": "dilated windows: no layer here has them",
    r"celu_(b?float16)": "16-bit numbers: the kernels compute in float32",
    r"gelu_tanh": "the tanh approximation of GELU: ours is the exact one",
    r"training_dropout(_default)?(_mask)?$": "which numbers are dropped comes from ONNX's own random generator",
    r"gather_negative_indices": "indices counted from the end: the program refuses them, as they name nothing",
    r"identity_(opt|sequence)": "optional values and sequences of tensors: every row here is numbers",
}
# Further outputs that aren't compared, by operator: which, and why.
OUTPUTS_LEFT_OUT = {
    "MaxPool": (1, "where the largest number lay: the kernels find it again instead of keeping it"),
    "Dropout": (1, "the mask: drawn anew where it is needed"),
    "LayerNormalization": (1, "mean and deviation of each row: kept for the way back only"),
}
# Where a case's own tolerance isn't enough, by operator: which, and why.
ABSOLUTE = {"NegativeLogLikelihoodLoss": 3e-6}  # the one more class has the logit 24, and a float32 of that size this step


@cache
def cases():
    """Every case of the operators here, by its name: single-node models only."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        # Its own cases of casts and logarithms overflow, as they should.
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return {
        case.name: case for case in found if len(case.model.graph.node) == 1 and case.model.graph.node[0].op_type in OPERATORS
    }


def reason(name):
    """Why a case is left out; empty if it isn't."""
    return next((words for pattern, words in LEFT_OUT.items() if re.search(pattern, name)), "")


def run_case(backend, case):
    """One case against a backend, with the case's own tolerance."""
    node = case.model.graph.node[0]
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    inputs, expected = case.data_sets[0]
    expected = [np.asarray(values) for values in expected]
    outputs = OPERATORS[node.op_type](backend, attributes, [np.asarray(values) for values in inputs], expected)
    compared = OUTPUTS_LEFT_OUT.get(node.op_type, (len(expected), ""))[0]
    assert len(outputs) == min(compared, len(expected))
    for mine, theirs in zip(outputs, expected, strict=False):
        if mine is not None:
            assert np.shape(mine) == theirs.shape
            absolute = max(case.atol, ABSOLUTE.get(node.op_type, 0.0))
            np.testing.assert_allclose(mine, theirs.astype(np.float64), rtol=case.rtol, atol=absolute)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("operator", OPERATORS)
def test_node_cases(operator, backend):
    backend = load_backend(backend)
    count = 0
    for name, case in cases().items():
        if case.model.graph.node[0].op_type == operator and not reason(name):
            try:
                run_case(backend, case)
            except Exception as error:
                raise AssertionError(f"{name}: {error}") from error
            count += 1
    assert count
    print(f"{operator}: {count} cases")


def test_what_is_run_and_what_is_left_out():
    left_out = {name: reason(name) for name in cases() if reason(name)}
    run = [case.model.graph.node[0].op_type for name, case in cases().items() if name not in left_out]
    print(f"{len(run)} cases of {len(set(run))} operators are run, {len(left_out)} are left out")
    assert set(run) == set(OPERATORS)
    assert len(run) >= 200
    # Every reason still has its cases.
    for pattern in LEFT_OUT:
        assert any(re.search(pattern, name) for name in left_out), pattern


def test_every_activation_has_its_operator():
    assert {record.onnx for record in ACTIVATIONS.values()} <= set(OPERATORS)
