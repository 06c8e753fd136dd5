"""What training sees instead of the plain targets: smoothed labels, and how much each row counts."""

from __future__ import annotations

import numpy as np

from playground.arrays import Array, Float32
from playground.data.preprocessing import PreparedData
from playground.experiment import Experiment, ExperimentError
from playground.words import tr


def training_targets(experiment: Experiment, data: PreparedData) -> Float32:
    """Targets of the training rows, float32 (rows, outputs), with label smoothing.

    A share ε of each target is spread evenly over all classes (over yes and no, where each output is one of its own):
    t·(1 − ε) + ε / K (C. Szegedy et al.: Rethinking the Inception Architecture, 2016, section 7).
    """
    share = experiment.training.label_smoothing
    if not share:
        return data.train_targets
    preprocessing = data.preprocessing
    low, high = preprocessing.target_low, preprocessing.target_high
    middle = 1 / preprocessing.outputs if preprocessing.one_of_several else 0.5
    holds = (data.train_targets - low) / (high - low)
    return np.ascontiguousarray(low + (high - low) * (holds * (1 - share) + share * middle), np.float32)


def row_weights(experiment: Experiment, data: PreparedData) -> Float32:
    """How much each training row counts for each output, float32 (rows, outputs); (0, outputs) where all count alike.

    ``balanced`` gives a class rows / (classes · rows of the class), so that all classes count alike (as scikit-learn's
    ``compute_class_weight``). Of several labels each is a yes or no of its own: balanced between the two, or with given
    weights for the rows where it holds.

    Raises
    ------
    ExperimentError
        If there are as many weights as not classes, or one is 0: a batch with no other class would average over nothing.
    """
    preprocessing, choice = data.preprocessing, experiment.training.class_weights
    if choice is None:
        return np.zeros((0, preprocessing.outputs), np.float32)
    classes, targets = preprocessing.classes, data.dataset.targets[data.train_rows]
    if choice != "balanced" and len(choice) != len(classes):
        raise ExperimentError(
            tr("training.class_weights: {weights} weights for {count} classes ({names}); give one each.").format(
                weights=len(choice), count=len(classes), names=", ".join(classes)
            )
        )
    if choice != "balanced" and min(choice) <= 0:
        raise ExperimentError(
            tr("training.class_weights: each must be above 0, so that every batch counts; use 0.001 for a little.")
        )
    if preprocessing.task == "multilabel":
        holds = targets > 0.5
        yes, no = (_balanced(holds), _balanced(~holds)) if choice == "balanced" else (np.array(choice), np.ones(len(classes)))
        return np.ascontiguousarray(np.where(holds, yes, no), np.float32)
    own = targets[:, 0].astype(np.int64)
    of_class = _balanced(own[:, None] == np.arange(len(classes)), len(classes)) if choice == "balanced" else np.array(choice)
    return np.ascontiguousarray(np.repeat(of_class[own][:, None], preprocessing.outputs, axis=1), np.float32)


def _balanced(holds: Array, kinds: int = 2) -> Array:
    """rows / (kinds · rows where it holds) of each column (rows, columns); a class without rows counts nothing."""
    counts = holds.sum(axis=0)
    return np.where(counts > 0, len(holds) / (kinds * np.maximum(counts, 1)), 0.0)
