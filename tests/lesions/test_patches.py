"""Patches: centred, masked to one lesion, every value one of the image."""

import dataclasses

import numpy as np
import pytest

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.lesions.patches import extract_patches, is_cropped
from qsmrim_app.records import Case, SessionKey, Volume
from qsmrim_app.settings import PatchSettings

SMALL = PatchSettings(shape_vox=(6, 6, 4), margin_mm=0.0)


def _case(labels) -> Case:
    """QSM and FLAIR hold a different number in every voxel, none of them 0."""
    labels = np.asarray(labels, dtype=np.int32)
    qsm = 1 + np.arange(labels.size, dtype=np.float32).reshape(labels.shape)
    return Case(
        SessionKey("01"),
        Volume(qsm, np.eye(4)),
        Volume(-qsm, np.eye(4)),
        Volume(labels, np.eye(4)),
        Volume(np.ones(labels.shape, dtype=bool), np.eye(4)),
    )


def _patches(case, settings=SMALL):
    lesions = find_lesions(case.lesions)
    return lesions, extract_patches(case, lesions, settings)


def test_patch_holds_exactly_the_voxels_of_the_lesion():
    labels = np.zeros((12, 12, 10), dtype=np.int32)
    labels[4:7, 5:7, 3:5] = 1
    case = _case(labels)
    _, patches = _patches(case)
    assert patches.shape == (1, 2, 6, 6, 4)
    assert patches.dtype == np.float32
    assert sorted(patches[0, 0][patches[0, 0] != 0]) == sorted(case.qsm.data[labels == 1])
    np.testing.assert_array_equal(patches[0, 1], -patches[0, 0])


def test_centre_of_mass_lies_within_half_a_voxel_of_the_centre(rng):
    labels = np.zeros((20, 20, 16), dtype=np.int32)
    labels[7:10, 8:12, 6:8] = rng.random((3, 4, 2)) < 0.7
    _, patches = _patches(_case(labels))
    center = np.argwhere(patches[0, 0] != 0).mean(axis=0)
    assert np.abs(center - (np.array(SMALL.shape_vox) - 1) / 2).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("shift", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (2, 1, 0)])
def test_a_lesion_moved_by_a_voxel_gives_the_same_patch(shift):
    shape = np.zeros((14, 14, 12), dtype=np.int32)
    shape[5:8, 5:8, 4:7] = (
        1  # odd widths: the centre of mass is a voxel, the centre of the patch is between two
    )
    before, after = _case(shape), _case(np.roll(shape, shift, (0, 1, 2)))
    masks = [_patches(case)[1][0, 0] != 0 for case in (before, after)]
    np.testing.assert_array_equal(*masks)


def test_neighbours_inside_the_patch_are_zero():
    labels = np.zeros((12, 12, 10), dtype=np.int32)
    labels[4:6, 4:6, 4:6] = 1
    labels[6:8, 4:6, 4:6] = 2  # touches 1
    case = _case(labels)
    lesions, patches = _patches(case)
    assert [lesion.index for lesion in lesions] == [1, 2]
    for lesion, patch in zip(lesions, patches, strict=True):
        assert set(patch[0][patch[0] != 0]) == set(case.qsm.data[labels == lesion.index])


def test_rows_follow_the_lesions_asked_for():
    labels = np.zeros((12, 12, 10), dtype=np.int32)
    labels[2:4, 2:4, 2:4], labels[8:10, 8:10, 6:8] = 1, 2
    case = _case(labels)
    lesions, patches = _patches(case)
    np.testing.assert_array_equal(extract_patches(case, lesions[::-1], SMALL), patches[::-1])
    assert extract_patches(case, [], SMALL).shape == (0, 2, 6, 6, 4)


@pytest.mark.parametrize("corner", [0, -1])
def test_lesion_at_the_edge_of_the_volume(corner):
    labels = np.zeros((8, 8, 8), dtype=np.int32)
    labels[corner, corner, corner] = 3
    case = _case(labels)
    _, patches = _patches(case)
    assert patches[0, 0].sum() == case.qsm.data[corner, corner, corner]
    assert np.argwhere(patches[0, 0]).tolist() == [[2, 2, 1]]


def test_lesion_larger_than_the_patch_is_cropped_about_its_centre():
    labels = np.zeros((16, 8, 8), dtype=np.int32)
    labels[3:13, 3:5, 3:5] = 1  # 10 voxels along i, the patch has 6
    case = _case(labels)
    (lesion,), patches = _patches(case)
    assert is_cropped(lesion, SMALL)
    assert not is_cropped(lesion, PatchSettings(shape_vox=(10, 6, 4)))
    kept = patches[0, 0][patches[0, 0] != 0]
    assert sorted(kept) == sorted(case.qsm.data[5:11, 3:5, 3:5].ravel())


@pytest.mark.parametrize(("width", "cropped"), [(5, False), (6, False), (7, True)])
def test_cropping_starts_exactly_where_the_patch_ends(width, cropped):
    labels = np.zeros((16, 8, 8), dtype=np.int32)
    labels[4 : 4 + width, 3:5, 3:5] = 1
    (lesion,), patches = _patches(_case(labels))
    assert is_cropped(lesion, SMALL) is cropped
    assert bool((patches[0, 0] != 0).sum() < lesion.n_voxels) is cropped


def test_a_margin_shows_what_is_near_but_no_other_lesion():
    labels = np.zeros((14, 14, 10), dtype=np.int32)
    labels[6, 6, 5] = 1
    labels[8, 6, 5] = 2
    case = _case(labels)
    _, patches = _patches(case, PatchSettings(shape_vox=(8, 8, 6), margin_mm=2.0))
    i, j, k = np.indices(labels.shape)
    near = (i - 6) ** 2 + (j - 6) ** 2 + (k - 5) ** 2 <= 4
    expected = case.qsm.data[near & (labels != 2)]
    assert len(expected) == 32  # 33 lattice points lie within 2 of one; one of them is the other lesion
    assert sorted(patches[0, 0][patches[0, 0] != 0]) == sorted(expected)
    assert patches[0, 1][patches[0, 1] != 0].tolist() == [
        case.flair.data[6, 6, 5]
    ]  # the FLAIR shows the outline


def test_a_margin_is_in_millimetres_and_ends_at_the_image():
    labels = np.zeros((6, 6, 4), dtype=np.int32)
    labels[0, 3, 2] = 1
    case = _case(labels)
    thick = dataclasses.replace(
        case,
        **{
            name: Volume(getattr(case, name).data, np.diag([1, 1, 3, 1]))
            for name in ("qsm", "flair", "lesions", "brain_mask")
        },
    )
    _, patches = _patches(thick, PatchSettings(shape_vox=(8, 8, 6), margin_mm=1.0))
    seen = case.qsm.data[[0, 1, 0, 0], [3, 3, 2, 4], 2]  # no slice above or below: those are 3 mm away
    assert sorted(patches[0, 0][patches[0, 0] != 0]) == sorted(seen)
