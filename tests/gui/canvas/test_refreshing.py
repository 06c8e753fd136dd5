"""How often the canvas works for what it is shown: everything is placed once at most, and drawn and painted once."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from playground.gui.canvas import canvas as canvas_module
from playground.training import parts


class Paints(QObject):
    """Counts the paint events of a widget."""

    def __init__(self, widget, counts):
        super().__init__(widget)
        self._counts = counts
        widget.installEventFilter(self)

    def eventFilter(self, _widget, event):
        if event.type() == QEvent.Type.Paint:
            self._counts["painted"] += 1
        return False


@pytest.fixture
def counted(driver, monkeypatch):
    """A canvas that is shown what the test wants, and what it has done for that."""
    driver.window.loop.stop()
    QApplication.processEvents()
    counts = Counter()
    for name, what in (("lay_out", "placed"), ("edges_between", "drawn")):
        own = getattr(canvas_module, name)

        def count(*arguments, own=own, what=what):
            counts[what] += 1
            return own(*arguments)

        monkeypatch.setattr(canvas_module, name, count)
    paints = Paints(driver.canvas, counts)
    well = replace(driver.snapshot, parts={**driver.snapshot.parts, parts.health: ()})
    # No note of an earlier test keeps its room.
    driver.canvas.show_snapshot(well)
    driver.canvas.show_experiment(driver.experiment)
    QApplication.processEvents()
    yield SimpleNamespace(canvas=driver.canvas, snapshot=well, counts=counts)
    driver.canvas.removeEventFilter(paints)
    driver.window.loop.start()


def work_for(counted, deed):
    counted.counts.clear()
    deed()
    QApplication.processEvents()
    return dict(counted.counts)


def ill(snapshot, words="all its neurons are dead"):
    """The same moment, with something wrong with the first layer."""
    name = snapshot.run.plan.stages[1].name
    return replace(snapshot, parts={**snapshot.parts, parts.health: (SimpleNamespace(name=name, words=words),)})


def other_run(snapshot):
    return replace(snapshot, run=replace(snapshot.run))


def test_another_moment_of_a_run_is_drawn_once_and_places_nothing(counted):
    later = replace(counted.snapshot, step=counted.snapshot.step + 1)
    assert work_for(counted, lambda: counted.canvas.show_snapshot(later)) == {"drawn": 1, "painted": 1}


def test_a_new_run_is_placed_once_drawn_once_and_painted_once(counted):
    new = other_run(counted.snapshot)
    assert work_for(counted, lambda: counted.canvas.show_snapshot(new)) == {"placed": 1, "drawn": 1, "painted": 1}


def test_so_is_a_new_run_with_an_ill_layer_that_needs_room_for_a_note(counted):
    top = counted.canvas.lanes[0].top
    new = ill(other_run(counted.snapshot))
    assert work_for(counted, lambda: counted.canvas.show_snapshot(new)) == {"placed": 1, "drawn": 1, "painted": 1}
    assert counted.canvas.lanes[0].top == top + canvas_module.NOTE
    assert "all its neurons are dead" in counted.canvas.describe()


def test_room_for_notes_is_made_once_and_kept_when_the_layer_gets_well(counted):
    well = counted.snapshot
    assert work_for(counted, lambda: counted.canvas.show_snapshot(ill(well)))["placed"] == 1
    top = counted.canvas.lanes[0].top
    for moment in (ill(well, "its gradients vanish"), well, ill(well)):
        assert "placed" not in work_for(counted, lambda moment=moment: counted.canvas.show_snapshot(moment))
        assert counted.canvas.lanes[0].top == top


def test_an_experiment_and_a_size_are_placed_once_and_drawn_once(counted):
    canvas = counted.canvas
    experiment = counted.snapshot.run.experiment
    assert work_for(counted, lambda: canvas.show_experiment(experiment)) == {"placed": 1, "drawn": 1, "painted": 1}
    size = canvas.window().size()
    assert work_for(counted, lambda: canvas.window().resize(size.width() + 40, size.height() + 20)) == {
        "placed": 1,
        "drawn": 1,
        "painted": 1,
    }
