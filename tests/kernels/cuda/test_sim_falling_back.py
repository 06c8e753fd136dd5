"""What happens when a GPU fails, in the simulator: smaller chunks where memory is short, else the CPU goes on."""

import numpy as np
import pytest
from alike import assert_near, assert_same_run, states
from oracle import make_experiment

from playground.experiment import Adam, DataSpec, Dense, Experiment, NetworkSpec, SyntheticSource, TrainingSpec
from playground.kernels.cpu import backend as cpu
from playground.kernels.cuda import backend as cuda
from playground.kernels.cuda import script as cuda_script
from playground.kernels.cuda import target as cuda_target
from playground.kernels.cuda.target import GpuError, OutOfMemory
from playground.training import backends
from playground.training.trainer import Trainer


class CudaAPIError(Exception):
    """Named as the driver's own error is, by which it is known."""


FULL = CudaAPIError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")
LOST = CudaAPIError("[719] Call to cuStreamSynchronize results in CUDA_ERROR_LAUNCH_FAILED")


def trainers(*backends):
    experiment = Experiment(
        data=DataSpec(source=SyntheticSource(name="circle", samples=60)),
        network=NetworkSpec(layers=(Dense(units=4, activation="tanh"),)),
        training=TrainingSpec(
            task="binary", loss="binary_cross_entropy", optimizer=Adam(learning_rate=0.02), batch_size=4, epochs=20
        ),
    )
    return [Trainer(experiment, backend, threads=1) for backend in backends]


def fail_at(monkeypatch, name, number, error):
    """Let a function of the backend raise an error at its call of that number, counted from 1, and at all later ones."""
    works, calls = getattr(cuda, name), []

    def fails(*arguments, **options):
        calls.append(name)
        if len(calls) >= number:
            raise error
        return works(*arguments, **options)

    monkeypatch.setattr(cuda, name, fails)
    return calls


@pytest.mark.parametrize("error", [FULL, OutOfMemory("the GPU's memory is full."), MemoryError("out of memory")], ids=repr)
def test_a_full_memory_is_met_by_smaller_chunks(error, monkeypatch):
    gpu, host, x, t = states(make_experiment("multiclass"), 3, 150)
    chunks, works = [], cuda._pass_in_chunks

    def short(*arguments):
        chunks.append(arguments[-1])
        if arguments[-1] > 32:
            raise error
        return works(*arguments)

    monkeypatch.setattr(cuda, "_pass_in_chunks", short)
    mine, theirs = np.zeros_like(t), np.zeros_like(t)
    assert cuda.evaluate(gpu, x, t, mine) == pytest.approx(cpu.evaluate(host, x, t, theirs), rel=1e-5)
    assert_near(mine, theirs)
    assert chunks == [160, 32]
    assert_near(cuda.outputs(gpu.plan, gpu.parameters, x), theirs)


@pytest.mark.parametrize(("error", "kind"), [(FULL, OutOfMemory), (LOST, GpuError)], ids=["full", "lost"])
def test_what_smaller_chunks_do_not_mend_is_one_sentence(error, kind, monkeypatch):
    gpu, _, x, t = states(make_experiment("multiclass"), 3, 150)
    calls = fail_at(monkeypatch, "_pass_in_chunks", 1, error)
    with pytest.raises(kind) as raised:
        cuda.evaluate(gpu, x, t, np.zeros_like(t))
    assert str(raised.value).endswith(".")
    assert len(calls) == (3 if error is FULL else 1)


def test_a_mistake_of_ours_is_not_taken_for_the_gpus(monkeypatch):
    gpu, _, x, t = states(make_experiment("multiclass"), 3, 20)
    fail_at(monkeypatch, "_launch", 1, ZeroDivisionError("a mistake"))
    with pytest.raises(ZeroDivisionError):
        cuda.train(gpu, x, t, 3)
    assert gpu.step == 0


@pytest.mark.parametrize("error", [FULL, LOST], ids=["full", "lost"])
def test_a_run_goes_on_on_the_cpu_when_a_launch_fails(error, monkeypatch):
    monkeypatch.setattr(cuda_script, "MOST_STEPS", 5)
    failing, host = trainers("cuda", "cpu")
    launch, failed_at = cuda._launch, []

    def fails_in_the_second_epoch(state, script, inputs, targets, weights, before, *rest, **options):
        # Eleven steps an epoch; not the first launch, so that the steps of the first one are lost with it.
        if before > 11:
            failed_at.append(before)
            raise error
        return launch(state, script, inputs, targets, weights, before, *rest, **options)

    monkeypatch.setattr(cuda, "_launch", fails_in_the_second_epoch)
    for trainer in (failing, host):
        trainer.record(with_gradients=False)
        for _ in range(3):
            assert trainer.train_epochs()
            trainer.record(with_gradients=False)
    assert failing.backend is cpu
    notice = failing.compute.notice
    assert notice.startswith("Training goes on on the CPU: the GPU")
    assert notice.endswith(f" The last {failed_at[0] - 11} steps are done again.")
    assert failing.step == host.step == 33
    assert_same_run(failing.state, host.state)
    for column in host.history.columns[:3]:
        assert_near(failing.history.column(column), host.history.column(column))


def test_a_run_whose_weights_were_not_read_for_long_goes_back_that_far(monkeypatch):
    failing, host = trainers("cuda", "cpu")
    failing.train_steps(3)
    assert_near(failing.parameters, failing.parameters)
    failing.train_steps(4)
    fail_at(monkeypatch, "_launch", 1, LOST)
    assert failing.train_steps(5)
    assert failing.backend is cpu
    assert failing.compute.notice.endswith("The last 4 steps are done again.")
    assert failing.step == 12, "as many steps as were asked for"
    host.train_steps(failing.step)
    assert_same_run(failing.state, host.state)


def test_a_gpu_that_fails_soon_after_a_run_moved_there_loses_nothing(monkeypatch):
    failing, host = trainers("cpu", "cpu")
    for trainer in (failing, host):
        trainer.train_steps(7)
    failing.switch_backend("cuda")
    fail_at(monkeypatch, "_launch", 1, LOST)
    for trainer in (failing, host):
        trainer.train_steps(6)
    assert failing.backend is cpu
    assert failing.step == host.step == 13
    assert_same_run(failing.state, host.state)


def lose(monkeypatch, trainer):
    """From now on nothing that the GPU is asked for works."""

    def gone():
        raise LOST

    for name in ("_launch", "_pass_in_chunks"):
        fail_at(monkeypatch, name, 1, LOST)
    monkeypatch.setattr(trainer.state.stream, "synchronize", gone, raising=False)


def test_weights_that_cannot_be_read_any_more_are_the_last_ones_that_were(monkeypatch):
    failing, host = trainers("cuda", "cpu")
    failing.train_steps(3)
    before = failing.parameters
    failing.train_steps(4)
    lose(monkeypatch, failing)
    np.testing.assert_array_equal(failing.parameters, before)
    assert failing.backend is cpu
    host.train_steps(3)
    assert_same_run(failing.state, host.state)


LINE = np.linspace(-1, 1, 32, dtype=np.float32)
# What a run may be asked for, and how many of its steps the GPU takes with it when it is lost.
ASKED = {
    "record": (lambda trainer: trainer.record(), 0),
    "use": (lambda trainer: trainer.use(trainer.run.experiment), 2),
    "put": (lambda trainer: trainer.put(np.resize(LINE, trainer.parameters.shape)), 2),
    "switch": (lambda trainer: trainer.switch_backend("cpu"), 2),
    "activations": (lambda trainer: trainer.activations(np.zeros((3, 2), np.float32)), 2),
}


@pytest.mark.parametrize("what", ASKED)
def test_whatever_is_asked_for_when_the_gpu_is_lost_is_done_on_the_cpu(what, monkeypatch):
    ask, lost = ASKED[what]
    failing, host = trainers("cuda", "cpu")
    for trainer in (failing, host):
        trainer.train_steps(3)
        assert trainer.parameters.any(), "read, so that this is where the CPU goes on"
    failing.train_steps(lost)
    lose(monkeypatch, failing)
    for trainer in (failing, host):
        ask(trainer)
    assert failing.backend is cpu
    assert "stopped answering" in failing.compute.notice
    assert failing.step == 3
    for trainer in (failing, host):
        trainer.train_steps(4)
    assert_same_run(failing.state, host.state)
    assert_near(failing.history.rows[:1], host.history.rows[:1])


def test_a_run_that_does_not_fit_into_the_gpus_memory_is_the_cpus(monkeypatch):
    def too_large(*arguments):
        raise OutOfMemory("the GPU's memory is full.")

    monkeypatch.setattr(cuda, "new_state", too_large)
    failing, host = trainers("cuda", "cpu")
    assert failing.backend is cpu
    assert failing.compute.notice == "Training goes on on the CPU: the GPU's memory is full."
    for trainer in (failing, host):
        trainer.train_steps(3)
    assert_same_run(failing.state, host.state)
    host.switch_backend("cuda")
    assert host.backend is cpu
    assert host.compute.notice == "Training goes on on the CPU: the GPU's memory is full."
    for trainer in (failing, host):
        trainer.train_steps(3)
    assert_same_run(failing.state, host.state)


def test_a_driver_that_refuses_to_start_is_one_sentence(monkeypatch):
    def refuse():
        raise FULL

    monkeypatch.setattr(cuda_target.load(), "stream", refuse)
    failing, _ = trainers("cuda", "cpu")
    assert failing.backend is cpu
    assert "the GPU's memory is full" in failing.compute.notice


def test_the_measured_choice_is_made_between_both_sides(monkeypatch):
    monkeypatch.setattr(backends, "TOO_SHORT", 0.0)
    auto, host = trainers("auto", "cpu")
    assert auto.choice.name == "cpu"
    assert "on the Numba's simulator (1 GiB, compute capability 9.0)" in auto.choice.reason
    # Measuring has moved nothing.
    for trainer in (auto, host):
        trainer.train_steps(3)
    np.testing.assert_array_equal(auto.parameters, host.parameters)


def test_a_stop_that_is_asked_for_while_the_gpu_fails_is_heeded(monkeypatch):
    failing, _ = trainers("cuda", "cpu")
    failing.state.stop[0] = 0

    def fails(*arguments, **options):
        failing.state.stop[0] = 1
        raise LOST

    monkeypatch.setattr(cuda, "_launch", fails)
    failing.train_steps(50)
    assert failing.backend is cpu
    assert failing.step == 0
    failing.state.stop[0] = 0
    failing.train_steps(5)
    assert failing.step == 5
