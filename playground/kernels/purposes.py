"""What a pass through a network is for."""

from __future__ import annotations

# Nothing is dropped, and normalizations use running statistics.
PREDICT = 0
# Numbers are dropped, batches are normalized by their own statistics, and running ones move on.
TRAIN = 1
# As TRAIN, but nothing moves: what is wanted are the gradients of one batch.
GRADIENTS_ONLY = 2
