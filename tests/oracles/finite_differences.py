"""Finite differences of a network's loss in float64, beside the gradients of the reference backend."""

import numpy as np
from oracle import prepare, random_batch

from playground.kernels.reference import backend as reference
from playground.network import table

STEP = 1e-6
RELATIVE = 1e-5
# Slopes from the left and from the right differ by about the step times the curvature; more than this, and there is a kink
# (of ReLU, hinge, …) within the step, where no slope is wrong. The error from a kink is at most half of their difference.
KINK = 1e-4


class Check:
    """Finite differences of one network's loss in training mode, with statistics and dropout held still."""

    def __init__(self, experiment, inputs, rows=5, seed=0):
        self.plan, parameters = prepare(experiment, inputs, seed)
        self.x, self.t = random_batch(experiment, rows, inputs, seed)
        self.state = reference.new_state(self.plan, experiment.training, parameters, rows)
        self.loss_here = self._loss(gradients=True)
        self.gradients = self.state.gradients.copy()
        # Cheaper, and the same where training and predicting are alike.
        self._forward_only = {table.BATCH_NORM, table.DROPOUT}.isdisjoint(self.plan.instructions[:, table.OPERATION])
        self._outputs = np.zeros_like(self.t)
        self.start = self.state.parameters.copy()

    def _loss(self, gradients=False):
        if not gradients and self._forward_only:
            return reference.evaluate(self.state, self.x, self.t, self._outputs)
        return reference.gradients(self.state, self.x, self.t)

    def slope(self, direction):
        """Central difference along a direction, None where there is a kink within the step."""
        self.state.parameters[:] = self.start + STEP * direction
        above = self._loss()
        self.state.parameters[:] = self.start - STEP * direction
        below = self._loss()
        self.state.parameters[:] = self.start
        right, left = (above - self.loss_here) / STEP, (self.loss_here - below) / STEP
        if abs(right - left) > KINK * max(1.0, abs(right)):
            return None
        return (above - below) / (2 * STEP)

    @property
    def learned(self):
        """Indices of all numbers that learn."""
        views = [view for view in self.plan.parameters if view.trainable]
        return np.concatenate([np.arange(view.offset, view.offset + view.size) for view in views])


def assert_near(mine, expected, absolute, what=""):
    """As `pytest.approx`, which takes as long as a small network; a NaN fails."""
    assert abs(mine - expected) <= max(absolute, RELATIVE * abs(expected)), f"{mine} instead of {expected} {what}"


def assert_along_directions(check, seed):
    """The slope along random directions is the gradient's share in them; returns how many had a kink."""
    random, kinks = np.random.default_rng(seed), 0
    for _ in range(2):
        direction = np.zeros_like(check.start)
        direction[check.learned] = random.normal(size=check.learned.size)
        slope = check.slope(direction)
        if slope is None:
            kinks += 1
            continue
        terms = check.gradients * direction
        # Terms may cancel; a slope is right to within a share of them all.
        assert_near(slope, terms.sum(), RELATIVE * max(1e-3, np.abs(terms).sum()))
    return kinks


def assert_number_by_number(check):
    """Every number's own slope; returns how many had a kink."""
    kinks, direction = 0, np.zeros_like(check.start)
    largest = np.abs(check.gradients).max()
    for index in check.learned:
        direction[index] = 1.0
        slope = check.slope(direction)
        direction[index] = 0.0
        if slope is None:
            kinks += 1
            continue
        assert_near(check.gradients[index], slope, RELATIVE * max(1e-2, largest), index)
    return kinks
