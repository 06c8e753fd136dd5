"""The order of imports, and other promises of the design that only the source text can break."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import playground

PACKAGE = Path(playground.__file__).parent
MOST_LINES = 480
# Rooms whose own rooms or files never import each other; of kernels/ only these three, the rest is shared by them.
SIBLINGS = {"gui.views": None, "data.readers": None, "kernels": ("reference", "cpu", "cuda")}


def name_of(path):
    """``playground/data/files.py`` is ``data.files``, ``playground/data/__init__.py`` is ``data``."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

GROUND = ("words", "storage", "catalog", "network")
TRAINING = (*GROUND, "experiment", "data", "kernels", "model", "formats", "training")
# Who may import what; a part may always import itself. The order is the design's.
MAY_IMPORT = {
    "": (),
    "words": (),
    "storage": ("words",),
    "catalog": ("words",),
    "network": ("words", "storage", "catalog"),
    "experiment": GROUND,
    "data": (*GROUND, "experiment"),
    "kernels": GROUND,
    "kernels.cpu.warm": (*GROUND, "kernels", "experiment"),
    "kernels.cuda.warm": (*GROUND, "kernels", "experiment"),
    "model": (*GROUND, "experiment", "data", "kernels.reference"),
    "formats": (*GROUND, "experiment", "data", "model"),
    "api": TRAINING,
    "training": TRAINING,
    "insight": TRAINING,
    "formats.predictions": (*TRAINING, "insight"),
    "bench": TRAINING,
    "cli": (*TRAINING, "insight", "bench"),
    "__main__": ("cli",),
    "gui": (*TRAINING, "insight"),
}
# Imports inside a function that hand over to a part above, each for a reason.
HAND_OVER = {
    ("cli.window", "gui"): "without a word, the command line opens the window",
    ("cli.training_run", "gui.libraries"): "asks whether Qt can load before it draws",
    ("cli.training_run", "gui.views.loss.picture"): "loss.png is the window's own plot",
}


def in_type_checking(tree):
    """Every node under ``if TYPE_CHECKING:``, which never runs."""
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {inner for guard in guards for statement in guard.body for inner in ast.walk(statement)}


def imported(tree):
    """The dotted names that a module imports when it runs, each with whether that waits for a function to be called."""
    skipped = in_type_checking(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    waiting = {inner for function in functions for inner in ast.walk(function)}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in waiting) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node in waiting


def own_imports(name):
    """The modules of this package that a module imports, by their names in MODULES."""
    for dotted, waits in imported(TREES[name]):
        parts = dotted.split(".")
        if parts[0] != "playground":
            continue
        # The last part may be a name inside the module.
        module, container = ".".join(parts[1:]), ".".join(parts[1:-1])
        assert module in MODULES or container in MODULES, dotted
        yield (module if module in MODULES else container), waits


def is_part(name, part):
    """Whether a module is, or lies in, a part of the package."""
    return name == part or name.startswith(f"{part}.")


def rule_for(name):
    return MAY_IMPORT[name] if name in MAY_IMPORT else MAY_IMPORT[name.split(".")[0]]


def test_every_part_of_the_package_has_its_place_in_the_order():
    assert {name.split(".")[0] for name in MODULES} == {part.split(".")[0] for part in MAY_IMPORT}


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down_only(name):
    part = name.split(".")[0]
    for target, waits in own_imports(name):
        if target in ("", name) or (is_part(target, part) and part):
            continue
        handed = waits and any(name == giver and is_part(target, taker) for giver, taker in HAND_OVER)
        assert handed or any(is_part(target, allowed) for allowed in rule_for(name)), f"{name} imports {target}"


def test_every_hand_over_is_still_used():
    for giver, taker in HAND_OVER:
        assert any(waits and is_part(target, taker) for target, waits in own_imports(giver)), (giver, taker)


@pytest.mark.parametrize("name", [name for name in MODULES if not is_part(name, "gui")])
def test_only_the_window_knows_qt(name):
    assert {dotted.split(".")[0] for dotted, _ in imported(TREES[name])}.isdisjoint({"PySide6", "pyqtgraph"})


@pytest.mark.parametrize("name", [name for name in MODULES if not is_part(name, "kernels")])
def test_only_the_kernels_know_numba(name):
    assert {dotted.split(".")[0] for dotted, _ in imported(TREES[name])}.isdisjoint({"numba", "numba_cuda", "llvmlite"})


def siblings_in(room, names):
    """What lies side by side in a folder, files and folders, as far as it is meant."""
    found = {name.removeprefix(f"{room}.").split(".")[0] for name in MODULES if name.startswith(f"{room}.")}
    return sorted(found if names is None else found & set(names))


@pytest.mark.parametrize("room", [room for room in SIBLINGS if room in MODULES])
def test_siblings_never_import_each_other(room):
    siblings = siblings_in(room, SIBLINGS[room])
    assert siblings, "there is nothing to keep apart"
    for sibling in siblings:
        own, others = f"{room}.{sibling}", [f"{room}.{other}" for other in siblings if other != sibling]
        for name in (name for name in MODULES if is_part(name, own)):
            for target, _ in own_imports(name):
                assert not any(is_part(target, other) for other in others), f"{name} imports {target}"


@pytest.mark.parametrize("name", MODULES)
def test_no_oracle_and_no_pickle_is_imported(name):
    roots = {(dotted.split(".")[0], waits) for dotted, waits in imported(TREES[name])}
    if is_part(name, "bench"):
        # It compares with both libraries, and must start without them.
        roots -= {("torch", True)}
        assert ("sklearn", False) not in roots
    forbidden = {"torch", "onnx", "onnxruntime", "matplotlib", "pickle", "cPickle", "dill", "joblib"}
    assert forbidden.isdisjoint(root for root, _ in roots)


@pytest.mark.parametrize("name", MODULES)
def test_a_file_fits_in_ones_head(name):
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("name", MODULES)
def test_a_file_says_its_job_in_its_first_line(name):
    assert ast.get_docstring(TREES[name])


OWN_PRODUCTS = [name for name in MODULES if is_part(name, "kernels") and not name.startswith("kernels.reference")]


@pytest.mark.parametrize("name", OWN_PRODUCTS)
def test_the_kernels_multiply_matrices_themselves(name):
    forbidden = {"dot", "matmul", "einsum", "inner", "tensordot", "vdot"}
    for node in ast.walk(TREES[name]):
        assert not isinstance(getattr(node, "op", None), ast.MatMult), f"line {node.lineno} uses @"
        assert getattr(node, "attr", None) not in forbidden, f"line {node.lineno} uses {node.attr}"
    assert forbidden.isdisjoint(dotted.split(".")[-1] for dotted, _ in imported(TREES[name]))


@pytest.mark.parametrize("module", ["playground", "playground.cli.main", "playground.__main__"])
def test_the_command_line_starts_without_anything_heavy(module):
    heavy = {"numpy", "numba", "PySide6", "sklearn", "pandas", "msgspec", "rich", "safetensors"}
    script = f"import sys, {module}; print(sorted({heavy!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
