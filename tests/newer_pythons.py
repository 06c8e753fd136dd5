"""Whether each library of the program has a wheel for Pythons not installed here: ``python tests/newer_pythons.py 3.15``.

Asks pip to download each one for that Python into a folder that is thrown away; exit code 1 if one has none.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
# The wheels that systems of the last years take.
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in (17, 24, 27, 28, 34)] + ["manylinux2014_x86_64"]


def has_wheel(requirement: str, version: str) -> bool:
    """Whether pip finds a wheel that this Python on Linux can install."""
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder]
        words = ["--python-version", version, "--implementation", "cp", *platforms, requirement.partition(";")[0]]
        return subprocess.run([*command, *words], capture_output=True).returncode == 0


def main(versions: list[str]) -> int:
    """Print a line a library and Python; 1 if a wheel is missing."""
    requirements = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    missing = 0
    for version in versions or ["3.14", "3.15"]:
        for requirement in requirements:
            if "<'3.12'" in requirement:
                continue
            found = has_wheel(requirement, version)
            missing += not found
            print(f"{version}  {requirement.partition(';')[0]:30} {'wheel' if found else 'NO WHEEL'}", flush=True)
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
