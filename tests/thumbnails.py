"""Makes resources/thumbnails.json, the gallery's little pictures of the presets on real data: ``python tests/thumbnails.py``.

Each set's rows are laid into the plane by their first two principal components; digits show nine of the images, ratings a
corner of the table of users and items. A preset on a set that has one already takes that picture. Made ahead, because loading
scikit-learn takes longer than opening the window.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.datasets import BUNDLED
from playground.catalog.tasks import TASKS
from playground.data.bundled import load_bundled
from playground.experiment import BundledSource
from playground.experiment.presets import preset, preset_names

POINTS = 120
CELLS = (14, 22)
TARGET = Path(__file__).resolve().parent.parent / "resources" / "thumbnails.json"


def picture(name):
    """Points as [x, y, class or value]; images as rows of gray values; cells as stars from −1 to 1, null where there are none."""
    dataset = load_bundled(name)
    random = np.random.default_rng(0)
    words = {"data": name, "title": dataset.title, "task": dataset.task, "description": dataset.description}
    if dataset.image_shape:
        images = [
            (16 * dataset.features[np.flatnonzero(dataset.targets[:, 0] == digit)[0]]).astype(int).tolist() for digit in range(9)
        ]
        return {**words, "images": images}
    if dataset.categories:
        low, high = dataset.value_range
        cells = [[None] * CELLS[1] for _ in range(CELLS[0])]
        for (first, second), target in zip(dataset.features.astype(int).tolist(), dataset.targets[:, 0].tolist(), strict=True):
            if first < CELLS[0] and second < CELLS[1]:
                cells[first][second] = (target - low) / (high - low) * 2 - 1
        return {**words, "cells": cells}
    rows = random.permutation(len(dataset.features))[:POINTS]
    plane = PCA(2, random_state=0).fit_transform(StandardScaler().fit_transform(dataset.features))[rows]
    plane /= np.quantile(np.abs(plane), 0.98, axis=0)
    target = dataset.targets[rows, 0]
    if not TASKS[dataset.task].classes:
        target = np.clip((target - target.mean()) / (2 * target.std()), -1, 1)
    points = np.column_stack([np.clip(plane, -1.1, 1.1), target]).round(3).tolist()
    return {**words, "points": points}


def variants():
    """Presets on a set that has one of its own name: what sets each apart, its output activation or the first layer's kind."""
    found = {}
    for name in preset_names():
        experiment = preset(name)
        source, head = experiment.data.source, experiment.network.output_activation
        if isinstance(source, BundledSource) and name != source.name:
            first = type(experiment.network.layers[0])
            kind = ACTIVATIONS[head].title if head else first.title
            found[name] = {
                "data": source.name,
                "title": kind,
                "task": experiment.training.task,
                "description": f"{experiment.name}. {load_bundled(source.name).description}",
                "output_activation": head,
                "first_layer": first.__struct_config__.tag,
            }
    return found


if __name__ == "__main__":
    pictures = {name: picture(name) for name in BUNDLED} | variants()
    TARGET.write_text(json.dumps(pictures, separators=(",", ":")) + "\n", encoding="utf-8")
