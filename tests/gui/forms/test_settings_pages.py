"""The settings are built page by page, each out of sight: what is in sight is laid out again with every change."""

import pytest

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
