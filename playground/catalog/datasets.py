"""The data sets that come with the program: what each is called, which task it poses and what its rows are.

A further one is a record here and the function of its name that makes its rows: in ``data/synthetic.py`` for one drawn by a rule,
in ``data/bundled.py`` for one that is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass

from playground.catalog.record import Record
from playground.words import tr


@dataclass(frozen=True)
class DataSet(Record):
    """A data set.

    Parameters
    ----------
    task
        Name of the task that it poses; a quantity may be learned on a scale or without one.
    """

    task: str


@dataclass(frozen=True)
class SyntheticSet(DataSet):
    """Points in the plane that are drawn by a rule, as many as are asked for.

    Parameters
    ----------
    picture_noise
        Percent of chance in its little picture, where it looks too neat without any.
    """

    picture_noise: float = 0.0


@dataclass(frozen=True)
class BundledSet(DataSet):
    """Rows that are always the same.

    Parameters
    ----------
    columns
        How many numbers a row has.
    image
        ``(height, width, channels)`` where a row is an image, else empty.
    names_things
        Whether the columns are whole numbers that only name things, such as users and items.
    """

    columns: int
    image: tuple[int, ...] = ()
    names_things: bool = False


SYNTHETIC: dict[str, SyntheticSet] = {
    record.name: record
    for record in (
        SyntheticSet("circle", tr("Circle"), tr("A disc inside a ring: one closed boundary."), "binary"),
        SyntheticSet("xor", tr("XOR"), tr("Four quadrants, opposite ones alike: no straight line parts them."), "binary"),
        SyntheticSet("gauss", tr("Gaussians"), tr("Two clouds: a straight line is enough."), "binary", picture_noise=5.0),
        SyntheticSet(
            "spiral",
            tr("Spiral"),
            tr("Two arms wound around each other: the hardest of the classics."),
            "binary",
            picture_noise=8.0,
        ),
        SyntheticSet("moons", tr("Moons"), tr("Two half circles that reach into each other."), "binary", picture_noise=6.0),
        SyntheticSet("rings", tr("Rings"), tr("Rings in turns: several closed boundaries."), "binary"),
        SyntheticSet("checkerboard", tr("Checkers"), tr("Squares in turns: many corners to learn."), "binary"),
        SyntheticSet("plane", tr("Plane"), tr("A slope: the simplest function of two numbers."), "regression"),
        SyntheticSet("multi_gauss", tr("Hills"), tr("Three hills and three hollows on flat ground."), "regression"),
    )
}

BUNDLED: dict[str, BundledSet] = {
    record.name: record
    for record in (
        BundledSet(
            "breast_cancer",
            tr("Tumors"),
            tr("569 tumors by 30 measurements of their cell nuclei: malignant or benign?"),
            "binary",
            columns=30,
        ),
        BundledSet(
            "iris",
            tr("Iris"),
            tr("150 irises by the size of their sepals and petals: which of three species?"),
            "multiclass",
            columns=4,
        ),
        BundledSet(
            "wine", tr("Wine"), tr("178 wines by 13 chemical measurements: which of three growers?"), "multiclass", columns=13
        ),
        BundledSet(
            "digits",
            tr("Digits"),
            tr("1,797 handwritten digits of 8 × 8 pixels: which digit is it?"),
            "multiclass",
            columns=64,
            image=(8, 8, 1),
        ),
        BundledSet(
            "diabetes",
            tr("Diabetes"),
            tr("442 patients by ten measurements: how far will the disease have come in a year?"),
            "regression",
            columns=10,
        ),
        BundledSet(
            "linnerud",
            tr("Linnerud"),
            tr("20 men by how often they manage three exercises: weight, waist and pulse at once."),
            "regression",
            columns=3,
        ),
        BundledSet(
            "multilabel",
            tr("Topics"),
            tr("1,000 made-up documents by how often 20 words occur: which of five topics, any number of them?"),
            "multilabel",
            columns=20,
        ),
        BundledSet(
            "ratings",
            tr("Ratings"),
            tr("5,400 made-up ratings of 150 items by 200 users, who rated 18 % of them: how many stars for the others?"),
            "bounded",
            columns=2,
            names_things=True,
        ),
    )
}

DATASETS: dict[str, DataSet] = {**SYNTHETIC, **BUNDLED}
