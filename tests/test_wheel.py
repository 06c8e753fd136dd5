"""The wheel: built, installed elsewhere with this environment's dependencies, and run away from the clone."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).resolve().parent.parent


def test_the_wheel_has_all_it_needs(tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    (built,) = WheelBuilder(str(REPOSITORY)).build(directory=str(tmp_path), versions=["standard"])
    home = tmp_path / "elsewhere"
    venv.create(home, with_pip=False)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    # The dependencies of the environment that runs the tests; the project itself must come from the wheel.
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "--ignore-installed",
            "--prefix",
            str(home),
            built,
        ],
        check=True,
        env=environment,
    )
    (packages / "dependencies.pth").write_text("\n".join(dependencies) + "\n")

    def call(*words):
        command = home / ("Scripts/playground.exe" if os.name == "nt" else "bin/playground")
        return subprocess.run(
            [python, command, *words], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300
        )

    where = subprocess.run(
        [python, "-c", "import playground; print(playground.__file__)"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert where.stdout.strip().startswith(str(home)), where.stderr
    assert call("--version").stdout.startswith("Neural Playground")
    presets = call("presets")
    assert len(presets.stdout.splitlines()) == len(list((REPOSITORY / "resources" / "presets").glob("*.json"))), presets.stderr
    # On NumPy: compiling the kernels once more would take a minute, and tell nothing about the wheel.
    trained = call("train", "iris", "--epochs", "5", "--backend", "reference")
    assert trained.returncode == 0, trained.stderr
    assert "test_accuracy" in trained.stdout
    assert (tmp_path / "iris-1" / "loss.png").stat().st_size > 5000, "fonts and icons are in the wheel"
