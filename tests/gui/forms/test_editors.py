"""Number fields by key, numbers as people write them, and the plots beside the choices."""

import numpy as np
import pytest
from PySide6.QtCore import Qt

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.schedules import SCHEDULES
from playground.experiment.fields import (
    Number,
)
from playground.gui.forms.curves import activation_curves, activation_picture, schedule_curve, schedule_picture
from playground.gui.widgets.number_field import NumberField, number_of
from playground.gui.widgets.theme import Theme


def test_arrow_keys_step_and_escape_takes_back(qtbot):
    field = NumberField(Theme("light"), Number(whole=False, low=0, high=10))
    qtbot.addWidget(field)
    chosen = []
    field.chosen.connect(chosen.append)
    field.show_value(0.003)
    qtbot.keyClick(field, Qt.Key.Key_Up)
    qtbot.keyClick(field, Qt.Key.Key_Down)
    assert chosen == [0.0031, 0.003]
    field.selectAll()
    qtbot.keyClicks(field, "9")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "0.003" and len(chosen) == 2


@pytest.mark.parametrize(
    ("text", "whole", "value"),
    [
        ("0,5", False, 0.5),
        ("−1", False, -1),
        ("4,096", True, 4096),
        ("1e-8", False, 1e-8),
        ("x", False, None),
        ("inf", False, None),
    ],
)
def test_numbers_as_people_write_them(text, whole, value):
    assert number_of(text, whole) == value


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_the_plots_show_the_functions_themselves(qapp, name):
    record = ACTIVATIONS[name]
    parameter = record.parameters[0].default if record.parameters else 0.0
    z, value, slope = activation_curves(name, parameter)
    if slope is not None:
        # Where a function has a bend its slope is that of one of its sides, or lies between them.
        step = 1e-6
        left, right = (
            (np.asarray(record.array(z + end, parameter)) - np.asarray(record.array(z + end - step, parameter))) / step
            for end in (0.0, step)
        )
        assert (slope >= np.minimum(left, right) - 1e-5).all() and (slope <= np.maximum(left, right) + 1e-5).all()
        assert np.array_equal(value, np.asarray(record.array(z, parameter)))
    light = activation_picture(Theme("light"), name, parameter, 44, 26)
    assert activation_picture(Theme("light"), name, parameter, 44, 26) is light
    dark = activation_picture(Theme("dark"), name, parameter, 44, 26)
    assert light.toImage() != dark.toImage()
    assert len({light.toImage().pixel(x, y) for x in range(88) for y in range(52)}) > 8


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_the_schedules_plot_ends_where_the_schedule_does(qapp, name):
    spec = SCHEDULES[name].spec()
    at, factor = schedule_curve(spec, 40)
    assert at[0] == 0 and at[-1] == 40
    assert (name == "constant") == (np.ptp(factor) == 0)
    assert not schedule_picture(Theme("light"), spec, 40, 200, 60).isNull()
