"""A work folder that somebody else filled: nipype keeps the results of its steps there as pickles."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import pytest

from qsmrim_app.errors import PreprocessingError
from qsmrim_app.preprocessing.workflow import prepare_subjects
from qsmrim_app.records import PreparedSubject
from qsmrim_app.settings import DetectorSettings, PreprocessingSettings, ResourceSettings
from tests.preprocessing.sessions import write_session
from tests.robustness.rows import Row

HERE = "robustness/test_hostile_work.py"
PLANTED = Row(
    "Hostile files",
    "a work folder in which the stored result of a step is a pickle that would run a command",
    "refused, exit 70, says to remove the work folder; nothing runs",
    f"{HERE}::test_a_pickle_in_the_work_folder_does_not_run",
)
ROWS = (PLANTED,)


class Command:
    """What a pickle would call when it is loaded."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (Path.touch, (self.canary,))


def prepare(inputs, work_dir):
    settings = PreprocessingSettings(registration="header")
    found = prepare_subjects([inputs], settings, DetectorSettings().spacing_mm, work_dir, ResourceSettings())
    return found[inputs.key]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_pickle_in_the_work_folder_does_not_run(tmp_path):
    inputs = write_session(tmp_path / "session")
    assert isinstance(prepare(inputs, tmp_path / "work"), PreparedSubject)
    again = prepare(inputs, tmp_path / "work")  # its own results are read back
    assert isinstance(again, PreparedSubject)
    evil = pickle.dumps(Command(tmp_path / "canary"))
    for path in (tmp_path / "work").rglob("*.pklz"):
        with gzip.open(path, "wb") as file:
            file.write(evil)
    found = prepare(inputs, tmp_path / "work")
    assert not (tmp_path / "canary").exists()
    assert isinstance(found, PreprocessingError)
    assert found.exit_code == 70
    assert "is no result of a step; remove the work folder" in str(found)
    pickle.loads(evil)
    assert (tmp_path / "canary").exists(), "the pickle of this test is none"
