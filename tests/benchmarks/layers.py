"""What convolutions, schedules, clipping and metrics cost: ``python tests/benchmarks/layers.py [rounds]``.

Three tables, each measured in turns within one run after the results were compared: the convolutional preset beside PyTorch
(eager, one and two threads), Adam with a schedule and clipping beside Adam alone, and a report with every metric beside an
epoch. Ratios are medians of the rounds' own.
"""

import statistics
import sys
import time

import msgspec
import numpy as np

from playground.catalog.schedules import Cosine
from playground.experiment import Adam, BundledSource, DataSpec, Dense, Experiment, NetworkSpec, TrainingSpec, checked
from playground.experiment.presets import preset, preset_names
from playground.formats.safetensors import tensors
from playground.insight.evaluation import evaluate_outputs
from playground.kernels.state import available_cores
from playground.training.trainer import Trainer

replace = msgspec.structs.replace


def torch_twin(trainer):
    """The convolutional preset as torch.nn.Sequential with the same weights, and a function that trains some rows once."""
    import torch
    from torch import nn

    network = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(128, 10)),
    )
    network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors(trainer.model()).items()})
    spec = trainer.run.experiment.training.optimizer
    optimizer = torch.optim.Adam(network.parameters(), spec.learning_rate)
    loss = nn.CrossEntropyLoss()
    inputs = torch.from_numpy(trainer.run.data.train_inputs)
    targets = torch.from_numpy(trainer.run.data.train_targets.argmax(axis=1))

    def step(rows):
        optimizer.zero_grad()
        value = loss(network(inputs[rows]), targets[rows])
        value.backward()
        optimizer.step()
        return value.item()

    return network, step


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(ours, theirs):
    """How many times as fast as the other, as the median of the rounds."""
    return statistics.median(other / own for own, other in zip(ours, theirs, strict=True))


def convolution(rounds):
    """The convolutional preset beside PyTorch, samples a second."""
    import torch

    experiment = preset("digits_conv")
    trainers = {threads: Trainer(experiment, "cpu", threads=threads) for threads in (1, available_cores())}
    first = trainers[1]
    batch, rows = experiment.training.batch_size, len(first.run.data.train_rows)
    # Five steps on the same rows from the same weights must lead to the same weights.
    network, step = torch_twin(first)
    first.train_steps(5)
    for start in range(0, 5 * batch, batch):
        step(torch.from_numpy(first.state.order[start : start + batch].copy()))
    for name, array in tensors(first.model()).items():
        np.testing.assert_allclose(network.state_dict()[name].numpy(), array, atol=2e-4, err_msg=name)
    times = {}
    for _ in range(rounds):
        for threads, trainer in trainers.items():
            times.setdefault(("ours", threads), []).append(timed(lambda trainer=trainer: trainer.train_epochs(2)))
        for threads in (1, 2):
            torch.set_num_threads(threads)

            def epochs():
                for _ in range(2):
                    order = torch.randperm(rows)
                    for start in range(0, rows, batch):
                        step(order[start : start + batch])

            times.setdefault(("torch", threads), []).append(timed(epochs))
    print("digits_conv, batch 32, Adam: thousand samples a second")
    for (who, threads), seconds in times.items():
        print(f"  {who:5} {threads} thread{'s' if threads > 1 else ' '}  {2 * rows / statistics.median(seconds) / 1000:7.1f}")
    best = min((times["torch", 1], times["torch", 2]), key=statistics.median)
    for threads in trainers:
        print(f"  ours on {threads}: {ratio(times['ours', threads], best):.2f} × PyTorch (best of 1 and 2 threads)")


def experiment_of(widths, rows_of, **training):
    source = {2: "iris", 64: "digits"}[rows_of]
    layers = tuple(Dense(units=units) for units in widths)
    return checked(
        Experiment(
            data=DataSpec(source=BundledSource(name=source)),
            network=NetworkSpec(layers=layers),
            training=TrainingSpec(task="multiclass", loss="categorical_cross_entropy", **training),
        )
    )


def schedule_and_clipping(rounds):
    """Adam with a cosine schedule and clipping by norm beside Adam alone."""
    print("Adam with cosine schedule and clip_norm 1, time over Adam alone")
    for words, widths, source, batch, steps in (
        ("4-8-8-3, batch 10", (8, 8), 2, 10, 4000),
        ("64-32-10, batch 32", (32,), 64, 32, 1500),
        ("64-128-10, batch 128", (128,), 64, 128, 600),
        ("64-512-256-10, batch 128", (512, 256), 64, 128, 60),
    ):
        plain = experiment_of(widths, source, optimizer=Adam(learning_rate=1e-4), batch_size=batch)
        more = checked(replace(plain, training=replace(plain.training, schedule=Cosine(), clip_norm=1.0)))
        trainers = [Trainer(experiment, "cpu", threads=1) for experiment in (plain, more)]
        times = [[], []]
        for trainer in trainers:
            trainer.train_steps(steps)
        for _ in range(2 * rounds):
            for trainer, seconds in zip(trainers, times, strict=True):
                seconds.append(timed(lambda trainer=trainer, steps=steps: trainer.train_steps(steps)))
        print(f"  {words:26} {(ratio(times[0], times[1]) - 1) * 100:+5.1f} %")


def metrics(rounds):
    """A report with every metric on all rows beside an epoch of training."""
    print("evaluation and a report with every metric, beside an epoch")
    for name in ("digits_conv", "digits", "breast_cancer"):
        assert name in preset_names()
        trainer = Trainer(preset(name), "cpu")
        data = trainer.run.data
        trainer.record()
        rows = data.test_rows

        def report(trainer=trainer, data=data, rows=rows):
            trainer.record(with_gradients=False)
            evaluate_outputs(trainer.outputs[rows], data.dataset.targets[rows], data.preprocessing)

        report()
        epochs, reports = [], []
        for _ in range(rounds):
            epochs.append(timed(trainer.train_epochs))
            reports.append(timed(report))
        epoch, whole = statistics.median(epochs), statistics.median(reports)
        print(f"  {name:14} epoch {epoch * 1000:7.1f} ms, report {whole * 1000:6.1f} ms: {whole / epoch:.0%}")


if __name__ == "__main__":
    count = int(sys.argv[1]) if sys.argv[1:] else 9
    convolution(count)
    schedule_and_clipping(count)
    metrics(count)
