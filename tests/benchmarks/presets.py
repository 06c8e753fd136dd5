"""How good and how fast the presets are over ten seeds: ``python tests/benchmarks/presets.py [NAME …] [--seeds 10]``."""

from __future__ import annotations

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from playground.catalog.tasks import TASKS
from playground.experiment import Experiment
from playground.experiment.edits import with_seed
from playground.experiment.presets import preset, preset_names
from playground.training.trainer import Trainer

# What issue and README promise: (measure, mean at least/at most, worst seed).
PROMISES = {
    "breast_cancer": "mean ≥ 0.965, least ≥ 0.94",
    "iris": "mean ≥ 0.94",
    "wine": "mean ≥ 0.97",
    "digits": "mean ≥ 0.965",
    "digits_conv": "mean ≥ 0.98 over 5 seeds, each under 30 s",
    "diabetes": "mean RMSE ≤ 58 (linear model: 54.0)",
    "multilabel": "≥ 2 × commonest set",
    "ratings": "mean RMSE ≤ 0.66; heads compared in heads.py",
}


def run(experiment: Experiment) -> tuple[Trainer, float]:
    """Train to the end; the trainer and the seconds it took, loading the data aside."""
    trainer = Trainer(experiment)
    start = time.perf_counter()
    trainer.record()
    for _ in range(experiment.training.epochs):
        trainer.train_epochs()
    trainer.record()
    return trainer, time.perf_counter() - start


def commonest_set_share(trainer: Trainer) -> float:
    """Subset accuracy of always predicting the label set that is commonest in the training rows."""
    targets = trainer.run.data.dataset.targets
    train, test = targets[trainer.run.data.train_rows], targets[trainer.run.data.test_rows]
    sets, counts = np.unique(train, axis=0, return_counts=True)
    return float((test == sets[counts.argmax()]).all(axis=1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    names = options.names or preset_names()
    table = Table("preset", "measure", "mean", "least", "most", "seconds a run", "promise", "note")
    for name in names:
        experiment = preset(name)
        metric = f"test_{TASKS[experiment.training.task].metrics[0]}"
        values, seconds, notes = [], [], []
        for seed in range(options.seeds):
            trainer, took = run(with_seed(experiment, seed))
            values.append(trainer.history.last()[metric])
            seconds.append(took)
            if name == "multilabel":
                notes.append(commonest_set_share(trainer))
        note = f"commonest set {np.mean(notes):.3f}" if notes else ""
        table.add_row(
            name,
            metric,
            f"{np.mean(values):.4f}",
            f"{min(values):.4f}",
            f"{max(values):.4f}",
            f"{np.median(seconds):.2f}",
            PROMISES.get(name, ""),
            note,
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
