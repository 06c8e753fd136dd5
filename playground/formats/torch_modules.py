"""Which ``torch.nn`` modules a network is, and where each of its parameters lies in them.

`chain` is the one list that files are written from, read with and described by: module n of it is module n of a
``torch.nn.Sequential``, so its tensors are ``n.weight``, ``n.bias``, … The rules:

- A layer that has an activation is followed by the activation's module, by ``Identity``, too; the others stand alone. The
  output layer comes last, without its activation: the outputs are logits.
- Images lie here as height × width × channels and in torch as channels × height × width. If the first layer works on images,
  the chain begins with ``Unflatten``, which takes a row of pixels (of an image in several colors, one color after the other).
  After a ``Flatten`` the numbers of a row are in torch's order, and the weights of what follows are, too.
- Padding that is larger below and to the right than above and to the left is a ``ZeroPad2d`` before a convolution. Pooling
  counts only pixels: ``ceil_mode`` adds the last windows, or, at stride 1, ``ZeroPad2d`` cuts the first ones off again.
- Sine has no module in ``torch.nn``; it needs one of your own in its place, which has no tensors.

A network with a skip or with tables is no chain: `named_tensors` then gives the program's own names, such as
``layers.1.layers.0.weight``, in torch's layouts, except that rows after a ``Flatten`` keep the order height, width, channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.catalog import activations
from playground.network.layers import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    MaxPool2D,
    Residual,
)
from playground.network.parameters import ParameterView
from playground.network.plan import Plan

Layers = tuple[Layer, ...]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """A parameter as torch lays it out: taken apart along ``split``, its axes reordered, put together as ``shape``.

    Parameters
    ----------
    view
        The parameter here.
    split
        Sizes of the axes that it is taken apart into.
    axes
        Which of them comes first, second, … in torch.
    shape
        The tensor's shape in torch.
    """

    view: ParameterView
    split: Shape
    axes: Shape
    shape: Shape

    def read(self, parameters: Float32) -> Float32:
        """The tensor, C-contiguous, out of the parameter buffer."""
        turned = self.view.of(parameters).reshape(self.split).transpose(self.axes)
        return np.ascontiguousarray(turned).reshape(self.shape)

    def write(self, parameters: Float32, tensor: NDArray[Any]) -> None:
        """Put the tensor into the parameter buffer."""
        turned = tensor.reshape([self.split[axis] for axis in self.axes]).transpose(np.argsort(self.axes))
        self.view.of(parameters)[:] = turned.reshape(self.view.shape)


@dataclass(frozen=True)
class Module:
    """A module of ``torch.nn``.

    Parameters
    ----------
    kind
        Its class, such as ``Conv2d``.
    arguments, options
        What its constructor takes, by position and by name.
    tensors
        Its tensors by their names in torch; None for the count of batches that BatchNorm keeps, which nothing here needs.
    """

    kind: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Tensor | None] = field(default_factory=dict)

    def __str__(self) -> str:
        """How it is made: ``Conv2d(1, 16, 3, padding=1)``."""
        words = [repr(argument) for argument in self.arguments]
        return f"{self.kind}({', '.join([*words, *(f'{name}={value!r}' for name, value in self.options.items())])})"


@dataclass(frozen=True)
class _Signal:
    """What a layer gets: ``(width,)``, an image (height, width, channels), or such an image as a row in torch's order."""

    shape: Shape
    flat: bool = False

    @property
    def split(self) -> Shape:
        """The axes that a row is taken apart into."""
        return self.shape if self.flat else (prod(self.shape),)

    @property
    def axes(self) -> Shape:
        """Their order in torch."""
        return (2, 0, 1) if len(self.split) == 3 else (0,)


Build = Callable[[Any, _Signal, Shape, dict[str, ParameterView]], list[Module]]


def chain(layers: Layers, plan: Plan) -> list[Module] | None:
    """The modules of the ``torch.nn.Sequential`` that a network is; None if it is no chain.

    Parameters
    ----------
    layers, plan
        The hidden layers of the experiment, and the plan they became.
    """
    if not is_chain(layers):
        return None
    shapes = _shapes(layers, plan)
    shape = shapes["inputs"]
    image = len(shape) == 3 and bool(layers) and not isinstance(layers[0], Dense | Flatten)
    modules = [Module("Unflatten", (1, (shape[2], *shape[:2])))] if image else []
    x = _Signal(shape if image else (prod(shape),))
    for number, layer in enumerate(_with_output(layers, plan)):
        name = f"layers.{number}"
        modules += _BUILD[type(layer)](layer, x, shapes[name], _own(plan, name))
        x = _after(layer, x, shapes[name])
    # Without the output layer's activation.
    return modules[:-1]


def is_chain(layers: Layers) -> bool:
    """Whether each layer takes what the one before it gives, and ``torch.nn`` has it."""
    return all(type(layer) in _BUILD for layer in layers)


def named_tensors(layers: Layers, plan: Plan) -> dict[str, Tensor | None]:
    """Every tensor of a network by its name in a file; None for a count of batches."""
    modules = chain(layers, plan)
    if modules is None:
        shapes = _shapes(layers, plan)
        return dict(_tensors_of_run(_with_output(layers, plan), plan, "layers", shapes["inputs"], shapes))
    return {f"{number}.{key}": tensor for number, module in enumerate(modules) for key, tensor in module.tensors.items()}


def in_words(layers: Layers, plan: Plan) -> str:
    """For people who load a file with torch: the chain as they would write it down, or that it is none."""
    modules = chain(layers, plan)
    if modules is not None:
        return f"Sequential({', '.join(map(str, modules))})"
    others = " and ".join(dict.fromkeys(layer.title for layer in layers if type(layer) not in _BUILD))
    return (
        f"Not a Sequential: {others} is no step of a chain. The tensors have the program's names, in torch's layouts; rows after "
        "a Flatten keep the order height, width, channel."
    )


def _with_output(layers: Layers, plan: Plan) -> Layers:
    """All layers with the output layer, which experiments don't list."""
    return (*layers, Dense(units=plan.widths[-1], activation="identity"))


def _shapes(layers: Layers, plan: Plan) -> dict[str, Shape]:
    """What the inputs are and what each layer gives, by name; the output layer counts as the last of the layers."""
    shapes = {stage.name: stage.region.shape for stage in plan.stages}
    return {**shapes, f"layers.{len(layers)}": shapes["outputs"]}


def _tensors_of_run(
    layers: Layers, plan: Plan, name: str, shape: Shape, shapes: dict[str, Shape]
) -> Iterator[tuple[str, Tensor | None]]:
    """The tensors of a run of layers under the program's names."""
    for number, layer in enumerate(layers):
        own = f"{name}.{number}"
        if isinstance(layer, Residual):
            yield from _tensors_of_run(layer.layers, plan, f"{own}.layers", shape, shapes)
        elif type(layer) in _BUILD:
            for module in _BUILD[type(layer)](layer, _Signal(shape), shapes[own], _own(plan, own)):
                for key, tensor in module.tensors.items():
                    yield f"{own}.{key}", tensor
        else:
            for key, view in _own(plan, own).items():
                yield f"{own}.{key}", Tensor(view, view.shape, tuple(range(len(view.shape))), view.shape)
        shape = shapes[own]


def _own(plan: Plan, layer: str) -> dict[str, ParameterView]:
    """The parameters of one layer by their own names: ``weight``, ``bias``, …"""
    return {view.name.removeprefix(f"{layer}."): view for view in plan.parameters if view.name.startswith(f"{layer}.")}


def _after(layer: Layer, x: _Signal, out: Shape) -> _Signal:
    """What comes out of a layer; only a dense layer ends the order in which a Flatten left the numbers."""
    if isinstance(layer, Flatten):
        return _Signal(x.shape, flat=True)
    return x if x.flat and not isinstance(layer, Dense) else _Signal(out)


# One function a layer: its modules, from what it gets and gives and its parameters.


def _activation(choice: str | msgspec.Struct) -> Module:
    record, _ = activations.resolve(choice)
    options = {parameter.name: getattr(choice, parameter.name, parameter.default) for parameter in record.parameters}
    return Module(record.torch or record.title, options=options)


def _vector(view: ParameterView, x: _Signal) -> Tensor:
    """One number for each number of a row."""
    return Tensor(view, x.split, x.axes, view.shape)


def _dense(layer: Dense, x: _Signal, out: Shape, views: dict[str, ParameterView]) -> list[Module]:
    """``Linear``: weights (out, in)."""
    units, width = layer.units, prod(x.shape)
    weight = Tensor(views["weight"], (*x.split, units), (len(x.split), *x.axes), (units, width))
    linear = Module("Linear", (width, units), tensors={"weight": weight, "bias": _vector(views["bias"], _Signal((units,)))})
    return [linear, _activation(layer.activation)]


def _conv2d(layer: Conv2D, x: _Signal, out: Shape, views: dict[str, ParameterView]) -> list[Module]:
    """``Conv2d``: weights (filters, channels, kernel height, kernel width)."""
    channels, kernel = x.shape[2], layer.kernel
    totals = _totals(x, out, kernel, layer.stride)
    weight = Tensor(
        views["weight"],
        (kernel, kernel, channels, layer.filters),
        (3, 2, 0, 1),
        (layer.filters, channels, kernel, kernel),
    )
    tensors: dict[str, Tensor | None] = {"weight": weight, "bias": _vector(views["bias"], _Signal((layer.filters,)))}
    top, left = (total // 2 for total in totals)
    modules, padding = [], (top, left)
    if any(total % 2 for total in totals):
        modules, padding = [Module("ZeroPad2d", ((left, totals[1] - left, top, totals[0] - top),))], (0, 0)
    options = _given({"stride": layer.stride, "padding": _for_both(*padding)}, stride=1, padding=0)
    return [*modules, Module("Conv2d", (channels, layer.filters, kernel), options, tensors), _activation(layer.activation)]


def _pool(layer: MaxPool2D | AveragePool2D, x: _Signal, out: Shape, views: dict[str, ParameterView]) -> list[Module]:
    """``MaxPool2d`` or ``AvgPool2d``."""
    totals = _totals(x, out, layer.size, layer.stride)
    uneven = any(total % 2 for total in totals)
    # At stride 1, one pixel more on the side that has less: that makes one window too many in front, which is cut off.
    cut = uneven and layer.stride == 1
    padding = [-(-total // 2) if cut else total // 2 for total in totals]
    options = {"stride": layer.stride, "padding": _for_both(*padding), "ceil_mode": uneven and not cut}
    if isinstance(layer, AveragePool2D):
        options["count_include_pad"] = False
    kind = "MaxPool2d" if isinstance(layer, MaxPool2D) else "AvgPool2d"
    # Without padding there is nothing to leave out of the count.
    without = {"count_include_pad": False} if not any(padding) else {}
    pool = Module(kind, (layer.size,), _given(options, stride=layer.size, padding=0, ceil_mode=False, **without))
    return [pool, Module("ZeroPad2d", ((-1, 0, -1, 0),))] if cut else [pool]


def _totals(x: _Signal, out: Shape, kernel: int, stride: int) -> tuple[int, int]:
    """How many rows and columns of padding the windows need, both sides together."""
    rows, columns = (max(0, (out[axis] - 1) * stride + kernel - x.shape[axis]) for axis in (0, 1))
    return rows, columns


def _for_both(rows: int, columns: int) -> int | tuple[int, int]:
    """One number where both are the same."""
    return rows if rows == columns else (rows, columns)


def _given(options: dict[str, Any], **usual: Any) -> dict[str, Any]:
    """The options that differ from torch's own."""
    return {name: value for name, value in options.items() if usual.get(name) != value}


def _flatten(layer: Flatten, x: _Signal, out: Shape, views: dict[str, ParameterView]) -> list[Module]:
    return [Module("Flatten")]


def _dropout(layer: Dropout, x: _Signal, out: Shape, views: dict[str, ParameterView]) -> list[Module]:
    return [Module("Dropout", (layer.rate,))]


def _batch_norm(layer: BatchNorm, x: _Signal, out: Shape, views: dict[str, ParameterView]) -> list[Module]:
    """``BatchNorm2d`` over the channels of an image, ``BatchNorm1d`` over the numbers of a row."""
    image = len(x.shape) == 3 and not x.flat
    row = _Signal(x.shape[2:]) if image else x
    tensors = {key: _vector(view, row) for key, view in views.items()}
    options = _given({"eps": layer.epsilon, "momentum": layer.momentum}, eps=1e-5, momentum=0.1)
    kind = "BatchNorm2d" if image else "BatchNorm1d"
    norm = Module(kind, (prod(row.shape),), options, {**tensors, "num_batches_tracked": None})
    return [norm, _activation(layer.activation)]


def _layer_norm(layer: LayerNorm, x: _Signal, out: Shape, views: dict[str, ParameterView]) -> list[Module]:
    """``LayerNorm`` over channels, height and width of an image, or over the numbers of a row."""
    image = len(x.shape) == 3 and not x.flat
    shape = (x.shape[2], *x.shape[:2]) if image else (prod(x.shape),)
    row = _Signal(x.shape, flat=True) if image else x
    tensors: dict[str, Tensor | None] = {key: Tensor(view, row.split, row.axes, shape) for key, view in views.items()}
    norm = Module("LayerNorm", (shape,), _given({"eps": layer.epsilon}, eps=1e-5), tensors)
    return [norm, _activation(layer.activation)]


_BUILD: dict[type[Layer], Build] = {
    Dense: _dense,
    Conv2D: _conv2d,
    MaxPool2D: _pool,
    AveragePool2D: _pool,
    Flatten: _flatten,
    Dropout: _dropout,
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
}
