"""Whatever fails while a widget is painted is told once; the picture stays as far as it is, and nothing goes round in circles."""

import sys

import pytest
from PySide6.QtWidgets import QWidget

from playground.gui.widgets.controls import painting

pytestmark = pytest.mark.window


class Failing(QWidget):
    """Fails in two places, one after the other, each time it is painted."""

    places = ("first",)

    def paintEvent(self, _event):
        with painting(self) as painter:
            painter.fillRect(self.rect(), 0xFF123456)
            if "first" in self.places:
                raise IndexError("first")
            raise KeyError("second")


def test_a_failure_is_told_once_for_each_widget_and_place(qtbot, monkeypatch):
    told = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: told.append((kind, str(error), trace)))
    widget, other = Failing(), Failing()
    for each in (widget, other):
        qtbot.addWidget(each)
        each.resize(20, 20)
    for _ in range(5):
        picture = widget.grab().toImage()
    assert [(kind, words) for kind, words, _ in told] == [(IndexError, "first")]
    assert told[0][2].tb_frame.f_code.co_name == "painting", "the hook gets the whole traceback"
    assert picture.pixelColor(10, 10).rgb() == 0xFF123456, "what was painted before stays"
    widget.places = ()
    for _ in range(3):
        widget.grab()
    assert [kind for kind, _, _ in told] == [IndexError, KeyError], "another place is another failure"
    other.grab()
    assert [kind for kind, _, _ in told] == [IndexError, KeyError, IndexError]
