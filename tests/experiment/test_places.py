"""Where an experiment's files lie: stored relative or absolute, found again by every door, never on another computer unasked."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from playground.catalog.initializers import FromFile
from playground.experiment import FileSource
from playground.experiment.places import ElsewhereError, computer_of, found, refuse_elsewhere, stored
from playground.experiment.presets import preset


def naming(table=None, weights=None):
    experiment = preset("circle")
    if table is not None:
        experiment = replace(experiment, data=replace(experiment.data, source=FileSource(path=str(table))))
    if weights is not None:
        start = FromFile(path=str(weights))
        experiment = replace(experiment, network=replace(experiment.network, initializer=start))
    return experiment


def names(experiment):
    return experiment.data.source.path, experiment.network.initializer.path


@pytest.fixture
def files(tmp_path):
    for name in ("work/e.json", "work/t.csv", "work/deep/t.csv", "other/t.csv", "other/w.safetensors"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_in_or_below_the_folder_is_relative_and_all_else_absolute(files, monkeypatch):
    work, other = files / "work", files / "other"
    assert names(stored(naming(work / "t.csv", other / "w.safetensors"), work / "e.json")) == (
        "t.csv",
        str(other / "w.safetensors"),
    )
    assert names(stored(naming(work / "deep" / "t.csv", work / "t.csv"), work / "e.json")) == ("deep/t.csv", "t.csv")
    monkeypatch.chdir(files)
    assert names(stored(naming("work/t.csv", "work/../other/t.csv"), "work/e.json")) == ("t.csv", str(other / "t.csv"))
    assert names(stored(naming("gone/t.csv", "/gone/w"), "work/e.json")) == ("gone/t.csv", "/gone/w"), "nobody knows better"


def test_what_names_no_file_stays_the_same_object_value():
    experiment = preset("circle")
    assert stored(experiment, "/x/e.json") == found(experiment, "/x/e.json") == experiment


def test_a_file_is_looked_up_as_stored_beside_and_by_name(files, monkeypatch):
    work, other = files / "work", files / "other"
    file = work / "e.json"
    assert found(naming("deep/t.csv"), file).data.source.path == str(work / "deep" / "t.csv")
    assert found(naming(other / "t.csv"), file).data.source.path == str(other / "t.csv"), "as stored before beside"
    for gone in ("/gone/t.csv", "gone/t.csv", "C:\\Users\\me\\t.csv", "..\\data\\t.csv", "~/t.csv", "//server/share/t.csv"):
        assert found(naming(gone), file).data.source.path == str(work / "t.csv"), gone
    monkeypatch.chdir(other)
    assert names(found(naming("t.csv", "w.safetensors"), file)) == (str(work / "t.csv"), str(other / "w.safetensors"))


@pytest.mark.parametrize("name", ["gone.csv", "/gone/gone.csv", "a\0b", "..", ".", "n" * 5000, "a\udc80.csv", "/"])
def test_what_is_nowhere_keeps_its_name(files, name):
    assert found(naming(name), files / "work" / "e.json").data.source.path == name
    kept = stored(naming(name), files / "work" / "e.json").data.source.path
    if os.path.exists(name):
        # A folder is no table, but it is there, and named so that it is found again.
        assert os.path.realpath(files / "work" / kept) == os.path.realpath(name)
    else:
        assert kept == name


def test_moved_together_all_is_found_again(files):
    before = files / "work" / "e.json"
    experiment = stored(naming(files / "work" / "deep" / "t.csv", files / "work" / "t.csv"), before)
    (files / "work").rename(files / "moved")
    assert names(found(experiment, files / "moved" / "e.json")) == (
        str(files / "moved" / "deep" / "t.csv"),
        str(files / "moved" / "t.csv"),
    )


ELSEWHERE = {
    r"\\server\share\t.csv": "server",
    "//server/share/t.csv": "server",
    r"\/server\share": "server",
    r"\\?\UNC\server\share\t.csv": "server",
    r"\\.\unc\server\share": "server",
    "//?/UNC/server/share": "server",
    r"\\?\GLOBALROOT\Device\Mup\server": "GLOBALROOT",
    "file://server/t.csv": "server",
    "file:////server/t.csv": "server",
    "FILE:\\\\server\\t.csv": "server",
    "http://server/t.csv": "server",
    "smb://server/share": "server",
    "https:///t.csv": "https",
    "/net/server/share/t.csv": "server",
    "///server/share": "server",
}
HERE = [
    "t.csv", "", "/", "//", "/home/me/t.csv", "a//b", "C:\\t.csv", "C:/t.csv", r"\\?\C:\t.csv", "//?/C:/t.csv", "file:///t.csv",
    "file://localhost/t.csv", "net/server/x", "/net/t.csv", "a:b", "../t.csv",
]  # fmt: skip


@pytest.mark.parametrize("path", [*ELSEWHERE, *HERE])
def test_another_computer_is_known_by_the_text_alone(path):
    assert computer_of(path) == ELSEWHERE.get(path, "")


@pytest.mark.parametrize("path", ELSEWHERE)
def test_another_computer_is_not_looked_at_until_somebody_agrees(tmp_path, path, monkeypatch):
    experiments, looked = (naming(table=path), naming(weights=path)), []
    for name in ("isfile", "exists", "realpath"):
        real = getattr(os.path, name)
        monkeypatch.setattr(os.path, name, lambda place, real=real, **how: looked.append(str(place)) or real(place, **how))
    file = tmp_path / "e.json"
    for experiment in experiments:
        assert stored(experiment, file) == found(experiment, file) == experiment
        with pytest.raises(ElsewhereError, match=f"names a file on another computer, {ELSEWHERE[path]}, ") as refused:
            refuse_elsewhere(experiment, file)
        assert refused.value.computer == ELSEWHERE[path]
    assert all(Path(place).is_relative_to(tmp_path) for place in looked)


def test_a_file_may_name_what_lies_on_its_own_computer():
    refuse_elsewhere(naming("//server/share/t.csv"), r"\\server\share\e.json")
    refuse_elsewhere(naming("/home/t.csv"), "/home/e.json")
    with pytest.raises(ElsewhereError):
        refuse_elsewhere(naming("//other/share/t.csv"), r"\\server\share\e.json")
