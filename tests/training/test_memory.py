"""The memory that a run takes: reckoned before it starts, and measured while it runs."""

import os
import time
import tracemalloc

import pytest

from playground import train_many
from playground.catalog.optimizers import OPTIMIZERS
from playground.experiment import (
    DataSpec,
    Dense,
    EarlyStopping,
    Experiment,
    ExperimentError,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    set_field,
)
from playground.formats import safetensors
from playground.model import TrainedModel
from playground.training import memory
from playground.training.memory import memory_needed
from playground.training.protocol import Train, Use
from playground.training.run import plan_run
from playground.training.session import TrainingSession
from playground.training.trainer import Trainer

pytestmark = pytest.mark.compile


def experiment_of(optimizer, stops_early=False, samples=3000, batch_size=800, units=(400, 300)):
    experiment = Experiment(
        data=DataSpec(source=SyntheticSource(name="circle", samples=samples), validation_fraction=0.2 * stops_early),
        network=NetworkSpec(layers=tuple(Dense(units=width) for width in units)),
        training=TrainingSpec(
            task="binary",
            loss="binary_cross_entropy",
            batch_size=batch_size,
            epochs=2,
            early_stopping=EarlyStopping() if stops_early else None,
        ),
    )
    return set_field(experiment, "training.optimizer", optimizer)


def train_and_save(experiment, backend, path):
    """As the window does."""
    session = TrainingSession(backend, threads=1)
    session.start()
    session.send(Use(experiment))
    session.send(Train())
    end = time.monotonic() + 120
    while session.latest is None or not session.latest.status.ended:
        assert time.monotonic() < end
        time.sleep(0.005)
    done = session.latest
    assert done.error is None
    safetensors.save(TrainedModel(done.run.experiment, done.parameters, done.run.data.preprocessing, done.measurement), path)
    assert session.close()
    return done.run


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Kernels and modules are in the memory already."""
    for backend in ("cpu", "reference"):
        train_and_save(experiment_of("adam", True, 100, 7, (40,)), backend, tmp_path_factory.mktemp("first") / "m.safetensors")


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize(("optimizer", "stops_early"), [*((name, False) for name in OPTIMIZERS), ("adam", True)])
def test_what_is_reckoned_is_what_a_run_takes(loaded, tmp_path, backend, optimizer, stops_early):
    experiment = experiment_of(optimizer, stops_early)
    tracemalloc.start()
    try:
        run = train_and_save(experiment, backend, tmp_path / "model.safetensors")
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    needed = memory_needed(run.plan, experiment.training, run.data, backend)
    assert needed == pytest.approx(taken, rel=0.2)


@pytest.mark.parametrize("backend", ["cpu", "cuda", "auto", "reference"])
def test_every_copy_counts(backend):
    def needed(optimizer, **changes):
        experiment = experiment_of(optimizer, **changes)
        run = plan_run(experiment)
        return memory_needed(run.plan, experiment.training, run.data, backend), run.plan

    number = 8 if backend == "reference" else 4
    sgd, plan = needed("sgd")
    copy = number * plan.parameter_size
    assert needed("momentum")[0] - sgd == copy
    assert needed("adam")[0] - sgd == 2 * copy
    larger, _ = needed("sgd", batch_size=1200)
    # Values and slopes, targets and weights of 400 rows more.
    assert larger - sgd >= 400 * number * 2 * (plan.units + 1)
    wider, wide = needed("sgd", units=(4000, 3000))
    # Weights, gradients and good ones, and four of float32 while it is saved.
    assert wider - sgd >= (3 * number + 16) * (wide.parameter_size - plan.parameter_size)


@pytest.fixture
def little_memory(monkeypatch):
    """A machine with 64 MiB."""
    sysconf = os.sysconf
    sizes = {"SC_PHYS_PAGES": 1 << 14, "SC_PAGE_SIZE": 1 << 12}
    monkeypatch.setattr(memory.os, "sysconf", lambda name: sizes[name] if name in sizes else sysconf(name))


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="this system doesn't say how much memory there is")
def test_a_run_that_does_not_fit_is_refused_with_what_it_takes(little_memory):
    small = experiment_of("sgd", samples=100, batch_size=10, units=(50,))
    trainer = Trainer(small, "cpu")
    for changes in ({"units": (1300, 1300)}, {"units": (4000, 10), "batch_size": 4000, "samples": 8000}):
        with pytest.raises(ExperimentError, match=r"^network\.layers: .*takes \d+ GB of memory.*; take smaller batches"):
            Trainer(experiment_of("sgd", **changes), "cpu")
    # What fits with plain gradient descent may not fit with a memory of its own, also as an edit.
    edge = experiment_of("sgd", samples=100, batch_size=10, units=(1100, 1100))
    trainer = Trainer(edge, "cpu")
    with pytest.raises(ExperimentError, match="GB of memory"):
        trainer.use(set_field(edge, "training.optimizer", "adam"))
    assert trainer.run.experiment == edge
    with pytest.raises(ExperimentError, match="GB of memory"):
        Trainer(edge, "reference")
    with pytest.raises(ExperimentError, match="GB of memory"):
        train_many(edge, seeds=range(3), epochs=1, backend="cpu")


def test_a_system_that_does_not_say_how_much_memory_there_is_is_trusted(monkeypatch):
    monkeypatch.setattr(memory.os, "sysconf_names", {})
    assert plan_run(experiment_of("sgd", units=(5, 5))).plan.widths == (2, 5, 5, 1)
