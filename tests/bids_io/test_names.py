import re

import pytest

from qsmrim_app.bids_io import names
from qsmrim_app.bids_io.io_spec import io_spec
from qsmrim_app.records import SessionKey

ROLES = [(role, ext) for role, (_, exts) in io_spec()["outputs"]["session"].items() for ext in exts]


@pytest.mark.parametrize(
    ("role", "extension", "expected"),
    [
        ("lesions", ".tsv", "sub-01/ses-b/anat/sub-01_ses-b_space-Chimap_desc-lesions_dseg.tsv"),
        ("rim", ".nii.gz", "sub-01/ses-b/anat/sub-01_ses-b_space-Chimap_desc-rim_dseg.nii.gz"),
        ("probability", ".json", "sub-01/ses-b/anat/sub-01_ses-b_space-Chimap_label-rim_probseg.json"),
        ("qsm", ".nii.gz", "sub-01/ses-b/anat/sub-01_ses-b_desc-preproc_Chimap.nii.gz"),
        ("transform", ".txt", "sub-01/ses-b/anat/sub-01_ses-b_from-FLAIR_to-Chimap_mode-image_xfm.txt"),
        ("report", ".html", "sub-01_ses-b.html"),
    ],
)
def test_session_names(role, extension, expected):
    assert names.session_path(SessionKey("01", "b"), role, extension).as_posix() == expected


def test_without_session():
    path = names.session_path(SessionKey("01"), "flair", ".nii.gz")
    assert path.as_posix() == "sub-01/anat/sub-01_space-Chimap_desc-preproc_FLAIR.nii.gz"


def test_an_extension_that_is_not_written_is_refused():
    with pytest.raises(KeyError, match=r"\.nii\.gz"):
        names.session_path(SessionKey("01"), "lesions", ".csv")


def test_no_two_outputs_share_a_name():
    keys = [SessionKey("01"), SessionKey("01", "1"), SessionKey("011"), SessionKey("0", "11")]
    paths = [names.session_path(key, role, ext) for key in keys for role, ext in ROLES]
    assert len(set(paths)) == len(paths) == len(keys) * len(ROLES)


@pytest.mark.parametrize("key", [SessionKey("01"), SessionKey("01", "b"), SessionKey("x9", "2020")])
def test_key_of_table_is_the_inverse(key):
    assert names.key_of_table(names.session_path(key, "lesions", ".tsv")) == key
    others = [names.session_path(key, role, ext) for role, ext in ROLES if (role, ext) != ("lesions", ".tsv")]
    assert {names.key_of_table(path) for path in others} == {None}


def test_figure_names_hold_letters_and_digits_only():
    path = names.figure_path(SessionKey("01", "b"), "lesion 3/rim_map")
    assert path.as_posix() == "sub-01/figures/sub-01_ses-b_desc-lesion3rimmap_qsmrim.svg"


def test_bidsignore_directories_take_no_trailing_slash():
    lines = names.bidsignore_text().splitlines()
    assert "models" in lines
    assert not [line for line in lines if re.search(r"/$|^\s*$", line)]
