"""The backends have the same functions with the same parameters, as their sources say: nothing is imported for that."""

import ast
import re
from pathlib import Path

import pytest

import playground

KERNELS = Path(playground.__file__).parent / "kernels"
# What a run asks of a backend; what only `reference` has beside these is for tests and plots.
ASKED = {"new_state", "train", "gradients", "trace", "evaluate", "activations", "outputs"}

# What a function of a layer is called, beside what helps it.
JOB = re.compile("_forward$|_backward$|^(windows_to_rows|rows_to_windows|activate|scale_by_slope|drop)$")


def tree_of(backend, file="backend"):
    return ast.parse((KERNELS / backend / f"{file}.py").read_text(encoding="utf-8"))


def functions_of(backend, file="backend"):
    """Parameters and defaults of each public function by its name; what types are called differs, as states do."""
    found = {}
    for node in tree_of(backend, file).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert not node.args.vararg
            assert not node.args.kwarg
            found[node.name] = [argument.arg for argument in node.args.args], [ast.unparse(value) for value in node.args.defaults]
    return found


def name_of(backend):
    for node in tree_of(backend).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "NAME":
            return ast.literal_eval(node.value)
    return None


@pytest.mark.parametrize("backend", ["cpu", "cuda", "reference"])
def test_a_backend_has_all_that_a_run_asks_for(backend):
    assert functions_of(backend).keys() >= ASKED
    assert name_of(backend) == backend


@pytest.mark.parametrize("other", ["cpu", "reference"])
def test_the_gpus_functions_take_what_the_others_take(other):
    mine, theirs = functions_of("cuda"), functions_of(other)
    assert mine.keys() <= functions_of("reference").keys(), "kernels/reference/ says what a backend's functions mean"
    for name in mine.keys() & theirs.keys():
        assert mine[name] == theirs[name], name


@pytest.mark.parametrize("file", ["layers", "windows"])
def test_the_cpu_and_the_gpu_compute_layers_under_the_same_names(file):
    """They repeat each other on purpose: whoever changes one must find the other."""
    names = {backend: {name for name in functions_of(backend, file) if JOB.search(name)} for backend in ("cpu", "cuda")}
    assert len(names["cpu"]) >= 6
    assert names["cpu"] == names["cuda"]


def test_the_storms_take_the_same_first_parameters():
    """On the GPU rows may count differently, and threads are its own business."""
    names = {backend: functions_of(backend, "many")["train_many"][0] for backend in ("cpu", "cuda")}
    assert names["cuda"][:-1] == names["cpu"][:-1]
    assert (names["cpu"][-1], names["cuda"][-1]) == ("threads", "weights")
