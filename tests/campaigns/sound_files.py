"""The files that mutations begin with: experiments, models, arrays and tables as the program writes them."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from playground.data.bundled import load_bundled
from playground.experiment import encode, set_field
from playground.experiment.presets import preset, preset_names
from playground.formats import FORMATS
from playground.model import TrainedModel
from playground.training.run import plan_run, start_parameters

MODELS = ("circle", "iris", "diabetes", "ratings", "multilabel")
TABLES = ("iris", "wine", "linnerud")
ROWS = 60


def write_sound_files(folder: Path) -> None:
    """Write them into an empty folder."""
    for name in preset_names():
        (folder / f"{name}.json").write_bytes(encode(preset(name)))
    for name in MODELS:
        write_model(folder, name)
    for name in TABLES:
        dataset = load_bundled(name)
        rows = [[*map(float, row), *map(float, answers)] for row, answers in zip(dataset.features, dataset.targets, strict=True)]
        write_table(folder / f"{name}.csv", [*dataset.feature_names, *dataset.target_names], rows[:: max(1, len(rows) // ROWS)])
    chance = random.Random(1)
    words = [
        [chance.randint(-9, 9), f"{chance.random():.3f}", label] for label in ('"yes"', "no, thanks", "vielleicht") * (ROWS // 3)
    ]
    write_table(folder / "words.csv", ["größe, in m", 'the "share"', "answer"], words)


def write_model(folder: Path, name: str) -> None:
    """A model of a preset at its start, small enough that a damage meets something, in every format."""
    experiment = preset(name)
    if name in ("circle", "iris"):
        experiment = set_field(experiment, "network.layers", '[{"type": "dense", "units": 3, "activation": "tanh"}]')
    run = plan_run(experiment)
    model = TrainedModel(experiment, start_parameters(experiment, run.plan), run.data.preprocessing, {"test_loss": 0.5})
    for suffix, form in FORMATS.items():
        form.save(model, folder / f"{name}{suffix}")


def write_table(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
