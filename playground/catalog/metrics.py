"""Metrics: how good the predictions are in terms that people use, beside the loss; as scikit-learn defines them.

Whole reports are computed by scikit-learn itself (`playground.insight.evaluation`). The cheap ones are recorded at every
measurement of a run; those have a NumPy form here, because importing scikit-learn would delay the start by a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playground.catalog.record import Record
from playground.words import tr

Array = Any
CLASSES = ("binary", "multiclass", "multilabel")
QUANTITIES = ("regression", "bounded")


@dataclass(frozen=True)
class Metric(Record):
    """A metric.

    Parameters
    ----------
    formula
        Its definition, written as in a textbook.
    source
        The paper or book that the definition is from.
    tasks
        Names of the tasks it is reported for.
    function
        Name of the function in ``sklearn.metrics`` that computes it.
    of
        What that function compares with the truth: ``answers`` (class numbers, or labels 0/1), ``scores`` of one class or
        label at a time, ``probabilities`` of all, or ``values`` in the data's units.
    options
        Keywords for the function.
    each
        Whether there is a number for each class, label or output, too; the overall number is then the mean of those.
    percent
        Whether people read it in percent.
    larger_is_better
        Direction of improvement.
    compute
        ``f(predicted, true) -> float``, the NumPy form of those that are recorded at every measurement, else None. Classes:
        both are class numbers (rows,) or 0/1 labels (rows, labels). Quantities: both are values in the data's units
        (rows, outputs).
    """

    formula: str
    source: str
    tasks: tuple[str, ...]
    function: str
    of: str
    percent: bool = False
    larger_is_better: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    each: bool = False
    compute: Callable[[Array, Array], float] | None = None


def accuracy(predicted: Array, true: Array) -> float:
    """Share of rows that are right, 0 … 1; with several labels a row counts only if all of them are."""
    equal = predicted == true
    return float(equal.all(axis=1).mean() if equal.ndim == 2 else equal.mean()) if len(true) else float("nan")


def rmse(predicted: Array, true: Array) -> float:
    """Root of the mean squared error in the data's units; with several outputs the mean of theirs."""
    return float(np.sqrt(((predicted - true) ** 2).mean(axis=0)).mean()) if len(true) else float("nan")


def r2(predicted: Array, true: Array) -> float:
    """Share of the variance explained: 1 is perfect, 0 is no better than the mean; outputs count alike.

    An output that never varies counts 1 if it is met exactly and 0 otherwise, as in scikit-learn.
    """
    if len(true) < 2:
        return float("nan")
    residual = ((predicted - true) ** 2).sum(axis=0)
    total = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    varies = total > 0
    explained = 1 - residual / np.where(varies, total, 1.0)
    return float(np.where(varies, explained, np.where(residual == 0, 1.0, 0.0)).mean())


_MANNING = "C. Manning, P. Raghavan, H. Schütze: Introduction to Information Retrieval, 2008, "
_BISHOP = "C. Bishop, Pattern Recognition and Machine Learning, 2006, "
_LABELS = "G. Tsoumakas, I. Katakis: Multi-Label Classification: An Overview, 2007, section 4"
# What is 0 / 0 has no value: it is left out of means and said to be undefined, not taken for 0.
_UNDEFINED: Mapping[str, Any] = {"average": None, "zero_division": np.nan}

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy",
            tr("Accuracy"),
            tr("Share of rows predicted right."),
            formula="right rows / all rows",
            source=_MANNING + "section 8.3",
            tasks=("binary", "multiclass"),
            function="accuracy_score",
            of="answers",
            percent=True,
            compute=accuracy,
        ),
        Metric(
            "subset_accuracy",
            tr("Subset accuracy"),
            tr("Share of rows whose labels are all predicted right."),
            formula="rows with all labels right / all rows",
            source=_LABELS,
            tasks=("multilabel",),
            function="accuracy_score",
            of="answers",
            percent=True,
            compute=accuracy,
        ),
        Metric(
            "hamming_loss",
            tr("Hamming loss"),
            tr("Share of single labels that are wrong, whatever the rest of their row."),
            formula="wrong labels / (rows × labels)",
            source=_LABELS,
            tasks=("multilabel",),
            function="hamming_loss",
            of="answers",
            percent=True,
            larger_is_better=False,
        ),
        Metric(
            "precision",
            tr("Precision"),
            tr("Of the rows said to be of a class, the share that is: how far a yes can be trusted."),
            formula="TP / (TP + FP)",
            source=_MANNING + "equation 8.1",
            tasks=CLASSES,
            function="precision_score",
            of="answers",
            options=_UNDEFINED,
            each=True,
            percent=True,
        ),
        Metric(
            "recall",
            tr("Recall"),
            tr("Of the rows that are of a class, the share that is found."),
            formula="TP / (TP + FN)",
            source=_MANNING + "equation 8.2",
            tasks=CLASSES,
            function="recall_score",
            of="answers",
            options=_UNDEFINED,
            each=True,
            percent=True,
        ),
        Metric(
            "f1",
            tr("F1"),
            tr("Precision and recall in one number, low if either is; the mean over classes (macro) counts rare ones as much."),
            formula="2·P·R / (P + R)",
            source=_MANNING + "equation 8.6 (β = 1)",
            tasks=CLASSES,
            function="f1_score",
            of="answers",
            options=_UNDEFINED,
            each=True,
            percent=True,
        ),
        Metric(
            "roc_auc",
            tr("ROC AUC"),
            tr("Chance that a row of the class gets a higher score than one that isn't: 1 is perfect, 0.5 is guessing."),
            formula="P(score of a row of the class > score of another row)",
            source="T. Fawcett: An Introduction to ROC Analysis, 2006, section 7",
            tasks=CLASSES,
            function="roc_auc_score",
            of="scores",
            options={"average": None},
            each=True,
        ),
        Metric(
            "log_loss",
            tr("Log loss"),
            tr("How surprised the probabilities are by the truth, in nats; confident mistakes cost most."),
            formula="−mean log p(true class)",
            source=_BISHOP + "equation 4.108",
            tasks=CLASSES,
            function="log_loss",
            of="probabilities",
            larger_is_better=False,
        ),
        Metric(
            "rmse",
            tr("RMSE"),
            tr("Typical error in the data's own units: the root of the mean squared error."),
            formula="√ mean (a − t)²",
            source=_BISHOP + "equation 1.3",
            tasks=QUANTITIES,
            function="root_mean_squared_error",
            of="values",
            options={"multioutput": "raw_values"},
            each=True,
            larger_is_better=False,
            compute=rmse,
        ),
        Metric(
            "mae",
            tr("MAE"),
            tr(
                "Mean distance between prediction and truth, in the data's own units; large misses count no more than their size."
            ),
            formula="mean |a − t|",
            source="C. Willmott, K. Matsuura: Advantages of the Mean Absolute Error, 2005, equation 2",
            tasks=QUANTITIES,
            function="mean_absolute_error",
            of="values",
            options={"multioutput": "raw_values"},
            each=True,
            larger_is_better=False,
        ),
        Metric(
            "r2",
            tr("R²"),
            tr("Share of the variance explained: 1 is perfect, 0 is no better than always saying the mean."),
            formula="1 − Σ (a − t)² / Σ (t − mean t)²",
            source="N. Draper, H. Smith: Applied Regression Analysis, 1998, section 1.3",
            tasks=QUANTITIES,
            function="r2_score",
            of="values",
            options={"multioutput": "raw_values"},
            each=True,
            compute=r2,
        ),
        Metric(
            "confusion_matrix",
            tr("Confusion matrix"),
            tr("How many rows of each class are said to be of each class; what is right stands on the diagonal."),
            formula="row: true class, column: predicted class",
            source="S. Stehman: Selecting and Interpreting Measures of Thematic Classification Accuracy, 1997, table 1",
            tasks=CLASSES,
            function="confusion_matrix",
            of="answers",
        ),
    )
}


def recorded(name: str) -> Callable[[Array, Array], float]:
    """The NumPy form of a metric that is recorded at every measurement; see `Metric.compute`."""
    form = METRICS[name].compute
    assert form is not None, f"{name} is computed by playground.insight.evaluation alone"
    return form
