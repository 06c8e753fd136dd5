"""Numbers of NumPy wherever the library takes numbers; what can't be taken is refused by the field's path."""

from fractions import Fraction

import numpy as np
import pytest
from msgspec import structs

from playground import train, train_many
from playground.experiment import (
    SGD,
    DataSpec,
    Dense,
    Experiment,
    ExperimentError,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
    checked,
    decode,
    encode,
    set_field,
)
from playground.formats import safetensors
from playground.model import TrainedModel
from playground.training.trainer import Trainer


def array_of(value):
    """No dimensions, one number."""
    return np.array(value)


def name_of(kind):
    return kind.__name__


def type_of(value):
    return type(value).__name__


KINDS = [np.int8, np.uint16, np.int64, array_of]
GAUSS = Experiment(
    data=DataSpec(source=SyntheticSource(name="gauss", samples=50)),
    network=NetworkSpec(layers=(Dense(units=3),)),
    training=TrainingSpec(task="binary", loss="binary_cross_entropy", batch_size=7, epochs=2, class_weights=(1.0, 2.0)),
)


def of_numpy(whole, share, weights):
    """`GAUSS` with numbers of NumPy."""
    return Experiment(
        data=DataSpec(source=SyntheticSource(name="gauss", samples=whole(50)), test_fraction=share(0.5), standardize=np.True_),
        network=NetworkSpec(layers=(Dense(units=whole(3)),), seed=whole(0)),
        training=TrainingSpec(
            task=np.str_("binary"),
            loss="binary_cross_entropy",
            optimizer=SGD(learning_rate=share(0.5)),
            batch_size=whole(7),
            epochs=whole(2),
            class_weights=weights,
        ),
    )


@pytest.mark.parametrize("whole", KINDS, ids=name_of)
@pytest.mark.parametrize("share", [np.float16, np.float32, np.float64, np.longdouble, array_of], ids=name_of)
def test_an_experiment_of_numpys_numbers_is_the_same_experiment(whole, share):
    expected = of_numpy(int, float, (1.0, 2.0))
    for weights in (np.array([1.0, 2.0]), (np.float32(1), np.int64(2)), [share(1), whole(2)]):
        given = of_numpy(whole, share, weights)
        assert checked(given) == expected
        assert decode(encode(given)) == expected
        assert all(type(value) in (int, float, bool) for value in structs.astuple(checked(given).training.optimizer))
    model = train(of_numpy(whole, share, np.array([1.0, 2.0])), backend="reference")
    assert model.experiment == expected
    assert np.array_equal(model.parameters, train(expected, backend="reference").parameters)


@pytest.mark.compile
@pytest.mark.parametrize("whole", KINDS, ids=name_of)
def test_train_takes_numpys_numbers(whole):
    model = train(GAUSS, epochs=whole(3), threads=whole(1), backend="cpu")
    expected = train(GAUSS, epochs=3, threads=1, backend="cpu")
    assert np.array_equal(model.parameters, expected.parameters)
    assert model.experiment == expected.experiment
    assert type(model.experiment.training.epochs) is int
    on = train(GAUSS, parameters=expected.parameters.astype(np.float64), epochs=np.uint8(0), backend="reference")
    assert np.array_equal(on.parameters, expected.parameters)


@pytest.mark.compile
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_train_many_takes_numpys_numbers(backend):
    seeds, rates = np.arange(3), np.array([0.5, 0.25], np.float32)
    runs = train_many(GAUSS, seeds=seeds, learning_rates=rates, epochs=np.int16(2), target=np.float32(0.5), backend=backend)
    plain = train_many(GAUSS, seeds=[0, 1, 2], learning_rates=[0.5, 0.25], epochs=2, target=0.5, backend=backend)
    assert (runs.seeds, runs.learning_rates, runs.target) == ((0, 1, 2), (0.5, 0.25), 0.5)
    assert {type(seed) for seed in runs.seeds} == {int}
    assert np.array_equal(runs.parameters, plain.parameters)
    for seed in (1, np.int64(1), seeds[1]):
        assert runs.model(seed, rates[1]).experiment == plain.model(1, 0.25).experiment


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("training.epochs", np.int64(5), 5),
        ("training.epochs", np.array(5), 5),
        ("training.epochs", 5, 5),
        ("training.optimizer.learning_rate", np.float32(0.25), 0.25),
        ("data.standardize", np.False_, False),
        ("training.class_weights", np.array([1, 3]), (1.0, 3.0)),
        ("training.class_weights", None, None),
        ("name", np.str_("Mine"), "Mine"),
    ],
)
def test_a_field_is_set_to_numpys_numbers(path, value, expected):
    found = set_field(GAUSS, path, value)
    for name in path.split("."):
        found = getattr(found, name)
    assert found == expected
    assert type(found) is type(expected)


WRONG = [3 + 1j, np.complex64(1), object(), np.datetime64("2020-01-01", "s"), np.array([1, 2]), np.array([[1.5]]), Fraction(1, 3)]


@pytest.mark.parametrize("value", [*WRONG, np.float64("nan"), np.bool_(True), np.float64(1.5), "5", [1], -1, 2.0], ids=type_of)
def test_what_is_no_number_of_epochs_is_refused_by_its_path(value):
    for call in (
        lambda: train(GAUSS, epochs=value),
        lambda: train_many(GAUSS, seeds=[0], epochs=value),
        lambda: checked(structs.replace(GAUSS, training=structs.replace(GAUSS.training, epochs=value))),
        lambda: train(structs.replace(GAUSS, training=structs.replace(GAUSS.training, epochs=value))),
        lambda: train_many(structs.replace(GAUSS, training=structs.replace(GAUSS.training, epochs=value)), seeds=[0]),
    ):
        with pytest.raises(ExperimentError, match=r"^training\.epochs(\.\d)?: .*\.$"):
            call()


@pytest.mark.parametrize("value", WRONG, ids=type_of)
def test_what_no_field_takes_is_refused_by_its_path_within_layers_too(value):
    wrong = structs.replace(GAUSS, network=NetworkSpec(layers=(Dense(units=3), Dense(units=value))))
    with pytest.raises(ExperimentError, match=r"^network\.layers\.1\.units(\.\d)?: .*\.$"):
        checked(wrong)
    with pytest.raises(ExperimentError, match=r"^network\.layers\.0\.units(\.\d)?: .*\.$"):
        set_field(GAUSS, "network.layers.0.units", value)
    if not isinstance(value, (np.ndarray, Fraction)):
        # Those are numbers; only whether they are right is checked elsewhere.
        with pytest.raises(ExperimentError, match=r"^network\.layers\.1\.units: .*\.$"):
            encode(wrong)


@pytest.mark.compile
@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"seeds": 3}, "seeds"),
        ({"seeds": np.int64(3)}, "seeds"),
        ({"seeds": "12"}, "seeds"),
        ({"seeds": [0.5]}, "network.seed"),
        ({"seeds": [object()]}, "seeds.0"),
        ({"seeds": np.zeros((2, 2), int)}, "network.seed"),
        ({"seeds": [0], "learning_rates": 0.1}, "learning_rates"),
        ({"seeds": [0], "learning_rates": ["fast"]}, "training.optimizer.learning_rate"),
        ({"seeds": [0], "learning_rates": np.array([np.nan])}, "training.optimizer.learning_rate"),
        ({"seeds": [0], "learning_rates": [1j]}, "learning_rates.0"),
        ({"seeds": [0], "target": "low"}, "target"),
        ({"seeds": [0], "threads": 1.5}, "threads"),
        ({"seeds": [0], "threads": np.array([1])}, "threads"),
    ],
)
def test_what_no_storm_takes_is_refused_by_its_name(given, path):
    with pytest.raises(ExperimentError) as refused:
        train_many(GAUSS, epochs=1, **given)
    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.compile
@pytest.mark.parametrize("threads", [0, -1, 1.0, "2", np.float32(1)], ids=repr)
def test_what_is_no_number_of_threads_is_refused(threads):
    with pytest.raises(ExperimentError, match=r"^threads: "):
        train(GAUSS, epochs=1, threads=threads)


def test_a_model_with_numpys_numbers_as_metrics_is_saved(tmp_path):
    trainer = Trainer(GAUSS, "reference")
    preprocessing = trainer.run.data.preprocessing
    model = TrainedModel(checked(GAUSS), trainer.parameters, preprocessing, {"test_loss": np.float32(0.5), "epoch": np.int64(3)})
    safetensors.save(model, tmp_path / "model.safetensors")
    assert safetensors.load(tmp_path / "model.safetensors").metrics == {"test_loss": 0.5, "epoch": 3}
