from pathlib import Path

import numpy as np
import pytest

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
    np.testing.assert_allclose(differences, differences.mean(), rtol=1e-5)
    assert "% of the values are negative, so the intensities were standardised" in said


def test_ringing_around_0_is_not_standardised(brain, rng):
    ringing = np.where(brain.data == 0, rng.normal(0, 0.5, SHAPE), brain.data).astype(np.float32)
    assert (ringing < 0).mean() > 0.3
    image = brain.with_data(ringing)
    assert above_zero(image, FILE) == (image, ())
