"""The bars of a row's outputs: percent where they are probabilities, as the table of predictions has it, else the number."""

import numpy as np
import pytest

from playground.experiment.edits import with_loss, with_output_activation
from playground.experiment.presets import preset
from playground.gui.views.outputs import output_bars
from playground.gui.widgets.theme import Theme
from playground.training.run import plan_run


def texts(experiment, outputs):
    bars = output_bars(plan_run(experiment), np.array(outputs), None, Theme("light"))
    return [bar.text for bar in bars]


@pytest.mark.parametrize(
    ("name", "loss", "activation", "outputs", "shown"),
    [
        ("circle", "binary_cross_entropy", "sigmoid", [0.25], ["75.0 %", "25.0 %"]),
        ("circle", "mean_squared_error", "tanh", [-0.5], ["–", "−0.500"]),
        ("circle", "hinge", "identity", [1.5], ["–", "1.500"]),
        ("iris", "categorical_cross_entropy", "softmax", [0.25, 0.5, 0.25], ["25.0 %", "50.0 %", "25.0 %"]),
        ("iris", "binary_cross_entropy", "sigmoid", [0.9, 0.8, 0.1], ["0.900", "0.800", "0.100"]),
    ],
)
def test_only_probabilities_are_shown_in_percent(qapp, name, loss, activation, outputs, shown):
    experiment = with_output_activation(with_loss(preset(name), loss), activation)
    assert experiment.training.loss == loss
    assert texts(experiment, outputs) == shown
