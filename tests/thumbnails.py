"""Makes resources/thumbnails.json, the gallery's little pictures of the real data: ``python tests/thumbnails.py``.

Each set's rows are laid into the plane by their first two principal components; digits show nine of the images. Made
ahead, because loading scikit-learn takes longer than opening the window.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from playground.data.bundled import BUNDLED, load_bundled

POINTS = 120
TARGET = Path(__file__).resolve().parent.parent / "resources" / "thumbnails.json"


def picture(name):
    """Points as [x, y, class or value]; images as rows of gray values."""
    dataset = load_bundled(name)
    random = np.random.default_rng(0)
    if dataset.image_shape:
        images = [
            (16 * dataset.features[np.flatnonzero(dataset.targets[:, 0] == digit)[0]]).astype(int).tolist() for digit in range(9)
        ]
        return {"title": dataset.title, "task": dataset.task, "description": dataset.description, "images": images}
    rows = random.permutation(len(dataset.features))[:POINTS]
    plane = PCA(2, random_state=0).fit_transform(StandardScaler().fit_transform(dataset.features))[rows]
    plane /= np.quantile(np.abs(plane), 0.98, axis=0)
    target = dataset.targets[rows, 0]
    if dataset.task == "regression":
        target = np.clip((target - target.mean()) / (2 * target.std()), -1, 1)
    points = np.column_stack([np.clip(plane, -1.1, 1.1), target]).round(3).tolist()
    return {"title": dataset.title, "task": dataset.task, "description": dataset.description, "points": points}


if __name__ == "__main__":
    TARGET.write_text(json.dumps({name: picture(name) for name in BUNDLED}, separators=(",", ":")) + "\n", encoding="utf-8")
