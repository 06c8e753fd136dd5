"""The cells of the confusion matrix: counts, shares of their row, and words about them."""

import numpy as np
import pytest

from playground.gui.views.report.confusion_matrix import ConfusionMatrix
from playground.gui.widgets.theme import Theme

COUNTS = np.array([[6, 1, 1], [2, 5, 3], [0, 4, 0]])


@pytest.fixture
def matrix(qtbot):
    made = ConfusionMatrix(Theme("light"))
    qtbot.addWidget(made)
    made.resize(280, 140)
    names = ("cat", "dog", "bird")
    made.show_counts(COUNTS, np.eye(3, dtype=bool), names, names)
    return made


def test_the_words_of_a_cell_name_its_share_of_its_row(matrix):
    assert matrix.words_of(0, 1) == "cat — dog: 1 of 8 rows, 12.5 %"
    assert matrix.words_of(1, 0) == "dog — cat: 2 of 10 rows, 20.0 %"
    assert matrix.words_of(2, 2) == "bird — bird: 0 of 4 rows, 0.0 %"


def test_the_worst_mistakes_are_named_first(matrix):
    assert matrix.describe().split("; ") == [
        "bird — dog: 4 of 4 rows, 100.0 %",
        "dog — bird: 3 of 10 rows, 30.0 %",
        "dog — cat: 2 of 10 rows, 20.0 %",
    ]


def test_a_row_without_any_has_no_share(matrix):
    empty = np.array([[0, 0], [1, 3]])
    matrix.show_counts(empty, np.eye(2, dtype=bool), ("a", "b"), ("a", "b"))
    assert matrix.shares.tolist() == [[0.0, 0.0], [0.25, 0.75]]
    assert matrix.words_of(0, 0) == "a — a: 0 of 0 rows, 0.0 %"
