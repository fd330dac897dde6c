import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from radiomics import imageoperations

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.bands import lesion_bands
from qsmrim_app.radiomic_features.crop import crop_lesion
from qsmrim_app.radiomic_features.vectorised.voxels import lesion_voxels
from qsmrim_app.records import Volume


def lesion_in(shape, box, label=1):
    labels = np.zeros(shape, dtype=np.int32)
    labels[tuple(slice(*side) for side in box)] = label
    volume = Volume(labels, np.eye(4))
    return volume, find_lesions(volume)[0]


def bands_of_whole_volume(data):
    """Name -> wavelet image of the whole volume, by pyradiomics."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.T))
    made = imageoperations.getWaveletImage(image, None, wavelet="coif1")
    return {name: sitk.GetArrayFromImage(band).T for band, name, _ in made}


def test_a_crop_in_the_middle_is_two_before_and_three_after():
    data = np.arange(20 * 20 * 20, dtype=np.float32).reshape(20, 20, 20)
    labels, lesion = lesion_in(data.shape, ((5, 8), (6, 9), (7, 12)))
    crop = crop_lesion(Volume(data, np.eye(4)), lesion_voxels(labels, [lesion]), 0)
    np.testing.assert_array_equal(crop.image, data[3:11, 4:12, 5:15])
    assert crop.start == (2, 2, 2)
    assert crop.mask.all()
    np.testing.assert_array_equal(crop.image[crop.box], data[5:8, 6:9, 7:12])


def test_an_odd_axis_is_evened_by_its_first_voxel():
    data = np.arange(9, dtype=np.float32).reshape(9, 1, 1) + np.zeros((9, 4, 4), dtype=np.float32)
    labels, lesion = lesion_in(data.shape, ((8, 9), (0, 1), (0, 1)))
    crop = crop_lesion(Volume(data, np.eye(4)), lesion_voxels(labels, [lesion]), 0)
    # Reads voxels 6 to 11 of an axis of period 10, where voxel 9 is voxel 0 again.
    np.testing.assert_array_equal(crop.image[:, 0, 0], [0, 1, 6, 7, 8, 0])
    assert crop.start[0] == 4


def test_the_mask_is_the_lesion_alone():
    labels = np.zeros((8, 8, 8), dtype=np.int32)
    labels[2:5, 2:5, 2:5] = 2_000_000_000
    labels[3, 3, 2:5] = 7  # a neighbour inside the other's box
    volume = Volume(labels, np.eye(4))
    seven, large = find_lesions(volume)
    crop = crop_lesion(Volume(np.zeros((8, 8, 8)), np.eye(4)), lesion_voxels(volume, [seven, large]), 1)
    assert (seven.index, large.index) == (7, 2_000_000_000)
    assert crop.mask.sum() == large.n_voxels == 24
    assert not crop.mask[1, 1].any()


@st.composite
def boxes(draw):
    shape = tuple(draw(st.integers(1, 17)) for _ in range(3))
    starts = [draw(st.integers(0, size - 1)) for size in shape]
    stops = [draw(st.integers(start + 1, size)) for start, size in zip(starts, shape, strict=True)]
    return shape, tuple(zip(starts, stops, strict=True))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(boxes())
def test_wavelet_of_the_crop_is_that_of_the_volume_to_the_last_bit(drawn):
    shape, box = drawn
    data = np.random.default_rng(0).normal(0, 50, shape).astype(np.float32)
    labels, lesion = lesion_in(shape, box)
    found = lesion_bands(crop_lesion(Volume(data, np.eye(4)), lesion_voxels(labels, [lesion]), 0), "coif1")
    expected = {"original": data} | bands_of_whole_volume(data)
    assert found.keys() == expected.keys()
    for name, band in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], band[lesion.slices], err_msg=name)


@pytest.mark.parametrize("axis", range(3))
def test_a_band_is_named_after_its_axes(axis):
    """An image that varies along one axis alone has nothing to high-pass along the others."""
    data = np.moveaxis(np.broadcast_to(np.sin(np.arange(12.0)), (12, 12, 12)), 2, axis)
    labels, lesion = lesion_in(data.shape, ((4, 8),) * 3)
    bands = lesion_bands(crop_lesion(Volume(data, np.eye(4)), lesion_voxels(labels, [lesion]), 0), "coif1")
    letters = ["L", "L", "L"]
    letters[axis] = "H"
    strong = {name for name, band in bands.items() if np.abs(band).max() > 1e-3}
    assert strong == {"original", "wavelet-LLL", "wavelet-" + "".join(letters)}
