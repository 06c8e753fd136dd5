"""Which backend trains, and why, in one sentence each; what the GPU's errors are called. Needs no GPU and no compiler."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from playground.experiment import (
    DataSpec,
    Dense,
    Experiment,
    ExperimentError,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    build_plan,
)
from playground.kernels.cuda import target as cuda_target
from playground.kernels.cuda import warm as cuda_warm
from playground.kernels.cuda.target import GpuError, GpuFacts, OutOfMemory, explain, sentences
from playground.training import backends
from playground.training.backends import Work, load_backend, pick

pytestmark = pytest.mark.compile

GPU = GpuFacts("NVIDIA RTX 4090", 24 * 2**30, (8, 9), 128, "numba_cuda")


def named(name, text, *bases):
    """An error of a class of that name, as a package that may not be installed raises it."""
    return type(name, bases or (Exception,), {})(text)


CANNOT_OPEN = "libcuda.so.1: cannot open shared object file: No such file or directory"
NOT_FOUND = "Error at driver init: \n\nCUDA driver library cannot be found.\n"
# What Numba's own target, numba_cuda and NVIDIA's bindings raise.
ERRORS = {
    "no driver": [
        named("CudaSupportError", NOT_FOUND + "If you are sure that a CUDA driver is installed,\ntry …", ImportError),
        named("CudaSupportError", NOT_FOUND + "Ensure that a compatible NVIDIA driver is installed …\n:", ImportError),
        RuntimeError(f"Failed to dlopen {CANNOT_OPEN}"),
    ],
    "old driver": [
        named("LinkerError", "[222] Call to cuLinkAddData results in CUDA_ERROR_UNSUPPORTED_PTX_VERSION\nptxas application …"),
        named("CudaSupportError", "Error at driver init: Call to cuInit results in CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"),
        named("CudaAPIError", "[35] CUDA driver version is insufficient for CUDA runtime version"),
    ],
    "no compiler": [
        named("NvvmSupportError", "libNVVM cannot be found. Do `conda install cudatoolkit`:\nlibnvvm.so: …", ImportError),
        named("DynamicLibNotFoundError", 'Failure finding "libnvvm.so": No such file: libnvvm.so*', RuntimeError),
        named("DynamicLibNotFoundError", 'Failure finding "libnvrtc.so": No such file: libnvrtc.so*', RuntimeError),
        RuntimeError("Missing libdevice file.\nPlease ensure you have a CUDA Toolkit 11.2 or higher."),
    ],
    "full memory": [
        named("CudaAPIError", "[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY"),
        named("CudaAPIError", "[CUresult.CUDA_ERROR_OUT_OF_MEMORY] Call to cuMemHostAlloc results in CUDA_ERROR_OUT_OF_MEMORY"),
        named("CUDAError", "CUDA_ERROR_OUT_OF_MEMORY: The API call failed because it was unable to allocate enough memory"),
    ],
    "lost": [
        named("CudaAPIError", "[719] Call to cuStreamSynchronize results in CUDA_ERROR_LAUNCH_FAILED"),
        named("CudaAPIError", "[700] Call to cuMemcpyDtoHAsync results in CUDA_ERROR_ILLEGAL_ADDRESS"),
        named("CudaAPIError", "[999] Call to cuLaunchKernel results in CUDA_ERROR_UNKNOWN"),
        named("CudaAPIError", "[214] Call to cuStreamSynchronize results in CUDA_ERROR_ECC_UNCORRECTABLE"),
    ],
    "too long": [named("CudaAPIError", "[702] Call to cuStreamSynchronize results in CUDA_ERROR_LAUNCH_TIMEOUT")],
    "no device": [
        named("CudaSupportError", "Error at driver init: Call to cuInit results in CUDA_ERROR_NO_DEVICE (100)", ImportError),
        named("CudaAPIError", "[100] no CUDA-capable device is detected"),
    ],
    "something else": [named("CudaAPIError", "[304] Call to cuX results in CUDA_ERROR_OPERATING_SYSTEM")],
}
# How each sentence begins; with what they go on is for people alone.
BEGINNINGS = {
    "no driver": "no NVIDIA driver is installed here.",
    "old driver": "the NVIDIA driver is too old for the installed compiler; update the driver, or ",
    "no compiler": "the compiler's NVVM library isn't found; install the compiler",
    "full memory": "the GPU's memory is full; close other programs that use it, or take smaller batches or fewer units.",
    "lost": "the GPU stopped answering; restarting the program, or the machine, usually helps.",
    "too long": "the driver ended a computation that took too long; take smaller batches or fewer units.",
    "no device": "there is an NVIDIA driver, but no GPU that it can use.",
    "something else": "the GPU's driver or compiler failed (CudaAPIError: [304] Call to cuX results in CUDA_ERROR_OPERATING",
}
FOUND = [(kind, error) for kind, errors in ERRORS.items() for error in errors]


@pytest.mark.parametrize(("kind", "error"), FOUND, ids=[f"{kind}-{number}" for number, (kind, _) in enumerate(FOUND)])
def test_each_error_of_the_gpu_is_one_sentence(kind, error):
    sentence = explain(error)
    assert sentence.startswith(BEGINNINGS[kind])
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(("kind", "error"), FOUND, ids=[f"{kind}-{number}" for number, (kind, _) in enumerate(FOUND)])
def test_each_error_of_the_gpu_is_caught_with_its_sentence(kind, error):
    if type(error) is RuntimeError:
        pytest.skip("nothing tells it from a mistake of ours; it is met where the GPU is tried first")
    with pytest.raises(OutOfMemory if kind == "full memory" else GpuError) as raised, sentences():
        raise error
    assert str(raised.value) == explain(error)
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("name", ["nvvmError", "nvJitLinkError", "NvrtcError"])
def test_errors_of_the_compilers_are_the_gpus(name):
    with pytest.raises(GpuError, match="compiler"), sentences():
        raise named(name, "ERROR_COMPILATION (9)")


def test_mistakes_of_ours_stay_what_they_are():
    for error in (ValueError("a mistake"), ZeroDivisionError(), KeyboardInterrupt()):
        with pytest.raises(type(error)), sentences():
            raise error
    with pytest.raises(GpuError, match="as it is"), sentences():
        raise GpuError("as it is")
    assert explain(GpuError("as it is.")) == "as it is."


def test_everything_can_be_imported_where_there_is_no_gpu():
    """What fails only when it is used can be told in a sentence; what fails at its import can't."""
    modules = sorted(path.stem for path in Path(cuda_target.__file__).parent.glob("*.py"))
    assert len(modules) > 15
    text = "\n".join(f"import playground.kernels.cuda.{module}" for module in modules)
    environment = {**os.environ, "NUMBA_DISABLE_CUDA": "1", "PYTHONPATH": str(Path(cuda_target.__file__).parents[3])}
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=300, env=environment)
    assert result.returncode == 0, result.stderr


@pytest.fixture
def work():
    experiment = Experiment(
        data=DataSpec(source=SyntheticSource(name="circle")),
        network=NetworkSpec(layers=(Dense(units=3, activation="tanh"),)),
        training=TrainingSpec(task="binary", loss="binary_cross_entropy", batch_size=4),
    )
    plan = build_plan(experiment, 2, 1)
    rows = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    start = np.full(plan.parameter_size, 0.1, np.float32)
    targets, weights = (rows[:, :1] > 0).astype(np.float32), np.zeros((0, 1), np.float32)
    return Work(plan, experiment.training, start, rows, targets, weights, 1)


@pytest.fixture
def machine(monkeypatch):
    """A machine with a GPU; returns a function that sets how long a step takes on each side, and what is wrong."""

    def set_up(cpu=1e-3, cuda=1e-4, driver=True, problem="", warm=True, error=None):
        def seconds(name, work):
            if name == "cuda" and error is not None:
                raise error
            return {"cpu": cpu, "cuda": cuda}[name]

        monkeypatch.setattr(cuda_target, "has_driver", lambda: driver)
        monkeypatch.setattr(cuda_target, "problem", lambda: problem)
        monkeypatch.setattr(cuda_target, "facts", lambda: GPU)
        monkeypatch.setattr(backends, "seconds_a_step", seconds)
        monkeypatch.setattr(cuda_warm, "is_warm", lambda: warm)

    return set_up


ON_CPU = "Training on the CPU: "
CHOICES = {
    "no driver": (
        {"driver": False, "problem": "no NVIDIA driver is installed here."},
        ON_CPU + "no NVIDIA driver is installed here.",
    ),
    "a step too short": ({"cpu": 3.14e-6}, ON_CPU + "a step takes 3.14 µs here, too short for a GPU to be faster."),
    "a problem": ({"problem": "X is too old."}, ON_CPU + "X is too old."),
    "a failure": (
        {"error": OutOfMemory("the GPU's memory is full; …")},
        ON_CPU + "the GPU's memory is full; …",
    ),
    "an error of the driver": ({"error": ERRORS["lost"][0]}, ON_CPU + BEGINNINGS["lost"]),
    "the CPU is faster": (
        {"cpu": 2e-4, "cuda": 1.5},
        ON_CPU + "a step takes 200 µs here and 1.5 s on the NVIDIA RTX 4090 (24 GiB, compute capability 8.9).",
    ),
    "the GPU is faster": (
        {"cpu": 12e-3, "cuda": 240e-6},
        "Training on the GPU: NVIDIA RTX 4090 (24 GiB, compute capability 8.9); a step takes 240 µs there and 12 ms on the CPU.",
    ),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_choice_and_its_reason(name, machine, work):
    conditions, reason = CHOICES[name]
    machine(**conditions)
    choice = pick(work, before_compiling=lambda: pytest.fail("all is compiled"))
    assert choice.reason == reason
    assert choice.name == ("cuda" if name == "the GPU is faster" else "cpu")


def test_only_a_gpu_whose_kernels_are_missing_lets_people_wait(machine, work, monkeypatch):
    machine(warm=False)
    said = []

    class Process:
        def wait(self):
            said.append("compiled")

    monkeypatch.setattr(cuda_warm, "start_warming", Process)
    assert pick(work, before_compiling=lambda: said.append("compiling")).name == "cuda"
    assert said == ["compiling", "compiled"]


def test_a_backend_that_cannot_be_used_is_refused(machine):
    machine(problem="no NVIDIA driver is installed here.")
    with pytest.raises(ExperimentError) as raised:
        load_backend("cuda")
    assert str(raised.value) == (
        "the GPU can't be used: no NVIDIA driver is installed here. Take another backend; auto finds the fastest."
    )
    with pytest.raises(ExperimentError, match="there is no backend 'gpu'; choose one of auto, cpu, cuda, reference"):
        load_backend("gpu")


def test_a_measurement_is_of_the_whole_step_and_leaves_the_start_values(work):
    before = work.parameters.copy()
    assert 1e-9 < backends.seconds_a_step("cpu", work) < 1e-2
    np.testing.assert_array_equal(work.parameters, before)


def test_a_run_that_blows_up_is_not_measured_as_fast(work):
    """A broken run ends its calls at once: that says nothing about how long a step takes."""
    broken = Work(work.plan, work.training, np.full_like(work.parameters, np.nan), work.inputs, work.targets, work.weights, 1)
    assert backends.seconds_a_step("cpu", broken) >= 1e-8
