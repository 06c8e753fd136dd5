"""By how much the head that fits beats another one, over ten seeds: ``python tests/benchmarks/heads.py [--seeds 10]``.

Labels: a sigmoid each against softmax. Ratings: a sigmoid scaled to one to five stars against no activation. The promises are
those of the README; the exit code is 1 if one isn't kept.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from playground.catalog.activations import ACTIVATIONS
from playground.data.preprocessing import prepare
from playground.experiment import Experiment, checked
from playground.experiment.edits import with_loss, with_output_activation, with_seed
from playground.experiment.presets import preset
from playground.insight.evaluation import Report, evaluate_outputs
from playground.insight.heads import outside_the_scale
from playground.kernels.reference import backend as reference
from playground.training.trainer import train

LEAST_GAIN_IN_SUBSET_ACCURACY = 0.08
# Preset, the other output activation, the loss that goes with it, and the metric that counts.
CASES = (
    ("multilabel", "softmax", "categorical_cross_entropy", "subset_accuracy"),
    ("ratings", "identity", "mean_squared_error", "rmse"),
)


@dataclass(frozen=True)
class HeadResult:
    """How one head did with one seed, on the test rows: all metrics, and how many predictions no answer can be."""

    report: Report
    outside: int


@dataclass(frozen=True)
class HeadComparison:
    """Two heads over the same seeds, a result a seed: the experiment's own, and another."""

    own: Experiment
    other: Experiment
    own_results: tuple[HeadResult, ...]
    other_results: tuple[HeadResult, ...]

    def values(self, metric):
        """A metric of both heads, float64 (seeds,) each."""
        both = (self.own_results, self.other_results)
        return tuple(np.array([result.report.scores[metric].value for result in results]) for results in both)

    def difference(self, metric):
        """Mean of the own head's metric less that of the other."""
        own, other = self.values(metric)
        return float(own.mean() - other.mean())


def compare_heads(experiment, other, seeds, backend="auto"):
    """Train an experiment with its own head and with another."""
    own_results, other_results = (
        tuple(result_of(with_seed(variant, seed), backend) for seed in seeds) for variant in (experiment, other)
    )
    return HeadComparison(experiment, other, own_results, other_results)


def result_of(experiment, backend):
    """Train it, and judge it on the test rows."""
    model, data = train(experiment, backend=backend), prepare(experiment)
    outputs = reference.outputs(model.plan, model.parameters, data.test_inputs)
    report = evaluate_outputs(outputs, data.dataset.targets[data.test_rows], model.preprocessing)
    return HeadResult(report, outside_the_scale(data.preprocessing.values(outputs), data.dataset))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--backend", default="auto")
    options = parser.parse_args()
    table = Table("preset", "head", "measure", "mean", "least", "most", "outside the scale, a run", "gain of the head that fits")
    gains = {}
    for name, other, loss, metric in CASES:
        experiment = preset(name)
        changed = checked(with_loss(with_output_activation(experiment, other), loss))
        found = compare_heads(experiment, changed, range(options.seeds), options.backend)
        gains[name] = found.difference(metric)
        own, others = found.values(metric)
        for head, values, results in (
            ("its own", own, found.own_results),
            (ACTIVATIONS[other].title, others, found.other_results),
        ):
            outside = [result.outside for result in results]
            beyond = f"{sum(outside) / len(outside):.1f} of {results[0].report.rows}" if name == "ratings" else ""
            gain = f"{gains[name]:+.4f}, better in {_wins(own, others, metric)} of {len(own)}" if head == "its own" else ""
            numbers = (f"{values.mean():.4f}", f"{values.min():.4f}", f"{values.max():.4f}")
            table.add_row(name, head, metric, *numbers, beyond, gain)
        if name == "ratings":
            stays = all(result.outside == 0 for result in found.own_results)
            leaves = all(result.outside > 0 for result in found.other_results)
    Console(width=150).print(table)
    kept = gains["multilabel"] >= LEAST_GAIN_IN_SUBSET_ACCURACY and gains["ratings"] < 0 and stays and leaves
    print("All promises are kept." if kept else "A promise is not kept.")
    return 0 if kept else 1


def _wins(own, others, metric):
    return int((own < others).sum() if metric == "rmse" else (own > others).sum())


if __name__ == "__main__":
    sys.exit(main())
