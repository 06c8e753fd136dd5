"""A switch of data leaves nothing behind: after every preset has been shown, showing all of them again makes nothing more."""

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from playground.experiment.presets import preset_names

pytestmark = pytest.mark.window

# What is made once, at whatever switch, may come in the second turn; a single object for each switch is more than that.
SLACK = len(preset_names()) - 1


def show_all(driver):
    for name in preset_names():
        driver.window.document.undo_stack.clear()
        driver.window.changes.choose_set(name)
        driver.settle()
    driver.window.document.undo_stack.clear()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def count(driver):
    """Qt's objects within the window."""
    return len(driver.window.findChildren(QObject))


def test_switching_through_all_data_makes_no_more_objects_than_there_are(open_window):
    driver = open_window("circle")
    driver.window.open_settings("training")
    driver.window.panels.output_pages.buttons["metrics"].click()
    show_all(driver)
    children = count(driver)
    show_all(driver)
    assert count(driver) <= children + SLACK


def test_typing_and_stepping_neurons_makes_no_objects(driver):
    header = driver.canvas.headers[0]
    header.more_button.click()
    driver.settle()
    before = len(header.findChildren(QObject))
    for button in (header.more_button, header.fewer_button) * 5:
        button.click()
    assert len(header.findChildren(QObject)) == before
    assert header.count.validator().top() == header._most > 1
