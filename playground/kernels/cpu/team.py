"""A team of threads for one call: the thread that trains hands out a job in parts, and whoever is free takes the next.

The others run nothing but `_help`, without the GIL, from the start of a call to its end. The one that trains does parts
itself and waits only for those that somebody has taken, so a helper that the system holds back delays nothing. How a job
is cut depends on the number of threads alone, and no sum is split over parts: the same number gives the same result bit
for bit. There is no library underneath, so no second pool of threads and nothing that differs between systems.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.kernels.compiling import kernel
from playground.kernels.cpu.packed import ABT, ATB, WORKSPACE_FLOATS, at, pieces
from playground.kernels.cpu.stepping import gather, update_range
from playground.kernels.simd.host import TILE_COLUMNS, TILE_ROWS
from playground.kernels.simd.memory import address, call_product
from playground.kernels.simd.threads import (
    atomic_add,
    atomic_load,
    atomic_store,
    compare_and_swap,
    give_way,
    pause,
    rounding,
    set_rounding,
)
from playground.network.parameters import aligned_zeros, padded

# Counters, two cache lines apart, so that threads don't pull at the same line.
TICKETS, DONE, END = 0, 16, 32
# Tickets hold how many parts are left below, and the number of the job above: an old ticket never fits a new job.
_PARTS_MASK = 0xFFFFFFFF
_JOB_SHIFT = 32
# Turns of waiting before the system may run something else on this core.
PATIENCE = 3000
# Multiplications from which a product is worth sharing.
WORTH_SHARING = 600_000
NUMBERS_WORTH_SHARING = 30_000
ROOM_EACH = padded(WORKSPACE_FLOATS) + 16

PRODUCT, GATHER, UPDATE = 0, 1, 2
# Where a job says how its parts are to be rounded: as the thread that handed it out rounds.
ROUNDING = 15


class Members(NamedTuple):
    """What the threads of a team share, as kernels take it.

    Parameters
    ----------
    counters
        int64: tickets of the present job, parts done, the end of the call.
    job
        int64: what to do, then addresses, sizes and strides.
    workspaces
        float32, ROOM_EACH numbers a thread.
    parts
        How many parts a job is cut into.
    """

    counters: NDArray[np.int64]
    job: NDArray[np.int64]
    workspaces: Float32
    parts: int


class Team:
    """Threads that help with compiled calls while the ``with`` block lasts.

    Parameters
    ----------
    threads
        How many compute at once, the caller's included.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = max(1, threads)
        workspaces = aligned_zeros(ROOM_EACH * self.threads)
        self.members = Members(np.zeros(48, np.int64), np.zeros(16, np.int64), workspaces, self.threads)
        self._helpers: list[threading.Thread] = []

    def __enter__(self) -> Members:
        # Helpers of a call that was interrupted while it started or ended must be gone before others take their numbers.
        self._dismiss()
        self.members.counters[END] = 0
        try:
            for number in range(1, self.threads):
                helper = threading.Thread(target=_help, args=(self.members, number), name=f"compute-{number}", daemon=True)
                self._helpers.append(helper)
                helper.start()
        except RuntimeError:
            # The system gives no more threads: those that are there do all parts.
            pass
        except BaseException:
            self._dismiss()
            raise
        return self.members

    def __exit__(self, *exception: object) -> None:
        self._dismiss()

    def _dismiss(self) -> None:
        """End all helpers and wait for them."""
        self.members.counters[END] = 1
        while self._helpers:
            helper = self._helpers[-1]
            # One that never started has no identity and can't be waited for.
            if helper.ident is not None:
                helper.join()
            self._helpers.pop()


@kernel
def _take_part(counters):
    """Claim a part of the present job: its number, or −1 if none is left."""
    while True:
        tickets = atomic_load(counters, TICKETS)
        left = tickets & _PARTS_MASK
        if left == 0:
            return -1
        if compare_and_swap(counters, TICKETS, tickets, tickets - 1):
            return left - 1


@kernel
def _share(total, unit, part, parts):
    """First of ``total`` things that belong to a part, when they are dealt in whole units."""
    return min(total, pieces(total, unit) * part // parts * unit)


@kernel
def _do_part(members, part, number):
    """Do one part of the present job on this thread."""
    job, parts = members.job, members.parts
    if job[0] == PRODUCT:
        form, a, a_stride, b, b_stride, c, c_stride = job[1], job[2], job[3], job[4], job[5], job[6], job[7]
        rows, columns, inner, accumulate = job[8], job[9], job[10], job[11]
        workspace = at(address(members.workspaces), number * ROOM_EACH)
        if rows > columns:
            first, end = _share(rows, TILE_ROWS, part, parts), _share(rows, TILE_ROWS, part + 1, parts)
            a = at(a, first if form == ATB else first * a_stride)
            c = at(c, first * c_stride)
            rows = end - first
        else:
            first, end = _share(columns, TILE_COLUMNS, part, parts), _share(columns, TILE_COLUMNS, part + 1, parts)
            b = at(b, first * b_stride if form == ABT else first)
            c = at(c, first)
            columns = end - first
        call_product(form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate, workspace)
    elif job[0] == GATHER:
        rows = job[4]
        first, end = _share(rows, 1, part, parts), _share(rows, 1, part + 1, parts)
        gather(job[1], job[2], job[3] + first, end - first, job[5], at(job[6], first * job[5]))
    else:
        count = job[5]
        first, end = _share(count, 16, part, parts), _share(count, 16, part + 1, parts)
        update_range(job[1], job[2], job[3], job[4], first, end, job[6], job[7])


@kernel
def _hand_out(members):
    """Have the present job done: open it for all, do parts, wait for those that others took."""
    counters = members.counters
    counters[DONE] = 0
    members.job[ROUNDING] = rounding()
    number = (atomic_load(counters, TICKETS) >> _JOB_SHIFT) + 1
    atomic_store(counters, TICKETS, number << _JOB_SHIFT | members.parts)
    while True:
        part = _take_part(counters)
        if part < 0:
            break
        _do_part(members, part, 0)
        atomic_add(counters, DONE, 1)
    waited = 0
    while atomic_load(counters, DONE) < members.parts:
        waited = _wait(waited)


@kernel
def _wait(waited):
    """One turn of waiting: a pause at first, then a chance for other threads."""
    if waited < PATIENCE:
        pause()
    else:
        give_way()
    return waited + 1


@kernel
def _help(members, number):
    """What a helper does from the start of a call to its end."""
    own = rounding()
    waited = 0
    while atomic_load(members.counters, END) == 0:
        part = _take_part(members.counters)
        if part < 0:
            waited = _wait(waited)
        else:
            waited = 0
            set_rounding(members.job[ROUNDING])
            _do_part(members, part, number)
            atomic_add(members.counters, DONE, 1)
    set_rounding(own)


@kernel
def multiply(members, form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate):
    """The product of `packed` by address, shared where that pays."""
    if members.parts == 1 or rows * columns * inner < WORTH_SHARING:
        workspace = address(members.workspaces)
        call_product(form, a, a_stride, b, b_stride, c, c_stride, rows, columns, inner, accumulate, workspace)
        return
    job = members.job
    job[0] = PRODUCT
    job[1], job[2], job[3], job[4], job[5], job[6], job[7] = form, a, a_stride, b, b_stride, c, c_stride
    job[8], job[9], job[10], job[11] = rows, columns, inner, accumulate
    _hand_out(members)


@kernel
def gather_rows(members, source, order, first, rows, width, target):
    """`stepping.gather`, shared where that pays."""
    if members.parts == 1 or rows * width < NUMBERS_WORTH_SHARING:
        gather(source, order, first, rows, width, target)
        return
    job = members.job
    job[0] = GATHER
    job[1], job[2], job[3], job[4], job[5], job[6] = source, order, first, rows, width, target
    _hand_out(members)


@kernel
def update_all(members, parameters, gradients, first_moment, second_moment, count, optimizer, hyper):
    """`stepping.update_range` on all parameters, shared where that pays."""
    if members.parts == 1 or count < NUMBERS_WORTH_SHARING:
        update_range(parameters, gradients, first_moment, second_moment, 0, count, optimizer, hyper)
        return
    job = members.job
    job[0] = UPDATE
    job[1], job[2], job[3], job[4], job[5] = parameters, gradients, first_moment, second_moment, count
    job[6], job[7] = optimizer, hyper
    _hand_out(members)
