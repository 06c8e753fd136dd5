"""By how much the head that fits beats another one, over ten seeds: ``python tests/benchmarks/heads.py [--seeds 10]``.

Labels: a sigmoid each against softmax. Ratings: a sigmoid scaled to one to five stars against no activation. The promises are
those of the README; the exit code is 1 if one isn't kept.
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from playground.catalog.activations import ACTIVATIONS
from playground.experiment import decode
from playground.insight.heads import compare_heads
from playground.storage import resource

LEAST_GAIN_IN_SUBSET_ACCURACY = 0.08


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--backend", default="auto")
    options = parser.parse_args()
    table = Table("preset", "head", "measure", "mean", "least", "most", "outside the scale, a run", "gain of the head that fits")
    gains = {}
    for name, other, metric in (("multilabel", "softmax", "subset_accuracy"), ("ratings", "identity", "rmse")):
        experiment = decode(resource("presets", f"{name}.json").read_bytes())
        found = compare_heads(experiment, other, range(options.seeds), options.backend)
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
