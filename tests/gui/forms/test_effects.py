"""What tooltips say about the weights, against what the rule finds when each setting is changed."""

import pytest

from playground.experiment import keeps_weights
from playground.experiment.edits import refusal, with_field
from playground.experiment.fields import Number, field_of
from playground.experiment.paths import value_at
from playground.experiment.presets import preset
from playground.gui.forms.effects import effect_of, keeps, others, starts_again

DATA = {
    "noise": "data.source.noise",
    "samples": "data.source.samples",
    "test_share": "data.test_fraction",
    "batch_size": "training.batch_size",
    "epochs": "training.epochs",
    "initializer": "network.initializer",
    "standardize": "data.standardize",
}
BAR = {
    "learning_rate": "training.optimizer.learning_rate",
    "activation": "network.layers.0.activation",
    "loss": "training.loss",
    "optimizer": "training.optimizer",
    "l1": "training.l1",
    "l2": "training.l2",
}


def field_at(experiment, path):
    parent, _, name = path.rpartition(".")
    return field_of(type(value_at(experiment, parent)), name)


def found(experiment, path):
    value = value_at(experiment, path)
    return effect_of(field_at(experiment, path), value, experiment, lambda other: with_field(experiment, path, other))


def tip_of(control):
    part = next((part for part in ("box", "slider") if hasattr(control, part)), None)
    return getattr(control, part).toolTip() if part else control.toolTip()


@pytest.mark.parametrize("name", DATA)
def test_the_data_panel_says_what_the_rule_finds(driver, name):
    effect = found(driver.experiment, DATA[name])
    assert effect and tip_of(getattr(driver.panels.data, name)).endswith(effect)


@pytest.mark.parametrize("task_of", ["circle", "diabetes", "wine"])
def test_the_bar_says_what_the_rule_finds(open_window, task_of):
    driver = open_window(task_of)
    for name, path in BAR.items():
        effect = found(driver.experiment, path)
        assert effect and tip_of(getattr(driver.window.bar, name)).endswith(effect), name


@pytest.mark.parametrize(("name", "of_a_step"), [("noise", 1), ("samples", 50), ("test_share", 0.05), ("batch_size", 1)])
def test_both_ends_of_a_slider_are_values_that_its_field_admits(driver, name, of_a_step):
    slider, kind = getattr(driver.panels.data, name).slider, field_at(driver.experiment, DATA[name]).kind
    assert isinstance(kind, Number)
    for end in (slider.minimum(), slider.maximum()):
        assert kind.admits(end * of_a_step), name


def test_trying_is_the_rule_itself():
    experiment, path = preset("circle"), "training.loss"
    tried = [with_field(experiment, path, other) for other in others(field_at(experiment, path), experiment.training.loss)]
    kept = {keeps_weights(experiment, other) for other in tried if not refusal(other)}
    assert kept == {True, False}, "some losses have targets of their own"
    assert found(experiment, path) not in ("", keeps(), starts_again())
