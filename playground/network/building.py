"""From an experiment's layers to a Plan: inputs, layers, output layer, output activation, loss."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from playground.catalog import activations, losses
from playground.network import table
from playground.network.layers import Layer, LayerError, dense, emit_all, shape_in_words
from playground.network.plan import Builder, Plan, Region
from playground.words import tr


@dataclass(frozen=True)
class Inputs:
    """What a network gets.

    Parameters
    ----------
    width
        Numbers in a row.
    image
        ``(height, width, channels)`` where a row is an image, else empty.
    categories
        How many different whole numbers each column holds, where all columns do; else empty.
    """

    width: int
    image: tuple[int, ...] = ()
    categories: tuple[int, ...] = ()


def plan_network(
    layers: tuple[Layer, ...],
    output_activation: str | msgspec.Struct,
    loss: str | msgspec.Struct,
    inputs: Inputs,
    outputs: int,
) -> Plan:
    """Turn a chain of layers into instructions.

    Parameters
    ----------
    layers
        The hidden layers.
    output_activation, loss
        What follows the output layer's weighted sums.
    inputs, outputs
        What the data's rows are, and the width of its targets.

    Raises
    ------
    LayerError
        If a layer doesn't fit what comes before it.
    """
    build = Builder(categories=inputs.categories)
    x = build.region(inputs.image or (inputs.width,), is_data=True)
    build.stage("inputs", "inputs", x)
    if inputs.categories and not any(layer.__struct_config__.tag == "embedding" for layer in layers[:1]):
        raise LayerError(
            "layers.0",
            tr(
                "the columns are whole numbers that only name users, items, …, so that more or less means nothing; "
                "put an Embedding first."
            ),
        )
    x = emit_all(build, layers, x, "layers")
    if len(x.shape) > 1 and not x.is_data:
        raise LayerError(
            f"layers.{len(layers) - 1}",
            tr("the outputs take a row of numbers, but the last layer gives {shape}; put a Flatten after it.").format(
                shape=shape_in_words(x.shape)
            ),
        )
    # The output layer leaves the logits as they are: its activation is an instruction of its own.
    logits = dense(build, x, f"layers.{len(layers)}", outputs, "identity", trainable=True)
    build.stage("outputs", "outputs", _end(build, logits, output_activation, loss))
    return build.plan()


def _end(build: Builder, logits: Region, output_activation: str | msgspec.Struct, loss: str | msgspec.Struct) -> Region:
    """The output activation and the loss; returns where the outputs lie."""
    head, head_setting = activations.resolve(output_activation)
    record, loss_setting = losses.resolve(loss)
    fused = {table.FUSED: int(head.name in record.fused_with)}
    out = logits
    if head.name != "identity":
        out = build.region(logits.shape, learns=True)
        operation = table.SOFTMAX if head.name == "softmax" else table.ACTIVATION
        build.add(operation, logits, out, fused | {table.CODE: head.code}, {table.SETTING: head_setting})
    columns = fused | {table.CODE: record.code, table.OVER_ROWS: int(record.mean_over == "rows")}
    build.add(table.LOSS, out, logits, columns, {table.SETTING: loss_setting})
    return out
