"""A team of threads gives what one thread gives, the same each time, and leaves nothing behind."""

import gc
import os
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from check_matmul import CONTIGUOUS, FORMS, PATTERN, TOLERANCE, Room

from playground.catalog.optimizers import OPTIMIZERS
from playground.kernels.compiling import kernel
from playground.kernels.cpu import matmul, team
from playground.kernels.cpu.packed import AB, ABT, ATB
from playground.kernels.cpu.stepping import gather, update_range
from playground.kernels.cpu.team import END, NUMBERS_WORTH_SHARING, ROOM_EACH, WORTH_SHARING, Team, gather_rows, update_all
from playground.kernels.simd.host import IS_ARM, IS_X86, TILE_COLUMNS, TILE_ROWS
from playground.kernels.simd.threads import atomic_add, atomic_load, flushing, give_way, rounding, set_rounding
from playground.kernels.state import CORRECTION_1, CORRECTION_2, HYPER_3, HYPER_SIZE, available_cores

pytestmark = pytest.mark.compile

THREADS = (1, 2, 3, 4)
# Rows, columns, inner: cut by rows, cut by columns, and with fewer tiles than threads.
SHAPES = [(257, 130, 90), (90, 257, 130), (7, 5, 20_011), (20_011, 6, 7), (6, 20_011, 7)]

# A counter that the team doesn't use, away from those that it does.
ARRIVED = 40

every_form = pytest.mark.parametrize("form", list(FORMS.values()), ids=list(FORMS))


def operands(rows, columns, inner, form, seed=0, draw=None):
    """Left and right factor as the form has them, and a result full of garbage between guards."""
    random = np.random.default_rng(seed)
    draw = draw or (lambda *shape: random.normal(size=shape))
    a = draw(inner, rows) if form == ATB else draw(rows, inner)
    b = draw(columns, inner) if form == ABT else draw(inner, columns)
    return a.astype(np.float32), b.astype(np.float32), Room((rows, columns), CONTIGUOUS)


def multiplied(members, a, b, room, form):
    product, *_ = matmul.by_address(a, b, room.matrix, form, False)
    matmul._parallel(members, product)
    return room.take()


def in_float64(a, b, form):
    left = (a.T if form == ATB else a).astype(np.float64)
    right = (b.T if form == ABT else b).astype(np.float64)
    return left @ right, np.abs(left) @ np.abs(right)


def address_of(array):
    return array.ctypes.data


# The same results.


@every_form
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_of_any_number_of_threads_are_right_and_always_the_same(shape, form):
    assert np.prod(shape) >= WORTH_SHARING
    a, b, room = operands(*shape, form)
    expected, bound = in_float64(a, b, form)
    for threads in THREADS:
        with Team(threads) as members:
            first = multiplied(members, a, b, room, form)
            assert (np.abs(first - expected) <= TOLERANCE * bound).all()
            for _ in range(19):
                assert multiplied(members, a, b, room, form).tobytes() == first.tobytes()


def test_the_same_number_of_threads_gives_the_same_bits_in_another_team():
    a, b, room = operands(*SHAPES[0], AB)
    for threads in THREADS:
        results = []
        for _ in range(20):
            with Team(threads) as members:
                results.append(multiplied(members, a, b, room, AB).tobytes())
        assert len(set(results)) == 1


def test_every_part_is_done_once_by_one_thread():
    random = np.random.default_rng(0)
    rows, columns, inner, times = 100, 101, 64, 300
    assert rows * columns * inner >= WORTH_SHARING
    # Whole numbers: each sum is exact, so a part that is missed or done twice shows.
    a, b, room = operands(rows, columns, inner, AB, draw=lambda *shape: random.integers(-3, 4, shape))
    room.matrix[...] = 1.0
    product, *_ = matmul.by_address(a, b, room.matrix, AB, True)
    with Team(4) as members:
        matmul.repeat(members, product, times)
        # Tickets hold the number of jobs above and of parts that are left below.
        assert members.counters[team.TICKETS] == times << 32
        assert members.counters[team.DONE] == 4
    assert np.array_equal(room.take(), 1.0 + times * in_float64(a, b, AB)[0])


@kernel
def take_parts(counters, taken, threads):
    """Once so many threads are here, take parts until none is left, and count which."""
    atomic_add(counters, ARRIVED, 1)
    while atomic_load(counters, ARRIVED) < threads:
        give_way()
    while True:
        part = team._take_part(counters)
        if part < 0:
            return
        taken[part] += 1


def test_threads_that_take_parts_at_once_never_take_the_same():
    parts = 200_000
    counters = np.zeros(48, np.int64)
    taken = np.zeros((3, parts), np.int64)
    take_parts(counters, taken[0], 1)
    assert not taken.any()
    for job in range(1, 6):
        taken[...] = 0
        # Of the next job, this many parts.
        counters[team.TICKETS], counters[ARRIVED] = (job << 32) + parts, 0
        threads = [threading.Thread(target=take_parts, args=(counters, own, len(taken))) for own in taken]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (taken.sum(axis=0) == 1).all()
        assert counters[team.TICKETS] == job << 32


def test_small_products_are_left_to_the_calling_thread():
    a, b, room = operands(8, 8, 8, AB)
    with Team(3) as members:
        result = multiplied(members, a, b, room, AB)
        assert members.counters[team.TICKETS] == 0
    np.testing.assert_allclose(result, in_float64(a, b, AB)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize(
    ("rows", "width"),
    [(NUMBERS_WORTH_SHARING // 7 + 1, 7), (2, NUMBERS_WORTH_SHARING), (NUMBERS_WORTH_SHARING, 1), (50, 8), (0, 8)],
)
def test_gathered_rows_are_those_of_one_thread(threads, rows, width):
    random = np.random.default_rng(rows)
    source = random.normal(size=(rows + 10, width)).astype(np.float32)
    order = random.permutation(rows + 10)
    first = 3
    for times in range(20):
        rooms = [Room((rows, width)), Room((rows, width))]
        with Team(threads) as members:
            gather_rows(members, address_of(source), address_of(order), first, rows, width, address_of(rooms[0].matrix))
            shared = threads > 1 and rows * width >= NUMBERS_WORTH_SHARING
            assert (members.counters[team.TICKETS] != 0) == shared
        if times == 0:
            gather(address_of(source), address_of(order), first, rows, width, address_of(rooms[1].matrix))
            expected = rooms[1].take()
            assert np.array_equal(expected, source[order[first : first + rows]])
        assert rooms[0].take().tobytes() == expected.tobytes()


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("record", OPTIMIZERS.values(), ids=lambda record: record.name)
@pytest.mark.parametrize("count", [NUMBERS_WORTH_SHARING, NUMBERS_WORTH_SHARING + 17, 5, 0])
def test_updates_by_any_number_of_threads_are_those_of_one(threads, record, count):
    random = np.random.default_rng(count)
    start = random.normal(size=(4, count)).astype(np.float32)
    start[3] = np.abs(start[3])
    hyper = np.zeros(HYPER_SIZE, np.float32)
    hyper[: HYPER_3 + 1] = 0.01, 0.9, 0.99, 1e-8
    hyper[CORRECTION_1], hyper[CORRECTION_2] = 1.5, 2.5

    def updated(run):
        rooms = [Room((1, count), CONTIGUOUS, row) for row in start]
        places = [address_of(room.matrix) for room in rooms]
        # A memory slot that the optimizer doesn't use has no address.
        run(*places[:2], *[place if slot < record.slots else 0 for slot, place in enumerate(places[2:])])
        return np.concatenate([room.take() for room in rooms])

    expected = updated(lambda w, g, m, s: update_range(w, g, m, s, 0, count, record.code, address_of(hyper)))
    results = []
    for _ in range(20):
        with Team(threads) as members:
            results.append(updated(lambda w, g, m, s: update_all(members, w, g, m, s, count, record.code, address_of(hyper))))
            assert (members.counters[team.TICKETS] != 0) == (threads > 1 and count >= NUMBERS_WORTH_SHARING)
    assert len({result.tobytes() for result in results}) == 1
    np.testing.assert_allclose(results[0], expected, rtol=1e-6, atol=1e-7)
    assert np.array_equal(results[0][1], start[1])
    assert np.array_equal(results[0][2 + record.slots :], start[2 + record.slots :])
    assert np.array_equal(results[0][0], start[0]) == (count == 0), "all weights move, where there are any"


@pytest.mark.parametrize("unit", [1, 16, TILE_ROWS, TILE_COLUMNS])
def test_parts_cover_everything_once_in_whole_units(unit):
    for total in (0, 1, unit - 1, unit, unit + 1, 5 * unit + 3, 1000):
        for parts in range(1, 9):
            edges = [team._share(total, unit, part, parts) for part in range(parts + 1)]
            assert edges[0] == 0 and edges[-1] == total
            sizes = np.diff(edges)
            assert (sizes >= 0).all()
            assert all(edge % unit == 0 or edge == total for edge in edges)
            # No part has more than one unit more than another.
            assert sizes.max() - sizes.min() < 2 * unit


def test_a_job_takes_its_rounding_from_the_thread_that_hands_it_out():
    if not (IS_X86 or IS_ARM):
        pytest.skip("rounding is left alone on this processor")
    # So small that each product, and each sum, is under 1.2e-38.
    left, right = np.full((300, 260), 2.0**-70, np.float32), np.full((260, 300), 2.0**-75, np.float32)
    room = Room((300, 300), CONTIGUOUS)
    product, *_ = matmul.by_address(left, right, room.matrix, AB, False)
    own = rounding_state()
    shared = Team(2)
    helpers_room = shared.members.workspaces[ROOM_EACH:].view(np.uint32)
    for inherited in (False, True):
        # A helper may begin with the rounding of the thread that starts it; that must not matter.
        set_state(flushing_of(own) if inherited else own)
        try:
            with shared as members:
                set_state(own)
                for flush in (False, True, False, True):
                    expected = 0.0 if flush else 260 * 2.0**-145
                    end = time.monotonic() + 60
                    while True:
                        helpers_room.fill(PATTERN)
                        multiply_rounding_as(members, product, flushing_of(own) if flush else own)
                        assert (room.take() == expected).all()
                        # A helper that has multiplied has used its workspace.
                        if (helpers_room != PATTERN).any():
                            break
                        assert time.monotonic() < end, "the helper never did a part"
        finally:
            set_state(own)


@kernel
def rounding_state():
    return rounding()


@kernel
def set_state(state):
    set_rounding(state)


@kernel
def flushing_of(state):
    return flushing(state)


@kernel
def multiply_rounding_as(members, product, state):
    old = rounding()
    set_rounding(state)
    matmul._parallel(members, product)
    set_rounding(old)


# Nothing left behind.


def resident_pages():
    """Memory that the process holds, in pages; 0 where the system doesn't say."""
    statistics = Path("/proc/self/statm")
    return int(statistics.read_text(encoding="ascii").split()[1]) if statistics.exists() else 0


def system_threads():
    """Threads as the system counts them, which knows those that Python has lost; 0 where it doesn't say."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else 0


def test_two_thousand_short_calls_leave_no_thread_and_no_memory_behind():
    a, b, room = operands(90, 90, 90, AB)
    product, *_ = matmul.by_address(a, b, room.matrix, AB, False)
    kept = Team(2)

    def call(number):
        with kept if number % 2 else Team(2) as members:
            matmul._parallel(members, product)

    for number in range(50):
        call(number)
    gc.collect()
    threads, tasks, pages = threading.active_count(), system_threads(), resident_pages()
    arrays = [kept.members.counters, kept.members.job, kept.members.workspaces]
    references = [sys.getrefcount(array) for array in arrays]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(2000):
            call(number)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert threading.active_count() == threads
    # One that has been joined may need a moment more to go.
    end = time.monotonic() + 10
    while system_threads() > tasks and time.monotonic() < end:
        time.sleep(0.01)
    assert system_threads() <= tasks
    assert [sys.getrefcount(array) for array in arrays] == references
    assert grown < 200_000
    # One team's workspaces are more than half of that.
    assert (resident_pages() - pages) * os.sysconf("SC_PAGE_SIZE" if hasattr(os, "sysconf") else 0) < 5_000_000
    np.testing.assert_allclose(room.take(), in_float64(a, b, AB)[0], rtol=1e-4, atol=1e-4)


def test_helpers_end_with_the_block_even_if_it_fails():
    before = threading.active_count()
    with Team(4):
        assert threading.active_count() == before + 3
    assert threading.active_count() == before
    with pytest.raises(KeyError), Team(4):
        raise KeyError
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 0, -3])
def test_a_team_of_one_starts_no_thread(threads):
    before = threading.active_count()
    a, b, room = operands(*SHAPES[0], AB)
    with Team(threads) as members:
        assert members.parts == 1
        assert threading.active_count() == before
        result = multiplied(members, a, b, room, AB)
        assert members.counters[team.TICKETS] == 0
    np.testing.assert_allclose(result, in_float64(a, b, AB)[0], rtol=1e-4, atol=1e-4)


def test_the_cores_are_those_that_this_process_may_use():
    expected = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert available_cores() == expected


# Helpers that don't help.


@pytest.mark.parametrize("started", [0, 1, 2])
def test_a_team_whose_system_gives_no_more_threads_does_all_parts(monkeypatch, started):
    start, calls = threading.Thread.start, []

    def refuse(thread):
        calls.append(thread)
        if len(calls) > started:
            raise RuntimeError("can't start new thread")
        start(thread)

    before = threading.active_count()
    shared = Team(4)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for form in FORMS.values():
        a, b, room = operands(*SHAPES[0], form)
        calls.clear()
        with shared as members:
            assert threading.active_count() == before + started
            result = multiplied(members, a, b, room, form)
            assert members.counters[team.DONE] == 4
        expected, bound = in_float64(a, b, form)
        assert (np.abs(result - expected) <= TOLERANCE * bound).all()
        assert threading.active_count() == before
    monkeypatch.undo()
    # Later, when there are threads again, the same team has all of them, and gives the same bits.
    with shared as members:
        assert threading.active_count() == before + 3
        assert multiplied(members, a, b, room, form).tobytes() == result.tobytes()


def test_a_team_whose_helper_is_never_given_a_core_finishes(monkeypatch):
    def held_back(members, number):
        while members.counters[END] == 0:
            time.sleep(0.001)

    monkeypatch.setattr(team, "_help", held_back)
    for form in FORMS.values():
        a, b, room = operands(*SHAPES[1], form)
        with Team(3) as members:
            result = multiplied(members, a, b, room, form)
        expected, bound = in_float64(a, b, form)
        assert (np.abs(result - expected) <= TOLERANCE * bound).all()


# Several teams.


def test_two_threads_with_teams_of_their_own_do_not_disturb_each_other():
    rounds, failures = 30, []
    ready = threading.Barrier(2)
    count = NUMBERS_WORTH_SHARING + 160
    hyper = np.zeros(HYPER_SIZE, np.float32)
    hyper[0] = 0.25
    record = OPTIMIZERS["sgd"]

    def work(number):
        try:
            random = np.random.default_rng(number)
            shared = Team(2)
            source = random.normal(size=(count // 10, 10)).astype(np.float32)
            order = random.permutation(len(source))
            ready.wait(30)
            for turn in range(rounds):
                form = (AB, ATB, ABT)[turn % 3]
                a, b, room = operands(*SHAPES[(turn + number) % len(SHAPES)], form, seed=100 * number + turn)
                weights, rows = Room((1, count), CONTIGUOUS, 1.0), Room(source.shape)
                gradients = np.full(count, number + turn, np.float32)
                with shared as members:
                    result = multiplied(members, a, b, room, form)
                    gather_rows(members, address_of(source), address_of(order), 0, *source.shape, address_of(rows.matrix))
                    places = address_of(weights.matrix), address_of(gradients), 0, 0
                    update_all(members, *places, count, record.code, address_of(hyper))
                expected, bound = in_float64(a, b, form)
                assert (np.abs(result - expected) <= TOLERANCE * bound).all()
                assert np.array_equal(rows.take(), source[order])
                assert (weights.take() == 1.0 - 0.25 * (number + turn)).all()
        except BaseException as error:
            failures.append(error)
            ready.abort()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    before = threading.active_count()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert threading.active_count() == before


def test_a_call_that_was_interrupted_leaves_no_second_helper_behind():
    team = Team(2)
    # As after Ctrl+C between the start of the helper and the call: nobody left the block.
    team.__enter__()
    with team:
        names = [thread.name for thread in threading.enumerate() if thread.name == "compute-1"]
        assert names == ["compute-1"]
    assert not [thread for thread in threading.enumerate() if thread.name == "compute-1"]


def test_an_interrupted_start_ends_the_helpers_that_are_there(monkeypatch):
    started = threading.Thread.start
    seen = []

    def start(thread):
        if seen:
            raise KeyboardInterrupt
        seen.append(thread)
        started(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(KeyboardInterrupt):
        Team(3).__enter__()
    seen[0].join(10)
    assert not seen[0].is_alive()
