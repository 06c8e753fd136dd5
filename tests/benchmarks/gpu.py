"""How fast the GPU is beside cuBLAS, PyTorch and our own CPU backend, as one table: ``python tests/benchmarks/gpu.py``.

    --seconds S           about how long each measurement takes (0.2)
    --only TEXT           cases whose name contains this, such as 2048, tensor, 784-128-10 or networks
    --json FILE           write all rates of all rounds there
    --markdown            the table as Markdown, for the README
    --endurance MINUTES   afterwards, train in a session for so long, and see whether the GPU's memory holds

PyTorch must be a build for CUDA; without any PyTorch our own figures stand alone. Every result is checked before anything is
timed. Exit codes: 0 done, 1 a result was wrong or the memory shrank, 2 no GPU or bad input, 130 interrupted.
"""

import argparse
import contextlib
import ctypes
import functools
import gc
import importlib.metadata
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gpu_cases import (
    OURS,
    Case,
    GraphedNetwork,
    OnDevice,
    Product,
    Storm,
    TorchNetwork,
    learning,
    measure,
    torch_product,
    torch_training,
)
from gpu_endurance import endure
from gpu_table import line, table, write_json

from playground.bench.cases import AB, ABT, ATB, FORMS
from playground.bench.job import Job, Paced, clocked
from playground.kernels.cuda import target as cuda_target
from playground.kernels.state import available_cores
from playground.machine import processor_name

DONE, BAD, NO_GPU, INTERRUPTED = 0, 1, 2, 130
# Errors of a product relative to |A|·|B|. FP32 is about 2e-7 off, and what was rounded to TF32 by mistake some 2e-5: that would
# be no fair comparison. TF32 may be 1e-4 off, as cuBLAS cuts the factors' last bits where ours rounds.
FP32_TOLERANCE, TF32_TOLERANCE = 3e-6, 3e-4
CUBLAS, CUBLAS_TF32, EAGER, GRAPHS = "cuBLAS", "cuBLAS, TF32", "PyTorch eager", "PyTorch with CUDA graphs"
ON_CPU, ONE_BY_ONE, LANES = "our CPU backend, 1 thread", "CPU, one by one, 1 thread", "CPU, in lanes, all threads"


@dataclass(frozen=True)
class Sizes:
    """How large everything is: as it is measured, and as little as shows that all runs, in a rehearsal without a GPU."""

    squares: tuple = (2048, 4096, 8192)
    products: tuple = ((128, 784, 256), (256, 784, 256), (512, 784, 256))
    # Widths, rows and steps that are checked.
    digits: tuple = ((784, 128, 10), 128, 12_800, 20)
    small: tuple = ((2, 8, 8, 8, 1), 10, 2_000, 20)
    networks: int = 512
    storm_rows: int = 500
    storm_epochs: int = 100
    checked_epochs: int = 5
    sampled: int = 16
    # Side of the products that keep the GPU busy while launches are handed over.
    hold: int = 2048
    # Measurements of each engine; many networks take so long that fewer do.
    rounds: int = 9
    storm_rounds: int = 5
    # Of the endurance run; the parts of its snapshots by name.
    samples: int = 500
    views: tuple = ("outputs", "neurons", "surface", "health")


REHEARSAL = Sizes(
    squares=(20,),
    products=((9, 20, 7),),
    digits=((12, 6, 3), 8, 40, 3),
    small=((2, 8, 8, 8, 1), 10, 20, 3),
    networks=3,
    storm_rows=20,
    storm_epochs=2,
    checked_epochs=2,
    sampled=2,
    hold=20,
    rounds=2,
    storm_rounds=2,
    samples=20,
    views=("outputs",),
)


# Matrix products


@functools.cache
def hold_matrices(size):
    """What keeps the GPU busy while launches are handed over: numbers, so that it runs as hot as in the measurement."""
    to_device = cuda_target.load().to_device
    return [to_device(np.random.default_rng().random((size, size), np.float32)) for _ in range(3)]


def our_product(problem, rung, tolerance, hold_size, say):
    """A rung of our ladder, as `cuda_matmul.multiply` launches it."""
    from playground.kernels.cuda.matmul import multiply

    cuda = cuda_target.load()
    stream = cuda.stream()
    # NaN stays where nothing is written.
    nothing = np.full((problem.rows, problem.columns), np.nan, np.float32)
    a, b, out = (cuda.to_device(array) for array in (problem.a, problem.b, nothing))
    form = FORMS.index(problem.form)

    def launch():
        multiply(a, b, out, form, rung, stream=stream)

    def error():
        launch()
        stream.synchronize()
        return problem.error(out.copy_to_host())

    def hold():
        multiply(*hold_matrices(hold_size), stream=stream)

    def launches(times):
        for _ in range(times):
            launch()

    if cuda_target.SIMULATED:
        # The simulator's events know no time.
        run = clocked(launches)
    else:
        hold()
        stream.synchronize()
        # Freeing memory waits for the GPU: Numba shall do that between bursts.
        run = OnDevice(launch, hold, lambda: cuda.event(timing=True), stream, cuda.defer_cleanup, say)
    return Job(error, tolerance, Paced(run, problem.flop).rate)


def product_cases(sizes, torch, say):
    """Section 1: the ladder beside cuBLAS."""
    from playground.kernels.cuda.matmul import BEST, RUNGS

    def case(shape, form, rung, peer, target):
        rows, inner, columns = shape
        square = rows == inner == columns
        name = f"{form} {rows if square else '×'.join(map(str, shape))}, {rung}"
        tf32 = peer == CUBLAS_TF32
        tolerance = TF32_TOLERANCE if tf32 else FP32_TOLERANCE

        def make():
            problem = Product(*shape, form)

            def tell(engine):
                return lambda words: say(f"{name}, {engine}: {words}.")

            return {
                OURS: lambda: our_product(problem, rung, tolerance, sizes.hold, tell(OURS)),
                peer: torch and (lambda: torch_product(torch, problem, tf32, tolerance, sizes.hold, tell(peer))),
            }

        return Case(name, "GFLOP/s", {peer: target}, sizes.rounds, make)

    squares = [(size, size, size) for size in sizes.squares]
    lower = [rung for rung in RUNGS if rung not in (BEST, "tensor_cores")]
    cases = [case(squares[0], AB, rung, CUBLAS, None) for rung in lower]
    cases += [case(square, AB, BEST, CUBLAS, 0.7) for square in squares]
    cases += [case(squares[0], form, BEST, CUBLAS, 0.7) for form in (ATB, ABT)]
    cases += [case(shape, AB, BEST, CUBLAS, 0.5) for shape in sizes.products]
    if cuda_target.facts().capability >= (8, 0):
        cases += [case(square, AB, "tensor_cores", CUBLAS_TF32, None) for square in squares]
    else:
        say("Tensor cores that take TF32 came with compute capability 8.0: that rung is left out.")
    return cases


# Training


def our_training(backend, problem):
    """Whole epochs in one call of a backend, on one thread; the call returns when all is done."""

    def new_state():
        state = backend.new_state(problem.plan, problem.experiment.training, problem.parameters, len(problem.inputs))
        state.threads = 1
        return state

    def error():
        checked = new_state()
        backend.train(checked, problem.inputs, problem.targets, len(problem.batches))
        return problem.error(problem.layers(checked.parameters))

    state = new_state()
    steps = -(-len(problem.inputs) // problem.case.batch)

    def run(epochs):
        # A run that breaks ends at once, which would look fast.
        if not np.isfinite(backend.train(state, problem.inputs, problem.targets, epochs * steps)):
            raise ArithmeticError("the loss is no number any more.")

    return Job(error, problem.tolerance, Paced(clocked(run), len(problem.inputs)).rate)


def training_case(spec, targets, rounds, torch):
    """Sections 2 and 3: a network beside PyTorch, and where ``targets`` name it, the CPU."""
    widths, batch, _, _ = spec

    def make():
        from playground.kernels.cpu import backend as cpu
        from playground.kernels.cuda import backend as cuda

        problem = learning(*spec)
        engines = {
            OURS: lambda: our_training(cuda, problem),
            EAGER: torch and (lambda: torch_training(TorchNetwork, torch, problem)),
            GRAPHS: torch and (lambda: torch_training(GraphedNetwork, torch, problem)),
            ON_CPU: lambda: our_training(cpu, problem),
        }
        return {engine: make for engine, make in engines.items() if engine in (OURS, *targets)}

    return Case(f"{'-'.join(map(str, widths))} SGD, batch {batch}", "samples/s", targets, rounds, make)


def training_cases(sizes, torch):
    """Sections 2 and 3."""
    return [
        training_case(sizes.digits, {EAGER: 3.0, GRAPHS: 1.0}, sizes.rounds, torch),
        training_case(sizes.small, {EAGER: 20.0, GRAPHS: None, ON_CPU: None}, sizes.rounds, torch),
    ]


# Many networks


def storm_case(sizes):
    """Section 4: many networks at once."""

    def make():
        from playground.kernels.cpu import many
        from playground.kernels.cuda import many as cuda_many

        storm = Storm(sizes)
        return {
            OURS: lambda: storm.at_once(cuda_many.train_many),
            # The oracle itself.
            ONE_BY_ONE: lambda: storm.job(storm.one_by_one, lambda: 0.0),
            LANES: lambda: storm.at_once(many.train_many, available_cores()),
        }

    name = f"{sizes.networks} networks 2-8-8-8-1 SGD, batch 10, {sizes.storm_epochs} epochs of {sizes.storm_rows}"
    return Case(name, "samples/s", {ONE_BY_ONE: 30.0, LANES: None}, sizes.storm_rounds, make)


# The whole


def import_torch(rehearsal):
    """PyTorch, None where it isn't installed, or a sentence if it can't use the GPU."""
    try:
        import torch
    except ImportError:
        return None
    except OSError as error:
        return f"PyTorch can't be loaded: {error}"
    if not rehearsal and not torch.cuda.is_available():
        return f"PyTorch {torch.__version__} can't use the GPU; install a build for CUDA that the driver supports."
    return torch


def driver_version():
    """As the driver has it, and the newest CUDA that it knows."""
    words = []
    with contextlib.suppress(OSError, subprocess.SubprocessError, IndexError):
        ask = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        words.append(subprocess.run(ask, capture_output=True, text=True, timeout=30, check=True).stdout.split()[0])
    with contextlib.suppress(OSError, AttributeError):
        number = ctypes.c_int()
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        library.cuDriverGetVersion(ctypes.byref(number))
        words.append(f"CUDA {number.value // 1000}.{number.value % 1000 // 10}")
    return ", ".join(words) or "unknown"


def machine(torch):
    """What the table is about, by name."""
    package = cuda_target.package()
    with_cuda = f" (CUDA {torch.version.cuda})" if torch and torch.version.cuda else ""
    return {
        "GPU": cuda_target.facts().sentence,
        "driver": driver_version(),
        "compiler": f"{package} {importlib.metadata.version(package.replace('_', '-'))}",
        "PyTorch": f"{torch.__version__}{with_cuda}" if torch else "not installed",
        "processor": f"{processor_name()}, {available_cores()} cores",
    }


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--endurance", type=float, metavar="MINUTES")
    # With NUMBA_ENABLE_CUDASIM=1: everything once, tiny and without a GPU, to see that it runs.
    parser.add_argument("--rehearse", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seconds <= 0 or (options.endurance is not None and options.endurance <= 0):
        parser.error("times must be positive.")
    if options.rehearse != cuda_target.SIMULATED:
        parser.error("the simulator is for rehearsals: give --rehearse and NUMBA_ENABLE_CUDASIM=1 together, or neither.")
    if options.json is not None:
        try:
            options.json.touch()
        except OSError as error:
            parser.error(f"{options.json} can't be written: {error}")
    return options


def plain(text):
    return text.lower().replace("×", "x")


def main():
    options = arguments()
    for stream in (sys.stdout, sys.stderr):
        # Into a file, Windows would write another one, which has no ᵀ.
        stream.reconfigure(encoding="utf-8")
    # Few blocks are meant.
    warnings.filterwarnings("ignore", message="Grid size")
    if options.rehearse:
        # The simulator's threads wait for each other all the time.
        sys.setswitchinterval(1e-6)
    problem = cuda_target.problem()
    # First our own context, then PyTorch, which joins it.
    torch = problem or import_torch(options.rehearse)
    if isinstance(torch, str):
        print(f"The GPU can't be used: {problem}" if problem else torch)
        return NO_GPU
    sizes, notes = REHEARSAL if options.rehearse else Sizes(), []

    def say(sentence):
        if sentence not in notes:
            notes.append(sentence)

    cases = [*product_cases(sizes, torch, say), *training_cases(sizes, torch), storm_case(sizes)]
    cases = [case for case in cases if plain(options.only) in plain(case.name)]
    if not cases and options.endurance is None:
        print(f"No case's name contains {options.only!r}; try 2048, tensor, 784-128-10 or networks.")
        return NO_GPU
    measured, endured, interrupted = [], None, False
    try:
        for case in cases:
            print(f"{case.name}: ", end="", file=sys.stderr, flush=True)
            measured.append(measure(case, options.seconds))
            print(line(measured[-1]), file=sys.stderr, flush=True)
            # The next case may need the memory.
            gc.collect()
            if torch and torch.cuda.is_available():
                torch.cuda.empty_cache()
        if options.endurance is not None:
            endured = endure(60 * options.endurance, sizes)
    except KeyboardInterrupt:
        interrupted = True
    header = machine(torch)
    if measured:
        print(("  \n" if options.markdown else "\n").join(f"{name}: {words}" for name, words in header.items()) + "\n")
        print(table(measured, sizes.sampled, options.markdown))
    for note in notes:
        print(note)
    if endured is not None:
        print(f"\nEndurance: {endured['words']}")
    if options.json is not None:
        write_json(options.json, header, measured, {"notes": notes, "endurance": endured})
    if interrupted:
        return INTERRUPTED
    return BAD if any(found.is_bad for found in measured) or (endured is not None and not endured["held"]) else DONE


if __name__ == "__main__":
    sys.exit(main())
