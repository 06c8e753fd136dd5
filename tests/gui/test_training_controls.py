"""The top bar and the Run menu, driven as a user would."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS, record_of
from playground.catalog.tasks import TASKS
from playground.experiment import EarlyStopping
from playground.gui.panels import SWITCHED
from playground.training.diagnosis import Trouble
from playground.training.protocol import Snapshot, Status

Left = Qt.MouseButton.LeftButton


def pick(combo, title):
    """Choose an item of a choice box as a click on it does."""
    box = getattr(combo, "box", combo)
    index = box.findText(title)
    assert index >= 0, [box.itemText(i) for i in range(box.count())]
    box.setCurrentIndex(index)
    box.activated.emit(index)


def type_number(qtbot, combo, text):
    line = combo.box.lineEdit()
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)


def test_the_welcome_window_trains_by_itself(qtbot, tmp_path):
    from playground.gui.preferences import Preferences
    from playground.gui.window import Window

    window = Window(preferences=Preferences(tmp_path / "settings.ini"))
    window.show()
    try:
        qtbot.waitUntil(lambda: window.loop.newest is not None and window.loop.newest.epoch > 5, timeout=20_000)
        assert window.loop.newest.status in (Status.RUNNING, Status.FINISHED)
        assert window.focusWidget() is window.bar.play_button
    finally:
        window.close()


def test_play_and_pause(driver):
    button = driver.window.bar.play_button
    driver.qtbot.mouseClick(button, Left)
    driver.until(lambda: driver.status_is(Status.RUNNING) and driver.snapshot.epoch > 1)
    assert "Pause" in button.toolTip()
    driver.qtbot.mouseClick(button, Left)
    driver.until(lambda: driver.status_is(Status.PAUSED))
    assert "Train" in button.toolTip()
    assert driver.window.bar.epoch_number.text() == f"{int(driver.snapshot.epoch):07,d}"


def test_space_plays_unless_a_field_wants_it(driver):
    driver.canvas.setFocus()
    driver.qtbot.keyClick(driver.window, Qt.Key.Key_Space)
    driver.until(lambda: driver.status_is(Status.RUNNING))
    driver.qtbot.keyClick(driver.window, Qt.Key.Key_Space)
    driver.until(lambda: driver.status_is(Status.PAUSED))


def test_one_step_is_one_batch(driver):
    for steps in (1, 2, 3):
        driver.qtbot.mouseClick(driver.window.bar.step_button, Left)
        driver.until(lambda steps=steps: driver.snapshot.step == steps)
    assert driver.status_is(Status.PAUSED)


def test_reset_gives_the_same_initial_weights_and_undo_the_trained_ones(driver):
    initial = driver.snapshot.parameters.copy()
    driver.train_some()
    trained = driver.snapshot.parameters.copy()
    driver.qtbot.mouseClick(driver.window.bar.reset_button, Left)
    driver.until(lambda: driver.snapshot is not None and driver.snapshot.step == 0)
    assert np.array_equal(driver.snapshot.parameters, initial)
    driver.window.actions_by_name["undo"].trigger()
    driver.until(lambda: driver.snapshot is not None and np.array_equal(driver.snapshot.parameters, trained))


def test_new_weights_come_from_the_next_seed(driver):
    initial = driver.snapshot.parameters.copy()
    driver.window.actions_by_name["new_weights"].trigger()
    driver.settle()
    assert driver.experiment.network.seed == 1
    assert not np.array_equal(driver.snapshot.parameters, initial)


@pytest.mark.parametrize("title", ["1", "5", "20", "60", "Max"])
def test_every_speed(driver, title):
    pick(driver.window.bar.speed, title)
    speeds = {"1": 1 / 60, "5": 5 / 60, "20": 20 / 60, "60": 1.0, "Max": None}
    assert driver.window.player.speed == speeds[title]
    driver.window.player.play_or_pause()
    driver.until(lambda: driver.snapshot.step > 5)


def test_speed_sets_the_pace(driver):
    pick(driver.window.bar.speed, "5")
    driver.window.player.play_or_pause()
    driver.qtbot.wait(1500)
    slow = driver.snapshot.epoch
    pick(driver.window.bar.speed, "Max")
    driver.qtbot.wait(1500)
    assert 3 <= slow <= 9
    assert driver.snapshot.epoch > 5 * slow


@pytest.mark.parametrize("title", ["0.0001", "0.003", "0.1", "3"])
def test_every_kind_of_learning_rate(driver, title):
    pick(driver.window.bar.learning_rate, title)
    assert driver.experiment.training.optimizer.learning_rate == float(title)


def test_a_typed_learning_rate(driver):
    type_number(driver.qtbot, driver.window.bar.learning_rate, "0,0125")
    assert driver.experiment.training.optimizer.learning_rate == 0.0125
    assert driver.window.bar.learning_rate.box.lineEdit().text() == "0.0125"


def test_a_rate_that_cannot_be_is_refused_in_a_sentence_and_the_old_one_stays(driver):
    type_number(driver.qtbot, driver.window.bar.learning_rate, "-5")
    assert driver.experiment.training.optimizer.learning_rate == 0.02
    assert "learning_rate" in driver.window.banner.text
    assert driver.window.bar.learning_rate.box.lineEdit().text() == "0.02"
    type_number(driver.qtbot, driver.window.bar.learning_rate, "fast")
    assert driver.window.bar.learning_rate.box.lineEdit().text() == "0.02"


@pytest.mark.parametrize("name", [name for name, record in ACTIVATIONS.items() if record.hidden])
def test_every_activation_for_all_layers_keeps_the_weights(driver, name):
    driver.train_some()
    step, weights = driver.snapshot.step, driver.snapshot.parameters.copy()
    before = driver.experiment
    pick(driver.window.bar.activation, ACTIVATIONS[name].title)
    driver.settle()
    assert all(layer.activation == name for layer in driver.experiment.network.layers)
    assert driver.snapshot.step == step
    assert np.array_equal(driver.snapshot.parameters, weights)
    # Of what was chosen already nothing is said.
    assert ("kept" in driver.window.status.text) == (driver.experiment != before)
    assert (driver.experiment != before) == (name != "tanh")


@pytest.mark.parametrize(
    ("data", "loss"),
    [
        (d, n)
        for d, t in (("circle", "binary"), ("iris", "multiclass"), ("plane", "regression"))
        for n, r in LOSSES.items()
        if t in r.tasks
    ],
)
def test_every_loss_that_fits(open_window, data, loss):
    driver = open_window(data)
    box = driver.window.bar.loss
    index = box.values.index(loss)
    box.box.setCurrentIndex(index)
    box.box.activated.emit(index)
    assert driver.experiment.training.loss == loss, driver.window.banner.text
    driver.train_some()
    assert np.isfinite(driver.snapshot.history.last()["train_loss"])


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer(driver, name):
    pick(driver.window.bar.optimizer, OPTIMIZERS[name].title)
    assert record_of(driver.experiment.training.optimizer).name == name
    assert driver.experiment.training.optimizer.learning_rate == 0.02
    driver.train_some()


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_both_penalties(driver, penalty):
    pick(getattr(driver.window.bar, penalty), "0.003")
    assert getattr(driver.experiment.training, penalty) == 0.003
    driver.train_some()


def test_divergence_stops_the_run_and_offers_a_tenth_of_the_rate(open_window):
    driver = open_window("plane")
    pick(driver.window.bar.optimizer, "SGD")
    type_number(driver.qtbot, driver.window.bar.learning_rate, "900")
    driver.window.player.play_or_pause()
    driver.until(lambda: driver.status_is(Status.DIVERGED))
    assert np.isfinite(driver.snapshot.parameters).all()
    driver.until(lambda: driver.window.banner.kind == "diverged")
    text = driver.window.banner.text
    assert text == driver.snapshot.error and "epoch" in text and "batch" in text and "learning rate" in text
    good = driver.snapshot.parameters.copy()
    offer = driver.window.banner.offers[0]
    assert offer.text() == "Take a tenth of the rate"
    driver.qtbot.mouseClick(offer, Left)
    assert driver.experiment.training.optimizer.learning_rate == 90
    driver.until(lambda: driver.snapshot is not None and driver.snapshot.run.experiment == driver.experiment)
    assert np.isfinite(good).all()


def test_after_a_divergence_one_click_trains_on_from_the_last_good_weights(open_window):
    driver = open_window("plane")
    pick(driver.window.bar.optimizer, "SGD")
    type_number(driver.qtbot, driver.window.bar.learning_rate, "3")
    driver.window.player.play_or_pause()
    driver.until(lambda: driver.window.banner.kind == "diverged")
    loss = driver.snapshot.history.last()["train_loss"]
    rate, clicks = driver.experiment.training.optimizer.learning_rate, 0
    while rate > 0.02 and driver.window.banner.kind == "diverged":
        driver.qtbot.mouseClick(driver.window.banner.offers[0], Left)
        rate, clicks = driver.experiment.training.optimizer.learning_rate, clicks + 1
        driver.until(lambda: driver.status_is(Status.FINISHED) or driver.window.banner.kind == "diverged")
    assert clicks and driver.status_is(Status.FINISHED) and driver.window.banner.text == ""
    assert np.isfinite(loss)
    assert driver.snapshot.history.last()["train_loss"] < loss
    assert driver.experiment.training.optimizer.learning_rate == pytest.approx(3 / 10**clicks)
    for _ in range(clicks):
        driver.window.actions_by_name["undo"].trigger()
    assert driver.experiment.training.optimizer.learning_rate == 3


def test_a_long_sentence_in_the_banner_is_wrapped_and_nothing_is_cut(driver):
    banner = driver.window.banner
    sentence = (
        "A value of layer 12 'hidden' weight stopped being a finite number in epoch 1,234, batch 56: the steps were too large: "
        "hidden.weight has grown to 3.4e+38 at a learning rate of 900. Go back to the last good weights with a learning rate of "
        "90. The last good weights are kept."
    )
    banner.show_message("diverged", sentence, ("Take a tenth of the rate", lambda: None))
    driver.qtbot.wait(50)
    label, button = banner.label, banner.offers[0]
    assert driver.window.width() == 1280
    assert label.height() >= label.heightForWidth(label.width()), "all lines are seen"
    assert label.height() > 1.5 * label.fontMetrics().height(), "it takes more than one"
    assert button.width() >= button.sizeHint().width()
    assert banner.geometry().right() < driver.window.width()
    assert driver.panels.geometry().top() >= banner.geometry().bottom()


@pytest.mark.parametrize(("row", "rate", "offers"), [(0, 0.1, 1), (7, 0.1, 0), (0, 0.0, 0)])
def test_a_smaller_rate_is_offered_only_where_it_helps(driver, row, rate, offers):
    """Not where a row of the data is bad, nor where the first weights were."""
    news, banner = driver.window.news, driver.window.banner
    trouble = Trouble("activation", "layers.0", "", 1, 1, row, "it is too large.", rate)
    news.show(Snapshot(10**6, Status.DIVERGED, error=trouble.sentence, trouble=trouble))
    assert banner.kind == "diverged" and len(banner.offers) == offers
    news.show(Snapshot(10**6, Status.RUNNING))
    assert banner.text == ""


def test_early_stopping_says_so_as_a_tip(open_window):
    driver = open_window("gauss")
    driver.window.document.edit("stop", {"training.early_stopping": EarlyStopping(patience=2, min_delta=0.5)})
    driver.settle()
    driver.window.player.play_or_pause()
    driver.until(lambda: driver.status_is(Status.FINISHED) and driver.window.banner.text)
    assert driver.window.banner.kind == "tip"
    assert driver.window.banner.text == driver.snapshot.stopped and "weights are those of epoch" in driver.snapshot.stopped
    assert "early" in driver.window.status.state.text()
    driver.window.player.play_or_pause()
    driver.until(lambda: driver.status_is(Status.RUNNING) or driver.snapshot.step > 0)
    driver.qtbot.mouseClick(driver.window.bar.reset_button, Left)
    driver.until(lambda: driver.snapshot is not None and driver.snapshot.step >= 0 and driver.window.banner.text == "")


def test_every_edit_can_be_undone_and_redone(driver):
    before = driver.experiment
    pick(driver.window.bar.learning_rate, "0.1")
    pick(driver.window.bar.optimizer, "SGD")
    driver.qtbot.mouseClick(driver.canvas.headers[0].more_button, Left)
    after = driver.experiment
    for _ in range(3):
        driver.window.actions_by_name["undo"].trigger()
    assert driver.experiment == before
    assert not driver.window.actions_by_name["undo"].isEnabled()
    for _ in range(3):
        driver.window.actions_by_name["redo"].trigger()
    assert driver.experiment == after
    driver.settle()


def test_undo_of_a_structural_edit_brings_the_trained_weights_back(driver):
    driver.train_some()
    trained = driver.snapshot.parameters.copy()
    driver.qtbot.mouseClick(driver.canvas.headers[0].more_button, Left)
    driver.settle()
    assert "starts again" in driver.window.status.text
    driver.window.actions_by_name["undo"].trigger()
    driver.settle()
    assert np.array_equal(driver.snapshot.parameters, trained)


def test_light_and_dark(driver):
    driver.window.set_theme("light")
    driver.qtbot.mouseClick(driver.window.bar.theme_button, Left)
    assert driver.window.theme.palette.name == "dark"
    assert driver.window.preferences.theme == "dark"
    dark = driver.window.grab().toImage().pixelColor(300, 300).lightness()
    for mode in ("theme_light", "theme_system", "theme_light"):
        driver.window.actions_by_name[mode].trigger()
    assert driver.window.theme.palette.name == "light"
    light = driver.window.grab().toImage().pixelColor(300, 300).lightness()
    assert light > dark + 100


@pytest.mark.parametrize("action", ["help", "shortcuts", "about"])
def test_the_help_pages_open_and_close(driver, action):
    driver.window.actions_by_name[action].trigger()
    dialogs = [widget for widget in driver.window.findChildren(QDialog) if widget.isVisible()]
    assert len(dialogs) == 1
    dialogs[0].reject()
    assert not dialogs[0].isVisible()


def test_the_help_button_opens_the_walk(driver):
    driver.qtbot.mouseClick(driver.window.bar.help_button, Left)
    assert any(dialog.isVisible() for dialog in driver.window.findChildren(QDialog))


@pytest.mark.parametrize("panel", SWITCHED, ids=lambda panel: panel.name)
def test_every_panel_hides_and_comes_back(driver, panel):
    name, card = panel.action, driver.panels.cards[panel.card_name]
    driver.window.actions_by_name[name].trigger()
    assert not card.isVisible()
    driver.window.actions_by_name[name].trigger()
    assert card.isVisible()


def test_full_screen_and_back(driver):
    driver.window.actions_by_name["full_screen"].trigger()
    assert driver.window.isFullScreen()
    driver.window.actions_by_name["full_screen"].trigger()
    assert not driver.window.isFullScreen()


def test_what_is_under_the_pointer_is_explained_at_the_bottom(driver):
    driver.qtbot.mouseMove(driver.window.bar.step_button)
    driver.window.status.show_hint(driver.window.bar.step_button.statusTip())
    assert "single batch" in driver.window.status.text


def test_every_control_has_a_name_and_a_sentence(driver):
    from PySide6.QtWidgets import QAbstractButton, QComboBox

    for widget in driver.window.findChildren(QAbstractButton) + driver.window.findChildren(QComboBox):
        if widget.isVisible() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert widget.accessibleName() or widget.text(), widget
            assert widget.toolTip(), (widget, widget.accessibleName())


def test_the_settings_stand_in_the_data_panels_place_and_give_it_back(driver):
    settings, data = driver.panels.settings, driver.panels.data
    assert data.isVisible() and not settings.isVisible()
    width = driver.panels.cards["network"].width()
    driver.qtbot.mouseClick(driver.window.bar.settings_button, Left)
    assert settings.isVisible() and not data.isVisible()
    driver.qtbot.wait(50)
    assert driver.panels.cards["network"].width() == width
    driver.qtbot.keyClick(settings, Qt.Key.Key_Escape)
    assert data.isVisible() and not settings.isVisible()
    assert not driver.window.actions_by_name["settings"].isChecked()


def test_a_data_panel_that_was_hidden_stays_hidden_behind_the_settings(driver):
    driver.window.actions_by_name["panel_data"].trigger()
    driver.window.actions_by_name["settings"].trigger()
    driver.window.actions_by_name["settings"].trigger()
    assert not driver.panels.data.isVisible()
    driver.window.actions_by_name["settings"].trigger()
    driver.window.actions_by_name["panel_data"].trigger()
    assert driver.panels.data.isVisible() and not driver.panels.settings.isVisible()
    assert not driver.window.actions_by_name["settings"].isChecked()


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("learning_rate", "training.schedule"),
        ("activation", "network.layers"),
        ("loss", "training.loss"),
        ("optimizer", "training.optimizer"),
        ("l1", "training.l1"),
        ("l2", "training.l2"),
    ],
)
def test_each_caption_of_the_bar_leads_to_its_settings(driver, setting, path):
    driver.qtbot.mouseClick(getattr(driver.window.bar, setting).caption, Left)
    settings = driver.panels.settings
    row = settings.page.row_at(path)
    driver.until(lambda: row.visibleRegion().contains(row.rect().center()))
    driver.window.actions_by_name["settings"].setChecked(False)


def test_the_settings_of_a_lane_open_at_its_title_and_train_on(driver):
    driver.train_some()
    step = driver.snapshot.step
    driver.qtbot.mouseClick(driver.canvas.headers[0].title, Left)
    settings = driver.panels.settings
    assert settings.isVisible() and settings.title.text() == "Layer 1: Dense"
    pick(settings.page.choice.form.rows["activation"].editor, "Sine")
    driver.settle()
    assert driver.experiment.network.layers[0].activation == "sine"
    assert driver.snapshot.step == step and "kept" in driver.window.status.text
    assert driver.canvas.headers[0].activation.currentText() == "Sine"
    driver.window.actions_by_name["settings"].setChecked(False)


def test_the_outputs_box_says_why_and_warns(open_window):
    driver = open_window("multilabel")
    box = driver.canvas.output_box
    assert TASKS["multilabel"].reason in box.toolTip().replace("\n", " ") and "two labels" not in box.toolTip().replace("\n", " ")
    pick(box, "Softmax")
    assert driver.experiment.network.output_activation == "softmax"
    assert "two labels" in box.toolTip().replace("\n", " ")
    assert "two labels" in driver.panels.warning.text()


def test_hinge_is_chosen_with_an_output_it_works_with(driver):
    pick(driver.window.bar.loss, "Hinge")
    assert driver.experiment.training.loss == "hinge"
    assert driver.experiment.network.output_activation in LOSSES["hinge"].outputs
    driver.train_some()
    assert np.isfinite(driver.snapshot.history.last()["train_loss"])


def test_the_activation_list_shows_a_plot_of_each(driver):
    box = driver.window.bar.activation.box
    assert box.itemIcon(0).isNull()
    box.showPopup()
    pictures = [box.itemIcon(index).pixmap(44, 26).toImage() for index in range(box.count())]
    box.hidePopup()
    assert all(not picture.isNull() for picture in pictures)
    assert all(pictures[i] != pictures[j] for i in range(len(pictures)) for j in range(i))
