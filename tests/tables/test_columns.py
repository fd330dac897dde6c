"""The columns are described completely, and the user's page says the same."""

import re
from pathlib import Path

import pytest

from qsmrim_app.bids_io.fold_table import FOLD_COLUMNS
from qsmrim_app.bids_io.io_spec import io_spec
from qsmrim_app.bids_io.participants import PARTICIPANT_COLUMNS, SESSION_COLUMNS
from qsmrim_app.levels.evaluating import COMPARISON_COLUMNS, COUNT_COLUMNS, RELIABILITY_COLUMNS
from qsmrim_app.levels.held_out import HELD_OUT_COLUMNS
from qsmrim_app.tables.columns import EXCLUSION_REASONS, KEY_COLUMNS, LESION_COLUMNS, LESION_FLAGS
from qsmrim_app.tables.session_counts import RIMCOUNT_COLUMNS

OUTPUTS = Path(__file__).resolve().parents[2] / "docs" / "outputs.md"


def test_the_key_comes_first():
    assert tuple(LESION_COLUMNS)[:3] == KEY_COLUMNS == ("subject", "session", "index")


def test_every_number_with_a_unit_in_its_name_has_that_unit():
    unit = {"mm3": "mm^3", "mm": "mm", "ppb": "ppb"}
    for name, column in LESION_COLUMNS.items():
        suffix = name.rsplit("_", 1)[-1]
        assert column.units == unit.get(suffix), name


def test_every_flag_says_what_1_and_0_mean():
    for name, column in LESION_COLUMNS.items():
        if column.kind == "flag":
            assert set(column.levels or {}) == {"0", "1"}, name


def test_outputs_page_lists_the_columns_of_the_lesion_table_in_order():
    section = OUTPUTS.read_text().partition("<!-- columns -->")[2].partition("<!-- /columns -->")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", section, flags=re.MULTILINE)
    expected = [(name, column.units or "", column.description) for name, column in LESION_COLUMNS.items()]
    assert rows == expected


def test_outputs_page_explains_every_exclusion_and_flag():
    text = OUTPUTS.read_text()
    for reasons, marker in ((EXCLUSION_REASONS, "reasons"), (LESION_FLAGS, "flags")):
        section = text.partition(f"<!-- {marker} -->")[2].partition(f"<!-- /{marker} -->")[0]
        rows = re.findall(r"^\| `(\w+)` \| (.*?) \|$", section, flags=re.MULTILINE)
        assert rows == list(reasons.items())


@pytest.mark.parametrize(
    ("columns", "marker"),
    [
        (PARTICIPANT_COLUMNS, "participants"),
        (SESSION_COLUMNS, "sessions"),
        (FOLD_COLUMNS, "folds"),
        (HELD_OUT_COLUMNS, "held-out"),
        (RELIABILITY_COLUMNS, "reliability"),
        (COMPARISON_COLUMNS, "comparison"),
        (RIMCOUNT_COLUMNS, "rimcounts"),
        (COUNT_COLUMNS, "method-counts"),
    ],
)
def test_outputs_page_lists_the_columns_of_other_tables(columns, marker):
    section = OUTPUTS.read_text().partition(f"<!-- {marker} -->")[2].partition(f"<!-- /{marker} -->")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", section, flags=re.MULTILINE)
    assert rows == [(name, column.units or "", column.description) for name, column in columns.items()]


@pytest.mark.parametrize("role", sorted(io_spec()["outputs"]["session"]))
def test_outputs_page_names_every_file_of_a_session(role):
    pattern = io_spec()["outputs"]["session"][role][0]
    name = pattern.removeprefix("{folder}/anat/").removeprefix("{prefix}").removeprefix("_")
    assert (name or ".html") in OUTPUTS.read_text()
