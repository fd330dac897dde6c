"""The committed page is the one that the rows make, and every row names a test that is there."""

from importlib import import_module
from pathlib import Path

from tests.robustness.page import find_rows, page

PAGE = Path(__file__).parents[2] / "docs" / "robustness.md"


def test_the_committed_page_is_the_one_that_the_rows_make():
    assert PAGE.read_text(encoding="utf-8") == page(find_rows()), "run `make robustness-page`"


def test_no_row_is_without_an_outcome_or_stands_twice():
    rows = find_rows()
    assert len(rows) >= 60
    assert len({(row.section, row.trouble) for row in rows}) == len(rows)
    for row in rows:
        assert row.outcome.strip(), row
        assert "unknown" not in row.outcome.lower().replace("the unit is unknown", ""), row


def test_every_row_names_a_test():
    for row in find_rows():
        file, _, function = row.test.partition("::")
        module = import_module("tests." + file.removesuffix(".py").replace("/", "."))
        assert callable(getattr(module, function, None)), row
        assert function.startswith("test_"), row
