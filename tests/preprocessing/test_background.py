from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from qsmrim_app.preprocessing.background import keep_measured_zeros, zero_background
from qsmrim_app.records import Volume

FILE = Path("sub-01_Chimap.nii.gz")
SHAPE = (40, 40, 30)


@pytest.fixture
def brain(rng):
    """Susceptibility in ppm in a box, 0 around it."""
    data = np.zeros(SHAPE, dtype=np.float32)
    data[8:32, 8:32, 6:24] = rng.normal(0, 0.03, (24, 24, 18))
    return Volume(data, np.eye(4))


@pytest.mark.parametrize("level", [-0.5, -0.031, 0.25, 1e-4])
def test_a_constant_background_becomes_0_and_is_said(brain, level):
    inside = brain.data != 0
    exported = brain.with_data(np.where(inside, brain.data, np.float32(level)))
    found, (said,) = zero_background(exported, FILE)
    np.testing.assert_array_equal(found.data, brain.data)
    assert said.startswith(f"sub-01_Chimap.nii.gz: 78% of the voxels hold {level:g}; they were taken")


def test_an_export_that_was_padded_afterwards_has_two_backgrounds(brain):
    data = np.where(brain.data != 0, brain.data, np.float32(-0.5))
    large = np.full((192, 192, 60), 0.25, dtype=np.float32)  # so large that not every voxel is looked at
    large[40:160, 40:160, 10:50] = -0.5
    large[60:100, 60:100, 15:45] = data
    found, said = zero_background(Volume(large, np.eye(4)), FILE)
    assert len(said) == 2
    np.testing.assert_array_equal(found.data[60:100, 60:100, 15:45], brain.data)
    assert np.count_nonzero(found.data) == np.count_nonzero(brain.data)


def test_the_limits_of_a_clipped_map_are_no_background(brain, rng):
    noise = np.where(brain.data != 0, brain.data, rng.normal(0, 0.6, SHAPE))
    for limit in (0.2, 0.05):
        clipped = brain.with_data(np.clip(noise, -limit, limit).astype(np.float32))
        assert np.isin(clipped.data, np.float32([-limit, limit])).mean() > 0.4
        assert zero_background(clipped, FILE) == (clipped, ())


def test_a_frequent_value_that_is_scattered_is_no_background(brain, rng):
    scattered = np.where(rng.random(SHAPE) < 0.25, np.float32(0.07), brain.data + 1e-3)
    volume = brain.with_data(scattered.astype(np.float32))
    found, _ = zero_background(volume, FILE)
    assert (found.data[scattered == np.float32(0.07)] != 0).all()


def test_values_of_tissue_that_are_next_to_the_background_stay(brain):
    data = np.where(brain.data != 0, brain.data, np.float32(-0.03))
    data[20, 20, 10:13] = -0.03 + 1e-7
    found, _ = zero_background(brain.with_data(data), FILE)
    assert (found.data[20, 20, 10:13] != 0).all()


@pytest.mark.parametrize("level", [0.0, -0.02])
def test_a_nearly_constant_background_becomes_0(brain, level, rng):
    inside = brain.data != 0
    filtered = np.where(inside, brain.data, level + rng.normal(0, 1e-6, SHAPE)).astype(np.float32)
    filtered[20, 20, 10] = level + 1e-7  # tissue may have the value
    found, (said,) = zero_background(brain.with_data(filtered), FILE)
    np.testing.assert_array_equal(found.data[~inside], 0)
    assert found.data[20, 20, 10] == np.float32(level + 1e-7)
    assert (found.data[inside] != 0).mean() > 0.99
    assert "of the voxels hold nearly " in said


def test_what_is_masked_or_not_masked_at_all_stays_as_it_is(brain, rng):
    noisy = brain.with_data(
        np.where(brain.data != 0, brain.data, rng.normal(0, 0.15, SHAPE)).astype(np.float32)
    )
    coarse = brain.with_data(
        np.round(brain.data, 2)
    )  # 0.01 ppm a step: the value 0 is frequent in tissue too
    whole = brain.with_data(rng.normal(0, 0.03, SHAPE).astype(np.float32))
    constant = brain.with_data(np.full(SHAPE, 7, dtype=np.float32))
    for volume in (brain, noisy, coarse, whole, constant):
        assert zero_background(volume, FILE) == (volume, ())


def test_tissue_that_was_rounded_to_0_is_measured(brain):
    whole_ppb = np.rint(brain.data * 1000).astype(np.float32)
    whole_ppb[20:23, 20:23, 10:13] = 0  # a hole: 27 voxels
    stored = brain.with_data(whole_ppb)
    rounded = (brain.data != 0) & (whole_ppb == 0)
    rounded[20:23, 20:23, 10:13] = False
    hole = np.zeros(SHAPE, dtype=bool)
    hole[20:23, 20:23, 10:13] = True
    found, said = keep_measured_zeros(stored, FILE)
    assert said == ()
    apart = rounded & ~ndimage.binary_dilation(hole | (brain.data == 0), iterations=4)
    assert apart.sum() > 15
    assert (found.data[apart] != 0).all()
    assert (found.data[hole | (brain.data == 0)] == 0).all()
    np.testing.assert_allclose(found.data, whole_ppb, atol=0.002)


def test_a_map_that_was_not_stored_in_steps_is_not_changed(rng):
    data = rng.normal(0, 0.03, (60, 60, 60)).astype(np.float32)
    data[10, 10, 10] = 0
    volume = Volume(data, np.eye(4))
    assert keep_measured_zeros(volume, FILE) == (volume, ())


def test_coarse_steps_are_said(brain):
    stored = brain.with_data((0.01 * np.rint(brain.data / 0.01)).astype(np.float32))
    _, (said,) = keep_measured_zeros(stored, FILE)
    assert said.startswith(
        "sub-01_Chimap.nii.gz: the map is stored in steps of 0.01, coarse against its spread"
    )
