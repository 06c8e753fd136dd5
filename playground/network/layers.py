"""Layer specs: what an experiment lists; each checks the shape it gets and says which instructions it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

import msgspec

from playground.catalog import activations
from playground.catalog.activations import ACTIVATIONS
from playground.network import table
from playground.network.plan import UNKNOWN, Builder, Region
from playground.words import tr

_HIDDEN = tuple(name for name, record in ACTIVATIONS.items() if record.hidden)
_HIDDEN_SPECS = tuple(record.spec for record in ACTIVATIONS.values() if record.spec is not None and record.hidden)
_SPECS = tuple(record.spec for record in ACTIVATIONS.values() if record.spec is not None)

if TYPE_CHECKING:
    ActivationChoice = str | msgspec.Struct
    OutputActivationChoice = str | msgspec.Struct
else:
    # A name, or a struct with the activation's parameters; both come from the catalog, and so does the schema.
    ActivationChoice = Union[(Literal[_HIDDEN], *_HIDDEN_SPECS)]
    OutputActivationChoice = Union[(Literal[tuple(ACTIVATIONS)], *_SPECS)]

Trainable = Annotated[bool, msgspec.Meta(description=tr("Whether the layer learns; a frozen one keeps its parameters."))]
Epsilon = Annotated[float, msgspec.Meta(gt=0, le=1, description=tr("Added to the variance, so that nothing is divided by 0."))]
Padding = Annotated[
    Literal["same", "valid"],
    msgspec.Meta(description=tr("same: zeros around the image keep its size at stride 1; valid: windows stay inside.")),
]
WindowSize = Annotated[int, msgspec.Meta(ge=1, le=32, description=tr("Height and width of the window, in pixels."))]
Stride = Annotated[int, msgspec.Meta(ge=1, le=32, description=tr("Pixels from one window to the next."))]


class LayerError(ValueError):
    """A layer that doesn't fit what comes before it; the message names the layer and says what would fit."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")


class Layer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """What all layers share: words for people, and `emit`."""

    title: ClassVar[str] = ""
    description: ClassVar[str] = ""
    source: ClassVar[str] = ""

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        """Add the layer's parameters and instructions for the input ``x``; returns where its result lies.

        Raises
        ------
        LayerError
            If the input's shape doesn't fit.
        """
        raise NotImplementedError


def shape_in_words(shape: tuple[int, ...]) -> str:
    """``4 × 4 × 32`` or ``16 numbers``."""
    if len(shape) == 1:
        return f"{shape[0]} number" + ("s" if shape[0] != 1 else "")
    return " × ".join(map(str, shape))


def activated(build: Builder, x: Region, choice: str | msgspec.Struct) -> Region:
    """The activation as an instruction of its own; nothing for the identity."""
    record, setting = activations.resolve(choice)
    if record.name == "identity":
        return x
    out = build.region(x.shape, x.learns)
    build.add(table.ACTIVATION, x, out, {table.CODE: record.code}, {table.SETTING: setting})
    return out


def row_of_numbers(x: Region, name: str, title: str) -> None:
    """Refuse an image where a layer needs a row; an image as data is a row of pixels as it is."""
    if len(x.shape) > 1 and not x.is_data:
        raise LayerError(
            name,
            tr("{title} takes a row of numbers, but gets {shape}; put a Flatten before it.").format(
                title=title, shape=shape_in_words(x.shape)
            ),
        )


class Dense(Layer, frozen=True, kw_only=True, tag="dense"):
    """A fully connected layer: activation(X·W + b), with X of shape (rows, in) and W of shape (in, units)."""

    title: ClassVar[str] = tr("Dense")
    description: ClassVar[str] = tr("Every neuron weighs all inputs: a matrix multiplication, a bias, an activation.")
    source: ClassVar[str] = "C. Bishop, Pattern Recognition and Machine Learning, 2006, section 5.1"

    units: Annotated[int, msgspec.Meta(ge=1, le=4096, description=tr("How many neurons the layer has."))] = 8
    activation: ActivationChoice = "relu"
    trainable: Trainable = True

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        row_of_numbers(x, name, self.title)
        return dense(build, x, name, self.units, self.activation, self.trainable)


def dense(build: Builder, x: Region, name: str, units: int, activation: str | msgspec.Struct, trainable: bool) -> Region:
    """X·W + b and the activation, in place where its slope follows from its value."""
    record, setting = activations.resolve(activation)
    columns = _affine(build, name, (x.width, units), x.width, units, trainable)
    if not record.keeps_sum:
        columns[table.CODE] = record.code
    out = build.region((units,), x.learns or trainable)
    build.add(table.DENSE, x, out, columns, {table.SETTING: setting})
    return activated(build, out, activation) if record.keeps_sum else out


def _affine(build: Builder, name: str, shape: tuple[int, int], fan_in: int, fan_out: int, trainable: bool) -> dict[int, int]:
    """Weights and biases of an affine map, and the columns that point at them."""
    weight = build.parameter(f"{name}.weight", shape, fan_in=fan_in, fan_out=fan_out, decays=True, trainable=trainable)
    bias = build.parameter(f"{name}.bias", (shape[1],), trainable=trainable)
    return {
        table.WEIGHT: weight,
        table.BIAS: bias,
        table.TRAINABLE: int(trainable),
        table.CODE: activations.IDENTITY,
    }


def _window(x: Region, name: str, title: str, kernel: int, stride: int, padding: str) -> dict[int, int]:
    """The columns that say how a window moves over an image."""
    if len(x.shape) != 3:
        raise LayerError(
            name,
            tr(
                "{title} moves over an image, but gets {shape}; use it on image data such as digits, before any Dense or Flatten."
            ).format(title=title, shape=shape_in_words(x.shape)),
        )
    height, width, channels = x.shape
    if padding == "same":
        # As Keras: ⌈size / stride⌉ windows, the padding's odd row below and to the right.
        rows, columns = -(-height // stride), -(-width // stride)
        top = max(0, (rows - 1) * stride + kernel - height) // 2
        left = max(0, (columns - 1) * stride + kernel - width) // 2
    else:
        rows, columns, top, left = (height - kernel) // stride + 1, (width - kernel) // stride + 1, 0, 0
    if kernel > min(height, width) and padding == "valid":
        raise LayerError(
            name,
            tr(
                "a window of {kernel} × {kernel} doesn't fit into an image of {height} × {width}; make it at most "
                "{most}, or the padding 'same'."
            ).format(kernel=kernel, height=height, width=width, most=min(height, width)),
        )
    return {
        table.HEIGHT: height,
        table.WIDTH: width,
        table.CHANNELS: channels,
        table.OUT_HEIGHT: rows,
        table.OUT_WIDTH: columns,
        table.KERNEL_HEIGHT: kernel,
        table.KERNEL_WIDTH: kernel,
        table.STRIDE_HEIGHT: stride,
        table.STRIDE_WIDTH: stride,
        table.TOP: top,
        table.LEFT: left,
    }


class Conv2D(Layer, frozen=True, kw_only=True, tag="conv2d"):
    """A convolution: every window of the image as a row, then the affine map of a dense layer, shared by all windows."""

    title: ClassVar[str] = tr("Conv2D")
    description: ClassVar[str] = tr(
        "The same small dense layer looks at every window of an image: finds a pattern wherever it is."
    )
    source: ClassVar[str] = "Y. LeCun et al.: Backpropagation Applied to Handwritten Zip Code Recognition, 1989"

    filters: Annotated[int, msgspec.Meta(ge=1, le=512, description=tr("How many patterns are looked for."))] = 8
    kernel: WindowSize = 3
    stride: Stride = 1
    padding: Padding = "same"
    activation: ActivationChoice = "relu"
    trainable: Trainable = True

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        window = _window(x, name, self.title, self.kernel, self.stride, self.padding)
        return convolution(build, x, name, window, self.filters, self.activation, self.trainable)


def convolution(
    build: Builder,
    x: Region,
    name: str,
    window: dict[int, int],
    filters: int,
    activation: str | msgspec.Struct,
    trainable: bool,
) -> Region:
    """The windows as rows (windows, kernel · kernel · channels), times W (kernel · kernel · channels, filters), plus b."""
    record, setting = activations.resolve(activation)
    area = window[table.KERNEL_HEIGHT] * window[table.KERNEL_WIDTH]
    inputs = area * window[table.CHANNELS]
    columns = window | _affine(build, name, (inputs, filters), inputs, area * filters, trainable)
    if not record.keeps_sum:
        columns[table.CODE] = record.code
    places = window[table.OUT_HEIGHT] * window[table.OUT_WIDTH]
    columns |= {table.SECOND: build.region((places * inputs,)).unit, table.INPUTS: inputs, table.UNITS: filters}
    out = build.region((window[table.OUT_HEIGHT], window[table.OUT_WIDTH], filters), x.learns or trainable)
    build.add(table.CONVOLUTION, x, out, columns, {table.SETTING: setting})
    return activated(build, out, activation) if record.keeps_sum else out


def pool(build: Builder, x: Region, operation: int, window: dict[int, int]) -> Region:
    """One number per window and channel."""
    out = build.region((window[table.OUT_HEIGHT], window[table.OUT_WIDTH], window[table.CHANNELS]), x.learns)
    build.add(operation, x, out, window, {})
    return out


class Pool(Layer, frozen=True, kw_only=True):
    """What the poolings share: a window that moves over an image and leaves one number for each channel."""

    operation: ClassVar[int]

    size: WindowSize = 2
    stride: Stride = 2
    padding: Padding = "valid"

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        return pool(build, x, self.operation, _window(x, name, self.title, self.size, self.stride, self.padding))


class MaxPool2D(Pool, frozen=True, kw_only=True, tag="max_pool2d"):
    """The largest number of each window, channel by channel."""

    title: ClassVar[str] = tr("MaxPool2D")
    description: ClassVar[str] = tr("Keeps the largest number of each window: was the pattern there, wherever exactly?")
    source: ClassVar[str] = "J. Weng, N. Ahuja, T. Huang: Cresceptron, 1992"
    operation: ClassVar[int] = table.MAX_POOL


class AveragePool2D(Pool, frozen=True, kw_only=True, tag="average_pool2d"):
    """The mean of each window, channel by channel; padding doesn't count."""

    title: ClassVar[str] = tr("AveragePool2D")
    description: ClassVar[str] = tr("Keeps the mean of each window: a smaller, smoother image.")
    source: ClassVar[str] = "Y. LeCun et al.: Backpropagation Applied to Handwritten Zip Code Recognition, 1989"
    operation: ClassVar[int] = table.AVERAGE_POOL


class Flatten(Layer, frozen=True, kw_only=True, tag="flatten"):
    """An image as one row of numbers: the same numbers in memory, seen otherwise."""

    title: ClassVar[str] = tr("Flatten")
    description: ClassVar[str] = tr("Lays the numbers of an image out in one row, as dense layers take them.")
    source: ClassVar[str] = "F. Chollet, Deep Learning with Python, 2017, section 5.1"

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        return Region(x.unit, (x.width,), x.learns, x.is_data)


class Dropout(Layer, frozen=True, kw_only=True, tag="dropout"):
    """Sets random numbers to 0 while training and scales up the others; passes all on when predicting."""

    title: ClassVar[str] = tr("Dropout")
    description: ClassVar[str] = tr(
        "Switches random neurons off at each training step, so that no neuron relies on a single other."
    )
    source: ClassVar[str] = "N. Srivastava et al.: Dropout: A Simple Way to Prevent Neural Networks from Overfitting, 2014"

    rate: Annotated[float, msgspec.Meta(ge=0, le=0.95, description=tr("Share of the numbers that is switched off."))] = 0.2

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        out = build.region(x.shape, x.learns)
        build.add(table.DROPOUT, x, out, {}, {table.SETTING: self.rate})
        return out


class BatchNorm(Layer, frozen=True, kw_only=True, tag="batch_norm"):
    """Each feature (of an image: each channel) to mean 0 and variance 1 over the batch, then scaled and shifted.

    Predictions use running statistics instead of the batch's. A frozen layer uses them while training, too.
    """

    title: ClassVar[str] = tr("BatchNorm")
    description: ClassVar[str] = tr("Brings each feature to mean 0 and variance 1 over the batch: deep networks learn faster.")
    source: ClassVar[str] = "S. Ioffe, C. Szegedy: Batch Normalization, 2015, algorithm 1"

    momentum: Annotated[
        float, msgspec.Meta(ge=0, le=1, description=tr("Share of each batch's statistics in the running ones."))
    ] = 0.1
    epsilon: Epsilon = 1e-5
    activation: ActivationChoice = "identity"
    trainable: Trainable = True

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        features = x.shape[-1]
        columns = _scale_and_shift(build, name, features, self.trainable)
        mean = build.parameter(f"{name}.running_mean", (features,), start=0.0, trainable=False, is_statistic=True)
        build.parameter(f"{name}.running_var", (features,), start=1.0, trainable=False, is_statistic=True)
        columns |= {table.UNITS: features, table.STATISTICS: mean, table.SECOND: build.scratch(2 * features)}
        out = build.region(x.shape, x.learns or self.trainable)
        build.add(table.BATCH_NORM, x, out, columns, {table.EPSILON: self.epsilon, table.MOMENTUM: self.momentum})
        return activated(build, out, self.activation)


class LayerNorm(Layer, frozen=True, kw_only=True, tag="layer_norm"):
    """All numbers of a row to mean 0 and variance 1, then each scaled and shifted; the same in training and predictions."""

    title: ClassVar[str] = tr("LayerNorm")
    description: ClassVar[str] = tr("Brings the numbers of each row to mean 0 and variance 1, whatever else is in the batch.")
    source: ClassVar[str] = "J. Ba, J. Kiros, G. Hinton: Layer Normalization, 2016"

    epsilon: Epsilon = 1e-5
    activation: ActivationChoice = "identity"
    trainable: Trainable = True

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        columns = _scale_and_shift(build, name, x.width, self.trainable)
        # Mean and deviation of each row.
        columns[table.SECOND] = build.region((2,)).unit
        out = build.region(x.shape, x.learns or self.trainable)
        build.add(table.LAYER_NORM, x, out, columns, {table.EPSILON: self.epsilon})
        return activated(build, out, self.activation)


def _scale_and_shift(build: Builder, name: str, features: int, trainable: bool) -> dict[int, int]:
    weight = build.parameter(f"{name}.weight", (features,), start=1.0, trainable=trainable)
    bias = build.parameter(f"{name}.bias", (features,), start=0.0, trainable=trainable)
    return {table.WEIGHT: weight, table.BIAS: bias, table.TRAINABLE: int(trainable)}


class Embedding(Layer, frozen=True, kw_only=True, tag="embedding"):
    """One table per column of whole numbers: each number picks a row, and the rows are put side by side.

    Picking row i is the product of the table with a one-hot row that has its 1 at i.
    """

    title: ClassVar[str] = tr("Embedding")
    description: ClassVar[str] = tr("Gives every user and every item a short list of numbers of its own, and learns them.")
    source: ClassVar[str] = "J. Howard, S. Gugger: Deep Learning for Coders with fastai and PyTorch, 2020, chapter 8"

    units: Annotated[int, msgspec.Meta(ge=1, le=512, description=tr("Numbers that stand for each user, item, …."))] = 8
    trainable: Trainable = True

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        if not build.categories or not x.is_data:
            raise LayerError(
                name,
                tr(
                    "Embedding looks whole numbers up in a table, so it must come first, on data whose columns are such numbers, "
                    "such as ratings; use Dense here."
                ),
            )
        count = len(build.categories)
        out = build.region((count * self.units,), self.trainable)
        for column, size in enumerate(build.categories):
            weight = build.parameter(
                f"{name}.table.{column}",
                (size, self.units),
                fan_in=self.units,
                fan_out=self.units,
                decays=True,
                trainable=self.trainable,
            )
            columns = {
                table.UNITS: self.units,
                table.WEIGHT: weight,
                table.TRAINABLE: int(self.trainable),
                table.COLUMN: column,
                table.FIRST: column * self.units,
                table.ROW_WIDTH: count * self.units,
                table.TABLE_ROWS: size,
            }
            build.add(table.EMBEDDING, x, out, columns, {})
        return out


class Residual(Layer, frozen=True, kw_only=True, tag="residual"):
    """A skip around a run of layers: activation(x + layers(x))."""

    title: ClassVar[str] = tr("Residual")
    description: ClassVar[str] = tr("Adds the input of a run of layers to its result, so that gradients have a short way back.")
    source: ClassVar[str] = "K. He et al.: Deep Residual Learning for Image Recognition, 2016"

    layers: Annotated[
        tuple[AnyLayer, ...], msgspec.Meta(min_length=1, max_length=16, description=tr("The layers that are skipped."))
    ] = (Dense(),)
    activation: ActivationChoice = "identity"

    def emit(self, build: Builder, x: Region, name: str) -> Region:
        inner = emit_all(build, self.layers, x, f"{name}.layers")
        shape = (x.width,) if x.is_data and len(inner.shape) == 1 else x.shape
        if inner.shape != shape and shape != (UNKNOWN,):
            raise LayerError(
                name,
                tr(
                    "its layers make {made} of {given}, and only equal shapes can be added; let the last one give {given}."
                ).format(made=shape_in_words(inner.shape), given=shape_in_words(x.shape)),
            )
        out = build.region(inner.shape, x.learns or inner.learns)
        columns = {table.SECOND: inner.unit, table.PASSES_BACK: int(x.learns), table.TRAINABLE: int(inner.learns)}
        build.add(table.ADD, x, out, columns, {})
        return activated(build, out, self.activation)


LAYERS: dict[str, type[Layer]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Dense,
        Dropout,
        BatchNorm,
        LayerNorm,
        Conv2D,
        MaxPool2D,
        AveragePool2D,
        Flatten,
        Embedding,
        Residual,
    )
}
if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = Union[tuple(LAYERS.values())]  # noqa: UP007


def emit_all(build: Builder, layers: tuple[Any, ...], x: Region, name: str) -> Region:
    """A run of layers, one after the other; ``name`` is that of the list they stand in."""
    for number, layer in enumerate(layers):
        x = layer.emit(build, x, f"{name}.{number}")
        build.stage(f"{name}.{number}", str(layer.__struct_config__.tag), x)
    return x
