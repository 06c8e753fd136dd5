"""Why a run goes wrong: where the first number broke and why, and which layers stopped learning before it does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playground.arrays import Array
from playground.catalog import activations
from playground.data.preprocessing import PreparedData
from playground.kernels.state import POSITION, Trace
from playground.network import table
from playground.network.plan import Plan, Stage
from playground.training.compute import Compute
from playground.training.run import RunInfo
from playground.words import tr

# Rows that are looked at to find layers that don't learn.
SAMPLE = 256
# A slope below this share of the steepest one counts as flat.
FLAT = 0.05
# Inputs this many deviations out, in a batch where the others aren't, are taken for a mistake in the data.
FAR_OUT = 1e3
# Weights this large come from steps that were too long.
HUGE = 1e4
# From this share of flat answers on, a layer is reported.
SATURATED = 0.75
# Gradients (root mean square over a layer's parameters): larger than this, or this share of those of a layer behind.
EXPLODED, VANISHED = 1e3, 1e-4
# Numbers of a gradient that are looked at together, so that no copy of all of them is made.
AT_ONCE = 1 << 13
_ACTIVATION_BY_CODE = {record.code: record for record in activations.ACTIVATIONS.values()}


@dataclass(frozen=True)
class Trouble:
    """Where a run broke.

    Parameters
    ----------
    what
        ``input``, ``activation``, ``loss`` or ``gradient``: what was the first to be infinite or no number.
    layer, parameter
        Names such as ``layers.1`` and ``layers.1.weight``; empty where there is none. A loss is the output layer's.
    epoch, batch
        Counted from 1.
    row
        Row of the data set that it came from, counted from 1; 0 where it is no single row's fault.
    cause
        The likely reason, one sentence.
    rate
        The learning rate to go on with; 0 where the first weights were no good already.
    targets
        Whether it is for the size of the targets.
    """

    what: str
    layer: str
    parameter: str
    epoch: int
    batch: int
    row: int
    cause: str
    rate: float
    targets: bool = False

    @property
    def sentence(self) -> str:
        """All of it for people, with the mend."""
        place = tr(" of {place}").format(place=self.parameter or self.layer) if self.parameter or self.layer else ""
        words = {
            "input": tr("An input was no finite number"),
            "activation": tr("A value{place} stopped being a finite number").format(place=place),
            "loss": tr("The loss stopped being a finite number"),
            "gradient": tr("The gradient{place} stopped being a finite number").format(place=place),
        }[self.what]
        if self.row:
            mend = tr("Correct or remove row {row} of the data.").format(row=self.row)
        elif self.targets:
            mend = tr("Standardize the data, or give the targets in larger units.")
        elif self.rate:
            mend = tr("Go back to the last good weights with a learning rate of {rate:g}.").format(rate=self.rate)
        else:
            mend = tr("Start with smaller weights, or standardize the inputs.")
        return tr("{words} in epoch {epoch}, batch {batch}: {cause} {mend}").format(
            words=words, epoch=self.epoch, batch=self.batch, cause=self.cause, mend=mend
        )


def find_trouble(run: RunInfo, compute: Compute, trained: bool) -> Trouble:
    """Name what was the first to break in the batch at which a run stopped, before its weights are put back.

    Parameters
    ----------
    trained
        Whether there were good weights before.
    """
    state, data, plan = compute.state, run.data, run.plan
    start = int(state.counters[POSITION])
    rows = state.order[start : start + state.batch_size]
    inputs, targets = data.train_inputs[rows], run.training_targets[rows]
    weights = state.weights[rows] if state.weights.size else None
    trace = compute.trace(inputs, targets, weights)
    what, layer, parameter = _first_broken(plan, inputs, trace)
    row = _bad_row(data, run.training_targets, rows)
    rate = run.experiment.training.optimizer.learning_rate
    # First weights that are huge themselves need no targets to break.
    moved = trained or state.step > state.moments_start
    others = row or what == "input" or not (moved or np.abs(compute.parameters).max(initial=0.0) <= HUGE)
    reach = 0.0 if others else _reach_of_huge_targets(data.train_inputs, run.training_targets)
    return Trouble(
        what=what,
        layer=layer,
        parameter=parameter,
        epoch=int(compute.state.epoch) + 1,
        batch=start // state.batch_size + 1,
        row=row,
        cause=_cause(plan, compute.parameters, what, row, rate, trained, reach),
        rate=rate / 10 if trained else 0.0,
        targets=reach > 0,
    )


def _first_broken(plan: Plan, inputs: Array, trace: Trace) -> tuple[str, str, str]:
    """What, in which layer, of which parameter, in the order in which a step computes: forward, loss, backward."""
    if not np.isfinite(inputs).all():
        return "input", "", ""
    for row in plan.instructions[:-1]:
        values = trace.values.get(int(row[table.OUTPUT]))
        if not row[table.FUSED] and values is not None and not np.isfinite(values).all():
            return "activation", layer_of(plan, row), ""
    last = plan.instructions[-1]
    slope = trace.deltas.get(int(last[table.OUTPUT] if last[table.FUSED] else last[table.INPUT]))
    if slope is None or not np.isfinite(slope).all():
        return "loss", plan.parameters[-1].layer, ""
    for row in plan.instructions[-2::-1]:
        for view in plan.parameters:
            if view.layer == layer_of(plan, row) and not np.isfinite(view.of(trace.gradients)).all():
                return "gradient", view.layer, view.name
    return "loss", plan.parameters[-1].layer, ""


def layer_of(plan: Plan, row: Array) -> str:
    """Name of the layer that an instruction belongs to: the first stage that ends at or after its result."""
    index = next(i for i, other in enumerate(plan.instructions) if other is row or np.array_equal(other, row))
    ends = {stage.region.unit: stage for stage in plan.stages}
    for later in plan.instructions[index:]:
        stage = ends.get(int(later[table.OUTPUT]))
        if stage is not None:
            return _parameter_layer(plan, stage)
    return _parameter_layer(plan, plan.stages[-1])


def _parameter_layer(plan: Plan, stage: Stage) -> str:
    """The name that a stage's parameters carry; the output layer is the last of the layers."""
    return plan.parameters[-1].layer if stage.kind == "outputs" else stage.name


def _bad_row(data: PreparedData, targets: Array, batch: Array) -> int:
    """The one row of the data set, counted from 1, with a value that is no number or far from all others; 0 if none is.

    A row of the batch that broke comes first, but one of an earlier batch may have ruined the weights.
    """
    for rows in (batch, np.arange(len(data.train_rows))):
        for values in (data.train_inputs[rows], targets[rows]):
            index = _odd_one(values)
            if index >= 0:
                return int(data.train_rows[rows[index]]) + 1
    return 0


def _odd_one(inputs: Array) -> int:
    """Index of the row that is no number, or far from all others; −1 if there is none."""
    broken = ~np.isfinite(inputs).all(axis=1)
    if broken.any():
        return int(broken.argmax())
    size = np.abs(inputs).max(axis=1)
    largest = int(size.argmax())
    others = np.delete(size, largest)
    lonely = not len(others) or size[largest] > FAR_OUT * max(1.0, float(np.median(others)))
    return largest if size[largest] > FAR_OUT and lonely else -1


def _reach_of_huge_targets(inputs: Array, targets: Array) -> float:
    """How far the targets reach where that is far beyond what weights make of the inputs at first; else 0."""
    reach = float(np.abs(targets).max(initial=0.0))
    return reach if reach > HUGE * max(1.0, float(np.abs(inputs).max(initial=0.0))) else 0.0


def _cause(plan: Plan, parameters: Array, what: str, row: int, rate: float, trained: bool, reach: float) -> str:
    if row:
        return tr("one row of the data holds a value far beyond all others, or one that is no number.")
    if reach:
        return tr("the targets reach {reach:.2g}, far beyond what the network can answer at first.").format(reach=reach)
    weights = [view for view in plan.parameters if view.decays]
    with np.errstate(all="ignore"):
        sizes = {view.name: float(np.abs(view.of(parameters)).max()) for view in weights}
    name, size = max(sizes.items(), key=lambda item: item[1] if np.isfinite(item[1]) else np.inf)
    if not trained:
        return tr("the first weights and inputs are too large ({name} goes up to {size:.2g}).").format(name=name, size=size)
    if not size <= HUGE:
        return tr("the steps were too large: {name} has grown to {size:.2g} at a learning rate of {rate:g}.").format(
            name=name, size=size, rate=rate
        )
    if what == "gradient":
        return tr("slopes multiplied from layer to layer beyond what a number can hold, at a learning rate of {rate:g}.").format(
            rate=rate
        )
    return tr("the outputs grew beyond what a number can hold, at a learning rate of {rate:g}.").format(rate=rate)


@dataclass(frozen=True)
class LayerHealth:
    """How well a layer learns at the moment.

    Parameters
    ----------
    name
        The stage's name: ``layers.0``, ``outputs``.
    dead
        Neurons (filters of an image) that give every row the same answer, with a slope of 0.
    units
        How many neurons (filters) there are.
    saturated
        Share of the answers where the activation is nearly flat, 0 … 1.
    gradient_size
        Length of the gradient of the layer's parameters; NaN where it has none.
    gradient_noise
        How much it differs from batch to batch, in shares of its length: above 1, chance is stronger than direction.
    words
        One sentence with the mend where something is wrong, else empty.
    """

    name: str
    dead: int
    units: int
    saturated: float
    gradient_size: float
    gradient_noise: float
    words: str


def measure_health(run: RunInfo, compute: Compute) -> tuple[LayerHealth, ...]:
    """How each stage of the network learns, the inputs left out; measured on a sample of the training rows."""
    plan = run.plan
    inputs = run.data.train_inputs
    rows = np.linspace(0, len(inputs) - 1, min(SAMPLE, len(inputs))).astype(np.int64)
    values = compute.activations(inputs[rows])
    gradients = dict(zip(gradient_layers(plan), gradient_statistics(run, compute), strict=True))
    learning = {name: _count(plan, name) for name in gradients if _count(plan, name)}
    sizes = {name: gradients[name][0] / np.sqrt(count) for name, count in learning.items()}
    # Gradients fade on their way back: a layer's is compared with those of the layers behind it.
    names = list(sizes)
    behind = {name: max((sizes[other] for other in names[i + 1 :]), default=0.0) for i, name in enumerate(names)}
    found = []
    for stage, answers in zip(plan.stages[1:], values[1:], strict=True):
        name = _parameter_layer(plan, stage)
        dead, saturated = _slopes(plan, stage, answers)
        size, noise = gradients.get(name, (float("nan"), float("nan")))
        words = _words(stage, dead, saturated, sizes.get(name), behind.get(name, 0.0))
        found.append(LayerHealth(stage.name, dead, stage.region.shape[-1], saturated, size, noise, words))
    return tuple(found)


def gradient_layers(plan: Plan) -> list[str]:
    """Names of the layers with parameters, frozen ones too, first to last."""
    return list(dict.fromkeys(view.layer for view in plan.parameters if not view.is_statistic))


def gradient_statistics(run: RunInfo, compute: Compute) -> list[tuple[float, float]]:
    """Size and noise of the gradient of each of `gradient_layers`, from two batches of training rows; NaN for frozen ones.

    The size is the length of the mean of the two, the noise the length of half their difference over it (S. McCandlish
    et al.: An Empirical Model of Large-Batch Training, 2018, section 2, with two batches).
    """
    state, plan = compute.state, run.plan
    inputs, targets = run.data.train_inputs, run.training_targets
    count = max(1, min(state.batch_size, len(inputs) // 2))
    measured = []
    with np.errstate(all="ignore"):
        for part in (0, 1):
            # Rows at equal distances, none in both.
            rows = (np.arange(count) * len(inputs) // count + part * (len(inputs) // (2 * count))) % len(inputs)
            weights = state.weights[rows] if state.weights.size else None
            gradients = compute.gradients(inputs[rows], targets[rows], weights)
            # The second one stays where it is until the next call.
            measured.append(gradients if part else gradients.copy())
        found = []
        for name in gradient_layers(plan):
            views = [view for view in plan.parameters if view.layer == name and view.trainable]
            if not views:
                found.append((float("nan"), float("nan")))
                continue
            parts = [_mean_and_half(*(view.of(gradients).reshape(-1) for gradients in measured)) for view in views]
            size, spread = (float(np.sqrt(sum(squares))) for squares in zip(*parts, strict=True))
            found.append((size, spread / size if size else 0.0))
    return found


def _mean_and_half(one: Array, other: Array) -> tuple[float, float]:
    """Sums of the squares of the mean of two gradients, and of half their difference; some numbers at a time."""
    mean = half = 0.0
    for start in range(0, len(one), AT_ONCE):
        a, b = (gradient[start : start + AT_ONCE].astype(np.float64) for gradient in (one, other))
        mean += float((((a + b) / 2) ** 2).sum())
        half += float((((a - b) / 2) ** 2).sum())
    return mean, half


def _count(plan: Plan, layer: str) -> int:
    return sum(view.size for view in plan.parameters if view.layer == layer and view.trainable)


def _slopes(plan: Plan, stage: Stage, answers: Array) -> tuple[int, float]:
    """Dead neurons of a stage, and the share of its answers where the activation is nearly flat."""
    row = next((index for index, row in enumerate(plan.instructions[:-1]) if row[table.OUTPUT] == stage.region.unit), None)
    if row is None or stage.kind == "outputs":
        return 0, 0.0
    record = _ACTIVATION_BY_CODE[int(plan.instructions[row, table.CODE])]
    operation = plan.instructions[row, table.OPERATION]
    if operation not in (table.DENSE, table.CONVOLUTION, table.ACTIVATION) or record.array_slope is None:
        return 0, 0.0
    if record.keeps_sum or record.name == "identity":
        return 0, 0.0
    a = answers.astype(np.float64)
    slope = np.abs(record.array_slope(a, a, float(plan.settings[row, table.SETTING])))
    channels = stage.region.shape[-1]
    slopes, a = slope.reshape(-1, channels), a.reshape(-1, channels)
    dead = int(((slopes == 0) & (a == a[0])).all(axis=0).sum())
    steepest = 0.25 if record.name == "sigmoid" else 1.0
    bounded = np.isfinite(record.range).all()
    return dead, float((slope < FLAT * steepest).mean()) if bounded else 0.0


def _words(stage: Stage, dead: int, saturated: float, size: float | None, behind: float) -> str:
    neurons = stage.region.shape[-1]
    what = tr("filters") if len(stage.region.shape) == 3 else tr("neurons")
    if saturated > SATURATED:
        return tr(
            "{saturated:.0%} of the answers lie where the activation is flat, so little is learned; "
            "try ReLU, smaller weights or standardized inputs."
        ).format(saturated=saturated)
    if dead:
        return tr(
            "{dead} of {neurons} {what} are dead: they give every row the same answer and no longer learn; "
            "try leaky ReLU, He weights or a smaller rate."
        ).format(dead=dead, neurons=neurons, what=what)
    if size is not None:
        if not np.isfinite(size) or size > EXPLODED:
            return tr("The gradient explodes here; clip it, or take a smaller rate.")
        if size < VANISHED * behind:
            return tr("The gradient has all but vanished here; try ReLU, BatchNorm, Residual, or fewer layers.")
    return ""
