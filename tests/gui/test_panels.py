"""The records of the views: what the window builds from each, and that a new one is all that a new view takes."""

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QWidget

from playground.gui import panels
from playground.gui.actions import ACTIONS
from playground.gui.panels import PANELS, SWITCHED, Panel, Panels
from playground.gui.widgets.theme import Theme


class Blank(QWidget):
    """A view that shows nothing."""

    def __init__(self, theme):
        super().__init__()
        self.resets = 0

    def show_snapshot(self, snapshot):
        raise AssertionError

    def needs_parts(self):
        return frozenset()

    def describe(self):
        return "nothing at all"

    def reset(self):
        self.resets += 1


def test_names_and_keys_are_unique_and_every_card_that_can_be_hidden_has_its_words(qapp):
    assert len({panel.name for panel in PANELS}) == len(PANELS)
    keys = [QKeySequence(record.shortcut).toString() for record in ACTIONS if record.shortcut is not None]
    assert len(set(keys)) == len(keys)
    for panel in SWITCHED:
        assert panel.key and panel.tooltip, panel.name
    switched = [panel.card_name for panel in SWITCHED]
    assert len(set(switched)) == len(switched), "two actions for one card"


def test_the_view_menu_has_an_action_for_each_in_the_order_of_the_records():
    listed = [record.name for record in ACTIONS if record.name.startswith("panel_")]
    assert listed == [panel.action for panel in SWITCHED] == ["panel_data", "panel_output", "panel_loss", "panel_probe"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_every_view_lies_in_its_card_is_shown_snapshots_and_says_what_it_shows(driver, monkeypatch, panel):
    view, shown = driver.panels.views[panel.name], []
    monkeypatch.setattr(view, "isVisible", lambda: True)
    monkeypatch.setattr(view, "show_snapshot", shown.append)
    driver.window.player.step()
    driver.until(lambda: shown and shown[-1].step == 1)
    card = driver.panels.cards[panel.card_name]
    assert view is card or card.isAncestorOf(view)
    driver.panels.describe()
    assert (view.focusProxy() or view).accessibleDescription() == view.describe()


def test_one_record_is_all_that_a_new_view_takes(qtbot, monkeypatch):
    record = Panel("blank", "Blank", Blank, menu_text="&Blank", key="Ctrl+9", tooltip="Show or hide nothing.", stretch=1)
    monkeypatch.setattr(panels, "PANELS", (*PANELS, record))
    made = Panels(Theme("light"))
    qtbot.addWidget(made)
    blank, card = made.views["blank"], made.cards["blank"]
    assert card.isAncestorOf(blank) and card.title.text() == "Blank"
    made.describe()
    assert blank.accessibleDescription() == "nothing at all"
    made.reset()
    assert blank.resets == 1
    made.set_card_visible("blank", False)
    assert card.isHidden()
    for name in ("output", "loss"):
        made.set_card_visible(name, False)
    made.set_card_visible("probe", False)
    made.set_card_visible("blank", True)
    assert not card.isHidden() and not card.parentWidget().isHidden(), "the rail stays for its last card"
