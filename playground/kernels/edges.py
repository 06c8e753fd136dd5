"""Curved edges by arithmetic: how much of each pixel a line covers, in one compiled loop.

Qt draws a thousand smooth curves in 30 ms or more; this takes a few. Importing the file loads Numba, so the window does
it through `rasterizer.Rasterizer`, off its own thread.
"""

from __future__ import annotations

import numpy as np

from playground.kernels.cache import prepare_cache

prepare_cache()

from numba import njit  # noqa: E402

TWO_CHANNELS = np.uint32(0x00FF00FF)
EIGHT = np.uint32(8)
EDGE_COLUMNS = 6  # x0, y0, x1, y1, width, alpha


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def draw_edges(image, edges, colors):
    """Draw smooth curves over an image, in the order given.

    Parameters
    ----------
    image
        uint32 (height, width), colors 0xaarrggbb multiplied by their alpha; changed in place.
    edges
        float32 (n, 6): start x, y; end x, y (x0 < x1); width; alpha 0 … 1; all in pixels.
    colors
        uint32 (n,): 0xffrrggbb.
    """
    height, width = image.shape
    half = np.float32(0.5)
    one = np.float32(1.0)
    for edge in range(edges.shape[0]):
        x0, y0, x1, y1, thickness, alpha = edges[edge]
        length = x1 - x0
        if length <= 0 or alpha <= 0:
            continue
        # Two channels of a pixel in one number, each with 8 free bits above it: a product by 0 … 256 needs no more.
        red_blue = colors[edge] & TWO_CHANNELS
        alpha_green = (colors[edge] >> EIGHT) & TWO_CHANNELS
        # A line thinner than a pixel covers a part of it: it is drawn one pixel wide and fainter.
        strength = alpha * min(one, thickness)
        radius = half * max(one, thickness)
        first, last = max(0, int(x0)), min(width - 1, int(x1))
        for column in range(first, last + 1):
            share = min(one, max(np.float32(0), (np.float32(column) + half - x0) / length))
            # Smoothstep leaves and arrives level; its slope tells how steep the line is here.
            y = y0 + (y1 - y0) * share * share * (np.float32(3) - np.float32(2) * share)
            slope = (y1 - y0) / length * np.float32(6) * share * (one - share)
            # Distance to a slanted line is vertical distance × cosine.
            cosine = one / np.sqrt(one + slope * slope)
            reach = (radius + half) / cosine
            top, bottom = max(0, int(y - reach)), min(height - 1, int(y + reach) + 1)
            for row in range(top, bottom + 1):
                distance = abs(np.float32(row) + half - y) * cosine
                cover = min(one, max(np.float32(0), radius + half - distance)) * strength
                if cover <= 0:
                    continue
                new = np.uint32(np.float32(256) * cover + half)
                keep = np.uint32(256) - new
                old = image[row, column]
                mixed_red_blue = (red_blue * new + (old & TWO_CHANNELS) * keep) >> EIGHT
                mixed_alpha_green = alpha_green * new + ((old >> EIGHT) & TWO_CHANNELS) * keep
                image[row, column] = (mixed_red_blue & TWO_CHANNELS) | (mixed_alpha_green & ~TWO_CHANNELS)


def warm() -> None:
    """Compile `draw_edges`, or fetch it from the disk cache."""
    draw_edges(np.zeros((4, 4), np.uint32), np.zeros((1, EDGE_COLUMNS), np.float32), np.zeros(1, np.uint32))
    (prepare_cache() / "painting").touch()


def is_warm() -> bool:
    """Whether this version's `draw_edges` lies compiled in the cache."""
    return (prepare_cache() / "painting").exists()


if __name__ == "__main__":
    warm()
