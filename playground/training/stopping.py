"""Early stopping: watches the validation loss after each epoch and remembers the best weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.experiment import EarlyStopping


class Patience:
    """Counts epochs without a lower validation loss.

    Source: L. Prechelt: Early Stopping – But When?, 1998.

    Parameters
    ----------
    rule
        How long to wait, and how much lower counts as lower.
    """

    def __init__(self, rule: EarlyStopping) -> None:
        self.rule = rule
        self.best_loss = math.inf
        self.best_epoch = 0
        self.best_parameters: NDArray[Any] | None = None
        self._start = 0

    def look(self, epoch: int, loss: float, parameters: NDArray[Any]) -> bool:
        """Take note of the validation loss after an epoch; True when it has been long enough without a lower one."""
        # A loss that is no number is no lower than any.
        loss = loss if math.isfinite(loss) else math.inf
        if self.best_parameters is None or loss < self.best_loss - self.rule.min_delta:
            self.best_loss, self.best_epoch, self._start = loss, epoch, epoch
            if self.best_parameters is None:
                self.best_parameters = np.array(parameters)
            else:
                self.best_parameters[:] = parameters
        return epoch - self._start >= self.rule.patience

    def wait_again(self, epoch: int) -> None:
        """Whoever goes on after a stop gets the whole patience once more."""
        self._start = epoch
