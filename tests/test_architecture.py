"""The order of imports, and other promises of the design that only the source text can break."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import playground

PACKAGE = Path(playground.__file__).parent
MOST_LINES, MOST_MODULES = 480, 24
# The house from the roof to the ground: each room may import what stands below it, and itself; rooms side by side don't import
# each other. A star stands for every file or folder there. Imports that wait in a function or are for types alone count, too.
ORDER = (
    ("",),
    ("__main__",),
    ("cli",),
    ("gui",),
    ("gui.canvas", "gui.data", "gui.views.*"),
    ("gui.preview",),
    ("gui.frame_loop",),
    ("gui.forms",),
    ("gui.background", "gui.widgets"),
    ("bench", "insight"),
    ("api", "training"),
    ("machine",),
    ("formats",),
    ("model",),
    ("data", "kernels.cpu", "kernels.cuda", "kernels.reference"),
    ("data.readers", "kernels"),
    ("data.readers.*", "kernels.compiling"),
    ("data.cells", "data.names", "kernels.cache", "kernels.dropping", "kernels.shuffling"),
    ("kernels.simd",),
    ("experiment",),
    ("network",),
    ("catalog",),
    ("log",),
    ("ending", "storage"),
    ("arrays", "words"),
)


def name_of(path):
    """``playground/data/columns.py`` is ``data.columns``, ``playground/data/__init__.py`` is ``data``."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imported(tree):
    """The dotted names that a module imports, each with whether that waits for a function to be called."""
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    waiting = {inner for function in functions for inner in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in waiting) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node in waiting


def own_imports(name):
    """The modules of this package that a module imports, by their names in MODULES."""
    for dotted, _ in imported(TREES[name]):
        parts = dotted.split(".")
        if parts[0] != "playground":
            continue
        # The last part may be a name inside the module.
        module, container = ".".join(parts[1:]), ".".join(parts[1:-1])
        assert module in MODULES or container in MODULES, dotted
        yield module if module in MODULES else container


def is_part(name, part):
    """Whether a module is, or lies in, a part of the package."""
    return name == part or name.startswith(f"{part}.")


def room_of(name):
    """The room a module is in, and its floor, counted from the roof: that of the longest entry of ORDER that fits."""
    best = None
    for floor, rooms in enumerate(ORDER):
        for room in rooms:
            stem = room.removesuffix(".*")
            if stem != room:
                # The file or folder within it that the module is, or lies in.
                stem = ".".join(name.split(".")[: stem.count(".") + 2]) if name.startswith(f"{stem}.") else "?"
            if not is_part(name, stem) or (name and not stem):
                continue
            if best is None or len(stem) > len(best[0]):
                best = stem, floor
    return best


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down_only(name):
    assert room_of(name) is not None, "a new room needs its place in ORDER"
    room, floor = room_of(name)
    for target in own_imports(name):
        if not target:
            # The package itself, which every import brings along.
            continue
        other, below = room_of(target)
        assert other == room or below > floor, f"{name} imports {target}"


def test_every_room_of_the_order_exists():
    for room in (room for rooms in ORDER for room in rooms):
        stem = room.removesuffix(".*")
        assert any(is_part(name, stem) if room else name == "" for name in MODULES), room


def test_nothing_imports_in_a_circle():
    """Within a room as well, and whether it waits in a function or not."""
    seen, stack = set(), []

    def walk(name):
        assert name not in stack, " → ".join([*stack[stack.index(name) :], name])
        if name in seen:
            return
        stack.append(name)
        for target in sorted(set(own_imports(name)) - {"", name}):
            walk(target)
        seen.add(stack.pop())

    for name in MODULES:
        walk(name)


@pytest.mark.parametrize("name", [name for name in MODULES if not is_part(name, "gui")])
def test_only_the_window_knows_qt(name):
    assert {dotted.split(".")[0] for dotted, _ in imported(TREES[name])}.isdisjoint({"PySide6", "pyqtgraph"})


@pytest.mark.parametrize("name", [name for name in MODULES if not is_part(name, "kernels")])
def test_only_the_kernels_know_numba(name):
    assert {dotted.split(".")[0] for dotted, _ in imported(TREES[name])}.isdisjoint({"numba", "numba_cuda", "llvmlite"})


@pytest.mark.parametrize("name", MODULES)
def test_no_oracle_and_no_pickle_is_imported(name):
    roots = {(dotted.split(".")[0], waits) for dotted, waits in imported(TREES[name])}
    if is_part(name, "bench"):
        # It compares with both libraries, and must start without them.
        roots -= {("torch", True)}
        assert ("sklearn", False) not in roots
    forbidden = {"torch", "onnx", "onnxruntime", "matplotlib", "pickle", "cPickle", "dill", "joblib"}
    assert forbidden.isdisjoint(root for root, _ in roots)


FILES = sorted({*MODULES.values(), *(PACKAGE.parent / "tests").rglob("*.py")})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_a_file_fits_in_ones_head(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_each_file_of_tests_has_a_name_of_its_own():
    """pytest imports them by it."""
    names = [path.name for path in FILES if path.name.startswith("test_")]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES.values()}), ids=lambda path: path.name)
def test_a_folder_fits_in_ones_head(folder):
    assert len(list(folder.glob("*.py"))) <= MOST_MODULES


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
