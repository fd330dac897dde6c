import shutil
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from qsmrim_app.bids_io import names, participants
from qsmrim_app.bids_io.participants import lesion_tables, rebuild_participants, rebuild_sessions
from qsmrim_app.bids_io.tables_io import write_lesion_table, write_table
from qsmrim_app.records import SessionKey
from qsmrim_app.tables.lesion_table import lesion_table

HEADER = (
    "participant_id\tn_sessions\tn_lesions\tn_classified\tn_rim_positive\tn_rim_expert\tlesion_volume_mm3"
)


def put(out, key: SessionKey, *lesions: dict) -> None:
    rows = [
        {"subject": key.subject, "session": key.session, "index": n, "name": f"lesion-{n:03d}", **lesion}
        for n, lesion in enumerate(lesions, start=1)
    ]
    write_lesion_table(out / names.session_path(key, "lesions", ".tsv"), lesion_table(rows))


def test_one_row_a_subject(tmp_path):
    put(tmp_path, SessionKey("02"))
    put(
        tmp_path,
        SessionKey("01", "a"),
        {"volume_mm3": 10, "rim_predicted": 1, "rim_expert": 0},
        {"volume_mm3": 2.5, "rim_predicted": 0, "rim_expert": 1},
        {"excluded_because": "too_small"},
    )
    put(tmp_path, SessionKey("01", "b"), {"volume_mm3": 1, "rim_predicted": 1})
    rebuild_participants(tmp_path)
    lines = (tmp_path / "participants.tsv").read_text().splitlines()
    assert lines == [HEADER, "sub-01\t2\t4\t3\t2\t1\t13.5", "sub-02\t1\t0\t0\t0\tn/a\t0"]


def test_a_table_that_pandas_wrote_again_counts_the_same(tmp_path):
    put(
        tmp_path,
        SessionKey("01"),
        {"volume_mm3": 10, "rim_predicted": 1, "rim_expert": 1},
        {"volume_mm3": 2.5, "rim_predicted": 0},
        {"excluded_because": "too_small"},
    )
    rebuild_participants(tmp_path)
    before = (tmp_path / "participants.tsv").read_text()
    (table,) = lesion_tables(tmp_path)
    pd.read_csv(table, sep="\t").to_csv(table, sep="\t", index=False)
    assert "1.0" in table.read_text()
    rebuild_participants(tmp_path)
    assert (tmp_path / "participants.tsv").read_text() == before


def test_a_copy_of_a_participant_s_folder_does_not_count(tmp_path):
    put(tmp_path, SessionKey("01", "a"), {"volume_mm3": 10})
    shutil.copytree(tmp_path / "sub-01", tmp_path / "sub-01_backup")
    shutil.copytree(tmp_path / "sub-01/ses-a", tmp_path / "sub-01/ses-a_old")
    assert [path.relative_to(tmp_path).parts[:2] for path in lesion_tables(tmp_path)] == [("sub-01", "ses-a")]
    assert len(lesion_tables(tmp_path / "sub-01")) == 1


def test_one_row_a_session(tmp_path):
    put(tmp_path, SessionKey("01", "b"), {"rim_predicted": 1})
    put(tmp_path, SessionKey("01", "a"))
    put(tmp_path, SessionKey("02"))
    rebuild_sessions(tmp_path, "01")
    rebuild_sessions(tmp_path, "02")
    rows = [line.split("\t") for line in (tmp_path / "sub-01/sub-01_sessions.tsv").read_text().splitlines()]
    assert [row[:4] for row in rows[1:]] == [["ses-a", "0", "0", "0"], ["ses-b", "1", "1", "1"]]
    assert not (tmp_path / "sub-02/sub-02_sessions.tsv").exists()


@pytest.mark.parametrize("damage", ["12,5", "inf\tx\ty", "\0"])
def test_a_damaged_table_of_one_does_not_hide_the_others(damage, tmp_path, caplog):
    put(tmp_path, SessionKey("01"), {"volume_mm3": 10, "rim_predicted": 1})
    put(tmp_path, SessionKey("02"), {"volume_mm3": 7.25, "rim_predicted": 1})
    (damaged,) = (path for path in lesion_tables(tmp_path) if "sub-02" in path.name)
    damaged.write_text(damaged.read_text().replace("7.25", damage))
    rebuild_participants(tmp_path)
    lines = (tmp_path / "participants.tsv").read_text().splitlines()
    assert lines[1].startswith("sub-01\t1\t1\t1\t1")
    assert lines[2] == "sub-02\t1" + "\tn/a" * 5
    assert damaged.name in caplog.text


def test_a_table_that_is_a_link_without_content_is_left_out(tmp_path):
    put(tmp_path, SessionKey("01"))
    put(tmp_path, SessionKey("02"))
    (dropped,) = (path for path in lesion_tables(tmp_path) if "sub-02" in path.name)
    dropped.unlink()
    dropped.symlink_to(tmp_path / "annex" / "gone")
    rebuild_participants(tmp_path)
    lines = (tmp_path / "participants.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == ["sub-01"]


def test_a_table_that_appears_while_counting_is_counted(tmp_path, monkeypatch):
    put(tmp_path, SessionKey("01"))
    late = [SessionKey("02"), SessionKey("03")]

    def slow(path, columns, rows):
        write_table(path, columns, rows)
        if path.name == "participants.tsv" and late:
            put(tmp_path, late.pop())  # another program finishes just after this one looked

    monkeypatch.setattr(participants, "write_table", slow)
    rebuild_participants(tmp_path)
    lines = (tmp_path / "participants.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == ["sub-01", "sub-02", "sub-03"]


def test_parallel_programs_lose_no_row(tmp_path):
    def run(number: int) -> None:
        put(tmp_path, SessionKey(f"{number:02d}"), {"rim_predicted": 1})
        rebuild_participants(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(24)))
    lines = (tmp_path / "participants.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == [f"sub-{n:02d}" for n in range(24)]


def test_other_label_tables_are_no_lesion_tables(tmp_path):
    put(tmp_path, SessionKey("01"))
    write_table(tmp_path / "sub-01/anat/sub-01_desc-aseg_dseg.tsv", ("index", "name"), [(1, "x")])
    assert [path.name for path in lesion_tables(tmp_path)] == ["sub-01_space-Chimap_desc-lesions_dseg.tsv"]


@pytest.mark.parametrize("name", ["participants.json", "sub-01/sub-01_sessions.json"])
def test_columns_are_described(tmp_path, name):
    put(tmp_path, SessionKey("01", "a"))
    rebuild_participants(tmp_path)
    rebuild_sessions(tmp_path, "01")
    assert '"Description"' in (tmp_path / name).read_text()
