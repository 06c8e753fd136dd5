"""Any table that is written comes back: numbers equal to Python's own, classes as they are spelled; any other is refused."""

import csv
import io
import math
import time
import unicodedata
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tables import refusal, source

from playground.data.cells import exact_values, numbers
from playground.data.columns import LARGEST, SMALLEST, load_table
from playground.data.readers import csv as reader
from playground.data.suggest import suggest

USUAL = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FORMS = ("{!r}", "{:+.17g}", "{:.17e}", "{:.20f}", " {!r}", "{!r} ", '"{!r}"', "{:E}", "{:012.4f}")
# Cells as people's programs write them, each a number to Python as well but for its true minus.
finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
whole = st.integers(-(10**25), 10**25)
cells_of_numbers = st.one_of(
    st.builds(lambda value, form: form.format(value), finite, st.sampled_from(FORMS)),
    whole.map(str),
    st.from_regex(r"[-+]?([0-9]{1,5}\.?[0-9]{0,30}|\.[0-9]{1,30})([eE][-+]?[0-9]{1,2})?", fullmatch=True).filter(str.isascii),
)
letters = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=",\ufeff")
names_of_classes = st.one_of(
    st.sampled_from(["007", "-1", "+3", "1.0", "1e3", "True", "FALSE", "−1", "NA", "nan", "None", "inf", "0x10", "1_0", "=1"]),
    st.text(letters, min_size=1, max_size=12).map(str.strip).filter(bool),
)


def truth_of(cell):
    return float(cell.strip().strip('"'))


def usable(values):
    """Whether the program may learn from a column of these numbers."""
    sizes = [abs(value) for value in values]
    return max(sizes) == 0 or SMALLEST <= max(sizes) <= LARGEST


@pytest.mark.parametrize("many", [10**9, 0], ids=["by pandas", "cell by cell"])
@USUAL
@given(data=st.data())
def test_every_number_is_the_one_in_the_file(write, many, data):
    rows = data.draw(st.integers(2, 6))
    table = [data.draw(st.lists(cells_of_numbers, min_size=3, max_size=3)) for _ in range(rows)]
    path = write("a,b,y\n" + "".join(",".join(row) + "\n" for row in table))
    truth = np.array([[truth_of(cell) for cell in row] for row in table])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_MANY", many)
        if all(usable(column) for column in truth.T):
            dataset = load_table(source(path), "regression")
            assert np.array_equal(np.column_stack([dataset.features, dataset.targets]), truth)
        else:
            refusal(load_table, source(path), "regression")


@pytest.mark.parametrize("many", [10**9, 0], ids=["by pandas", "cell by cell"])
@USUAL
@given(names=st.lists(names_of_classes, min_size=2, max_size=9), delimiter=st.sampled_from(",;\t|"))
@example(names=["01", "1"], delimiter=",")
@example(names=["1e400", "1e401", "2"], delimiter=",")
@example(names=["1e9999999999999999999", "0e-9999999999999999999"], delimiter=",")
@example(names=["a ", "a"], delimiter="|")
@example(names=["é", "e\u0301"], delimiter=",")
def test_every_class_is_spelled_as_in_the_file(write, many, names, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "y"])
    writer.writerows([str(row), name] for row, name in enumerate(names))
    path, known = write(text.getvalue()), sorted({name.strip() for name in names})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_MANY", many)
        values = exact_values(known) or {name: unicodedata.normalize("NFC", name) for name in known}
        if len(set(values.values())) < max(2, len(known)):
            refusal(load_table, source(path), "multiclass")
            return
        dataset = load_table(source(path), "multiclass")
    assert sorted(dataset.class_names) == known
    assert [dataset.class_names[int(number)] for number in dataset.targets[:, 0]] == [name.strip() for name in names]


# What programs take for numbers here and there, and people don't everywhere.
WORDS = ["", "𝟏", "nan", "NaN", "0x10", "1_000", "1+2j", "1d5", "1e", "e5", "1 e5", "- 1", "--1", "+-1", "1.2.3", "١", "１", "½"]
WORDS += ["²", "1\u00a0000", "12 %", "$5", "(4.70)", "#N/A", "∞", "٫5", "1e+", ".", "-", "+", "1f", "0b1", "True1", "Infinityx"]


@pytest.mark.parametrize("cell", WORDS)
@pytest.mark.parametrize("many", [10**9, 0], ids=["by pandas", "cell by cell"])
def test_what_is_not_everybodys_number_is_never_taken_for_one(write, cell, many, monkeypatch):
    monkeypatch.setattr(reader, "_MANY", many)
    for path in (write(f'a,y\n"{cell}",0\n2,1\n'), write(f'a;y\n2;1\n"{cell}";0\n')):
        message = refusal(load_table, source(path), "binary")
        assert "column 'a' holds text" in message or "has no value in column 'a'" in message
        assert len(message) < 300


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("99999999999999999999", 1e20),
        ("18446744073709551615", 2.0**64),
        ("-9223372036854775809", -(2.0**63)),
        ("0.1", 0.1),
        ("179769313486231570e-10", 17976931.348623157),
        ("2.2250738585072011e-10", 2.2250738585072011e-10),
        ("+.5", 0.5),
        ("7.", 7.0),
        ("-0", 0.0),
        ("1E3", 1000.0),
        ("007", 7.0),
        ("7\u00a0", 7.0),
        ("\N{MINUS SIGN}4.7", -4.7),
        ("0." + "1" * 400, float("0." + "1" * 400)),
        ("0" * 5000 + "3", 3.0),
        ("true", None),
    ],
)
@pytest.mark.parametrize("beside", ["1", "2.5", "99999999999999999999"])
def test_numbers_of_every_length_are_exact(write, cell, value, beside):
    path = write(f"a,y\n{cell},0\n{beside},1\n")
    if value is None:
        assert "holds text" in refusal(load_table, source(path), "binary")
        return
    assert load_table(source(path), "binary").features[:, 0].tolist() == [value, float(beside)]


@pytest.mark.parametrize("cell", ["9" * 400, "9" * 5000, "1e400", "-1e400", "inf", "-Infinity", "1e31"])
def test_numbers_beyond_all_bounds_are_refused(write, cell):
    for text in (f"a,y\n{cell},0\n1,1\n", f"a,y\n1,0\n2.5,1\n{cell},0\n"):
        message = refusal(suggest, write(text))
        assert "is infinite in line" in message or "a number beyond ±1e+30" in message
        assert len(message) < 300


@given(cells_of_numbers.map(lambda cell: cell.strip().strip('"')))
@settings(max_examples=200, deadline=None)
def test_a_cells_value_is_pythons_own(cell):
    assert numbers([cell, "word"])[0] == float(cell)
    (exact,) = exact_values([cell]).values()
    assert exact == Decimal(cell)
    assert math.isnan(numbers([cell, "word"])[1])
    assert exact_values([cell, "word"]) is None


def test_a_cell_of_a_million_digits_takes_no_time():
    begin = time.process_time()
    for end in ("", "x", "e", "e5", "."):
        numbers(["9" * 1_000_000 + end, "-." + "9" * 1_000_000 + end])
    assert time.process_time() - begin < 1
