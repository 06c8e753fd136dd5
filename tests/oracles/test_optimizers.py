"""Fifty steps of every optimizer, schedule and regularizer against torch.optim: same data, weights and batches."""

import numpy as np
import pytest
from oracle import (
    BACKENDS,
    DIGITS,
    TorchNetwork,
    drop_masks,
    load_backend,
    make_experiment,
    needs,
    optional,
    prepare,
    random_batch,
)
from replay import batches, trained

from playground.catalog import optimizers, schedules
from playground.data import preprocessing
from playground.data.weighting import row_weights, training_targets
from playground.experiment import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    BatchNorm,
    BundledSource,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Inputs,
    LayerNorm,
    MaxPool2D,
    Momentum,
    Nesterov,
    Residual,
    RMSprop,
    build_plan,
    initial_parameters,
)

torch = optional("torch")
pytestmark = [pytest.mark.compile, pytest.mark.torch, needs("torch")]

STEPS, ROWS, BATCH = 50, 38, 8
EPOCHS = 10
EPOCH_STEPS = 5
TOLERANCE = {"reference": 1e-7, "cpu": 1e-4}

OPTIMIZERS = {
    "sgd": SGD(learning_rate=0.1),
    "momentum": Momentum(learning_rate=0.05, momentum=0.8),
    "nesterov": Nesterov(learning_rate=0.05, momentum=0.8),
    "adagrad": Adagrad(learning_rate=0.05, epsilon=1e-8),
    "rmsprop": RMSprop(learning_rate=0.005, decay=0.95),
    "rmsprop with momentum": RMSprop(learning_rate=0.002, decay=0.95, momentum=0.7),
    "adam": Adam(learning_rate=0.02, beta1=0.8, beta2=0.99),
    "adamw": AdamW(learning_rate=0.02, beta1=0.85, weight_decay=0.1),
}
SCHEDULES = {
    "constant": schedules.Constant(),
    "step": schedules.Step(every=3, factor=0.4),
    "exponential": schedules.Exponential(factor=0.8),
    "cosine": schedules.Cosine(lowest=0.1),
    "one_cycle": schedules.OneCycle(rise=0.3, start_divisor=10.0, end_divisor=100.0),
    "warm_up": schedules.WarmUp(warm_up_epochs=4.0, start=0.2),
}


def torch_optimizer(spec, groups):
    """The optimizer of `torch.optim` that an experiment's spec names."""
    rate = spec.learning_rate
    if isinstance(spec, (Momentum, Nesterov)):
        return torch.optim.SGD(groups, rate, momentum=spec.momentum, nesterov=isinstance(spec, Nesterov))
    if isinstance(spec, SGD):
        return torch.optim.SGD(groups, rate)
    if isinstance(spec, Adagrad):
        return torch.optim.Adagrad(groups, rate, eps=spec.epsilon)
    if isinstance(spec, RMSprop):
        return torch.optim.RMSprop(groups, rate, alpha=spec.decay, eps=spec.epsilon, momentum=spec.momentum)
    kind = torch.optim.AdamW if isinstance(spec, AdamW) else torch.optim.Adam
    return kind(groups, rate, betas=(spec.beta1, spec.beta2), eps=spec.epsilon)


def torch_schedule(spec, optimizer, rate, steps):
    """The scheduler, and whether it moves on at every step (else at the end of an epoch)."""
    kinds = torch.optim.lr_scheduler
    if isinstance(spec, schedules.Step):
        return kinds.StepLR(optimizer, spec.every, spec.factor), False
    if isinstance(spec, schedules.Exponential):
        return kinds.ExponentialLR(optimizer, spec.factor), False
    if isinstance(spec, schedules.Cosine):
        return kinds.CosineAnnealingLR(optimizer, steps, spec.lowest * rate), True
    if isinstance(spec, schedules.OneCycle):
        # torch's first rate is step 0 and its last one step total − 1, and its peak lies at share · total − 1.
        total = steps + 1
        shape = {"pct_start": (spec.rise * steps + 1) / total, "div_factor": spec.start_divisor}
        return kinds.OneCycleLR(optimizer, rate, total, final_div_factor=spec.end_divisor, cycle_momentum=False, **shape), True
    if isinstance(spec, schedules.WarmUp):
        return kinds.LinearLR(optimizer, spec.start, 1.0, round(spec.warm_up_epochs * EPOCH_STEPS)), True
    return kinds.ConstantLR(optimizer, 1.0), False


def torch_run(experiment, plan, parameters, inputs, x, t, loss_of=None):
    """The same run by torch: every parameter by name, and the mean loss over all rows seen.

    Parameters
    ----------
    loss_of
        ``f(logits, rows) -> loss`` where the experiment's own loss shall not be rebuilt.
    """
    training = experiment.training
    network = TorchNetwork(experiment, plan, parameters, inputs)
    decays = {view.name for view in plan.parameters if view.decays}
    weights = [tensor for name, tensor in network.tensors.items() if name in decays and tensor.requires_grad]
    others = [tensor for name, tensor in network.tensors.items() if name not in decays and tensor.requires_grad]
    spec = training.optimizer
    # torch's weight_decay is added to the gradient, as L2, except for AdamW.
    decay = optimizers.weight_decay_of(spec) if isinstance(spec, AdamW) else training.l2
    optimizer = torch_optimizer(spec, [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}])
    schedule, every_step = torch_schedule(training.schedule, optimizer, spec.learning_rate, training.epochs * EPOCH_STEPS)
    tx, tt = (torch.tensor(values.astype(np.float64)) for values in (x, t))
    total = seen = 0
    for step, rows in enumerate(batches(training.seed, len(x), training.batch_size, STEPS)):
        optimizer.zero_grad()
        masks = drop_masks(plan, training.seed, step, len(rows))
        if loss_of:
            loss = loss_of(network.logits(tx[rows], masks=masks), rows)
        else:
            loss = network.loss(tx[rows], tt[rows], masks=masks)
        total, seen = total + loss.item() * len(rows), seen + len(rows)
        if training.l1:
            loss = loss + training.l1 * sum(weight.abs().sum() for weight in weights)
        loss.backward()
        if training.clip_value:
            torch.nn.utils.clip_grad_value_([*weights, *others], training.clip_value)
        if training.clip_norm:
            torch.nn.utils.clip_grad_norm_([*weights, *others], training.clip_norm)
        optimizer.step()
        if every_step or (step + 1) % EPOCH_STEPS == 0:
            schedule.step()
    return {name: tensor.detach().numpy() for name, tensor in network.tensors.items()}, total / seen


def assert_tracks(backend, experiment, inputs, data=None, weights=None, loss_of=None, parameters=None, tolerance=None):
    """Parameters and running statistics after fifty steps, and the mean loss on the way."""
    plan, drawn = prepare(experiment, inputs) if parameters is None else (build_plan(experiment, inputs, data[1].shape[1]), None)
    parameters = drawn if parameters is None else parameters
    x, t = random_batch(experiment, ROWS, inputs) if data is None else data
    state, loss = trained(backend, plan, experiment.training, parameters, x, t, STEPS, weights)
    expected, expected_loss = torch_run(experiment, plan, parameters, inputs, x, t, loss_of)
    tolerance = tolerance or TOLERANCE[backend.NAME]
    assert loss == pytest.approx(expected_loss, rel=tolerance, abs=tolerance)
    for view in plan.parameters:
        if view.trainable:
            assert not np.array_equal(view.of(state.parameters), view.of(parameters)), f"{view.name} must move"
        np.testing.assert_allclose(
            view.of(state.parameters), expected[view.name], rtol=tolerance, atol=tolerance, err_msg=view.name
        )


def run_of(layers=None, **training):
    """An experiment of fifty steps with a short last batch."""
    fields = {"batch_size": BATCH, "epochs": EPOCHS, "seed": 3, "optimizer": SGD(learning_rate=0.1)} | training
    return make_experiment("multiclass", layers=layers, **fields)


@pytest.fixture(params=BACKENDS)
def backend(request):
    return load_backend(request.param)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(backend, name):
    assert_tracks(backend, run_of(optimizer=OPTIMIZERS[name]), 4)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_schedules(backend, name, optimizer):
    assert_tracks(backend, run_of(optimizer=OPTIMIZERS[optimizer], schedule=SCHEDULES[name]), 4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("regularizer", [{"l2": 0.05}, {"l1": 0.01}, {"clip_norm": 0.2}, {"clip_value": 0.02}], ids=str)
def test_penalties_and_clipping(backend, regularizer, optimizer):
    if "l2" in regularizer and optimizer == "adamw":
        pytest.skip("torch's AdamW has no L2 apart from its own decay; `test_weight_decay` has both sides of it")
    assert_tracks(backend, run_of(optimizer=OPTIMIZERS[optimizer], **regularizer), 4)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_weight_decay(backend, schedule):
    """Adam with weight decay is torch's AdamW; so is AdamW with a part of the decay in each place."""
    fields = {"learning_rate": 0.02, "beta1": 0.85}
    inputs = 4
    plan, parameters = prepare(run_of(), inputs)
    x, t = random_batch(run_of(), ROWS, inputs)
    oracle = run_of(optimizer=AdamW(weight_decay=0.1, **fields), schedule=SCHEDULES[schedule])
    expected, _ = torch_run(oracle, plan, parameters, inputs, x, t)
    for optimizer, decay in ((Adam(**fields), 0.1), (AdamW(weight_decay=0.03, **fields), 0.07)):
        experiment = run_of(optimizer=optimizer, schedule=SCHEDULES[schedule], weight_decay=decay)
        state, _ = trained(backend, plan, experiment.training, parameters, x, t, STEPS)
        for view in plan.parameters:
            tolerance = TOLERANCE[backend.NAME]
            np.testing.assert_allclose(
                view.of(state.parameters), expected[view.name], rtol=tolerance, atol=tolerance, err_msg=view.name
            )


def test_weight_decay_of_plain_steps_is_l2(backend):
    """Without momentum the two are the same: w − η·(g + λ·w) = (1 − η·λ)·w − η·g."""
    plan, parameters = prepare(run_of(), 4)
    x, t = random_batch(run_of(), ROWS, 4)
    expected, _ = torch_run(run_of(l2=0.05), plan, parameters, 4, x, t)
    state, _ = trained(backend, plan, run_of(weight_decay=0.05).training, parameters, x, t, STEPS)
    for view in plan.parameters:
        np.testing.assert_allclose(view.of(state.parameters), expected[view.name], rtol=1e-4, atol=TOLERANCE[backend.NAME])


REGULARIZING_LAYERS = {
    "dropout": (Dense(units=12, activation="tanh"), Dropout(rate=0.3), Dense(units=6, activation="tanh"), Dropout(rate=0.5)),
    # After a bend that isn't ReLU. Straight after weighted sums, the slope at their biases is 0, and Adam makes whole steps of
    # the rounding; a ReLU that is on for few rows has nearly no variance, and rounding grows a thousandfold in fifty steps.
    "batch norm": (
        Dense(units=5, activation="tanh"),
        BatchNorm(activation="tanh"),
        Dense(units=4, activation="softsign"),
        BatchNorm(momentum=0.3),
    ),
    "frozen batch norm": (Dense(units=5, activation="tanh"), BatchNorm(trainable=False), Dense(units=4, activation="tanh")),
    "frozen dense": (Dense(units=5, activation="tanh", trainable=False), Dense(units=4, activation="tanh")),
    "layer norm": (Dense(units=5, activation="tanh"), LayerNorm(activation="silu")),
    "residual": (Dense(units=6, activation="tanh"), Residual(layers=(Dense(units=6, activation="gelu"), Dropout(rate=0.2)))),
}


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize("name", REGULARIZING_LAYERS)
def test_layers(backend, name, optimizer):
    assert_tracks(backend, run_of(REGULARIZING_LAYERS[name], optimizer=OPTIMIZERS[optimizer]), 4)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_a_convolutional_network(backend, optimizer):
    layers = (
        Conv2D(filters=4, activation="tanh"),
        BatchNorm(activation="silu"),
        MaxPool2D(),
        Conv2D(filters=3, kernel=2, padding="valid", activation="tanh"),
        Flatten(),
        Dropout(rate=0.2),
    )
    experiment = run_of(layers, source=DIGITS, optimizer=OPTIMIZERS[optimizer], l2=0.01, clip_norm=1.0)
    assert_tracks(backend, experiment, Inputs(36, (6, 6, 1)))


def real_run(source, task, **training):
    """An experiment on bundled data with as many steps an epoch as the schedules here expect, and its prepared data."""
    fields = {"epochs": EPOCHS, "seed": 1, "optimizer": Adam(learning_rate=0.01)} | training
    experiment = make_experiment(task, source=BundledSource(name=source), **fields)
    return experiment, preprocessing.prepare(experiment)


@pytest.mark.parametrize("choice", ["balanced", (0.5, 1.0, 4.0)], ids=str)
def test_class_weights(backend, choice):
    experiment, data = real_run("wine", "multiclass", class_weights=choice)
    labels = torch.tensor(data.dataset.targets[data.train_rows, 0].astype(np.int64))
    if choice == "balanced":
        counts = np.bincount(labels)
        choice = len(labels) / (3 * counts)
    of_class = torch.tensor(np.asarray(choice, np.float32).astype(np.float64))
    check_on_real_data(
        backend, experiment, data, lambda logits, rows: torch.nn.functional.cross_entropy(logits, labels[rows], weight=of_class)
    )


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing(backend, smoothing):
    experiment, data = real_run("wine", "multiclass", label_smoothing=smoothing)
    labels = torch.tensor(data.dataset.targets[data.train_rows, 0].astype(np.int64))
    check_on_real_data(
        backend,
        experiment,
        data,
        lambda logits, rows: torch.nn.functional.cross_entropy(logits, labels[rows], label_smoothing=smoothing),
    )


def test_class_weights_and_label_smoothing_of_a_yes_or_no(backend):
    experiment, data = real_run("breast_cancer", "binary", class_weights=(1.0, 3.0), label_smoothing=0.2)
    holds = torch.tensor(data.dataset.targets[data.train_rows])

    def loss_of(logits, rows):
        target, weight = 0.8 * holds[rows] + 0.1, 1.0 + 2.0 * holds[rows]
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, target, weight=weight, reduction="sum") / weight.sum()

    check_on_real_data(backend, experiment, data, loss_of)


def check_on_real_data(backend, experiment, data, loss_of):
    """As `assert_tracks`, with the targets and weights that the program itself makes of the data."""
    inputs = data.preprocessing.network_inputs
    targets, weights = training_targets(experiment, data), row_weights(experiment, data)
    parameters = initial_parameters(experiment, build_plan(experiment, inputs, targets.shape[1]))
    given = (data.train_inputs, targets)
    # The targets are float32.
    tolerance = max(1e-5, TOLERANCE[backend.NAME])
    assert_tracks(backend, experiment, inputs, given, weights, loss_of, parameters, tolerance)


def test_nothing_is_left_out():
    assert {str(type(spec).__struct_config__.tag) for spec in OPTIMIZERS.values()} == set(optimizers.OPTIMIZERS)
    assert set(SCHEDULES) == set(schedules.SCHEDULES)
