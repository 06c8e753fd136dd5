"""Networks that have every instruction of a Plan, each small enough for a simulated block."""

from alike import states
from oracle import DIGITS, RATINGS, make_experiment

from playground.catalog.activations import ACTIVATIONS
from playground.experiment import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Inputs,
    LayerNorm,
    MaxPool2D,
    Residual,
)
from playground.network import table

ROWS, IMAGES, NAMES = Inputs(3), Inputs(4 * 3, (4, 3, 1)), Inputs(2, categories=(3, 2))
LEAKY = ACTIVATIONS["leaky_relu"].spec(negative_slope=0.3)


def counted(plan):
    """Count the padding of average pools, as networks from torch may."""
    pools = plan.instructions[:, table.OPERATION] == table.AVERAGE_POOL
    assert pools.any()
    plan.instructions[pools, table.COUNTS_PADDING] = 1


# Layers, the rows that they are for, and what else is special.
NETWORKS = {
    "dense": ((Dense(units=5, activation="tanh"), Dense(units=4, activation="gelu"), Dense(units=3, activation=LEAKY)), ROWS),
    "no hidden layer": ((), ROWS),
    "conv2d": ((Conv2D(filters=3, activation="relu"), Conv2D(filters=2, kernel=2, stride=2, padding="valid"), Flatten()), IMAGES),
    "conv2d, long strides": ((Conv2D(filters=2, kernel=2, stride=3, activation="elu"), Conv2D(filters=2), Flatten()), IMAGES),
    "max_pool2d": ((Conv2D(filters=2), MaxPool2D(size=3, stride=2, padding="same"), MaxPool2D(stride=1), Flatten()), IMAGES),
    "average_pool2d": ((Conv2D(filters=2), AveragePool2D(size=3, stride=2, padding="same"), Flatten()), IMAGES),
    "average_pool2d, padding counted": (
        (Conv2D(filters=2), AveragePool2D(size=3, stride=2, padding="same"), Flatten()),
        IMAGES,
        counted,
    ),
    "batch_norm": ((Dense(units=4), BatchNorm(activation="silu", momentum=0.3), Dense(units=3)), ROWS),
    "batch_norm of an image": ((Conv2D(filters=2), BatchNorm(activation="relu"), Flatten()), IMAGES),
    "batch_norm, frozen": ((Dense(units=4), BatchNorm(trainable=False), Dense(units=3)), ROWS),
    "layer_norm": ((Dense(units=4), LayerNorm(activation="tanh"), Dense(units=3), LayerNorm(trainable=False)), ROWS),
    "layer_norm of an image": ((Conv2D(filters=2), LayerNorm(), Flatten()), IMAGES),
    "dropout": ((Dense(units=9), Dropout(rate=0.5), Dense(units=8, activation="tanh"), Dropout(rate=0.2)), ROWS),
    "embedding": ((Embedding(units=3), Dense(units=4, activation="tanh")), NAMES),
    "residual": ((Dense(units=3), Residual(layers=(Dense(units=4), Dense(units=3)), activation="relu")), ROWS),
    "skip within a skip": (
        (
            Dense(units=4),
            Residual(
                layers=(Dense(units=5), Residual(layers=(LayerNorm(), Dense(units=5, activation="tanh"))), Dense(units=4)),
                activation="gelu",
            ),
            Residual(layers=(Dropout(rate=0.3), BatchNorm())),
        ),
        ROWS,
    ),
    "a region read twice": ((Dense(units=3, activation="tanh"), Residual(layers=(Flatten(),), activation="gelu")), ROWS),
    "skips over images": (
        (
            Conv2D(filters=1),
            Residual(layers=(Conv2D(filters=1), AveragePool2D(size=3, stride=1, padding="same"))),
            Residual(layers=(MaxPool2D(size=3, stride=1, padding="same"),), activation="tanh"),
            Flatten(),
        ),
        IMAGES,
    ),
    "frozen layers": ((Dense(units=4), Dense(units=5, activation="tanh", trainable=False), Dense(units=3)), ROWS),
    "frozen first": ((Conv2D(filters=2, trainable=False), Flatten(), Dense(units=3, trainable=False), Dense(units=2)), IMAGES),
}


def states_of(name, rows, form="grid", **training):
    """States of a network of `NETWORKS` on both sides, as `alike.states` has them."""
    layers, inputs, *change = NETWORKS[name]
    source = DIGITS if inputs.image else RATINGS if inputs.categories else None
    task = "regression" if inputs.categories else "multiclass"
    experiment = make_experiment(task, layers=layers, source=source, **training)
    return states(experiment, inputs, rows, form, *change)
