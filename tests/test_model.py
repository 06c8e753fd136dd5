"""A trained model answers for raw rows, and the package works as a library."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, root_mean_squared_error

import playground
from playground import Experiment, load, predict, train
from playground.data.sources import load_dataset
from playground.experiment import Adam, BundledSource, DataSpec, Dense, NetworkSpec, SyntheticSource, TrainingSpec, build_plan
from playground.formats import safetensors
from playground.model import TrainedModel


def trained(source, task, loss, epochs=30, **network):
    return train(
        Experiment(
            data=DataSpec(source=source),
            network=NetworkSpec(layers=(Dense(units=8, activation="tanh"),), **network),
            training=TrainingSpec(task=task, loss=loss, optimizer=Adam(learning_rate=0.03), batch_size=16, epochs=epochs),
        ),
        backend="reference",
    )


@pytest.fixture(scope="module")
def iris():
    return trained(BundledSource(name="iris"), "multiclass", "categorical_cross_entropy")


@pytest.fixture(scope="module")
def topics():
    return trained(BundledSource(name="multilabel"), "multilabel", "binary_cross_entropy", epochs=3)


@pytest.fixture(scope="module")
def linnerud():
    return trained(BundledSource(name="linnerud"), "regression", "mean_squared_error")


def data_of(model):
    return load_dataset(model.experiment.data, model.experiment.training.task)


def test_answers_for_raw_rows_are_class_names(iris):
    dataset = data_of(iris)
    answers = predict(iris, dataset.features)
    assert answers.shape == (150,)
    assert set(answers) <= {"setosa", "versicolor", "virginica"}
    true = np.array(dataset.class_names)[dataset.targets[:, 0].astype(int)]
    assert accuracy_score(true, answers) > 0.9


def test_probabilities_add_up_to_one_and_the_largest_is_the_answer(iris):
    rows = data_of(iris).features
    shares = iris.predict(rows)
    assert shares.shape == (150, 3)
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert list(np.array(iris.classes)[shares.argmax(axis=1)]) == list(predict(iris, rows))


@pytest.mark.parametrize(("loss", "output", "middle"), [("binary_cross_entropy", None, 0.5), ("mean_squared_error", "tanh", 0.0)])
def test_yes_and_no_are_named_whatever_the_outputs_range(loss, output, middle):
    model = trained(SyntheticSource(name="gauss"), "binary", loss, 3, output_activation=output)
    dataset = data_of(model)
    answers = predict(model, dataset.features)
    assert set(answers) == {"orange", "blue"}
    assert np.array_equal(answers == "blue", model.predict(dataset.features)[:, 0] > middle)
    assert ((answers == "blue") == dataset.targets[:, 0]).mean() > 0.95


def test_two_softmax_outputs_name_the_likelier_of_yes_and_no():
    source = SyntheticSource(name="gauss")
    model = trained(source, "binary", "categorical_cross_entropy", 3, output_activation="softmax")
    dataset = data_of(model)
    shares, answers = model.predict(dataset.features), predict(model, dataset.features)
    assert shares.shape == (500, 2)
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(answers == "blue", shares[:, 1] > shares[:, 0])
    assert ((answers == "blue") == dataset.targets[:, 0]).mean() > 0.95


def test_answers_on_a_scale_are_in_the_datas_units_and_never_leave_it():
    low, high = 25.0, 346.0  # of the disease's progress in the data
    model = trained(BundledSource(name="diabetes"), "bounded", "mean_squared_error", 5)
    dataset = data_of(model)
    answers = predict(model, 10 * dataset.features)
    assert answers.shape == (442, 1)
    assert answers.min() >= low
    assert answers.max() <= high
    error = root_mean_squared_error(dataset.targets, predict(model, dataset.features))
    assert error < dataset.targets.std()


def test_labels_are_ones_and_zeros(topics):
    rows = data_of(topics).features
    answers = predict(topics, rows)
    assert answers.shape == (1000, 5)
    assert set(np.unique(answers)) == {0, 1}
    assert np.array_equal(answers, topics.predict(rows) > 0.5)


def test_quantities_are_in_the_datas_units(linnerud):
    dataset = data_of(linnerud)
    answers = predict(linnerud, dataset.features)
    assert answers.shape == (20, 3)
    assert answers.dtype == np.float64
    assert (np.abs(answers.mean(axis=0) - dataset.targets.mean(axis=0)) < dataset.targets.std(axis=0)).all()
    everyone = root_mean_squared_error(dataset.targets, np.tile(dataset.targets.mean(axis=0), (20, 1)))
    assert root_mean_squared_error(dataset.targets, answers) < everyone


@pytest.mark.parametrize("ask", [predict, TrainedModel.predict, TrainedModel.predict_labels])
@pytest.mark.parametrize("columns", [3, 5])
def test_another_number_of_columns_is_refused_with_their_names(iris, ask, columns):
    with pytest.raises(ValueError) as refused:
        ask(iris, np.zeros((2, columns)))
    assert "trained on 4 columns" in str(refused.value)
    assert "petal width (cm)" in str(refused.value)
    assert str(refused.value).endswith(f"not {columns}.")


def test_a_single_row_may_be_a_plain_list(iris):
    assert list(predict(iris, [5.1, 3.5, 1.4, 0.2])) == ["setosa"]


def test_a_model_may_be_named_by_its_file(iris, tmp_path):
    path = tmp_path / "iris.safetensors"
    safetensors.save(iris, path)
    rows = data_of(iris).features
    for name in (path, str(path)):
        assert np.array_equal(predict(name, rows), predict(iris, rows))
    assert np.array_equal(load(path).parameters, iris.parameters)


def test_weights_are_named_views_of_the_parameters(iris):
    shapes = {name: array.shape for name, array in iris.weights()}
    assert shapes == {
        "layers.0.weight": (4, 8),
        "layers.0.bias": (8,),
        "layers.1.weight": (8, 3),
        "layers.1.bias": (3,),
    }
    assert all(np.shares_memory(array, iris.parameters) for _, array in iris.weights())
    assert iris.plan.widths == build_plan(iris.experiment, 4, 3).widths == (4, 8, 3)


def test_the_library_is_the_five_words_of_the_manual():
    assert set(playground.__all__) == {"Experiment", "__version__", "load", "predict", "train", "train_many"}
    assert playground.load is load
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        playground.fit  # noqa: B018


def test_importing_the_package_alone_loads_nothing_heavy():
    script = "import playground, sys; print(sorted({'numpy', 'numba', 'msgspec', 'PySide6'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
