"""Dataset: the raw rows of any source, with the words that go with them."""

from __future__ import annotations

from dataclasses import dataclass

from playground.arrays import Array


@dataclass(frozen=True, eq=False)
class Dataset:
    """Raw rows and their words.

    Parameters
    ----------
    name, title, description
        Name in files, name for people, one plain sentence.
    task
        ``binary``, ``multiclass``, ``multilabel``, ``regression`` or ``bounded``.
    features
        float64 (rows, columns), as the source has them.
    targets
        float64 (rows, k): binary 0/1 and multiclass class number (k = 1), multilabel 0/1, regression values.
    feature_names, target_names
        One for each column.
    class_names
        Binary: no, yes; multiclass: all classes; multilabel: the labels; regression: none.
    planar
        Whether the rows are points of the plane, so that outputs can be drawn as a picture.
    image_shape
        Height and width where a row is a gray image.
    categories
        How many different whole numbers each column holds, where all columns only name things, such as users and items.
    value_range
        Least and largest target where the answers are on a scale.
    extent
        Planar data are shown over ±extent.
    """

    name: str
    title: str
    description: str
    task: str
    features: Array
    targets: Array
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    planar: bool = False
    image_shape: tuple[int, int] | None = None
    categories: tuple[int, ...] = ()
    value_range: tuple[float, float] | None = None
    extent: float = 6.0
