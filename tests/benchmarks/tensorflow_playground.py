"""How well and how fast the tasks of TensorFlow Playground are learned, set up as it is, over thirty seeds.

Its own engine's figures (shared in the README, measured under Node 20 on a 2-core machine) stand beside ours. Also the
spiral on x₁ and x₂ alone, which it never learns. ``python tests/benchmarks/tensorflow_playground.py [--seeds 30]``.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from playground.catalog.initializers import Uniform
from playground.experiment import SGD, Adam, DataSpec, Dense, Experiment, NetworkSpec, SyntheticSource, TrainingSpec, checked
from playground.training.trainer import Trainer

# Task, hidden layers, features, samples, its seeds of 30 below 0.01, its median epochs.
CASES = [
    ("gauss", (4, 2), ("x1", "x2"), 500, 30, 9),
    ("plane", (4, 2), ("x1", "x2"), 1200, 30, 4),
    ("circle", (4, 2), ("x1", "x2"), 500, 28, 138),
    ("xor", (4, 2), ("x1", "x2"), 500, 19, 187),
    ("circle", (), ("x1_squared", "x2_squared"), 500, 28, 45),
]
GOAL = 0.01
EPOCHS = 500


def as_tensorflow_playground(name: str, hidden: tuple[int, ...], features: tuple[str, ...], samples: int, seed: int):
    """Its defaults: tanh, rate 0.03, batch 10, half the rows for training, weights U(−0.5, 0.5), biases 0.1."""
    regression = name == "plane"
    return checked(
        Experiment(
            data=DataSpec(
                source=SyntheticSource(name=name, samples=samples),
                features=features,
                test_fraction=0.5,
                standardize=False,
                seed=seed,
            ),
            network=NetworkSpec(
                layers=tuple(Dense(units=units, activation="tanh") for units in hidden),
                initializer=Uniform(low=-0.5, high=0.5),
                bias=0.1,
                output_activation=None if regression else "tanh",
                seed=seed,
            ),
            training=TrainingSpec(
                task="regression" if regression else "binary",
                loss="half_squared_error",
                optimizer=SGD(learning_rate=0.03),
                batch_size=10,
                epochs=EPOCHS,
                seed=seed,
            ),
        )
    )


def epochs_to_goal(experiment: Experiment) -> int | None:
    """Epochs until the test loss is below the goal, None if it never is."""
    trainer = Trainer(experiment)
    for epoch in range(1, EPOCHS + 1):
        trainer.train_epochs()
        if trainer.record()["test_loss"] < GOAL:
            return epoch
    return None


def spiral(seed: int) -> float:
    """Test accuracy on the spiral after 300 epochs of 16-16-16 ReLU on x₁, x₂ alone."""
    trainer = Trainer(
        checked(
            Experiment(
                data=DataSpec(source=SyntheticSource(name="spiral"), seed=seed),
                network=NetworkSpec(
                    layers=tuple(Dense(units=16, activation="relu") for _ in range(3)),
                    initializer="he_uniform",
                    seed=seed,
                ),
                training=TrainingSpec(
                    task="binary",
                    loss="binary_cross_entropy",
                    optimizer=Adam(learning_rate=0.01),
                    batch_size=32,
                    epochs=300,
                    seed=seed,
                ),
            )
        )
    )
    best = 0.0
    for _ in range(300):
        trainer.train_epochs()
        best = max(best, trainer.record()["test_accuracy"])
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    seeds = parser.parse_args().seeds
    table = Table("task", "inputs", "hidden", "ours: seeds", "median epochs", "its: of 30", "median epochs", "seconds")
    for name, hidden, features, samples, its_seeds, its_epochs in CASES:
        start = time.perf_counter()
        reached = [epochs_to_goal(as_tensorflow_playground(name, hidden, features, samples, seed)) for seed in range(seeds)]
        epochs = [value for value in reached if value is not None]
        table.add_row(
            name,
            " ".join(features),
            "-".join(map(str, hidden)) or "none",
            f"{len(epochs)}/{seeds}",
            f"{np.median(epochs):.0f}" if epochs else "–",
            str(its_seeds),
            str(its_epochs),
            f"{time.perf_counter() - start:.1f}",
        )
    Console(width=130).print(table)
    accuracies = [spiral(seed) for seed in range(seeds)]
    above = sum(accuracy > 0.97 for accuracy in accuracies)
    print(f"spiral, x1 x2, 16-16-16 ReLU: {above}/{seeds} seeds above 97 % within 300 epochs (its: 0/30)")


if __name__ == "__main__":
    main()
