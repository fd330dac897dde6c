"""The page of a session, made from what the session wrote."""

import pytest

from qsmrim_app.errors import MissingImageError, OutputError
from qsmrim_app.levels.session_report import PageTask, write_page
from qsmrim_app.records import SessionKey


@pytest.mark.parametrize("content", ["", "[1]", "{}", "\xff", "[" * 100_000])
def test_damaged_facts_are_named(content, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "report-sub-01.json").write_text(content, encoding="latin-1")
    with pytest.raises(OutputError, match=r"report-sub-01\.json is damaged .* analyse the session again"):
        write_page(PageTask(SessionKey("01"), tmp_path))


def test_facts_that_are_gone_are_a_missing_file(tmp_path):
    with pytest.raises(MissingImageError, match=r"report-sub-01\.json is not there; analyse") as missing:
        write_page(PageTask(SessionKey("01"), tmp_path))
    assert missing.value.exit_code == 66
