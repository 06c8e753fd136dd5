"""Windows over images: as rows for a convolution (im2col) and back, and pooling; channels lie side by side in a pixel.

An image is height × width × channels. A window that reaches over the edge sees zeros there (a pooling: nothing).

``cuda/windows.py`` says the same again in the GPU's terms, on purpose and under the same names; see ``layers.py``.
"""

from __future__ import annotations

from playground.catalog.elementary import INFINITY, ONE, ZERO
from playground.kernels.compiling import inlined_kernel, kernel
from playground.network import table


@inlined_kernel
def inside(first, size, limit):
    """Of a window of ``size`` pixels from ``first`` on: which of them, from and to, lie within 0 … limit."""
    return max(0, -first), min(size, limit - first)


@kernel
def windows_to_rows(row, values, x, windows, rows):
    """(rows, height, width, channels) → (rows · out height · out width, kernel height · kernel width · channels)."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    tall, wide, length = row[table.KERNEL_HEIGHT], row[table.KERNEL_WIDTH], row[table.INPUTS]
    # A window of pixels side by side is one run of numbers in each line of the image.
    run = wide * channels
    place = windows
    for image in range(rows):
        base = x + image * height * width * channels
        for i in range(row[table.OUT_HEIGHT]):
            first_line = i * row[table.STRIDE_HEIGHT] - row[table.TOP]
            top, bottom = inside(first_line, tall, height)
            for j in range(row[table.OUT_WIDTH]):
                first = j * row[table.STRIDE_WIDTH] - row[table.LEFT]
                left, right = inside(first, wide, width)
                out = values[place : place + length]
                place += length
                if right - left < wide or bottom - top < tall:
                    out[:] = ZERO
                start, end = left * channels, right * channels
                for line in range(top, bottom):
                    pixels = base + ((first_line + line) * width + first) * channels
                    for k in range(start, end):
                        out[line * run + k] = values[pixels + k]


@kernel
def rows_to_windows(row, deltas, windows, dx, rows):
    """The way back: each number of a window is added to its pixel, where those of all windows add up."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    tall, wide, length = row[table.KERNEL_HEIGHT], row[table.KERNEL_WIDTH], row[table.INPUTS]
    run = wide * channels
    deltas[dx : dx + rows * height * width * channels] = ZERO
    place = windows
    for image in range(rows):
        base = dx + image * height * width * channels
        for i in range(row[table.OUT_HEIGHT]):
            first_line = i * row[table.STRIDE_HEIGHT] - row[table.TOP]
            top, bottom = inside(first_line, tall, height)
            for j in range(row[table.OUT_WIDTH]):
                first = j * row[table.STRIDE_WIDTH] - row[table.LEFT]
                left, right = inside(first, wide, width)
                for line in range(top, bottom):
                    pixels = base + ((first_line + line) * width + first) * channels
                    numbers = place + line * run
                    for k in range(left * channels, right * channels):
                        deltas[pixels + k] += deltas[numbers + k]
                place += length


@kernel
def max_pool_forward(row, values, x, out, rows):
    """The largest number of each window, channel by channel."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    for image in range(rows):
        base = x + image * height * width * channels
        for i in range(row[table.OUT_HEIGHT]):
            first_line = i * row[table.STRIDE_HEIGHT] - row[table.TOP]
            top, bottom = inside(first_line, row[table.KERNEL_HEIGHT], height)
            for j in range(row[table.OUT_WIDTH]):
                first = j * row[table.STRIDE_WIDTH] - row[table.LEFT]
                left, right = inside(first, row[table.KERNEL_WIDTH], width)
                largest = values[out : out + channels]
                out += channels
                largest[:] = -INFINITY
                for line in range(top, bottom):
                    for column in range(left, right):
                        pixel = base + ((first_line + line) * width + first + column) * channels
                        numbers = values[pixel : pixel + channels]
                        for c in range(channels):
                            # What isn't a number, and so not equal to itself, goes on.
                            greater = numbers[c] > largest[c] or numbers[c] != numbers[c]
                            largest[c] = numbers[c] if greater else largest[c]


@kernel
def max_pool_backward(row, values, deltas, x, dx, out, rows):
    """The slope goes to the largest number of each window; to the first one where several are equal, as in torch."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    deltas[dx : dx + rows * height * width * channels] = ZERO
    for image in range(rows):
        base = image * height * width * channels
        for i in range(row[table.OUT_HEIGHT]):
            first_line = i * row[table.STRIDE_HEIGHT] - row[table.TOP]
            top, bottom = inside(first_line, row[table.KERNEL_HEIGHT], height)
            for j in range(row[table.OUT_WIDTH]):
                first = j * row[table.STRIDE_WIDTH] - row[table.LEFT]
                left, right = inside(first, row[table.KERNEL_WIDTH], width)
                largest, slope = values[out : out + channels], deltas[out : out + channels]
                out += channels
                for c in range(channels):
                    found = False
                    for line in range(top, bottom):
                        for column in range(left, right):
                            pixel = base + ((first_line + line) * width + first + column) * channels + c
                            if not found and values[x + pixel] >= largest[c]:
                                deltas[dx + pixel] += slope[c]
                                found = True


@inlined_kernel
def pixel_share(row, top, bottom, left, right):
    """1 / (pixels that a mean is over): those in the image, or the whole window if padding counts."""
    if row[table.COUNTS_PADDING] != 0:
        return ONE / (row[table.KERNEL_HEIGHT] * row[table.KERNEL_WIDTH] * ONE)
    return ONE / ((bottom - top) * (right - left) * ONE)


@kernel
def average_pool_forward(row, values, x, out, rows):
    """The mean of each window, channel by channel."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    for image in range(rows):
        base = x + image * height * width * channels
        for i in range(row[table.OUT_HEIGHT]):
            first_line = i * row[table.STRIDE_HEIGHT] - row[table.TOP]
            top, bottom = inside(first_line, row[table.KERNEL_HEIGHT], height)
            for j in range(row[table.OUT_WIDTH]):
                first = j * row[table.STRIDE_WIDTH] - row[table.LEFT]
                left, right = inside(first, row[table.KERNEL_WIDTH], width)
                mean, share = values[out : out + channels], pixel_share(row, top, bottom, left, right)
                out += channels
                mean[:] = ZERO
                for line in range(top, bottom):
                    for column in range(left, right):
                        pixel = base + ((first_line + line) * width + first + column) * channels
                        numbers = values[pixel : pixel + channels]
                        for c in range(channels):
                            mean[c] += numbers[c] * share


@kernel
def average_pool_backward(row, deltas, dx, out, rows):
    """The slope is shared among the pixels of the window."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    deltas[dx : dx + rows * height * width * channels] = ZERO
    for image in range(rows):
        base = dx + image * height * width * channels
        for i in range(row[table.OUT_HEIGHT]):
            first_line = i * row[table.STRIDE_HEIGHT] - row[table.TOP]
            top, bottom = inside(first_line, row[table.KERNEL_HEIGHT], height)
            for j in range(row[table.OUT_WIDTH]):
                first = j * row[table.STRIDE_WIDTH] - row[table.LEFT]
                left, right = inside(first, row[table.KERNEL_WIDTH], width)
                slope, share = deltas[out : out + channels], pixel_share(row, top, bottom, left, right)
                out += channels
                for line in range(top, bottom):
                    for column in range(left, right):
                        pixel = base + ((first_line + line) * width + first + column) * channels
                        numbers = deltas[pixel : pixel + channels]
                        for c in range(channels):
                            numbers[c] += slope[c] * share
