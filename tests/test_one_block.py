"""Adding an activation, a loss or an optimizer is one block in one file: everything else finds it by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kept import REPOSITORY, keep_alike, kept_folder

pytestmark = [pytest.mark.compile, pytest.mark.long]

BLOCKS = {
    "activations.py": """

@activation(
    "bent_line",
    title="Bent line",
    description="The arc's tangent stand-in of a test.",
    formula="z / (1 + |z| / 2)",
    slope=lambda z, a, p: ONE / ((ONE + HALF * abs(z)) * (ONE + HALF * abs(z))),
    array=lambda z, p: z / (1 + 0.5 * np.abs(z)),
    array_slope=lambda z, a, p: 1 / (1 + 0.5 * np.abs(z)) ** 2,
    range=(-2.0, 2.0),
    keeps_sum=True,
    torch="Softsign",
)
def bent_line(z, p):
    return z / (ONE + HALF * abs(z))
""",
    "losses.py": """
@loss(
    "double_squared_error",
    title="Double squared error",
    description="Twice the squared distance.",
    formula="2·(a − t)²",
    slope=lambda a, t, p: TWO * TWO * (a - t),
    array=lambda a, t, p: 2 * (a - t) ** 2,
    array_slope=lambda a, t, p: 4 * (a - t),
    tasks=tuple(TASKS),
)
def double_squared_error(a, t, p):
    return TWO * (a - t) * (a - t)
""",
    "optimizers.py": '''
class SignDescent(Optimizer, frozen=True, kw_only=True, tag="sign_descent"):
    """Steps of one length."""


@optimizer(
    SignDescent,
    title="Sign descent",
    description="Steps whose length depends on nothing but the rate.",
    slots=0,
    torch="",
    source="A test.",
)
def sign_descent(w, g, m, s, rate, h1, h2, h3, c1, c2):
    return w - rate * g / (abs(g) + ONE), m, s
''',
}
QUESTIONS = """
import json, os, sys
import numpy as np
import playground
from playground.experiment import *
from playground.experiment import schema
from playground.kernels.cpu import backend as cpu
from playground.kernels.reference import backend as reference
from playground.kernels.cache import prepare_cache

text = json.dumps(schema())
random = np.random.default_rng(0)
x, t = random.normal(size=(24, 3)).astype(np.float32), random.normal(size=(24, 3)).astype(np.float32)
compared = []
# Compiled code trains narrow networks in the vector lanes and wide ones layer by layer.
for units, in_lanes in ((5, True), (20, False)):
    experiment = decode(json.dumps({
        "data": {"source": {"type": "bundled", "name": "linnerud"}},
        "network": {"layers": [{"type": "dense", "units": units, "activation": "bent_line"}]},
        "training": {"task": "regression", "loss": "double_squared_error", "batch_size": 8,
                     "optimizer": {"type": "sign_descent", "learning_rate": 0.05}},
    }))
    plan = build_plan(experiment, 3, 3)
    start, found = initial_parameters(experiment, plan), []
    for backend in (cpu, reference):
        state = backend.new_state(plan, experiment.training, start, len(x))
        assert backend is reference or (state.tiny is not None) == in_lanes
        loss = backend.train(state, x, t, 30)
        found.append((loss, state.parameters.astype(np.float64)))
    moved = np.abs(found[0][1] - start).max()
    assert moved > 0.1, moved
    compared.append((abs(found[0][0] - found[1][0]) / found[1][0], float(np.abs(found[0][1] - found[1][1]).max())))
from playground.formats.torch_modules import in_words
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PySide6.QtWidgets import QApplication, QComboBox
app = QApplication(sys.argv)
from playground.gui.preferences import Preferences
from playground.gui.widgets.theme import Theme
from playground.gui.training_bar import TrainingBar
bar = TrainingBar(Theme(False))
bar.show_experiment(experiment)
shown = [box.itemText(i) for box in bar.findChildren(QComboBox) for i in range(box.count())]
print(json.dumps({
    "package": playground.__file__,
    "cache": str(prepare_cache()),
    "schema": all(name in text for name in ("bent_line", "double_squared_error", "sign_descent")),
    "compared": compared,
    "exporter": in_words(experiment.network.layers, plan),
    "window": shown,
}))
"""


@pytest.fixture(scope="module")
def copy():
    """A copy of the program with the blocks in it, kept with its compiled kernels: compiled anew where a kernel has changed."""
    folder = kept_folder("one-block")
    sources = [path for name in ("playground", "resources") for path in (REPOSITORY / name).rglob("*") if path.is_file()]
    contents = {path.relative_to(REPOSITORY).as_posix(): path for path in sources if path.suffix != ".pyc"}
    contents |= {"readme_table.py": REPOSITORY / "tests" / "readme_table.py"}
    for name, block in BLOCKS.items():
        path = REPOSITORY / "playground" / "catalog" / name
        contents[f"playground/catalog/{name}"] = path.read_text(encoding="utf-8") + "\n" + block
    keep_alike(folder / "program", contents)
    return folder


def run(folder, *words):
    # The user's compiled kernels are left alone; so is the folder that this process has pointed Numba at.
    program = folder / "program"
    environment = {**os.environ, "PYTHONPATH": str(program), "PLAYGROUND_CACHE_DIR": str(folder / "cache")}
    environment.pop("NUMBA_CACHE_DIR", None)
    result = subprocess.run(
        [sys.executable, *words], cwd=program, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_one_block_is_found_everywhere(copy):
    answers = json.loads(run(copy, "-c", QUESTIONS).splitlines()[-1])
    assert Path(answers["package"]).is_relative_to(copy)
    assert Path(answers["cache"]).is_relative_to(copy)
    assert answers["schema"]
    for loss, parameters in answers["compared"]:
        assert loss < 1e-5
        assert parameters < 1e-4
    assert "Softsign()" in answers["exporter"]
    for title in ("Bent line", "Double squared error", "Sign descent"):
        assert title in answers["window"], title


def test_one_block_is_in_the_readmes_table(copy, tmp_path):
    readme = tmp_path / "README.md"
    before = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    readme.write_text(before, encoding="utf-8")
    run(copy, "readme_table.py", str(readme))
    after = readme.read_text(encoding="utf-8")
    for title in ("Bent line", "Double squared error", "Sign descent"):
        assert title not in before
        assert title in after
