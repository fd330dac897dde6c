from pathlib import Path

import pytest

from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.embedding import DetectRimLesions
from qsmrim_app.errors import QsmrimError, UsageError


@pytest.fixture
def images(phantom_dataset) -> dict[str, str]:
    """The files of a session, by the names of the inputs."""
    derivatives = phantom_dataset / "derivatives"
    lesions = derivatives / "lesions" / "sub-01" / "anat" / "sub-01_space-FLAIR_desc-lesions_dseg.nii.gz"
    return {
        "qsm": str(derivatives / "qsm" / "sub-01" / "anat" / "sub-01_Chimap.nii.gz"),
        "flair": str(phantom_dataset / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz"),
        "magnitude": str(phantom_dataset / "sub-01" / "anat" / "sub-01_part-mag_T2starw.nii.gz"),
        "lesions": str(lesions),
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_images_in_maps_and_table_out(images, tmp_path):
    node = DetectRimLesions(**images, lesions_kind="instances", session_label="a", model="none")
    found = node.run(cwd=str(tmp_path)).outputs
    for name in ("lesions", "lesion_table", "rim_map", "probability_map", "report"):
        assert Path(getattr(found, name)).is_file()
    table = read_lesion_table(Path(found.lesion_table)).frame
    assert table["index"].tolist() == [1, 2, 3, 4, 5]
    assert table["qsm_mean_ppb"].notna().all()
    assert Path(found.rim_map).name.startswith("sub-01_ses-a_")
    assert Path(found.report).is_relative_to(tmp_path / "qsmrim")


def test_labels_may_bear_their_prefix_and_cannot_leave_the_folder(images):
    def key(**labels):
        return DetectRimLesions(**images, **labels)._subject_inputs().key

    assert key(participant_label="sub-01", session_label="ses-a").prefix == "sub-01_ses-a"
    for wrong in ("../01", "a b", "", "01/x", "01_ses-a"):
        with pytest.raises(UsageError, match="labels are letters and digits alone"):
            key(participant_label=wrong)


def test_a_session_that_fails_raises_with_its_reason(images, tmp_path):
    damaged = tmp_path / "sub-07_Chimap.nii.gz"
    damaged.write_bytes(Path(images["qsm"]).read_bytes()[:2000])
    node = DetectRimLesions(**{**images, "qsm": str(damaged)}, output_dir=str(tmp_path / "out"), model="none")
    with pytest.raises(QsmrimError, match=r"sub-07_Chimap\.nii\.gz"):
        node.run(cwd=str(tmp_path))
