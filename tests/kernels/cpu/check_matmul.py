"""Matrix products beside float64, with a bit pattern around all that they may touch; as a script, for other processors.

Tests import the checks. Run as ``python check_matmul.py WIDTH``, the file repeats the more important ones in a process whose
environment asks for other vector registers, and says what it found.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import sys
from typing import NamedTuple

import numpy as np

from playground.kernels.cache import prepare_cache
from playground.kernels.cpu import matmul, packed
from playground.kernels.cpu.packed import AB, ABT, ATB, COLUMN_BLOCK, INNER_BLOCK, ROW_BLOCK, ROWS_WORTH_A_COPY, WORKSPACE_FLOATS
from playground.kernels.simd.host import REGISTERS, TILE_COLUMNS, TILE_ROWS, WIDTH

FORMS = {"AB": AB, "ATB": ATB, "ABT": ABT}
ALL_FORMS = tuple(FORMS.values())
EDGES = sorted(
    {0, 1, WIDTH - 1, WIDTH, WIDTH + 1, TILE_ROWS - 1, TILE_ROWS, TILE_ROWS + 1, 2 * TILE_COLUMNS + 1}
    | {INNER_BLOCK - 1, INNER_BLOCK + 1, ROW_BLOCK - 1, ROW_BLOCK + 1}
)
# Relative to Σ|a||b|, as the issue has it.
TOLERANCE = 1e-5
# A NaN that no arithmetic makes: written over, it shows; read, it shows in the result.
PATTERN = np.uint32(0x7FC5A5A5)
GUARD = 4096


class Layout(NamedTuple):
    """How a matrix lies in memory.

    Parameters
    ----------
    gap
        Numbers between a row's end and the next row.
    column_step
        From one number of a row to the next; negative runs backward.
    upward
        Whether each row lies before the one above it.
    transposed
        Whether columns lie as rows do otherwise.
    shift
        Numbers by which it begins later.
    """

    gap: int = 0
    column_step: int = 1
    upward: bool = False
    transposed: bool = False
    shift: int = 0


CONTIGUOUS = Layout()
ROWS_CONTIGUOUS = (CONTIGUOUS, Layout(gap=5, shift=3), Layout(gap=5, upward=True, shift=3))
LAYOUTS = (
    *ROWS_CONTIGUOUS,
    Layout(gap=2, column_step=3, shift=1),
    Layout(gap=7, column_step=-1, shift=5),
    Layout(gap=3, transposed=True, shift=2),
)


class Room:
    """Memory full of the bit pattern, in which a matrix is laid out somehow; nothing else of it may change.

    Parameters
    ----------
    shape, layout
        Of the matrix.
    content
        The matrix; without it the pattern stays, as garbage.
    """

    def __init__(self, shape, layout=CONTIGUOUS, content=None):
        long, short = shape[::-1] if layout.transposed else shape
        step = abs(layout.column_step) * short + layout.gap
        steps = (-step if layout.upward else step, layout.column_step)
        # From the lowest number to the first one, and to the highest.
        before = sum(-step * max(0, size - 1) for step, size in zip(steps, (long, short), strict=True) if step < 0)
        span = sum(abs(step) * max(0, size - 1) for step, size in zip(steps, (long, short), strict=True)) + 1
        margin = 64 + 2 * step
        self.bits = np.full(span + layout.shift + 2 * margin, PATTERN, np.uint32)
        strides = tuple(4 * step for step in (steps[::-1] if layout.transposed else steps))
        place = {"shape": shape, "offset": 4 * (margin + layout.shift + before), "strides": strides}
        self.matrix = np.ndarray(dtype=np.float32, buffer=self.bits, **place)
        self._own_bits = np.ndarray(dtype=np.uint32, buffer=self.bits, **place)
        self._what = f"{shape}, {layout}"
        if content is not None:
            self.matrix[...] = content

    def take(self):
        """The matrix, which the pattern replaces; fails if anything else was written."""
        matrix = self.matrix.copy()
        self._own_bits[...] = PATTERN
        assert (self.bits == PATTERN).all(), f"written beside a matrix {self._what}"
        return matrix


class Inputs:
    """A matrix in every form and layout that a check wants, laid out once; a product must leave it as it is."""

    def __init__(self, matrix, transposed, layouts):
        content = matrix.T if transposed else matrix
        self.rooms = {layout: Room(content.shape, layout, content) for layout in layouts}
        self._copies = {layout: room.bits.copy() for layout, room in self.rooms.items()}

    def __getitem__(self, layout):
        return self.rooms[layout].matrix

    def assert_untouched(self):
        for layout, room in self.rooms.items():
            assert np.array_equal(room.bits, self._copies[layout]), "an input was written to"


class Workspace:
    """A workspace of garbage between guards, in which `matmul.packed`'s kernel works."""

    def __init__(self):
        raw = np.full(WORKSPACE_FLOATS + 2 * GUARD + 16, PATTERN, np.uint32)
        self.bits = raw[-(raw.ctypes.data // 4) % 16 :][: WORKSPACE_FLOATS + 2 * GUARD]
        self.inside = self.bits[GUARD:-GUARD]
        self.address = self.inside.ctypes.data

    def multiply(self, a, b, out, form, accumulate):
        """As `matmul.packed` does it, but in this workspace, for matrices whose rows are contiguous."""
        product, result, *_ = matmul.by_address(a, b, out, form, accumulate)
        assert result is out
        self.inside.fill(PATTERN)
        matmul._packed(product, self.address)
        assert (self.bits[:GUARD] == PATTERN).all(), "written before the workspace"
        assert (self.bits[-GUARD:] == PATTERN).all(), "written behind the workspace"


def assert_close(result, expected, bound, what=""):
    """Within the tolerance of float64, relative to the sum of all terms' sizes."""
    # Written so that a NaN fails.
    if not (np.abs(result - expected) <= TOLERANCE * bound).all():
        wrong = np.argwhere(~(np.abs(result - expected) <= TOLERANCE * bound))
        i, j = wrong[0]
        raise AssertionError(
            f"{len(wrong)} of {result.size} numbers are wrong, the first at {i}, {j}:"
            f" {result[i, j]} instead of {expected[i, j]} ± {TOLERANCE * bound[i, j]} {what}"
        )


def check(multiply, left, right, form, accumulate, layouts=(CONTIGUOUS,) * 3, old=None):
    """One product of float32 matrices (rows, inner) and (inner, columns), laid out in some way, beside float64.

    Parameters
    ----------
    multiply
        A rung, or what has the same parameters.
    layouts
        Of A, B and the result.
    old
        What the result holds before, for ``accumulate``.
    """
    a, b = Inputs(left, form == ATB, layouts[:1]), Inputs(right, form == ABT, layouts[1:2])
    expected = left.astype(np.float64) @ right.astype(np.float64)
    bound = np.abs(left).astype(np.float64) @ np.abs(right).astype(np.float64)
    if accumulate and old is None:
        old = np.random.default_rng(len(left)).normal(size=expected.shape).astype(np.float32)
    out = Room(expected.shape, layouts[2], old if accumulate else None)
    multiply(a[layouts[0]], b[layouts[1]], out.matrix, form, accumulate)
    if accumulate:
        expected, bound = expected + old, bound + np.abs(old)
    what = f"in form {form}, {left.shape} × {right.shape}, accumulate={accumulate}, {layouts}"
    assert_close(out.take(), expected, bound, what)
    a.assert_untouched()
    b.assert_untouched()


def check_edges(multiply, forms=ALL_FORMS, edges=EDGES, every_way=True, fits=lambda *shape: True, seed=0):
    """Products of all triples of edge sizes beside float64; returns the set of what was covered.

    Parameters
    ----------
    every_way
        Each shape with and without ``accumulate``, contiguous and not; else one of these ways by chance.
    fits
        Which (rows, columns, inner) to do.

    Returns
    -------
    covered
        ``(dimension, size, form, accumulate, strided)`` of every product.
    """
    random = np.random.default_rng(seed)
    largest = max(edges)
    left, right, old = (random.normal(size=(largest, largest)).astype(np.float32) for _ in range(3))
    ways = list(itertools.product(forms, (False, True), (False, True)))
    covered = set()
    for inner in edges:
        a, b = left[:, :inner], right[:inner]
        # Sums don't depend on their neighbors: each smaller product is a corner of the largest.
        product = a.astype(np.float64) @ b.astype(np.float64)
        bound = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
        lefts = {(rows, form == ATB): None for rows in edges for form in forms}
        rights = {(columns, form == ABT): None for columns in edges for form in forms}
        for rows, transposed in lefts:
            lefts[rows, transposed] = Inputs(a[:rows], transposed, ROWS_CONTIGUOUS)
        for columns, transposed in rights:
            rights[columns, transposed] = Inputs(b[:, :columns], transposed, ROWS_CONTIGUOUS)
        for rows, columns in itertools.product(edges, edges):
            if not fits(rows, columns, inner):
                continue
            before = old[:rows, :columns]
            results = (product[:rows, :columns], bound[:rows, :columns])
            summed = (results[0] + before, results[1] + np.abs(before))
            chosen = ways if every_way else [ways[random.integers(len(ways))]]
            for form, accumulate, strided in chosen:
                layouts = [ROWS_CONTIGUOUS[i] for i in random.integers(1, 3, 3)] if strided else [CONTIGUOUS] * 3
                out = Room((rows, columns), layouts[2], before if accumulate else None)
                multiply(
                    lefts[rows, form == ATB][layouts[0]],
                    rights[columns, form == ABT][layouts[1]],
                    out.matrix,
                    form,
                    accumulate,
                )
                what = f"in form {form}, {rows} × {columns} × {inner}, accumulate={accumulate}, {layouts}"
                assert_close(out.take(), *(summed if accumulate else results), what)
                for dimension, size in (("rows", rows), ("columns", columns), ("inner", inner)):
                    covered.add((dimension, size, form, accumulate, strided))
        for inputs in (*lefts.values(), *rights.values()):
            inputs.assert_untouched()
    return covered


def everything(edges=EDGES, forms=ALL_FORMS):
    """What `check_edges` has to cover."""
    return set(itertools.product(("rows", "columns", "inner"), edges, forms, (False, True), (False, True)))


# Both sides of every choice in `packed.product`: what is copied, and how many blocks there are.
CHOICES = [
    *itertools.product((ROWS_WORTH_A_COPY - 1, ROWS_WORTH_A_COPY), (257,), (127, 129)),
    *itertools.product((63, 64, 199, 200), (127, 128), (2 * INNER_BLOCK - 1, 2 * INNER_BLOCK + 1)),
    *itertools.product((ROW_BLOCK + 1,), (8,), (INNER_BLOCK, INNER_BLOCK + 1)),
    *itertools.product((260,), (4 * WIDTH - 1, 4 * WIDTH, 140), (ROWS_WORTH_A_COPY - 1, ROWS_WORTH_A_COPY)),
    (1030, 4 * WIDTH - 1, 40),
    (1030, 4 * WIDTH, 40),
    (ROW_BLOCK, COLUMN_BLOCK, INNER_BLOCK),
    (ROW_BLOCK + 1, COLUMN_BLOCK + 1, 2 * INNER_BLOCK + 1),
    (ROW_BLOCK - 1, 2 * COLUMN_BLOCK + 1, INNER_BLOCK - 1),
    (2 * ROW_BLOCK + 1, COLUMN_BLOCK - 1, INNER_BLOCK),
]


def check_choices(multiply, form, seed=0):
    """The shapes of `CHOICES` beside float64, each once with ``accumulate`` and once without."""
    random = np.random.default_rng(seed)
    for number, (rows, columns, inner) in enumerate(CHOICES):
        left = random.normal(size=(rows, inner)).astype(np.float32)
        right = random.normal(size=(inner, columns)).astype(np.float32)
        for accumulate in (False, True):
            layouts = [ROWS_CONTIGUOUS[(number + accumulate + matrix) % 3] for matrix in range(3)]
            check(multiply, left, right, form, accumulate, layouts)


def random_size(random):
    """Small numbers most often, edges of blocks now and then."""
    if random.random() < 0.3:
        return int(random.choice(EDGES))
    return int(np.exp(random.uniform(0, np.log(400))))


def check_random(multiply, count, seed=0, layouts=LAYOUTS, largest=2**24):
    """Products of random shapes, in random forms and layouts, beside float64."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=2**18).astype(np.float32)
    for _ in range(count):
        rows, columns, inner = (random_size(random) for _ in range(3))
        if rows * columns * inner > largest:
            rows //= 4

        def draw(*shape):
            start = int(random.integers(0, numbers.size - shape[0] * shape[1]))
            return numbers[start : start + shape[0] * shape[1]].reshape(shape)

        form, accumulate = int(random.choice(ALL_FORMS)), bool(random.integers(2))
        chosen = [layouts[random.integers(len(layouts))] for _ in range(3)]
        check(multiply, draw(rows, inner), draw(inner, columns), form, accumulate, chosen, draw(rows, columns))


def walled(count, at_end):
    """float32 numbers at the end or start of a memory block whose neighbors must not even be read."""
    page = mmap.PAGESIZE
    size = -(-4 * count // page) * page
    block = mmap.mmap(-1, size + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(block))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    for wall in (start, start + page + size):
        assert protect(ctypes.c_void_p(wall), ctypes.c_size_t(page), 0) == 0, "mprotect failed"
    offset = page + size - 4 * count if at_end else page
    # Never handed back: its walls would go with it into the next block.
    _walls.append(block)
    return np.frombuffer(block, np.float32, count, offset)


_walls = []


def check_between_walls():
    """Products of matrices that begin or end where memory does; a step too far ends the process. Returns how many."""
    random = np.random.default_rng(5)
    sizes = [1, WIDTH - 1, WIDTH + 1, TILE_ROWS + 1, 2 * TILE_COLUMNS + 1, ROW_BLOCK + 1, INNER_BLOCK + 1]
    largest = max(sizes)
    rooms = {at_end: [walled((largest + 5) * largest, at_end) for _ in range(3)] for at_end in (False, True)}
    workspaces = {at_end: walled(WORKSPACE_FLOATS, at_end) for at_end in (False, True)}

    def matrix(room, at_end, rows, columns, gap):
        """A view with this many numbers between its rows that touches the wall."""
        stride = columns + gap
        span = (rows - 1) * stride + columns
        start = room.size - span if at_end else 0
        return np.ndarray((rows, columns), np.float32, room, 4 * start, (4 * stride, 4))

    count = 0
    for rows, columns, inner in itertools.product(sizes, sizes, sizes):
        left = random.integers(-3, 4, (rows, inner)).astype(np.float32)
        right = random.integers(-3, 4, (inner, columns)).astype(np.float32)
        expected = left @ right
        for form, at_end in itertools.product(ALL_FORMS, (False, True)):
            gap = int(random.integers(0, 2)) * 5
            shapes = [left.shape[::-1] if form == ATB else left.shape, right.shape[::-1] if form == ABT else right.shape]
            shapes.append(expected.shape)
            places = [matrix(room, at_end, *shape, gap) for room, shape in zip(rooms[at_end], shapes, strict=True)]
            places[0][...] = left.T if form == ATB else left
            places[1][...] = right.T if form == ABT else right
            product, result, *_ = matmul.by_address(*places, form, False)
            assert result is places[2]
            matmul._packed(product, workspaces[at_end].ctypes.data)
            assert np.array_equal(result, expected), (form, rows, columns, inner, at_end)
            count += 1
    return count


def instructions():
    """The product's machine code as text; kept beside the code, as Numba shows none of code that comes from the disk."""
    kept = prepare_cache() / "product.s"
    if not packed.product.cache_hits:
        # Whole or not at all, whenever this process may be ended.
        written = kept.with_suffix(".part")
        written.write_text(packed.product._library.get_asm_str())
        written.replace(kept)
    return kept.read_text()


def main(width, only_narrow=False):
    """All of this in short, for registers that hold ``width`` numbers; prints what the test reads."""
    assert width == WIDTH, REGISTERS
    print("registers", REGISTERS.name)
    if only_narrow:
        assembly = instructions()
        assert "%xmm" in assembly
        assert "%ymm" not in assembly and "vfmadd" not in assembly, "an instruction that this processor wouldn't have"
    workspace = Workspace()
    assert check_edges(workspace.multiply, every_way=False) == everything()
    for form in FORMS.values():
        check_choices(workspace.multiply, form)
    check_random(workspace.multiply, 300, seed=1, layouts=ROWS_CONTIGUOUS)
    print("between walls", check_between_walls() if os.name == "posix" else 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), "only narrow" in sys.argv)
