"""The curves of the loss: nothing that was measured is missing from them, the newest neither, and each stands at its epoch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.gui.views.loss.plot import BAND_POINTS, LEAST, LINE_POINTS, LossPlot, _averages, _extremes
from playground.gui.widgets.theme import Theme
from playground.training.history import History

COLUMNS = ("epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy")


@pytest.fixture
def plot(qtbot):
    plot = LossPlot(Theme("light"))
    qtbot.addWidget(plot)
    return plot


def history_of(epochs, losses):
    rows = np.column_stack([epochs, losses, losses, np.zeros_like(losses), np.zeros_like(losses)])
    return History(COLUMNS, rows, len(rows))


@settings(deadline=None, max_examples=200)
@given(
    length=st.integers(1, 5000),
    seed=st.integers(0, 2**32 - 1),
    jumps=st.lists(st.tuples(st.floats(0, 1), st.floats(-1e6, 1e6)), max_size=4),
    gaps=st.lists(st.floats(0, 1), max_size=3),
)
def test_the_least_and_largest_of_any_history_lie_in_the_band_and_the_last_point_is_exact(length, seed, jumps, gaps):
    random = np.random.default_rng(seed)
    x, y = np.arange(float(length)), random.normal(size=length)
    for place, value in jumps:
        y[int(place * (length - 1))] = value
    for place in gaps:
        y[int(place * (length - 1))] = np.nan
    (band_x, band), (line_x, line) = _extremes(x, y), _averages(x, y)
    assert len(band) <= BAND_POINTS
    assert len(line) <= LINE_POINTS
    for found_x in (band_x, line_x):
        assert (np.diff(found_x) >= 0).all()
        assert found_x[-1] == x[-1]
    np.testing.assert_array_equal(line[-1], y[-1])
    if np.isfinite(y).any():
        assert (np.nanmin(band), np.nanmax(band)) == (np.nanmin(y), np.nanmax(y))
        assert np.nanmin(y) <= np.nanmin(line) and np.nanmax(line) <= np.nanmax(y)


@pytest.mark.parametrize("newest", [1, 2, 20, 39, 49, 51, 99])
@pytest.mark.parametrize("length", [9_951, 9_990, 9_999, 10_000, 10_001, 10_049])
def test_a_jump_that_has_just_passed_is_in_line_and_band_at_once(newest, length):
    x, y = np.arange(float(length)), np.zeros(length)
    y[-newest - 1 : -1] = 5.0
    assert _extremes(x, y)[1].max() == 5
    step = -(-length // (LINE_POINTS - 1))
    last_group = y[length // step * step :] if length % step else y[-step:]
    assert _averages(x, y)[1][-2] == pytest.approx(last_group.mean())
    assert _averages(x, y)[1].max() > 0
    assert _averages(x, y)[1][-1] == 0


def test_averages_are_those_of_the_definition():
    x, y = np.arange(1000.0), np.arange(1000.0) ** 2
    line_x, line = _averages(x, y)
    step = -(-1000 // (LINE_POINTS - 1))
    groups = [slice(start, start + step) for start in range(0, 1000, step)]
    np.testing.assert_allclose(line_x, [*(x[group].mean() for group in groups), 999])
    np.testing.assert_allclose(line, [*(y[group].mean() for group in groups), 999**2])
    y[:step] = np.nan
    assert np.isnan(_averages(x, y)[1][0]) and np.isfinite(_averages(x, y)[1][1:]).all()
    y[step] = np.inf
    assert np.isfinite(_averages(x, y)[1][1]), "the mean of the others"


def test_what_a_run_has_gone_back_to_stands_at_its_own_epoch(plot):
    """Ten epochs, then back to the fourth, as an early stop does."""
    losses = np.array([9.0, 7, 5, 4, 2, 3, 4, 5, 6, 7, 8])
    history = history_of(np.append(np.arange(11.0), 4), np.append(losses, 2.0))
    plot.show_history(history)
    plot.log_button.setChecked(False)
    x, y = plot.lines["train"].getData()
    assert x.tolist() == [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10]
    assert y.tolist() == [9, 7, 5, 4, 2, 2, 3, 4, 5, 6, 7, 8], "the end of the curve is what the last epoch reached"
    assert plot.labels["train"].text() == plot.words(2.0), "the numbers are those of the weights that are kept"
    assert plot.epoch_label.text() == "epoch 4"
    assert plot._kept.isVisible() and plot._kept.value() == 4
    # It goes on from there.
    on = history_of(np.append(np.arange(11.0), [4, 11]), np.append(losses, [2.0, 1.9]))
    plot.show_history(on)
    assert plot.epoch_label.text() == "" and not plot._kept.isVisible()
    assert plot.labels["train"].text() == plot.words(1.9)


def test_a_run_that_was_no_good_from_the_start_shows_no_curve_of_another(plot):
    plot.show_history(history_of(np.arange(5.0), np.array([5.0, 4, 3, 2, 1])))
    plot.show_history(history_of(np.zeros(1), np.array([np.inf])))
    assert plot.labels["train"].text() == "–"
    assert not np.isfinite(plot.lines["train"].getData()[1]).any()
    plot.grab()


def test_a_run_that_was_never_measured_shows_no_curves_of_another(plot):
    plot.show_history(history_of(np.append(np.arange(5.0), 2), np.array([5.0, 4, 3, 2, 1, 3])))
    assert plot._kept.isVisible()
    plot.show_history(History(COLUMNS, np.zeros((0, len(COLUMNS))), 0))
    for part in ("train", "test"):
        assert plot.labels[part].text() == "–"
        assert len(plot.lines[part].getData()[0] if plot.lines[part].getData()[0] is not None else []) == 0
    assert plot.epoch_label.text() == "" and not plot._kept.isVisible()
    plot.grab()
    plot.show_history(history_of(np.arange(5.0), np.array([5.0, 4, 3, 2, 1])))
    assert plot.labels["train"].text() == plot.words(1.0)


def test_a_long_history_is_drawn_with_all_it_has(plot):
    losses = np.full(12_345, 0.5)
    losses[[0, 7000, 12_340]] = 3.0, LEAST, 80.0
    plot.show_history(history_of(np.arange(12_345.0), losses))
    band = plot._bands["train"].getData()[1]
    assert (10 ** band.min(), 10 ** band.max()) == (pytest.approx(LEAST), pytest.approx(80))
    assert plot.lines["train"].getData()[1][-1] == pytest.approx(np.log10(0.5))
