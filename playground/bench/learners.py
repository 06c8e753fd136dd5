"""The libraries' way to train: torch and scikit-learn as their manuals show it, and NumPy as a textbook writes it.

Each learner starts from the problem's weights, does a step on given rows, or an epoch over all rows in a new order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Array
from playground.bench.cases import ROWS
from playground.bench.libraries import import_scikit, import_torch
from playground.bench.problem import OPTIMIZERS, STEPS, Layers, Problem
from playground.experiment import Adam, Momentum

ONE, TWO = np.float32(1.0), np.float32(2.0)


class Learner(Protocol):
    """A network on an engine."""

    def step(self, rows: NDArray[np.int64]) -> None:
        """One step on the batch of these rows."""

    def epoch(self) -> None:
        """All rows once, in a new order."""

    def layers(self) -> Layers:
        """Weights (inputs, units) and biases (units,) as they are now."""


class TorchLearner:
    """``torch.nn.Sequential`` with an optimizer of ``torch.optim``, eager."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self._torch = torch = import_torch(threads)
        case = problem.case
        self._batch = case.batch
        self._inputs = torch.from_numpy(problem.inputs)
        modules: list[Any] = []
        for weight, bias in problem.layers(problem.parameters):
            dense = torch.nn.Linear(*weight.shape)
            with torch.no_grad():
                dense.weight.copy_(torch.from_numpy(weight.T.copy()))
                dense.bias.copy_(torch.from_numpy(bias))
            modules += [dense, torch.nn.Tanh() if case.is_regression else torch.nn.ReLU()]
        self._network: Any = torch.nn.Sequential(*modules[:-1])
        self._loss: Any = torch.nn.MSELoss() if case.is_regression else torch.nn.CrossEntropyLoss()
        targets = problem.targets if case.is_regression else problem.targets.argmax(axis=1)
        self._targets = torch.from_numpy(targets)
        spec = OPTIMIZERS[case.optimizer]
        if isinstance(spec, Adam):
            self._optimizer: Any = torch.optim.Adam(self._network.parameters(), spec.learning_rate)
        else:
            momentum = spec.momentum if isinstance(spec, Momentum) else 0.0
            self._optimizer = torch.optim.SGD(self._network.parameters(), spec.learning_rate, momentum=momentum)

    def step(self, rows: NDArray[np.int64]) -> None:
        self._step(self._torch.from_numpy(rows))

    def _step(self, rows: Any) -> None:
        self._optimizer.zero_grad()
        self._loss(self._network(self._inputs[rows]), self._targets[rows]).backward()
        self._optimizer.step()

    def epoch(self) -> None:
        order = self._torch.randperm(ROWS)
        for start in range(0, ROWS, self._batch):
            self._step(order[start : start + self._batch])

    def layers(self) -> Layers:
        arrays = [parameter.detach().numpy().T for parameter in self._network.parameters()]
        return list(zip(arrays[::2], arrays[1::2], strict=True))


class ScikitLearner:
    """``MLPRegressor`` or ``MLPClassifier``; an epoch is a ``partial_fit`` of all rows."""

    def __init__(self, problem: Problem, threads: int) -> None:
        library = import_scikit()
        case, spec = problem.case, OPTIMIZERS[problem.case.optimizer]
        # Its squared error is half the mean: twice the rate makes the same step. Adam's steps don't depend on that.
        half = case.is_regression and not isinstance(spec, Adam)
        settings: dict[str, Any] = {
            "hidden_layer_sizes": case.widths[1:-1],
            "activation": "tanh" if case.is_regression else "relu",
            "solver": "adam" if isinstance(spec, Adam) else "sgd",
            "learning_rate_init": spec.learning_rate * (2 if half else 1),
            "momentum": spec.momentum if isinstance(spec, Momentum) else 0.0,
            "nesterovs_momentum": False,
            "alpha": 0.0,
            # It is added before the correction of the running mean, not after: this is what ours is worth by then.
            "epsilon": spec.epsilon * (1 - spec.beta2 ** (STEPS / 2)) ** 0.5 if isinstance(spec, Adam) else 1e-8,
            "batch_size": case.batch,
        }
        self._inputs = problem.inputs
        if case.is_regression:
            self._targets: Array = problem.targets[:, 0]
            self._network: Any = library.MLPRegressor(**settings)
            self._fit: Callable[..., Any] = self._network.partial_fit
        else:
            self._targets = problem.targets.argmax(axis=1)
            self._network = library.MLPClassifier(**settings)
            classes = np.arange(case.widths[-1])
            self._fit = lambda inputs, targets: self._network.partial_fit(inputs, targets, classes=classes)
        # The first call draws weights of its own; ours take their place, and the optimizer starts again.
        self._fit(self._inputs[: case.batch], self._targets[: case.batch])
        layers = problem.layers(problem.parameters)
        self._network.coefs_ = [weight for weight, _ in layers]
        self._network.intercepts_ = [bias for _, bias in layers]
        del self._network._optimizer

    def step(self, rows: NDArray[np.int64]) -> None:
        self._fit(self._inputs[rows], self._targets[rows])

    def epoch(self) -> None:
        self._fit(self._inputs, self._targets)

    def layers(self) -> Layers:
        return list(zip(self._network.coefs_, self._network.intercepts_, strict=True))


class NumpyLearner:
    """Forward, backward and update in plain NumPy, float32."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self._inputs, self._targets = problem.inputs, problem.targets
        self._regression = problem.case.is_regression
        self._batch = problem.case.batch
        self._spec = OPTIMIZERS[problem.case.optimizer]
        layers = problem.layers(problem.parameters)
        self._weights, self._biases = [weight for weight, _ in layers], [bias for _, bias in layers]
        parameters = [*self._weights, *self._biases]
        self._means = [np.zeros_like(parameter) for parameter in parameters]
        self._squares = [np.zeros_like(parameter) for parameter in parameters]
        self._steps = 0
        self._random = np.random.default_rng(0)

    def step(self, rows: NDArray[np.int64]) -> None:
        values = [self._inputs[rows]]
        last = len(self._weights) - 1
        for layer, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            z = values[-1] @ weight + bias
            values.append(z if layer == last else np.tanh(z) if self._regression else np.maximum(z, 0))
        delta = self._slope(values[-1], self._targets[rows])
        slopes: list[tuple[Array, Array]] = []
        for layer in range(last, -1, -1):
            slopes.append((values[layer].T @ delta, delta.sum(axis=0)))
            if layer > 0:
                a = values[layer]
                delta = (delta @ self._weights[layer].T) * (ONE - a * a if self._regression else a > 0)
        slopes.reverse()
        self._update([slope for slope, _ in slopes] + [slope for _, slope in slopes])

    def _slope(self, z: Array, targets: Array) -> Array:
        """Slope of the mean squared error, or of softmax and cross-entropy, at the last weighted sums."""
        if self._regression:
            return TWO * (z - targets) / np.float32(z.size)
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True) - targets) / np.float32(len(z))

    def _update(self, slopes: list[Array]) -> None:
        rate = np.float32(self._spec.learning_rate)
        self._steps += 1
        for parameter, slope, mean, square in zip(
            [*self._weights, *self._biases], slopes, self._means, self._squares, strict=True
        ):
            if isinstance(self._spec, Adam):
                b1, b2 = np.float32(self._spec.beta1), np.float32(self._spec.beta2)
                mean[:] = b1 * mean + (ONE - b1) * slope
                square[:] = b2 * square + (ONE - b2) * slope * slope
                first = mean / np.float32(1 - self._spec.beta1**self._steps)
                second = square / np.float32(1 - self._spec.beta2**self._steps)
                parameter -= rate * first / (np.sqrt(second) + np.float32(self._spec.epsilon))
            elif isinstance(self._spec, Momentum):
                mean[:] = np.float32(self._spec.momentum) * mean + slope
                parameter -= rate * mean
            else:
                parameter -= rate * slope

    def epoch(self) -> None:
        order = self._random.permutation(ROWS)
        for start in range(0, ROWS, self._batch):
            self.step(order[start : start + self._batch])

    def layers(self) -> Layers:
        return list(zip(self._weights, self._biases, strict=True))


LEARNERS: dict[str, Callable[[Problem, int], Learner]] = {
    "torch": TorchLearner,
    "scikit-learn": ScikitLearner,
    "numpy": NumpyLearner,
}
