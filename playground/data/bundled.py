"""The rows of the data sets that are always the same: measured ones that come with scikit-learn, and two that are made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from playground.catalog.datasets import BUNDLED
from playground.data.dataset import Dataset

USERS, ITEMS, TRAITS, RATED = 200, 150, 2, 5400
STARS = (1.0, 5.0)

Loader = Callable[[], Dataset]

# What loads each set, by its name.
LOADERS: dict[str, Loader] = {}


def loader(function: Loader) -> Loader:
    """Register the decorated function as what loads the set of its name."""
    LOADERS[function.__name__] = function
    return function


@loader
def breast_cancer() -> Dataset:
    """569 tumors by 30 measurements of their cell nuclei; yes means malignant."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    # scikit-learn's 1 is benign; a screening test asks "is it malignant?", so malignant is the yes here.
    return _dataset(
        "breast_cancer",
        bunch,
        targets=1.0 - bunch.target,
        target_names=("malignant",),
        class_names=("benign", "malignant"),
    )


@loader
def iris() -> Dataset:
    """150 irises of three species by the length and width of sepal and petal."""
    from sklearn.datasets import load_iris

    bunch = load_iris()
    return _dataset(
        "iris",
        bunch,
        target_names=("species",),
        class_names=tuple(str(name) for name in bunch.target_names),
    )


@loader
def wine() -> Dataset:
    """178 wines from three growers by 13 chemical measurements."""
    from sklearn.datasets import load_wine

    return _dataset(
        "wine",
        load_wine(),
        target_names=("grower",),
        class_names=("grower A", "grower B", "grower C"),
    )


@loader
def digits() -> Dataset:
    """1,797 handwritten digits of 8 × 8 pixels; intensities 0 … 1 (scikit-learn has 0 … 16)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return _dataset(
        "digits",
        bunch,
        features=bunch.data / 16.0,
        feature_names=tuple(f"pixel {row},{column}" for row in range(8) for column in range(8)),
        target_names=("digit",),
        class_names=tuple(str(digit) for digit in range(10)),
    )


@loader
def diabetes() -> Dataset:
    """442 patients by ten measurements; how far the disease has come a year later."""
    from sklearn.datasets import load_diabetes

    words = {"bp": "blood pressure", "bmi": "body mass", "s1": "cholesterol", "s2": "LDL", "s3": "HDL"}
    words |= {"s4": "cholesterol / HDL", "s5": "log triglycerides", "s6": "blood sugar"}
    bunch = load_diabetes(scaled=False)
    return _dataset(
        "diabetes",
        bunch,
        feature_names=tuple(words.get(name, name) for name in bunch.feature_names),
        target_names=("progression",),
    )


@loader
def linnerud() -> Dataset:
    """20 men by three exercises; weight, waist and pulse at once."""
    from sklearn.datasets import load_linnerud

    bunch = load_linnerud()
    return _dataset(
        "linnerud",
        bunch,
        feature_names=("chin-ups", "sit-ups", "jumps"),
        target_names=("weight (lb)", "waist (in)", "pulse"),
    )


@loader
def multilabel() -> Dataset:
    """1,000 made-up documents by how often 20 words occur; any of five topics."""
    from sklearn.datasets import make_multilabel_classification

    # About 100 words a document: at 50 even the rule that drew the topics is wrong too often to compare heads by.
    features, targets = make_multilabel_classification(
        n_samples=1000, n_features=20, n_classes=5, n_labels=2, length=100, random_state=0
    )
    topics = ("art", "music", "science", "sport", "travel")
    return _dataset(
        "multilabel",
        features=features,
        targets=targets,
        feature_names=tuple(f"word {number}" for number in range(1, 21)),
        target_names=topics,
        class_names=topics,
    )


@loader
def ratings() -> Dataset:
    """5,400 made-up ratings, one to five stars, of 150 items by 200 users who each rated about every sixth.

    A user's liking is a sum: how good the item is, how generous the user is, how well two hidden traits of item and user
    agree, and chance. Stars end at 1 and 5, however strongly somebody feels, so ratings pile up at both ends.
    """
    random = np.random.default_rng(11)
    traits_of_users, traits_of_items = random.normal(size=(USERS, TRAITS)), random.normal(size=(ITEMS, TRAITS))
    agreement = traits_of_users @ traits_of_items.T / np.sqrt(TRAITS)
    generosity, quality = random.normal(size=(USERS, 1)), random.normal(size=(1, ITEMS))
    chance = random.normal(size=(USERS, ITEMS))
    liking = 3.2 + 1.6 * quality + 1.3 * generosity + 0.5 * agreement + 0.5 * chance
    stars = np.clip(np.round(liking), *STARS)
    seen = np.sort(random.permutation(USERS * ITEMS)[:RATED])
    users, items = np.divmod(seen, ITEMS)
    return _dataset(
        "ratings",
        features=np.column_stack([users, items]),
        targets=stars[users, items][:, None],
        feature_names=("user", "item"),
        target_names=("stars",),
        categories=(USERS, ITEMS),
        value_range=STARS,
    )


def load_bundled(name: str) -> Dataset:
    """Load a set by its name in the catalog."""
    return LOADERS[name]()


def _dataset(name: str, bunch: Any = None, **fields: Any) -> Dataset:
    """A Dataset with the catalog's words; fields given here replace those of scikit-learn's bunch."""
    record = BUNDLED[name]
    if bunch is not None:
        names = tuple(str(name) for name in bunch.feature_names)
        fields = {"features": bunch.data, "targets": bunch.target, "feature_names": names} | fields
    features, targets = np.asarray(fields.pop("features"), np.float64), np.asarray(fields.pop("targets"), np.float64)
    return Dataset(
        name=name,
        title=record.title,
        description=record.description,
        task=record.task,
        features=features,
        targets=targets if targets.ndim == 2 else targets[:, None],
        image_shape=(record.image[0], record.image[1]) if record.image else None,
        **fields,
    )
