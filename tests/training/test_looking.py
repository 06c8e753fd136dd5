"""A model without its table: its network and weights can be looked at, and nothing else is made up."""

import numpy as np
import pytest
from msgspec.structs import replace

from playground.data.suggest import suggest
from playground.experiment import Conv2D, Dense, Flatten, set_field
from playground.training.looking import look
from playground.training.trainer import Trainer


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(20)))
    trainer = Trainer(suggest(path), "reference")
    trainer.record()
    return trainer.model()


def test_a_look_has_the_network_the_columns_and_no_rows(model):
    seen = look(model.experiment, model.parameters, model.preprocessing)
    assert seen.run.plan.widths == model.plan.widths
    assert seen.run.data.dataset.feature_names == ("a", "b")
    assert len(seen.run.data.dataset.features) == len(seen.run.data.train_rows) == len(seen.run.training_targets) == 0
    assert np.array_equal(seen.parameters, model.parameters)
    assert not seen.parameters.flags.writeable


def test_an_edit_that_keeps_the_weights_is_looked_at_with_them(model):
    seen = look(model.experiment, model.parameters, model.preprocessing)
    faster = set_field(model.experiment, "training.optimizer.learning_rate", "0.5")
    assert np.array_equal(seen.of(faster, None).parameters, model.parameters)
    assert np.array_equal(seen.of(faster, model.parameters * 2).parameters, model.parameters * 2)
    wider = replace(model.experiment, network=replace(model.experiment.network, layers=(Dense(units=3),)))
    assert seen.of(wider, None) is None


def test_what_does_not_go_together_is_not_looked_at(model):
    assert look(model.experiment, model.parameters[:-16], model.preprocessing) is None
    assert look(set_field(model.experiment, "training.task", "regression"), model.parameters, model.preprocessing) is None
    images = replace(model.experiment, network=replace(model.experiment.network, layers=(Conv2D(), Flatten())))
    assert look(images, model.parameters, model.preprocessing) is None
