"""The numbers that the window shows and saves are those of the weights that it has, whatever becomes of a run."""

import pytest
from msgspec import structs

from playground.catalog.metrics import METRICS
from playground.experiment import FileSource, set_field
from playground.experiment.presets import preset
from playground.formats import safetensors
from playground.insight.evaluation import in_words
from playground.training.protocol import Status, Train
from playground.training.trainer import Trainer


def test_after_a_divergence_in_single_steps_headline_curve_and_export_are_those_of_the_kept_weights(open_window, tmp_path):
    driver = open_window("diabetes")
    # Steps that are far too large for the targets in their own units.
    diverging = set_field(set_field(preset("diabetes"), "training.optimizer", "sgd"), "data.standardize", False)
    diverging = set_field(diverging, "training.optimizer.learning_rate", 2.0)
    driver.window.document.load(diverging)
    driver.settle()
    while not driver.status_is(Status.DIVERGED):
        before = driver.snapshot
        driver.window.session.send(Train(steps=1))
        driver.until(lambda before=before: driver.snapshot is not before and not driver.status_is(Status.RUNNING))
        assert driver.snapshot.step < 200
    shown = driver.snapshot
    own = Trainer(diverging, "reference", shown.parameters).record()
    assert driver.panels.metric_value.text() == in_words(METRICS["rmse"], own["test_rmse"])
    loss = driver.panels.loss
    driver.until(lambda: loss.history is not None and loss.history.length == shown.history.length)
    assert loss.labels["train"].text() == loss.words(own["train_loss"])
    path = tmp_path / "model.safetensors"
    assert driver.window.files.export_path(path)
    saved = safetensors.load(path)
    assert saved.metrics["test_rmse"] == pytest.approx(own["test_rmse"], rel=1e-5)
    assert saved.metrics["train_loss"] == pytest.approx(own["train_loss"], rel=1e-5)
    assert not [name for name in saved.metrics if name.startswith("gradient")]


def test_a_run_that_can_not_start_shows_no_numbers_of_the_one_before_it(driver, tmp_path):
    driver.train_some()
    assert driver.panels.metric_value.text().endswith("%")
    gone = replace_source(driver.experiment, tmp_path / "gone.csv")
    driver.window.document.load(gone)
    driver.until(lambda: driver.status_is(Status.FAILED))
    assert driver.panels.metric_value.text() == "–"
    assert driver.panels.loss.labels["train"].text() == "–"


def replace_source(experiment, path):
    return structs.replace(experiment, data=structs.replace(experiment.data, source=FileSource(path=str(path))))
