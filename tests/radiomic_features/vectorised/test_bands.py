import numpy as np
from hypothesis import given, settings

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.vectorised.bands import BANDS, band_values, crops
from qsmrim_app.radiomic_features.vectorised.voxels import lesion_voxels
from qsmrim_app.records import Volume
from tests.radiomic_features.blobs import BLOB, labelled
from tests.radiomic_features.test_crop import bands_of_whole_volume, boxes, lesion_in


def found_bands(data, labels, lesions):
    voxels = lesion_voxels(labels, lesions)
    values = band_values(*crops(data, voxels), voxels, data.shape, "coif1")
    return voxels, dict(zip(BANDS, values, strict=True))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(boxes())
def test_bands_are_those_of_the_whole_volume_to_the_last_bit(drawn):
    shape, box = drawn
    data = np.random.default_rng(0).normal(0, 50, shape).astype(np.float32)
    labels, lesion = lesion_in(shape, box)
    _, found = found_bands(data, labels, [lesion])
    expected = {"original": data} | bands_of_whole_volume(data)
    assert found.keys() == expected.keys()
    for name, band in expected.items():
        np.testing.assert_array_equal(found[name], band[lesion.slices].ravel(), err_msg=name)


def test_each_lesion_gets_its_own_voxels():
    shape = (19, 15, 9)
    labels = labelled(shape, (4, (0, 0, 0), BLOB), (2, (15, 12, 7), BLOB), (9, (6, 5, 3), BLOB[::-1]))
    data = np.random.default_rng(1).normal(0, 50, shape).astype(np.float32)
    lesions = find_lesions(labels)[::-1]
    voxels, found = found_bands(data, labels, lesions)
    whole = bands_of_whole_volume(data)
    for number, lesion in enumerate(lesions):
        inside = labels.data == lesion.index
        for name, band in whole.items():
            np.testing.assert_array_equal(found[name][voxels.lesion == number], band[inside], err_msg=name)


def test_a_large_volume_is_not_copied():
    """What is read is the boxes with their margin, not the image."""
    shape = (40, 40, 40)
    labels = labelled(shape, (1, (20, 20, 20), BLOB))
    voxels = lesion_voxels(labels, find_lesions(labels))
    values, first = crops(Volume(np.zeros(shape, dtype=np.float32), np.eye(4)).data, voxels)
    assert values.shape == ((4 + 5) * (3 + 5) * (2 + 5),)
    assert first.tolist() == [0]
