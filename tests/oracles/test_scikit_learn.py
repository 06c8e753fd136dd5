"""scikit-learn's MLPClassifier and MLPRegressor, reproduced: same data, initial weights, batches and optimizer, twenty epochs."""

import warnings

import numpy as np
import pytest
from oracle import BACKENDS, load_backend, make_experiment
from replay import batches, trained

from playground.data.preprocessing import prepare
from playground.experiment import SGD, Adam, BundledSource, Momentum, Nesterov, build_plan, initial_parameters

pytestmark = pytest.mark.compile

EPOCHS = 20
TOLERANCE = 1e-3
ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
# Ours, and what scikit-learn calls it.
OPTIMIZERS = {
    "sgd": (SGD(learning_rate=0.1), {"solver": "sgd", "momentum": 0.0}),
    "momentum": (
        Momentum(learning_rate=0.02, momentum=0.9),
        {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
    ),
    "nesterov": (Nesterov(learning_rate=0.02, momentum=0.9), {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True}),
    "adam": (Adam(learning_rate=0.005, beta1=0.85, beta2=0.99), {"solver": "adam", "beta_1": 0.85, "beta_2": 0.99}),
}
DATA = {"binary": "breast_cancer", "multiclass": "wine", "multilabel": "multilabel", "regression": "linnerud"}


def scikit_learn_run(data, task, batch_size, seed, views, parameters, settings):
    """A fitted estimator after twenty epochs of `partial_fit`, each over the rows in the order of our own run.

    Returns
    -------
    estimator
        scikit-learn's.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if task == "regression" else MLPClassifier
    hidden = tuple(view.shape[1] for view in views if view.name.endswith("weight"))[:-1]
    learner = kind(hidden_layer_sizes=hidden, batch_size=batch_size, shuffle=False, random_state=0, **settings)
    x = data.train_inputs.astype(np.float64)
    raw = data.dataset.targets[data.train_rows]
    targets = data.train_targets.astype(np.float64) if task == "regression" else raw if task == "multilabel" else raw[:, 0]
    classes = {} if task == "regression" else {"classes": np.arange(raw.shape[1]) if task == "multilabel" else np.unique(raw)}
    per_epoch = -(-len(x) // batch_size)
    order = batches(seed, len(x), batch_size, EPOCHS * per_epoch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        learner.partial_fit(x, targets, **classes)
        # It can't be given initial weights: put them in place of those it has, and let it forget its steps.
        for kind, own in (("weight", learner.coefs_), ("bias", learner.intercepts_)):
            for layer, view in zip(own, (view for view in views if view.name.endswith(kind)), strict=True):
                layer[:] = view.of(parameters)
        del learner._optimizer
        for epoch in range(EPOCHS):
            rows = np.concatenate(order[epoch * per_epoch : (epoch + 1) * per_epoch])
            learner.partial_fit(x[rows], targets[rows])
    return learner


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("task", DATA)
def test_twenty_epochs(task, optimizer, activation):
    # A processor's rounding may carry a relu over its corner, from where two runs part: that is one seed's bad luck, while a
    # fault shows with each.
    seeds = (5, 6, 7) if activation == "relu" else (5,)
    for seed in seeds:
        try:
            check(task, optimizer, activation, seed=seed)
            break
        except AssertionError as error:
            # In float64 nothing of that kind happens.
            if seed == seeds[-1] or "reference" in str(error):
                raise


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_penalties(optimizer):
    """scikit-learn's alpha is divided by the rows of a batch, so batches must be equal."""
    batch_size = 25
    check("multiclass", optimizer, "tanh", batch_size=batch_size, l2=0.02, alpha=0.02 * batch_size)


def check(task, optimizer, activation, batch_size=10, l2=0.0, alpha=0.0, seed=5):
    """Every backend beside scikit-learn, which is asked once."""
    ours, theirs = OPTIMIZERS[optimizer]
    rate = ours.learning_rate
    # It halves squared errors and sums over outputs; and of several labels, it sums where we take the mean.
    loss = "half_squared_error" if task == "regression" else None
    experiment = make_experiment(
        task,
        loss,
        (7, 5),
        activation,
        source=BundledSource(name=DATA[task]),
        optimizer=ours,
        batch_size=batch_size,
        epochs=EPOCHS,
        l2=l2,
        seed=seed,
    )
    data = prepare(experiment)
    if l2:
        assert len(data.train_rows) % batch_size == 0
    outputs = data.preprocessing.outputs
    if task == "multilabel":
        rate /= outputs if optimizer != "adam" else 1.0
    plan = build_plan(experiment, data.preprocessing.network_inputs, outputs)
    parameters = initial_parameters(experiment, plan)
    settings = {"activation": ACTIVATIONS[activation], "learning_rate_init": rate, "alpha": alpha} | theirs
    expected = scikit_learn_run(data, task, batch_size, experiment.training.seed, plan.parameters, parameters, settings)
    steps = EPOCHS * -(-len(data.train_rows) // batch_size)
    x = data.test_inputs
    if task == "regression":
        predictions = expected.predict(x.astype(np.float64)).reshape(-1, outputs)
    else:
        predictions = expected.predict_proba(x.astype(np.float64))
        predictions = predictions[:, 1:] if task == "binary" else predictions
    for backend in map(load_backend, BACKENDS):
        state, _ = trained(backend, plan, experiment.training, parameters, data.train_inputs, data.train_targets, steps)
        for kind, own in (("weight", expected.coefs_), ("bias", expected.intercepts_)):
            for layer, view in zip(own, (view for view in plan.parameters if view.name.endswith(kind)), strict=True):
                what = f"{view.name}, {backend.NAME}"
                np.testing.assert_allclose(view.of(state.parameters), layer, rtol=TOLERANCE, atol=TOLERANCE, err_msg=what)
        mine = np.zeros((len(x), outputs), np.float32)
        backend.evaluate(state, x, data.test_targets, mine)
        assert mine.shape == predictions.shape
        np.testing.assert_allclose(mine, predictions, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"outputs, {backend.NAME}")
