"""ONNX operators, each as a Plan of a few instructions run through a backend; NCHW images become ours, any axis the last."""

from __future__ import annotations

from math import prod

import numpy as np
from onnx_network import Network, as_rows

from playground.catalog import activations
from playground.catalog.activations import ACTIVATIONS
from playground.experiment import Adagrad, Adam, BatchNorm, Dropout, Embedding, Flatten, LayerNorm, Momentum, Nesterov
from playground.network import layers, table


def width_of(x):
    """A width that cuts an array into rows."""
    return x.shape[-1] if x.ndim > 1 or x.size <= 16 else 1


# Activations and softmax.


def activate(backend, x, choice, inner=(1.0, 0.0), outer=1.0):
    """``outer · activation(inner₀ · x + inner₁)``, number by number.

    As an instruction of its own, too, where nothing else must happen; both must agree.
    """
    width = width_of(x)
    rows = x.reshape(-1, width)
    network = Network(backend, (width,))
    out = network.dense(np.eye(width) * inner[0], inner[1], choice)
    if outer != 1.0:
        out = network.dense(np.eye(width) * outer, x=out)
    result = network.end(out).outputs(rows)
    if inner == (1.0, 0.0) and outer == 1.0:
        alone = Network(backend, (width,))
        alone.end(layers.activated(alone.build, alone.x, choice))
        np.testing.assert_allclose(alone.outputs(rows), result, rtol=1e-6, atol=1e-7)
    return result.reshape(x.shape)


def spec(name, number):
    """An activation with a number of its own."""
    record = activations.ACTIVATIONS[name]
    return record.spec(**{record.parameters[0].name: number})


def plain(name):
    return lambda backend, a, inputs, expected: [activate(backend, inputs[0], name)]


def leaky_relu(backend, a, inputs, expected):
    return [activate(backend, inputs[0], spec("leaky_relu", a.get("alpha", 0.01)))]


def elu(backend, a, inputs, expected):
    return [activate(backend, inputs[0], spec("elu", a.get("alpha", 1.0)))]


def celu(backend, a, inputs, expected):
    """α·elu(x / α)."""
    alpha = a.get("alpha", 1.0)
    return [activate(backend, inputs[0], "elu", (1 / alpha, 0.0), alpha)]


def selu(backend, a, inputs, expected):
    """SELU with other numbers than its own is a scaled ELU."""
    if not a:
        return [activate(backend, inputs[0], "selu")]
    return [activate(backend, inputs[0], spec("elu", a["alpha"]), outer=a["gamma"])]


def hard_sigmoid(backend, a, inputs, expected):
    """Ours has the slope 1/6 and is ½ at 0; another slope and height scale and shift what goes in."""
    alpha, beta = a.get("alpha", 0.2), a.get("beta", 0.5)
    return [activate(backend, inputs[0], "hard_sigmoid", (6 * alpha, 6 * (beta - 0.5)))]


def swish(backend, a, inputs, expected):
    alpha = a.get("alpha", 1.0)
    return [activate(backend, inputs[0], "silu", (alpha, 0.0), 1 / alpha)]


def softmax_network(backend, classes):
    network = Network(backend, (classes,))
    return network.end(network.x, "categorical_cross_entropy", "softmax")


def softmax(backend, a, inputs, expected):
    x = np.moveaxis(inputs[0], a.get("axis", -1), -1)
    result = softmax_network(backend, x.shape[-1]).outputs(x.reshape(-1, x.shape[-1])).reshape(x.shape)
    return [np.moveaxis(result, -1, a.get("axis", -1))]


def log_softmax(backend, a, inputs, expected):
    """The cross-entropy with each class in turn, of each row for itself."""
    x = np.moveaxis(inputs[0], a.get("axis", -1), -1)
    network = softmax_network(backend, x.shape[-1])
    state, classes = network.state(1), np.eye(x.shape[-1])[:, None]
    rows = x.reshape(-1, 1, x.shape[-1])
    result = np.array([[-network.loss(state, row, one) for one in classes] for row in rows])
    return [np.moveaxis(result.reshape(x.shape), -1, a.get("axis", -1))]


# Affine maps.


def matrix_product(backend, a, b, c=0.0):
    """a·b + c of matrices; where c differs from row to row, each row picks its own."""
    if np.ndim(c) == 2 and len(c) > 1:
        a, b, c = np.hstack([a, np.eye(len(a))]), np.vstack([b, np.broadcast_to(c, (len(a), b.shape[1]))]), 0.0
    network = Network(backend, (a.shape[1],))
    return network.end(network.dense(b, c)).outputs(a)


def gemm(backend, a, inputs, expected):
    left, right, *bias = inputs
    left = left.T if a.get("transA") else left
    right = right.T if a.get("transB") else right
    return [matrix_product(backend, left, a.get("alpha", 1.0) * right, a.get("beta", 1.0) * bias[0] if bias else 0.0)]


def matmul(backend, a, inputs, expected):
    left, right = inputs
    left, right = left[None] if left.ndim == 1 else left, right[:, None] if right.ndim == 1 else right
    stack = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    lefts = np.broadcast_to(left, (*stack, *left.shape[-2:])).reshape(-1, *left.shape[-2:])
    rights = np.broadcast_to(right, (*stack, *right.shape[-2:])).reshape(-1, *right.shape[-2:])
    products = [matrix_product(backend, *pair) for pair in zip(lefts, rights, strict=True)]
    return [np.array(products).reshape(expected[0].shape)]


def add(backend, a, inputs, expected):
    """Each row holds all terms side by side; dense layers take them apart for ADD."""
    terms = np.broadcast_arrays(*inputs)
    width = terms[0].shape[-1]
    network = Network(backend, (width * len(terms),))
    parts = np.eye(width * len(terms)).reshape(-1, len(terms), width)
    total = network.dense(parts[:, 0])
    for number in range(1, len(terms)):
        term, out = network.dense(parts[:, number]), network.build.region((width,), True)
        network.build.add(table.ADD, total, out, {table.SECOND: term.unit, table.TRAINABLE: 1}, {})
        total = out
    rows = np.concatenate([term.reshape(-1, width) for term in terms], axis=1)
    return [network.end(total).outputs(rows).reshape(terms[0].shape)]


def identity(backend, a, inputs, expected):
    network = Network(backend, (inputs[0][0].size,))
    return [network.end(network.x).outputs(inputs[0]).reshape(inputs[0].shape)]


def flatten(backend, a, inputs, expected):
    """What comes before the axis are rows; the rest is an image of some shape, which the layer lays out in one row."""
    x, axis = inputs[0], a.get("axis", 1)
    tail = x.shape[axis % x.ndim if axis < 0 else axis :]
    shape = (*(1,) * (3 - len(tail)), *tail) if len(tail) <= 3 else (prod(tail[:-2]), *tail[-2:])
    network = Network(backend, shape)
    return [network.end(network.layer(Flatten())).outputs(x.reshape(-1, prod(tail)))]


def gather(backend, a, inputs, expected):
    """The axis first: its slices are the rows of an embedding's table."""
    data, indices = inputs
    axis = a.get("axis", 0)
    moved = np.moveaxis(data, axis, 0)
    units = moved[0].size
    network = Network(backend, (1,), categories=(len(moved),))
    network.end(network.layer(Embedding(units=units), table__0=moved.reshape(-1, units)))
    found = network.outputs(indices.reshape(-1, 1)).reshape(*indices.shape, *moved.shape[1:])
    # The axes of the indices stand where the axis stood.
    return [np.moveaxis(found, range(indices.ndim), range(axis, axis + indices.ndim))]


# Windows over images.


def images_of(x):
    """(images, channels, height, width), or without a height, as (images, height, width, channels)."""
    x = x[:, :, None] if x.ndim == 3 else x
    return x.transpose(0, 2, 3, 1)


def window_of(a, images, expected):
    """The columns of an instruction that say how a window moves."""
    height, width, channels = images.shape[1:]
    out = expected.shape[2:] if expected.ndim == 4 else (1, *expected.shape[2:])
    kernel, strides = list(a["kernel_shape"]), list(a.get("strides", [1] * len(a["kernel_shape"])))
    if len(kernel) == 1:
        kernel, strides = [1, *kernel], [1, *strides]
    before = list(a.get("pads", [0] * 4))[:2]
    kind = a.get("auto_pad", b"NOTSET").decode()
    if kind.startswith("SAME"):
        total = [max(0, (out[i] - 1) * strides[i] + kernel[i] - (height, width)[i]) for i in (0, 1)]
        before = [number - number // 2 if kind == "SAME_LOWER" else number // 2 for number in total]
    return {
        table.HEIGHT: height,
        table.WIDTH: width,
        table.CHANNELS: channels,
        table.OUT_HEIGHT: out[0],
        table.OUT_WIDTH: out[1],
        table.KERNEL_HEIGHT: kernel[0],
        table.KERNEL_WIDTH: kernel[1],
        table.STRIDE_HEIGHT: strides[0],
        table.STRIDE_WIDTH: strides[1],
        table.TOP: before[0],
        table.LEFT: before[1],
    }


def as_images(rows, out, expected):
    """Rows of our images as ONNX has them."""
    return rows.reshape(len(rows), *out.shape).transpose(0, 3, 1, 2).reshape(expected.shape)


def convolution(backend, a, inputs, expected):
    x, weight, *bias = inputs
    images = images_of(x)
    network = Network(backend, images.shape[1:])
    flat = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))
    out = network.convolution(flat, bias[0] if bias else 0.0, window_of(a, images, expected[0]))
    return [as_images(network.end(out).outputs(images), out, expected[0])]


def pooling(kind):
    def run(backend, a, inputs, expected):
        images = images_of(inputs[0])
        # A global pool has a window as large as the image.
        a = a if "kernel_shape" in a else {"kernel_shape": images.shape[1:3]}
        window = window_of(a, images, expected[0]) | {table.COUNTS_PADDING: a.get("count_include_pad", 0)}
        network = Network(backend, images.shape[1:])
        out = layers.pool(network.build, network.x, kind, window)
        return [as_images(network.end(out).outputs(images), out, expected[0])]

    return run


# Normalization and dropout.


def batch_normalization(backend, a, inputs, expected):
    x, scale, shift, mean, variance = inputs
    images = images_of(x)
    network = Network(backend, images.shape[1:])
    layer = BatchNorm(epsilon=a.get("epsilon", 1e-5), momentum=1 - a.get("momentum", 0.9))
    out = network.end(network.layer(layer, weight=scale, bias=shift, running_mean=mean, running_var=variance))
    if not a.get("training_mode"):
        return [out.outputs(images).reshape(images.shape).transpose(0, 3, 1, 2)]
    state = out.assert_training_gives(images, images_of(expected[0]))
    moved = [out.plan.view(state.parameters, f"layers.0.running_{part}") for part in ("mean", "var")]
    # Ours are unbiased, as torch's; ONNX's are not.
    count, share = images[..., 0].size, layer.momentum
    biased = variance * (1 - share) + (moved[1] - variance * (1 - share)) * (count - 1) / count
    return [None, moved[0], biased]


def layer_normalization(backend, a, inputs, expected):
    x, scale, shift = inputs
    axis = a.get("axis", -1) % x.ndim
    rows = x.reshape(prod(x.shape[:axis]), -1)
    network = Network(backend, rows.shape[1:])
    layer = LayerNorm(epsilon=a.get("epsilon", 1e-5))
    out = network.layer(layer, weight=scale.ravel(), bias=shift.ravel())
    return [network.end(out).outputs(rows).reshape(x.shape)]


def dropout(backend, a, inputs, expected):
    x, *numbers = inputs
    rate = float(numbers[0]) if numbers else a.get("ratio", 0.5)
    rows = x.reshape(-1, x.shape[-1])
    network = Network(backend, rows.shape[1:])
    network.end(network.layer(Dropout(rate=rate)))
    if len(numbers) > 1 and numbers[1]:
        network.assert_training_gives(rows, expected[0].reshape(rows.shape))
        return [None]
    return [network.outputs(rows).reshape(x.shape)]


# Losses.


# Of a batch in which losses are summed.
MOST_ROWS = 256


def cross_entropy(backend, a, inputs, expected, extra=None):
    """Softmax and categorical cross-entropy; weights of classes, and classes to ignore, count each row.

    Parameters
    ----------
    extra
        Logit of one more class, and what it adds to each loss.
    """
    x, labels, *weights = inputs
    classes = x.shape[1]
    logits = np.moveaxis(x, 1, -1).reshape(-1, classes)
    flat = labels.ravel()
    counts = np.ones(flat.size) if not weights else weights[0][np.where((flat >= 0) & (flat < classes), flat, 0)]
    if "ignore_index" in a:
        counts = np.where(flat == a["ignore_index"], 0.0, counts)
    flat = np.where((flat >= 0) & (flat < classes), flat, 0)
    if extra is not None:
        logits = np.column_stack([logits, np.full(len(logits), extra)])
    network = softmax_network(backend, logits.shape[1])
    hot = np.eye(logits.shape[1])[flat]
    offset = 0.0 if extra is None else extra
    kind = a.get("reduction", b"mean").decode()
    if kind == "none":
        state = network.state(1)
        terms = [network.loss(state, logits[i : i + 1], hot[i : i + 1]) - offset for i in range(len(logits))]
        return [(np.array(terms) * counts).reshape(labels.shape)]
    total = 0.0
    # In batches of a usual size: what a float32 sum rounds away grows with its terms, which are large with the offset.
    for first in range(0, len(logits), MOST_ROWS):
        rows = slice(first, first + MOST_ROWS)
        if counts[rows].any():
            state = network.state(len(logits[rows]))
            state.weights = np.ascontiguousarray(np.repeat(counts[rows, None], logits.shape[1], axis=1), state.dtype)
            mean = network.backend.train(state, as_rows(logits[rows]), as_rows(hot[rows]), 1) - offset
            total += mean * counts[rows].sum()
    return [np.float64(total / counts.sum() if kind == "mean" else total)]


def softmax_cross_entropy(backend, a, inputs, expected):
    """The second result are log-probabilities: here the probabilities, to be compared with those."""
    found = cross_entropy(backend, a, inputs, expected)
    if len(expected) > 1:
        found.append(softmax(backend, {"axis": 1}, inputs, expected)[0])
        expected[1] = np.exp(expected[1])
    return found


def negative_log_likelihood(backend, a, inputs, expected):
    """Its inputs count as log-probabilities, though they don't add up to 1: one more class takes up the rest.

    With z₀ far above the others, log Σ eᶻ is z₀, so that the cross-entropy is z₀ − zₜ.
    """
    return cross_entropy(backend, a, inputs, expected, extra=24.0)


# Optimizers: one step of one row, whose slope at the weights is what ONNX gives.


def optimizer_step(backend, a, inputs, make, slots):
    """All tensors of a case side by side as the weights of one output each; returns new weights and memory, taken apart."""
    rate, _, *arrays = inputs
    count = len(arrays) // (2 + slots)
    groups = [np.concatenate([part.ravel() for part in arrays[i * count : (i + 1) * count]]) for i in range(2 + slots)]
    weights, slopes, memory = groups[0], groups[1], groups[2:]
    network = Network(backend, (1,))
    network.end(network.dense(weights[None]), "half_squared_error")
    state = network.state(1, make(float(rate)), l2=a["norm_coefficient"])
    place = slice(0, weights.size)
    for buffer, values in zip((state.first_moment, state.second_moment), memory, strict=False):
        buffer[place] = values
    # ONNX's step 0 has no bias correction, as ours has none after many steps.
    state.moments_start = -(10**7)
    backend.train(state, np.ones((1, 1), np.float32), as_rows((weights - slopes)[None]), 1)
    after = [state.parameters, state.first_moment, state.second_moment][: 1 + slots]
    ends = np.cumsum([part.size for part in arrays[:count]])[:-1]
    return [part for buffer in after for part in np.split(np.array(buffer[place]), ends)]


def adagrad(backend, a, inputs, expected):
    return optimizer_step(backend, a, inputs, lambda rate: Adagrad(learning_rate=rate, epsilon=a["epsilon"]), 1)


def adam(backend, a, inputs, expected):
    settings = {"beta1": a["alpha"], "beta2": a["beta"], "epsilon": a["epsilon"]}
    return optimizer_step(backend, a, inputs, lambda rate: Adam(learning_rate=rate, **settings), 2)


def momentum(backend, a, inputs, expected):
    kind = Nesterov if a["mode"] == b"nesterov" else Momentum
    return optimizer_step(backend, a, inputs, lambda rate: kind(learning_rate=rate, momentum=a["alpha"]), 1)


# By ONNX's names: ``f(backend, attributes, inputs, expected) -> outputs``, None for one that is compared inside or left out.
OPERATORS = {
    **{record.onnx: plain(name) for name, record in ACTIVATIONS.items() if record.hidden and name != "identity"},
    "Identity": identity,
    "LeakyRelu": leaky_relu,
    "Elu": elu,
    "Celu": celu,
    "Selu": selu,
    "HardSigmoid": hard_sigmoid,
    "Swish": swish,
    "Softmax": softmax,
    "LogSoftmax": log_softmax,
    "Gemm": gemm,
    "MatMul": matmul,
    "Add": add,
    "Sum": add,
    "Flatten": flatten,
    "Gather": gather,
    "Conv": convolution,
    "MaxPool": pooling(table.MAX_POOL),
    "GlobalMaxPool": pooling(table.MAX_POOL),
    "AveragePool": pooling(table.AVERAGE_POOL),
    "GlobalAveragePool": pooling(table.AVERAGE_POOL),
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "Dropout": dropout,
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy,
    "NegativeLogLikelihoodLoss": negative_log_likelihood,
    "Adagrad": adagrad,
    "Adam": adam,
    "Momentum": momentum,
}
