"""Tasks: what the outputs mean, and so which last layer, loss and metrics fit."""

from __future__ import annotations

from dataclasses import dataclass

from playground.catalog.record import Record
from playground.words import tr


@dataclass(frozen=True)
class Task(Record):
    """A task.

    Parameters
    ----------
    output_activation
        Activation of the last layer that fits.
    loss
        Name of the loss that fits.
    reason
        Why these two: one or two plain sentences.
    metrics
        Names of the metrics recorded beside the loss.
    classes
        Whether the outputs choose among classes (rather than being quantities).
    """

    output_activation: str
    loss: str
    reason: str
    metrics: tuple[str, ...]
    classes: bool


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "binary",
            tr("Yes or no"),
            tr("Two classes: one sigmoid output gives the probability of the second."),
            output_activation="sigmoid",
            loss="binary_cross_entropy",
            reason=tr(
                "One sigmoid output is the probability of yes, and no gets the rest. Cross-entropy charges it by how little "
                "probability the truth was given, and its slope never fades on a wrong answer."
            ),
            metrics=("accuracy",),
            classes=True,
        ),
        Task(
            "multiclass",
            tr("One of several"),
            tr("Several classes, exactly one is right: softmax outputs are probabilities that add up to 1."),
            output_activation="softmax",
            loss="categorical_cross_entropy",
            reason=tr(
                "Exactly one class is right, so the outputs share one probability: softmax makes them add up to 1. "
                "Cross-entropy charges a row by how little of it the true class was given."
            ),
            metrics=("accuracy",),
            classes=True,
        ),
        Task(
            "multilabel",
            tr("Any of several"),
            tr("Several labels, any number of which may hold: a sigmoid each, independent of the others."),
            output_activation="sigmoid",
            loss="binary_cross_entropy",
            reason=tr(
                "Each label is a yes or no of its own, so each output gets a sigmoid of its own. Softmax makes the labels "
                "compete: two of them could never both be above one half."
            ),
            metrics=("subset_accuracy",),
            classes=True,
        ),
        Task(
            "regression",
            tr("A quantity"),
            tr("One or several numbers: the outputs are the weighted sums themselves."),
            output_activation="identity",
            loss="mean_squared_error",
            reason=tr(
                "A quantity may be any number, so nothing squeezes the weighted sum. Squared error charges large misses most."
            ),
            metrics=("rmse", "r2"),
            classes=False,
        ),
        Task(
            "bounded",
            tr("A quantity on a scale"),
            tr("Numbers that never leave a scale, such as one to five stars: a sigmoid stretched to the scale."),
            output_activation="scaled_sigmoid",
            loss="mean_squared_error",
            reason=tr(
                "Answers pile up at the ends of the scale and never lie beyond. A sigmoid stretched to the scale reaches the "
                "ends but not leave them, so no prediction is impossible."
            ),
            metrics=("rmse", "r2"),
            classes=False,
        ),
    )
}
