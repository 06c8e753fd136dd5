"""The soak sees what grows: objects, threads, open files, memory."""

import pytest
import soak
from PySide6.QtCore import QObject
from soak import Counts

from playground.gui.data.data_panel import DataPanel

pytestmark = pytest.mark.window


def test_an_object_left_behind_with_each_switch_is_found(monkeypatch):
    show = DataPanel.show_experiment

    def leaks(self, experiment):
        QObject(self)
        show(self, experiment)

    monkeypatch.setattr(DataPanel, "show_experiment", leaks)
    failure = soak.play([["data", name, 0.0] for name in ["moons", "xor", "gauss"] * 4])
    assert failure is not None
    assert failure.kind == "objects grow"


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Counts(0, 0, 0, 0), None),
        (Counts(1, 0, 0, 0), "objects grow"),
        (Counts(0, 1, 0, 0), "threads grow"),
        (Counts(0, 0, 1, 0), "files grow"),
        (Counts(0, 0, 0, 2 << 20), "memory grow"),
        (Counts(0, 0, 0, 1 << 19), None),
    ],
)
def test_what_grows_is_told(step, kind):
    counts = [Counts(*(100 + place * part for part in step)) for place in range(24)]
    failure = soak.growth(counts)
    assert (failure and failure.kind) == kind


def test_what_only_comes_and_goes_is_no_growth():
    assert soak.growth([Counts(100 + 50 * (place % 3), 5 + (place == 20), 7, 0) for place in range(24)]) is None
