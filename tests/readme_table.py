"""Writes the README's table of choices from the catalog: ``python tests/readme_table.py``; a test keeps the two equal."""

import sys
from pathlib import Path

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.datasets import BUNDLED, SYNTHETIC
from playground.catalog.features import FEATURES
from playground.catalog.initializers import INITIALIZERS
from playground.catalog.losses import LOSSES
from playground.catalog.metrics import METRICS
from playground.catalog.optimizers import OPTIMIZERS
from playground.catalog.schedules import SCHEDULES
from playground.catalog.tasks import TASKS
from playground.network.layers import LAYERS

START, END = "<!-- choices: written by tests/readme_table.py -->\n", "<!-- end of choices -->"


def titles(records):
    """Their titles, each with the names of its numbers."""
    words = []
    for record in records.values():
        numbers = [parameter.name.replace("_", " ") for parameter in getattr(record, "parameters", ())]
        words.append(f"{record.title} ({', '.join(numbers)})" if numbers else record.title)
    return ", ".join(words)


def table():
    """The table as Markdown, between its marks."""
    rows = {
        "Tasks": ", ".join(
            f"{task.title.lower()} (`{task.name}`: {task.output_activation}, {task.loss})" for task in TASKS.values()
        ),
        "Layers": titles(LAYERS),
        "Activations": titles(ACTIVATIONS),
        "Losses": titles(LOSSES),
        "Metrics": titles(METRICS),
        "Optimizers": titles(OPTIMIZERS),
        "Schedules": titles(SCHEDULES),
        "Also": "L1, L2, weight decay apart from the gradient, clipping by norm and by value, class weights, label smoothing, "
        "early stopping on a validation share, frozen layers",
        "Initial weights": titles(INITIALIZERS),
        "Shapes": f"{', '.join(SYNTHETIC)}; inputs {', '.join(FEATURES)}",
        "Data sets": f"{', '.join(BUNDLED)}, through [scikit-learn](https://scikit-learn.org)",
    }
    lines = "".join(f"| {name} | {words.replace('|', '∣')} |\n" for name, words in rows.items())
    return f"{START}| | |\n|---|---|\n{lines}{END}"


def written(text):
    """The README's text with the present table."""
    before, _, rest = text.partition(START)
    return before + table() + rest.partition(END)[2]


if __name__ == "__main__":
    readme = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parent.parent / "README.md"
    readme.write_text(written(readme.read_text(encoding="utf-8")), encoding="utf-8")
