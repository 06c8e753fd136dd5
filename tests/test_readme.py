"""The README names what there is, and the commands in it exist."""

import re
from pathlib import Path

from readme_table import written

from playground.catalog.datasets import DATASETS
from playground.catalog.tasks import TASKS
from playground.cli.main import parser
from playground.experiment.presets import preset_names

HERE = Path(__file__).resolve().parent.parent
README = (HERE / "README.md").read_text(encoding="utf-8")


def test_all_that_can_be_chosen_is_named():
    assert written(README) == README, "run `python tests/readme_table.py`"
    for name in (*TASKS, *DATASETS, *preset_names()):
        assert name in README, name


def test_its_commands_and_options_exist():
    help_text = parser().format_help()
    for word in re.findall(r"^playground (\w+)", README, re.MULTILINE):
        assert word in help_text, word
    train = next(action for action in parser()._actions if action.dest == "command").choices["train"].format_help()
    for option in set(re.findall(r"`(--\w+)`", README)):
        assert option in train, option


def test_its_pictures_and_files_exist():
    for path in re.findall(r"\]\(([^)#]+)\)", README):
        if not path.startswith("http"):
            assert (HERE / path).is_file(), path
    for path in re.findall(r"`((?:tests|resources)/[\w/.]+\.\w+)`", README):
        assert (HERE / path).is_file(), path
