"""Pace: how many steps are due, by a clock that the test moves."""

from dataclasses import dataclass

import pytest

from playground.training import pace as pace_module
from playground.training.pace import FRAME, SLICE, Pace


@dataclass
class Run:
    """Stands for a trainer: how far it is, and how long an epoch is."""

    step: int = 0
    steps_per_epoch: int = 60


@pytest.fixture
def clock(monkeypatch):
    """A clock in seconds."""

    class Clock:
        now = 100.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(pace_module, "time", clock)
    return clock


def test_a_call_grows_or_shrinks_to_a_slice_and_at_most_doubles():
    pace = Pace()
    for expected in (2, 4, 8):
        pace.learn(pace.slice_steps, SLICE / 1000)
        assert pace.slice_steps == expected
    pace.learn(8, SLICE)
    assert pace.slice_steps == 8
    pace.learn(8, 4 * SLICE)
    assert pace.slice_steps == 2
    pace.learn(2, 100 * SLICE)
    assert pace.slice_steps == 1
    pace.learn(40, SLICE / 2)
    assert pace.slice_steps == 1, "a call that wasn't a slice says nothing about slices"
    pace.learn(1, SLICE / 2)
    pace.forget()
    assert pace.slice_steps == 1


def test_at_a_chosen_pace_steps_are_due_by_the_clock(clock):
    pace, run = Pace(), Run(step=5)
    pace.epochs_per_frame = 0.5
    pace.start(run)
    # 30 steps a frame.
    assert pace.steps_due(run) == 0
    clock.now += 1.01 * FRAME
    assert pace.steps_due(run) == 30
    run.step += 30
    assert pace.steps_due(run) == 0
    assert pace.seconds_ahead(run) == pytest.approx((31 / 30 - 1.01) * FRAME)
    clock.now += 0.5 * FRAME
    assert pace.steps_due(run) == 15


def test_what_is_too_slow_piles_up_no_debt(clock):
    pace, run = Pace(), Run()
    pace.epochs_per_frame = 1.0
    pace.start(run)
    clock.now += 10
    assert pace.steps_due(run) == pytest.approx(10 / FRAME * 60, abs=1)
    # What it couldn't do is forgotten from here on.
    assert pace.steps_due(run) == 0
    clock.now += 1.01 * FRAME
    assert pace.steps_due(run) == 60


def test_without_a_run_there_is_a_frame_until_the_next_step(clock):
    pace = Pace()
    pace.start(None)
    assert pace.seconds_ahead(None) == FRAME
