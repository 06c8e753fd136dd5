"""A Plan of a few instructions with given parameters, run on a backend: what the ONNX operators are rebuilt from."""

from __future__ import annotations

import numpy as np

from playground.catalog import losses
from playground.catalog.activations import ACTIVATIONS
from playground.experiment import SGD, TrainingSpec
from playground.network import layers, table
from playground.network.parameters import aligned_zeros
from playground.network.plan import Builder

# As long as a step may be and of no effect: where only the loss or the statistics of a step are asked for.
STANDING = SGD(learning_rate=0.0)


class Network:
    """A plan of a few instructions and its parameters, to be run on a backend.

    Parameters
    ----------
    backend
        A module of `playground.kernels`.
    shape
        Of a row: ``(width,)`` or ``(height, width, channels)``.
    categories
        How many whole numbers there are in each column, where they hold such.
    """

    def __init__(self, backend, shape, categories=()):
        self.backend, self.build, self.given, self.count = backend, Builder(categories=categories), {}, 0
        self.x = self.build.region(shape, is_data=True)
        self.build.stage("inputs", "inputs", self.x)

    def _named(self, **parameters):
        name = f"layers.{self.count}"
        self.given |= {f"{name}.{key}": value for key, value in parameters.items()}
        self.count += 1
        return name

    def dense(self, weight, bias=0.0, activation="identity", x=None):
        """One more dense layer with these weights (inputs, units); returns where its result lies."""
        name = self._named(weight=weight, bias=bias)
        return layers.dense(self.build, x or self.x, name, weight.shape[1], activation, trainable=True)

    def convolution(self, weight, bias, window):
        """A convolution with weights (kernel · kernel · channels, filters)."""
        name = self._named(weight=weight, bias=bias)
        return layers.convolution(self.build, self.x, name, window, weight.shape[1], "identity", trainable=True)

    def layer(self, spec, **parameters):
        """One more layer from its spec, with these parameters."""
        return spec.emit(self.build, self.x, self._named(**{key.replace("__", "."): value for key, value in parameters.items()}))

    def end(self, out, loss="mean_squared_error", head="identity"):
        """The output activation and the loss; then the plan is complete."""
        record = losses.LOSSES[loss]
        fused = {table.FUSED: int(head in record.fused_with)}
        last = out
        if head != "identity":
            last = self.build.region(out.shape)
            kind = table.SOFTMAX if head == "softmax" else table.ACTIVATION
            self.build.add(kind, out, last, fused | {table.CODE: ACTIVATIONS[head].code}, {})
        columns = fused | {table.CODE: record.code, table.OVER_ROWS: int(record.mean_over == "rows")}
        self.build.add(table.LOSS, last, out, columns, {})
        self.build.stage("outputs", "outputs", last)
        self.plan = self.build.plan()
        self.parameters = aligned_zeros(self.plan.parameter_size)
        for view in self.plan.parameters:
            view.of(self.parameters)[:] = self.given[view.name]
        return self

    def outputs(self, x):
        """What comes out for such rows, when predicting: float32 (rows, outputs)."""
        return self.backend.outputs(self.plan, self.parameters, as_rows(x))

    def state(self, rows, optimizer=STANDING, l2=0.0):
        """A training state for so many rows, all of them in one batch."""
        spec = TrainingSpec(task="regression", loss="mean_squared_error", optimizer=optimizer, l2=l2, batch_size=rows)
        return self.backend.new_state(self.plan, spec, self.parameters, rows)

    def loss(self, state, x, t):
        """Mean loss of rows, when predicting."""
        x, t = as_rows(x), as_rows(t)
        return self.backend.evaluate(state, x, t, np.zeros_like(t))

    def assert_training_gives(self, x, expected):
        """The outputs in training mode, which a backend doesn't hand out, by their squared distance; returns the state."""
        state = self.state(len(x))
        mean = self.backend.train(state, as_rows(x), as_rows(expected), 1)
        # No single number can be further away than all together.
        assert np.sqrt(mean * expected.size) <= 1e-4 * np.abs(expected).max()
        return state


def as_rows(x):
    """float32 (rows, numbers), contiguous."""
    return np.ascontiguousarray(np.asarray(x).reshape(len(x), -1), np.float32)
