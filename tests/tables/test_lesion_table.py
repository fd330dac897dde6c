"""The lesion table refuses what is wrong and joins by key."""

import numpy as np
import pandas as pd
import pytest

from qsmrim_app.errors import TableError, UnknownLesionError
from qsmrim_app.tables.columns import LESION_COLUMNS
from qsmrim_app.tables.lesion_table import LesionTable, concatenate, lesion_table


def _row(index=1, subject="01", **values):
    return {"subject": subject, "session": "", "index": index, "name": f"lesion-{index:03d}", **values}


def test_all_columns_in_order_with_their_dtypes():
    table = lesion_table([_row(volume_mm3=12.5, rim_predicted=1, votes=2)])
    assert list(table.frame.columns) == list(LESION_COLUMNS)
    dtypes = {"integer": "Int64", "number": "float64", "text": "object", "flag": "Int64"}
    assert {name: str(kind) for name, kind in table.frame.dtypes.items()} == {
        name: dtypes[column.kind] for name, column in LESION_COLUMNS.items()
    }


def test_what_a_row_does_not_name_is_missing_in_it():
    frame = lesion_table([_row()]).frame
    assert frame["rim_expert"].iloc[0] is pd.NA
    assert np.isnan(frame["p_rim"].iloc[0])
    assert frame["excluded_because"].iloc[0] == ""


def test_an_empty_table_is_a_table():
    table = lesion_table([])
    assert len(table) == 0
    assert table.keys() == []
    assert list(table.frame.columns) == list(LESION_COLUMNS)
    assert len(concatenate([])) == len(concatenate([table, table])) == 0
    assert len(concatenate([table, lesion_table([_row()])])) == 1


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"p_rim": 1.01}, "p_rim"),
        ({"p_rim": -0.01}, "p_rim"),
        ({"rim_expert": 2}, "rim_expert"),
        ({"volume_mm3": -1.0}, "volume_mm3"),
        ({"index": 0}, "index"),
        ({"subject": ""}, "subject"),
        ({"name": ""}, "name"),
    ],
)
def test_a_value_outside_its_range_is_refused_and_named(values, named):
    with pytest.raises(TableError, match=named):
        lesion_table([{**_row(), **values}])


def test_a_lesion_cannot_stand_twice():
    with pytest.raises(TableError):
        lesion_table([_row(3), _row(3)])
    assert len(lesion_table([_row(3), _row(3, subject="02"), _row(3, session="b")])) == 3


def test_an_unknown_column_is_refused_and_named():
    with pytest.raises(TableError, match="volume_ml"):
        lesion_table([_row(volume_ml=1.0)])


def test_a_missing_column_is_refused():
    frame = lesion_table([_row()]).frame
    with pytest.raises(TableError, match="p_rim"):
        LesionTable(frame.drop(columns="p_rim"))
    with pytest.raises(TableError):
        LesionTable(frame[list(reversed(frame.columns))])


def test_values_go_to_lesions_by_key_whatever_the_order():
    table = lesion_table([_row(2), _row(300), _row(1, subject="02")])
    values = {("02", "", 1): 0.1, ("01", "", 300): 0.3, ("01", "", 2): 0.2}
    assert table.with_columns({"p_rim": values}).frame["p_rim"].tolist() == [0.2, 0.3, 0.1]


def test_rows_that_get_no_value_keep_theirs():
    table = lesion_table([_row(1, votes=1), _row(2, votes=2)])
    changed = table.with_columns({"votes": {("01", "", 2): 3}, "rim_predicted": {("01", "", 1): 0}})
    assert changed.frame["votes"].tolist() == [1, 3]
    assert changed.frame["rim_predicted"].isna().tolist() == [False, True]
    assert table.frame["votes"].tolist() == [1, 2]


def test_a_value_for_a_lesion_that_is_not_there_is_an_error():
    with pytest.raises(UnknownLesionError, match="'01', '', 9"):
        lesion_table([_row(1)]).with_columns({"p_rim": {("01", "", 9): 0.5}})


def test_a_row_with_a_reason_is_not_classified():
    table = lesion_table([_row(1), _row(2, excluded_because="too_small")])
    assert table.classified.tolist() == [True, False]
