"""Windows over images on the GPU: as rows for a convolution (im2col) and back, and pooling.

This is ``cpu/windows.py`` once more, on purpose and under the same names; see ``layers.py``.
Backward each thread takes one number of the image and collects its slopes from all windows that hold it: nobody writes
where somebody else does.
"""

from __future__ import annotations

import numpy as np

from playground.catalog.elementary import INFINITY, ONE, ZERO
from playground.kernels.cuda.primitives import quotient
from playground.kernels.cuda.team import first_of, step_of
from playground.network import table


def split(index, columns):
    """Row and column of the number at an index of (rows, columns)."""
    row = quotient(index, columns)
    return row, index - row * columns


def inside(first, size, limit):
    """Of a window of ``size`` pixels from ``first`` on: which of them, from and to, lie within 0 … limit."""
    return max(0, -first), min(size, limit - first)


def reaching(pixel, padding, stride, size, windows):
    """The windows, from and to, that hold a pixel."""
    place = pixel + padding
    first = 0 if place < size else quotient(place - size + stride, stride)
    return first, min(windows, quotient(place, stride) + 1)


def window_of(row, index, channels):
    """The window's image, line and column, and the channel, of a pooling's output at an index."""
    place, channel = split(index, channels)
    image_line, j = split(place, row[table.OUT_WIDTH])
    image, i = split(image_line, row[table.OUT_HEIGHT])
    return image, i, j, channel


def pixel_of(row, index, channels):
    """The image, line, column and channel of the number of an image at an index."""
    pixel, channel = split(index, channels)
    image_line, column = split(pixel, row[table.WIDTH])
    image, line = split(image_line, row[table.HEIGHT])
    return image, line, column, channel


def windows_around(row, line, column):
    """The windows, from and to, that hold a pixel: downward and to the right."""
    top, bottom = reaching(line, row[table.TOP], row[table.STRIDE_HEIGHT], row[table.KERNEL_HEIGHT], row[table.OUT_HEIGHT])
    left, right = reaching(column, row[table.LEFT], row[table.STRIDE_WIDTH], row[table.KERNEL_WIDTH], row[table.OUT_WIDTH])
    return top, bottom, left, right


def windows_to_rows(team, row, values, x, windows, rows):
    """(rows, height, width, channels) → (rows · out height · out width, kernel height · kernel width · channels)."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    for index in range(first_of(team), rows * row[table.OUT_HEIGHT] * row[table.OUT_WIDTH] * row[table.INPUTS], step_of(team)):
        place, inner = split(index, row[table.INPUTS])
        pixel, channel = split(inner, channels)
        down, right = split(pixel, row[table.KERNEL_WIDTH])
        image_line, j = split(place, row[table.OUT_WIDTH])
        image, i = split(image_line, row[table.OUT_HEIGHT])
        line, column = i * row[table.STRIDE_HEIGHT] - row[table.TOP] + down, j * row[table.STRIDE_WIDTH] - row[table.LEFT] + right
        number = ZERO
        if 0 <= line < height and 0 <= column < width:
            number = values[x + ((image * height + line) * width + column) * channels + channel]
        values[windows + index] = number


def rows_to_windows(team, row, deltas, windows, dx, rows):
    """The way back: each number of the image adds up what the windows that hold it have there."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    for index in range(first_of(team), rows * height * width * channels, step_of(team)):
        image, line, column, channel = pixel_of(row, index, channels)
        top, bottom, left, right = windows_around(row, line, column)
        total = ZERO
        for i in range(top, bottom):
            for j in range(left, right):
                down = line + row[table.TOP] - i * row[table.STRIDE_HEIGHT]
                across = column + row[table.LEFT] - j * row[table.STRIDE_WIDTH]
                place = (image * row[table.OUT_HEIGHT] + i) * row[table.OUT_WIDTH] + j
                inner = (down * row[table.KERNEL_WIDTH] + across) * channels + channel
                total += deltas[windows + place * row[table.INPUTS] + inner]
        deltas[dx + index] = total


def max_pool_forward(team, row, values, x, out, rows):
    """The largest number of each window, channel by channel."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    for index in range(first_of(team), rows * row[table.OUT_HEIGHT] * row[table.OUT_WIDTH] * channels, step_of(team)):
        image, i, j, channel = window_of(row, index, channels)
        first_line, first = i * row[table.STRIDE_HEIGHT] - row[table.TOP], j * row[table.STRIDE_WIDTH] - row[table.LEFT]
        top, bottom = inside(first_line, row[table.KERNEL_HEIGHT], height)
        left, right = inside(first, row[table.KERNEL_WIDTH], width)
        largest = -INFINITY
        for line in range(first_line + top, first_line + bottom):
            for column in range(first + left, first + right):
                number = values[x + ((image * height + line) * width + column) * channels + channel]
                # What isn't a number, and so not equal to itself, goes on.
                if number > largest or number != number:
                    largest = number
        values[out + index] = largest


def is_first_largest(row, values, image, first_line, first, down, right, channel, largest):
    """Whether no pixel of a window that comes before the one at (down, right) reaches its largest number, but this one does."""
    width, channels = row[table.WIDTH], row[table.CHANNELS]
    top = max(0, -first_line)
    left, end = inside(first, row[table.KERNEL_WIDTH], width)
    for line in range(top, down + 1):
        for column in range(left, end):
            if line == down and column > right:
                break
            pixel = ((first_line + line) * width + first + column) * channels + channel
            if values[image + pixel] >= largest:
                return line == down and column == right
    return False


def max_pool_backward(team, row, values, deltas, x, dx, out, rows):
    """The slope goes to the largest number of each window; to the first one where several are equal, as in torch."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    for index in range(first_of(team), rows * height * width * channels, step_of(team)):
        image, line, column, channel = pixel_of(row, index, channels)
        top, bottom, left, right = windows_around(row, line, column)
        start = x + image * height * width * channels
        total = ZERO
        for i in range(top, bottom):
            for j in range(left, right):
                first_line, first = i * row[table.STRIDE_HEIGHT] - row[table.TOP], j * row[table.STRIDE_WIDTH] - row[table.LEFT]
                place = out + ((image * row[table.OUT_HEIGHT] + i) * row[table.OUT_WIDTH] + j) * channels + channel
                down, across = line - first_line, column - first
                if is_first_largest(row, values, start, first_line, first, down, across, channel, values[place]):
                    total += deltas[place]
        deltas[dx + index] = total


def pixel_share(row, i, j):
    """1 / (pixels that the mean of window (i, j) is over): those in the image, or the whole window if padding counts."""
    if row[table.COUNTS_PADDING] != 0:
        return ONE / np.float32(row[table.KERNEL_HEIGHT] * row[table.KERNEL_WIDTH])
    top, bottom = inside(i * row[table.STRIDE_HEIGHT] - row[table.TOP], row[table.KERNEL_HEIGHT], row[table.HEIGHT])
    left, right = inside(j * row[table.STRIDE_WIDTH] - row[table.LEFT], row[table.KERNEL_WIDTH], row[table.WIDTH])
    return ONE / np.float32((bottom - top) * (right - left))


def average_pool_forward(team, row, values, x, out, rows):
    """The mean of each window, channel by channel."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    for index in range(first_of(team), rows * row[table.OUT_HEIGHT] * row[table.OUT_WIDTH] * channels, step_of(team)):
        image, i, j, channel = window_of(row, index, channels)
        first_line, first = i * row[table.STRIDE_HEIGHT] - row[table.TOP], j * row[table.STRIDE_WIDTH] - row[table.LEFT]
        top, bottom = inside(first_line, row[table.KERNEL_HEIGHT], height)
        left, right = inside(first, row[table.KERNEL_WIDTH], width)
        share = pixel_share(row, i, j)
        mean = ZERO
        for line in range(first_line + top, first_line + bottom):
            for column in range(first + left, first + right):
                mean += values[x + ((image * height + line) * width + column) * channels + channel] * share
        values[out + index] = mean


def average_pool_backward(team, row, deltas, dx, out, rows):
    """The slope is shared among the pixels of the window."""
    height, width, channels = row[table.HEIGHT], row[table.WIDTH], row[table.CHANNELS]
    for index in range(first_of(team), rows * height * width * channels, step_of(team)):
        image, line, column, channel = pixel_of(row, index, channels)
        top, bottom, left, right = windows_around(row, line, column)
        total = ZERO
        for i in range(top, bottom):
            for j in range(left, right):
                place = out + ((image * row[table.OUT_HEIGHT] + i) * row[table.OUT_WIDTH] + j) * channels + channel
                total += deltas[place] * pixel_share(row, i, j)
        deltas[dx + index] = total
