"""The presets: settings known to work that come with the program."""

from __future__ import annotations

from playground.experiment.checking import decode
from playground.experiment.specs import Experiment
from playground.storage import read_bytes, resource

# What the program opens on, and trains where there is no window.
WELCOME = "circle"


def preset_names() -> list[str]:
    """Names of the presets, in alphabetical order."""
    return sorted(path.stem for path in resource("presets").glob("*.json"))


def preset(name: str) -> Experiment:
    """A preset by its name."""
    return decode(read_bytes(resource("presets", f"{name}.json")))


def welcome_experiment() -> Experiment:
    """The network that the program opens on."""
    return preset(WELCOME)


def examples() -> list[tuple[str, str]]:
    """All presets, as (name for people, name), in the order of the former."""
    return sorted((preset(name).name, name) for name in preset_names())
