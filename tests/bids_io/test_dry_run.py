from qsmrim_app.bids_io.dry_run import dry_run_table
from qsmrim_app.bids_io.query import find_inputs
from qsmrim_app.settings import InputSettings
from tests.bids_io.skeletons import complete, skeleton


def test_found_and_missing(tmp_path):
    files = [*complete("01"), *(file for file in complete("02") if "Chimap" not in file)]
    text = dry_run_table(find_inputs(skeleton(tmp_path, files), InputSettings()))
    assert "bids:qsm:sub-01/anat/sub-01_Chimap.nii.gz" in text
    (line,) = (line for line in text.splitlines() if "MISSING" in line)
    assert "qsm" in line
    assert "no susceptibility map" in text
    assert text.splitlines()[-1] == "1 session(s) can be processed, 1 cannot"


def test_plain_text_of_a_fixed_width(tmp_path, monkeypatch):
    found = find_inputs(skeleton(tmp_path, complete("verylonglabel" * 5)), InputSettings())
    monkeypatch.setenv("COLUMNS", "30")
    text = dry_run_table(found, width=120)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 120
    assert "\x1b" in dry_run_table(
        find_inputs(skeleton(tmp_path / "b", ["sub-1/anat/x"]), InputSettings()), color=True
    )


def test_a_filter_that_hides_an_optional_file_is_in_the_table(tmp_path):
    files = [*complete(), "derivatives/qsm/sub-01/anat/sub-01_desc-brain_mask.nii.gz"]
    settings = InputSettings(bids_filters={"brain_mask": {"desc": "nope"}})
    text = dry_run_table(find_inputs(skeleton(tmp_path, files), settings), width=400)
    (line,) = (line for line in text.splitlines() if "brain_mask" in line)
    assert "--bids-filter-file leaves no file" in line


def test_what_is_to_be_known_of_lesions_and_unread_images_is_in_the_table(tmp_path):
    files = [
        "sub-01/anat/sub-01_run-2_FLAIR.nii.gz",
        "sub-01/anat/sub-01_T1w.mgz",
        "derivatives/qsm/sub-01/anat/sub-01_Chimap.nii.gz",
        "derivatives/lesions/sub-01/anat/sub-01_run-1_space-FLAIR_label-lesion_mask.nii.gz",
    ]
    text = dry_run_table(find_inputs(skeleton(tmp_path, files), InputSettings()), width=400)
    lines = text.splitlines()
    (lesions,) = (line for line in lines if "label-lesion_mask" in line)
    assert "is of run 1, but sub-01_run-2_FLAIR.nii.gz of run 2 is used" in lesions
    (unread,) = (line for line in lines if "not read" in line)
    assert "sub-01_T1w.mgz was not read" in unread
