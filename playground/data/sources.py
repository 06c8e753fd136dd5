"""Loads the rows that an experiment asks for, whatever their source."""

from __future__ import annotations

from functools import lru_cache

from playground.data.dataset import Dataset
from playground.experiment import BundledSource, DataSpec, SyntheticSource


def load_dataset(data: DataSpec, task: str) -> Dataset:
    """Load the rows that an experiment asks for.

    Raises
    ------
    FileError
        If a file can't be read as a table, or its targets don't fit the task.
    """
    source = data.source
    if isinstance(source, SyntheticSource):
        return _synthetic(source, data.seed)
    if isinstance(source, BundledSource):
        return _bundled(source.name)
    # Not cached: the file may have changed.
    from playground.data.columns import load_table

    return load_table(source, task)


@lru_cache(maxsize=8)
def _synthetic(source: SyntheticSource, seed: int) -> Dataset:
    from playground.data.synthetic import draw

    return draw(source.name, source.samples, source.noise, seed)


@lru_cache(maxsize=8)
def _bundled(name: str) -> Dataset:
    from playground.data.bundled import load_bundled

    return load_bundled(name)
