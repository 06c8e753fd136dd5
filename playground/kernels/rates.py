"""Numbers of a training step that the compiled backends must have alike: its learning rate, corrections, and signs of weights.

The CPU's kernels compute them in the step itself; for the GPU the host writes the first two down beforehand.
"""

from __future__ import annotations

import numpy as np

from playground.catalog.elementary import ONE, ZERO, where
from playground.catalog.schedules import CONSTANT
from playground.kernels.compiling import kernel, schedule_factor
from playground.kernels.state import EPOCH_STEPS, EPOCHS, FULL_RATE, SCHEDULE, SCHEDULE_1, SCHEDULE_2, SCHEDULE_3

# torch.nn.utils.clip_grad_norm_ adds as much to the gradient's length.
CLIP_EPSILON = np.float32(1e-6)


@kernel
def correction(decay, steps):
    """1 / (1 − decayᵗ): undoes the pull toward zero of a running mean that started at zero."""
    return np.float32(1.0 / (1.0 - np.float64(decay) ** steps)) if decay > ZERO else ONE


@kernel
def sign(w):
    """−1, 0 or 1."""
    return where(w > ZERO, ONE, where(w < ZERO, -ONE, ZERO))


@kernel
def rate_at(hyper, epoch, row, batch_size):
    """The learning rate of the batch that begins at a row of an epoch, as the schedule has it."""
    if hyper[SCHEDULE] == CONSTANT:
        return hyper[FULL_RATE]
    progress = np.float64(epoch) + np.float64(row) / (np.float64(batch_size) * np.float64(hyper[EPOCH_STEPS]))
    code, epochs = np.int64(hyper[SCHEDULE]), np.float64(hyper[EPOCHS])
    s1, s2, s3 = np.float64(hyper[SCHEDULE_1]), np.float64(hyper[SCHEDULE_2]), np.float64(hyper[SCHEDULE_3])
    return np.float32(np.float64(hyper[FULL_RATE]) * schedule_factor(code, progress, epochs, s1, s2, s3))
