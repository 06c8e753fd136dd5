"""Counters that threads share, and how each thread rounds what is too small for full precision."""

import threading

import numpy as np
import pytest
from oracle import make_experiment, random_batch

from playground.experiment import SGD, build_plan, initial_parameters
from playground.kernels.compiling import kernel
from playground.kernels.cpu import backend as cpu
from playground.kernels.simd.host import IS_ARM, IS_X86
from playground.kernels.simd.threads import (
    atomic_add,
    atomic_load,
    atomic_store,
    compare_and_swap,
    flushing,
    rounding,
    set_rounding,
)

pytestmark = pytest.mark.compile

LARGEST, TINY, EPSILON = np.finfo(np.float32).max, np.finfo(np.float32).tiny, np.finfo(np.float32).eps

flushes = pytest.mark.skipif(not (IS_X86 or IS_ARM), reason="rounding is left alone on this processor")


@kernel
def count_up(counters, times):
    for _ in range(times):
        atomic_add(counters, 1, 1)
        while True:
            old = atomic_load(counters, 2)
            if compare_and_swap(counters, 2, old, old + 1):
                break


def test_counting_by_several_threads_loses_nothing():
    counters = np.zeros(4, np.int64)
    count_up(counters, 0)
    threads = [threading.Thread(target=count_up, args=(counters, 100_000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.tolist() == [0, 400_000, 400_000, 0]


@kernel
def one_of_each(counters):
    before = atomic_add(counters, 0, 5)
    wrong = compare_and_swap(counters, 0, before, 99)
    right = compare_and_swap(counters, 0, before + 5, 1 << 40)
    atomic_store(counters, 1, atomic_load(counters, 0) + 1)
    return before, wrong, right


def test_counters_say_what_they_held():
    counters = np.array([7, 0, 3], np.int64)
    assert one_of_each(counters) == (7, False, True)
    assert counters.tolist() == [2**40, 2**40 + 1, 3]


# How a thread rounds.


@kernel
def control_register():
    return rounding()


def rounding_now():
    """How this thread rounds, without the bits in which x86 collects what has happened so far."""
    return control_register() & ~0x3F if IS_X86 else control_register()


@kernel
def round_as(state):
    set_rounding(state)


@kernel
def flushing_of(state):
    return flushing(state)


@kernel
def products(x, y, out):
    for i in range(x.size):
        out[i] = x[i] * y[i]


@kernel
def flushed_products(x, y, out):
    old = rounding()
    set_rounding(flushing(old))
    products(x, y, out)
    set_rounding(old)


# Two factors whose product is under 1.2e-38, one such factor, and numbers that rounding must leave alone.
FACTORS = np.array(
    [[2.0**-70, 2.0**-70], [2.0**-140, 2.0**100], [-(2.0**-140), 2.0**20], [3.0, 0.1], [np.inf, 1.0], [LARGEST, 2.0]]
)
FACTORS = np.concatenate([FACTORS, [[np.nan, 1.0], [TINY, 1.0], [-TINY, 1.0], [1.0, 1.0 / 3.0]]]).T.astype(np.float32)


@flushes
def test_numbers_too_small_for_full_precision_are_zero_while_flushing_and_only_then():
    x, y = FACTORS
    before, inside, after = (np.full(x.size, 5.0, np.float32) for _ in range(3))
    state = rounding_now()
    products(x, y, before)
    flushed_products(x, y, inside)
    assert rounding_now() == state
    products(x, y, after)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(before, x * y)
    assert before[:3].all()
    np.testing.assert_array_equal(after, before)
    assert not inside[:3].any()
    np.testing.assert_array_equal(inside[3:], before[3:])


@flushes
def test_flushing_adds_to_a_state_and_changes_nothing_by_itself():
    state = rounding_now()
    flushed = flushing_of(state)
    assert flushed != state
    assert flushing_of(flushed) == flushed
    assert flushed & state == state
    assert rounding_now() == state


@flushes
def test_a_state_set_stays_for_this_thread_alone():
    state = rounding_now()
    ready, go = threading.Event(), threading.Event()
    out, seen = np.zeros(FACTORS.shape[1], np.float32), []

    def other():
        seen.append(rounding_now())
        ready.set()
        go.wait(30)
        products(*FACTORS, out)
        seen.append(rounding_now())

    thread = threading.Thread(target=other)
    thread.start()
    assert ready.wait(30)
    round_as(flushing_of(state))
    try:
        assert rounding_now() == flushing_of(state)
        own = np.zeros_like(out)
        products(*FACTORS, own)
        go.set()
        thread.join(30)
    finally:
        round_as(state)
        go.set()
    assert not own[:3].any()
    assert out[:3].all()
    assert seen == [state, state]


@flushes
@pytest.mark.parametrize("rate", [0.1, 1e3], ids=["as usual", "until it blows up"])
@pytest.mark.parametrize("units", [3, 40], ids=["tiny", "larger"])
def test_training_and_evaluation_leave_the_rounding_as_it_was(rate, units):
    experiment = make_experiment(
        "regression", widths=(units,), activation="relu", optimizer=SGD(learning_rate=rate), batch_size=8
    )
    plan = build_plan(experiment, 4, 2)
    x, t = random_batch(experiment, 40, 4)
    state = rounding_now()
    for own in (state, flushing_of(state)):
        run = cpu.new_state(plan, experiment.training, initial_parameters(experiment, plan), 40)
        round_as(own)
        try:
            loss = cpu.train(run, x, t, 300)
            trained = rounding_now()
            cpu.evaluate(run, x, t, np.zeros_like(t))
            evaluated = rounding_now()
        finally:
            round_as(state)
        assert np.isfinite(loss) == (rate < 1)
        assert trained == own
        assert evaluated == own
