"""The learning-rate range test: train with a rate that grows from step to step, and see where the loss falls fastest.

Source: L. Smith: Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3; smoothing and the stop as in
J. Howard, S. Gugger: Deep Learning for Coders with fastai and PyTorch, 2020, chapter 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.catalog.schedules import CONSTANT
from playground.kernels.state import FULL_RATE, SCHEDULE
from playground.training.compute import Compute
from playground.training.trainer import Trainer
from playground.words import tr

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 120
# How much of the loss's running mean is kept from step to step.
SMOOTHING = 0.9
# Steps in which the rate is too small to change anything; how far the loss must fall below its mean there, as a share of
# it and of the reach of what chance did to it, to have fallen at all: every fresh preset does, few trained ones do.
CALM = slice(10, 30)
LEAST_FALL, BEYOND_CHANCE = 0.02, 1.25
# The test ends when the smoothed loss is this many times its lowest.
TOO_HIGH = 4.0


@dataclass(frozen=True, eq=False)
class RateTest:
    """What a range test found.

    Parameters
    ----------
    rates
        float64 (steps,): the learning rate of each step, growing.
    losses
        float64 (steps,): the smoothed loss of each step's batch, before the step.
    suggestion
        The rate to start with; NaN if no rate made the loss fall.
    interrupted
        Whether it was ended before the last rate, so that the curve is half of one and suggests nothing.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    suggestion: float
    interrupted: bool = False

    @property
    def sentence(self) -> str:
        """The suggestion in words."""
        if self.interrupted:
            return tr("Something else was asked for before all learning rates were tried: find a rate again.")
        if math.isnan(self.suggestion):
            return tr(
                "No learning rate made the loss fall clearly: go back to the initial weights and try again, "
                "or look at the data and the loss."
            )
        return tr("The loss falls fastest around a learning rate of {suggestion:.2g}; start with that.").format(
            suggestion=self.suggestion
        )


def find_rate(
    trainer: Trainer,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    stop: Callable[[], bool] = lambda: False,
) -> RateTest:
    """Run a range test on a copy of a run; the run itself doesn't move.

    Parameters
    ----------
    trainer
        The run: its experiment, its data and its present weights.
    lowest, highest
        The first and the last learning rate.
    steps
        Mini-batches from the first to the last.
    stop
        Asked before each step; True ends the test with what it has.
    """
    run = trainer.run
    training = run.experiment.training
    compute = Compute(trainer.backend.NAME, run.plan, training, trainer.parameters, len(run.data.train_rows))
    compute.state.weights, compute.state.threads = trainer.state.weights, trainer.state.threads
    compute.state.hyper[SCHEDULE] = CONSTANT
    rates = np.geomspace(lowest, highest, steps)
    mean, best = 0.0, math.inf
    losses: list[float] = []
    interrupted = False
    for number, rate in enumerate(rates):
        if stop():
            interrupted = True
            break
        compute.state.hyper[FULL_RATE] = rate
        with np.errstate(all="ignore"):
            loss = compute.train(run.data.train_inputs, run.training_targets, 1)
        if not math.isfinite(loss):
            break
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        # A running mean that starts at 0 is too low at first, as Adam's moments are.
        smooth = mean / (1 - SMOOTHING ** (number + 1))
        best = min(best, smooth)
        if number > 10 and smooth > TOO_HIGH * best:
            break
        losses.append(smooth)
    tried, smoothed = rates[: len(losses)], np.array(losses)
    return RateTest(tried, smoothed, math.nan if interrupted else suggest(tried, smoothed), interrupted)


def suggest(rates: NDArray[np.float64], losses: NDArray[np.float64]) -> float:
    """The rate at the middle of the steepest fall before the lowest loss; NaN if the loss never fell by more than chance."""
    if len(losses) < CALM.stop:
        return math.nan
    # Rates so small change nothing: what the loss does there is chance, and the very first steps average too few batches.
    calm = losses[CALM]
    lowest = CALM.start + int(losses[CALM.start :].argmin())
    fall = calm.mean() - losses[lowest]
    if lowest < CALM.stop or fall <= max(LEAST_FALL * calm.mean(), BEYOND_CHANCE * (calm.max() - calm.min())):
        return math.nan
    # Slope with respect to the logarithm of the rate, over nine steps, so that chance doesn't decide.
    # Falls from which the loss came back up were chance as well.
    start = int(np.flatnonzero(losses[:lowest] >= calm.mean())[-1])
    falling = losses[start : lowest + 1]
    slope = np.gradient(np.convolve(np.pad(falling, 4, mode="edge"), np.ones(9) / 9, mode="valid"))
    return float(rates[start + int(slope.argmin())])
