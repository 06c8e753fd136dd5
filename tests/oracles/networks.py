"""The networks that the oracle tests try: every layer, activation, loss and task that the program offers, and random ones."""

from __future__ import annotations

import itertools
from functools import cache
from typing import NamedTuple

from hypothesis import reject
from hypothesis import strategies as st
from oracle import DIGITS, HIDDEN, RATINGS, SOURCES, make_experiment

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.losses import LOSSES
from playground.catalog.tasks import TASKS
from playground.experiment import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    ExperimentError,
    Flatten,
    Inputs,
    LayerNorm,
    MaxPool2D,
    Residual,
    build_plan,
)

# The rows of each kind of data, as small as they can be and still show everything.
ROWS, IMAGES, NAMES = Inputs(2), Inputs(9, (3, 3, 1)), Inputs(2, categories=(3, 2))


class Recipe(NamedTuple):
    """The smallest run of layers that has a layer of this kind.

    Parameters
    ----------
    layers
        From the name of an activation, which is the layer's own where it has one, else that of the layer before it.
    inputs
        The rows it is for.
    """

    layers: object
    inputs: Inputs = ROWS


RECIPES = {
    "dense": Recipe(lambda a: (Dense(units=2, activation=a),)),
    "dropout": Recipe(lambda a: (Dense(units=3, activation=a), Dropout(rate=0.4))),
    "batch_norm": Recipe(lambda a: (Dense(units=2, activation="identity"), BatchNorm(activation=a))),
    "layer_norm": Recipe(lambda a: (Dense(units=3, activation="identity"), LayerNorm(activation=a))),
    "residual": Recipe(lambda a: (Dense(units=2, activation=a), Residual(layers=(Dense(units=2, activation=a),), activation=a))),
    "conv2d": Recipe(lambda a: (Conv2D(filters=2, kernel=2, stride=2, activation=a), Flatten()), IMAGES),
    "max_pool2d": Recipe(
        lambda a: (Conv2D(filters=2, kernel=2, padding="valid", activation=a), MaxPool2D(stride=1), Flatten()), IMAGES
    ),
    "average_pool2d": Recipe(
        lambda a: (Conv2D(filters=1, kernel=2, activation=a), AveragePool2D(padding="same"), Flatten()), IMAGES
    ),
    "flatten": Recipe(lambda a: (Conv2D(filters=1, kernel=3, padding="valid", activation=a), Flatten()), IMAGES),
    "embedding": Recipe(lambda a: (Embedding(units=1), Dense(units=2, activation=a)), NAMES),
}


def sources_of(task, inputs):
    """Data of that kind that pose the task, or could."""
    if inputs.image:
        return DIGITS
    return RATINGS if inputs.categories else SOURCES[task]


class Combination(NamedTuple):
    """One of the combinations that the program offers."""

    layer: str
    activation: str
    task: str
    loss: str
    output: str

    @property
    def inputs(self):
        return RECIPES[self.layer].inputs

    def experiment(self, **training):
        """An experiment of this combination."""
        recipe = RECIPES[self.layer]
        source = sources_of(self.task, recipe.inputs)
        layers = recipe.layers(self.activation)
        return make_experiment(self.task, self.loss, output=self.output, layers=layers, source=source, **training)


@cache
def offered():
    """Every layer × activation × task × loss × output activation that `checked` lets pass."""
    found = []
    for head in itertools.product(RECIPES, TASKS, LOSSES, ACTIVATIONS):
        layer, task, loss, output = head
        try:
            Combination(layer, "tanh", task, loss, output).experiment()
        except ExperimentError:
            continue
        found += [Combination(layer, activation, task, loss, output) for activation in HIDDEN]
    return tuple(found)


def grouped():
    """The combinations by layer and activation: one test each, which is quicker than one test a combination."""
    groups = {}
    for combination in offered():
        groups.setdefault((combination.layer, combination.activation), []).append(combination)
    return groups


# Random networks. Strategies are made once: that takes longer than to draw from them.

OTHER_NUMBERS = [
    record.spec(**{record.parameters[0].name: 0.3}) for record in ACTIVATIONS.values() if record.hidden and record.spec
]
activation_choices = st.sampled_from([*HIDDEN, *OTHER_NUMBERS])


@cache
def row_layers(width, depth=2):
    """Layers that take a row of this many numbers."""
    kinds = [
        st.builds(Dense, units=st.integers(1, 12), activation=activation_choices, trainable=st.sampled_from([True, True, False])),
        st.builds(Dropout, rate=st.sampled_from([0.0, 0.2, 0.5])),
        st.builds(BatchNorm, activation=activation_choices, epsilon=st.sampled_from([1e-3, 1e-1]), trainable=st.booleans()),
        st.builds(LayerNorm, activation=activation_choices, epsilon=st.sampled_from([1e-3, 1e-1]), trainable=st.booleans()),
    ]
    if depth and width:
        inner = st.lists(row_layers(0, depth - 1), max_size=2).map(
            lambda layers: (*layers, Dense(units=width, activation="tanh"))
        )
        kinds.append(st.builds(Residual, layers=inner, activation=activation_choices))
    return st.one_of(kinds)


def width_after(layer, width):
    return layer.units if isinstance(layer, Dense) else width


@st.composite
def rows_of_layers(draw, width, most):
    """A run of layers, each of which fits the one before it."""
    layers = []
    for _ in range(draw(st.integers(0, most))):
        layers.append(draw(row_layers(width)))
        width = width_after(layers[-1], width)
    return layers


@cache
def image_layers(channels):
    """Layers that take an image and give one."""
    padding = st.sampled_from(["same", "valid"])
    size, stride = st.integers(1, 3), st.integers(1, 3)
    return st.one_of(
        st.builds(Conv2D, filters=st.integers(1, 4), kernel=size, stride=stride, padding=padding, activation=activation_choices),
        st.builds(MaxPool2D, size=size, stride=stride, padding=padding),
        st.builds(AveragePool2D, size=size, stride=stride, padding=padding),
        st.builds(BatchNorm, activation=activation_choices, epsilon=st.just(1e-2)),
        st.builds(LayerNorm, activation=activation_choices, epsilon=st.just(1e-2)),
        st.builds(Dropout, rate=st.just(0.3)),
        st.builds(
            Residual,
            layers=st.builds(lambda a: (Conv2D(filters=channels, kernel=3, activation=a),), activation_choices),
            activation=activation_choices,
        ),
    )


@cache
def heads_for(kind):
    """Every task, loss and output activation for which there are data of that kind."""
    layer = {"images": "conv2d", "names": "embedding", "rows": "dense"}[kind]
    return sorted({combination[2:] for combination in offered() if combination.layer == layer})


@st.composite
def random_networks(draw):
    """An experiment and the rows that its network takes: ``(experiment, inputs)``."""
    kind = draw(st.sampled_from(["rows", "rows", "images", "names"]))
    if kind == "images":
        inputs = Inputs(0, (draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(st.integers(1, 3))))
        inputs = Inputs(inputs.image[0] * inputs.image[1] * inputs.image[2], inputs.image)
        layers, channels = [], inputs.image[2]
        for _ in range(draw(st.integers(0, 4))):
            layers.append(draw(image_layers(channels)))
            channels = getattr(layers[-1], "filters", channels)
        layers += [Flatten(), *draw(rows_of_layers(0, 2))]
    elif kind == "names":
        inputs = Inputs(2, categories=(draw(st.integers(1, 6)), draw(st.integers(1, 6))))
        units = draw(st.integers(1, 4))
        layers = [Embedding(units=units), *draw(rows_of_layers(2 * units, 3))]
    else:
        inputs = Inputs(draw(st.integers(1, 12)))
        layers = draw(rows_of_layers(inputs.width, 4))
    task, loss, output = draw(st.sampled_from(heads_for(kind)))
    if LOSSES[loss].spec is not None and draw(st.booleans()):
        loss = LOSSES[loss].spec(delta=draw(st.sampled_from([0.3, 2.0])))
    try:
        experiment = make_experiment(
            task, loss, output=output, layers=tuple(layers), source=sources_of(task, inputs), seed=draw(st.integers(0, 9))
        )
        build_plan(experiment, inputs, 1)
    except ExperimentError:
        # A window that is too large for what is left of the image.
        reject()
    return experiment, inputs
