"""Names from people's files are shown as they stand: no tag in them is taken for formatting, no ampersand for a key."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QFont, QFontMetrics
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QMenu,
    QMessageBox,
    QTableView,
    QToolTip,
    QWidget,
)

from playground.gui.data.file_page import MOST_NAME_ROOM
from playground.gui.widgets.controls import TextLabel
from playground.gui.widgets.names import LETTERS, LINES, elided, on_button, one_line, tip

ROWS = 60
# What a label, a button, a menu or a tooltip might take for something else.
ODD = ("<b>x</b> & <img src=x>", "a & b", "&&", "<a href='/'>y</a>", "&lt;z&gt;", "[*]", "100% {0} %1 %s", "<!--")
# What breaks a line, moves the pen or turns what comes after it; and what is long.
BROKEN = ("one\ntwo", "tab\there", "\u202eback to front", "\u05d0\u05d1", "\u200bnothing", "W" * 190, "\U0001f600" * 40)


def table_of(folder, names, classes, task="classes"):
    """A table whose columns have these names, the last of them the target."""
    rng = np.random.default_rng(0)
    quoted = [f'"{name}"' for name in (*names, "<i>answer</i>")]
    lines = [",".join(quoted)]
    for row in range(ROWS):
        target = f'"{classes[row % len(classes)]}"' if task == "classes" else f"{rng.normal():.3f}"
        lines.append(",".join([*(f"{value:.3f}" for value in rng.normal(size=len(names))), target]))
    path = folder / "<b>t & [*].csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def driver_with(open_window, tmp_path):
    """Opens a table in the window and has it shown."""

    def make(names=ODD, classes=ODD[:3], task="classes"):
        driver = open_window("circle")
        driver.window.open_path(table_of(tmp_path, names, classes, task))
        assert driver.window.banner.text == ""
        driver.settle()
        return driver

    return make


def walk(window):
    """Every widget of the window with its text and its tooltip."""
    for widget in window.findChildren(QWidget):
        text = getattr(widget, "text", "")
        yield widget, text() if callable(text) else text, widget.toolTip()


def check_nothing_is_rich(window):
    for widget, text, _ in walk(window):
        if isinstance(widget, QLabel) and text:
            assert widget.textFormat() is Qt.TextFormat.PlainText, text
        if isinstance(widget, QAbstractButton):
            assert "&" not in widget.text().replace("&&", ""), widget.text()


def said(window):
    """All texts that the window shows anywhere."""
    found = []
    for widget, text, tooltip in walk(window):
        found += [text, tooltip, widget.accessibleName(), widget.statusTip()]
        if isinstance(widget, QComboBox):
            found += [widget.itemText(index) for index in range(widget.count())]
        if isinstance(widget, QTableView):
            model = widget.model()
            found += [model.headerData(column, Qt.Orientation.Horizontal) or "" for column in range(model.columnCount())]
            found += [model.data(model.index(row, 1)) or "" for row in range(model.rowCount())]
    return "\n".join(found)


def test_every_name_is_shown_whole_and_none_is_taken_for_formatting(driver_with):
    driver = driver_with()
    window = driver.window
    window.panels.output_pages.buttons["metrics"].click()
    driver.until(lambda: window.panels.report.shown is not None)
    check_nothing_is_rich(window)
    shown = said(window)
    for name in (*ODD, "<i>answer</i>"):
        assert name in shown, name
    for name in ODD[:3]:
        assert name in {label.toolTip() for label in window.panels.report.each.findChildren(QLabel)}, name
    page = window.panels.data.file_page
    assert page.name.toolTip() == "<b>t & [*].csv"
    assert [page.column_boxes[name].text() for name in ODD[:3]] == [
        "<b>x</b> && <img src=x>",
        "a && b",
        "&&&&",
    ]
    assert page.target.box.currentText() == "<i>answer</i>"
    assert driver.canvas.painter.node_name(0, 0) == ODD[0]
    window.grab()


def test_a_tooltip_shows_its_text_as_it_stands(driver):
    QToolTip.showText(QPoint(20, 20), ODD[0], driver.window)
    tips = [widget for widget in QApplication.topLevelWidgets() if widget.metaObject().className() == "QTipLabel"]
    assert [(label.text(), label.textFormat()) for label in tips if label.isVisible()] == [(ODD[0], Qt.TextFormat.PlainText)]
    assert not any("<p>" in tooltip for _, _, tooltip in walk(driver.window)), "tooltips of our own have no tags to be shown"
    QToolTip.hideText()


def test_the_banner_and_its_buttons_show_names_as_they_stand(driver, tmp_path):
    path = tmp_path / "table.csv"
    rows = "\n".join(f"{row},w{row},{row % 2}" for row in range(ROWS))
    path.write_text(f"flow,<b>note</b> & more,state\n{rows}\n")
    driver.window.open_path(path)
    banner = driver.window.banner
    assert "<b>note</b> & more" in banner.label.text()
    assert banner.label.textFormat() is Qt.TextFormat.PlainText
    assert [button.text() for button in banner.offers] == ["Leave out <b>note</b> && more"]
    assert banner.offers[0].toolTip() == banner.offers[0].accessibleName() == "Leave out <b>note</b> & more"
    driver.qtbot.mouseClick(banner.offers[0], Qt.MouseButton.LeftButton)
    assert driver.experiment.data.source.ignore == ("<b>note</b> & more",)


def test_a_message_box_shows_its_text_as_it_stands(qtbot, driver):
    box = QMessageBox(QMessageBox.Icon.Question, "Title", f"Save {ODD[0]}?", parent=driver.window)
    qtbot.addWidget(box)
    box.setInformativeText(ODD[3])
    box.show()
    labels = [label for label in box.findChildren(QLabel) if label.text()]
    assert {label.text() for label in labels} == {f"Save {ODD[0]}?", ODD[3]}
    assert {label.textFormat() for label in labels} == {Qt.TextFormat.PlainText}


def test_the_window_is_called_as_the_file_is(driver, tmp_path, monkeypatch):
    path = tmp_path / "a [*] & <b>.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    driver.window.files.save_as()
    driver.window._show_title()
    assert driver.window.windowTitle() == "a [*][*] & <b>.json[*] — Neural Playground"
    menu = QMenu()
    driver.window.files.fill_recent(menu)
    actions: list[QAction] = menu.actions()
    assert actions[0].text() == "a [*] && <b>.json"


def test_names_that_break_lines_turn_around_or_never_end_leave_everything_in_its_place(driver_with):
    """As wide as with names of one letter: rails, cards and lists; and everything can be painted and pointed at."""
    places = ("data", "network", "output", "probe")

    def geometry(driver):
        window = driver.window
        window.panels.output_pages.buttons["metrics"].click()
        driver.until(lambda: window.panels.report.shown is not None)
        window.grab()
        return {name: (card.x(), card.width()) for name, card in window.panels.cards.items() if name in places}

    usual = geometry(driver_with(tuple("abcdefg"), tuple("xyz")))
    driver = driver_with(BROKEN, BROKEN[:3])
    assert geometry(driver) == usual
    page = driver.panels.data.file_page
    for box in page.column_boxes.values():
        assert "\n" not in box.text() and box.sizeHint().width() < MOST_NAME_ROOM + 40
    driver.panels.output_pages.buttons["output"].click()
    for name, view in driver.panels.views.items():
        tooltip = view.toolTip()
        assert len(tooltip) <= LETTERS * LINES and tooltip.count("\n") < LINES, name
    canvas = driver.canvas
    for node in range(canvas.lanes[0].shown):
        canvas.pointed_node = (0, node)
        canvas.grab()
    driver.window.grab()


def test_many_targets_make_no_tooltip_higher_than_the_screen(driver):
    outputs = driver.panels.outputs
    from playground.gui.views.outputs import Bar

    color = driver.window.theme.color("accent")
    outputs.bars.show_bars([Bar(f"class\n{number}", 0.5, "50 %", None, color) for number in range(300)])
    assert outputs.bars.toolTip().count("\n") == LINES - 1 and outputs.bars.toolTip().endswith("…")
    assert outputs.bars.toolTip().startswith("class 0: 50 %\nclass 1: 50 %\n")


@pytest.mark.parametrize(
    "name, shown",
    [
        ("plain", "plain"),
        ("a\nb\tc\rd\x00e\x7ff", "a b c d e f"),
        ("\u202eabc\u2066d\u2028e", " abc d e"),
        ("two  spaces", "two  spaces"),
        ("café 😀 \u05d0", "café 😀 \u05d0"),
    ],
)
def test_a_name_in_one_line(name, shown):
    assert one_line(name) == shown
    assert on_button(name) == shown


def test_a_long_name_loses_its_middle_before_it_is_measured(qapp):
    name = "a" * 50_000 + "b" * 50_000
    assert len(one_line(name)) == LETTERS and one_line(name)[0] == "a" and one_line(name)[-1] == "b"
    metrics = QFontMetrics(QFont())
    assert metrics.horizontalAdvance(elided(metrics, name, 100)) <= 100
    assert len(tip([name] * 1000)) < LETTERS * LINES + LINES


def test_a_long_word_does_not_widen_what_stands_around_it(qtbot, driver):
    label = TextLabel(driver.window.theme, "W" * 5000, wordWrap=True)
    qtbot.addWidget(label)
    assert label.minimumSizeHint().width() > 1000 > label.minimumWidth() > 0
