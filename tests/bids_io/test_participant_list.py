import pytest

from qsmrim_app.bids_io.participant_list import ParticipantList, compare_participants


def test_no_list_says_nothing(tmp_path):
    assert compare_participants(tmp_path, ["01"]) == ParticipantList()


@pytest.mark.parametrize(
    ("rows", "notes", "unlisted"),
    [
        (["sub-01", "sub-02"], [], []),
        (["01", "02"], [], []),
        (["sub-01"], [], ["02"]),
        (["sub-01", "sub-02", "sub-03"], ["1 participant(s) without a folder: sub-03"], []),
        (["sub-01", "sub-01", "sub-02"], ["1 participant(s) twice: sub-01"], []),
        ([], [], ["01", "02"]),
    ],
)
def test_list_and_folders_are_compared_both_ways(tmp_path, rows, notes, unlisted):
    (tmp_path / "participants.tsv").write_text("\n".join(["participant_id", *rows]) + "\n")
    found = compare_participants(tmp_path, ["01", "02"])
    assert len(found.notes) == len(notes)
    assert all(expected in note for expected, note in zip(notes, found.notes, strict=True))
    assert found.unlisted == frozenset(unlisted)
    assert [bool(found.notes_on(subject)) for subject in ("01", "02")] == [
        subject in unlisted for subject in ("01", "02")
    ]


def test_of_many_the_first_ten_are_named(tmp_path):
    rows = [f"sub-{n:02d}" for n in range(30)]
    (tmp_path / "participants.tsv").write_text("\n".join(["participant_id", *rows]) + "\n")
    (note,) = compare_participants(tmp_path, []).notes
    assert note.endswith("sub-09, ...")
    assert "30 participant(s)" in note
