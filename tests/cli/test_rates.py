"""Learning rates from the command line."""

from pathlib import Path

import numpy as np
import pytest
from command_lines import rows_of, value_of

pytestmark = pytest.mark.compile


def test_rates_suggests_one_and_writes_its_curve(run, folder):
    result = run("rates", "breast_cancer", "--out", "curve.csv")
    assert result.code == 0
    suggestion = value_of(result.out, "learning_rate")
    header, *rows = rows_of(Path("curve.csv").read_text())
    assert header == ["learning_rate", "loss"]
    rates, losses = np.array(rows, float).T
    assert (np.diff(rates) > 0).all()
    assert rates[0] < suggestion < rates[losses.argmin()] * 1.001
    assert f"{suggestion:.2g}" in result.err
    assert [path.name for path in folder.iterdir()] == ["curve.csv"]
    assert run("train", "breast_cancer", "--set", f"training.optimizer.learning_rate={suggestion}", "--epochs", "5").code == 0
