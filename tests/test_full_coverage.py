"""Files that stay at full coverage: what decides what is trained, what is written, and what is said about it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).resolve().parent.parent
# Rooms and files every line of which the quick tests named below run; a line that no test can reach says why beside it.
FULL = ("experiment", "formats", "insight", "storage.py", "words.py")
TESTS = ("experiment", "formats", "insight", "test_storage.py", "test_storage_kinds.py", "test_words.py", "test_sentences.py")


def test_every_line_of_these_files_runs_in_their_own_tests(tmp_path):
    patterns = [f"{REPOSITORY}/playground/{name}" + ("" if name.endswith(".py") else "/*") for name in FULL]
    report, data = tmp_path / "coverage.json", f"--data-file={tmp_path / 'data'}"
    # Plugins of the outer run have no business here, nor has its share of the work.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_", "COV_"))}
    tests = [str(REPOSITORY / "tests" / name) for name in TESTS]
    command = [sys.executable, "-m", "coverage", "run", data, f"--include={','.join(patterns)}"]
    command += ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--quick", *tests]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout[-3000:]
    command = [sys.executable, "-m", "coverage", "json", data, "-q", "-o", str(report)]
    subprocess.run(command, check=True, cwd=REPOSITORY, env=environment)
    files = json.loads(report.read_text())["files"]
    measured = {Path(name).relative_to("playground").parts[0] for name in files}
    assert measured == set(FULL), "each of them is measured"
    assert {name: found["missing_lines"] for name, found in files.items() if found["missing_lines"]} == {}
