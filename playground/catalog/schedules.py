"""Schedules: how the learning rate changes while training goes on; one block adds one everywhere.

Each is a spec (what an experiment stores) beside a function that gives the factor of the learning rate. It takes the
progress in epochs, the epochs of the whole training, and up to three settings, all as float64, and returns a factor.
Beyond the last epoch the factor stays where it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from playground.catalog.record import Record
from playground.words import tr

Fraction = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """What every schedule's spec is."""


@dataclass(frozen=True)
class ScheduleRecord(Record):
    """A schedule.

    Parameters
    ----------
    spec
        The struct that an experiment stores.
    factor
        ``f(epoch, epochs, s1, s2, s3) -> factor``; ``s1 … s3`` are the spec's fields in order. ``epoch`` counts from 0 and
        moves on within an epoch.
    formula
        The factor, written as in a textbook.
    code
        Number by which compiled code knows it; never stored in a file.
    source
        The paper or book that it is from.
    """

    spec: type[Schedule]
    factor: Callable[..., Any]
    formula: str
    code: int
    source: str


SCHEDULES: dict[str, ScheduleRecord] = {}


def schedule(spec: type[Schedule], **fields: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function under the spec's tag; the fields are those of `ScheduleRecord`."""

    def register(factor: Callable[..., Any]) -> Callable[..., Any]:
        name = str(spec.__struct_config__.tag)
        SCHEDULES[name] = ScheduleRecord(name=name, spec=spec, factor=factor, code=len(SCHEDULES), **fields)
        return factor

    return register


class Constant(Schedule, frozen=True, kw_only=True, tag="constant"):
    """The same rate all the time."""


@schedule(
    Constant,
    title=tr("Constant"),
    description=tr("The same learning rate from the first step to the last."),
    formula="1",
    source="H. Robbins, S. Monro: A Stochastic Approximation Method, 1951",
)
def constant(epoch, epochs, s1, s2, s3):
    return 1.0


class Step(Schedule, frozen=True, kw_only=True, tag="step"):
    """A drop every few epochs."""

    every: Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description=tr("Epochs from one drop to the next."))] = 30
    factor: Annotated[Fraction, msgspec.Meta(description=tr("What the rate is multiplied with at each drop."))] = 0.3


@schedule(
    Step,
    title=tr("Step"),
    description=tr("Drops the rate by a factor every few epochs: long steps first, short ones to settle."),
    formula="factor^⌊epoch / every⌋",
    source="K. He et al.: Deep Residual Learning, 2016, section 3.4",
)
def step(epoch, epochs, s1, s2, s3):
    return s2 ** math.floor(epoch / s1)


class Exponential(Schedule, frozen=True, kw_only=True, tag="exponential"):
    """A little less every epoch."""

    factor: Annotated[Fraction, msgspec.Meta(description=tr("What the rate is multiplied with at the end of each epoch."))] = 0.98


@schedule(
    Exponential,
    title=tr("Exponential"),
    description=tr("Takes the same share off the rate at the end of every epoch."),
    formula="factor^⌊epoch⌋",
    source="I. Goodfellow, Y. Bengio, A. Courville: Deep Learning, 2016, section 8.3.1",
)
def exponential(epoch, epochs, s1, s2, s3):
    return s1 ** math.floor(epoch)


class Cosine(Schedule, frozen=True, kw_only=True, tag="cosine"):
    """Half a wave down."""

    lowest: Annotated[float, msgspec.Meta(ge=0, le=1, description=tr("Share of the rate that is left at the end."))] = 0.0


@schedule(
    Cosine,
    title=tr("Cosine"),
    description=tr("Follows half a cosine from the full rate down to the lowest at the last epoch: slow, fast, slow."),
    formula="lowest + (1 − lowest)·½·(1 + cos(π·epoch / epochs))",
    source="I. Loshchilov, F. Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, equation 5",
)
def cosine(epoch, epochs, s1, s2, s3):
    return s1 + (1.0 - s1) * 0.5 * (1.0 + math.cos(math.pi * min(epoch / epochs, 1.0)))


class OneCycle(Schedule, frozen=True, kw_only=True, tag="one_cycle"):
    """Up, then all the way down."""

    rise: Annotated[float, msgspec.Meta(gt=0, lt=1, description=tr("Share of the training in which the rate rises."))] = 0.3
    start_divisor: Annotated[
        float, msgspec.Meta(ge=1, le=1e6, description=tr("The first rate is the full rate divided by this."))
    ] = 25.0
    end_divisor: Annotated[
        float, msgspec.Meta(ge=1, le=1e9, description=tr("The last rate is the first rate divided by this."))
    ] = 10_000.0


@schedule(
    OneCycle,
    title=tr("One cycle"),
    description=tr(
        "Rises from a small rate to the full one, then falls to almost nothing: allows rates that would fail at once."
    ),
    formula="cosine from 1/start to 1, then from 1 to 1/(start·end)",
    source="L. Smith, N. Topin: Super-Convergence, 2018, with cosine pieces as in torch.optim.lr_scheduler.OneCycleLR",
)
def one_cycle(epoch, epochs, s1, s2, s3):
    progress = min(epoch / epochs, 1.0)
    first, last = 1.0 / s2, 1.0 / (s2 * s3)
    if progress < s1:
        return first + (1.0 - first) * 0.5 * (1.0 - math.cos(math.pi * progress / s1))
    return last + (1.0 - last) * 0.5 * (1.0 + math.cos(math.pi * (progress - s1) / (1.0 - s1)))


class WarmUp(Schedule, frozen=True, kw_only=True, tag="warm_up"):
    """A gentle start."""

    warm_up_epochs: Annotated[float, msgspec.Meta(gt=0, le=1e6, description=tr("Epochs until the full rate is reached."))] = 5.0
    start: Annotated[float, msgspec.Meta(ge=0, le=1, description=tr("Share of the rate at the first step."))] = 0.1


@schedule(
    WarmUp,
    title=tr("Warm-up"),
    description=tr(
        "Rises in a straight line from a part of the rate to all of it, then stays: spares fresh weights large steps."
    ),
    formula="start + (1 − start)·min(1, epoch / warm-up epochs)",
    source="P. Goyal et al.: Accurate, Large Minibatch SGD, 2017, section 2.2",
)
def warm_up(epoch, epochs, s1, s2, s3):
    return s2 + (1.0 - s2) * min(1.0, epoch / s1)


CONSTANT = SCHEDULES["constant"].code


def record_of(spec: Schedule) -> ScheduleRecord:
    """The record of a schedule as an experiment holds it."""
    return SCHEDULES[str(spec.__struct_config__.tag)]


def settings_of(spec: Schedule) -> list[float]:
    """The three numbers the factor takes: the spec's fields in order, filled with 0."""
    values = [float(getattr(spec, field)) for field in spec.__struct_fields__]
    return values + [0.0] * (3 - len(values))
