"""Pictures of values: colors, boundary lines and curves as plain arrays, and the one way from an array to an image of Qt's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from playground.arrays import Float32

Pixels = NDArray[np.uint32]


def middle_and_reach(low: float, high: float, values: Float32) -> tuple[float, float]:
    """Which value is shown in the middle color, and how far from it the strongest colors lie.

    Parameters
    ----------
    low, high
        Range of the activation: 0 … 1 is centered on 0.5; of an unbounded one, zero is the middle.
    values
        What is to be shown: the strongest decides where the range is unbounded.
    """
    if np.isfinite(low) and np.isfinite(high):
        return (low + high) / 2, (high - low) / 2
    return 0.0, strongest(values)


def strongest(values: Float32) -> float:
    """How far the strongest of some values is from zero, at least 1e-6.

    Of numbers alone: beside an infinite one, which a diverged network has, the others are seen as they are.
    """
    size = np.abs(values)
    reach = size.max(initial=0.0)
    if not np.isfinite(reach):
        reach = size.max(initial=0.0, where=np.isfinite(size))
    return max(1e-6, float(reach))


def edge_height(edge: Float32, x: float) -> float:
    """Where an edge runs at a given x: the curve that `draw_edges` draws."""
    x0, y0, x1, y1 = (float(value) for value in edge[:4])
    share = min(1.0, max(0.0, (x - x0) / (x1 - x0)))
    return y0 + (y1 - y0) * share * share * (3 - 2 * share)


def colorize(values: Float32, scale: float, colors: Pixels) -> Pixels:
    """Turn values into colors: −scale … scale onto the 256 colors of a diverging scale; NaN becomes the middle.

    Returns
    -------
    pixels
        uint32 of the values' shape, 0xffrrggbb.
    """
    # A network that has diverged has values that are too large for this, and none.
    with np.errstate(over="ignore", invalid="ignore"):
        index = values * np.float32(127.5 / scale)
        index += np.float32(127.5)
    np.clip(index, 0, 255, out=index)
    if np.isnan(index.sum()):
        index[np.isnan(index)] = 127.5
    return colors[index.astype(np.uint8)]


def ink(strength: NDArray[Any], color: QColor) -> Pixels:
    """Turn gray into ink on whatever lies below: the color, as opaque as the gray is strong.

    Parameters
    ----------
    strength
        (rows, columns): 0 is nothing, 255 full ink.

    Returns
    -------
    pixels
        uint32 of the same shape, 0xaarrggbb, for ``Format_ARGB32``.
    """
    return (strength.astype(np.uint32) << np.uint32(24)) | np.uint32(color.rgb() & 0xFFFFFF)


def as_image(pixels: Pixels, form: QImage.Format = QImage.Format.Format_RGB32) -> QImage:
    """A picture as an image.

    The image only looks at the array, and Qt doesn't know that: the array has to be held, by a name or an attribute, until
    the image has been drawn for the last time, or what is drawn is whatever took its memory.

    Parameters
    ----------
    pixels
        uint32 (rows, columns), in rows without gaps: 0xffrrggbb, or with an opacity for the other formats.
    """
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, form)


def boundary(values: Float32, level: float) -> Float32:
    """Lines along which a picture crosses a level (marching squares).

    Parameters
    ----------
    values
        float32 (rows, columns); a value stands at the center of its pixel.
    level
        The value on the line.

    Returns
    -------
    segments
        float32 (n, 4): x, y of both ends in pixels of the picture.
    """
    shifted = np.nan_to_num(values - level)
    above = shifted > 0
    # Corners of a cell: a b over c d. Its sides are crossed where two corners lie on different sides.
    a, b, c, d = shifted[:-1, :-1], shifted[:-1, 1:], shifted[1:, :-1], shifted[1:, 1:]
    over = above[:-1, :-1], above[:-1, 1:], above[1:, :-1], above[1:, 1:]
    kind = over[0] * 8 + over[1] * 4 + over[2] * 2 + over[3]
    rows, columns = np.nonzero((kind > 0) & (kind < 15))
    if not len(rows):
        return np.zeros((0, 4), np.float32)
    kinds = kind[rows, columns]
    a, b, c, d = a[rows, columns], b[rows, columns], c[rows, columns], d[rows, columns]
    x, y = columns + 0.5, rows + 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = {
            "top": np.stack([x + a / (a - b), y], 1),
            "bottom": np.stack([x + c / (c - d), y + 1.0], 1),
            "left": np.stack([x, y + a / (a - c)], 1),
            "right": np.stack([x + 1.0, y + b / (b - d)], 1),
        }
    segments = []
    for start, end, cases in (
        ("top", "left", (7, 8, 6)),
        ("top", "right", (4, 11, 9)),
        ("left", "bottom", (2, 13, 9)),
        ("right", "bottom", (1, 14, 6)),
        ("top", "bottom", (5, 10)),
        ("left", "right", (3, 12)),
    ):
        chosen = np.isin(kinds, cases)
        segments.append(np.hstack([sides[start][chosen], sides[end][chosen]]))
    return np.ascontiguousarray(np.vstack(segments), np.float32)
