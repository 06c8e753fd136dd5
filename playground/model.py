"""TrainedModel: what is saved, opened, exported and asked for predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from playground.arrays import Array, Float32
from playground.data.preprocessing import Preprocessing
from playground.experiment import Experiment, ExperimentError, build_plan
from playground.kernels.reference import backend as reference
from playground.network.plan import Plan
from playground.words import tr


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained network with all that its predictions need.

    Parameters
    ----------
    experiment
        What was trained.
    parameters
        float32, flat, in the plan's layout.
    preprocessing
        From raw rows to network inputs, and from outputs to answers.
    metrics
        The last measurement by column name, such as ``test_accuracy``.
    """

    experiment: Experiment
    parameters: Float32
    preprocessing: Preprocessing
    metrics: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def plan(self) -> Plan:
        """The network as instructions."""
        return build_plan(self.experiment, self.preprocessing.network_inputs, self.preprocessing.outputs)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of classes or labels; none for regression."""
        return self.preprocessing.classes

    def weights(self) -> list[tuple[str, Float32]]:
        """Every weight matrix (inputs, units) and bias (units,) by name, first layer first."""
        return [(view.name, view.of(self.parameters)) for view in self.plan.parameters]

    def predict(self, rows: Array) -> Array:
        """Outputs for raw rows.

        Parameters
        ----------
        rows
            (rows, columns) as the data have them, columns in the order of ``preprocessing.columns``.

        Returns
        -------
        outputs
            (rows, outputs): probabilities of classes or labels (scores where the output activation gives none), or values
            in the data's units.

        Raises
        ------
        ValueError
            If the rows have another number of columns.
        ExperimentError
            If a value is no number, or has no place in float32.
        """
        return self.preprocessing.values(self._outputs(rows))

    def predict_labels(self, rows: Array) -> Array:
        """Answers for raw rows: class numbers (rows,), labels 0/1 (rows, labels) or values (rows, outputs)."""
        return self.preprocessing.labels(self._outputs(rows))

    def _outputs(self, rows: Array) -> Array:
        rows = np.atleast_2d(np.asarray(rows, np.float64))
        columns = self.preprocessing.columns
        if rows.shape[1] != len(columns):
            raise ValueError(
                tr("the model was trained on {count} columns ({names}), not {given}.").format(
                    count=len(columns), names=", ".join(columns), given=rows.shape[1]
                )
            )
        wrong = np.argwhere(~np.isfinite(rows))
        if len(wrong):
            row, column = wrong[0]
            raise ExperimentError(
                tr("row {row}: {value:g} in {name!r} is no number to predict from; put one there, or leave the row out.").format(
                    row=row + 1, value=rows[row, column], name=columns[column]
                )
            )
        # Whoever shows an answer looks whether it is a number.
        with np.errstate(over="ignore", invalid="ignore"):
            return reference.activations(self.plan, self.parameters, self.preprocessing.inputs(rows))[-1]
