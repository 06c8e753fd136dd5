"""Threads of the GPU that work on one network together: who takes what, how they wait for each other, how they add up.

A team is one block, whose threads share a fast memory, or a whole grid of blocks. Both run the same code; only `barrier`
differs. The grid's barrier needs every block to be running at once, so a grid never has more blocks than multiprocessors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from playground.catalog.elementary import ZERO
from playground.kernels.cuda.primitives import load_fresh, quotient
from playground.kernels.cuda.target import load

cuda = load()

# Threads of a block that runs a grid's kernel; matrix tiles are cut for so many.
THREADS = 256


class Team(NamedTuple):
    """One thread's view of its team.

    Parameters
    ----------
    thread, threads
        This thread's number in its block, and how many a block has.
    block, blocks
        This block's number in the team, and how many blocks it has.
    shared
        float32: the block's fast memory for matrix tiles and sums; at least one number a thread.
    arrivals
        int32 (1,): how often a block has come to the grid's barrier.
    partial
        float32 (blocks,): one sum of each block.
    """

    thread: Any
    threads: Any
    block: Any
    blocks: Any
    shared: Any
    arrivals: Any
    partial: Any


def first_of(team):
    """The first number that this thread takes where all threads of a team share numbers."""
    return team.block * team.threads + team.thread


def step_of(team):
    """How far it is to this thread's next one."""
    return team.blocks * team.threads


def barrier(team):
    """Nobody goes on until all threads of the team have come here, and what they wrote before can be read after."""
    raise NotImplementedError("a kernel is built with block_barrier or grid_barrier in this one's place")


def block_barrier(team):
    """`barrier` of a team that is one block."""
    cuda.syncthreads()


def grid_barrier(team):
    """`barrier` of a grid, after S. Xiao, W. Feng: Inter-Block GPU Communication via Fast Barrier Synchronization, 2010.

    Blocks count themselves in and wait until the count is a multiple of them all; it only ever grows.
    """
    cuda.syncthreads()
    if team.blocks > 1:
        if team.thread == 0:
            cuda.threadfence()
            before = cuda.atomic.add(team.arrivals, 0, 1)
            everybody = (quotient(before, team.blocks) + 1) * team.blocks
            while load_fresh(team.arrivals, 0) < everybody:
                pass
            cuda.threadfence()
        cuda.syncthreads()


def block_sum(team, number):
    """Sum over the threads of this block, known to all of them; ``threads`` is a power of two."""
    shared = team.shared
    cuda.syncthreads()
    shared[team.thread] = number
    cuda.syncthreads()
    half = team.threads // 2
    while half > 0:
        if team.thread < half:
            shared[team.thread] += shared[team.thread + half]
        cuda.syncthreads()
        half //= 2
    return shared[0]


def start_sum(team, number):
    """First half of a sum over the whole team: each block's part, for `whole_sum` to find after the next barrier."""
    part = block_sum(team, number)
    if team.thread == 0:
        team.partial[team.block] = part


def whole_sum(team):
    """Second half: the same sum, in the same order, in every thread of the team."""
    part = ZERO
    for i in range(team.thread, team.blocks, team.threads):
        part += team.partial[i]
    return block_sum(team, part)
