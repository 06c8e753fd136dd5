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


def test_it_lists_every_room_of_the_house():
    rooms = {path.stem if path.suffix else path.name for path in (HERE / "playground").iterdir() if path.suffix in ("", ".py")}
    rooms = {room for room in rooms if not room.startswith("__")}
    listed = set(re.findall(r"\b(\w+)(?:/|\.py)", README[README.index("## Contribute") :]))
    assert rooms <= listed, rooms - listed


def test_the_places_that_contributors_are_sent_to_exist():
    words = (HERE / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in re.findall(r"`([\w/.-]+)`", words):
        if "/" not in path or "NAME" in path:
            continue
        assert any((HERE / above / path).exists() for above in ("", "playground", "resources")), path
