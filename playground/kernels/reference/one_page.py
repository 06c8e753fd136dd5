"""A whole neural network on one page: forward, loss, backward, update. Read it from top to bottom; it needs only NumPy.

    python -m playground.kernels.reference.one_page

A batch is a matrix x with an example in each row. A layer multiplies it by weights w, adds biases b, and bends the sums
z = x·w + b with an activation, a = f(z); what it answers is the next layer's x. The last layer's a are the network's
outputs, which a loss compares with the targets t. Learning walks back from the loss with the chain rule and asks of every
weight: if it grew a little, how fast would the loss grow? Then each weight takes a small step the other way.

Every number is a float64. Shapes stand beside what has them: n rows in a batch, i inputs and u units of a layer, k outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Random = np.random.Generator


def sigmoid(z: Array) -> Array:
    """1 / (1 + e⁻ᶻ) squeezes any number between 0 and 1; by way of tanh, which never overflows."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def softmax(z: Array) -> Array:
    """eᶻ / Σ eᶻ makes shares of each row (n, k) that add up to 1; its largest z is taken out first, lest eᶻ overflows."""
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


# A hidden layer's activation f(z), and its derivative f′(z), which is most easily said with a = f(z).
Function = Callable[[Array], Array]
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(np.float64)),
    "identity": (lambda z: z, lambda a: np.ones_like(a)),
}


@dataclass
class Layer:
    """A layer in which every unit sees every input."""

    w: Array  # (i, u): how strongly each input counts for each unit
    b: Array  # (u,): what a unit answers to no input at all
    activation: str


def draw_layers(sizes: list[int], activation: str, random: Random) -> list[Layer]:
    """A network with layers of these sizes, inputs first, outputs last.

    Biases start at 0, weights at random: equal units would stay equal for ever. They start small enough that sums keep
    their size from layer to layer (X. Glorot, Y. Bengio, 2010).
    """
    layers = []
    for i, u in pairwise(sizes):
        limit = np.sqrt(6 / (i + u))
        layers.append(Layer(random.uniform(-limit, limit, (i, u)), np.zeros(u), activation))
    # What becomes of the last layer's sums is the loss's affair.
    layers[-1].activation = "identity"
    return layers


def forward(layers: list[Layer], x: Array) -> list[Array]:
    """What each layer answers: the batch itself (n, i) first, then each layer's a (n, u), the last one's z (n, k) last."""
    answers = [x]
    for layer in layers:
        f, _ = ACTIVATIONS[layer.activation]
        answers.append(f(answers[-1] @ layer.w + layer.b))
    return answers


def measure(z: Array, t: Array, loss: str) -> tuple[float, Array]:
    """How wrong the last sums (n, k) are: the mean loss, and its derivative by each of them (n, k).

    Each loss has the output activation that goes with it: then the derivative is, but for a factor, outputs − targets.
    """
    n, k = z.shape
    if loss == "binary_cross_entropy":
        # −t·log a − (1 − t)·log(1 − a) of a = sigmoid(z), so written that no logarithm sees 0: k yes-or-no questions a row.
        terms = np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))
        return terms.sum() / (n * k), (sigmoid(z) - t) / (n * k)
    if loss == "categorical_cross_entropy":
        # −Σ t·log a of a = softmax(z): one class of k a row, t is 1 there and 0 elsewhere.
        rest = z - z.max(axis=1, keepdims=True)
        terms = t * (np.log(np.exp(rest).sum(axis=1, keepdims=True)) - rest)
        return terms.sum() / n, (softmax(z) - t) / n
    # mean_squared_error: k numbers a row, which are the sums themselves.
    return ((z - t) ** 2).sum() / (n * k), 2 * (z - t) / (n * k)


def backward(layers: list[Layer], answers: list[Array], dz: Array) -> list[tuple[Array, Array]]:
    """The loss's derivatives by each layer's w (i, u) and b (u,), from its derivative by the last sums (n, k)."""
    gradients = []
    for place in reversed(range(len(layers))):
        layer, x = layers[place], answers[place]
        # z = x·w + b: a weight meets the input that it multiplies, a bias meets 1, and a batch adds up over its rows.
        gradients.append((x.T @ dz, dz.sum(axis=0)))
        if place > 0:
            # An input reached the loss through all units: along each weight, then through the activation that made it.
            _, derivative = ACTIVATIONS[layers[place - 1].activation]
            dz = (dz @ layer.w.T) * derivative(x)
    return gradients[::-1]


def step(layers: list[Layer], x: Array, t: Array, loss: str, rate: float) -> float:
    """Learn from one batch (n, i) with targets (n, k), by gradient descent; returns the loss before."""
    answers = forward(layers, x)
    before, dz = measure(answers[-1], t, loss)
    for layer, (dw, db) in zip(layers, backward(layers, answers, dz), strict=True):
        layer.w -= rate * dw
        layer.b -= rate * db
    return before


def train_epoch(layers: list[Layer], x: Array, t: Array, loss: str, rate: float, size: int, random: Random) -> float:
    """See every row once, in a new order, so many at a time; returns the mean loss on the way."""
    order, total = random.permutation(len(x)), 0.0
    for start in range(0, len(x), size):
        rows = order[start : start + size]
        total += step(layers, x[rows], t[rows], loss, rate) * len(rows)
    return total / len(x)


def main() -> None:
    """Learn which points of a square lie in a circle, which no straight line tells apart."""
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (500, 2))
    t = (x**2).sum(axis=1, keepdims=True) < 0.5
    layers = draw_layers([2, 8, 8, 1], "tanh", random)
    for epoch in range(1, 101):
        loss = train_epoch(layers, x, t.astype(np.float64), "binary_cross_entropy", rate=0.5, size=10, random=random)
        if epoch in (1, 2, 5, 10, 20, 50, 100):
            right = (sigmoid(forward(layers, x)[-1]) > 0.5) == t
            print(f"epoch {epoch:3}   loss {loss:.4f}   right {right.mean():.1%}")


if __name__ == "__main__":
    main()
