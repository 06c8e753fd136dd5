"""Evaluation: every metric that fits a task, overall and for each class or output, by scikit-learn; a Report to show."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Array
from playground.catalog.metrics import METRICS, Metric
from playground.catalog.tasks import TASKS
from playground.data.preprocessing import Preprocessing, class_shares
from playground.words import tr

# How far from 1 float32 probabilities of many classes may add up to.
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Score:
    """One metric of a report.

    Parameters
    ----------
    metric
        Name in ``METRICS``.
    value
        Overall; NaN where it is undefined.
    each
        For each class, label or output, NaN where it is undefined; empty where the metric has no such numbers.
    reason
        Why a number is missing, one sentence; empty where none is.
    """

    metric: str
    value: float
    each: tuple[float, ...] = ()
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Report:
    """How good some predictions are.

    Parameters
    ----------
    task
        The task's name.
    names
        Of the classes, labels or outputs.
    rows
        How many rows were judged.
    counts
        How many rows are of each class or label; empty for quantities.
    scores
        Every metric of the task by its name, in the catalog's order.
    confusion
        int64 (classes, classes): rows of a true class by predicted class. Labels: (labels, 2, 2), one such table each.
        None for quantities.
    """

    task: str
    names: tuple[str, ...]
    rows: int
    counts: tuple[int, ...]
    scores: Mapping[str, Score]
    confusion: NDArray[np.int64] | None


@dataclass(frozen=True, eq=False)
class _Compared:
    """Predictions and truth in the forms that metrics take; ``indicators`` and ``shares`` have a column a class."""

    answers: Array
    truth: Array
    indicators: Array
    shares: Array
    several: bool


def evaluate_outputs(outputs: Array, targets: Array, preprocessing: Preprocessing) -> Report:
    """Judge a network's outputs.

    Parameters
    ----------
    outputs
        float32 (rows, outputs), after the output activation.
    targets
        float64 (rows, k), raw: class numbers, labels 0/1, or values, as `Dataset` has them.
    preprocessing
        What turns outputs into answers.

    Returns
    -------
    report
        Numbers that these rows leave undefined are NaN, and the score says why.
    """
    import sklearn

    outputs = np.asarray(outputs, np.float64)
    if not len(outputs):
        return Report(preprocessing.task, (), 0, (), {}, None)
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        if TASKS[preprocessing.task].classes:
            return _report_on_classes(outputs, targets, preprocessing)
        return _report_on_quantities(preprocessing.values(outputs), targets, preprocessing)


def _report_on_quantities(values: Array, targets: Array, preprocessing: Preprocessing) -> Report:
    scores = {}
    for metric in _metrics_of(preprocessing.task):
        if metric.name == "r2" and len(values) < 2:
            scores[metric.name] = Score(metric.name, np.nan, reason=tr("R² needs at least two rows."))
            continue
        if not np.isfinite(values).all():
            scores[metric.name] = Score(metric.name, np.nan, reason=tr("The outputs are no longer numbers."))
            continue
        each = tuple(float(value) for value in _function(metric)(targets, values, **metric.options))
        scores[metric.name] = Score(metric.name, float(np.mean(each)), each)
    return Report(preprocessing.task, preprocessing.target_names, len(values), (), scores, None)


def _report_on_classes(outputs: Array, targets: Array, preprocessing: Preprocessing) -> Report:
    several, names = preprocessing.task == "multilabel", preprocessing.classes
    indicators = targets > 0.5 if several else targets[:, :1] == np.arange(len(names))
    truth = targets.astype(np.int64) if several else targets[:, 0].astype(np.int64)
    compared = _Compared(
        preprocessing.labels(outputs).astype(np.int64), truth, indicators, class_shares(outputs, preprocessing), several
    )
    judges = {"answers": _judge_answers, "scores": _judge_scores, "probabilities": _judge_probabilities}
    scores = {
        metric.name: judges[metric.of](metric, compared, names)
        for metric in _metrics_of(preprocessing.task)
        if metric.name != "confusion_matrix"
    }
    counts = tuple(int(count) for count in indicators.sum(axis=0))
    return Report(preprocessing.task, names, len(outputs), counts, scores, _confusion(compared, len(names)))


def _metrics_of(task: str) -> list[Metric]:
    return [metric for metric in METRICS.values() if task in metric.tasks]


def _function(metric: Metric) -> Callable[..., Any]:
    """The metric's function; scikit-learn is imported here, when a report is asked for, as it takes a second."""
    import sklearn.metrics

    function: Callable[..., Any] = getattr(sklearn.metrics, metric.function)
    return function


def _judge_answers(metric: Metric, compared: _Compared, names: tuple[str, ...]) -> Score:
    """Metrics of the answers alone; classes that leave one undefined are left out of the mean and named."""
    keywords: dict[str, Any] = dict(metric.options)
    if metric.each:
        # A single label is a column of yes and no for scikit-learn, of which the yes is meant.
        keywords["labels"] = [1] if compared.several and len(names) == 1 else np.arange(len(names))
    with warnings.catch_warnings():
        # What is undefined is said in the report.
        warnings.simplefilter("ignore")
        value = _function(metric)(compared.truth, compared.answers, **keywords)
    if not metric.each:
        return Score(metric.name, float(value))
    each = tuple(float(number) for number in value)
    return _mean_of(metric, each, names, {"precision": tr("never predicted"), "recall": tr("not among the rows")})


def _judge_scores(metric: Metric, compared: _Compared, names: tuple[str, ...]) -> Score:
    """Each class or label against all others, by its own share."""
    own, shares = compared.indicators, compared.shares
    judged = own.any(axis=0) & ~own.all(axis=0) & np.isfinite(shares).all(axis=0)
    each = np.full(len(names), np.nan)
    if judged.any():
        # All classes in one call, as each call of scikit-learn's takes milliseconds to look its input over.
        each[judged] = _function(metric)(own[:, judged].astype(np.int64), shares[:, judged], **metric.options)
    return _mean_of(metric, tuple(each.tolist()), names, {"roc_auc": tr("in none or in all of the rows")})


def _judge_probabilities(metric: Metric, compared: _Compared, names: tuple[str, ...]) -> Score:
    """Only of probabilities: within 0 … 1, and adding up to 1 where exactly one class is right."""
    shares = compared.shares
    if not ((shares >= 0) & (shares <= 1)).all():
        return Score(
            metric.name,
            np.nan,
            reason=tr("{title} is left out: the outputs are no probabilities from 0 to 1.").format(title=metric.title),
        )
    function = _function(metric)
    if compared.several:
        each = [function(own, share, labels=[False, True]) for own, share in zip(compared.indicators.T, shares.T, strict=True)]
        return Score(metric.name, float(np.mean(each)))
    if np.abs(shares.sum(axis=1) - 1).max() > SUM_TOLERANCE:
        return Score(
            metric.name,
            np.nan,
            reason=tr("{title} is left out: the outputs of a row don't add up to 1.").format(title=metric.title),
        )
    shares = shares / shares.sum(axis=1, keepdims=True)
    return Score(metric.name, float(function(compared.truth, shares, labels=np.arange(len(names)))))


def _mean_of(metric: Metric, each: tuple[float, ...], names: tuple[str, ...], causes: Mapping[str, str]) -> Score:
    """The mean of what is defined, and which classes it is not defined for."""
    missing = [name for name, value in zip(names, each, strict=True) if np.isnan(value)]
    if not missing:
        return Score(metric.name, float(np.mean(each)), each)
    cause = causes.get(metric.name, tr("neither predicted nor among the rows"))
    verb = "is" if len(missing) == 1 else "are"
    reason = tr("{title} leaves out {missing}, which {verb} {cause}.").format(
        title=metric.title, missing=", ".join(missing), verb=verb, cause=cause
    )
    value = float(np.nanmean(each)) if len(missing) < len(each) else np.nan
    return Score(metric.name, value, each, reason)


def _confusion(compared: _Compared, classes: int) -> NDArray[np.int64]:
    import sklearn.metrics

    table: NDArray[np.int64]
    if compared.several:
        # A label at a time: of a single one scikit-learn would make a table for its yes and one for its no.
        labels = zip(compared.truth.T, compared.answers.T, strict=True)
        table = np.stack([sklearn.metrics.confusion_matrix(true, said, labels=[0, 1]) for true, said in labels])
    else:
        table = sklearn.metrics.confusion_matrix(compared.truth, compared.answers, labels=np.arange(classes))
    return table


def in_words(metric: Metric, value: float) -> str:
    """A metric's value for people: ``97.5 %``, ``0.0312``; a dash where it is undefined."""
    if not np.isfinite(value):
        return "–"
    return f"{100 * value:.1f} %" if metric.percent else f"{value:.4g}".replace("-", "−")


def report_json(report: Report, judged: str) -> dict[str, Any]:
    """The report as plain values for a JSON file; what is undefined is null.

    Parameters
    ----------
    judged
        Which rows were judged: ``test``, or ``training`` where none were kept back for a test.
    """

    def plain(value: float) -> float | None:
        return value if np.isfinite(value) else None

    return {
        "task": report.task,
        "judged": judged,
        "rows": report.rows,
        "names": list(report.names),
        "counts": list(report.counts),
        "metrics": {
            name: {
                "value": plain(score.value),
                "each": [plain(value) for value in score.each],
                **({"reason": score.reason} if score.reason else {}),
            }
            for name, score in report.scores.items()
        },
        "confusion_matrix": report.confusion.tolist() if report.confusion is not None else None,
    }


def report_lines(report: Report, prefix: str = "test_", known: Collection[str] = ()) -> list[str]:
    """The overall numbers as ``playground train`` prints them, a line each: ``test_f1 0.9640``.

    Parameters
    ----------
    prefix
        Which rows were judged.
    known
        Names of the metrics that are printed already.
    """
    return [
        f"{prefix}{name} {score.value:.4f}" if np.isfinite(score.value) else f"{prefix}{name} undefined: {score.reason}"
        for name, score in report.scores.items()
        if name not in known
    ]
