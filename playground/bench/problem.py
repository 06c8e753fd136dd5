"""What every engine trains on in one case: data, initial weights, batches, and what float64 makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Array, Float32
from playground.bench.cases import ROWS, SOURCES, TrainCase
from playground.experiment import (
    SGD,
    Adam,
    BundledSource,
    DataSpec,
    Dense,
    Experiment,
    Momentum,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    build_plan,
    checked,
    initial_parameters,
)
from playground.kernels.reference import backend as reference
from playground.network.plan import Plan

Layers = list[tuple[Array, Array]]
OPTIMIZERS = {
    "SGD": SGD(learning_rate=0.03),
    "Adam": Adam(learning_rate=0.003),
    "momentum": Momentum(learning_rate=0.01, momentum=0.9),
}
# Steps after which an engine's weights are compared with float64's; they fit the first epoch of every case.
STEPS = 10
# How far the weights may be from float64's, as a share of the way they have come.
TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Problem:
    """A case with its data.

    Parameters
    ----------
    case
        The network.
    experiment
        The same as the program has it; its source fits the network's inputs where there is one.
    plan, parameters
        The network as instructions, and its initial weights, float32, flat.
    inputs, targets
        float32 (rows, inputs) and (rows, outputs): values, or 1 for a row's class.
    batches
        Numbers of the rows of the first steps.
    expected
        Parameters after these steps in float64.
    """

    case: TrainCase
    experiment: Experiment
    plan: Plan
    parameters: Float32
    inputs: Float32
    targets: Float32
    batches: list[NDArray[np.int64]]
    expected: Array

    def layers(self, parameters: Array) -> Layers:
        """Copies of a flat buffer's weights (inputs, units) and biases (units,), float32."""
        arrays = [np.array(view.of(parameters), np.float32) for view in self.plan.parameters]
        return list(zip(arrays[::2], arrays[1::2], strict=True))

    def error(self, layers: Layers) -> float:
        """How far weights are from the expected ones, as a share of the way from the initial ones."""
        way, off = 0.0, 0.0
        for (start, goal), found in zip(self._views(), [array for layer in layers for array in layer], strict=True):
            way += float(((goal - start) ** 2).sum())
            off += float(((found.astype(np.float64) - goal) ** 2).sum())
        return float(np.sqrt(off / way))

    def _views(self) -> list[tuple[Array, Array]]:
        start = self.parameters.astype(np.float64)
        return [(view.of(start), view.of(self.expected)) for view in self.plan.parameters]


def make_experiment(case: TrainCase, seed: int) -> Experiment:
    """The case as an experiment of the program; all rows are trained on."""
    source = SOURCES.get(case.widths[0], "digits")
    regression = case.is_regression
    return checked(
        Experiment(
            data=DataSpec(
                source=SyntheticSource(name=source, samples=ROWS) if regression else BundledSource(name=source),
                test_fraction=0.0,
                seed=seed,
            ),
            network=NetworkSpec(
                layers=tuple(Dense(units=units, activation="tanh" if regression else "relu") for units in case.widths[1:-1]),
                seed=seed,
            ),
            training=TrainingSpec(
                task="regression" if regression else "multiclass",
                loss="mean_squared_error" if regression else "categorical_cross_entropy",
                optimizer=OPTIMIZERS[case.optimizer],
                batch_size=case.batch,
                epochs=1_000_000,
                seed=seed,
            ),
        )
    )


def make_problem(case: TrainCase, seed: int) -> Problem:
    """Draw a case's data and weights, and train the first steps in float64.

    The targets hold so much chance that no network ever fits them: gradients that fade to nothing would slow some
    engines down.
    """
    experiment = make_experiment(case, seed)
    plan = build_plan(experiment, case.widths[0], case.widths[-1])
    parameters = initial_parameters(experiment, plan)
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(ROWS, case.widths[0])).astype(np.float32)
    if case.is_regression:
        targets = np.sin(inputs.sum(axis=1, keepdims=True)) + random.normal(0, 0.5, (ROWS, 1))
    else:
        targets = np.eye(case.widths[-1])[random.integers(0, case.widths[-1], ROWS)]
    targets = targets.astype(np.float32)
    state = reference.new_state(plan, experiment.training, parameters, ROWS)
    reference.train(state, inputs, targets, STEPS)
    batches = [state.order[step * case.batch : (step + 1) * case.batch].copy() for step in range(STEPS)]
    return Problem(case, experiment, plan, parameters, inputs, targets, batches, state.parameters)
