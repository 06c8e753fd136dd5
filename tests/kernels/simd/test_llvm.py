"""Which files may speak LLVM: the rest of the kernels is Python that Numba compiles."""

import ast
from pathlib import Path

import playground


def test_only_the_files_that_speak_llvm_import_llvmlite():
    package = Path(playground.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            found |= {(path, name) for name in names if name.split(".")[0] == "llvmlite"}
    assert found, "the check finds nothing at all"
    for path, name in found:
        own = path.parent == package / "kernels" / "simd" or path == package / "kernels" / "cuda" / "primitives.py"
        # The cache asks for LLVM's version and the processor's name, and builds nothing.
        assert own or (path == package / "kernels" / "cache.py" and name in ("llvmlite", "llvmlite.binding")), (path, name)
