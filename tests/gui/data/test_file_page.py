"""The page of an own table: with thousands of columns it lists some, says how many not, and forgets none of them."""

import pytest
from msgspec.structs import replace

from playground.data.suggest import suggest
from playground.gui.data.file_page import MOST_LISTED, FilePage
from playground.gui.widgets.theme import Theme
from playground.training.run import plan_run


@pytest.fixture
def page_of(qtbot, tmp_path):
    def show(columns, ignore=()):
        path = tmp_path / "wide.csv"
        header = ",".join(f"c{column}" for column in range(columns - 1))
        rows = "".join(",".join(str(row * column % 9) for column in range(columns - 1)) + f",{row % 2}\n" for row in range(6))
        path.write_text(f"{header},kind\n{rows}")
        page = FilePage(Theme("light"))
        qtbot.addWidget(page)
        page.show()
        assert page.show_columns(plan_run(suggest(path, ignore=ignore)))
        return page

    return show


# Laying out twenty thousand boxes took minutes.
@pytest.mark.timeout(120)
@pytest.mark.parametrize("columns", [MOST_LISTED, MOST_LISTED + 1, 20_001])
def test_as_many_columns_are_listed_as_anyone_looks_through(page_of, qtbot, columns):
    page = page_of(columns)
    qtbot.wait(1)
    assert len(page.column_boxes) == page.target.box.count() == MOST_LISTED
    assert next(iter(page.column_boxes)) == "c0"
    assert not page.column_boxes["kind"].isEnabled(), "the target is always listed"
    assert page.target.box.currentText() == "kind"
    assert page.more.isVisible() == (columns > MOST_LISTED)
    if columns > MOST_LISTED:
        assert page.more.text().startswith("One more column is" if columns == MOST_LISTED + 1 else "19,801 more columns are")


def test_columns_that_are_not_listed_stay_left_out(page_of, qtbot):
    ignore = tuple(f"c{column}" for column in range(2, 400))
    page = page_of(500, ignore)
    assert "c399" not in page.column_boxes
    with qtbot.waitSignal(page.columns_chosen) as chosen:
        page.column_boxes["c0"].click()
    targets, left_out = chosen.args
    assert targets == ("kind",)
    assert sorted(left_out) == sorted({"c0", *ignore})


def test_names_of_an_experiment_that_was_written_elsewhere_are_those_of_the_table(qtbot, tmp_path):
    """Its file may hold é as two letters."""
    path = tmp_path / "table.csv"
    path.write_text("caf\u00e9,a,th\u00e9\n1,2,0\n3,4,1\n5,7,0\n")
    experiment = suggest(path, ignore=("caf\u00e9",))
    source = replace(experiment.data.source, targets=("the\u0301",), ignore=("cafe\u0301",))
    page = FilePage(Theme("light"))
    qtbot.addWidget(page)
    page.show_columns(plan_run(replace(experiment, data=replace(experiment.data, source=source))))
    assert page.target.box.currentText() == "th\u00e9"
    assert set(page.column_boxes) == {"caf\u00e9", "a", "th\u00e9"}
    assert not page.column_boxes["caf\u00e9"].isChecked()
    assert not page.column_boxes["th\u00e9"].isEnabled()
