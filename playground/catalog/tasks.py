"""Tasks: what the outputs mean, and so which last layer, loss and metrics fit."""

from __future__ import annotations

from dataclasses import dataclass

from playground.catalog.record import Record


@dataclass(frozen=True)
class Task(Record):
    """A task.

    Parameters
    ----------
    output_activation
        Activation of the last layer that fits.
    loss
        Name of the loss that fits.
    metrics
        Names of the metrics recorded beside the loss.
    classes
        Whether the outputs choose among classes (rather than being quantities).
    """

    output_activation: str
    loss: str
    metrics: tuple[str, ...]
    classes: bool


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "binary",
            "Yes or no",
            "Two classes: one sigmoid output gives the probability of the second.",
            output_activation="sigmoid",
            loss="binary_cross_entropy",
            metrics=("accuracy",),
            classes=True,
        ),
        Task(
            "multiclass",
            "One of several",
            "Several classes, exactly one is right: softmax outputs are probabilities that add up to 1.",
            output_activation="softmax",
            loss="categorical_cross_entropy",
            metrics=("accuracy",),
            classes=True,
        ),
        Task(
            "multilabel",
            "Any of several",
            "Several labels, any number of which may hold: a sigmoid each, independent of the others.",
            output_activation="sigmoid",
            loss="binary_cross_entropy",
            metrics=("accuracy",),
            classes=True,
        ),
        Task(
            "regression",
            "A quantity",
            "One or several numbers: the outputs are the weighted sums themselves.",
            output_activation="identity",
            loss="mean_squared_error",
            metrics=("rmse", "r2"),
            classes=False,
        ),
    )
}
