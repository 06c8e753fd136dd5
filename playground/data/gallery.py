"""What the gallery of data sets knows: names, sentences and little pictures, and which of them an experiment is shown as."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from playground.catalog.datasets import DATASETS
from playground.experiment import Experiment, FileSource
from playground.storage import resource
from playground.words import tr_known


@lru_cache(maxsize=1)
def real_sets() -> dict[str, dict[str, Any]]:
    """Pictures and words of the presets on real data by name, made ahead by tests/thumbnails.py."""
    sets: dict[str, dict[str, Any]] = json.loads(resource("thumbnails.json").read_text(encoding="utf-8"))
    return sets


def shown_as(experiment: Experiment) -> str:
    """Name of the gallery's button that stands for an experiment: its data set, or another preset on it; "" for a file."""
    source, network = experiment.data.source, experiment.network
    if isinstance(source, FileSource):
        return ""
    first = network.layers[0].__struct_config__.tag if network.layers else ""
    for name, words in real_sets().items():
        own = words["data"] == source.name and name != source.name
        if own and words["output_activation"] == network.output_activation and words["first_layer"] == first:
            return name
    return source.name


def title_of(name: str) -> str:
    """The name of a data set, or of another preset on one, for people."""
    return DATASETS[name].title if name in DATASETS else tr_known(str(real_sets()[name]["title"]))


def description_of(name: str) -> str:
    """One sentence about a data set, or about another preset on one."""
    return DATASETS[name].description if name in DATASETS else tr_known(str(real_sets()[name]["description"]))
