"""Finding a learning rate: asked for in the menu or the settings, tried on a copy, taken with one click, undone like any edit."""

import math

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest

from playground.gui.widgets.choices import MoreButton
from playground.training.protocol import Snapshot, Status
from playground.training.rate_finder import HIGHEST, LOWEST, SMOOTHING, RateTest, find_rate, suggest
from playground.training.trainer import Trainer
from playground.words import two_figures

Left = Qt.MouseButton.LeftButton


@pytest.fixture
def card(driver):
    return driver.panels.rates


def find(driver):
    """Ask for a rate in the menu, and wait for the result."""
    driver.window.actions_by_name["find_rate"].trigger()
    driver.until(lambda: not driver.panels.rates.waiting)


def test_the_menu_finds_a_rate_and_one_click_takes_it(driver, card):
    before, weights = driver.experiment, driver.snapshot.parameters.copy()
    driver.window.actions_by_name["find_rate"].trigger()
    assert card.isVisible() and card.waiting and card.busy.isVisible()
    assert not card.use_button.isVisible() and not card.again_button.isEnabled()
    driver.until(lambda: not card.waiting)
    test = driver.snapshot.rates
    assert LOWEST < test.suggestion < HIGHEST
    assert not card.busy.isVisible() and card.words.text() == test.sentence
    assert np.array_equal(driver.snapshot.parameters, weights), "the run itself has not moved"
    rate = two_figures(test.suggestion)
    assert card.use_button.text() == f"Use {rate:.6f}".rstrip("0")
    driver.qtbot.mouseClick(card.use_button, Left)
    assert driver.experiment.training.optimizer.learning_rate == rate
    assert not card.isVisible() and "kept" in driver.window.status.text
    driver.window.actions_by_name["undo"].trigger()
    assert driver.experiment == before


def test_the_settings_have_it_beside_the_rate_whatever_the_optimizer(driver, card):
    for name in ("adam", "sgd"):
        driver.window.bar.optimizer_chosen.emit(name)
        # Until the session has taken the change there is no snapshot of the run that holds, and so none to try rates on.
        driver.settle()
        driver.window.open_settings("training.optimizer.learning_rate")
        row = driver.panels.settings.page.row_at("training.optimizer").editor.form.rows["learning_rate"]
        (button,) = row.findChildren(MoreButton)
        driver.until(lambda button=button: not button.visibleRegion().isEmpty())
        driver.qtbot.mouseClick(button, Left)
        assert card.isVisible() and card.waiting
        assert driver.panels.settings.place == "training", "the page stays"
        driver.until(lambda: not card.waiting)
        assert card.curve.test is driver.snapshot.rates
    driver.window.actions_by_name["settings"].setChecked(False)


def test_training_goes_on_after_the_test(driver, card):
    driver.window.player.play_or_pause()
    driver.until(lambda: driver.status_is(Status.RUNNING))
    find(driver)
    epoch = driver.snapshot.epoch
    driver.until(lambda: driver.snapshot.epoch > epoch or driver.status_is(Status.FINISHED))
    assert card.isVisible()


def test_a_test_that_was_interrupted_suggests_nothing(driver, card):
    trainer = Trainer(driver.experiment, "reference")
    asked = iter(range(1000))
    test = find_rate(trainer, stop=lambda: next(asked) > 40)
    assert test.interrupted and len(test.rates) == 41 and math.isnan(test.suggestion)
    snapshot = driver.snapshot
    card.begin(snapshot)
    card.show_snapshot(Snapshot(snapshot.generation, snapshot.status, run=snapshot.run, rates=test))
    assert not card.waiting and not card.use_button.isVisible()
    assert "again" in card.words.text() and card.again_button.isEnabled()


def test_no_rate_that_helps_is_said_and_none_is_offered(driver, card):
    snapshot = driver.snapshot
    card.begin(snapshot)
    flat = RateTest(np.geomspace(LOWEST, HIGHEST, 120), np.full(120, 0.7), math.nan)
    card.show_snapshot(Snapshot(snapshot.generation, snapshot.status, run=snapshot.run, rates=flat))
    assert "No learning rate" in card.words.text() and not card.use_button.isVisible()
    assert not card.grab().toImage().isNull()


def smoothed(losses):
    """As `find_rate` smooths them."""
    mean, found = 0.0, []
    for number, loss in enumerate(losses):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        found.append(mean / (1 - SMOOTHING ** (number + 1)))
    return np.array(found)


def test_a_clear_fall_suggests_a_rate_within_it_and_chance_alone_hardly_ever_does():
    rates = np.geomspace(LOWEST, HIGHEST, 120)
    by_chance = 0
    for seed in range(100):
        noise = np.random.default_rng(seed).normal(0, 0.05, 120)
        by_chance += not math.isnan(suggest(rates, smoothed(0.5 + noise + np.where(rates > 0.1, 1.0, 0.0))))
        fall = suggest(rates, smoothed(0.7 - 0.6 / (1 + (0.003 / rates) ** 1.5) + noise))
        assert 0.0005 < fall < 0.05, seed
    assert by_chance <= 20


@pytest.mark.parametrize("name", ["circle", "iris", "diabetes", "digits"])
def test_a_fresh_network_gets_a_rate_that_it_learns_with(open_window, name):
    driver = open_window(name)
    find(driver)
    assert 1e-4 < driver.snapshot.rates.suggestion < 1


def test_another_run_takes_the_result_away(open_window):
    driver = open_window("circle")
    card = driver.panels.rates
    find(driver)
    assert card.use_button.isVisible()
    driver.window.actions_by_name["new_weights"].trigger()
    driver.until(lambda: not card.use_button.isVisible())
    assert "another run" in card.words.text() and card.curve.test is None
    driver.qtbot.mouseClick(card.again_button, Left)
    driver.until(lambda: card.use_button.isVisible())


def test_an_edit_while_it_runs_ends_the_wait(open_window):
    driver = open_window("digits_conv")
    card = driver.panels.rates
    driver.window.actions_by_name["find_rate"].trigger()
    driver.window.actions_by_name["new_weights"].trigger()
    driver.until(lambda: not card.waiting)
    assert not card.use_button.isVisible() and "again" in card.words.text()


def test_before_there_is_a_run_it_says_so(driver, card):
    assert not card.begin(None)
    assert card.isVisible() and not card.waiting and "no run" in card.words.text()
    assert card.again_button.isEnabled()


def test_the_window_is_not_held_up_by_it(open_window):
    driver = open_window("digits_conv")
    ticks = []
    driver.window.loop.timer.timeout.connect(lambda: ticks.append(driver.panels.rates.waiting))
    find(driver)
    assert sum(ticks) > 3, "the loop went on while rates were tried"


def test_the_curve_shows_rates_on_a_logarithmic_axis_and_values_under_the_pointer(driver, card):
    find(driver)
    curve, test = card.curve, driver.snapshot.rates
    assert curve.x_of(1e-3) - curve.x_of(1e-4) == pytest.approx(curve.x_of(0.1) - curve.x_of(0.01))
    place = QPointF(curve.x_of(test.rates[30]), 60)
    no_button = Qt.MouseButton.NoButton
    where = curve.mapToGlobal(place)
    move = QMouseEvent(QEvent.Type.MouseMove, place, where, no_button, no_button, Qt.KeyboardModifier.NoModifier)
    curve.mouseMoveEvent(move)
    assert f"{test.losses[30]:.4f}" in card.pointed.text()
    curve.leaveEvent(QEvent(QEvent.Type.Leave))
    assert card.pointed.text() == ""
    assert curve.accessibleDescription() == test.sentence


def test_escape_closes_it_and_it_stays_inside_the_window(driver, card):
    find(driver)
    for size in ((1600, 1000), (1280, 760)):
        driver.window.resize(*size)
        QTest.qWait(50)
        assert card.parentWidget().rect().contains(card.geometry())
        anchor = driver.window.bar.learning_rate
        assert card.x() == anchor.mapTo(card.parentWidget(), anchor.rect().topLeft()).x()
    driver.qtbot.keyClick(card, Qt.Key.Key_Escape)
    assert not card.isVisible()
