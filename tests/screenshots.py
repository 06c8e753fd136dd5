"""Pictures of the running program: ``python tests/screenshots.py`` makes the README's two, ``… --all FOLDER`` many to look at.

Nothing is staged: each window trains its network for real and is then grabbed.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["PLAYGROUND_CONFIG_DIR"] = tempfile.mkdtemp()

from PySide6.QtWidgets import QApplication

from playground.catalog.features import FEATURES
from playground.experiment import set_field
from playground.experiment.presets import preset
from playground.gui.preview import train_to_the_end
from playground.gui.window import Window

HERE = Path(__file__).resolve().parent / "screenshots"
KINDS = {
    "points": "rings",
    "surface": "multi_gauss",
    "yes or no": "breast_cancer",
    "classes": "wine",
    "images": "digits",
    "quantity": "diabetes",
    "quantities": "linnerud",
    "labels": "multilabel",
    "ratings": "ratings",
    "convolution": "digits_conv",
}


def show_piece():
    """A spiral with all inputs: what the README shows."""
    experiment = preset("spiral")
    layers = ",".join(f'{{"type": "dense", "units": {units}, "activation": "tanh"}}' for units in (8, 8, 6))
    for field, value in (
        ("data.source.noise", "10"),
        ("data.features", str(list(FEATURES)).replace("'", '"')),
        ("network.layers", f"[{layers}]"),
        ("network.seed", "5"),
        ("training.optimizer.learning_rate", "0.003"),
        ("training.epochs", "300"),
    ):
        experiment = set_field(experiment, field, value)
    return experiment


def picture(experiment, theme, size, path):
    """Train the experiment in a window to its first stop, and save the window's picture."""
    window = Window(experiment)
    window.set_theme(theme)
    window.resize(*size)
    window.show()
    window.panels.canvas.rasterizer.wait(60)
    assert train_to_the_end(window.loop), f"{experiment.name} did not come to its end"
    path.parent.mkdir(parents=True, exist_ok=True)
    window.grab().save(str(path))
    window.document.undo_stack.setClean()
    window.close()
    print(path)


def main(words):
    application = QApplication([])  # noqa: F841  (Qt's lives as long as it is held)
    if words[:1] == ["--all"]:
        folder = Path(words[1])
        for theme in ("light", "dark"):
            for size in ((1280, 760), (1600, 1000)):
                picture(show_piece(), theme, size, folder / f"{theme}-{size[0]}x{size[1]}.png")
        for index, (kind, name) in enumerate(KINDS.items()):
            theme, size = ("light", "dark")[index % 2], ((1280, 760), (1600, 1000))[index // 2 % 2]
            picture(preset(name), theme, size, folder / f"{kind.replace(' ', '-')}-{theme}-{size[0]}.png")
        return
    picture(show_piece(), "light", (1600, 1000), HERE / "light.png")
    picture(preset("digits"), "dark", (1600, 1000), HERE / "dark.png")


if __name__ == "__main__":
    main(sys.argv[1:])
