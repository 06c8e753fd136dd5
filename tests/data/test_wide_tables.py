"""Tables with more columns than anyone looks at: read as any other, and not for the square of their number."""

import numpy as np
import pytest
from tables import refusal, source

from playground.data.columns import ColumnError, feature_rows, load_table
from playground.data.preprocessing import prepare
from playground.data.readers import csv, read_table
from playground.data.suggest import suggest
from playground.experiment import decode, encode, set_field

# What a wide table may hold beside numbers.
MIXED = [
    'a,b,"c d",e,f,y\n1,2.5,x,True,,007\n\n-3,.5,"y ""q""",false,7,-1\n4,1e3,7,TRUE,8, 1.0 \n',
    "a;b;y\n1,5;−2;0,5\n2;3;1,5\n,5;4;2\n",
    'a,b,y\n"1\n",2,x\n"3",4,y\n',
    "a,b,y\n1,2,x,\n3,4,y,\n5\n",
    'a,b,y\n1 "inch,2,x\n3,4,y\n',
    "a,b,y\ninf,nan,x\n99999999999999999999,1_0,x\n",
    "a,b,y\r\n1, 2 ,x\r\n3,4,\r\n",
]


def wide(columns, rows):
    header = ",".join(f"c{column}" for column in range(columns))
    return f"{header},kind\n" + "".join(
        ",".join(str(row * column % 9) for column in range(columns)) + f",{row % 2}\n" for row in range(rows)
    )


def plain(cell):
    """A cell as the number it is or, else, as its text; None where it is empty."""
    if cell is None or cell != cell:
        return None
    text = str(cell).strip().lower().replace("−", "-")
    try:
        return text if text in ("nan", "1_0") else float(text)
    except ValueError:
        return text


@pytest.mark.parametrize("text", MIXED)
def test_many_columns_are_read_as_few_are(write, text, monkeypatch):
    path = write(text)
    usual = read_table(path, lambda names: names[-1:])
    monkeypatch.setattr(csv, "_MANY", 0)
    same = read_table(path, lambda names: names[-1:])
    assert list(same.columns) == list(usual.columns)
    assert list(same.index) == list(usual.index)
    assert same.attrs == usual.attrs
    assert [[plain(cell) for cell in row] for row in same.to_numpy(object)] == [
        [plain(cell) for cell in row] for row in usual.to_numpy(object)
    ]
    assert [cell for cell in same["y"] if cell == cell] == [cell for cell in usual["y"] if cell == cell]


@pytest.mark.parametrize(
    "text",
    ["a,b,y\n1,2,3\n4,5,6,7\n", 'a,b,y\n1,2,3\n"4,5,6\n', "a,b,y\n", "a,b,y\n\n\n", "a,a,y\n1,2,3\n"],
    ids=["too many cells", "open quote", "no rows", "blank rows", "twice"],
)
def test_many_columns_are_refused_as_few_are(write, text, monkeypatch):
    path = write(text)
    usual = refusal(read_table, path)
    monkeypatch.setattr(csv, "_MANY", 0)
    assert refusal(read_table, path) == usual


# Far more than they take, and far less than when each name was counted among all the others.
@pytest.mark.timeout(120)
def test_a_hundred_thousand_columns_are_read(write):
    path = write(wide(100_000, 6))
    experiment = suggest(path)
    data = prepare(experiment)
    assert data.dataset.features.shape == (6, 100_000)
    assert data.dataset.features[5, 99_999] == 5 * 99_999 % 9
    assert data.preprocessing.columns[12_345] == "c12345"


@pytest.mark.long
@pytest.mark.timeout(120)
def test_twenty_thousand_columns_are_left_out(write):
    path = write(wide(20_000, 10))
    ignore = tuple(f"c{column}" for column in range(1, 20_000))
    experiment = suggest(path, ignore=ignore)
    assert decode(encode(set_field(experiment, "training.epochs", "7"))).data.source.ignore == ignore
    assert load_table(source(path, ignore=ignore), "binary").features.tolist() == [[0.0]] * 10
    assert len(feature_rows(read_table(path), ignore, path)[0]) == 19_999
    assert "did you mean" in refusal(load_table, source(path, "c77x"), "binary")


@pytest.mark.long
def test_the_one_word_among_two_hundred_thousand_numbers_is_named(write):
    lines = wide(20_000, 10).splitlines()
    lines[7] = lines[7].replace(",", ",oops,", 1).rsplit(",", 2)[0] + ",1"
    with pytest.raises(ColumnError) as refused:
        suggest(write("\n".join(lines)))
    assert "column 'c1' holds text ('oops' in line 8)" in str(refused.value)


@pytest.mark.long
def test_a_row_of_a_million_cells_and_a_column_of_a_million_rows(write):
    path = write("a,b\n1,2\n" + "3," * 1_000_000 + "\n")
    assert "can't be read as a table" in refusal(read_table, path)
    path = write("a\n" + "7\n" * 1_000_000 + "8\n")
    assert "at least one to learn from" in refusal(suggest, path)
    rows = "".join(f"{row},{row}c\n" for row in range(300_000))
    assert "300000 different values" in refusal(suggest, write("a,y\n" + rows))


def test_numbers_of_many_columns_are_exact(write):
    values = np.random.default_rng(3).standard_normal((4, 2000)) * 10.0 ** np.arange(-20, 20).repeat(50)
    text = ",".join(f"c{column}" for column in range(2000)) + ",y\n"
    text += "".join(",".join(map(repr, row.tolist())) + f",{number}\n" for number, row in enumerate(values))
    assert np.array_equal(load_table(source(write(text)), "regression").features, values)
