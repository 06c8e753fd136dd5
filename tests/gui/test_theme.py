"""Light and dark: everything follows a switch, and a switch touches few widgets."""

import re

import pytest
from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QLabel,
    QLineEdit,
    QMenu,
    QMenuBar,
    QProgressBar,
    QPushButton,
    QTableView,
    QTextBrowser,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from playground.experiment.fields import Number
from playground.gui.banner import Banner
from playground.gui.canvas.lane_controls import LaneHeader, ParameterField
from playground.gui.widgets import style
from playground.gui.widgets.choices import ChoiceBox, LabeledCombo, Segmented
from playground.gui.widgets.controls import Card, IconButton, TextLabel, scroll_area
from playground.gui.widgets.number_field import NumberField
from playground.gui.widgets.theme import DARK, LIGHT, ROLES, Theme, role

pytestmark = pytest.mark.window


@pytest.fixture
def theme(qapp, shared_window):
    """A theme of its own that begins light; the shared window's look is put back."""
    made = Theme("light")
    made.apply()
    yield made
    made.mode, made.palette = "light", LIGHT
    made.apply()


def one_of_each(theme):
    """A widget of every kind that the sheet or the palette colors, in states that have colors of their own."""
    ground = Card(theme, "Card")
    wrong = NumberField(theme, Number(False, 0.0, 1.0))
    wrong.setText("abc")
    wrong.textEdited.emit("abc")
    banner, tip = Banner(theme), Banner(theme)
    banner.show_message("error", "What went wrong.", ("Mend it", lambda: None))
    tip.show_message("tip", "Nothing went wrong.")
    pages = Segmented(theme, [("a", "One", ""), ("b", "Two", "")], "Pages")
    pages.set_value("b")
    off = QPushButton("Off", enabled=False)
    header = LaneHeader(theme, ground)
    field = ParameterField(theme, ground)
    header.move(0, 0)
    field.move(120, 0)
    table = QTableView()
    table.setModel(QStringListModel([f"line {number}" for number in range(40)], table))
    table.selectRow(1)
    table.verticalHeader().hide()
    bar = QMenuBar()
    bar.addMenu("File")
    tall = scroll_area(QLabel("\n".join("scrolled" * 3 for _ in range(80))))
    tall.setFixedHeight(60)
    box = LabeledCombo(theme, "Rate", [(1, "1", "")], "", editable_number=True)
    box.set_value(1)
    labels = [TextLabel(theme, token, color=token) for token in ("text", "text_muted", "text_faint", "bad", "accent")]
    progress = QProgressBar(value=40)
    for widget in (
        *labels, wrong, banner, tip, pages, off, QPushButton("On"), QLineEdit("words"), IconButton(theme, "play", ""),
        IconButton(theme, "play", "", primary=True), table, bar, tall, box, progress, QTextBrowser(plainText="browser"),
        QCheckBox("check"), ChoiceBox(theme, "Choice", ""),
    ):  # fmt: skip
        ground.body.addWidget(widget)
    ground.resize(420, 1300)
    return ground


def picture(qtbot, widget):
    widget.show()
    qtbot.waitExposed(widget)
    widget.setFocus()
    QApplication.processEvents()
    return widget.grab().toImage()


def test_what_was_made_in_one_theme_looks_after_a_switch_as_if_it_had_been_made_in_the_other(qtbot, theme):
    switched = one_of_each(theme)
    qtbot.addWidget(switched)
    light = picture(qtbot, switched)
    theme.set_mode("dark")
    dark = picture(qtbot, switched)
    made_dark = one_of_each(theme)
    qtbot.addWidget(made_dark)
    assert picture(qtbot, made_dark) == dark
    theme.set_mode("light")
    assert picture(qtbot, switched) == light != dark
    assert picture(qtbot, made_dark) == light


def test_a_widget_that_is_hidden_meanwhile_follows_as_well(qtbot, theme):
    widget = one_of_each(theme)
    qtbot.addWidget(widget)
    light = picture(qtbot, widget)
    widget.hide()
    theme.set_mode("dark")
    theme.set_mode("light")
    assert picture(qtbot, widget) == light


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=lambda colors: colors.name)
def test_a_menu_follows(qtbot, theme, colors):
    menu = QMenu()
    qtbot.addWidget(menu)
    menu.addAction("One")
    menu.addAction("Two").setEnabled(False)
    picture(qtbot, menu)
    theme.set_mode("dark" if colors is DARK else "light")
    shown = picture(qtbot, menu)
    assert shown.pixelColor(menu.width() - 8, 8).name() == colors.surface.lower()


def test_a_label_is_in_the_color_of_its_role_in_either_theme(qtbot, theme):
    for colors in (DARK, LIGHT):
        theme.set_mode(colors.name)
        for token in ("text", "text_muted", "text_faint", "accent", "bad"):
            label = TextLabel(theme, "words", color=token)
            qtbot.addWidget(label)
            assert label.palette().color(label.foregroundRole()).name() == getattr(colors, token).lower()
        assert QToolTip.palette().color(role("tip")).name() == colors.tip.lower()


def test_each_role_stands_for_one_color():
    roles = [each for several in ROLES.values() for each in several]
    assert len(roles) == len(set(roles))


def test_a_switch_polishes_what_the_sheet_colors_and_nothing_else(driver, monkeypatch):
    """Polishing is what a switch costs: labels, check boxes and pictures follow by themselves, however many there are."""
    polished = []
    monkeypatch.setattr(style, "polish", lambda widget: polished.append(widget))
    window = driver.window
    window.open_settings("training")
    every = window.findChildren(QWidget)
    window.set_theme("dark")
    own = {id(widget) for widget in every}
    first = [widget for widget in polished if id(widget) in own]
    assert 0 < len(first) < len(every) / 2
    assert all(isinstance(widget, style.STYLED) or widget.objectName() in style.FRAMES for widget in first)
    more = QWidget(window)
    column = QVBoxLayout(more)
    for number in range(300):
        column.addWidget(TextLabel(window.theme, str(number)))
        column.addWidget(QCheckBox(str(number)))
    polished.clear()
    window.set_theme("light")
    assert len([widget for widget in polished if id(widget) in own]) == len(first)
    more.deleteLater()


def test_the_sheet_is_set_once_for_all_themes(driver, monkeypatch):
    """Setting a sheet or a style anew lays every widget out again: a third of a millisecond each."""
    calls = []
    for name in ("setStyleSheet", "setStyle"):
        monkeypatch.setattr(QApplication, name, lambda *_, name=name: calls.append(name))
    driver.window.set_theme("dark")
    driver.window.set_theme("light")
    assert not calls


def test_all_that_the_sheet_colors_is_polished():
    """Each selector with a color names a kind or a frame that `polish_anew` looks for."""
    kinds = {kind.__name__ for kind in style.STYLED}
    kinds |= {"QTableView", "QToolTip"}  # A kind of item view, and what is made each time.
    for selectors, rules in re.findall(r"([^{}]+)\{([^{}]*)\}", style.SHEET):
        if "palette(" not in rules:
            continue
        for selector in selectors.split(","):
            last = re.sub(r"\[[^\]]*\]|::?[\w-]+", "", selector.strip()).split()[-1]
            kind, _, name = last.partition("#")
            assert kind in kinds or name in style.FRAMES, selector


def test_every_color_of_the_sheet_is_a_role_that_qt_knows():
    known = {re.sub(r"(?<!^)(?=[A-Z])", "-", each.name).lower() for several in ROLES.values() for each in several}
    known = {name.replace("tool-tip", "tooltip") for name in known} | {"button"}
    assert set(re.findall(r"palette\(([\w-]+)\)", style.SHEET)) <= known
    assert Qt.TextFormat.PlainText.name in style.SHEET


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_box_that_is_not_ticked_is_seen_in_what_scrolls(qtbot, theme, mode):
    """Its rim is made from the color of the window: what scrolls hands that on, though it lies on the card's own ground."""
    theme.set_mode(mode)
    card, box = Card(theme, "Card"), QCheckBox("")
    qtbot.addWidget(card)
    card.body.addWidget(scroll_area(box))
    card.resize(200, 120)
    shown = picture(qtbot, card)
    corner = box.mapTo(card, box.rect().topLeft())
    tones = {shown.pixelColor(corner.x() + x, corner.y() + box.height() // 2).lightness() for x in range(20)}
    assert max(tones) - min(tones) >= 5, tones
    assert shown.pixelColor(corner.x() + 60, corner.y() + 2).name() == theme.palette.surface.lower()
