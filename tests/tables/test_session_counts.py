from dataclasses import fields

import pytest

from qsmrim_app.tables.lesion_table import lesion_table
from qsmrim_app.tables.session_counts import RIMCOUNT_COLUMNS, SessionCounts, analysed_session


def _table(*rows):
    named = [{"subject": "a:01", "index": n, "name": str(n), **row} for n, row in enumerate(rows, start=1)]
    return lesion_table(named)


def test_counts_by_hand():
    table = _table(
        {"volume_mm3": 10, "qsm_mean_ppb": 30, "rim_expert": 1, "rim_predicted": 0},
        {"volume_mm3": 2.5, "qsm_mean_ppb": 10, "rim_expert": 0, "rim_predicted": 1},
        {"volume_mm3": 1, "qsm_mean_ppb": 12, "rim_predicted": 1},
        {"volume_mm3": 0, "rim_expert": 1, "excluded_because": "not_on_grid"},
    )
    found = analysed_session("a:01", "", table, "analysed", 3, "old")
    assert found.row() == ("a:01", "", "analysed", 4, 3, 3, 2, 2, pytest.approx(13.5), 12.0, 3, "old")


def test_without_lesions_there_are_none_with_a_rim():
    found = analysed_session("a:01", "b", _table(), "analysed")
    assert (found.n_lesions, found.n_rim_expert, found.n_rim_predicted) == (0, 0, 0)
    assert (found.lesion_volume_mm3, found.qsm_median_ppb) == (0, None)


def test_what_nobody_said_is_not_zero():
    found = analysed_session("a:01", "", _table({"volume_mm3": 3}), "analysed")
    assert (found.n_rim_expert, found.n_rim_predicted) == (None, None)


def test_a_row_has_the_columns_of_its_table():
    assert [field.name for field in fields(SessionCounts)] == list(RIMCOUNT_COLUMNS)
