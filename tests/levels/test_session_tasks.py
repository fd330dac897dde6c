import pytest

from qsmrim_app.errors import OutputError
from qsmrim_app.levels import session_tasks
from tests.levels.phantom_outputs import write_subject


def test_a_run_that_breaks_off_leaves_no_table_that_says_its_maps_are_whole(tmp_path, monkeypatch):
    def write(scratch):
        (tmp_path / scratch).mkdir()
        write_subject("01", tmp_path / "out", tmp_path / scratch)

    def full(task):
        raise OutputError("no space left")

    write("first")
    (table,) = tmp_path.glob("out/sub-01/anat/*lesions_dseg.tsv")
    whole = table.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(session_tasks, "_write_transform", full)
        with pytest.raises(OutputError):
            write("second")
    assert not table.exists()
    assert list(table.parent.glob("*lesions_dseg.nii.gz"))
    write("third")
    assert table.read_bytes() == whole
