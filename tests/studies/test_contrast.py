import numpy as np
import pytest

from qsmrim_app.records import Volume
from studies.contrast import edge_profile, layer_contrast, measure_lesions, outer_layer, shell

SPACING = (0.75, 0.75, 3.0)


def _disc(radius, shape=(21, 21, 3)):
    i, j, _ = np.indices(shape)
    return np.hypot(i - 10, j - 10) <= radius


def test_the_layer_is_one_voxel_within_the_slice():
    lesion = np.zeros((5, 5, 3), dtype=bool)
    lesion[1:4, 1:4, 1] = True
    layer = outer_layer(lesion)
    assert layer.sum() == 8
    assert not layer[2, 2, 1]  # above and below it is outside, but not within its slice


def test_a_voxel_that_only_touches_the_outside_by_a_corner_is_no_layer():
    lesion = np.ones((4, 4, 1), dtype=bool)
    lesion[0, 0] = False
    assert not outer_layer(np.pad(lesion, ((1, 1), (1, 1), (0, 0)), constant_values=True))[2, 2, 0]


def test_the_border_of_the_image_is_outside():
    assert outer_layer(np.ones((3, 3, 1), dtype=bool)).sum() == 8


def test_a_neighbouring_lesion_is_outside():
    labels = np.zeros((6, 5, 1), dtype=np.int32)
    labels[:3], labels[3:] = 1, 2
    assert outer_layer(labels == 1)[2].all()


def test_layer_minus_rest_is_exact():
    lesion = np.zeros((5, 5, 1), dtype=bool)
    lesion[1:4, 1:4] = True
    values = np.full((5, 5, 1), 1000.0)  # outside: must not count
    values[1:4, 1:4, 0] = [[10, 20, 30], [40, 5, 60], [70, 80, 90]]
    assert layer_contrast(values, lesion) == pytest.approx(50 - 5)


def test_a_lesion_without_rest_has_no_contrast():
    lesion = np.zeros((5, 5, 1), dtype=bool)
    lesion[1:3, 1:4] = True
    assert np.isnan(layer_contrast(np.ones((5, 5, 1)), lesion))


def test_the_shell_leaves_out_two_millimetres_and_ends_at_five():
    lesion = np.zeros((15, 1, 5), dtype=bool)
    lesion[7, 0, 2] = True
    found = shell(lesion, (1.0, 1.0, 3.0))
    assert np.flatnonzero(found[:, 0, 2]).tolist() == [2, 3, 4, 10, 11, 12]
    assert found[7, 0].tolist() == [False, True, False, True, False]  # 6, 3, 0, 3, 6 mm away


def test_a_rim_is_measured_above_what_lies_around():
    lesion = _disc(4)
    rim = outer_layer(lesion)
    qsm = np.where(rim, 80.0, np.where(lesion, 30.0, -20.0)).astype(np.float32)
    labels = lesion.astype(np.int32) * 7
    found = measure_lesions(Volume(qsm, np.diag([*SPACING, 1])), Volume(labels, np.diag([*SPACING, 1])))
    assert list(found) == [7]
    assert found[7].layer_ppb == pytest.approx(50)
    assert found[7].surround_ppb == -20
    assert found[7].contrast_ppb == pytest.approx(qsm[lesion].mean() + 20)
    assert found[7].volume_mm3 == pytest.approx(lesion.sum() * 0.75 * 0.75 * 3)


def test_other_lesions_and_what_is_outside_the_brain_are_no_surroundings():
    lesion = _disc(3)
    labels = lesion.astype(np.int32)
    labels[:6][~lesion[:6]] = 2
    qsm = np.where(labels == 2, 500.0, 10.0).astype(np.float32)
    qsm[:, 14:] = 0
    affine = np.diag([*SPACING, 1])
    assert measure_lesions(Volume(qsm, affine), Volume(labels, affine))[1].surround_ppb == 10


def test_no_lesion_no_row():
    empty = np.zeros((4, 4, 4))
    volume = Volume(empty.astype(np.float32), np.eye(4))
    assert measure_lesions(volume, volume.with_data(empty.astype(np.int32))) == {}


def test_the_profile_finds_a_rim_just_inside_the_outline():
    lesion = _disc(5)
    values = np.where(outer_layer(lesion), 40.0, 0.0)
    profile = np.array(edge_profile(values, lesion, ~lesion, SPACING))
    assert np.flatnonzero(profile > 0).tolist() == [5]  # the bin from -0.75 to 0 mm
    assert 25 < profile[5] <= 40  # voxels that touch the outside by a corner lie in it too
