"""Reports: numbers worked out by hand, scikit-learn's own functions on real models, and what is undefined said so."""

import json
import time

import numpy as np
import pytest
from sklearn import metrics as oracle

from playground.catalog.metrics import METRICS
from playground.catalog.tasks import TASKS
from playground.data.preprocessing import Preprocessing, class_shares, prepare
from playground.experiment import decode, set_field
from playground.insight.evaluation import evaluate_outputs, in_words, report_json, report_lines
from playground.kernels.reference import backend as reference
from playground.storage import resource
from playground.training.trainer import train


def preprocessing(task, outputs, classes=(), targets=("t",), **fields):
    settings = {
        "columns": ("a",),
        "features": (),
        "mean": (0.0,),
        "scale": (1.0,),
        "target_mean": (),
        "target_scale": (),
        "target_low": 0.0,
        "target_high": 1.0,
        "target_names": targets,
    }
    return Preprocessing(task=task, outputs=outputs, classes=classes, **(settings | fields))


BINARY = preprocessing("binary", 1, ("no", "yes"))
THREE = preprocessing("multiclass", 3, ("a", "b", "c"))
LABELS = preprocessing("multilabel", 2, ("x", "y"), ("x", "y"))
QUANTITIES = preprocessing("regression", 2, targets=("p", "q"), target_mean=(10.0, 0.0), target_scale=(2.0, 1.0))


def value(report, name):
    return report.scores[name].value


def test_a_yes_or_no_by_hand():
    # Said: no, yes, yes, no, yes; true: no, no, yes, yes, yes.
    shares = np.array([[0.2], [0.7], [0.9], [0.4], [0.8]])
    report = evaluate_outputs(shares, np.array([[0.0], [0.0], [1.0], [1.0], [1.0]]), BINARY)
    assert report.confusion.tolist() == [[1, 1], [1, 2]]
    assert report.counts == (2, 3)
    assert value(report, "accuracy") == pytest.approx(3 / 5)
    assert report.scores["precision"].each == pytest.approx((1 / 2, 2 / 3))
    assert report.scores["recall"].each == pytest.approx((1 / 2, 2 / 3))
    assert value(report, "f1") == pytest.approx((1 / 2 + 2 / 3) / 2)
    # Of the six pairs of a yes and a no, only (0.4, 0.7) stands the wrong way round.
    assert value(report, "roc_auc") == pytest.approx(5 / 6)
    expected = -(np.log(0.8) + np.log(0.3) + np.log(0.9) + np.log(0.4) + np.log(0.8)) / 5
    assert value(report, "log_loss") == pytest.approx(expected)


def test_two_softmax_outputs_are_judged_as_one_sigmoid():
    yes = np.array([0.2, 0.7, 0.9, 0.4, 0.8])
    targets = np.array([[0.0], [0.0], [1.0], [1.0], [1.0]])
    one = evaluate_outputs(yes[:, None], targets, BINARY)
    two = evaluate_outputs(np.column_stack([1 - yes, yes]), targets, preprocessing("binary", 2, ("no", "yes")))
    assert {name: score.value for name, score in one.scores.items()} == pytest.approx(
        {name: score.value for name, score in two.scores.items()}
    )
    assert np.array_equal(one.confusion, two.confusion)


def test_several_classes_by_hand():
    outputs = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1], [0.2, 0.2, 0.6]])
    report = evaluate_outputs(outputs, np.array([[0.0], [1.0], [1.0], [2.0]]), THREE)
    assert report.confusion.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert report.scores["precision"].each == pytest.approx((1 / 2, 1, 1))
    assert report.scores["recall"].each == pytest.approx((1, 1 / 2, 1))
    assert report.scores["f1"].each == pytest.approx((2 / 3, 2 / 3, 1))
    assert value(report, "f1") == pytest.approx(7 / 9)
    assert value(report, "log_loss") == pytest.approx(-np.log([0.8, 0.6, 0.4, 0.6]).mean())
    assert value(report, "roc_auc") == 1


def test_labels_by_hand():
    outputs = np.array([[0.9, 0.2], [0.6, 0.7], [0.1, 0.6], [0.3, 0.1]])
    truth = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    report = evaluate_outputs(outputs, truth, LABELS)
    assert value(report, "subset_accuracy") == 2 / 4
    assert value(report, "hamming_loss") == 2 / 8
    assert report.confusion.tolist() == [[[1, 0], [1, 2]], [[2, 1], [0, 1]]]
    assert report.scores["precision"].each == (1, 1 / 2)
    assert report.scores["recall"].each == pytest.approx((2 / 3, 1))
    assert report.counts == (3, 1)
    assert "accuracy" not in report.scores


def test_quantities_by_hand_in_the_units_of_the_data():
    # Said: (10, 1), (12, 2), (14, 6).
    outputs = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 6.0]])
    report = evaluate_outputs(outputs, np.array([[10.0, 1.0], [13.0, 2.0], [12.0, 3.0]]), QUANTITIES)
    assert report.scores["rmse"].each == pytest.approx((np.sqrt(5 / 3), np.sqrt(3)))
    assert value(report, "rmse") == pytest.approx((np.sqrt(5 / 3) + np.sqrt(3)) / 2)
    assert report.scores["mae"].each == pytest.approx((1, 1))
    # Squares around the means: 14/3 and 2.
    assert report.scores["r2"].each == pytest.approx((1 - 5 / (14 / 3), 1 - 9 / 2))
    assert report.names == ("p", "q")
    assert report.confusion is None


def test_a_class_that_is_never_said_leaves_its_precision_out_and_says_so():
    outputs = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.7, 0.2]])
    report = evaluate_outputs(outputs, np.array([[0.0], [2.0], [1.0]]), THREE)
    precision = report.scores["precision"]
    assert np.isnan(precision.each[2])
    assert precision.value == pytest.approx((1 / 2 + 1) / 2)
    assert "c" in precision.reason and "never predicted" in precision.reason
    assert report.scores["f1"].each[2] == 0


def test_shares_of_targets_from_minus_one_to_one_are_half_of_the_output_and_one():
    """As tanh gives them: a yes is 1, a no −1."""
    outputs, truth = np.array([[0.6], [-0.2], [0.9], [-0.8]]), np.array([[1.0], [1.0], [1.0], [0.0]])
    report = evaluate_outputs(outputs, truth, preprocessing("binary", 1, ("no", "yes"), target_low=-1.0))
    assert value(report, "log_loss") == pytest.approx(-np.log([0.8, 0.4, 0.95, 0.9]).mean())
    assert value(report, "log_loss") == pytest.approx(oracle.log_loss(truth[:, 0], (outputs[:, 0] + 1) / 2))
    assert value(report, "accuracy") == 3 / 4


def test_a_class_in_all_rows_has_no_auc_and_is_named():
    """One label holds in every row: there is no other row that it could be told from. Scikit-learn isn't asked, it would warn."""
    labels = preprocessing("multilabel", 3, ("a", "b", "c"), ("a", "b", "c"))
    outputs = np.array([[0.8, 0.1, 0.9], [0.6, 0.7, 0.1], [0.1, 0.3, 0.2]])
    report = evaluate_outputs(outputs, np.array([[1.0, 0, 1], [1, 1, 0], [1, 0, 0]]), labels)
    score = report.scores["roc_auc"]
    assert np.isnan(score.each[0]) and score.each[1:] == (1.0, 1.0) and score.value == 1
    assert score.reason == "ROC AUC leaves out a, which is in none or in all of the rows."


def test_shares_that_add_up_to_nearly_one_are_divided_by_their_sum():
    """Float32 probabilities of many classes; scikit-learn would warn of them."""
    outputs = np.array([[0.8, 0.15, 0.0505], [0.1, 0.8, 0.0995]])
    report = evaluate_outputs(outputs, np.array([[0.0], [1.0]]), THREE)
    assert value(report, "log_loss") == pytest.approx(-np.log([0.8 / 1.0005, 0.8 / 0.9995]).mean(), rel=1e-12)


def test_one_class_alone_has_no_auc():
    report = evaluate_outputs(np.array([[0.8], [0.4]]), np.array([[1.0], [1.0]]), BINARY)
    assert np.isnan(value(report, "roc_auc"))
    assert report.scores["roc_auc"].reason
    assert value(report, "accuracy") == 1 / 2
    assert in_words(METRICS["roc_auc"], value(report, "roc_auc")) == "–"


def test_outputs_that_are_no_probabilities_have_no_log_loss():
    wide = evaluate_outputs(np.array([[1.8], [-0.4]]), np.array([[1.0], [0.0]]), BINARY)
    assert np.isnan(value(wide, "log_loss")) and "no probabilities" in wide.scores["log_loss"].reason
    assert value(wide, "roc_auc") == 1
    sigmoids = evaluate_outputs(np.array([[0.8, 0.7, 0.1], [0.1, 0.9, 0.3]]), np.array([[0.0], [1.0]]), THREE)
    assert "add up to 1" in sigmoids.scores["log_loss"].reason


def test_a_single_row_has_no_r2_and_no_rows_have_no_scores():
    report = evaluate_outputs(np.array([[0.0, 1.0]]), np.array([[10.0, 2.0]]), QUANTITIES)
    assert np.isnan(value(report, "r2"))
    assert value(report, "mae") == pytest.approx(0.5)
    assert not evaluate_outputs(np.zeros((0, 2)), np.zeros((0, 2)), QUANTITIES).scores


def test_diverged_outputs_are_judged_without_an_exception():
    report = evaluate_outputs(np.full((4, 3), np.nan), np.array([[0.0], [1.0], [2.0], [0.0]]), THREE)
    assert np.isnan(value(report, "log_loss"))
    assert np.isnan(value(report, "roc_auc"))
    assert np.isnan(value(evaluate_outputs(np.full((3, 2), np.nan), np.zeros((3, 2)), QUANTITIES), "rmse"))


@pytest.mark.parametrize("name", ["breast_cancer", "breast_cancer_softmax", "wine", "multilabel", "linnerud", "ratings"])
def test_a_trained_preset_is_judged_as_scikit_learn_does(name):
    experiment = set_field(decode(resource("presets", f"{name}.json").read_bytes()), "training.epochs", "3")
    model, data = train(experiment, backend="reference"), prepare(experiment)
    rows, truth = data.dataset.features[data.test_rows], data.dataset.targets[data.test_rows]
    outputs = reference.outputs(model.plan, model.parameters, model.preprocessing.inputs(rows))
    report = evaluate_outputs(outputs, truth, model.preprocessing)
    task, answers = experiment.training.task, model.predict_labels(rows)
    if not TASKS[task].classes:
        assert value(report, "rmse") == pytest.approx(oracle.root_mean_squared_error(truth, answers))
        assert value(report, "mae") == pytest.approx(oracle.mean_absolute_error(truth, answers))
        assert value(report, "r2") == pytest.approx(oracle.r2_score(truth, answers))
        assert value(report, "rmse") == pytest.approx(model.metrics["test_rmse"], rel=1e-5)
        assert value(report, "r2") == pytest.approx(model.metrics["test_r2"], rel=1e-4, abs=1e-5)
        return
    shares = class_shares(model.predict(rows), model.preprocessing)
    if task == "multilabel":
        assert value(report, "subset_accuracy") == oracle.accuracy_score(truth, answers)
        assert value(report, "hamming_loss") == pytest.approx(oracle.hamming_loss(truth, answers))
        assert value(report, "roc_auc") == pytest.approx(oracle.roc_auc_score(truth, shares, average="macro"))
        assert value(report, "f1") == pytest.approx(oracle.f1_score(truth, answers, average="macro", zero_division=np.nan))
        assert value(report, "subset_accuracy") == pytest.approx(model.metrics["test_subset_accuracy"])
        return
    truth = truth[:, 0]
    assert value(report, "accuracy") == oracle.accuracy_score(truth, answers) == pytest.approx(model.metrics["test_accuracy"])
    assert value(report, "f1") == pytest.approx(oracle.f1_score(truth, answers, average="macro"))
    assert np.array_equal(report.confusion, oracle.confusion_matrix(truth, answers))
    sums = shares.sum(axis=1, keepdims=True)
    assert value(report, "log_loss") == pytest.approx(oracle.log_loss(truth, shares / sums), rel=1e-5)
    scores = shares[:, 1] if task == "binary" else shares / sums
    assert value(report, "roc_auc") == pytest.approx(oracle.roc_auc_score(truth, scores, multi_class="ovr"))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_every_metric_says_what_it_is_and_is_scikit_learns(metric):
    assert metric.title and metric.formula and metric.source
    assert metric.description.endswith(".")
    assert set(metric.tasks) <= set(TASKS)
    assert callable(getattr(oracle, metric.function))


def test_what_is_recorded_at_every_measurement_has_a_form_of_its_own():
    recorded = {name for task in TASKS.values() for name in task.metrics}
    assert recorded == {name for name, metric in METRICS.items() if metric.compute is not None}


def test_the_report_as_json_and_as_lines():
    report = evaluate_outputs(np.array([[0.8], [0.4]]), np.array([[1.0], [1.0]]), BINARY)
    plain = json.loads(json.dumps(report_json(report, "training"), allow_nan=False))
    assert plain["judged"] == "training"
    assert plain["metrics"]["accuracy"] == {"value": 0.5, "each": []}
    assert plain["metrics"]["roc_auc"]["value"] is None and plain["metrics"]["roc_auc"]["reason"]
    assert plain["confusion_matrix"] == [[0, 0], [1, 1]]
    lines = report_lines(report)
    assert lines[0] == "test_accuracy 0.5000"
    assert report_lines(report, known=("accuracy",)) == lines[1:]
    assert any(line.startswith("test_roc_auc undefined: ") for line in lines)


def test_a_whole_report_costs_little(capsys):
    random = np.random.default_rng(0)
    outputs = random.dirichlet(np.ones(10), 1800)
    targets = random.integers(0, 10, (1800, 1)).astype(float)
    ten = preprocessing("multiclass", 10, tuple("0123456789"))
    evaluate_outputs(outputs, targets, ten)
    start = time.perf_counter()
    for _ in range(5):
        evaluate_outputs(outputs, targets, ten)
    milliseconds = (time.perf_counter() - start) / 5 * 1000
    with capsys.disabled():
        print(f" report on 1,800 rows of 10 classes: {milliseconds:.1f} ms")
    # Several times what it takes, so that a busy machine passes; a loop over rows would not.
    assert milliseconds < 400


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("accuracy", 0.9753, "97.5 %"), ("rmse", 0.03124, "0.03124"), ("r2", -0.5, "−0.5"), ("roc_auc", float("nan"), "–")],
)
def test_a_metric_in_words(name, value, words):
    assert in_words(METRICS[name], value) == words


def test_a_single_label_is_judged_as_it_is_among_others():
    """One yes or no beside each row: the numbers are those of its line in a report on two labels."""
    rng = np.random.default_rng(3)
    outputs, targets = rng.random((40, 2)), (rng.random((40, 2)) < 0.3).astype(np.float64)
    both = evaluate_outputs(outputs, targets, LABELS)
    for label, name in enumerate(LABELS.classes):
        one = evaluate_outputs(outputs[:, [label]], targets[:, [label]], preprocessing("multilabel", 1, (name,), (name,)))
        assert one.counts == (both.counts[label],) and one.names == (name,)
        assert one.confusion.shape == (1, 2, 2) and np.array_equal(one.confusion[0], both.confusion[label])
        for metric, score in both.scores.items():
            if score.each:
                assert one.scores[metric].each == pytest.approx((score.each[label],)), metric
                assert one.scores[metric].value == pytest.approx(score.each[label]), metric
        right = ((outputs[:, label] > 0.5) == targets[:, label]).mean()
        assert one.scores["subset_accuracy"].value == pytest.approx(right)
