"""The status line says what computes, and once what is wrong with it."""

from playground.gui.status_line import StatusLine
from playground.gui.theme import Theme


def test_it_names_the_backend_and_its_threads(qtbot, qapp):
    line = StatusLine(Theme())
    qtbot.addWidget(line)
    line.show_backend("cpu", 1, "")
    assert line._backend.text() == "Numba, 1 thread"
    line.show_backend("cpu", 3, "")
    assert line._backend.text() == "Numba, 3 threads"
    line.show_backend("reference", 1, "")
    assert line._backend.text().startswith("NumPy")
    assert line.text == ""


def test_a_notice_about_the_kernels_is_said_once_and_stays_in_the_tooltip(qtbot, qapp):
    line = StatusLine(Theme())
    qtbot.addWidget(line)
    line.show_backend("cpu", 1, "They are compiled anew.")
    assert line.text == "They are compiled anew."
    line.clear_notice()
    line.show_backend("cpu", 1, "They are compiled anew.")
    assert line.text == ""
    assert line._backend.toolTip() == "They are compiled anew."
