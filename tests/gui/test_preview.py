"""Each view alone, as ``python -m`` opens it: it trains a preset for real and makes a picture of what came of it."""

import importlib.util
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from PySide6.QtGui import QImage

from playground.gui import preview
from playground.gui.panels import PANELS
from playground.training.protocol import Status

pytestmark = pytest.mark.window
# Each view in a process that begins where its module does: what takes long and isn't the views' is imported before it forks.
# One after the other, since the threads of one would wait for those of others; prints how each ended.
FORKS = """
import json, os, runpy, sys
import playground.kernels.cpu.backend, pyqtgraph, PySide6.QtWidgets
codes = {}
for module, folder in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        break
    codes[module] = os.waitstatus_to_exitcode(os.wait()[1])
else:
    print(json.dumps(codes))
    sys.exit()
os.dup2(os.open(os.path.join(folder, "said"), os.O_CREAT | os.O_WRONLY), sys.stderr.fileno())
sys.argv = [module, "--png", os.path.join(folder, "view.png")]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def module_of(panel):
    """What is run to see a view alone: its folder, or its file where it has none of its own."""
    module = panel.factory.__module__
    folder = module.rpartition(".")[0]
    return folder if importlib.util.find_spec(f"{folder}.__main__") else module


def look(module, *words):
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Of each module its exit code and the folder with its picture and what it said."""
    folders = {module_of(panel): tmp_path_factory.mktemp(panel.name) for panel in PANELS}
    if sys.platform == "linux":
        words = json.dumps([(module, str(folder)) for module, folder in folders.items()])
        command = [sys.executable, "-c", FORKS, words]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
        return {module: (code, folders[module]) for module, code in json.loads(result.stdout).items()}
    codes = {}
    for module, folder in folders.items():
        result = look(module, "--png", str(folder / "view.png"))
        (folder / "said").write_text(result.stderr)
        codes[module] = result.returncode, folder
    return codes


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_every_view_opens_alone_and_is_seen_after_training(panel, seen):
    code, folder = seen[module_of(panel)]
    said = (folder / "said").read_text()
    assert code == 0, said
    assert "Traceback" not in said
    image = QImage(str(folder / "view.png"))
    assert image.width() >= 200 and image.height() >= 200
    colors = {image.pixel(x, y) for x in range(0, image.width(), 2) for y in range(0, image.height(), 2)}
    # An empty card with its title has some eighty.
    assert len(colors) > 200


def test_another_preset_another_theme_and_a_name_that_is_none(tmp_path):
    path = tmp_path / "dark.png"
    result = look("playground.gui.views.surface", "gauss", "--theme", "dark", "--png", str(path))
    assert result.returncode == 0, result.stderr
    assert QImage(str(path)).pixelColor(2, 2).lightness() < 60
    result = look("playground.gui.views.surface", "nothing", "--png", str(path))
    assert result.returncode == 2 and "nothing" in result.stderr and "Traceback" not in result.stderr


def test_the_end_is_there_once_the_last_of_all_last_snapshots_has_been_shown(monkeypatch):
    running, first, last = (SimpleNamespace(status=status) for status in (Status.RUNNING, Status.FINISHED, Status.FINISHED))
    loop, clock = SimpleNamespace(newest=first, shown_snapshot=running), [0.0]
    # It has ended, but that is shown late, and then there is another one with what has come into sight meanwhile.
    deeds = {3: (first, first), 7: (last, first), 20: (last, last)}

    def turn():
        clock[0] += 0.1
        loop.newest, loop.shown_snapshot = deeds.get(round(10 * clock[0]), (loop.newest, loop.shown_snapshot))

    monkeypatch.setattr(preview, "QApplication", SimpleNamespace(processEvents=turn))
    monkeypatch.setattr(preview, "time", SimpleNamespace(monotonic=lambda: clock[0], sleep=lambda _seconds: None))
    assert preview.train_to_the_end(loop)
    assert loop.shown_snapshot is last and 2.0 + preview.LAST_SECONDS < clock[0] < 3.0
    loop.shown_snapshot = running
    assert not preview.train_to_the_end(loop), "what never comes is not waited for forever"
