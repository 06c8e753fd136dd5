"""The specs: one frozen value that says everything that is to be trained, and what each of its fields may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, Union

import msgspec

from playground.catalog.datasets import BUNDLED, SYNTHETIC
from playground.catalog.features import FEATURES
from playground.catalog.initializers import INITIALIZERS
from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS, Adam, Optimizer
from playground.catalog.schedules import SCHEDULES, Constant, Schedule
from playground.catalog.tasks import TASKS
from playground.network.layers import AnyLayer, Dense, OutputActivationChoice
from playground.words import tr

_INITIALIZER_SPECS = tuple(record.spec for record in INITIALIZERS.values() if record.spec is not None)
_LOSS_SPECS = tuple(record.spec for record in LOSSES.values() if record.spec is not None)
# A choice with numbers that have no default can't stand as a bare name.
_NAMED_INITIALIZERS = tuple(name for name, record in INITIALIZERS.items() if name != "from_file")

if TYPE_CHECKING:
    InitializerChoice = str | msgspec.Struct
    LossChoice = str | msgspec.Struct
    OptimizerChoice = Optimizer
    ScheduleChoice = Schedule
    TaskName = str
    SyntheticName = str
    BundledName = str
    FeatureName = str
else:
    InitializerChoice = Union[(Literal[_NAMED_INITIALIZERS], *_INITIALIZER_SPECS)]
    LossChoice = Union[(Literal[tuple(LOSSES)], *_LOSS_SPECS)]
    OptimizerChoice = Union[tuple(record.spec for record in OPTIMIZERS.values())]  # noqa: UP007
    ScheduleChoice = Union[tuple(record.spec for record in SCHEDULES.values())]  # noqa: UP007
    TaskName = Literal[tuple(TASKS)]
    SyntheticName = Literal[tuple(SYNTHETIC)]
    BundledName = Literal[tuple(BUNDLED)]
    FeatureName = Literal[tuple(FEATURES)]

Seed = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
ClassWeight = Annotated[float, msgspec.Meta(gt=0, le=1e6)]


# Of the files that this program writes; it grows when older programs could no longer read them rightly.
VERSION: Final = 1


class ExperimentError(ValueError):
    """An experiment that can't be; the message names the field and says what would be right."""


class NewerVersionError(ExperimentError):
    """An experiment of a program that came after this one, which therefore can't know what it means."""

    def __init__(self, version: int) -> None:
        super().__init__(
            tr(
                "it was made by a newer version of Neural Playground: it has version {version}, and this program reads files up "
                "to version {known}; update Neural Playground to open it."
            ).format(version=version, known=VERSION)
        )


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all specs: frozen, and strict about unknown fields."""


class SyntheticSource(Spec, frozen=True, kw_only=True, tag_field="type", tag="synthetic"):
    """Points in the plane, drawn by a rule."""

    name: SyntheticName
    samples: Annotated[int, msgspec.Meta(ge=10, le=100_000, description=tr("How many points are drawn."))] = 500
    noise: Annotated[float, msgspec.Meta(ge=0, le=100, description=tr("How much chance is mixed in, in percent."))] = 0.0


class BundledSource(Spec, frozen=True, kw_only=True, tag_field="type", tag="bundled"):
    """A data set that comes with the program."""

    name: BundledName


class FileSource(Spec, frozen=True, kw_only=True, tag_field="type", tag="file"):
    """A table in a file: a header, a row per example, a column or more to predict."""

    path: Annotated[str, msgspec.Meta(min_length=1, description=tr("The table's file."))]
    targets: Annotated[tuple[str, ...], msgspec.Meta(description=tr("Columns to predict; none means the last."))] = ()
    ignore: Annotated[tuple[str, ...], msgspec.Meta(description=tr("Columns to leave out."))] = ()


class DataSpec(Spec, frozen=True, kw_only=True):
    """What is learned from."""

    source: SyntheticSource | BundledSource | FileSource
    features: Annotated[
        tuple[FeatureName, ...], msgspec.Meta(min_length=1, description=tr("Inputs computed from a point of the plane."))
    ] = ("x1", "x2")
    test_fraction: Annotated[
        float, msgspec.Meta(ge=0, le=0.9, description=tr("Share of the rows kept back to test on; never trained on."))
    ] = 0.3
    validation_fraction: Annotated[
        float,
        msgspec.Meta(
            ge=0, le=0.9, description=tr("Share of the other rows kept back to decide when to stop, so that the test stays fair.")
        ),
    ] = 0.0
    standardize: Annotated[
        bool, msgspec.Meta(description=tr("Shift and scale each input (and regression target) to mean 0, deviation 1."))
    ] = True
    seed: Annotated[Seed, msgspec.Meta(description=tr("Draws synthetic points and the split into training and test."))] = 0


class NetworkSpec(Spec, frozen=True, kw_only=True):
    """What learns: the hidden layers; the output layer follows from task and data."""

    layers: Annotated[tuple[AnyLayer, ...], msgspec.Meta(max_length=64, description=tr("The hidden layers, first to last."))] = (
        Dense(units=8),
    )
    initializer: InitializerChoice = "glorot_uniform"
    bias: Annotated[float, msgspec.Meta(ge=-100, le=100, description=tr("Every bias at the start."))] = 0.0
    output_activation: OutputActivationChoice | None = None
    seed: Annotated[Seed, msgspec.Meta(description=tr("Draws the initial weights."))] = 0


class EarlyStopping(Spec, frozen=True, kw_only=True):
    """Stop when the validation loss no longer falls, and go back to the weights with the lowest."""

    patience: Annotated[int, msgspec.Meta(ge=1, le=100_000, description=tr("Epochs without a lower loss until it stops."))] = 10
    min_delta: Annotated[float, msgspec.Meta(ge=0, le=1000, description=tr("How much lower counts as lower."))] = 0.0


class TrainingSpec(Spec, frozen=True, kw_only=True):
    """How it learns."""

    task: TaskName
    loss: LossChoice
    optimizer: OptimizerChoice = Adam()
    schedule: ScheduleChoice = Constant()
    l1: Annotated[float, msgspec.Meta(ge=0, le=10, description=tr("Pulls weights to exactly zero; acts on weights only."))] = 0.0
    l2: Annotated[float, msgspec.Meta(ge=0, le=10, description=tr("Keeps weights small; acts on weights only."))] = 0.0
    weight_decay: Annotated[
        float,
        msgspec.Meta(
            ge=0, le=10, description=tr("Shrinks weights at each step, apart from the gradient; unlike L2, not rescaled.")
        ),
    ] = 0.0
    clip_norm: Annotated[
        float,
        msgspec.Meta(ge=0, le=1e6, description=tr("Longest gradient of all parameters together; longer ones shrink. 0: off.")),
    ] = 0.0
    clip_value: Annotated[
        float, msgspec.Meta(ge=0, le=1e6, description=tr("Largest slope of a single parameter; larger ones are cut. 0: off."))
    ] = 0.0
    class_weights: Annotated[
        Literal["balanced"] | tuple[ClassWeight, ...] | None,
        msgspec.Meta(description=tr("How much rows of each class count; balanced: rare classes as much as common ones.")),
    ] = None
    label_smoothing: Annotated[
        float, msgspec.Meta(ge=0, le=0.9, description=tr("Share of each target spread over all classes, against overconfidence."))
    ] = 0.0
    early_stopping: EarlyStopping | None = None
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=65_536, description=tr("Rows per training step."))] = 32
    epochs: Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description=tr("Where training first stops."))] = 100
    seed: Annotated[Seed, msgspec.Meta(description=tr("Shuffles the rows, and draws what dropout drops."))] = 0


class Experiment(Spec, frozen=True, kw_only=True):
    """Everything that is to be trained: data, network and training."""

    version: Literal[1] = VERSION
    name: Annotated[str, msgspec.Meta(max_length=200, description=tr("A name for people."))] = "Untitled"
    data: DataSpec
    network: NetworkSpec
    training: TrainingSpec
