import numpy as np
import pandas as pd
import pytest

from qsmrim_app.bids_io.tables_io import (
    cell_text,
    lesion_table_sidecar,
    read_lesion_table,
    write_lesion_table,
    write_table,
)
from qsmrim_app.errors import TableError
from qsmrim_app.tables.columns import LESION_COLUMNS
from qsmrim_app.tables.lesion_table import lesion_table

FULL = {
    "subject": "007",
    "session": "1",
    "index": 3,
    "name": "lesion-003",
    "volume_mm3": 12.5,
    "x_mm": -1.25,
    "p_rim": 1 / 3,
    "votes": 2,
    "rim_predicted": 0,
    "rim_expert": 1,
    "in_training_set": 1,
    "excluded_because": "",
    "flags": "cropped,at_border",
}
BARE = {"subject": "007", "index": 12, "name": "lesion-012", "excluded_because": "too_small"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "n/a"),
        (pd.NA, "n/a"),
        (float("nan"), "n/a"),
        (np.float64("nan"), "n/a"),
        ("", "n/a"),
        (True, "1"),
        (np.bool_(False), "0"),
        (3, "3"),
        (np.int64(40000000), "40000000"),
        (1 / 3, "0.333333"),
        (-0.0, "0"),
        (123456.789, "123457"),
        ("a\tb\r\nc", "a b c"),
        ("-0.16", "-0.16"),
        ("-1e-5", "-1e-5"),
        ("-1+2", "'-1+2"),
    ],
)
def test_cells(value, text):
    assert cell_text(value) == text


def test_labels_that_look_like_formulas_come_back(tmp_path):
    rows = [{**BARE, "subject": "+a1", "session": "+6m"}]
    write_lesion_table(tmp_path / "t.tsv", lesion_table(rows))
    assert "'+6m" in (tmp_path / "t.tsv").read_text()
    assert read_lesion_table(tmp_path / "t.tsv").keys() == [("+a1", "+6m", 12)]


def test_round_trip_by_key(tmp_path):
    table = lesion_table([FULL, BARE])
    write_lesion_table(tmp_path / "t.tsv", table)
    back = read_lesion_table(tmp_path / "t.tsv")
    assert back.keys() == [("007", "1", 3), ("007", "", 12)]
    pd.testing.assert_frame_equal(back.frame, table.frame, rtol=1e-5)
    write_lesion_table(tmp_path / "again.tsv", back)
    assert (tmp_path / "again.tsv").read_bytes() == (tmp_path / "t.tsv").read_bytes()


def test_no_lesion_is_a_table_too(tmp_path):
    write_lesion_table(tmp_path / "t.tsv", lesion_table([]))
    assert (tmp_path / "t.tsv").read_text() == "\t".join(LESION_COLUMNS) + "\n"
    assert len(read_lesion_table(tmp_path / "t.tsv")) == 0


def test_a_table_with_few_columns_is_read(tmp_path):
    (tmp_path / "t.tsv").write_text("index\tsubject\tname\trim_expert\n4\t01\tx\t1.0\n")
    frame = read_lesion_table(tmp_path / "t.tsv").frame
    assert frame.loc[0, "rim_expert"] == 1
    assert frame.loc[0, "session"] == ""
    assert np.isnan(frame.loc[0, "p_rim"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index\tsubject\tname\trim_expert\n4\t01\tx\t2\n", "not valid"),
        ("index\tsubject\tname\tp_rim\n4\t01\tx\thigh\n", "line 2: p_rim is a text of 4 letters"),
        ("index\tsubject\tname\tvotes\n4\t01\tx\t1.5\n", "whole number"),
        ("index\tsubject\tname\tcolour\n4\t01\tx\tred\n", "colour"),
        ("index\tsubject\tname\n4\t01\tx\n4\t01\ty\n", "not valid"),
        ("subject\tname\n01\tx\n", "not valid"),
    ],
)
def test_a_wrong_table_names_its_file(tmp_path, text, message):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(TableError, match=message) as error:
        read_lesion_table(tmp_path / "t.tsv")
    assert "t.tsv" in str(error.value)


def test_every_column_is_described():
    sidecar = lesion_table_sidecar()
    assert list(sidecar) == list(LESION_COLUMNS)
    assert all(entry["Description"] for entry in sidecar.values())
    assert sidecar["volume_mm3"]["Units"] == "mm^3"
    assert set(sidecar["rim_predicted"]["Levels"]) == {"0", "1"}


def test_rows_fit_their_columns(tmp_path):
    with pytest.raises(ValueError, match="2 cells"):
        write_table(tmp_path / "t.tsv", ("a",), [(1, 2)])


def test_flags_that_stand_together_in_a_cell_are_no_levels():
    described = lesion_table_sidecar()
    assert "Levels" not in described["flags"]
    assert described["flags"]["Parts"]["cropped"]
    assert described["excluded_because"]["Levels"]["too_small"]
