"""A switch of data leaves nothing behind: after every preset has been shown, showing all of them again makes nothing more."""

import gc

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from playground.experiment.presets import preset_names

pytestmark = pytest.mark.window

# Caches and what Python itself keeps may hold a little more; a single object for each switch is more than that.
SLACK = len(preset_names()) - 1


def show_all(driver):
    for name in preset_names():
        driver.window.document.undo_stack.clear()
        driver.window.changes.choose_set(name)
        driver.settle()
    driver.window.document.undo_stack.clear()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def count(driver):
    """Qt's objects within the window, and all that Python's garbage collector knows."""
    children = len(driver.window.findChildren(QObject))
    gc.collect()
    return children, len(gc.get_objects())


def test_switching_through_all_data_makes_no_more_objects_than_there_are(open_window):
    driver = open_window("circle")
    driver.window.open_settings("training")
    driver.window.panels.output_pages.buttons["metrics"].click()
    show_all(driver)
    children, objects = count(driver)
    show_all(driver)
    more_children, more_objects = count(driver)
    assert more_children <= children + SLACK
    assert more_objects <= objects + SLACK


def test_typing_and_stepping_neurons_makes_no_objects(driver):
    header = driver.canvas.headers[0]
    header.more_button.click()
    driver.settle()
    before = len(header.findChildren(QObject))
    for button in (header.more_button, header.fewer_button) * 5:
        button.click()
    assert len(header.findChildren(QObject)) == before
    assert header.count.validator().top() == header._most > 1
