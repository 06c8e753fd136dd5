"""The settings, open on a preset."""

import pytest
from drawer import Drawer

from playground.experiment.presets import preset


@pytest.fixture
def drawer(qtbot):
    return lambda experiment="circle": Drawer(qtbot, preset(experiment) if isinstance(experiment, str) else experiment)
