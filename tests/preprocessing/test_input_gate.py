"""Wrong input is refused in one sentence with the file; what can be read either way is said."""

from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.errors import GridMismatchError, InputError, UnitError
from qsmrim_app.images import save_volume, to_ppm
from qsmrim_app.preprocessing import input_gate
from qsmrim_app.preprocessing.input_gate import (
    check_inside_head,
    load_intensities,
    load_lesions,
    load_on_qsm_grid,
    load_qsm,
)
from qsmrim_app.preprocessing.session_mask import mask_for_flair, session_mask
from qsmrim_app.preprocessing.similarity import dice
from qsmrim_app.records import Volume
from tests import phantoms
from tests.preprocessing.sessions import flipped


@pytest.fixture(scope="module")
def qsm():
    return phantoms.draw_head(phantoms.qsm_grid(oblique=True))


@pytest.fixture(scope="module")
def flair():
    return phantoms.draw_head(phantoms.flair_grid(), grid_to_qsm_mm=phantoms.FLAIR_TO_QSM_MM)


def _saved(volume, path):
    save_volume(volume, path)
    return path


def test_qsm_comes_in_ppb_whatever_the_file_holds(qsm, tmp_path):
    ppm = load_qsm(_saved(to_ppm(qsm.qsm), tmp_path / "ppm.nii"), None)
    ppb = load_qsm(_saved(qsm.qsm, tmp_path / "ppb.nii"), "ppb")
    assert (ppm[1], ppb[1]) == ("ppm", "ppb")
    np.testing.assert_allclose(ppm[0].data, ppb[0].data, rtol=1e-5)
    with pytest.raises(UnitError, match=r"ppb\.nii"):
        load_qsm(tmp_path / "ppb.nii", "ppm")


def test_a_constant_image_is_refused(tmp_path):
    path = _saved(Volume(np.full((4, 4, 4), 3, dtype=np.float32), np.eye(4)), tmp_path / "flat.nii")
    with pytest.raises(InputError, match=r"flat\.nii: every voxel is 3"):
        load_intensities(path)


def test_a_magnitude_on_another_grid_is_moved_and_said(qsm, flair, tmp_path):
    path = _saved(flair.magnitude, tmp_path / "mag.nii")
    loaded = load_on_qsm_grid(path, qsm.qsm)
    assert loaded.volume.shape == qsm.qsm.shape
    assert "not on the grid of the QSM" in loaded.warnings[0]
    same = load_on_qsm_grid(_saved(qsm.magnitude, tmp_path / "same.nii"), qsm.qsm)
    assert same.warnings == ()
    far = Volume(flair.magnitude.data, phantoms.rigid((0, 0, 0), (900, 0, 0)) @ flair.magnitude.affine)
    with pytest.raises(GridMismatchError, match=r"far\.nii.*do not meet"):
        load_on_qsm_grid(_saved(far, tmp_path / "far.nii"), qsm.qsm)


@pytest.mark.parametrize("space", ["QSM", "FLAIR"])
@pytest.mark.parametrize("flip", [False, True])
def test_the_grid_says_which_space_lesions_are_in(qsm, flair, tmp_path, space, flip):
    labels = (qsm if space == "QSM" else flair).labels
    path = _saved(flipped(labels, 0) if flip else labels, tmp_path / "dseg.nii")
    found = load_lesions(path, "instances", qsm.qsm, flair.flair, space)
    assert (found.space, found.warnings) == (space, ())
    np.testing.assert_array_equal(found.labels.data, labels.data)
    other = "FLAIR" if space == "QSM" else "QSM"
    contradicted = load_lesions(path, "instances", qsm.qsm, flair.flair, other)
    assert contradicted.space == space
    assert f"says {other} space" in contradicted.warnings[0]


def test_where_both_grids_are_one_the_name_decides(qsm, tmp_path):
    path = _saved(qsm.labels, tmp_path / "dseg.nii")
    assert load_lesions(path, "instances", qsm.qsm, qsm.flair, "FLAIR").space == "FLAIR"
    assert load_lesions(path, "instances", qsm.qsm, qsm.flair, "QSM").space == "QSM"
    assert load_lesions(path, "instances", qsm.qsm, qsm.flair, None).space == "QSM"


def test_a_map_on_neither_grid_is_refused(qsm, flair, tmp_path):
    path = _saved(Volume(np.zeros((5, 5, 5), dtype=np.int32), np.eye(4)), tmp_path / "lost_dseg.nii")
    with pytest.raises(GridMismatchError, match=r"lost_dseg\.nii.*neither"):
        load_lesions(path, "instances", qsm.qsm, flair.flair, "QSM")


def test_a_mask_is_numbered_and_instances_keep_their_labels(qsm, flair, tmp_path):
    mask = _saved(qsm.labels.with_data((qsm.labels.data > 0).astype(np.int32) * 255), tmp_path / "mask.nii")
    found = load_lesions(mask, "mask", qsm.qsm, flair.flair, "QSM")
    assert np.unique(found.labels.data).tolist() == [0, 1, 2, 3, 4]  # 2 and 3 touch
    assert found.warnings == ()
    instances = _saved(qsm.labels.with_data(qsm.labels.data * 70), tmp_path / "dseg.nii")
    kept = load_lesions(instances, "instances", qsm.qsm, flair.flair, "QSM")
    assert np.unique(kept.labels.data).tolist() == [0, 70, 140, 210, 280, 350]


def test_a_mask_named_instances_and_the_reverse_are_said(qsm, flair, tmp_path):
    mask = _saved(qsm.labels.with_data((qsm.labels.data > 0).astype(np.int32)), tmp_path / "one_dseg.nii")
    found = load_lesions(mask, "instances", qsm.qsm, flair.flair, "QSM")
    assert "one label in 4 separate pieces" in found.warnings[0]
    labels = _saved(qsm.labels, tmp_path / "five_mask.nii")
    assert "holds 5 labels" in load_lesions(labels, "mask", qsm.qsm, flair.flair, "QSM").warnings[0]


def test_maps_of_rims_may_hold_what_they_like(qsm, flair, tmp_path):
    drawn = qsm.labels.data
    for data in (np.isin(drawn, (1, 4)), np.where(np.isin(drawn, (1, 4)), 2, drawn > 0)):  # a mask, classes
        path = _saved(qsm.labels.with_data(data.astype(np.int32)), tmp_path / "rim.nii")
        found = load_lesions(path, "rims", qsm.qsm, flair.flair, "QSM")
        assert found.warnings == ()
        np.testing.assert_array_equal(found.labels.data, data)


def test_a_map_of_regions_is_doubted_and_a_speck_beside_a_lesion_is_not(qsm, flair, tmp_path):
    data = np.where(np.isin(qsm.labels.data, (1, 4)), 1, np.where(qsm.labels.data > 0, 2, 0))
    regions = _saved(qsm.labels.with_data(data.astype(np.int32)), tmp_path / "regions_dseg.nii")
    found = load_lesions(regions, "instances", qsm.qsm, flair.flair, "QSM")
    assert "2 label(s) lie in separate pieces and count as one lesion each (1, 2)" in found.warnings[0]
    speck = qsm.labels.data.copy()
    speck[2, 2, 2] = 1
    whole = _saved(qsm.labels.with_data(speck), tmp_path / "lesions_dseg.nii")
    assert load_lesions(whole, "instances", qsm.qsm, flair.flair, "QSM").warnings == ()


def test_lesions_outside_the_head(qsm, tmp_path):
    outside = np.zeros(qsm.labels.shape, dtype=np.int32)
    outside[:3, :3, :3] = 1
    check_inside_head(qsm.labels, qsm.brain_mask, tmp_path / "a.nii")
    check_inside_head(qsm.labels.with_data(0 * outside), qsm.brain_mask, tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"b\.nii: 100% of the lesion voxels lie outside"):
        check_inside_head(qsm.labels.with_data(outside), qsm.brain_mask, tmp_path / "b.nii")


# ---- brain masks ----
def test_a_given_mask_wins(qsm, flair, tmp_path):
    given = np.zeros(qsm.qsm.shape, dtype=np.int32)
    given[20:40, 20:40, 5:15] = 1
    path = _saved(qsm.qsm.with_data(given), tmp_path / "mask.nii")
    found = session_mask(qsm.qsm, qsm.magnitude, flair.flair, path)
    np.testing.assert_array_equal(found.mask.data, given > 0)


def test_a_given_mask_on_the_flair_is_carried_and_said(qsm, flair, tmp_path):
    path = _saved(flair.brain_mask, tmp_path / "mask.nii")
    found = session_mask(qsm.qsm, None, flair.flair, path)
    assert dice(found.mask.data, qsm.brain_mask.data) > 0.85
    assert "lies on the FLAIR" in found.warnings[0]


def test_a_given_mask_elsewhere_or_empty_is_refused(qsm, flair, tmp_path):
    elsewhere = _saved(Volume(np.ones((5, 5, 5), dtype=bool), np.eye(4)), tmp_path / "elsewhere.nii")
    with pytest.raises(GridMismatchError, match=r"elsewhere\.nii"):
        session_mask(qsm.qsm, None, flair.flair, elsewhere)
    empty = _saved(qsm.qsm.with_data(np.zeros(qsm.qsm.shape, dtype=bool)), tmp_path / "empty.nii")
    with pytest.raises(InputError, match=r"empty\.nii: this brain mask is empty"):
        session_mask(qsm.qsm, None, flair.flair, empty)


def test_without_a_mask_the_images_serve_in_turn(qsm, flair):
    unmasked = qsm.qsm.with_data(qsm.qsm.data + np.float32(0.5))
    masked = session_mask(qsm.qsm, qsm.magnitude, flair.flair, None)
    by_magnitude = session_mask(unmasked, qsm.magnitude, flair.flair, None)
    by_flair = session_mask(unmasked, None, flair.flair, None)
    assert masked.warnings == ()
    assert "from the magnitude" in by_magnitude.warnings[0]
    assert "head of the FLAIR" in by_flair.warnings[0]
    assert dice(masked.mask.data, qsm.brain_mask.data) > 0.99
    assert dice(by_magnitude.mask.data, qsm.brain_mask.data) > 0.95
    assert dice(by_flair.mask.data, qsm.brain_mask.data) > 0.85


def test_the_mask_of_the_bias_correction(qsm, flair):
    assert dice(mask_for_flair(qsm.brain_mask, flair.flair).data, flair.brain_mask.data) > 0.95
    far = Volume(flair.flair.data, phantoms.rigid((0, 0, 0), (500, 0, 0)) @ flair.flair.affine)
    assert dice(mask_for_flair(qsm.brain_mask, far).data, flair.brain_mask.data) > 0.95


def test_a_label_near_the_largest_number_takes_no_memory():
    data = np.zeros((12, 12, 12), dtype=np.int32)
    data[2, 2, 2:4] = 2_000_000_000
    data[8, 8, 8] = 2_000_000_001
    data[2, 8, 8] = 2_000_000_001
    (said,) = input_gate._instance_doubts(Volume(data, np.eye(4)), Path("m_dseg.nii.gz"))
    assert "1 label(s) lie in separate pieces and count as one lesion each (2000000001)" in said
