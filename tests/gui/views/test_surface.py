"""The picture of the plane: its points where they belong, its surface that of the yes."""

import numpy as np
import pytest

from playground.experiment.edits import with_output_activation
from playground.experiment.presets import preset
from playground.model import TrainedModel
from playground.training import parts


def test_each_point_lies_where_its_coordinates_say(driver):
    """On the baked picture there are points and nothing else: upside down, few of them would be met."""
    plane, data = driver.panels.surface.plane, driver.snapshot.run.data
    side = plane.square().width()
    picture, ratio = plane._bake(side).toImage(), plane.devicePixelRatioF()
    corner = plane.square().topLeft()
    for row in data.train_rows.tolist():
        place = (plane.to_pixels(*data.dataset.features[row].tolist()) - corner) * ratio
        assert picture.pixelColor(int(place.x()), int(place.y())).alpha() == 255, row
    assert (np.abs(data.dataset.features[:, 1]) > 0.1).any()


def test_of_two_softmax_outputs_the_surface_is_that_of_the_yes(open_window):
    driver = open_window("circle")
    driver.window.document.edit("head", experiment=with_output_activation(preset("circle"), "softmax"))
    driver.settle()
    driver.train_some()
    plane, run = driver.panels.surface.plane, driver.snapshot.run
    driver.until(lambda: parts.surface in driver.snapshot.parts)
    plane.show_run(run, driver.snapshot.parts[parts.surface])
    assert run.plan.widths[-1] == 2
    model, size = TrainedModel(run.experiment, driver.snapshot.parameters, run.data.preprocessing), plane._values.shape[0]
    for row, column in ((0, 0), (30, 70), (99, 3)):
        point = ((column + 0.5) / size * 2 - 1) * 6, (1 - (row + 0.5) / size * 2) * 6
        yes = float(model.predict([point])[0, 1])
        assert plane._values[row, column] == pytest.approx(yes, abs=1e-4)
        assert abs(yes - 0.5) > 0.001, "else both outputs are the same"
