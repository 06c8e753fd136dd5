"""What `gpu.py` measures and how: cases, clocks, the problems with their oracles, and what PyTorch makes of them."""

import contextlib
import gc
import time
from dataclasses import dataclass, field

import numpy as np
from msgspec import structs

from playground.bench.cases import ABT, ATB, TrainCase
from playground.bench.job import Job, Paced, clocked
from playground.bench.problem import Problem, make_experiment
from playground.bench.rounds import Result
from playground.experiment import SGD, build_plan, initial_parameters

OURS = "ours"
WRONG, FAILED = "wrong", "failed"
# Launches that are handed to the GPU at once; it takes about a thousand before the host has to wait.
BURST, MOST_HOLDS = 64, 64
# A burst that takes this many times as long as handing it over doesn't wait for the host, except before its first launch.
MUCH_LONGER = 20
# As PyTorch's notes on CUDA graphs have it.
WARM_UP_STEPS = 3
SEED = 1
# The rows of a product that are checked: one at each place within a tile.
TILE = 128
# So far from float64's, any two engines' parameters are within 1e-4 of each other.
PARAMETER_TOLERANCE = 5e-5
LOSS_TOLERANCE = 1e-3


# Measuring


@dataclass
class Case:
    """Something that is measured: first ours, then its peers.

    Parameters
    ----------
    name, unit
        What it is, and what its rates count each second.
    targets
        By the peers' names: how many times as fast as each ours must be, or None where it is only shown.
    rounds
        Measurements of each engine.
    make
        Draws the data, and returns by engine a function that makes its `Job`, or None where the engine isn't there.
    """

    name: str
    unit: str
    targets: dict
    rounds: int
    make: object


@dataclass
class Measured:
    """A case's rates by engine, one a round; errors of the results; and why engines have none."""

    case: Case
    rates: dict = field(default_factory=dict)
    errors: dict = field(default_factory=dict)
    troubles: dict = field(default_factory=dict)

    @property
    def is_bad(self):
        """Whether a result was wrong, or ours failed: then it says nothing about speed."""
        return OURS in self.troubles or any(trouble.startswith(WRONG) for trouble in self.troubles.values())

    def ratio(self, peer):
        """How many times as fast as a peer ours is, and how far that spread in percent; None if one has no rates."""
        if not (self.rates.get(OURS) and self.rates.get(peer)):
            return None
        return Result(OURS, 1, self.rates[OURS]).over(Result(peer, 1, self.rates[peer]))


def measure(case, seconds):
    """Check every engine, then time those that are right, in turns."""
    found = Measured(case)
    try:
        makers = case.make()
    except Exception as error:
        found.troubles[OURS] = _words(error)
        return found
    jobs = {}
    for engine, make in makers.items():
        if make is None:
            continue
        try:
            job = make()
            found.errors[engine] = error = job.error()
            # Not >: an error that is no number is wrong too.
            if error <= job.tolerance:
                jobs[engine], found.rates[engine] = job, []
            else:
                found.troubles[engine] = f"{WRONG}: its result is {error:.1e} off, {job.tolerance:.0e} is allowed"
        except Exception as error:
            found.troubles[engine] = _words(error)
    for _ in range(case.rounds):
        for engine in list(jobs):
            try:
                found.rates[engine].append(jobs[engine].rate(seconds))
            except Exception as error:
                found.troubles[engine] = _words(error)
                del jobs[engine], found.rates[engine]
    return found


def _words(error):
    """An exception on one line."""
    return f"{FAILED}: {type(error).__name__}: {' '.join(str(error).split())}"[:300]


class OnDevice:
    """Seconds that the GPU takes for launches one after the other, however long the host takes to ask for them.

    While the GPU is held up by other work, the host hands over a burst of launches, which then run back to back. Whether
    the hold was long enough shows from its own time; if it wasn't, it is doubled and the burst done again.

    Parameters
    ----------
    launch, hold
        Launch what is measured, and what holds the GPU up.
    new_event, stream
        How an event with a time is made, and on which stream everything runs.
    around
        A context for each burst.
    say
        Takes a sentence if no hold is long enough.
    """

    def __init__(self, launch, hold, new_event, stream, around, say):
        self._launch, self._hold, self._new_event, self._stream = launch, hold, new_event, stream
        self._around, self._say = around, say
        self._holds = 1

    def __call__(self, times):
        return sum(self._burst(min(BURST, times - first)) for first in range(0, times, BURST))

    def _burst(self, times):
        while True:
            with self._around():
                before, start, end = (self._new_event() for _ in range(3))
                begin = time.perf_counter()
                before.record(self._stream)
                for _ in range(self._holds):
                    self._hold()
                start.record(self._stream)
                for _ in range(times):
                    self._launch()
                end.record(self._stream)
                asked = time.perf_counter() - begin
                end.synchronize()
            # Events tell milliseconds.
            held, elapsed = before.elapsed_time(start) / 1e3, start.elapsed_time(end) / 1e3
            if held >= asked or elapsed >= MUCH_LONGER * asked:
                return elapsed
            if self._holds >= MOST_HOLDS:
                self._say("the GPU waited for the host between launches: each one ends with a wait, or the host is very busy")
                return elapsed
            self._holds *= 2


# What is computed


class Product:
    """Random factors, and some rows of the product in float64: one at each place within a tile."""

    def __init__(self, rows, inner, columns, form):
        random = np.random.default_rng(SEED)
        self.rows, self.columns, self.form, self.flop = rows, columns, form, 2.0 * rows * inner * columns
        self.a = self._draw(random, *((inner, rows) if form == ATB else (rows, inner)))
        self.b = self._draw(random, *((columns, inner) if form == ABT else (inner, columns)))
        places = np.arange(min(rows, TILE))
        self._sampled = np.minimum(places + TILE * random.integers(0, max(1, rows // TILE), len(places)), rows - 1)
        self._sampled[-1] = rows - 1
        left, right = self.operands(self.a, self.b)
        some = left[self._sampled].astype(np.float64)
        self._exact, self._scale = np.empty((2, len(some), columns))
        # Not all of B at once: in float64 it takes much memory.
        for first in range(0, columns, 1024):
            part = np.ascontiguousarray(right[:, first : first + 1024], np.float64)
            self._exact[:, first : first + 1024] = some @ part
            self._scale[:, first : first + 1024] = np.abs(some) @ np.abs(part)

    @staticmethod
    def _draw(random, rows, columns):
        return random.random((rows, columns), np.float32) * np.float32(2) - np.float32(1)

    def operands(self, a, b):
        """Views (rows, inner) and (inner, columns), of arrays or tensors."""
        return a.T if self.form == ATB else a, b.T if self.form == ABT else b

    def error(self, out):
        """The largest error of a result, relative to |A|·|B|."""
        return float((np.abs(out[self._sampled] - self._exact) / self._scale).max())


class Learning(Problem):
    """A `Problem` whose engines must find each parameter, not only the way as a whole."""

    tolerance = PARAMETER_TOLERANCE

    def error(self, layers):
        """The largest error of a parameter after the first steps."""
        expected = [view.of(self.expected) for view in self.plan.parameters]
        found = [array for layer in layers for array in layer]
        # NumPy's max lets NaN through.
        return float(np.max([np.abs(own - goal).max() for own, goal in zip(found, expected, strict=True)]))


def learning(widths, batch, rows, steps):
    """A network, its data, its first batches as every backend draws them, and the parameters after them in float64."""
    from playground.kernels.cuda.script import write_script
    from playground.kernels.reference import backend as reference
    from playground.kernels.state import TrainingState

    case = TrainCase(widths, "SGD", batch)
    experiment = make_experiment(case, SEED)
    plan = build_plan(experiment, widths[0], widths[-1])
    parameters = initial_parameters(experiment, plan)
    random = np.random.default_rng(SEED)
    inputs = random.normal(size=(rows, widths[0])).astype(np.float32)
    # So much chance that no network ever fits them.
    if case.is_regression:
        targets = np.sin(inputs.sum(axis=1, keepdims=True)) + random.normal(0, 0.5, (rows, 1))
    else:
        targets = np.eye(widths[-1])[random.integers(0, widths[-1], rows)]
    targets = targets.astype(np.float32)
    script = write_script(TrainingState(plan, experiment.training, parameters, rows), steps)
    batches = [script.order[first : first + count].astype(np.int64) for first, count in script.steps]
    exact = reference.new_state(plan, experiment.training, parameters, rows)
    reference.train(exact, inputs, targets, steps)
    return Learning(case, experiment, plan, parameters, inputs, targets, batches, exact.parameters)


class Storm:
    """Networks of one plan from many seeds at several rates, and how each of some learns alone on the CPU."""

    def __init__(self, sizes):
        problem = learning((2, 8, 8, 8, 1), 10, sizes.storm_rows, 1)
        self.plan, self.count = problem.plan, sizes.networks
        network = problem.experiment.network
        variants = [
            structs.replace(problem.experiment, network=structs.replace(network, seed=seed)) for seed in range(self.count)
        ]
        self.parameters = np.stack([initial_parameters(variant, self.plan) for variant in variants])
        self.rates = np.resize(np.array([0.01, 0.02, 0.03, 0.05], np.float32), self.count)
        self.trainings = [
            structs.replace(problem.experiment.training, optimizer=SGD(learning_rate=float(rate)), epochs=sizes.storm_epochs)
            for rate in self.rates
        ]
        nothing = np.zeros((0, 2), np.float32), np.zeros((0, 1), np.float32)
        self.parts = (problem.inputs, problem.targets), nothing
        self.epochs, self.checked_epochs = sizes.storm_epochs, sizes.checked_epochs
        self.steps = -(-len(problem.inputs) // problem.case.batch)
        self.samples = self.count * self.epochs * len(problem.inputs)
        self._sampled = np.unique(np.linspace(0, self.count - 1, sizes.sampled).astype(int))
        self._expected = np.array([self._losses_alone(index) for index in self._sampled]).T

    def _alone(self, index):
        from playground.kernels.cpu import backend as cpu

        # One thread.
        return cpu, cpu.new_state(self.plan, self.trainings[index], self.parameters[index], len(self.parts[0][0]))

    def _losses_alone(self, index):
        cpu, state = self._alone(index)
        return [cpu.train(state, *self.parts[0], self.steps) for _ in range(self.checked_epochs)]

    def one_by_one(self):
        """All of them on the CPU, each in one call, which suits it best."""
        for index in range(self.count):
            cpu, state = self._alone(index)
            cpu.train(state, *self.parts[0], self.epochs * self.steps)

    def at_once(self, train_many, *more):
        """A `Job` that trains all of them with a function as `kernels.many.train_many`."""

        def train(epochs):
            stop = np.zeros(1, np.int64)
            return train_many(self.plan, self.trainings[0], self.parameters, self.rates, self.parts, epochs, stop, *more)

        def error():
            _, losses, _ = train(self.checked_epochs)
            return float(np.abs(losses[:, self._sampled] - self._expected).max())

        return self.job(lambda: train(self.epochs), error)

    def job(self, work, error):
        """A `Job` that does something with all samples of all networks."""
        return Job(error, LOSS_TOLERANCE, Paced(clocked(lambda times: [work() for _ in range(times)]), self.samples).rate)


# PyTorch


def use_tf32(torch, allowed):
    """Whether PyTorch's products may round their factors to TF32; off means full FP32."""
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cuda.matmul.allow_tf32 = allowed


def torch_product(torch, problem, tf32, tolerance, hold_size, say):
    """``torch.matmul`` into a given matrix: on a GPU that is cuBLAS."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b = (torch.from_numpy(array).to(device) for array in (problem.a, problem.b))
    left, right = problem.operands(a, b)
    out = torch.full((problem.rows, problem.columns), float("nan"), device=device)

    def launch():
        torch.matmul(left, right, out=out)

    def error():
        use_tf32(torch, tf32)
        launch()
        return problem.error(out.cpu().numpy())

    run = clocked(lambda times: [launch() for _ in range(times)])
    if device == "cuda":
        one, two = torch.rand(2, hold_size, hold_size, device=device)
        three = torch.empty_like(one)
        stream = torch.cuda.current_stream()
        run = OnDevice(
            launch,
            lambda: torch.matmul(one, two, out=three),
            lambda: torch.cuda.Event(enable_timing=True),
            stream,
            contextlib.nullcontext,
            say,
        )

    def timed(times):
        use_tf32(torch, tf32)
        return run(times)

    return Job(error, tolerance, Paced(timed, problem.flop).rate)


class TorchNetwork:
    """``torch.nn.Sequential`` with ``torch.optim.SGD`` in a loop as PyTorch's manual has it; data and order on the device."""

    def __init__(self, torch, problem):
        use_tf32(torch, False)
        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        case, self.batch = problem.case, problem.case.batch
        modules = []
        for weight, bias in problem.layers(problem.parameters):
            dense = torch.nn.Linear(*weight.shape)
            with torch.no_grad():
                dense.weight.copy_(torch.from_numpy(weight.T.copy()))
                dense.bias.copy_(torch.from_numpy(bias))
            modules += [dense, torch.nn.Tanh() if case.is_regression else torch.nn.ReLU()]
        # The last activation belongs to the loss, or there is none.
        self.network = torch.nn.Sequential(*modules[:-1]).to(self.device)
        self.criterion = torch.nn.MSELoss() if case.is_regression else torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=problem.experiment.training.optimizer.learning_rate)
        targets = problem.targets if case.is_regression else problem.targets.argmax(axis=1)
        self.inputs = torch.from_numpy(problem.inputs).to(self.device)
        self.targets = torch.from_numpy(targets).to(self.device)

    def learn(self, inputs, targets):
        """Forward, backward and update on a batch."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.criterion(self.network(inputs), targets)
        loss.backward()
        self.optimizer.step()

    def step(self, rows):
        """A step on the batch of these rows (int64, on the device)."""
        self.learn(self.inputs[rows], self.targets[rows])

    def train(self, epochs):
        """All rows in new orders; returns when the GPU is done."""
        rows = len(self.inputs)
        for _ in range(epochs):
            order = self.torch.randperm(rows, device=self.device)
            for start in range(0, rows, self.batch):
                self.step(order[start : start + self.batch])
        self.wait()

    def wait(self):
        """Until the GPU has done everything that it was asked for."""
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def layers(self):
        """Copies of weights (inputs, units) and biases (units,) on the host."""
        arrays = [parameter.detach().cpu().numpy().T.copy() for parameter in self.network.parameters()]
        return list(zip(arrays[::2], arrays[1::2], strict=True))


class GraphedNetwork(TorchNetwork):
    """The same with a whole step captured as a CUDA graph; each batch is gathered straight into the graph's own tensors."""

    def __init__(self, torch, problem):
        super().__init__(torch, problem)
        self.batch_inputs = self.inputs[: self.batch].clone()
        self.batch_targets = self.targets[: self.batch].clone()
        # On a CPU, in a rehearsal, there are no graphs: the rest is the same.
        self.replay = self._capture() if self.device == "cuda" else self._learn_own

    def _learn_own(self):
        self.learn(self.batch_inputs, self.batch_targets)

    def _capture(self):
        torch = self.torch
        kept = [parameter.detach().clone() for parameter in self.network.parameters()]
        # Libraries set themselves up in the first steps, which a capture wouldn't stand.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_STEPS):
                self._learn_own()
        torch.cuda.current_stream().wait_stream(side)
        # Gradients must lie in the graph's own memory: backward makes them anew within the capture where there are none.
        self.optimizer.zero_grad(set_to_none=True)
        # Nor would it stand memory of Numba's that is freed meanwhile.
        gc.collect()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._learn_own()
        # Capturing has changed no number, but warming up has.
        with torch.no_grad():
            for parameter, before in zip(self.network.parameters(), kept, strict=True):
                parameter.copy_(before)
        torch.cuda.synchronize()
        return graph.replay

    def step(self, rows):
        """See `TorchNetwork.step`."""
        self.torch.index_select(self.inputs, 0, rows, out=self.batch_inputs)
        self.torch.index_select(self.targets, 0, rows, out=self.batch_targets)
        self.replay()


def torch_training(kind, torch, problem):
    """A `Job` that trains `TorchNetwork` or `GraphedNetwork`, samples a second."""
    network = kind(torch, problem)

    def error():
        checked = kind(torch, problem)
        for rows in problem.batches:
            checked.step(torch.from_numpy(rows).to(checked.device))
        checked.wait()
        return problem.error(checked.layers())

    return Job(error, problem.tolerance, Paced(clocked(network.train), len(problem.inputs)).rate)
