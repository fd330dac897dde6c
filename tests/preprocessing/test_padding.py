from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from qsmrim_app.preprocessing.padding import above_zero, zero_padding
from qsmrim_app.records import Volume

FILE = Path("sub-01_FLAIR.nii.gz")
SHAPE = (40, 40, 30)


@pytest.fixture
def brain(rng):
    """Intensities around 100 in a box, 0 around it."""
    data = np.zeros(SHAPE, dtype=np.float32)
    data[8:32, 8:32, 6:24] = rng.normal(100, 10, (24, 24, 18))
    return Volume(data, np.eye(4))


@pytest.mark.parametrize("level", [-1, 1, 100, 4095, -1024.5])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_was_filled_in_becomes_0_and_is_said(brain, level, axis):
    cut = np.moveaxis(brain.data.copy(), axis, 0)
    cut[25:] = 0
    expected = np.moveaxis(cut.copy(), 0, axis)
    cut[25:] = level
    found, (said,) = zero_padding(brain.with_data(np.moveaxis(cut, 0, axis)), FILE)
    np.testing.assert_array_equal(found.data, expected)
    share = 1 - 25 / SHAPE[axis]
    assert said.startswith(
        f"sub-01_FLAIR.nii.gz: {share:.0%} of the voxels hold {level:.4g} without any noise"
    )


def test_an_image_without_padding_is_not_changed(brain):
    assert zero_padding(brain, FILE) == (brain, ())
    assert above_zero(brain, FILE) == (brain, ())


def test_saturated_and_quantised_tissue_is_no_padding(brain, rng):
    saturated = brain.with_data(np.minimum(brain.data, 90))
    saturated.data[12:28, 12:28, 8:22] = 255  # a lesion at the limit of the type, in the head
    coarse = Volume(rng.integers(1, 4, SHAPE).astype(np.float32), np.eye(4))  # air up to the faces
    for image in (saturated, coarse):
        assert zero_padding(image, FILE) == (image, ())


def test_an_image_of_nothing_but_padding_is_left(brain):
    image = brain.with_data(np.full(SHAPE, 7, dtype=np.float32))
    assert zero_padding(image, FILE) == (image, ())


@pytest.mark.parametrize("background", [0, -10])
def test_standardised_intensities_are_moved_above_0(brain, background):
    inside = brain.data != 0
    data = np.where(inside, (brain.data - 100) / 10, background).astype(np.float32)
    padded, _ = zero_padding(brain.with_data(data), FILE)
    found, (said,) = above_zero(padded, FILE)
    assert (found.data[~inside] == 0).all()
    assert found.data[inside].min() > 0
    differences = found.data[inside] - data[inside]
    assert np.isclose(differences, np.median(differences), rtol=1e-5).mean() > 0.998  # but the darkest
    assert "% of the values are negative, as where intensities were standardised" in said


def test_ringing_around_0_is_not_standardised(brain, rng):
    ringing = np.where(brain.data == 0, rng.normal(0, 0.5, SHAPE), brain.data).astype(np.float32)
    assert (ringing < 0).mean() > 0.3
    image = brain.with_data(ringing)
    assert above_zero(image, FILE) == (image, ())


@pytest.fixture
def smooth(rng):
    """Susceptibility in ppb up to the faces of the array: three boundaries, and smooth noise in between."""
    data = ndimage.gaussian_filter(rng.normal(0, 1, (60, 60, 60)), 3)
    data *= 25 / data.std()
    data[20:40, 20:40] += 60
    return Volume(data.astype(np.float32), np.eye(4))


@pytest.mark.parametrize("step", [10, 20])
def test_smooth_tissue_that_was_stored_in_steps_is_no_padding(smooth, step):
    stored = smooth.with_data(np.round(smooth.data / step) * np.float32(step))
    assert np.bincount(ndimage.label(stored.data == step)[0].ravel())[1:].max() > 1000
    assert zero_padding(stored, FILE) == (stored, ())


@pytest.mark.parametrize("limit", [10, 30])
@pytest.mark.parametrize("sign", [1, -1])
def test_saturated_tissue_up_to_the_faces_is_no_padding(smooth, limit, sign):
    saturated = smooth.with_data(sign * np.minimum(sign * smooth.data, np.float32(limit)))
    assert zero_padding(saturated, FILE, is_signed=True) == (saturated, ())


def test_the_lowest_value_of_a_signed_map_may_be_filled_in(smooth):
    filled = smooth.data.copy()
    filled[:, :, 40:] = -1000
    found, _ = zero_padding(smooth.with_data(filled), FILE, is_signed=True)
    assert (found.data[:, :, 40:] == 0).all()


@pytest.mark.parametrize("level", [-1000, 5000])
def test_what_interpolation_mixed_at_the_edge_goes_too(brain, level):
    data = np.where(brain.data == 0, np.float32(level), brain.data)
    moved = ndimage.shift(data, (0.4, 0, 0), order=1, mode="nearest").astype(np.float32)
    found, _ = zero_padding(brain.with_data(moved), FILE)
    assert (found.data[found.data != 0] > 0).all()
    assert found.data.max() < 200
    assert np.count_nonzero(found.data) == pytest.approx(np.count_nonzero(brain.data), rel=0.05)


def test_spikes_do_not_set_the_scale_of_standardised_intensities(brain):
    inside = brain.data != 0
    data = np.where(inside, (brain.data - 100) / 10, 0).astype(np.float32)
    data[20, 20, 10] = -1e4
    found, _ = above_zero(brain.with_data(data), FILE)
    assert np.ptp(found.data[inside]) < 10
