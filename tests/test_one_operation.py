"""What a layer can do stands in so many places; each place knows each operation, or the reason why not stands here.

Whoever adds a layer runs this file: it names the places that are still to be written.
"""

import ast
from pathlib import Path

import pytest

import playground
from playground.network.layers import LAYERS

PACKAGE = Path(playground.__file__).parent
TESTS = Path(__file__).parent


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def operations():
    """The names of the operations in table.py, in their order: all that stand before the columns."""
    found = []
    for node in tree_of(PACKAGE / "network" / "table.py").body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            break
        if isinstance(node, ast.Assign):
            found.append((node.targets[0].id, ast.literal_eval(node.value)))
    assert [code for _, code in found] == list(range(len(found)))
    return [name for name, _ in found]


def read_as_words_of_the_table(path, functions=None):
    """Each ``table.NAME`` in a file, or in some functions of it."""
    tree = tree_of(path)
    roots = [tree]
    if functions:
        roots = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in functions]
        assert {node.name for node in roots} == set(functions), path
    inside = (node for root in roots for node in ast.walk(root))
    return {node.attr for node in inside if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "table"}


def words_of(path):
    """Texts, names and methods in a file: a layer is known by its spec's name or by the type that files give it."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name.lstrip("_"))
    return found


OPERATIONS = operations()
# The loss ends a Plan: `_loss` and the files objective.py compute it, where the instructions' loops stop before.
LOOPS = set(OPERATIONS) - {"LOSS"}
# Where each operation is run or made: the file, and the functions in which each must be named.
OPERATION_PLACES = {
    "emitted": (("network/layers.py", "network/building.py"), None),
    "reference, forward": (("kernels/reference/layers.py",), ["forward"]),
    "reference, backward": (("kernels/reference/layers.py",), ["_backward_one"]),
    "cpu, forward": (("kernels/cpu/instructions.py",), ["forward"]),
    "cpu, backward": (("kernels/cpu/instructions.py",), ["backward"]),
    "cuda, forward": (("kernels/cuda/instructions.py",), ["forward"]),
    "cuda, backward": (("kernels/cuda/instructions.py",), ["backward"]),
}


@pytest.mark.parametrize("place", OPERATION_PLACES)
def test_an_operation_is_run_and_made_everywhere(place):
    files, functions = OPERATION_PLACES[place]
    found = set().union(*(read_as_words_of_the_table(PACKAGE / file, functions) for file in files))
    if place == "emitted":
        # Building ends every network with its loss.
        assert set(OPERATIONS) <= found
    else:
        assert found >= LOOPS


@pytest.mark.parametrize("backend", ["reference", "cpu", "cuda"])
def test_what_backends_do_forward_they_do_backward(backend):
    """The two say what an instruction does and what its derivative is: neither has an operation that the other lacks."""
    file = PACKAGE / "kernels" / backend / ("layers.py" if backend == "reference" else "instructions.py")
    back = "_backward_one" if backend == "reference" else "backward"
    forward, backward = (read_as_words_of_the_table(file, [name]) & set(OPERATIONS) for name in ("forward", back))
    assert forward == backward == LOOPS


# Where each type of layer is known, the file, and the types that it may do without.
LAYER_PLACES = {
    "torch's modules": (
        PACKAGE / "formats" / "torch_modules.py",
        # They are no chain: columns that are looked up side by side, and a sum of two ways.
        {"embedding", "residual"},
    ),
    "how its lane looks": (
        PACKAGE / "gui" / "canvas" / "lanes.py",
        # Drawn as any image is, and as any row of neurons: a small map or a small column.
        {"max_pool2d", "average_pool2d"},
    ),
    "autograd's network": (TESTS / "kernels" / "oracle.py", set()),
    "a small network of every kind": (TESTS / "kernels" / "cuda" / "every_kind.py", set()),
}


@pytest.mark.parametrize("place", LAYER_PLACES)
def test_a_type_of_layer_is_known_everywhere(place):
    file, without = LAYER_PLACES[place]
    words = words_of(file)
    known = {kind for kind, layer in LAYERS.items() if kind in words or layer.__name__ in words}
    assert set(LAYERS) - known <= without, f"{file.name} doesn't say what becomes of them"
    assert without <= set(LAYERS)
