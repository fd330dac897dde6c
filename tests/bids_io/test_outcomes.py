import json

import pytest

from qsmrim_app.bids_io.outcomes import (
    STALE,
    SessionOutcome,
    left_sessions,
    linked_raw,
    session_outcomes,
)
from qsmrim_app.records import SessionKey
from tests.bids_io.test_participants import put


def _status(out, key, state, reason=""):
    path = out / "logs" / f"status-{key.prefix}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"state": state, "exit_code": 65, "reason": reason}))


def test_every_session_of_output_and_raw_dataset_has_its_outcome(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    for folder in ("sub-01/ses-a", "sub-01/ses-b", "sub-02/anat", "sub-03/anat", "sub-bad name", "code"):
        (raw / folder).mkdir(parents=True)
    (raw / "sub-04.txt").touch()
    put(out, SessionKey("01", "a"), {"volume_mm3": 3})
    put(out, SessionKey("02"))
    _status(out, SessionKey("02"), "done")
    _status(out, SessionKey("03"), "failed", "no FLAIR")
    _status(out, SessionKey("09"), "failed", "gone from the raw dataset")
    assert session_outcomes(out, raw) == (
        SessionOutcome(SessionKey("01", "a"), "analysed"),
        SessionOutcome(SessionKey("01", "b"), "no_output"),
        SessionOutcome(SessionKey("02"), "analysed"),
        SessionOutcome(SessionKey("03"), "failed", "no FLAIR"),
        SessionOutcome(SessionKey("09"), "failed", "gone from the raw dataset"),
    )


def test_a_table_of_an_earlier_run_is_used_and_told(tmp_path):
    put(tmp_path, SessionKey("01"))
    _status(tmp_path, SessionKey("01"), "failed", "no memory")
    assert session_outcomes(tmp_path) == (
        SessionOutcome(SessionKey("01"), "analysed", f"{STALE} (no memory)"),
    )


def test_sessions_that_only_a_derivative_has_are_those_of_the_participant(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    for folder in ("sub-01/anat", "sub-02/anat", "sub-03/anat"):
        (raw / folder).mkdir(parents=True)
    put(out, SessionKey("01", "1"))
    _status(out, SessionKey("02", "1"), "failed", "no FLAIR")
    assert session_outcomes(out, raw) == (
        SessionOutcome(SessionKey("01", "1"), "analysed"),
        SessionOutcome(SessionKey("02", "1"), "failed", "no FLAIR"),
        SessionOutcome(SessionKey("03"), "no_output"),
    )


def test_the_raw_dataset_is_the_one_that_the_output_links_to(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    (raw / "sub-07").mkdir(parents=True)
    out.mkdir()
    assert linked_raw(out) is None
    (out / "dataset_description.json").write_text(json.dumps({"DatasetLinks": {"raw": "../raw"}}))
    assert linked_raw(out) is None  # what lies at a path of a container may be any folder
    (raw / "dataset_description.json").write_text('{"Name": "raw"}')
    assert linked_raw(out).samefile(raw)
    assert session_outcomes(out) == (SessionOutcome(SessionKey("07"), "no_output"),)
    (out / "dataset_description.json").write_text(json.dumps({"DatasetLinks": {"raw": "../elsewhere"}}))
    assert session_outcomes(out) == ()


@pytest.mark.parametrize("content", ["{half", "[]", "3", "{}", "[" * 100_000])
def test_a_status_that_cannot_be_read_is_said(content, tmp_path):
    _status(tmp_path, SessionKey("01"), "done")
    (tmp_path / "logs" / "status-sub-01.json").write_text(content)
    (outcome,) = session_outcomes(tmp_path)
    assert (outcome.key, outcome.outcome) == (SessionKey("01"), "failed")
    assert outcome.reason == "status-sub-01.json cannot be read, so how its last run ended is unknown"


def test_sessions_that_got_another_name_are_left(tmp_path):
    renamed, before_sessions = SessionKey("01", "a"), SessionKey("02")
    known = {SessionKey("01", "b"), SessionKey("02", "x"), SessionKey("03"), SessionKey("03", "2")}
    for key in (*known, renamed, before_sessions, SessionKey("05")):
        put(tmp_path, key)
    assert left_sessions(tmp_path, known) == [renamed, before_sessions]
    assert left_sessions(tmp_path, known - {SessionKey("02", "x")}) == [renamed]
