"""The phantoms are what they claim: other tests rely on their truth."""

import numpy as np
import pytest

from qsmrim_app.images import load_image, load_labels, susceptibility_unit
from qsmrim_app.preprocessing.resampling import resample_labels
from tests import phantoms
from tests.phantoms import DatasetSpec


@pytest.mark.parametrize("oblique", [False, True])
def test_every_lesion_is_there_and_only_rim_lesions_have_a_bright_edge(oblique):
    case = phantoms.phantom_case(oblique=oblique)
    truth = phantoms.rim_truth()
    assert set(np.unique(case.lesions.data)) == {0, *truth}
    spread = {label: case.qsm.data[case.lesions.data == label].std() for label in truth}
    assert min(spread[label] for label, rim in truth.items() if rim) > 30
    assert max(spread[label] for label, rim in truth.items() if not rim) < 12


def test_flair_to_qsm_takes_the_lesions_of_the_one_to_those_of_the_other():
    on_flair = phantoms.draw_head(phantoms.flair_grid(), grid_to_qsm_mm=phantoms.FLAIR_TO_QSM_MM).labels
    on_qsm = phantoms.draw_head(phantoms.qsm_grid(oblique=True)).labels
    moved = resample_labels(on_flair, on_qsm, np.linalg.inv(phantoms.FLAIR_TO_QSM_MM))
    wrong = resample_labels(on_flair, on_qsm, phantoms.FLAIR_TO_QSM_MM)
    for label in phantoms.rim_truth():
        assert _dice(moved.data == label, on_qsm.data == label) > 0.85
        assert _dice(wrong.data == label, on_qsm.data == label) < 0.75


def _dice(one, other) -> float:
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def test_no_lesions_give_an_empty_map_and_the_same_head():
    case = phantoms.phantom_case(lesions=())
    assert not case.lesions.data.any()
    np.testing.assert_array_equal(case.brain_mask.data, phantoms.phantom_case().brain_mask.data)


def test_the_dataset_holds_what_the_specification_says(tmp_path):
    spec = DatasetSpec(
        subjects=("01", "02"),
        sessions=("a", "b"),
        lesions={"02": ()},
        lesion_files=("mask",),
        lesions_space="Chimap",
        raters=False,
        units="ppb-unstated",
    )
    root = phantoms.write_dataset(tmp_path / "bids", spec)
    assert not (root / "derivatives" / "raters").exists()
    assert not list(root.rglob("*_dseg.nii.gz"))
    masks = sorted(root.rglob("*_space-Chimap_label-lesion_mask.nii.gz"))
    assert len(masks) == 4
    assert [bool(load_labels(path).volume.data.any()) for path in masks] == [True, True, False, False]
    qsm = next(root.rglob("sub-01_ses-a_Chimap.nii.gz"))
    assert susceptibility_unit(load_image(qsm).volume.data, None, qsm) == "ppb"


def test_the_same_specification_gives_the_same_bytes(tmp_path, phantom_dataset):
    again = phantoms.write_dataset(tmp_path / "bids")
    files = sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert files
    assert all((again / path).read_bytes() == (phantom_dataset / path).read_bytes() for path in files)
