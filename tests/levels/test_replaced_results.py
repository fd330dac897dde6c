"""Results that stood in the output folder before: of the same map, of another one, or rated by hand."""

import json
from pathlib import Path

import pytest

from qsmrim_app.bids_io.outcomes import CUT_SHORT, session_outcomes
from qsmrim_app.levels import session_tasks
from qsmrim_app.levels.run_log import SessionStatus, write_status
from qsmrim_app.levels.session_report import model_of
from qsmrim_app.records import SessionKey
from tests.levels.phantom_outputs import write_subject

KEY = SessionKey("01")
TABLE = "sub-01/anat/sub-01_space-Chimap_desc-lesions_dseg.tsv"


@pytest.fixture
def analyse(tmp_path):
    """Write the results of a phantom into ``out`` once more; what is to be said of it."""

    def write(**changes):
        scratch = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
        scratch.mkdir()
        return write_subject("01", tmp_path / "out", scratch, **changes)

    return write


def test_results_of_another_map_are_not_replaced_unseen(analyse, tmp_path, caplog):
    assert analyse() == analyse() == ()
    (chimap,) = (tmp_path / "out").rglob("*_Chimap.nii.gz")
    content = chimap.read_bytes()
    chimap.write_bytes(b"of a participant of another dataset")
    (said,) = analyse()
    assert said.startswith("the results of another susceptibility map, or of one that was read otherwise")
    assert f"sub-01: {said}" in caplog.text
    assert chimap.read_bytes() == content


def edited(table: Path, column: str, value: str) -> bytes:
    """A table after two of its cells were edited by hand; a column that it lacks is added."""
    head, *lines = [line.split("\t") for line in table.read_text().splitlines()]
    if column not in head:
        head.append(column)
        lines = [[*line, "n/a"] for line in lines]
    for line in lines[:2]:
        line[head.index(column)] = value
    table.write_text("".join("\t".join(line) + "\n" for line in (head, *lines)))
    return table.read_bytes()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("rim_expert", "1", "has 2 expert rating(s) that this run did not find, or found otherwise"),
        ("rim_expert", "1.0", "has 2 expert rating(s) that this run did not find, or found otherwise"),
        ("rim_rater2", "0", "has 2 expert rating(s) that this run did not find, or found otherwise"),
        ("rim_expert", "ja", "cannot be read as qsmrim wrote it"),
        ("PRL", "1", "has 1 column(s) that are not qsmrim's"),
    ],
)
def test_ratings_typed_into_the_output_are_kept_aside(column, value, said, analyse, tmp_path):
    analyse(rated=False)
    table, kept = tmp_path / "out" / TABLE, tmp_path / "out" / "logs"
    typed = edited(table, column, value)
    (sentence,) = analyse(rated=False)
    assert sentence.startswith(f"the former {table.name} {said}; it was kept as logs/former-sub-01_1.tsv.")
    assert (kept / "former-sub-01_1.tsv").read_bytes() == typed
    assert analyse(rated=False) == ()
    table.write_bytes(typed)
    assert "logs/former-sub-01_2.tsv" in analyse(rated=False)[0]
    assert (kept / "former-sub-01_1.tsv").read_bytes() == typed


def test_a_table_that_is_no_text_any_more_is_kept_aside(analyse, tmp_path):
    analyse()
    table = tmp_path / "out" / TABLE
    table.write_bytes(table.read_text().encode("utf-16"))
    assert "cannot be read as qsmrim wrote it; it was kept as" in analyse()[0]


def test_ratings_that_are_found_again_are_no_news(analyse, tmp_path):
    assert analyse() == ()
    assert analyse() == ()
    edited(tmp_path / "out" / TABLE, "rim_expert", "0")  # one of them was 1
    assert "has 1 expert rating(s)" in analyse()[0]
    assert len(list((tmp_path / "out" / "logs").glob("former-*"))) == 1


def test_a_session_whose_results_are_being_replaced_is_not_done(analyse, tmp_path, monkeypatch):
    out = tmp_path / "out"
    analyse()
    write_status(out, {KEY: SessionStatus("done", 0)})
    (out / "sub-01.html").write_text("page of the first run")
    (out / "logs" / "report-sub-01.json").write_text('{"model": {}}')

    def killed(task):
        raise KeyboardInterrupt

    monkeypatch.setattr(session_tasks, "_write_transform", killed)
    with pytest.raises(KeyboardInterrupt):
        analyse()
    status = json.loads((out / "logs" / "status-sub-01.json").read_text())
    assert (status["state"], status["exit_code"], status["reason"]) == ("writing", 75, CUT_SHORT)
    assert not (out / "sub-01.html").exists()
    assert model_of(out, KEY) is None
    (outcome,) = session_outcomes(out)
    assert (outcome.outcome, outcome.reason) == ("failed", CUT_SHORT)
    monkeypatch.undo()
    analyse()  # the table is there again, but nothing says that its page is
    (outcome,) = session_outcomes(out)
    assert (outcome.outcome, outcome.reason) == ("analysed", CUT_SHORT)
