"""From masks to lesions."""

import numpy as np
import pytest

from qsmrim_app.lesions.labelling import find_lesions, label_lesions
from qsmrim_app.records import Volume
from tests import phantoms


def _volume(data, affine=None) -> Volume:
    return Volume(np.asarray(data), np.eye(4) if affine is None else affine)


@pytest.mark.parametrize(
    ("second", "n_lesions"),
    [((2, 1, 1), 1), ((2, 2, 1), 1), ((2, 2, 2), 1), ((3, 1, 1), 2), ((3, 2, 2), 2)],
    ids=["face", "edge", "corner", "gap", "diagonal gap"],
)
def test_lesions_join_at_faces_edges_and_corners(second, n_lesions):
    mask = np.zeros((5, 5, 5), dtype=bool)
    mask[1, 1, 1] = mask[second] = True
    labels = label_lesions(_volume(mask))
    assert labels.data.dtype == np.int32
    assert labels.data.max() == n_lesions
    assert (labels.data > 0).sum() == 2


def test_numbers_follow_the_array_order():
    mask = np.zeros((3, 3, 9), dtype=np.uint8)
    mask[0, 0, 8] = mask[0, 0, 0] = mask[2, 2, 4] = 7
    labels = label_lesions(_volume(mask)).data
    assert (labels[0, 0, 0], labels[0, 0, 8], labels[2, 2, 4]) == (1, 2, 3)


def test_touching_instances_stay_two_lesions_but_one_component_of_a_mask(case):
    assert [lesion.index for lesion in find_lesions(case.lesions)] == [1, 2, 3, 4, 5]
    joined = label_lesions(case.lesions)
    assert len(find_lesions(joined)) == 4
    assert len(np.unique(joined.data[np.isin(case.lesions.data, [2, 3])])) == 1


def test_empty_map_has_no_lesions():
    assert find_lesions(_volume(np.zeros((4, 4, 4), dtype=np.int32))) == []
    assert label_lesions(_volume(np.zeros((4, 4, 4), dtype=bool))).data.max() == 0


def test_map_without_background_is_one_lesion():
    (lesion,) = find_lesions(_volume(np.full((2, 3, 4), 9, dtype=np.int32)))
    assert (lesion.index, lesion.n_voxels, lesion.box) == (9, 24, ((0, 2), (0, 3), (0, 4)))


def test_labels_may_have_gaps_and_reach_the_end_of_int32():
    data = np.zeros((6, 6, 6), dtype=np.int32)
    data[0, 0, 0], data[2, 2, 2], data[4, 4, 4] = 300, 2**31 - 1, 5
    assert [(found.index, found.center_vox) for found in find_lesions(_volume(data))] == [
        (5, (4.0, 4.0, 4.0)),
        (300, (0.0, 0.0, 0.0)),
        (2**31 - 1, (2.0, 2.0, 2.0)),
    ]


def test_three_hundred_lesions_are_three_hundred():
    data = np.zeros((40, 40, 12), dtype=bool)
    data[::2, ::3, ::2][:20, :5, :3] = True
    labels = label_lesions(_volume(data))
    lesions = find_lesions(labels)
    assert [lesion.index for lesion in lesions] == list(range(1, 301))
    assert all(labels.data[tuple(map(int, lesion.center_vox))] == lesion.index for lesion in lesions)


def test_geometry_on_an_oblique_grid():
    affine = phantoms.centred_affine((8, 8, 8), (0.75, 1.0, 3.0), phantoms.OBLIQUE_DEG)
    data = np.zeros((8, 8, 8), dtype=np.int32)
    data[1:4, 2:4, 5] = 4
    data[1, 2, 5] = 0
    (lesion,) = find_lesions(_volume(data, affine))
    assert lesion.n_voxels == 5
    assert lesion.volume_mm3 == pytest.approx(5 * 0.75 * 1.0 * 3.0)
    assert lesion.center_vox == pytest.approx((11 / 5, 13 / 5, 5.0))
    np.testing.assert_allclose(lesion.center_mm, (affine @ [11 / 5, 13 / 5, 5, 1])[:3])
    assert lesion.box == ((1, 4), (2, 4), (5, 6))


def test_box_of_one_lesion_does_not_hold_the_voxels_of_another():
    data = np.zeros((5, 5, 5), dtype=np.int32)
    data[0:4, 0:4, 0:4] = 1
    data[1:3, 1:3, 1:3] = 2  # inside the box of 1
    first, second = find_lesions(_volume(data))
    assert (first.n_voxels, second.n_voxels) == (64 - 8, 8)
    assert first.center_vox == second.center_vox == (1.5, 1.5, 1.5)
