"""What nodes leave behind is read back as it was."""

import numpy as np
import pytest

from qsmrim_app.errors import (
    GridMismatchError,
    InputError,
    PreprocessingError,
    QsmrimError,
    WorkerKilledError,
)
from qsmrim_app.preprocessing.outcomes import clear_outcome, crash_files, outcome
from qsmrim_app.preprocessing.prepared_file import read_error, read_prepared, write_error, write_prepared
from qsmrim_app.records import PreparedSubject, RegistrationResult, SessionKey

KEY = SessionKey("01", "a")


def _subclasses(kind):
    return [kind, *(below for child in kind.__subclasses__() for below in _subclasses(child))]


def _prepared(folder):
    matrix = np.eye(4)
    matrix[0, 3] = 0.1 + 0.2
    result = RegistrationResult(matrix, "rigid", "sitk", 0.1, 0.2, 0.3, 0.4)
    images = ("qsm", "flair", "lesions", "brain_mask")
    return PreparedSubject(
        KEY,
        **{f"native_{name}": folder / f"{name}.nii" for name in images},
        native_rim_labels=None,
        **{f"analysis_{name}": folder / f"a_{name}.nii" for name in images},
        source_labels=(1, 70000),
        registration=result,
        qsm_units_found="ppb",
        warnings=("mind",),
    )


@pytest.mark.parametrize("kind", _subclasses(QsmrimError))
def test_every_error_comes_back_as_itself(kind, tmp_path):
    write_error(kind("sub-01: it is so"), tmp_path)
    found = read_error(tmp_path / "error.json")
    assert type(found) is kind
    assert str(found) == "sub-01: it is so"


def test_a_prepared_subject_comes_back_with_every_digit(tmp_path):
    prepared = _prepared(tmp_path)
    write_prepared(prepared, tmp_path / "prepared.json")
    found = read_prepared(tmp_path / "prepared.json")
    np.testing.assert_array_equal(found.registration.flair_to_qsm, prepared.registration.flair_to_qsm)
    for name in prepared.__dataclass_fields__:
        if name != "registration":
            assert getattr(found, name) == getattr(prepared, name)


def _session(tmp_path):
    folder = tmp_path / "sub_01_ses_a_wf"
    (folder / "qsm").mkdir(parents=True)
    (folder / "gather").mkdir()
    return folder


def test_an_error_wins_and_gets_its_session(tmp_path):
    folder = _session(tmp_path)
    write_prepared(_prepared(tmp_path), folder / "gather" / "prepared.json")
    write_error(GridMismatchError("grids differ"), folder / "qsm")
    found = outcome(KEY, folder, [], "")
    assert type(found) is GridMismatchError
    assert str(found) == "sub-01_ses-a: grids differ"
    write_error(InputError("/x/sub-01_FLAIR.nii: wrong"), folder / "qsm")
    assert str(outcome(KEY, folder, [], "")) == "/x/sub-01_FLAIR.nii: wrong"


def test_a_crash_of_the_session_and_of_no_other(tmp_path):
    folder = _session(tmp_path)
    crash = tmp_path / "crash-1.txt"
    crash.write_text("Node: prepare_wf.sub_01_ses_a_wf.qsm\nTraceback:\n\nZeroDivisionError: x\n\n")
    found = outcome(KEY, folder, [crash], "")
    assert type(found) is PreprocessingError
    assert "'qsm'" in str(found)
    assert "ZeroDivisionError: x" in str(found)
    assert str(crash) in str(found)
    other = outcome(SessionKey("01", "b"), tmp_path / "sub_01_ses_b_wf", [crash], "")
    assert type(other) is WorkerKilledError


@pytest.mark.parametrize("indent", ["", "\t"])
def test_a_step_that_gets_no_memory_may_be_tried_again(indent, tmp_path):
    folder = _session(tmp_path)
    crash = tmp_path / "crash-1.txt"
    crash.write_text(f"Node: prepare_wf.sub_01_ses_a_wf.qsm\nTraceback:\n\n{indent}MemoryError: 3 GiB\n")
    found = outcome(KEY, folder, [crash], "")
    assert type(found) is WorkerKilledError
    assert "got no more memory" in str(found)


def test_neither_result_nor_reason(tmp_path):
    folder = _session(tmp_path)
    assert "probably for lack of memory" in str(outcome(KEY, folder, [], ""))
    stopped = outcome(KEY, folder, [], "the run stopped at the first failure")
    assert type(stopped) is PreprocessingError
    assert "stopped at the first failure" in str(stopped)


def test_an_earlier_end_is_forgotten(tmp_path):
    folder = _session(tmp_path)
    write_prepared(_prepared(tmp_path), folder / "gather" / "prepared.json")
    write_error(InputError("old"), folder / "qsm")
    clear_outcome(folder)
    assert type(outcome(KEY, folder, [], "")) is WorkerKilledError
    assert crash_files(tmp_path) == set()
