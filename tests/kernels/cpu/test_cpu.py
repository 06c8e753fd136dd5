"""The CPU backend's paths and promises: lanes and layers agree, threads agree, nothing is allocated, nothing stays flushed."""

import importlib.util
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kept import kept_folder
from oracle import HIDDEN, OUTPUTS, all_heads, make_experiment, outputs_of, random_batch

from playground.experiment import SGD, Adam, Momentum, build_plan, initial_parameters
from playground.kernels.compiling import kernel
from playground.kernels.cpu import backend as cpu
from playground.kernels.cpu import tiny_layout
from playground.kernels.reference import backend as reference
from playground.kernels.simd.host import WIDTH

pytestmark = pytest.mark.compile

HEADS = list(all_heads())
OPTIMIZERS = [SGD(learning_rate=0.05), Momentum(learning_rate=0.02, momentum=0.8), Adam(learning_rate=0.01)]
TINY = np.float32(1.1754944e-38)


def start(experiment, rows, inputs=4, tiny=True):
    plan = build_plan(experiment, inputs, outputs_of(experiment))
    state = cpu.new_state(plan, experiment.training, initial_parameters(experiment, plan), rows)
    if not tiny:
        state.tiny = None
    return state


@settings(deadline=None, max_examples=150)
@given(
    head=st.sampled_from(HEADS),
    widths=st.lists(st.integers(1, 16), max_size=4),
    inputs=st.integers(1, 16),
    rows=st.integers(1, 75),
    batch=st.integers(1, 32),
    steps=st.integers(1, 20),
    activation=st.sampled_from(HIDDEN),
    optimizer=st.sampled_from(OPTIMIZERS),
    l1=st.sampled_from([0.0, 0.001]),
    l2=st.sampled_from([0.0, 0.01]),
)
def test_samples_in_the_lanes_give_what_layer_by_layer_gives(
    head, widths, inputs, rows, batch, steps, activation, optimizer, l1, l2
):
    task, loss, output = head
    if loss in ("mean_absolute_error", "hinge"):
        # Slopes of ±1 cancel to nothing or to one rounding, of which Adam makes a whole step.
        optimizer = SGD(learning_rate=0.05)
    experiment = make_experiment(task, loss, widths, activation, output, optimizer=optimizer, batch_size=batch, l1=l1, l2=l2)
    x, t = random_batch(experiment, rows, inputs)
    lanes, layers = start(experiment, rows, inputs), start(experiment, rows, inputs, tiny=False)
    assert lanes.tiny is not None
    twin = reference.new_state(layers.plan, experiment.training, layers.parameters, rows)
    found, expected = cpu.train(lanes, x, t, steps), cpu.train(layers, x, t, steps)
    # Some networks are chaotic, such as sines of large sums: each step makes roundings a hundred times larger, so that two right
    # runs part. Where float32 and float64 have parted already, nothing can be told.
    reference.train(twin, x, t, steps)
    scale = max(1e-3, np.abs(twin.parameters).max(initial=0))
    assume(np.abs(layers.parameters - twin.parameters).max(initial=0) <= 1e-4 * scale)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)
    np.testing.assert_array_equal(lanes.counters, layers.counters)
    np.testing.assert_array_equal(lanes.order, layers.order)
    for mine, theirs in (
        (lanes.parameters, layers.parameters),
        (lanes.first_moment, layers.first_moment),
        (lanes.second_moment, layers.second_moment),
    ):
        np.testing.assert_allclose(mine, theirs, rtol=2e-3, atol=2e-3 * max(1e-3, np.abs(theirs).max(initial=0)))


@pytest.mark.parametrize(
    ("widths", "inputs", "batch", "fits"),
    [
        ((16, 16), 16, 32, True),
        ((), 1, 1, True),
        ((17,), 2, 10, False),
        ((4,), 17, 10, False),
        ((4,), 2, 33, False),
    ],
)
def test_the_path_is_chosen_by_widths_and_batch(widths, inputs, batch, fits):
    experiment = make_experiment("binary", widths=widths, batch_size=batch)
    assert (start(experiment, 100, inputs).tiny is not None) is fits
    # A batch is never larger than the data: of twenty rows any fits, so that the widths alone decide.
    assert (start(experiment, 20, inputs).tiny is not None) is (max((*widths, inputs)) <= 16)


def test_a_changed_batch_size_changes_the_path_and_keeps_the_run():
    small, large = make_experiment("binary", batch_size=8), make_experiment("binary", batch_size=40)
    x, t = random_batch(small, 80, 4)
    state, twin = start(small, 80), start(small, 80, tiny=False)
    for experiment, steps in ((small, 15), (large, 7), (small, 11)):
        state.configure(state.plan, experiment.training)
        twin.configure(twin.plan, experiment.training)
        twin.tiny = None
        assert (state.tiny is not None) is (experiment is small)
        cpu.train(state, x, t, steps)
        cpu.train(twin, x, t, steps)
    np.testing.assert_allclose(state.parameters, twin.parameters, rtol=1e-4, atol=1e-5)


def test_padding_never_reaches_the_parameters():
    experiment = make_experiment("multiclass", widths=(9, 5), optimizer=Adam(learning_rate=0.05), batch_size=6)
    x, t = random_batch(experiment, 30, 4)
    state = start(experiment, 30)
    cpu.train(state, x, t, 50)
    inside = np.zeros(state.parameters.size, bool)
    for view in state.plan.parameters:
        inside[view.offset : view.offset + view.size] = True
    for buffer in (state.parameters, state.first_moment, state.second_moment):
        assert not buffer[~inside].any()


def test_rows_of_the_last_batch_that_are_not_there_take_no_part():
    experiment = make_experiment("regression", widths=(8, 3), activation="relu", batch_size=16, optimizer=SGD(learning_rate=0.01))
    x, t = random_batch(experiment, 19, 4)
    state = start(experiment, 19)
    cpu.train(state, x, t, 2)
    twin = reference.new_state(state.plan, experiment.training, initial_parameters(experiment, state.plan), 19)
    reference.train(twin, x, t, 2)
    np.testing.assert_allclose(state.parameters, twin.parameters, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("widths", [(8,), (40,)])
def test_data_may_lie_in_memory_in_any_order(widths):
    experiment = make_experiment("multiclass", widths=widths, batch_size=8)
    x, t = random_batch(experiment, 30, 4)
    results = []
    for inputs, targets in ((x, t), (np.asfortranarray(x), np.asfortranarray(t)), (np.repeat(x, 2, axis=0)[::2], t)):
        state = start(experiment, 30)
        outputs = np.zeros_like(t)
        losses = cpu.train(state, inputs, targets, 9), cpu.gradients(state, inputs, targets)
        results.append((losses, cpu.evaluate(state, inputs, targets, outputs), state.parameters.copy(), outputs))
        assert np.array_equal(cpu.activations(state.plan, state.parameters, inputs)[-1], outputs)
    for losses, loss, parameters, outputs in results[1:]:
        assert (losses, loss) == results[0][:2]
        assert np.array_equal(parameters, results[0][2])
        assert np.array_equal(outputs, results[0][3])
    with pytest.raises(ValueError, match="contiguous"):
        cpu.evaluate(state, x, t, np.asfortranarray(t))


def losses_with(threads, experiment, x, t, steps):
    state = start(experiment, len(x), x.shape[1])
    state.threads = threads
    losses = [cpu.train(state, x, t, steps) for _ in range(5)]
    return np.array(losses), state.parameters.copy()


# With Adam's usual epsilon, rounding decides about the step of a weight whose slope is all but 0.
@pytest.mark.parametrize("optimizer", [*OPTIMIZERS[:2], Adam(epsilon=1e-3)], ids=lambda optimizer: type(optimizer).__name__)
def test_numbers_of_threads_agree_to_rounding_and_each_is_the_same_bit_for_bit(optimizer):
    experiment = make_experiment("multiclass", widths=(300, 200), activation="relu", optimizer=optimizer, batch_size=128)
    x, t = random_batch(experiment, 500, 150)
    one, one_parameters = losses_with(1, experiment, x, t, 8)
    for threads in (2, 4):
        losses, parameters = losses_with(threads, experiment, x, t, 8)
        np.testing.assert_allclose(losses, one, rtol=1e-6)
        np.testing.assert_allclose(parameters, one_parameters, rtol=1e-6, atol=1e-6)
        again_losses, again = losses_with(threads, experiment, x, t, 8)
        assert np.array_equal(parameters, again)
        assert np.array_equal(losses, again_losses)


def test_several_python_threads_train_at_once():
    experiment = make_experiment("multiclass", widths=(200,), activation="tanh", batch_size=64)
    x, t = random_batch(experiment, 300, 60)
    expected = losses_with(2, experiment, x, t, 20)[1]
    results = {}

    def work(number):
        results[number] = losses_with(2, experiment, x, t, 20)[1]

    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 3
    for parameters in results.values():
        assert np.array_equal(parameters, expected)


@kernel
def _square(x):
    return x * x


@pytest.mark.parametrize("tiny", [True, False])
def test_a_converged_run_holds_no_subnormal_numbers_and_leaves_the_thread_as_it_was(tiny):
    experiment = make_experiment("regression", widths=(6,), optimizer=Adam(learning_rate=1e-20), batch_size=8)
    x, _ = random_batch(experiment, 8, 4)
    state = start(experiment, 8, tiny=tiny)
    # No weights and no targets: no gradients, and what Adam remembers fades, by a tenth a step.
    state.parameters[:] = 0
    state.first_moment[:] = 1
    cpu.train(state, x, np.zeros((8, OUTPUTS["regression"]), np.float32), 840)
    assert TINY > 0.9**840
    assert np.float32(0.9**840) > 0, "subnormal without flushing"
    inside = state.plan.view(state.first_moment, "layers.0.weight")
    assert not ((np.abs(inside) > 0) & (np.abs(inside) < TINY)).any()
    # 1e-20 squared is subnormal: flushed inside the run, kept outside.
    assert _square(np.float32(1e-20)) > 0


@pytest.mark.parametrize(("widths", "inputs", "batch"), [((8, 8), 2, 10), ((40,), 30, 40)])
def test_a_hundred_thousand_steps_hold_no_more_memory(widths, inputs, batch):
    experiment = make_experiment("multiclass", widths=widths, optimizer=Adam(learning_rate=0.001), batch_size=batch)
    x, t = random_batch(experiment, 200, inputs)
    state = start(experiment, 200, inputs)
    cpu.train(state, x, t, 1000)
    resident = resident_kilobytes()
    tracemalloc.start()
    cpu.train(state, x, t, 1)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(10):
        cpu.train(state, x, t, 10_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    # A byte a step would be 100,000; a call leaves a few names in Python's bounded cache of attributes.
    assert grown < 20_000
    assert resident_kilobytes() - resident < 4_000


def resident_kilobytes():
    """Memory of this process; 0 where the system doesn't tell so easily."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return int(status.split("VmRSS:")[1].split()[0])


def test_commands_from_another_thread_neither_crash_nor_stall_it():
    # The long form of this, half an hour, is the script itself.
    path = Path(__file__).parents[2] / "benchmarks" / "endurance.py"
    spec = importlib.util.spec_from_file_location("endurance", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["endurance"] = module
    spec.loader.exec_module(module)
    module.endure(6, seed=1, say=lambda words: None)


def test_the_layout_has_a_place_for_every_parameter():
    plan = build_plan(make_experiment("multiclass", widths=(3, 11, 8)), 5, 3)
    for wide_from in (tiny_layout.WIDE_FROM, 100):
        places = tiny_layout.lane_layout(plan, 10, wide_from).place
        found = np.sort(places[places >= 0])
        expected = np.concatenate([np.arange(view.offset, view.offset + view.size) for view in plan.parameters])
        assert np.array_equal(found, np.sort(expected))


@settings(deadline=None, max_examples=40)
@given(
    head=st.sampled_from(HEADS),
    widths=st.lists(st.integers(1, 16), max_size=3),
    inputs=st.integers(1, 16),
    batch=st.integers(1, 32),
    activation=st.sampled_from(HIDDEN),
)
def test_a_step_in_the_lanes_gives_what_the_reference_gives(head, widths, inputs, batch, activation):
    task, loss, output = head
    experiment = make_experiment(task, loss, widths, activation, output, optimizer=SGD(learning_rate=0.01), batch_size=batch)
    x, t = random_batch(experiment, batch + 3, inputs)
    lanes = start(experiment, batch + 3, inputs)
    twin = reference.new_state(lanes.plan, experiment.training, lanes.parameters, batch + 3)
    assert cpu.train(lanes, x, t, 2) == pytest.approx(reference.train(twin, x, t, 2), rel=1e-3, abs=1e-4)
    np.testing.assert_allclose(lanes.parameters, twin.parameters, rtol=1e-3, atol=1e-3)


@pytest.mark.long
def test_registers_of_another_width_train_the_same():
    """The layout of values and weights depends on the registers; LLVM splits wider ones, so theirs can be proved here.

    Against the reference, so that nothing but the kernels of the lanes is compiled anew.
    """
    other = 8 if WIDTH == 16 else 16
    here = Path(__file__)
    chosen = [
        f"{here}::test_a_step_in_the_lanes_gives_what_the_reference_gives",
        f"{here}::test_padding_never_reaches_the_parameters",
        f"{here}::test_rows_of_the_last_batch_that_are_not_there_take_no_part",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PLAYGROUND_VECTOR_WIDTH": str(other), "PLAYGROUND_CACHE_DIR": str(kept_folder("other-registers"))}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *chosen],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    assert "passed" in result.stdout
