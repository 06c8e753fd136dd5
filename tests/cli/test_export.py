"""Weights exported from the command line."""

from pathlib import Path

import numpy as np
import pytest

from playground.formats import npz
from playground.formats.opening import load

pytestmark = pytest.mark.compile


def test_weights_are_exported_to_npz_and_to_safetensors(run, iris_model):
    result = run("export", iris_model, "weights.npz")
    assert result.code == 0
    assert result.out.startswith("weights.npz  ")
    model, arrays = load(iris_model), npz.read_arrays(Path("weights.npz"))
    assert list(arrays) == [name for name, _ in model.weights()]
    assert all(np.array_equal(arrays[name], array) for name, array in model.weights())
    assert run("export", iris_model, "copy.safetensors").code == 0
    assert np.array_equal(load("copy.safetensors").parameters, model.parameters)
