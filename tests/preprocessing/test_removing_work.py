"""Cleaning up takes away what the run made, and nothing else."""

from qsmrim_app.preprocessing.workflow import WORKFLOW, remove_work, session_wf_name
from qsmrim_app.records import SessionKey

MINE, OTHER = SessionKey("01", "a"), SessionKey("01", "b")


def _leave(work_dir, key):
    folder = work_dir / WORKFLOW / session_wf_name(key) / "node"
    folder.mkdir(parents=True)
    (folder / "image.nii").write_text("x")


def test_the_sessions_of_another_run_and_foreign_files_stay(tmp_path):
    _leave(tmp_path, MINE)
    _leave(tmp_path, OTHER)
    (tmp_path / "thesis.txt").write_text("x")
    remove_work(tmp_path, [MINE])
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["image.nii", "thesis.txt"]
    assert not (tmp_path / WORKFLOW / session_wf_name(MINE)).exists()


def test_an_empty_work_folder_goes_too(tmp_path):
    work_dir = tmp_path / "work"
    _leave(work_dir, MINE)
    remove_work(work_dir, [MINE])
    assert not work_dir.exists()
    remove_work(work_dir, [MINE])
