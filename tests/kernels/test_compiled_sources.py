"""The cache's key hashes whatever reaches compiled code, or kernels that are out of date would be loaded from the disk."""

import ast
import functools
import importlib
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest

from playground.kernels import cache
from playground.kernels.cuda.target import load
from playground.words import tr

pytestmark = pytest.mark.compile

PACKAGE = Path(cache.__file__).parent.parent


def module_name(path):
    return ".".join(("playground", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def matching(patterns):
    """Modules that patterns name, each by its dotted name; every pattern must name some."""
    found = {pattern: {module_name(path) for path in PACKAGE.glob(pattern)} for pattern in patterns}
    assert all(found.values()), found
    return set().union(*found.values())


HASHED = matching(cache._SOURCES)
HASHED_FOR_CUDA = HASHED | matching(cache._CUDA_SOURCES)


@functools.cache
def imports_of(name):
    """Each name that a module imports from this package, and from where."""
    tree = ast.parse(Path(importlib.import_module(name).__file__).read_text(encoding="utf-8"))
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("playground"):
            found.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
    return found


def origin(name, module):
    """The module where a name that a module knows is made."""
    while name in imports_of(module):
        module, name = imports_of(module)[name]
    return module


def names_in(code):
    """All names that code, and functions within it, ask for."""
    inner = (names_in(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*inner)


def modules_reached(roots):
    """Modules of this package whose functions or constants are in the code of some functions or of what these call."""
    reached, seen, waiting = set(), set(), list(roots)
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        home = function.__module__
        # Those that `dispatch` writes have none.
        if home is not None and home.startswith("playground"):
            reached.add(home)
        values = {name: function.__globals__[name] for name in names_in(function.__code__) if name in function.__globals__}
        for cell in function.__closure__ or ():
            values[f"cell {len(values)}"] = cell.cell_contents
        for name, value in values.items():
            value = getattr(value, "py_func", value)
            if value is tr:
                # The host's sentences: no compiled code can call it.
                continue
            if isinstance(value, FunctionType):
                waiting.append(value)
            elif isinstance(value, ModuleType):
                reached.update({value.__name__} if value.__name__.startswith("playground") else ())
            elif home in reached and name in imports_of(home):
                reached.add(origin(name, home))
    return reached


def compiled_in(name):
    """The functions in a module that are compiled by themselves; of the GPU's, all: its kernels copy what they call."""
    values = list(vars(importlib.import_module(name)).values())
    found = [value.py_func for value in values if isinstance(getattr(value, "py_func", None), FunctionType)]
    if name.startswith("playground.kernels.cuda"):
        found += [value for value in values if isinstance(value, FunctionType) and value.__module__ == name]
    return found


def test_all_that_the_cpus_kernels_are_made_of_is_hashed():
    modules = [name for name in HASHED if name.startswith("playground.kernels")]
    roots = [function for name in modules for function in compiled_in(name)]
    assert len(roots) > 80
    reached = modules_reached(roots)
    assert {"playground.catalog.activations", "playground.network.table", "playground.network.parameters"} <= reached
    assert reached <= HASHED


def test_all_that_the_gpus_kernels_are_made_of_is_hashed():
    try:
        load()
    except Exception as error:
        pytest.skip(f"nothing compiles for GPUs here: {error}")
    kernels = ("kernels", "instructions", "layers", "windows", "objective", "stepping", "team", "tiles", "products", "matmul")
    roots = [function for name in kernels for function in compiled_in(f"playground.kernels.cuda.{name}")]
    assert len(roots) > 60
    reached = modules_reached(roots)
    assert {"playground.catalog.activations", "playground.network.table", "playground.kernels.cuda.script"} <= reached
    assert reached <= HASHED_FOR_CUDA


def imports_in_catalog(name):
    """The catalog's modules that a module imports, itself and through each other."""
    found = set()
    for module, imported in imports_of(name).values():
        if module.startswith("playground.catalog"):
            found.add(f"{module}.{imported}" if module == "playground.catalog" else module)
    return found.union(*(imports_in_catalog(other) for other in found))


# Which heads go with a task is asked before anything is compiled.
FOR_THE_HOST = {"playground.catalog.tasks"}


def test_of_the_catalog_what_kernels_import_is_hashed_and_no_more():
    """Which code a record has, and in which order they come, is compiled in as well: whole files, with what makes records."""
    kernels = [name for name in HASHED_FOR_CUDA if name.startswith("playground.kernels")]
    imported = set().union(*(imports_in_catalog(name) for name in kernels))
    assert imported - FOR_THE_HOST == {name for name in HASHED if name.startswith("playground.catalog")}
