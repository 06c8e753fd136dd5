"""Words and numbers for people: how a language is chosen, and how settings, measurements and times are written."""

import math

import pytest
from babel.messages import Catalog
from hypothesis import given
from hypothesis import strategies as st
from translations import write_mo

from playground import words
from playground.words import duration, in_sentence, number, plain_number, tr, trn, two_figures


@pytest.fixture
def in_brackets(tmp_path):
    catalog = Catalog(locale="de", charset="utf-8")
    catalog.add("Close this message", "⟦Close this message⟧")
    write_mo(catalog, tmp_path, "de")
    words.choose_language(tmp_path, ["de"])
    yield
    words.choose_language(tmp_path, ["en"])


def test_english_stands_in_the_code():
    assert tr("What the network puts out.") == "What the network puts out."
    assert tr("") == ""
    assert trn("one row", "{count} rows", 1) == "one row"
    assert trn("one row", "{count} rows", 2).format(count=2) == "2 rows"


def test_a_language_is_chosen_once_for_all(in_brackets):
    assert tr("Close this message") == "⟦Close this message⟧"
    assert tr("no sentence of the program") == "no sentence of the program"
    assert tr("") == "", "not the catalog's own head"


def test_a_language_that_is_not_there_is_english(tmp_path):
    words.choose_language(tmp_path, ["xx"])
    assert tr("Close this message") == "Close this message"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0003, "0.0003"),
        (4096, "4,096"),
        (1e-8, "1e−08"),
        (2.5, "2.5"),
        (-0.5, "−0.5"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (0, "0"),
    ],
)
def test_settings_are_written_as_people_write_them(value, text):
    assert plain_number(value) == text


@given(st.floats(-1e9, 1e9).map(lambda value: float(f"{value:.6g}")))
def test_a_setting_is_read_back_as_it_was(value):
    assert float(plain_number(value).replace("−", "-").replace(",", "")) == pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("value", "digits", "text"), [(-1.23456, 3, "−1.235"), (0.5, 1, "0.5"), (12345678.0, 3, "1.23e+07")])
def test_measured_numbers_have_a_true_minus(value, digits, text):
    assert number(value, digits) == text


@pytest.mark.parametrize(("seconds", "text"), [(3.14e-6, "3.14 µs"), (0.00024, "240 µs"), (0.012, "12 ms"), (2.0, "2 s")])
def test_short_times_have_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("title", "text"), [("Accuracy", "accuracy"), ("RMSE", "RMSE"), ("R²", "R²"), ("Log loss", "log loss")])
def test_a_title_within_a_sentence(title, text):
    assert in_sentence(title) == text


@given(st.floats(1e-9, 1e9))
def test_a_suggestion_has_two_figures_and_is_close(value):
    assert two_figures(value) == pytest.approx(value, rel=0.05)
    assert len(f"{two_figures(value):.10e}".partition("e")[0].rstrip("0").replace(".", "")) <= 2
