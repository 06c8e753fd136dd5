"""Whether this code trains every preset to the same weights, bit for bit, as another commit: for changes that only move code.

``python tests/benchmarks/same_weights.py [COMMIT]``; without one, the commit before. Both are trained by this Python, each from
a tree of its own, on each backend that needs no GPU. Exit code 1 if any weight or measurement differs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# What runs in both trees uses only what a program that imports the package may use.
TRAIN = """
import hashlib, json, pathlib, sys, time
from playground import train
from playground.experiment import decode
found = {}
for path in sorted(pathlib.Path("resources/presets").glob("*.json")):
    experiment = decode(path.read_bytes())
    for backend, threads, epochs in (("cpu", 1, None), ("cpu", 2, 5), ("reference", 1, 1)):
        start = time.perf_counter()
        model = train(experiment, backend=backend, threads=threads, epochs=epochs)
        weights = hashlib.sha256(model.parameters.tobytes()).hexdigest()
        found[f"{path.stem}, {backend}, {threads} threads"] = [weights, {k: repr(v) for k, v in model.metrics.items()}]
        print(f"{path.stem} {backend} {time.perf_counter() - start:.1f} s", file=sys.stderr)
print(json.dumps(found))
"""


def trained(tree: Path) -> dict[str, list[object]]:
    """Hash of the weights, and the measurements, of every preset, by preset and backend."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    result = subprocess.run([sys.executable, "-c", TRAIN], cwd=tree, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(result.stdout)


def main() -> int:
    """Print what differs; the exit code."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("commit", nargs="?", default="HEAD~1")
    commit = words.parse_args().commit
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other"
        subprocess.run(["git", "worktree", "add", "-q", "--detach", str(other), commit], cwd=REPOSITORY, check=True)
        try:
            before = trained(other)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(other)], cwd=REPOSITORY, check=True)
    now = trained(REPOSITORY)
    differ = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    for name in differ:
        print(f"{name}: not the same\n  before {before.get(name)}\n  now    {now.get(name)}")
    print(f"{len(now) - len(differ)} of {len(now)} runs are the same as at {commit}, bit for bit")
    return bool(differ)


if __name__ == "__main__":
    sys.exit(main())
