"""A run that can only be looked at: a saved model's network and weights, where the table that it learned from is gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playground.arrays import Float32
from playground.data.dataset import Dataset
from playground.data.preprocessing import PreparedData, Preprocessing
from playground.experiment import Experiment, ExperimentError, build_plan, keeps_weights
from playground.training.run import RunInfo


@dataclass(frozen=True, eq=False)
class Look:
    """What a model's file says about a run without its rows.

    Parameters
    ----------
    run
        The run; its data have columns and classes, but no rows.
    parameters
        float32, flat, in the plan's layout: read-only.
    """

    run: RunInfo
    parameters: Float32

    def of(self, experiment: Experiment, parameters: Float32 | None) -> Look | None:
        """The same of an edited experiment; None where the weights don't go with it."""
        if parameters is None and not keeps_weights(self.run.experiment, experiment):
            return None
        return look(experiment, self.parameters if parameters is None else parameters, self.run.data.preprocessing)


def look(experiment: Experiment, parameters: Float32, preprocessing: Preprocessing) -> Look | None:
    """A model as a run without rows; None where its parts don't go together.

    Parameters
    ----------
    experiment, parameters, preprocessing
        As a `TrainedModel` has them.
    """
    try:
        plan = build_plan(experiment, preprocessing.network_inputs, preprocessing.outputs)
    except ExperimentError:
        return None
    if preprocessing.task != experiment.training.task or parameters.shape != (plan.parameter_size,):
        return None
    no_rows, no_inputs = np.zeros(0, np.int64), np.zeros((0, len(preprocessing.mean)), np.float32)
    no_targets = np.zeros((0, plan.widths[-1]), np.float32)
    dataset = Dataset(
        name="",
        title="",
        description="",
        task=preprocessing.task,
        features=np.zeros((0, len(preprocessing.columns))),
        targets=np.zeros((0, len(preprocessing.target_names))),
        feature_names=preprocessing.columns,
        target_names=preprocessing.target_names,
        class_names=preprocessing.classes,
        image_shape=(preprocessing.image[0], preprocessing.image[1]) if preprocessing.image else None,
        categories=preprocessing.categories,
    )
    data = PreparedData(dataset, preprocessing, no_rows, no_rows, no_rows, *(no_inputs, no_targets) * 3)
    shown = parameters.copy()
    shown.flags.writeable = False
    return Look(RunInfo(experiment, data, plan, no_targets), shown)
