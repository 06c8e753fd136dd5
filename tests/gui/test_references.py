"""PySide6 6.12.0 loses a reference to None on most calls before Python 3.12; such a build must never be used."""

import gc
import sys

from PySide6.QtCore import QPointF, QRectF, QTimer
from PySide6.QtWidgets import QLabel


def test_references_to_none_and_true_stay_put_over_a_thousand_calls(qapp):
    label, timer = QLabel("x"), QTimer()

    def calls():
        for number in range(1000):
            label.setText(str(number))
            label.setVisible(False)
            label.setToolTip("a")
            label.update()
            timer.setInterval(number)
            QRectF(0, 0, 1, 1).contains(QPointF(0.5, 0.5))

    calls()
    gc.collect()
    before = sys.getrefcount(None), sys.getrefcount(True)
    calls()
    gc.collect()
    after = sys.getrefcount(None), sys.getrefcount(True)
    if sys.version_info >= (3, 12):
        # None is immortal there: its count never changes, so nothing can be lost.
        assert after == before
    else:
        assert abs(after[0] - before[0]) < 50
        assert abs(after[1] - before[1]) < 50


def test_a_window_full_of_calls_loses_no_reference(driver):
    driver.train_some()
    gc.collect()
    before = sys.getrefcount(None)
    for _ in range(40):
        driver.window.loop._shown_by.clear()
        driver.window.loop.poll()
        driver.window.grab()
    gc.collect()
    assert sys.getrefcount(None) > before - 1000
