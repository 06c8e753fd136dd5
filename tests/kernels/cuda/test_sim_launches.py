"""Every launch passes the types that the kernels are compiled for: another one would be compiled again, for a minute."""

import numba
import numpy as np
import pytest
from alike import FORMS, states
from launch_types import LAUNCHES, TUPLES
from oracle import make_experiment

from playground import train_many
from playground.experiment import SGD, Adam, DataSpec, Dense, Experiment, NetworkSpec, SyntheticSource, TrainingSpec
from playground.kernels.cuda import backend as cuda
from playground.kernels.cuda import kernels as cuda_kernels
from playground.kernels.cuda import many as cuda_many
from playground.kernels.cuda import matmul as cuda_matmul
from playground.kernels.cuda import target as cuda_target
from playground.training.trainer import Trainer


class Watched:
    """A kernel whose launches are noted."""

    def __init__(self, kernel, launches):
        self._kernel, self._launches = kernel, launches

    def __getitem__(self, configuration):
        def launch(*arguments):
            self._launches.append(tuple(type_of(argument) for argument in arguments))
            self._kernel[configuration](*arguments)

        return launch


def type_of(argument):
    """As a kernel compiled for it would have it; a named tuple field by field."""
    if isinstance(argument, tuple):
        assert TUPLES[type(argument).__name__]
        return tuple((name, type_of(value)) for name, value in argument._asdict().items())
    array = getattr(argument, "_ary", argument)
    if isinstance(array, np.ndarray):
        assert array.flags.c_contiguous
        return f"{array.dtype}[{':,' * (array.ndim - 1)}::1]"
    return str(numba.typeof(argument))


@pytest.fixture
def launches(monkeypatch):
    """The launches of each kernel by its function's name."""
    found = {name: [] for name in LAUNCHES}

    def watch(module, attribute, name):
        monkeypatch.setattr(module, attribute, Watched(getattr(module, attribute), found[name]))

    watch(cuda_kernels, "train_grid", "train_on_grid")
    watch(cuda_kernels, "predict_grid", "predict_on_grid")
    watch(cuda_kernels, "train_blocks", "train_in_blocks")
    watch(cuda_matmul, "first_half", "part_of_a_tile")
    watch(cuda_matmul, "second_half", "sum_of_parts")
    for name, (kernel, *sizes) in cuda_matmul.KERNELS.items():
        monkeypatch.setitem(cuda_matmul.KERNELS, name, (Watched(kernel, found[name]), *sizes))
    return found


def assert_as_listed(launches, *names):
    for name in names:
        assert launches[name], f"{name} wasn't launched"
        assert set(launches[name]) == {LAUNCHES[name]}, name


@pytest.mark.parametrize("form", FORMS)
def test_steps_looks_and_predictions(form, launches):
    for optimizer in (SGD(), Adam()):
        gpu, _, x, t = states(make_experiment("multiclass", batch_size=4, optimizer=optimizer, seed=2**31 - 1), 3, 9, form)
        for weights in (gpu.weights, np.ones_like(t)):
            gpu.weights = weights
            cuda.train(gpu, x, t, 3)
            cuda.gradients(gpu, x, t, weights if weights.size else None)
        gpu.stop = np.zeros(1, np.int64)
        cuda.train(gpu, x, t, 2)
        cuda.trace(gpu, x[:1], t[:1])
        cuda.evaluate(gpu, x, t, np.zeros_like(t))
        cuda.activations(gpu.plan, gpu.parameters, x)
        cuda.outputs(gpu.plan, gpu.parameters.astype(np.float64), x[:, :].astype(np.float64))
    assert_as_listed(launches, "predict_on_grid", "train_on_grid", *(["train_in_blocks"] if form == "block" else []))


def experiment(**training):
    return Experiment(
        data=DataSpec(source=SyntheticSource(name="circle", samples=30)),
        network=NetworkSpec(layers=(Dense(units=3, activation="tanh"),)),
        training=TrainingSpec(task="binary", loss="binary_cross_entropy", batch_size=8, **training),
    )


def test_a_whole_run(launches):
    trainer = Trainer(experiment(class_weights="balanced"), "cuda")
    trainer.record()
    trainer.train_epochs()
    trainer.record()
    trainer.switch_backend("cpu")
    trainer.switch_backend("cuda")
    trainer.train_steps(2)
    assert_as_listed(launches, "predict_on_grid", "train_on_grid", "train_in_blocks")


@pytest.mark.parametrize("training", [{}, {"class_weights": (1.0, 2.0)}, {"optimizer": SGD()}], ids=str)
def test_a_storm(training, launches):
    train_many(experiment(**training), seeds=[1, 2], learning_rates=[0.1, 0.2], epochs=2, backend="cuda")
    train_many(experiment(**training), seeds=[1], epochs=1, backend="cuda")
    assert_as_listed(launches, "train_in_blocks")


def test_matrix_products(launches):
    device = cuda_target.load()
    a, b, out = (device.to_device(np.ones(shape, np.float32)) for shape in ((3, 2), (2, 2), (3, 2)))
    bias = device.to_device(np.ones(2, np.float32))
    for rung in (*cuda_matmul.RUNGS, cuda_matmul.BEST):
        cuda_matmul.multiply(a, b, out, rung=rung)
        cuda_matmul.multiply(a, b, out, cuda_matmul.ABT, rung, bias, 2, 0.5)
    assert_as_listed(launches, *cuda_matmul.KERNELS, "part_of_a_tile", "sum_of_parts")


def test_every_kernel_is_watched():
    """A new one must come into the list, too."""
    made = [cuda_kernels.train_grid, cuda_kernels.predict_grid, cuda_kernels.train_blocks]
    made += [cuda_matmul.first_half, cuda_matmul.second_half, *(kernel for kernel, *_ in cuda_matmul.KERNELS.values())]
    kinds = type(made[0])
    for module in (cuda, cuda_kernels, cuda_many, cuda_matmul):
        for value in vars(module).values():
            assert not isinstance(value, kinds) or value in made
    assert len(made) == len(LAUNCHES)
