import pytest

from qsmrim_app.evaluation.bootstrap import Estimate
from studies.markdown import BEGIN, END, percent, table, with_interval, write_generated

NAN = float("nan")


def test_a_table():
    assert table(["a", "b"], [["x", 1], ["y", 2]]) == "| a | b |\n| --- | --: |\n| x | 1 |\n| y | 2 |"


def test_numbers_with_and_without_interval():
    assert with_interval(Estimate(0.812, 0.75, 0.86, 2000)) == "0.81 (0.75 to 0.86)"
    assert with_interval(Estimate(0.812, NAN, NAN, 0)) == "0.81"
    assert with_interval(Estimate(NAN, NAN, NAN, 0)) == "–"
    assert percent(0.0425) == "4.2 %"
    assert percent(NAN) == "–"


def test_what_a_hand_wrote_stays(tmp_path):
    page = tmp_path / "docs" / "page.md"
    write_generated(page, "# Head\n", "one")
    assert page.read_text() == f"# Head\n\n{BEGIN}\none\n{END}\n"
    page.write_text(page.read_text().replace("# Head", "# Head\n\nby hand") + "\nafter\n")
    write_generated(page, "# Head\n", "two")
    assert page.read_text() == f"# Head\n\nby hand\n\n{BEGIN}\ntwo\n{END}\n\nafter\n"


def test_a_page_without_markers_is_not_touched(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("all by hand\n")
    with pytest.raises(ValueError, match="add both lines"):
        write_generated(page, "", "new")
    assert page.read_text() == "all by hand\n"
