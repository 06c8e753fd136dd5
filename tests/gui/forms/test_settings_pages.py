"""The settings are built page by page, each out of sight: what is in sight is laid out again with every change."""

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtWidgets import QApplication

from playground.gui.forms.form import Row
from playground.gui.forms.settings_panel import LayerPage, OutputsPage, SpecPage


@pytest.fixture
def filled(driver, monkeypatch):
    """The pages that are built from now on, each with whether it was in sight when it was filled first."""
    found, old = [], driver.panels.settings.page
    for kind in (SpecPage, LayerPage, OutputsPage):

        def show(page, experiment, real=kind.show_experiment):
            if page is not old and all(page is not known for known, _ in found):
                found.append((page, page.isVisible()))
            real(page, experiment)

        monkeypatch.setattr(kind, "show_experiment", show)
    return found


def test_only_the_page_that_is_asked_for_is_built_and_out_of_sight(driver, filled):
    window, panel = driver.window, driver.panels.settings
    for path, kind in (
        ("training", SpecPage),
        ("network", SpecPage),
        ("data", SpecPage),
        ("network.layers.0", LayerPage),
        ("network.output_activation", OutputsPage),
        ("training", SpecPage),
    ):
        before = len(filled)
        window.open_settings(path)
        driver.qtbot.waitUntil(panel.page.isVisible, timeout=2000)
        assert len(filled) <= before + 1, "one page at most"
        assert isinstance(panel.page, kind)
    assert not any(seen for _, seen in filled)


def test_a_page_that_is_asked_for_while_the_settings_are_shut_is_the_only_one_and_filled_once(driver, monkeypatch):
    window, panel = driver.window, driver.panels.settings
    window.open_settings("training")
    window.actions_by_name["settings"].setChecked(False)
    filled = []
    for kind in (SpecPage, LayerPage):
        show = kind.show_experiment
        monkeypatch.setattr(kind, "show_experiment", lambda page, now, show=show: (filled.append(page), show(page, now)))
    window.open_settings("network.layers.0")
    driver.qtbot.waitUntil(panel.page.isVisible, timeout=2000)
    assert filled == [panel.page] and isinstance(panel.page, LayerPage)
    window.actions_by_name["settings"].setChecked(False)
    window.changes.set("epochs", "training.epochs", 78)
    window.actions_by_name["settings"].setChecked(True)
    assert filled == [panel.page] * 2, "what has changed meanwhile is shown"


def test_an_edit_and_a_way_back_build_no_page_anew(driver, filled):
    window, panel = driver.window, driver.panels.settings
    window.open_settings("training")
    page = panel.page
    built = len(filled)
    window.changes.set("epochs", "training.epochs", 77)
    window.actions_by_name["undo"].trigger()
    window.actions_by_name["settings"].setChecked(False)
    window.actions_by_name["settings"].setChecked(True)
    assert panel.page is page and len(filled) == built


class Watch(QObject):
    """Notes the rows that are painted with less room than they need."""

    def __init__(self, panel):
        super().__init__(panel)
        self.panel, self.paints, self.squeezed = panel, 0, []
        panel.area.viewport().installEventFilter(self)

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            self.paints += 1
            rows = [row for row in self.panel.page.findChildren(Row) if row.isVisible()]
            self.squeezed += [row.field.name for row in rows if row.height() < row.minimumSizeHint().height() - 1]
        return False


@pytest.mark.parametrize("seconds", [1e-4, 0.004])
def test_no_row_is_painted_before_the_page_has_room_for_it(driver, monkeypatch, seconds):
    monkeypatch.setattr("playground.gui.forms.settings_panel.PART_SECONDS", seconds)
    window, panel = driver.window, driver.panels.settings
    window.open_settings("data")
    driver.until(lambda: panel.page.is_made)
    watch = Watch(panel)
    for path in ("training", "network", "training"):
        window.open_settings(path)
        driver.until(lambda: panel.page.is_made)
        driver.qtbot.wait(30)
    panel.area.viewport().removeEventFilter(watch)
    assert watch.paints > 3 and not watch.squeezed


def test_a_page_is_made_in_parts_one_below_the_other(driver, monkeypatch):
    """On a slow machine a part is a single row; what is asked for meanwhile waits until it has its place."""
    monkeypatch.setattr("playground.gui.forms.settings_panel.PART_SECONDS", 1e-4)
    window, panel = driver.window, driver.panels.settings
    window.open_settings("data.seed")
    made, parts = [len(panel.page.findChildren(Row))], []
    while not panel.page.is_made:
        QApplication.processEvents()
        made.append(len(panel.page.findChildren(Row)))
        parts.append(made[-1] - made[-2])
    assert len(parts) > 5 and max(parts) <= 4, "a choice with the fields of its own is the largest part"
    asked = panel.page.row_at("data.seed")
    driver.until(lambda: asked.isAncestorOf(window.focusWidget()))
    rows = [row for form in panel.page.forms.values() for row in form.rows.values()]
    tops = [row.mapTo(panel.page, QPoint(0, 0)).y() for row in rows]
    assert tops == sorted(tops)
    # Tab goes from row to row as they stand.
    rows[0].editor.setFocus()
    walked = []
    for _ in range(60):
        walked += [row for row in rows if row.isAncestorOf(window.focusWidget()) and row not in walked]
        driver.qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
    assert walked == rows
